"""Reviewing who watched what: an auditor's seed draws the sample, the auditor judges each view and signs."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field

from api.access import Asker
from api.acting import person, record
from api.errors import language_of
from api.gate import Allow, writes
from api.pages.texts import act_text
from api.routers.shapes import Body, Identifier, LongText, Moment, instant, span_of
from api.running import running_of
from config.policy import Action
from vms.db import placements, reviews, users
from vms.db.reviews import Item, NewReview, Review, Verdict
from vms.errors import Denied, InvalidInput
from vms.ledger import sampling, search
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Value
from vms.ledger.search import StoredEntry
from vms.model import UserId

router = APIRouter(prefix="/api/reviews", tags=["reviews"])

MayReview = Annotated[Asker, Depends(Allow(Action.REVIEW_CONDUCT))]
LONGEST: Final = timedelta(days=400)
"""A year and what a late auditor needs."""
MOST: Final = 200


class NewDraw(Body):
    """What a sample is drawn by."""

    from_at: Annotated[Moment, Field(alias="from")]
    to_at: Annotated[Moment, Field(alias="to")]
    # Letters and figures: it stands in the ledger as it is, so that the draw can be redone for ever.
    seed: Identifier
    sample: Annotated[int, Field(ge=1, le=MOST)]


class Judgement(Body):
    """What is said of one view."""

    verdict: Verdict
    remark: LongText | None = None


class Signature(Body):
    """The sign-off."""

    remark: LongText | None = None


@router.post("", openapi_extra=writes(Act.REVIEW_DRAW))
def begin(body: NewDraw, asker: MayReview, request: Request) -> dict[str, Any]:
    """Draw a sample of a period that is over; the same seed draws the same with `vms-audit access`."""
    parts = running_of(request).parts
    period = span_of(body.from_at, body.to_at, LONGEST)
    now = parts.clock.now()
    if period.end_at > now:
        raise InvalidInput("a sample is drawn of what is over", code="review.period")
    with parts.db.write() as conn:
        drawn = sampling.draw(conn, period, body.seed, body.sample)
        if not drawn.seqs:
            raise InvalidInput("nobody watched anything in this period", code="review.nothing")
        review_id = f"r-{secrets.token_hex(8)}"
        user_id = asker.subject.user_id
        reviews.add(
            conn, NewReview(review_id, user_id, now, period, body.seed, body.sample, drawn.population, drawn.seqs)
        )
        words: dict[str, Value] = {
            "review_id": review_id,
            "from": period.start_at,
            "to": period.end_at,
            "seed": body.seed,
            "sample": body.sample,
            "population": drawn.population,
            "entries": list(drawn.seqs),
        }
        record(parts.ledger, conn, Act.REVIEW_DRAW, person(asker.subject, asker.decision), words)
    return {"id": review_id}


@router.get("", openapi_extra=writes())
def list_reviews(asker: MayReview, request: Request) -> list[dict[str, Any]]:
    """List all reviews, newest first; unfinished ones too."""
    del asker
    with running_of(request).parts.db.read() as conn:
        names = _names(users.list_all(conn))
        return [_review(one, names) for one in reviews.list_all(conn)]


@router.get("/{review_id}", openapi_extra=writes(Act.AUDIT_READ))
def show(review_id: Identifier, asker: MayReview, request: Request) -> dict[str, Any]:
    """Show a review with the entries of its sample."""
    parts = running_of(request).parts
    language = language_of(request, parts.settings.default_language)
    with parts.db.read() as conn:
        names = _names(users.list_all(conn))
        found = reviews.get(conn, review_id)
        drawn = reviews.items(conn, review_id)
        entries = [search.get(conn, item.seq) for item in drawn]
        places: dict[str, str] = {str(one.id): one.name for one in placements.list_all(conn)}
    with parts.db.write() as conn:
        words: dict[str, Value] = {"scope": "review", "review_id": review_id, "entries": len(drawn)}
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), words)
    shown = [
        _item(item, entry, names)
        | {"act_text": act_text(language, entry.act.value), "cameras": _cameras(entry, places)}
        for item, entry in zip(drawn, entries, strict=True)
    ]
    return _review(found, names) | {"items": shown, "is_mine": found.drawn_by == asker.subject.user_id}


@router.post("/{review_id}/entries/{seq}", openapi_extra=writes(Act.REVIEW_MARK))
def judge(
    review_id: Identifier,
    seq: Annotated[int, Path(ge=0, le=2**53)],
    body: Judgement,
    asker: MayReview,
    request: Request,
) -> dict[str, Any]:
    """Say that a view is in order, or what is wrong; until the review is signed it may be said anew."""
    parts = running_of(request).parts
    remark = (body.remark or "").strip() or None
    with parts.db.write() as conn:
        _own(reviews.get(conn, review_id), asker)
        if body.verdict is Verdict.FINDING and remark is None:
            raise InvalidInput("a finding says what is wrong", code="review.remark")
        reviews.judge(conn, review_id, Item(seq, body.verdict, remark, parts.clock.now()))
        words: dict[str, Value] = {"review_id": review_id, "entry": seq, "verdict": body.verdict.value}
        words["remark"] = None if remark is None else Private(remark)
        record(parts.ledger, conn, Act.REVIEW_MARK, person(asker.subject, asker.decision), words)
        return _review(reviews.get(conn, review_id), _names(users.list_all(conn)))


@router.post("/{review_id}/sign", openapi_extra=writes(Act.REVIEW_SIGN))
def sign(review_id: Identifier, body: Signature, asker: MayReview, request: Request) -> dict[str, Any]:
    """Sign a review of which everything was judged; nothing of it can be changed from then on."""
    parts = running_of(request).parts
    remark = (body.remark or "").strip() or None
    with parts.db.write() as conn:
        _own(reviews.get(conn, review_id), asker)
        reviews.sign(conn, review_id, remark, parts.clock.now())
        found = reviews.get(conn, review_id)
        answers: list[Value] = [
            [item.seq, None if item.verdict is None else item.verdict.value, item.remark and Private(item.remark)]
            for item in reviews.items(conn, review_id)
        ]
        words: dict[str, Value] = {
            "review_id": review_id,
            "from": found.period.start_at,
            "to": found.period.end_at,
            "sample": found.drawn,
            "findings": found.findings,
            "answers": answers,
            "remark": None if remark is None else Private(remark),
        }
        record(parts.ledger, conn, Act.REVIEW_SIGN, person(asker.subject, asker.decision), words)
        return _review(found, _names(users.list_all(conn)))


def _own(found: Review, asker: Asker) -> None:
    if found.drawn_by != asker.subject.user_id:
        raise Denied("somebody else drew this sample", code="review.not-yours")


def _names(accounts: list[users.Account]) -> dict[UserId, str]:
    return {account.id: account.display_name for account in accounts}


def _cameras(entry: StoredEntry, places: Mapping[str, str]) -> list[str]:
    several = entry.object.get("placement_ids") or [entry.object.get("placement_id")]
    return [places.get(one, one) for one in several if one]


def _review(found: Review, names: Mapping[UserId, str]) -> dict[str, Any]:
    return {
        "id": found.id,
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


def _item(item: Item, entry: StoredEntry, names: Mapping[UserId, str]) -> dict[str, Any]:
    actor = entry.document["actor"]
    return {
        "seq": item.seq,
        "at": instant(entry.at),
        "act": entry.act.value,
        "actor": {"id": actor["id"], "name": names.get(actor["id"], actor["id"]), "role": actor["role"]},
        "object": entry.object,
        "purpose": entry.revealed("purpose"),
        "recipient": entry.revealed("recipient"),
        "origin": entry.document["origin"],
        "verdict": None if item.verdict is None else item.verdict.value,
        "remark": item.remark,
    }
