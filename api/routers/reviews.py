"""Reviewing who watched what: an auditor's seed draws the sample, the auditor judges each view and signs."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field

from api.access import Asker
from api.errors import language_of
from api.gate import Allow, writes
from api.pages.texts import act_text
from api.reviewing import Said, Signature, names_of, opened, refuse_unfinished, shape, store
from api.reviewing import judge as judge_entry
from api.reviewing import sign as sign_review
from api.routers.shapes import Body, Identifier, Moment, instant, span_of
from api.running import running_of
from config.policy import Action
from vms.db import placements, reviews
from vms.db.reviews import Item, NewItem, NewReview, ReviewKind
from vms.errors import InvalidInput
from vms.ledger import sampling
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.ledger.search import StoredEntry
from vms.model import UserId

router = APIRouter(prefix="/api/reviews", tags=["reviews"])

MayReview = Annotated[Asker, Depends(Allow(Action.REVIEW_CONDUCT))]
EntryNumber = Annotated[int, Path(ge=0, le=2**53)]
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


@router.post("", openapi_extra=writes(Act.REVIEW_DRAW))
def begin(body: NewDraw, asker: MayReview, request: Request) -> dict[str, Any]:
    """Draw a sample of a period that is over; the same seed draws the same with `vms-audit access`."""
    parts = running_of(request).parts
    period = span_of(body.from_at, body.to_at, LONGEST)
    now = parts.clock.now()
    refuse_unfinished(period, now)
    # Before anything is written: nobody waits for a walk over years of entries.
    drawn = sampling.draw(parts.db, period, body.seed, body.sample)
    if not drawn.seqs:
        raise InvalidInput("nobody watched anything in this period", code="review.nothing")
    review_id = f"r-{secrets.token_hex(8)}"
    items = [NewItem(seq) for seq in drawn.seqs]
    words: dict[str, Value] = {
        "review_id": review_id,
        "from": period.start_at,
        "to": period.end_at,
        "seed": body.seed,
        "sample": body.sample,
        "population": drawn.population,
        "entries": list(drawn.seqs),
    }
    user_id = asker.subject.user_id
    new = NewReview(review_id, ReviewKind.VIEWS, user_id, now, period, body.seed, body.sample, drawn.population, items)
    return store(parts, asker, new, words)


@router.get("", openapi_extra=writes())
def list_reviews(asker: MayReview, request: Request) -> list[dict[str, Any]]:
    """List all reviews of views, newest first; unfinished ones too."""
    del asker
    with running_of(request).parts.db.read() as conn:
        names = names_of(conn)
        return [shape(one, names) for one in reviews.list_all(conn, ReviewKind.VIEWS)]


@router.get("/{review_id}", openapi_extra=writes(Act.AUDIT_READ))
def show(review_id: Identifier, asker: MayReview, request: Request) -> dict[str, Any]:
    """Show a review with the entries of its sample."""
    parts = running_of(request).parts
    language = language_of(request, parts.settings.default_language)
    found = opened(parts, asker, ReviewKind.VIEWS, review_id)
    with parts.db.read() as conn:
        places: dict[str, str] = {str(one.id): one.name for one in placements.list_all(conn)}
    shown = [
        _item(item, entry, found.names)
        | {"act_text": act_text(language, entry.act.value), "cameras": _cameras(entry, places)}
        for item, entry in found.drawn
    ]
    is_mine = found.review.drawn_by == asker.subject.user_id
    return shape(found.review, found.names) | {"items": shown, "is_mine": is_mine}


@router.post("/{review_id}/entries/{seq}", openapi_extra=writes(Act.REVIEW_MARK))
def judge(review_id: Identifier, seq: EntryNumber, body: Said, asker: MayReview, request: Request) -> dict[str, Any]:
    """Say that a view is in order, or what is wrong; until the review is signed it may be said again."""
    return judge_entry(running_of(request).parts, asker, ReviewKind.VIEWS, review_id, seq=seq, said=body)


@router.post("/{review_id}/sign", openapi_extra=writes(Act.REVIEW_SIGN))
def sign(review_id: Identifier, body: Signature, asker: MayReview, request: Request) -> dict[str, Any]:
    """Sign a review of which everything was judged; nothing of it can be changed from then on."""
    return sign_review(running_of(request).parts, asker, ReviewKind.VIEWS, review_id, body)


def _cameras(entry: StoredEntry, places: Mapping[str, str]) -> list[str]:
    several = entry.object.get("placement_ids") or [entry.object.get("placement_id")]
    return [places.get(one, one) for one in several if one]


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
