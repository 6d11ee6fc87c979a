"""Where the pictures' thread offers decoded luma and poses, and the calibration's thread takes them. Nothing is kept beyond a run.

While `busy` every frame of the placement leaves grey (`camera-busy`): the masks of the plan are not to be trusted on a camera that is
being measured.
"""

import math
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from blanking.calibration.features import Luma
from blanking.calibration.sight import Pose
from blanking.frames import RawFrame
from blanking.pose import PoseSample
from vms.clock import Clock
from vms.errors import Unavailable

STILL_WIDEST_PX: Final = 1280
FILM_WIDEST_PX: Final = 640
MOST_FILMED: Final = 400
MOST_SAMPLES: Final = 6000
_TICK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a run's own memory.

    Args:
        luma: brightness, made smaller by a whole factor where the camera's is larger than needed.
        at_s: middle of the exposure on the video's clock.
        frame_px: the camera's own size.
    """

    luma: Luma
    at_s: float
    frame_px: tuple[int, int]


class CalibrationEye:
    """Hand pictures and poses from one thread to another."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._busy = False
        self._wanted_after_s = math.inf
        self._still: Picture | None = None
        self._filming = False
        self._film: list[Picture] = []
        self._samples: deque[PoseSample] = deque(maxlen=MOST_SAMPLES)

    @property
    def busy(self) -> bool:
        """Whether the camera is being measured, so that everything is grey."""
        return self._busy

    def begin(self) -> None:
        """Make everything grey from the next frame on, and listen."""
        with self._changed:
            self._forget()
            self._busy = True

    def end(self) -> None:
        """Stop listening and forget every picture."""
        with self._changed:
            self._busy = False
            self._forget()

    def offer(self, frame: RawFrame) -> None:
        """Take a whole picture; copies it only when somebody waits for one."""
        if not self._busy or not math.isfinite(frame.captured_s) or not frame.planes[0].size:
            return
        with self._changed:
            if frame.captured_s > self._wanted_after_s:
                self._wanted_after_s = math.inf
                self._still = _copied(frame, STILL_WIDEST_PX)
            if self._filming and len(self._film) < MOST_FILMED:
                self._film.append(_copied(frame, FILM_WIDEST_PX))
            self._changed.notify_all()

    def sample(self, sample: PoseSample) -> None:
        """Take a pose."""
        if self._busy:
            with self._changed:
                self._samples.append(sample)
                self._changed.notify_all()

    def still(self, after_s: float, within_s: float) -> Picture:
        """Return a picture taken after an instant.

        Raises:
            Unavailable: none came.
        """
        with self._changed:
            self._still, self._wanted_after_s = None, after_s
            self._wait(self._has_still, within_s)
            self._wanted_after_s = math.inf
            still = self._taken()
            if still is None:
                raise Unavailable(
                    "the camera sent no usable picture for too long: look at its connection and its clock",
                    code="calibration.no-pictures",
                )
            return still

    def film(self) -> None:
        """Keep every picture from now on, small."""
        with self._changed:
            self._film, self._filming = [], True

    def developed(self) -> list[Picture]:
        """Stop keeping, and return what was kept."""
        with self._changed:
            film, self._film, self._filming = self._film, [], False
            return film

    def samples(self, since_s: float = -math.inf) -> list[PoseSample]:
        """Return the poses read since an instant of the video's clock."""
        with self._changed:
            return [sample for sample in self._samples if sample.at_hi_s >= since_s]

    def newest(self) -> PoseSample | None:
        """Return the last pose."""
        with self._changed:
            return self._samples[-1] if self._samples else None

    def wait_for_pose(self, ready: Callable[[list[PoseSample]], bool], within_s: float) -> bool:
        """Wait until the poses fulfil a condition; return whether they did in time."""
        with self._changed:
            return self._wait(lambda: ready(list(self._samples)), within_s)

    def _has_still(self) -> bool:
        return self._still is not None

    def _taken(self) -> Picture | None:
        still, self._still = self._still, None
        return still

    def _wait(self, condition: Callable[[], bool], within_s: float) -> bool:
        give_up_s = self._clock.monotonic_s() + within_s
        while not condition():
            left_s = give_up_s - self._clock.monotonic_s()
            if left_s <= 0 or not self._busy:
                return False
            self._changed.wait(min(left_s, _TICK_S))
        return True

    def _forget(self) -> None:
        self._still, self._wanted_after_s = None, math.inf
        self._film, self._filming = [], False
        self._samples.clear()


def pose_of(sample: PoseSample) -> Pose | None:
    """Return a sample's pose when it has all of it."""
    if sample.pan_deg is None or sample.tilt_deg is None or sample.zoom is None:
        return None
    return (sample.pan_deg, sample.tilt_deg, sample.zoom)


def _copied(frame: RawFrame, widest_px: int) -> Picture:
    luma = frame.planes[0]
    factor = max(1, math.ceil(luma.shape[1] / widest_px))
    if factor == 1:
        return Picture(luma.copy(), frame.captured_s, (frame.width_px, frame.height_px))
    rows, columns = luma.shape[0] // factor * factor, luma.shape[1] // factor * factor
    blocks = luma[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    return Picture(blocks.mean(axis=(1, 3)).astype(np.uint8), frame.captured_s, (frame.width_px, frame.height_px))
