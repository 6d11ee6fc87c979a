"""The worker's part of the panorama: blanked pictures of a camera that stands still, now and then, into one masked whole.

Work that takes tens of milliseconds, so it has a thread of its own; the pictures' thread only leaves a picture in a slot, and only
while it has time itself. What a picture costs is measured: after it the panorama rests until all of it is under `MOST_CORE_SHARE`.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import structlog

from blanking.decision import Blank
from blanking.frames import BlankedFrame
from blanking.panorama import COLUMNS, LEFT_DEG, ROWS, STEP_DEG, TOP_DEG, Panorama
from blanking.plan import DirectionPlan
from blanking.pose import PoseSample
from ingest.plan_watch import ActivePlan
from vms.clock import Clock, thread_cpu_s
from vms.db import hour_keys, panoramas
from vms.db.engine import Database
from vms.errors import VmsError
from vms.footage.keys import KeyService
from vms.footage.panorama import PlainPanorama, opened_panorama, sealed_panorama
from vms.model import RETENTION_CEILING, PlacementId, hour_of

BETWEEN_S: Final = 2.0
MOST_CORE_SHARE: Final = 0.015
"""Of one processor's time, on the average, for taking and storing pictures."""
STORE_EVERY_S: Final = 60.0
FIRST_STORE_AFTER_S: Final = 5.0
BEGIN_ANEW_AFTER: Final = timedelta(days=7)
"""Old pictures leave a panorama with all of it: nothing in it is older than this, and it is erased long before footage has to be."""
STILL_DEG: Final = 0.05
STILL_ZOOM: Final = 0.002
TICK_S: Final = 0.5

log = structlog.get_logger(__name__)

_Slot = tuple[BlankedFrame, tuple[float, float, float], ActivePlan]


