"""Placing and releasing holds.

A hold re-wraps: each segment's key is wrapped once more under the hold's own key, so that hour keys can die on time. It competes with
erasing for the segment's row; what it came too late for it says, segment by segment. A span that reaches into the future goes on
catching segments as they are sealed (`attend`, in every sweep).

Both acts may be interrupted anywhere and are then finished by repeating them: by the client, by its request id, or by the daemon.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

import structlog
from sqlalchemy import Connection

from retention import acts
from retention.due import ranges
from retention.exports import erase_exports
from retention.parts import DAEMON, By, RetentionParts
from vms.db import erasing, holds, inventory, placements
from vms.db.asking import HOLD_RELEASES, Asked
from vms.db.holds import Hold, NewHold
from vms.db.segments import Segment
from vms.errors import Conflict, IntegrityLost, InvalidInput, NotFound, VmsError
from vms.model import (
    HoldId,
    HoldOutcome,
    HoldState,
    PlacementId,
    SegmentState,
    Span,
    UserId,
    checked_case_number,
)

_log = structlog.get_logger()

LONGEST_REVIEW = timedelta(days=90)
LONGEST_SPAN = timedelta(days=31)
LEAST_REASON = 10
_HOLDABLE = (SegmentState.SEALED, SegmentState.DAMAGED)
_GONE = (SegmentState.EXPIRING, SegmentState.DESTROYED)
_BATCH = 500
_KEY_GONE = frozenset({"footage.key-gone", "footage.other-key"})


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """What a person asks for.

    Args:
        request_id: made by the client; repeating it after a lost reply does nothing twice.
        ground: the legal ground, e.g. `wpg-8`.
        reason: the concrete reason, at least ten characters.
        review_on: when somebody must decide again; at most 90 days ahead.

    Raises:
        InvalidInput: says which field is wrong and what it must be.
    """

    request_id: str
    case_number: str
    ground: str
    reason: str
    placement_ids: tuple[PlacementId, ...]
    span: Span
    review_on: datetime
    requested_by: UserId

    def __post_init__(self) -> None:
        checked_case_number(self.case_number)
        if not self.request_id or not self.ground.strip():
            raise InvalidInput("a hold needs a request id and a legal ground", code="hold.ground")
        if len(self.reason.strip()) < LEAST_REASON:
            raise InvalidInput(
                f"say in at least {LEAST_REASON} characters why this footage is needed",
                code="hold.reason",
                least=LEAST_REASON,
            )
        if not self.placement_ids:
            raise InvalidInput("choose at least one camera", code="hold.placements")
        if self.span.end_at - self.span.start_at > LONGEST_SPAN:
            raise InvalidInput("a hold covers at most 31 days", code="hold.span", days=LONGEST_SPAN.days)


@dataclass(frozen=True, slots=True)
class HoldResult:
    """What a hold achieved.

    Args:
        hold: as stored, with its outcome.
        accepted: how many segments it keeps.
        late: segments it came too late for, as ranges of numbers by placement.
        is_future: whether more may come: its span is not over, or a segment in it is still being written.
    """

    hold: Hold
    accepted: int
    late: dict[PlacementId, list[list[int]]]
    is_future: bool

    @property
    def too_late(self) -> int:
        """How many segments it came too late for."""
        return sum(last - first + 1 for found in self.late.values() for first, last in found)


def place_hold(parts: RetentionParts, request: HoldRequest, by: By) -> HoldResult:
    """Keep what there still is in a span, and what is to come; a repeated request is answered as the first was, however late.

    Raises:
        InvalidInput: the review date is in the past or more than 90 days ahead; the span begins in the future.
        NotFound: there is no such placement.
        Conflict: the request id was used for another hold.
    """
    return _finish_placing(parts, _ask(parts, request, parts.clock.now()), by)


def attend(parts: RetentionParts) -> int:
    """Go on with everything about holds that waits; return how many segments active holds have caught.

    Placing that was interrupted is finished: keeping is the safe side, and the list shows the hold. Active holds keep what was
    sealed in their span since. Releases that could not be finished are tried again. One that fails keeps no other from its turn.

    Raises:
        VmsError: the first failure, after all have had their turn: the sweep must not claim what a failing hold may want.
    """
    with parts.db.read() as conn:
        waiting = holds.list_in(conn, {HoldState.PENDING, HoldState.ACTIVE, HoldState.RELEASING})
        behind = {
            hold.id
            for hold in waiting
            if hold.state is HoldState.ACTIVE and erasing.list_uncaught(conn, hold.id, _HOLDABLE, limit=1)
        }
    caught = 0
    failures: list[VmsError] = []
    for hold in waiting:
        try:
            if hold.state is HoldState.PENDING:
                _finish_placing(parts, hold, DAEMON)
            elif hold.state is HoldState.RELEASING:
                finish_release(parts, hold.id)
            elif hold.id in behind:
                caught += _catch(parts, hold.id, HoldState.ACTIVE)
        except VmsError as error:
            _log.exception("retention.hold-failed", hold_id=hold.id, state=hold.state.value, code=error.code)
            failures.append(error)
    if failures:
        raise failures[0]
    return caught


def release_hold(
    parts: RetentionParts,
    hold_id: HoldId,
    reason: str,
    by: By,
    released_by: UserId | None,
    *,
    release: Asked | None = None,
) -> Hold:
    """Let go of a hold's footage at once: what is past its time is erased by the next sweeps.

    Args:
        release: what persons agreed to (`retention/releases.py`).

    Raises:
        NotFound: there is no such hold.
        InvalidInput: the reason is too short.
        Conflict: it is not active.
    """
    if len(reason.strip()) < LEAST_REASON:
        raise InvalidInput(
            f"say in at least {LEAST_REASON} characters why the hold ends", code="hold.reason", least=LEAST_REASON
        )
    with parts.db.write() as conn:
        hold = holds.get(conn, hold_id, lock=True)
        if release is not None and not HOLD_RELEASES.finish(conn, release.id, parts.clock.now()):
            return hold  # somebody took it back in this moment
        holds.begin_release(conn, hold_id, released_by=released_by, released_at=parts.clock.now(), reason=reason)
        count = erasing.drop_hold(conn, hold_id)
        parts.ledger.append(conn, acts.hold_released(by, hold, reason, count, release))
    finish_release(parts, hold_id)
    with parts.db.read() as conn:
        return holds.get(conn, hold_id)


def finish_release(parts: RetentionParts, hold_id: HoldId) -> bool:
    """Erase the hold's exports and destroy its key, unless the key is still the only one of segments that wait to be erased.

    Returns:
        Whether the hold is released now.
    """
    erase_exports(parts, hold_id)
    with parts.db.write() as conn:
        if holds.get(conn, hold_id, lock=True).state is not HoldState.RELEASING:
            return False
        if erasing.hold_key_needed(conn, hold_id):
            return False
        erasing.wipe_hold_keys(conn, hold_id)
    parts.keys.destroy_hold(hold_id)
    level = parts.keys.hold_level(hold_id)
    with parts.db.write() as conn:
        if holds.get(conn, hold_id, lock=True).state is HoldState.RELEASING:
            holds.finish_release(conn, hold_id)
            parts.ledger.append(conn, acts.hold_key_destroyed(hold_id, level))
    return True


def _ask(parts: RetentionParts, request: HoldRequest, now: datetime) -> Hold:
    case_number = checked_case_number(request.case_number)
    with parts.db.write() as conn:
        known = holds.by_request(conn, request.request_id)
        if known is not None:
            asked = (case_number, request.span, tuple(sorted(set(request.placement_ids))), request.requested_by)
            if (known.case_number, known.span, known.placement_ids, known.requested_by) != asked:
                raise Conflict("this request id belongs to another hold", code="hold.request-id")
            return known
        if not now < request.review_on <= now + LONGEST_REVIEW:
            raise InvalidInput(
                "the review date must lie ahead, at most 90 days", code="hold.review", days=LONGEST_REVIEW.days
            )
        if request.span.start_at > now and not _is_footage_there(conn, request):
            raise InvalidInput("a hold can't begin in the future", code="hold.future")
        for placement_id in request.placement_ids:
            placements.get(conn, placement_id)
        new = NewHold(
            id=HoldId(f"h-{uuid4().hex}"),
            request_id=request.request_id,
            case_number=case_number,
            ground=request.ground,
            reason=request.reason,
            span=request.span,
            placement_ids=request.placement_ids,
            review_on=request.review_on,
            requested_by=request.requested_by,
            requested_at=now,
        )
        holds.add(conn, new)
        return holds.get(conn, new.id)


def _is_footage_there(conn: Connection, request: HoldRequest) -> bool:
    """Return whether footage reaches to the span's begin: it may bear instants ahead of a wall clock that is behind."""
    ends = inventory.newest_ends(conn)
    return any(ends.get(one, request.span.start_at) > request.span.start_at for one in request.placement_ids)


