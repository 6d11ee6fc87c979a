"""The worker's part of the commissioning view: whether there is leave, at most three reduced pictures a second, each to one looker.

The worker believes nobody's word. It reads leave and look from the database, compares them with its own clocks and its own epoch, writes
an entry of its own into the ledger before the first picture and one after the last, and in any doubt shows nothing. Pictures for the
recording and the live view go their way as if this were not here.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from blanking.commissioning import CommissioningFrame, ViewPermit, commissioning_frame
from blanking.frames import RawFrame
from blanking.pose import PoseSample
from vms.bus.commissioning import CommissioningCounter, CommissioningPicture, Pose
from vms.clock import Clock
from vms.db import commissioning
from vms.db.commissioning import Standing
from vms.db.engine import Database
from vms.errors import VmsError
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Value
from vms.ledger.log import Ledger
from vms.model import PlacementId

SHORTEST_BETWEEN_S: Final = 1 / 3
LOOK_EVERY_S: Final = 1.0
"""How often the leave is read again while it stands."""
IDLE_LOOK_EVERY_S: Final = 2.0
PERMIT_FRESH_S: Final = 3.0
"""A leave that could not be read again for so long counts no more."""
UNSEEN_AT_MOST: Final = timedelta(seconds=25)
"""How far the ledger's entries of the look may lag behind before the worker shows nothing."""
TICK_S: Final = 0.05
POSE_WAIT_S: Final = 0.6
STILL_DEG: Final = 0.05
STILL_ZOOM: Final = 0.002
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A reduced picture that waits for the pose after it."""

    frame: CommissioningFrame
    captured_at: datetime
    since_s: float


class CommissioningTap:
    """Where the pictures' thread offers what it decoded (`offer`, `sample`, `forget_poses`) and the desk's takes (`allow`, `take`).

    Args:
        moves: whether the camera has a pose.
    """

    def __init__(self, placement_id: PlacementId, clock: Clock, *, moves: bool) -> None:
        self._placement_id = placement_id
        self._clock = clock
        self._moves = moves
        self._lock = threading.Lock()
        self._permit: ViewPermit | None = None
        self._slot: CommissioningPicture | None = None
        self._waiting: _Waiting | None = None
        self._samples: deque[PoseSample] = deque(maxlen=64)
        self._last_s = float("-inf")

    def allow(self, permit: ViewPermit | None) -> None:
        """Set what counts from now on; None ends it and forgets every picture."""
        with self._lock:
            self._permit = permit
            if permit is None:
                self._slot = self._waiting = None

    def take(self) -> CommissioningPicture | None:
        """Return the newest picture, once, while the leave still counts."""
        with self._lock:
            picture, self._slot = self._slot, None
            permit = self._permit
            now_at, now_s = self._clock.now(), self._clock.monotonic_s()
            return picture if permit is not None and permit.counts(self._placement_id, now_at, now_s) else None

    def offer(self, raw: RawFrame, captured_at: datetime) -> None:
        """Reduce a picture if there is leave and it is time; nothing of it is kept otherwise."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            permit = self._permit
            self._settle(now_s)
            if permit is None or now_s - self._last_s < SHORTEST_BETWEEN_S or self._waiting is not None:
                return
        frame = commissioning_frame(raw, permit, self._placement_id, self._clock.now(), now_s)
        with self._lock:
            # Ended meanwhile: what was made for it is thrown away.
            if frame is None or self._permit is None:
                return
            self._last_s = now_s
            self._waiting = _Waiting(frame, captured_at, now_s)
            self._settle(now_s)

    def sample(self, sample: PoseSample) -> None:
        """Take a pose."""
        with self._lock:
            self._samples.append(sample)
            self._settle(self._clock.monotonic_s())

    def forget_poses(self) -> None:
        """Poses so far are on another clock than what comes."""
        with self._lock:
            self._samples.clear()

    def _settle(self, now_s: float) -> None:
        """Let the waiting picture go when its pose is known, or will not come."""
        waiting = self._waiting
        if waiting is None:
            return
        before, after = self._around(waiting.frame.captured_s)
        if self._moves and after is None and now_s - waiting.since_s < POSE_WAIT_S:
            return
        self._waiting = None
        rows, columns, _ = waiting.frame.rgb.shape
        self._slot = CommissioningPicture(
            columns,
            rows,
            waiting.frame.width_px,
            waiting.frame.height_px,
            (waiting.captured_at - _EPOCH) // _MICROSECOND,
            _pose(before, after) if self._moves else None,
            waiting.frame.rgb.tobytes(),
        )

    def _around(self, captured_s: float) -> tuple[PoseSample | None, PoseSample | None]:
        before = next((one for one in reversed(self._samples) if one.at_hi_s <= captured_s), None)
        after = next((one for one in self._samples if one.at_lo_s >= captured_s), None)
        return before, after


def _pose(before: PoseSample | None, after: PoseSample | None) -> Pose | None:
    """Return where the camera looked; still only when it told the same before and after the picture."""
    told = after or before
    if told is None or told.pan_deg is None or told.tilt_deg is None or told.zoom is None:
        return None
    still = False
    if before is not None and None not in {before.pan_deg, before.tilt_deg, before.zoom}:
        assert before.pan_deg is not None
        assert before.tilt_deg is not None
        assert before.zoom is not None
        turned_deg = abs((told.pan_deg - before.pan_deg + 180.0) % 360.0 - 180.0)
        still = (
            after is not None
            and turned_deg <= STILL_DEG
            and abs(told.tilt_deg - before.tilt_deg) <= STILL_DEG
            and abs(told.zoom - before.zoom) <= STILL_ZOOM
        )
    try:
        return Pose(told.pan_deg, told.tilt_deg, told.zoom, still)
    except ValueError:  # not a finite number: no pose
        return None


