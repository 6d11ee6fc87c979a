"""What reviews of views and of sign-ins have in common: who may judge what, judging, signing, and how a review looks in JSON.

Which rules count follows from the stored kind of a review, never from a request: under the routes of one kind, reviews of the other do
not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.access import Asker
from api.acting import person, record
from api.parts import ApiParts
from api.routers.shapes import Body, LongText, instant
from vms.db import reviews, users
from vms.db.reviews import Item, Judgement, NewReview, Review, ReviewKind, Verdict
from vms.errors import Denied, InvalidInput, NotFound
from vms.ledger import search
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Value
from vms.ledger.search import StoredEntry
from vms.model import Span, UserId


class Said(Body):
    """What is said of one entry."""

    verdict: Verdict
    remark: LongText | None = None


class Signature(Body):
    """The sign-off."""

    remark: LongText | None = None


def stored(conn: Connection, review_id: str, kind: ReviewKind) -> Review:
    """Return a review of a kind.

    Raises:
        NotFound: there is none, or it is of another kind.
    """
    found = reviews.get(conn, review_id)
    if found.kind is not kind:
        raise NotFound(f"there is no review of {kind} {review_id}", code="review.unknown")
    return found


@dataclass(frozen=True, slots=True)
class Opened:
    """A review that somebody looks at.

    Args:
        drawn: what was drawn, each with its entry.
        names: what people are called.
    """

    review: Review
    drawn: tuple[tuple[Item, StoredEntry], ...]
    names: Mapping[UserId, str]


def opened(parts: ApiParts, asker: Asker, kind: ReviewKind, review_id: str) -> Opened:
    """Return a review of a kind, and write down that somebody looked at it.

    Raises:
        NotFound: there is none, or it is of another kind.
    """
    with parts.db.read() as conn:
        names, found = names_of(conn), stored(conn, review_id, kind)
        drawn = tuple((item, search.get(conn, item.seq)) for item in reviews.items(conn, review_id))
    with parts.db.write() as conn:
        words: dict[str, Value] = {"scope": "review", "review_id": review_id, "entries": len(drawn)}
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), words)
    return Opened(found, drawn, names)


def refuse_unfinished(period: Span, now: datetime) -> None:
    """Refuse to draw of what still goes on: it would change after the draw."""
    if period.end_at > now:
        raise InvalidInput("a sample is drawn of what is over", code="review.period")


def store(parts: ApiParts, asker: Asker, new: NewReview, words: dict[str, Value]) -> dict[str, Any]:
    """Store a review that was drawn, and what the ledger keeps of the draw; return its id as JSON."""
    with parts.db.write() as conn:
        reviews.add(conn, new)
        record(parts.ledger, conn, Act.REVIEW_DRAW, person(asker.subject, asker.decision), words)
    return {"id": new.id}


def judge(parts: ApiParts, asker: Asker, kind: ReviewKind, review_id: str, *, seq: int, said: Said) -> dict[str, Any]:
    """Say that an entry is in order, or what is wrong; until the review is signed it may be said again."""
    remark, user_id = (said.remark or "").strip() or None, asker.subject.user_id
    with parts.db.write() as conn:
        found = stored(conn, review_id, kind)
        _refuse_judging(found, reviews.item(conn, review_id, seq), user_id)
        if said.verdict is Verdict.FINDING and remark is None:
            raise InvalidInput("a finding says what is wrong", code="review.remark")
        reviews.judge(conn, review_id, seq, Judgement(said.verdict, remark, user_id, parts.clock.now()))
        words: dict[str, Value] = {"review_id": review_id, "entry": seq, "verdict": said.verdict.value}
        words["remark"] = None if remark is None else Private(remark)
        record(parts.ledger, conn, Act.REVIEW_MARK, person(asker.subject, asker.decision), words)
        return shape(reviews.get(conn, review_id), names_of(conn))


def sign(parts: ApiParts, asker: Asker, kind: ReviewKind, review_id: str, said: Signature) -> dict[str, Any]:
    """Sign a review of which everything was judged; nothing of it can be changed from then on."""
    remark = (said.remark or "").strip() or None
    with parts.db.write() as conn:
        if stored(conn, review_id, kind).drawn_by != asker.subject.user_id:
            raise _not_yours()
        reviews.sign(conn, review_id, remark, parts.clock.now())
        found = reviews.get(conn, review_id)
        answers: list[Value] = [
            [item.seq, None if item.verdict is None else item.verdict.value, item.remark and Private(item.remark)]
            for item in reviews.items(conn, review_id)
        ]
        words: dict[str, Value] = {
            "review_id": review_id,
            "kind": kind.value,
            "from": found.period.start_at,
            "to": found.period.end_at,
            "sample": found.drawn,
            "findings": found.findings,
            "answers": answers,
            "remark": None if remark is None else Private(remark),
        }
        record(parts.ledger, conn, Act.REVIEW_SIGN, person(asker.subject, asker.decision), words)
        return shape(found, names_of(conn))


def may_judge(found: Review, item: Item, user_id: UserId) -> bool:
    """Return whether somebody may judge an entry: who drew it, and the own sign-ins of who drew it anybody else."""
    if item.about == user_id:
        return False
    return found.drawn_by in (user_id, item.about)


def _refuse_judging(found: Review, item: Item, user_id: UserId) -> None:
    if item.about == user_id:
        raise Denied("nobody judges the own sign-ins", code="review.own-sign-in")
    if not may_judge(found, item, user_id):
        raise _not_yours()


def _not_yours() -> Denied:
    return Denied("somebody else drew this sample", code="review.not-yours")


def names_of(conn: Connection) -> dict[UserId, str]:
    """Return what people are called."""
    return {account.id: account.display_name for account in users.list_all(conn)}


def shape(found: Review, names: Mapping[UserId, str]) -> dict[str, Any]:
    """Return a review as the pages get it."""
    return {
        "id": found.id,
        "kind": found.kind.value,
        "by": names.get(found.drawn_by, found.drawn_by),
        "drawn_at": instant(found.drawn_at),
        "from": instant(found.period.start_at),
        "to": instant(found.period.end_at),
        "seed": found.seed,
        "sample": found.sample,
        "population": found.population,
        "drawn": found.drawn,
        "judged": found.judged,
        "findings": found.findings,
        "remark": found.remark,
        "signed_at": instant(found.signed_at),
    }