def _finish_placing(parts: RetentionParts, hold: Hold, by: By) -> HoldResult:
    if hold.state is HoldState.PENDING:
        # The key is on disk before the first row needs it.
        parts.keys.new_hold_key(hold.id)
        _catch(parts, hold.id, HoldState.PENDING)
        _activate(parts, hold.id, by)
    return result_of(parts, hold.id)


def _catch(parts: RetentionParts, hold_id: HoldId, state: HoldState) -> int:
    """Keep all segments that the hold does not know yet, in short transactions; stop if its state moves on."""
    caught = 0
    while True:
        with parts.db.write() as conn:
            hold = holds.get(conn, hold_id, lock=True)
            if hold.state is not state:
                return caught
            kept: list[Segment] = []
            late: list[Segment] = []
            found = erasing.list_uncaught(conn, hold_id, _HOLDABLE, limit=_BATCH, lock=True)
            for row in found:
                wrapped = _rewrap(parts, hold_id, row, erasing.hold_wraps(conn, row.placement_id, row.number))
                if wrapped is None or not erasing.add_hold(conn, hold_id, row.placement_id, row.number, wrapped):
                    erasing.note_too_late(conn, hold_id, row.placement_id, row.number)
                    late.append(row)
                else:
                    kept.append(row)
            caught += len(kept)
            if state is HoldState.ACTIVE and kept:
                parts.ledger.append(conn, acts.hold_caught(hold_id, _ranges(kept)))
            if state is HoldState.ACTIVE and late:
                parts.ledger.append(conn, acts.hold_late(DAEMON, hold, _ranges(late)))
        if len(found) < _BATCH:
            return caught


