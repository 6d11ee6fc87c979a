"""Footage erased before its time: one person asks, another approves, the daemon erases by the steps of every sweep.

It hangs on no clock, so a clock in doubt does not stop it. A ledger that the witness contradicts does: the database may have forgotten
holds. What is held stays; the answer names the cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from sqlalchemy import Connection

from retention import acts, erase, holds
from retention.due import HOUR, ranges
from retention.erase import Tally
from retention.parts import By, RetentionParts, person_of
from vms.db import early, panoramas, placements, rechecks
from vms.db.asking import ERASURES, LEAST_REASON
from vms.db.early import Erasure, Preview
from vms.errors import Conflict, InvalidInput
from vms.ledger.entries import Entry
from vms.model import AskedState, ErasureGround, ErasureId, PlacementId, Span

LONGEST_SPAN: Final = timedelta(days=31)
MOST_PLACEMENTS: Final = 200


@dataclass(frozen=True, slots=True)
class EarlyRequest:
    """What a person wants erased, and why.

    Raises:
        InvalidInput: says which field is wrong and what it must be.
    """

    ground: ErasureGround
    reason: str
    placement_ids: tuple[PlacementId, ...]
    span: Span

    def __post_init__(self) -> None:
        if len(self.reason.strip()) < LEAST_REASON:
            raise InvalidInput(
                f"say in at least {LEAST_REASON} characters why this footage must go before its time",
                code="asking.reason",
                least=LEAST_REASON,
            )
        check_reach(self.placement_ids, self.span)


def check_reach(placement_ids: Sequence[PlacementId], span: Span) -> None:
    """See that a request is about something, and not about too much.

    Raises:
        InvalidInput: no or too many placements, or more than 31 days.
    """
    if not 1 <= len(placement_ids) <= MOST_PLACEMENTS:
        raise InvalidInput(
            f"choose at least one camera, and at most {MOST_PLACEMENTS}", code="early.placements", most=MOST_PLACEMENTS
        )
    if span.end_at - span.start_at > LONGEST_SPAN:
        raise InvalidInput("an early erasure covers at most 31 days", code="early.span", days=LONGEST_SPAN.days)


def preview(parts: RetentionParts, placement_ids: Sequence[PlacementId], span: Span) -> dict[PlacementId, Preview]:
    """Return what would go and what would stay, segment by segment.

    Raises:
        InvalidInput: no or too many placements, or too long a span.
        NotFound: there is no such placement.
    """
    check_reach(placement_ids, span)
    with parts.db.read() as conn:
        for placement_id in placement_ids:
            placements.get(conn, placement_id)
        return _preview(conn, placement_ids, span, parts.clock.now())


def ask(parts: RetentionParts, request: EarlyRequest, by: By) -> Erasure:
    """Store a request; nothing is erased before another person approves it.

    Raises:
        InvalidInput: the span is not over, or holds nothing that could be erased.
        Conflict: all of it is asked for already.
        NotFound: there is no such placement.
    """
    now = parts.clock.now()
    if request.span.end_at > now:
        raise InvalidInput("only footage of the past can be erased: let the span end before now", code="early.future")
    user_id, role = person_of(by)
    with parts.db.write() as conn:
        for placement_id in request.placement_ids:
            placements.get(conn, placement_id)
        erasable, held = _counts(_preview(conn, request.placement_ids, request.span, now))
        if not erasable:
            raise InvalidInput(
                "there is nothing to erase in this span: it is gone already, held, or still being written",
                code="early.nothing",
            )
        # Locked when everything is counted: of two who ask at once the second sees what the first has asked, and no recorder waits long.
        placements.lock(conn, request.placement_ids)
        _refuse_again(conn, request, now)
        erasure = early.ask(
            conn,
            ErasureId(f"er-{uuid4().hex}"),
            ground=request.ground,
            reason=request.reason,
            span=request.span,
            placement_ids=request.placement_ids,
            by=user_id,
            role=role,
            at=now,
        )
        parts.ledger.append(conn, acts.early_asked(by, erasure, erasable, held))
    return erasure


def decide(parts: RetentionParts, erasure_id: ErasureId, by: By, *, refusal: str | None) -> Erasure:
    """Approve somebody else's request, or refuse it with a reason; what is approved, the daemon erases in its next round.

    Raises:
        VmsError: as `Desk.decide` says.
    """
    user_id, role = person_of(by)
    now = parts.clock.now()
    with parts.db.write() as conn:
        ERASURES.decide(conn, erasure_id, refusal=refusal, by=user_id, role=role, at=now)
        erasure = early.get(conn, erasure_id)
        erasable, held = _counts(_preview(conn, erasure.placement_ids, erasure.span, now))
        parts.ledger.append(conn, acts.early_decided(by, erasure, erasable, held, refusal))
    return erasure


def carry_out(parts: RetentionParts, *, clock_is_trusted: bool = True) -> int:
    """Erase what was approved; return how many segments. Whoever is interrupted is finished by the next call.

    Args:
        parts: database, keys, files, ledger, clock.
        clock_is_trusted: False: what was never sealed stays, since by a wrong clock it may still be written.

    Raises:
        VmsError: something could not be erased, or a hold could not be placed: before that, nothing is claimed.
    """
    with parts.db.read() as conn:
        approved = [ErasureId(one.id) for one in ERASURES.list_in(conn, AskedState.APPROVED)]
    if not approved:
        return 0
    tally = Tally()
    # First what holds are about to keep, and what was claimed before.
    holds.attend(parts)
    erase.finish_expiring(parts, tally)
    for erasure_id in approved:
        with parts.db.read() as conn:
            erasure = early.get(conn, erasure_id)
        for placement_id in erasure.placement_ids:
            _erase_in(parts, erasure, placement_id, tally, gives_up=clock_is_trusted)
        _finish(parts, erasure)
    tally.raise_first()
    return tally.claimed + tally.finished


def expire(parts: RetentionParts) -> int:
    """End the requests that nobody decided in time; return how many."""
    with parts.db.write() as conn:
        ended = ERASURES.expire_undecided(conn, parts.clock.now())
        for asked in ended:
            parts.ledger.append(conn, acts.early_expired(early.get(conn, ErasureId(asked.id))))
    return len(ended)


def _refuse_again(conn: Connection, request: EarlyRequest, now: datetime) -> None:
    """See that nobody waits for the same already: the second would find nothing left, or be approved twice by mistake.

    Raises:
        Conflict: names the request that waits.
    """
    waiting = [one for one in ERASURES.list_in(conn, AskedState.REQUESTED) if now < one.lapses_at]
    for asked in (*waiting, *ERASURES.list_in(conn, AskedState.APPROVED)):
        found = early.get(conn, ErasureId(asked.id))
        covers = found.span.start_at <= request.span.start_at and request.span.end_at <= found.span.end_at
        if covers and set(request.placement_ids) <= set(found.placement_ids):
            raise Conflict(f"{found.id} asks for this already and is {asked.state}", code="early.asked")


def _erase_in(
    parts: RetentionParts, erasure: Erasure, placement_id: PlacementId, tally: Tally, *, gives_up: bool
) -> None:
    with parts.db.write() as conn:
        # No segment lasts for an hour (the database refuses it): what began before that is not being written any more.
        if gives_up:
            for number in early.give_up_open(conn, placement_id, erasure.span, parts.clock.now() - HOUR):
                parts.ledger.append(conn, acts.damaged(placement_id, number, "never-sealed"))
        for drop, entry in _derived(conn, placement_id, erasure.span):
            if drop(conn, placement_id):
                parts.ledger.append(conn, entry)
    # What was given up just now, or sealed since the last camera, is a hold's first.
    holds.attend(parts)
    with parts.db.read() as conn:
        chosen = early.list_erasable(conn, placement_id, erasure.span)
    erase.claim_and_erase(parts, chosen, parts.clock.now(), tally, erasure)


def _derived(
    conn: Connection, placement_id: PlacementId, span: Span
) -> list[tuple[Callable[[Connection, PlacementId], bool], Entry]]:
    """Return what was made of footage of the span: it goes with its source, and grows again."""
    found: list[tuple[Callable[[Connection, PlacementId], bool], Entry]] = []
    panorama = panoramas.find(conn, placement_id)
    if panorama is not None and panorama.begun_at < span.end_at and panorama.made_at >= span.start_at:
        found.append((panoramas.drop, acts.panorama_erased(placement_id)))
    landmarks = rechecks.LANDMARKS.find(conn, placement_id)
    if landmarks is not None and span.start_at <= landmarks.taken_at < span.end_at:
        found.append((rechecks.LANDMARKS.drop, acts.landmarks_erased(placement_id)))
    return found


def _finish(parts: RetentionParts, erasure: Erasure) -> None:
    with parts.db.write() as conn:
        if early.is_unfinished(conn, erasure.id):
            return  # a file could not be erased; it is tried again in the next round
        now = parts.clock.now()
        left = _preview(conn, erasure.placement_ids, erasure.span, now)
        if any(one.erasable for one in left.values()):
            return  # a hold was released meanwhile
        if ERASURES.finish(conn, erasure.id, now):
            held = {name: ranges(one.held) for name, one in left.items() if one.held}
            writing = {name: ranges(one.writing) for name, one in left.items() if one.writing}
            erased = {name: ranges(numbers) for name, numbers in early.claimed_for(conn, erasure.id).items()}
            parts.ledger.append(conn, acts.early_done(erasure, erased, held, writing))


def _preview(
    conn: Connection, placement_ids: Sequence[PlacementId], span: Span, now: datetime
) -> dict[PlacementId, Preview]:
    return {one: early.preview(conn, one, span, now - HOUR) for one in placement_ids}


def _counts(found: Mapping[PlacementId, Preview]) -> tuple[int, int]:
    return sum(len(one.erasable) for one in found.values()), sum(len(one.held) for one in found.values())
