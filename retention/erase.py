"""Erasing, step by step. Every step may be repeated; the state in the database says which come next.

claim    SEALED or DAMAGED -> EXPIRING, with the intent in the ledger, in one transaction
wipe     forget every wrapped key of the segment, the holds' too
unlink   remove its files, make that durable
check    no file, no wrapped key
done     EXPIRING -> DESTROYED, with its leaf in the ledger, in one transaction

hour key LIVE -> DYING, with the intent; destroyed in the keyring; checked; DYING -> DESTROYED, with its leaf
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from retention import acts
from retention.due import DueSegment, by_hour, hour_key_due_at, ranges
from retention.parts import RetentionParts
from vms.db import early, erasing, footage_clocks, hour_keys
from vms.db.early import Erasure
from vms.db.segments import Segment
from vms.errors import IntegrityLost, Unavailable, VmsError
from vms.footage.roots.store import Level
from vms.footage.store import SegmentRef
from vms.model import HourKeyState, PlacementId

BATCH = 500


@dataclass(slots=True)
class Tally:
    """What a sweep has erased, and what it could not: those segments stay EXPIRING, and the next sweep tries again."""

    claimed: int = 0
    finished: int = 0
    failures: list[VmsError] = field(default_factory=list)

    def raise_first(self) -> None:
        """Raise the first failure, if any.

        Raises:
            IntegrityLost, Unavailable: something could not be erased.
        """
        if self.failures:
            raise self.failures[0]


def claim_and_erase(
    parts: RetentionParts, chosen: Sequence[DueSegment], at: datetime, tally: Tally, request: Erasure | None = None
) -> int:
    """Erase the chosen segments, those that nobody has put a hold on meanwhile; return how many were claimed.

    Args:
        parts: see there.
        chosen: what is to go.
        at: the trusted instant at which it is due; the clock is not read again.
        tally: grows by it.
        request: two persons want it gone before its time; None: it is due.
    """
    claimed = 0
    for (placement_id, hour_at), group in by_hour(chosen).items():
        for begin in range(0, len(group), BATCH):
            numbers = [item.number for item in group[begin : begin + BATCH]]
            with parts.db.write() as conn:
                if request is None:
                    taken = erasing.claim(conn, placement_id, numbers, at)
                else:
                    taken = early.claim(conn, request.id, placement_id, numbers)
                if taken:
                    intended = ranges(item.number for item in taken)
                    parts.ledger.append(conn, acts.destroy_intended(placement_id, hour_at, intended, request))
            _try_to_erase(parts, taken, tally)
            claimed += len(taken)
    tally.claimed += claimed
    return claimed


def finish_expiring(parts: RetentionParts, tally: Tally) -> None:
    """Erase everything that was claimed and is not destroyed yet."""
    with parts.db.read() as conn:
        claimed = erasing.list_expiring(conn)
    for group in by_hour(claimed).values():
        _try_to_erase(parts, group, tally)
    tally.finished += len(claimed)


def _try_to_erase(parts: RetentionParts, group: Sequence[Segment], tally: Tally) -> None:
    """Erase a group; a file that can't be erased must not keep others from being erased on time."""
    try:
        _erase(parts, group)
    except IntegrityLost as error:
        tally.failures.append(error)
    except Unavailable as error:
        if error.code != "footage.storage":
            raise  # the database is away: the others would fail too, slowly
        tally.failures.append(error)


def _erase(parts: RetentionParts, group: Sequence[Segment]) -> None:
    """Take claimed segments of one placement-hour through wipe, unlink, check and done."""
    if not group:
        return
    placement_id, hour_at = group[0].placement_id, group[0].hour_at
    numbers = [item.number for item in group]
    with parts.db.write() as conn:
        erasing.wipe_keys(conn, placement_id, numbers)
    refs = [SegmentRef(item.placement_id, item.start_at, item.epoch, item.number) for item in group]
    parts.store.erase_all(refs)
    _check(parts, refs, numbers)
    level = _level(parts, hour_at)
    with parts.db.write() as conn:
        done = erasing.mark_destroyed(conn, placement_id, numbers, parts.clock.now())
        cuts = footage_clocks.cuts_of(conn, placement_id, numbers)
        terms = (one.due_at - one.start_at + cuts.get(one.number, timedelta(0)) for one in group)
        key_until_at = hour_key_due_at(hour_at, max(terms))
        for request, part, is_cut in _parts(conn, placement_id, done, cuts):
            parts.ledger.append(
                conn,
                acts.destroyed(
                    placement_id,
                    hour_at,
                    ranges(part),
                    request,
                    key_until_at=key_until_at if request or is_cut else None,
                    level=level,
                ),
            )