def _rewrap(parts: RetentionParts, hold_id: HoldId, row: Segment, wraps: dict[HoldId, bytes]) -> bytes | None:
    """Return the segment's key under the hold's key; None if no key opens it any more."""
    plain: bytes | None = None
    wrapped_key = row.wrapped_key
    if wrapped_key is not None:
        plain = _opened(partial(parts.keys.unwrap, row.hour_at, wrapped_key))
    for holder, wrapped in wraps.items():
        if plain is None and holder != hold_id:
            plain = _opened(partial(parts.keys.unwrap_for_hold, holder, wrapped))
    return None if plain is None else parts.keys.wrap_for_hold(hold_id, plain)


def _opened(unwrap: Callable[[], bytes]) -> bytes | None:
    """Return the key, None if what opens it is gone; whatever else fails (a token, the key service) is no answer, and is raised."""
    try:
        return unwrap()
    except (NotFound, IntegrityLost) as error:
        if error.code not in _KEY_GONE:
            raise
        return None


def _activate(parts: RetentionParts, hold_id: HoldId, by: By) -> None:
    with parts.db.write() as conn:
        hold = holds.get(conn, hold_id, lock=True)
        if hold.state is not HoldState.PENDING:
            return
        for row in erasing.list_uncaught(conn, hold_id, _GONE):
            erasing.note_too_late(conn, hold_id, row.placement_id, row.number)
        known = holds.list_segments(conn, hold_id)
        kept = [item for item in known if item.outcome is HoldOutcome.ACCEPTED]
        late = [item for item in known if item.outcome is HoldOutcome.TOO_LATE]
        is_future = _is_future(parts, hold, erasing.list_uncaught(conn, hold_id, (SegmentState.OPEN,), limit=1))
        holds.activate(conn, hold_id, _outcome(keeps=bool(kept) or is_future, late=bool(late)))
        parts.ledger.append(conn, acts.hold_placed(by, hold, _ranges(kept), is_future=is_future))
        if late:
            parts.ledger.append(conn, acts.hold_late(by, hold, _ranges(late)))


def _is_future(parts: RetentionParts, hold: Hold, being_written: list[Segment]) -> bool:
    return hold.span.end_at > parts.clock.now() or bool(being_written)


def _outcome(*, keeps: bool, late: bool) -> HoldOutcome:
    if not keeps:
        return HoldOutcome.TOO_LATE
    return HoldOutcome.PARTLY if late else HoldOutcome.ACCEPTED


def _ranges(items: Iterable[Segment | holds.HoldSegment]) -> dict[PlacementId, list[list[int]]]:
    numbers: dict[PlacementId, list[int]] = defaultdict(list)
    for item in items:
        numbers[item.placement_id].append(item.number)
    return {placement_id: ranges(found) for placement_id, found in sorted(numbers.items())}


def result_of(parts: RetentionParts, hold_id: HoldId) -> HoldResult:
    """Return what a hold keeps now.

    Raises:
        NotFound: there is no such hold.
    """
    with parts.db.read() as conn:
        hold = holds.get(conn, hold_id)
        known = holds.list_segments(conn, hold_id)
        being_written = erasing.list_uncaught(conn, hold_id, (SegmentState.OPEN, *_HOLDABLE), limit=1)
    late = [item for item in known if item.outcome is HoldOutcome.TOO_LATE]
    accepted = sum(item.outcome is HoldOutcome.ACCEPTED for item in known)
    return HoldResult(hold, accepted, _ranges(late), _is_future(parts, hold, being_written))
