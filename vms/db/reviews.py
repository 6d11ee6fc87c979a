"""Reviews of views and of sign-ins: a sample drawn by a seed, a judgement of each entry, and a signature."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from vms.db.tables import access_review, access_review_item
from vms.errors import Conflict, NotFound
from vms.model import Span, UserId


class ReviewKind(StrEnum):
    """What a review is of."""

    VIEWS = "views"
    SIGN_INS = "sign-ins"


class Verdict(StrEnum):
    """What a reviewer says of an entry."""

    IN_ORDER = "in-order"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of an entry of the sample."""

    verdict: Verdict
    remark: str | None
    judged_by: UserId
    judged_at: datetime


@dataclass(frozen=True, slots=True)
class NewItem:
    """An entry that was drawn.

    Args:
        about: whose sign-in it is; None in a review of views.
        reasons: why a sign-in was drawn; none in a review of views.
    """

    seq: int
    about: str | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the sample, and what was said of it so far.

    Args:
        about, reasons: as in `NewItem`.
    """

    seq: int
    verdict: Verdict | None
    remark: str | None
    judged_at: datetime | None
    about: str | None
    reasons: tuple[str, ...]
    judged_by: UserId | None


@dataclass(frozen=True, slots=True)
class Review:
    """A review.

    Args:
        sample: how many were asked for.
        population: from how many they were drawn.
        drawn, judged, findings: how many there are of each.
    """

    id: str
    kind: ReviewKind
    drawn_by: UserId
    drawn_at: datetime
    period: Span
    seed: str
    sample: int
    population: int
    remark: str | None
    signed_at: datetime | None
    drawn: int
    judged: int
    findings: int


@dataclass(frozen=True, slots=True)
class NewReview:
    """A review that begins."""

    id: str
    kind: ReviewKind
    drawn_by: UserId
    drawn_at: datetime
    period: Span
    seed: str
    sample: int
    population: int
    items: Sequence[NewItem]


def add(conn: Connection, new: NewReview) -> None:
    """Store a draw."""
    conn.execute(
        insert(access_review).values(
            id=new.id,
            kind=new.kind.value,
            drawn_by=new.drawn_by,
            drawn_at=new.drawn_at,
            start_at=new.period.start_at,
            end_at=new.period.end_at,
            seed=new.seed,
            sample=new.sample,
            population=new.population,
        )
    )
    rows = [
        {"review_id": new.id, "seq": one.seq, "about": one.about, "reasons": " ".join(one.reasons) or None}
        for one in new.items
    ]
    conn.execute(insert(access_review_item), rows)


def judge(conn: Connection, review_id: str, seq: int, judgement: Judgement) -> None:
    """Store what is said of an entry; it may be said again until the review is signed.

    Raises:
        NotFound: the entry is not in the sample.
        Conflict: the review is signed, or the entry is about who judges.
    """
    statement = (
        update(access_review_item)
        .where(access_review_item.c.review_id == review_id, access_review_item.c.seq == seq)
        .values(
            verdict=judgement.verdict.value,
            remark=judgement.remark,
            judged_by=judgement.judged_by,
            judged_at=judgement.judged_at,
        )
    )
    if _locked(conn, review_id).signed_at is not None:
        raise Conflict(f"review {review_id} is signed", code="review.signed")
    if conn.execute(statement).rowcount == 0:
        raise _not_in(review_id, seq)


def sign(conn: Connection, review_id: str, remark: str | None, at: datetime) -> None:
    """Sign a review; nothing of it can be changed from then on.

    Raises:
        Conflict: it is signed, or something in it was not judged.
    """
    found = _locked(conn, review_id)
    if found.signed_at is not None:
        raise Conflict(f"review {review_id} is signed", code="review.signed")
    if found.judged < found.drawn:
        raise Conflict(
            f"{found.drawn - found.judged} of the sample are not judged",
            code="review.unjudged" if found.kind is ReviewKind.VIEWS else "review.unjudged-sign-ins",
            count=found.drawn - found.judged,
        )
    conn.execute(update(access_review).where(access_review.c.id == review_id).values(remark=remark, signed_at=at))


def get(conn: Connection, review_id: str) -> Review:
    """Return a review.

    Raises:
        NotFound: there is none.
    """
    row = conn.execute(_counted().where(access_review.c.id == review_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no review {review_id}", code="review.unknown")
    return _from_row(row)


def _locked(conn: Connection, review_id: str) -> Review:
    """Return a review that nobody else judges or signs until this transaction ends."""
    conn.execute(select(access_review.c.id).where(access_review.c.id == review_id).with_for_update())
    return get(conn, review_id)


def list_all(conn: Connection, kind: ReviewKind) -> list[Review]:
    """Return all reviews of a kind, newest first."""
    query = _counted().where(access_review.c.kind == kind.value)
    return [_from_row(row) for row in conn.execute(query.order_by(access_review.c.drawn_at.desc()))]


def last_signed(conn: Connection, kind: ReviewKind) -> Review | None:
    """Return the review of a kind that was signed last, or None."""
    query = _counted().where(access_review.c.kind == kind.value, access_review.c.signed_at.is_not(None))
    row = conn.execute(query.order_by(access_review.c.signed_at.desc()).limit(1)).one_or_none()
    return None if row is None else _from_row(row)


def items(conn: Connection, review_id: str) -> list[Item]:
    """Return a review's sample, in the ledger's order."""
    query = select(access_review_item).where(access_review_item.c.review_id == review_id)
    return [_item(row) for row in conn.execute(query.order_by(access_review_item.c.seq))]


def item(conn: Connection, review_id: str, seq: int) -> Item:
    """Return one entry of a review's sample.

    Raises:
        NotFound: it is not in the sample.
    """
    own = access_review_item.c
    row = conn.execute(select(access_review_item).where(own.review_id == review_id, own.seq == seq)).one_or_none()
    if row is None:
        raise _not_in(review_id, seq)
    return _item(row)


def _not_in(review_id: str, seq: int) -> NotFound:
    return NotFound(f"entry {seq} is not in review {review_id}", code="review.unknown")


def _item(row: Row[Any]) -> Item:
    return Item(
        row.seq,
        None if row.verdict is None else Verdict(row.verdict),
        row.remark,
        row.judged_at,
        row.about,
        () if row.reasons is None else tuple(row.reasons.split()),
        row.judged_by,
    )


def _counted() -> Any:
    own = access_review_item.c
    counts = (
        select(
            own.review_id,
            func.count().label("drawn"),
            func.count(own.verdict).label("judged"),
            func.count().filter(own.verdict == Verdict.FINDING.value).label("findings"),
        )
        .group_by(own.review_id)
        .subquery()
    )
    return select(access_review, counts.c.drawn, counts.c.judged, counts.c.findings).join(
        counts, counts.c.review_id == access_review.c.id
    )


def _from_row(row: Row[Any]) -> Review:
    return Review(
        row.id,
        ReviewKind(row.kind),
        row.drawn_by,
        row.drawn_at,
        Span(row.start_at, row.end_at),
        row.seed,
        row.sample,
        row.population,
        row.remark,
        row.signed_at,
        row.drawn,
        row.judged,
        row.findings,
    )