class PanoramaMaker:
    """Take blanked pictures, store a masked panorama.

    Args:
        keep_for: how long footage may be kept here.
        cpu_s: the processor time of the thread that calls it.
    """

    def __init__(
        self,
        placement_id: PlacementId,
        db: Database,
        keys: KeyService,
        clock: Clock,
        keep_for: timedelta,
        *,
        cpu_s: Callable[[], float] = thread_cpu_s,
    ) -> None:
        self._placement_id = placement_id
        self._db = db
        self._keys = keys
        self._clock = clock
        self._keep_for = min(keep_for, RETENTION_CEILING)
        self._lock = threading.Lock()
        self._slot: _Slot | None = None
        self._next: ActivePlan | None = None
        self._samples: deque[PoseSample] = deque(maxlen=64)
        self._cpu_s = cpu_s
        self._last_s = float("-inf")
        self._rest_until_s = float("-inf")
        self._whole: Panorama | None = None
        self._begun_at: datetime | None = None
        self._under: ActivePlan | None = None
        self._changed = False
        self._has_row = False
        self._stored_s: float | None = None
        self.taken = 0
        """How many pictures were taken."""

    def sample(self, sample: PoseSample) -> None:
        """Take a pose; from the pictures' thread, as `offer`."""
        self._samples.append(sample)

    def forget_poses(self) -> None:
        """Poses so far are on another clock than what comes."""
        self._samples.clear()

    def offer(self, frame: BlankedFrame, active: ActivePlan) -> None:
        """Leave a picture if it is time and the camera stands still; never waits."""
        now_s = self._clock.monotonic_s()
        if now_s - self._last_s < BETWEEN_S or now_s < self._rest_until_s or not isinstance(frame.decision, Blank):
            return
        pose = self._still_pose(frame.captured_s)
        if pose is None or not isinstance(active.plan, DirectionPlan) or active.version is None:
            return
        self._last_s = now_s
        with self._lock:
            self._slot = (frame, pose, active)
            self.taken += 1

    def store_soon(self) -> None:
        """Store what is new within seconds instead of at the next minute."""
        self._stored_s = None

    def replan(self, active: ActivePlan) -> None:
        """Another plan counts: at the next step what is stored is greyed by it, or erased."""
        with self._lock:
            self._slot, self._next = None, active

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; then store what is new."""
        while not self._clock.wait(stop, TICK_S):
            self.step()
        with self._lock:
            self._slot = None
        if self._next is None:
            self._store()

    def step(self) -> None:
        """Take the picture in the slot, and store now and then."""
        with self._lock:
            slot, self._slot = self._slot, None
            following, self._next = self._next, None
        try:
            if following is not None:
                self._adopt(following)
            began_cpu_s = self._cpu_s()
            if slot is not None:
                self._take(*slot)
            now_s = self._clock.monotonic_s()
            if self._stored_s is None and self._changed:
                self._stored_s = now_s - STORE_EVERY_S + FIRST_STORE_AFTER_S
            if self._changed and self._stored_s is not None and now_s - self._stored_s >= STORE_EVERY_S:
                self._store()
            self._rest(now_s, self._cpu_s() - began_cpu_s)
        # The supervisor's place of this thread. Whatever it is (a mask that can't be drawn, say), nothing of it may be kept, and
        # recording must not end for the sake of a panorama.
        except Exception:
            log.exception("the panorama is thrown away")
            self._forget()

    def _rest(self, now_s: float, spent_s: float) -> None:
        """Take no picture until what was spent is a small share of the time."""
        self._rest_until_s = max(self._rest_until_s, now_s) + spent_s / MOST_CORE_SHARE

    def _take(self, frame: BlankedFrame, pose: tuple[float, float, float], active: ActivePlan) -> None:
        if self._under is None:
            self._adopt(active)
        elif self._under.version != active.version:
            return  # blanked by a plan that does not count any more
        plan = active.plan
        now = self._clock.now()
        if self._whole is None or self._begun_at is None or not self._is_young(self._begun_at):
            self._whole, self._begun_at = Panorama(), now
        if not isinstance(plan, DirectionPlan):
            return
        if self._whole.add(frame, plan, pose):
            self._whole.grey(plan)
            self._changed = True

    def _adopt(self, active: ActivePlan) -> None:
        """Go on with what is there or stored, greyed by the plan that counts now; with nothing where that is not possible."""
        self._under = active
        if self._whole is None:
            self._load()
        if self._whole is None:
            return
        if not isinstance(active.plan, DirectionPlan):
            self._forget()
            return
        self._whole.grey(active.plan)
        self._changed = True
        self._store()

    def _load(self) -> None:
        try:
            with self._db.read() as conn:
                stored = panoramas.find(conn, self._placement_id)
            self._has_row = stored is not None
            if stored is None or not self._is_young(stored.begun_at):
                return
            plain = opened_panorama(self._keys, stored)
            rgb = np.frombuffer(plain.rgb, np.uint8).reshape(plain.rows, plain.columns, 3)
            seen = np.frombuffer(plain.seen, np.uint8).reshape(plain.rows, plain.columns) > 0
            self._whole, self._begun_at = Panorama(rgb, seen), stored.begun_at
        except (VmsError, ValueError) as error:
            log.warning("the stored panorama can't be used; a new one is begun", cause=str(error))

    def _store(self) -> None:
        whole, begun_at, under = self._whole, self._begun_at, self._under
        if not self._changed or whole is None or begun_at is None or under is None or under.version is None:
            return
        plain = PlainPanorama(
            COLUMNS, ROWS, STEP_DEG, LEFT_DEG, TOP_DEG, whole.rgb.tobytes(), whole.seen.astype(np.uint8).tobytes()
        )
        try:
            with self._db.write() as conn:
                if self._has_row and panoramas.find(conn, self._placement_id) is None:
                    # Erased with what it was made of: what is in memory is the same.
                    self._whole, self._begun_at, self._changed, self._has_row = None, None, False, False
                    return
                hour_keys.require_live(conn, hour_of(begun_at))
                row = sealed_panorama(
                    self._keys,
                    plain,
                    placement_id=self._placement_id,
                    plan_version=under.version,
                    begun_at=begun_at,
                    made_at=self._clock.now(),
                    due_at=begun_at + self._keep_for,
                )
                panoramas.store(conn, row)
        except VmsError as error:
            log.warning("the panorama could not be stored; tried again later", cause=str(error))
            return
        self._changed, self._stored_s, self._has_row = False, self._clock.monotonic_s(), True

    def _is_young(self, begun_at: datetime) -> bool:
        """Whether it may go on growing; one begun in the future was begun by a clock that was ahead."""
        return timedelta(0) <= self._clock.now() - begun_at < BEGIN_ANEW_AFTER

    def _forget(self) -> None:
        self._whole, self._begun_at, self._changed, self._has_row = None, None, False, False
        try:
            with self._db.write() as conn:
                panoramas.drop(conn, self._placement_id)
        except VmsError as error:
            log.warning("the panorama could not be erased yet; it is not shown under another plan", cause=str(error))

    def _still_pose(self, captured_s: float) -> tuple[float, float, float] | None:
        """Return where the camera looked, if it told the same before and after the picture."""
        before = next((one for one in reversed(self._samples) if one.at_hi_s <= captured_s), None)
        after = next((one for one in self._samples if one.at_lo_s >= captured_s), None)
        if before is None or after is None:
            return None
        a, b = _told(before), _told(after)
        if a is None or b is None:
            return None
        turned_deg = abs((a[0] - b[0] + 180.0) % 360.0 - 180.0)
        still = turned_deg <= STILL_DEG and abs(a[1] - b[1]) <= STILL_DEG and abs(a[2] - b[2]) <= STILL_ZOOM
        return b if still else None


def _told(sample: PoseSample) -> tuple[float, float, float] | None:
    if sample.pan_deg is None or sample.tilt_deg is None or sample.zoom is None:
        return None
    pose = (sample.pan_deg, sample.tilt_deg, sample.zoom)
    return pose if bool(np.isfinite(pose).all()) else None
