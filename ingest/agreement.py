"""Whether the clock on which the camera stamps its pictures and the one on which it stamps its poses are the same one.

Both are the camera's, so our own clock's errors cancel. But a camera that sets its clock moves the two at different moments:
poses at once, pictures at the next sender report. In between a mask would be painted where the camera looked some time ago.
"""

from dataclasses import dataclass

from ingest.sliding import SlidingLeast

DRIFT = 200e-6
"""How fast two quartz clocks may part, seconds per second."""
MAX_VIDEO_DELAY_S = 1.5
"""From exposure to arrival; a larger difference of the two clocks is no delay."""
VIDEO_WINDOW_S = 5.0
SETTLE_S = 1.0
"""How long both sides must have been seen after a step before they are compared."""
LEAST_TOLERANCE_S = 0.01


@dataclass(slots=True)
class OffsetBound:
    """What is known of (camera clock - our monotonic clock): an interval, tightened by each answer, widened by drift.

    Args:
        slack_s: how far a reading may be wrong by itself, e.g. a status that the camera refreshes now and then.
    """

    slack_s: float
    low_s: float = float("-inf")
    high_s: float = float("inf")
    _seen_s: float | None = None

    @property
    def known(self) -> bool:
        """Whether there was a reading."""
        return self._seen_s is not None

    @property
    def middle_s(self) -> float:
        """Return the middle of the interval."""
        return (self.low_s + self.high_s) / 2

    def tighten(self, low_s: float, high_s: float, now_s: float) -> bool:
        """Take one reading; return False when it contradicts what was known: the camera's clock has been set.

        After a contradiction what was known is forgotten.
        """
        low_s, high_s = low_s - self.slack_s, high_s + self.slack_s
        if self._seen_s is not None:
            spread_s = DRIFT * (now_s - self._seen_s)
            self.low_s, self.high_s = self.low_s - spread_s, self.high_s + spread_s
        self._seen_s = now_s
        if max(low_s, self.low_s) > min(high_s, self.high_s):
            self.low_s, self.high_s = low_s, high_s
            return False
        self.low_s, self.high_s = max(low_s, self.low_s), min(high_s, self.high_s)
        return True


class ClockAgreement:
    """Compare the two clocks, and say when poses may be used for pictures.

    Args:
        tolerance_s: how far the pictures' clock may move without being called a step; the plan's `time_s` covers it.
        slack_s: how stale a pose's own time stamp may be.
    """

    def __init__(self, tolerance_s: float, slack_s: float) -> None:
        self._tolerance_s = max(tolerance_s, LEAST_TOLERANCE_S)
        self._poses = OffsetBound(slack_s)
        self._video_delay = SlidingLeast(VIDEO_WINDOW_S)
        self._least_delay_s: float | None = None
        self._base_s: float | None = None
        self._reference_s: float | None = None
        self._stepped_s: float | None = None
        self._stamped = False
        self._pose_seen_s = 0.0
        self._video_seen_s = 0.0
        self.steps = 0
        self.last_step = ""

    def accept(self, tolerance_s: float, slack_s: float) -> None:
        """Use the bounds of another plan from now on."""
        self._tolerance_s = max(tolerance_s, LEAST_TOLERANCE_S)
        self._poses.slack_s = slack_s

    @property
    def pose_offset(self) -> OffsetBound:
        """Return the bound on (camera clock - monotonic) that the poses' time stamps give."""
        return self._poses

    @property
    def unresolved_since_s(self) -> float | None:
        """Since when (monotonic) a step is unresolved; None when there is none."""
        return self._stepped_s

    @property
    def video_offset_s(self) -> float | None:
        """Return (camera clock - monotonic) by the quickest recent picture: too small by its delay."""
        return None if self._least_delay_s is None else -self._least_delay_s

    def see_picture(self, media_s: float, camera_s: float | None, arrived_s: float) -> None:
        """Take the time stamps of one packet."""
        if camera_s is None:
            return
        base_s = camera_s - media_s
        if self._base_s is not None and abs(base_s - self._base_s) > self._tolerance_s:
            self._note_step(arrived_s, f"pictures by {base_s - self._base_s:.3f} s")
            self._video_delay.clear()
        self._base_s = base_s
        self._least_delay_s = self._video_delay.add(arrived_s, arrived_s - camera_s)
        self._video_seen_s = arrived_s

    def see_pose(self, low_s: float, high_s: float, now_s: float) -> None:
        """Take one bound on (camera clock - monotonic), from an answer that held the camera's time."""
        self._stamped = True
        if not self._poses.tighten(low_s, high_s, now_s):
            self._note_step(now_s, f"poses, now {low_s:.3f}..{high_s:.3f} s")
        self._pose_seen_s = now_s

    def see_unstamped_pose(self, now_s: float) -> None:
        """Take an answer without the camera's time: its sample's interval is wide enough by itself."""
        self._pose_seen_s = now_s

    def forget_pictures(self) -> None:
        """Begin a new session with the camera: its pictures' clock is learned anew."""
        self._video_delay.clear()
        self._least_delay_s = self._base_s = self._reference_s = self._stepped_s = None

    def agreed(self) -> bool:
        """Return whether poses and pictures are on one clock now."""
        if self._least_delay_s is None:
            return False
        if not self._stamped:
            if self._stepped_s is not None and self._video_seen_s >= self._stepped_s + SETTLE_S:
                self._stepped_s = None
            return self._stepped_s is None
        difference_s = self._poses.middle_s + self._least_delay_s  # the delay of the quickest picture
        uncertain_s = (self._poses.high_s - self._poses.low_s) / 2 + self._tolerance_s
        if not -uncertain_s <= difference_s <= MAX_VIDEO_DELAY_S:
            self._reference_s = None
            return False
        if self._stepped_s is not None:
            if min(self._pose_seen_s, self._video_seen_s) < self._stepped_s + SETTLE_S:
                return False
            if self._reference_s is not None and abs(difference_s - self._reference_s) > uncertain_s:
                return False
            self._stepped_s = None
        self._reference_s = difference_s
        return True

    def _note_step(self, now_s: float, what: str) -> None:
        self.steps += 1
        self.last_step = what
        self._stepped_s = now_s