class CommissioningDesk:
    """Keep watch over the leave, and hand over what the tap gives while it lasts. Made for one thread.

    Args:
        epoch: of this worker; a worker that was fenced off shows nothing.
        tell: gets whether a view is open, for the state of the camera.
    """

    def __init__(
        self,
        *,
        placement_id: PlacementId,
        epoch: int,
        run_dir: Path,
        db: Database,
        ledger: Ledger,
        clock: Clock,
        tap: CommissioningTap,
        tell: Callable[[bool], None],
    ) -> None:
        self._placement_id = placement_id
        self._epoch = epoch
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._tap = tap
        self._tell = tell
        self._counter = CommissioningCounter(run_dir, placement_id)
        self._standing: Standing | None = None
        self._until_s = 0.0
        self._served: tuple[Standing, datetime] | None = None
        self._pictures = 0

    def run(self, stop: threading.Event) -> None:
        """Watch until told to stop."""
        try:
            while not stop.is_set():
                if self.look():
                    self._serve(stop)
                else:
                    self._clock.wait(stop, IDLE_LOOK_EVERY_S)
        finally:
            self._end("worker-stopped")

    def look(self) -> bool:
        """Read the leave anew; return whether there is one that counts. Whatever is wrong, there is none."""
        now_at, now_s = self._clock.now(), self._clock.monotonic_s()
        try:
            with self._db.read() as conn:
                found = commissioning.standing(conn, self._placement_id)
        except VmsError as error:
            log.warning("the leave for the commissioning view can't be read: it is over", cause=str(error))
            found = None
        permit = self._permit(found, now_at, now_s)
        if found is None or permit is None:
            self._end("no-leave")
            return False
        if self._standing is None or self._standing.view_id != found.view_id:
            self._end("another-look")
            self._until_s = permit.until_s
            self._standing = found
        self._tap.allow(permit)
        return True

    def _permit(self, found: Standing | None, now_at: datetime, now_s: float) -> ViewPermit | None:
        if found is None or found.epoch != self._epoch or found.placement_id != self._placement_id:
            return None
        if abs(now_at - found.seen_at) > UNSEEN_AT_MOST:
            return None
        until_s = now_s + (found.until_at - now_at).total_seconds()
        known = self._standing is not None and self._standing.view_id == found.view_id
        try:
            permit = ViewPermit(
                self._placement_id,
                found.from_at,
                found.until_at,
                min(until_s, self._until_s) if known else until_s,
                now_s + PERMIT_FRESH_S,
            )
        except ValueError:
            log.critical("a leave for the commissioning view is longer than the law of this program", id=found.view_id)
            return None
        return permit if permit.counts(self._placement_id, now_at, now_s) else None

    def _serve(self, stop: threading.Event) -> None:
        """Let the looker in and hand over pictures until the leave is to be read again."""
        standing = self._standing
        assert standing is not None
        again_s = self._clock.monotonic_s() + LOOK_EVERY_S
        try:
            self._counter.open()
            while not stop.is_set() and self._clock.monotonic_s() < again_s:
                self._counter.meet(standing.view_id, 0.0 if self._counter.has_looker else TICK_S)
                self._counter.notice_leaving()
                if not self._counter.has_looker:
                    self._tap.take()
                    continue
                self._begin(standing)
                picture = self._tap.take()
                if picture is None:
                    self._clock.wait(stop, TICK_S)
                elif self._counter.hand_over(picture):
                    self._pictures += 1
        except VmsError as error:
            log.warning("the commissioning view ends", cause=str(error))
            self._end("unavailable")
            self._clock.wait(stop, IDLE_LOOK_EVERY_S)

    def _begin(self, standing: Standing) -> None:
        """Write down that pictures will be handed over; no entry, no picture."""
        if self._served is not None:
            return
        now_at = self._clock.now()
        self._write(Act.COMMISSIONING_SERVE, standing, {})
        self._served, self._pictures = (standing, now_at), 0
        self._tell(True)
        log.warning("the commissioning view is open", id=standing.commissioning_id)

    def _end(self, why: str) -> None:
        """Show nothing more, and write down what was handed over."""
        self._tap.allow(None)
        self._counter.close()
        self._standing = None
        served, self._served = self._served, None
        if served is None:
            return
        self._tell(False)
        standing, start_at = served
        log.warning("the commissioning view is closed", id=standing.commissioning_id, why=why)
        obj: dict[str, Value] = {"from": start_at, "to": self._clock.now(), "pictures": self._pictures}
        try:
            self._write(Act.COMMISSIONING_SERVED, standing, obj, why)
        except VmsError as error:
            # The API's entries have every second of it; this one counts pictures.
            log.error("the end of the commissioning view could not be written", cause=str(error))  # noqa: TRY400 - expected

    def _write(self, act: Act, standing: Standing, more: dict[str, Value], why: str | None = None) -> None:
        obj: dict[str, Value] = {
            "placement_id": self._placement_id,
            "commissioning": standing.commissioning_id,
            "view": standing.view_id,
            **more,
        }
        entry = Entry(act=act, actor=Actor.service("ingest"), origin=Origin("vms-ingest"), object=obj, why=why)
        with self._db.write() as conn:
            self._ledger.append(conn, entry)
