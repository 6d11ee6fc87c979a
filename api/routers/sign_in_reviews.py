"""Reviewing sign-ins: the police supervisor judges a month's sample (failures, other addresses, odd hours) and signs by the 15th."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from api.access import Asker
from api.errors import language_of
from api.gate import Allow, writes
from api.pages.texts import act_text
from api.parts import ApiParts
from api.reviewing import Said, Signature, may_judge, names_of, opened, refuse_unfinished, shape, store
from api.reviewing import judge as judge_entry
from api.reviewing import sign as sign_review
from api.routers.reviews import EntryNumber
from api.routers.shapes import Body, Identifier, instant
from api.running import running_of
from config.policy import Action
from vms.civil_time import CITY_ZONE, OddHours, span_of_month
from vms.db import review_duty, reviews
from vms.db.reviews import Item, NewItem, NewReview, Review, ReviewKind
from vms.errors import InvalidInput
from vms.ledger import sign_in_sampling
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.ledger.search import StoredEntry
from vms.ledger.sign_in_sampling import SignInDraw
from vms.model import Span, UserId

router = APIRouter(prefix="/api/sign-in-reviews", tags=["reviews"])

MayReview = Annotated[Asker, Depends(Allow(Action.SIGNIN_REVIEW))]
MayRead = Annotated[Asker, Depends(Allow(Action.SIGNIN_REVIEW, Action.REVIEW_CONDUCT))]
FEWEST: Final = 20
"""Five places for each reason: with fewer a review would say nothing."""
MOST: Final = 200


class NewSignInDraw(Body):
    """The month to review: `2026-10`, in the city's time. The seed is nobody's choice."""

    month: Annotated[str, Field(pattern=r"^2[01][0-9]{2}-(0[1-9]|1[0-2])$")]
    sample: Annotated[int, Field(ge=FEWEST, le=MOST)]


@router.get("", openapi_extra=writes())
def list_reviews(asker: MayRead, request: Request) -> dict[str, Any]:
    """List the months that still have to be reviewed, oldest first, and all reviews of sign-ins, newest first."""
    del asker
    parts = running_of(request).parts
    now = parts.clock.now()
    with parts.db.read() as conn:
        names = names_of(conn)
        return {
            "owed": [
                {
                    "month": one.month,
                    "from": instant(one.period.start_at),
                    "to": instant(one.period.end_at),
                    "due_at": instant(one.due_at),
                    "is_due": one.due_at <= now,
                }
                for one in review_duty.owed_months(conn, now)
            ],
            "reviews": [shape(one, names) for one in reviews.list_all(conn, ReviewKind.SIGN_INS)],
        }


@router.post("", openapi_extra=writes(Act.REVIEW_DRAW))
def begin(body: NewSignInDraw, asker: MayReview, request: Request) -> dict[str, Any]:
    """Draw a sample of a month that is over; the ledger alone decides which, and `vms-audit access --sign-ins` draws the same."""
    parts = running_of(request).parts
    period, now = span_of_month(body.month), parts.clock.now()
    refuse_unfinished(period, now)
    odd_hours = OddHours(parts.settings.odd_hours_from, parts.settings.odd_hours_until)
    # Before anything is written: nobody waits for a walk over years of entries.
    drawn = sign_in_sampling.draw(parts.db, lambda upto: _root(parts, upto), period, odd_hours, body.sample)
    if drawn is None:
        raise InvalidInput("nobody signed in or tried to in this month", code="review.no-sign-ins")
    review_id = f"r-{secrets.token_hex(8)}"
    items = [NewItem(one.seq, one.about, one.reasons) for one in drawn.drawn]
    new = NewReview(
        review_id,
        ReviewKind.SIGN_INS,
        asker.subject.user_id,
        now,
        period,
        drawn.seed,
        body.sample,
        drawn.population,
        items,
    )
    return store(parts, asker, new, _words(new, body.month, period, odd_hours, drawn))


@router.get("/{review_id}", openapi_extra=writes(Act.AUDIT_READ))
def show(review_id: Identifier, asker: MayRead, request: Request) -> dict[str, Any]:
    """Show a review with the sign-ins of its sample, why each was drawn, and which of them the asker may judge."""
    parts = running_of(request).parts
    language = language_of(request, parts.settings.default_language)
    found = opened(parts, asker, ReviewKind.SIGN_INS, review_id)
    reviewer = asker.subject.user_id if asker.action is Action.SIGNIN_REVIEW else None
    return shape(found.review, found.names) | {
        "items": [
            _item(found.review, item, entry, found.names, reviewer) | {"act_text": act_text(language, entry.act.value)}
            for item, entry in found.drawn
        ],
        "is_mine": found.review.drawn_by == reviewer,
    }


@router.post("/{review_id}/entries/{seq}", openapi_extra=writes(Act.REVIEW_MARK))
def judge(review_id: Identifier, seq: EntryNumber, body: Said, asker: MayReview, request: Request) -> dict[str, Any]:
    """Say that a sign-in is in order, or what is wrong; nobody judges the own ones: those are another supervisor's."""
    return judge_entry(running_of(request).parts, asker, ReviewKind.SIGN_INS, review_id, seq=seq, said=body)


@router.post("/{review_id}/sign", openapi_extra=writes(Act.REVIEW_SIGN))
def sign(review_id: Identifier, body: Signature, asker: MayReview, request: Request) -> dict[str, Any]:
    """Sign a review of which everything was judged; nothing of it can be changed from then on."""
    return sign_review(running_of(request).parts, asker, ReviewKind.SIGN_INS, review_id, body)


def _root(parts: ApiParts, upto: int) -> bytes:
    with parts.db.read() as conn:
        return parts.ledger.root(conn, upto)


def _words(new: NewReview, month: str, period: Span, odd_hours: OddHours, drawn: SignInDraw) -> dict[str, Value]:
    """Return what the ledger keeps of a draw: all that it takes to draw it again."""
    return {
        "review_id": new.id,
        "kind": new.kind.value,
        "month": month,
        "from": period.start_at,
        "to": period.end_at,
        "zone": CITY_ZONE.key,
        "odd_hours": [odd_hours.from_hour, odd_hours.until_hour],
        "upto": drawn.upto,
        "seed": drawn.seed,
        "sample": new.sample,
        "population": drawn.population,
        "entries": [one.seq for one in drawn.drawn],
        "reasons": [" ".join(one.reasons) for one in drawn.drawn],
    }


def _item(
    found: Review, item: Item, entry: StoredEntry, names: Mapping[UserId, str], reviewer: UserId | None
) -> dict[str, Any]:
    actor = entry.document["actor"]
    account = UserId(actor["id"])
    return {
        "seq": item.seq,
        "at": instant(entry.at),
        "act": entry.act.value,
        # A name without an account is in no entry: it may be a password typed too early.
        "actor": {"id": account, "name": names.get(account)},
        "why": entry.document["why"],
        "origin": entry.document["origin"],
        "reasons": list(item.reasons),
        "is_own": item.about == reviewer,
        "may_judge": reviewer is not None and may_judge(found, item, reviewer),
        "verdict": None if item.verdict is None else item.verdict.value,
        "remark": item.remark,
        "judged_by": None if item.judged_by is None else names.get(item.judged_by, item.judged_by),
    }
