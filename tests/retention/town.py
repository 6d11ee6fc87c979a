"""A town whose footage is simulated: real rows, keys, files and ledger, tiny segments, time turned by hand.

`Town` also keeps the promises that were made, apart from the database: what was recorded, what a hold was told it keeps. The oracle
checks those, not the database's own tables.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from retention.holds import HoldRequest, HoldResult, place_hold, release_hold
from retention.parts import By, RetentionParts
from retention.sweep import SweepLimits
from tests.footage.scene import INVESTIGATOR, KEEP_FOR, YEAR, add_placement, add_town
from vms.clock import ManualClock, reckoning_of
from vms.db import holds, placements, segments
from vms.db.engine import Database
from vms.errors import IntegrityLost, NotFound
from vms.footage.keys import FileKeyring
from vms.footage.playback import FootageReader
from vms.footage.store import FootageStore, SegmentRef
from vms.ledger.entries import Actor, Origin
from vms.ledger.log import Ledger
from vms.model import RETENTION_CEILING, HoldId, HoldState, PlacementId, SegmentMode, Span, hour_of

LIMITS = SweepLimits(KEEP_FOR, timedelta(hours=2), timedelta(minutes=2), compares_database_clock=False)
PERSON = By(Actor.person(INVESTIGATOR, role="investigator", session_id="s-1"), Origin("test", "ws-1"))


@dataclass
class Recorded:
    """A segment as its recorder knows it.

    Args:
        true_at: when it really began; its stamps go by a clock that may be put right later.
    """

    ref: SegmentRef
    span: Span
    plain: bytes
    true_at: datetime
    holds: set[HoldId] = field(default_factory=set)


class Town:
    """Placements, their footage and holds, and the promises about them."""

    ahead = timedelta(0)
    """How far the wall clock is ahead of the truth."""
    hung_before = YEAR
    """How long before the first day the placements begin: clocks may be set back."""

    def __init__(self, db: Database, clock: ManualClock, folder: Path, placement_count: int = 2) -> None:
        self.db, self.clock, self.folder = db, clock, folder
        self.restart()
        self.recorded: list[Recorded] = []
        self.hold_spans: dict[HoldId, tuple[Span, frozenset[PlacementId]]] = {}
        self.hold_asked: dict[HoldId, datetime] = {}
        self.unwanted: list[Recorded] = []  # two persons may have had it erased early
        add_town(db, clock)
        self.epochs: dict[PlacementId, int] = {}
        for number in range(placement_count):
            placement_id = add_placement(db, clock, f"p{number}", self.hung_before)
            with db.write() as conn:
                self.epochs[placement_id] = placements.take_over(conn, placement_id)

    @property
    def keep_for(self) -> timedelta:
        """The term of what is recorded."""
        return KEEP_FOR

    def restart(self) -> None:
        """Be a new process: nothing is remembered but what is on disk."""
        self.keys = FileKeyring(self.folder / "keys")
        self.store = FootageStore(self.folder / "footage")
        self.parts = RetentionParts(self.db, self.keys, self.store, Ledger("test.example/log", self.clock), self.clock)
        self.reader = FootageReader(self.db, self.keys, self.store)

    @property
    def true_now(self) -> datetime:
        """What a clock on the wall of the church says."""
        return self.clock.now() - self.ahead

    def step_clock(self, span: timedelta) -> None:
        """Set the wall clock."""
        self.clock.step_wall_clock(span)
        self.ahead += span

    def begin(self, placement_id: PlacementId) -> SegmentRef:
        """Begin a tiny segment and never seal it, as a recorder that is fenced or dies."""
        start_at = self.clock.now()
        ref = SegmentRef(placement_id, start_at, self.epochs[placement_id])
        key = self.keys.new_segment_key(hour_of(start_at))
        with self.db.write() as conn:
            number = self._open_row(conn, ref, key.wrapped)
        writer = self.store.create(ref, key.plain)
        writer.write(secrets.token_bytes(200))
        writer.abandon()
        return SegmentRef(placement_id, start_at, ref.epoch, number)

    def record(self, placement_id: PlacementId, length: timedelta = timedelta(seconds=60)) -> Recorded:
        """Record a tiny segment that begins now; the clock stays."""
        start_at = self.clock.now()
        plain = secrets.token_bytes(200)
        ref = SegmentRef(placement_id, start_at, self.epochs[placement_id])
        key = self.keys.new_segment_key(hour_of(start_at))
        with self.db.write() as conn:
            number = self._open_row(conn, ref, key.wrapped)
        writer = self.store.create(ref, key.plain)
        writer.write(plain)
        writer.chunks.finish()
        writer.close_durably()
        ref = SegmentRef(placement_id, start_at, ref.epoch, number)
        self.store.promote(ref, "part")
        end_at = start_at + length
        with self.db.write() as conn:
            segments.seal_segment(
                conn,
                placement_id,
                number,
                ref.epoch,
                end_at=end_at,
                size_bytes=writer.chunks.cipher_bytes,
                sha256=writer.chunks.sha256,
                blanking={},
                fragments=[(0, 200, 0)],
                grey_spans=[],
            )
        self.recorded.append(Recorded(ref, Span(start_at, end_at), plain, start_at - self.ahead))
        return self.recorded[-1]

    def _open_row(self, conn: Connection, ref: SegmentRef, wrapped_key: bytes) -> int:
        return segments.open_segment(
            conn,
            ref.placement_id,
            ref.epoch,
            start_at=ref.start_at,
            due_at=ref.start_at + self.keep_for,
            mode=SegmentMode.MASKED,
            plan_version=1,
            wrapped_key=wrapped_key,
            reckoned=reckoning_of(self.clock),
        )

    def request(self, span: Span, *placement_ids: PlacementId) -> HoldRequest:
        """Return a request for a hold; every one has its own id."""
        return HoldRequest(
            request_id=secrets.token_hex(8),
            case_number="PL0900-2026-123456",
            ground="wpg-8",
            reason="assault near the fountain",
            placement_ids=placement_ids,
            span=span,
            review_on=self.clock.now() + timedelta(days=14),
            requested_by=INVESTIGATOR,
        )

    def place(self, request: HoldRequest) -> HoldResult:
        """Place a hold; remember what was promised."""
        result = place_hold(self.parts, request, PERSON)
        self.promise(request, result)
        return result

    def promise(self, request: HoldRequest, result: HoldResult) -> None:
        """Remember what a hold said it keeps: all in its span, save what it said it came too late for."""
        self.hold_spans[result.hold.id] = (request.span, frozenset(request.placement_ids))
        self.hold_asked[result.hold.id] = self.true_now
        for item in self.recorded:
            late = result.late.get(item.ref.placement_id, [])
            number = item.ref.number or 0
            is_late = any(first <= number <= last for first, last in late)
            if item.ref.placement_id in request.placement_ids and item.span.overlaps(request.span) and not is_late:
                item.holds.add(result.hold.id)

    def promise_future(self) -> None:
        """Remember that holds into the future keep what was sealed since; call after a sweep."""
        for hold_id, (span, placement_ids) in self.hold_spans.items():
            for item in self.recorded:
                if (
                    item.true_at >= self.hold_asked[hold_id]
                    and item.ref.placement_id in placement_ids
                    and item.span.overlaps(span)
                ):
                    item.holds.add(hold_id)

    def release_unpromised(self, *, besides: Iterable[HoldRequest]) -> None:
        """Repeat the releases whose answer was lost; not of holds whose placing had no answer yet."""
        placing = {request.request_id for request in besides}
        with self.db.read() as conn:
            active = holds.list_in(conn, {HoldState.ACTIVE})
        for hold in active:
            if hold.id not in self.hold_spans and hold.request_id not in placing:
                self.release(hold.id)

    def release(self, hold_id: HoldId) -> None:
        """Release a hold and forget the promise."""
        self.forget(hold_id)
        release_hold(self.parts, hold_id, "the case is closed", PERSON, INVESTIGATOR)

    def forget(self, hold_id: HoldId) -> None:
        """Forget what a hold promised."""
        self.hold_spans.pop(hold_id, None)
        for item in self.recorded:
            item.holds.discard(hold_id)

    def readable(self, item: Recorded) -> bool:
        """Return whether the segment can be watched, by whatever key, and is what was recorded."""
        try:
            return self.reader.segment_bytes(item.ref.placement_id, item.ref.number or 0) == item.plain
        except (NotFound, IntegrityLost):
            return False

    def check_promises(self, *, swept: bool, unanswered: Iterable[HoldRequest] = ()) -> None:
        """Assert what matters: held is readable; young is readable; after a sweep nothing unheld is past its time.

        Args:
            swept: whether everything due has had its sweep.
            unanswered: requests that crashed: what they cover may be held or not.
        """
        maybe = [(request.span, request.placement_ids) for request in unanswered]
        if self.ahead:
            # New footage may bear stamps of a span that is over: whoever holds that may hold it too.
            maybe += [(span, tuple(ids)) for span, ids in self.hold_spans.values()]
        for item in self.recorded:
            age = self.true_now - item.true_at
            name = f"segment {item.ref.number} of {item.ref.placement_id}, {age} old, holds {item.holds}"
            if item in self.unwanted and not item.holds:
                continue
            if item.holds or age < KEEP_FOR:
                assert self.readable(item), f"{name}: must be readable"
            elif any(item.span.overlaps(span) and item.ref.placement_id in ids for span, ids in maybe):
                continue
            elif swept and age > RETENTION_CEILING:
                assert not self.readable(item), f"{name}: must be unreadable"
                assert not self.store.has_any(item.ref), f"{name}: its file must be gone"