def _level(parts: RetentionParts, hour_at: datetime) -> Level:
    """Return what erasing claims. A token or key service that is away keeps nothing from being erased: then it claims the least."""
    try:
        return parts.keys.hour_level(hour_at)
    except Unavailable:
        return Level.FILE


def _parts(
    conn: Connection, placement_id: PlacementId, numbers: Sequence[int], cuts: Mapping[int, timedelta]
) -> list[tuple[Erasure | None, list[int], bool]]:
    """Return the numbers by the early erasure that they were claimed for (None: they were due) and whether their term was shortened."""
    return [
        (request, part, is_cut)
        for request, together in _by_request(conn, placement_id, numbers)
        for is_cut in (False, True)
        if (part := [number for number in together if (number in cuts) is is_cut])
    ]


def _by_request(
    conn: Connection, placement_id: PlacementId, numbers: Sequence[int]
) -> list[tuple[Erasure | None, list[int]]]:
    """Return the numbers by the early erasure that they were claimed for, those that were due under None."""
    requested = early.requests_of(conn, placement_id, numbers)
    due = [number for number in numbers if number not in requested]
    found: list[tuple[Erasure | None, list[int]]] = [(None, due)] if due else []
    for erasure_id in sorted(set(requested.values())):
        part = [number for number in numbers if requested.get(number) == erasure_id]
        found.append((early.get(conn, erasure_id), part))
    return found


def _check(parts: RetentionParts, refs: Sequence[SegmentRef], numbers: Sequence[int]) -> None:
    """Look again, as somebody else would.

    Raises:
        IntegrityLost: something is still there; the segments stay EXPIRING.
    """
    placement_id = refs[0].placement_id
    left = [ref.number for ref in refs if parts.store.has_any(ref)]
    with parts.db.read() as conn:
        left += erasing.list_with_keys(conn, placement_id, numbers)
    if left:
        raise IntegrityLost(f"segments {left} of {placement_id} could not be erased", code="retention.not-erased")


def end_hour_keys(parts: RetentionParts, hour_before: datetime) -> int:
    """Destroy the keys of hours up to an instant that no segment needs any more; return how many."""
    with parts.db.read() as conn:
        candidates = erasing.list_hours_to_end(conn, hour_before)
    ended = 0
    for hour_at in candidates:
        with parts.db.write() as conn:
            dying = erasing.end_hour(conn, hour_at)
            if dying:
                parts.ledger.append(conn, acts.hour_key_intended(hour_at))
        if dying:
            _destroy_hour(parts, hour_at)
            ended += 1
    return ended


def finish_dying_hours(parts: RetentionParts) -> int:
    """Destroy every hour key whose end was begun; return how many."""
    with parts.db.read() as conn:
        dying = [item.hour_at for item in hour_keys.list_in(conn, HourKeyState.DYING)]
    for hour_at in dying:
        _destroy_hour(parts, hour_at)
    return len(dying)


def _destroy_hour(parts: RetentionParts, hour_at: datetime) -> None:
    parts.keys.destroy_hour(hour_at)
    level = _level(parts, hour_at)
    if parts.keys.has_hour(hour_at):
        raise IntegrityLost(f"the key of {hour_at.isoformat()} could not be destroyed", code="retention.not-erased")
    with parts.db.write() as conn:
        if erasing.mark_hour_destroyed(conn, hour_at, parts.clock.now()):
            parts.ledger.append(conn, acts.hour_key_destroyed(hour_at, level))
