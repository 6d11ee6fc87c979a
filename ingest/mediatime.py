"""A camera's time stamps made continuous, and how old the media is against our own clock."""

from ingest.sliding import SlidingLeast

TICKS_PER_S = 90_000
BACK_S = 1.0
"""Time stamps in decoding order step back by a few frames at most; by more, they have jumped."""
AHEAD_S = 5.0
"""A time stamp that is further ahead than the time that has gone by since has jumped; less may be our own late reading."""


_STALL_WINDOW = 2.5
"""Times the limit: media that runs at more than 0.6 of its pace never falls behind by the limit within this."""


class MediaTimeline:
    """Rebase time stamps that jump, so that media time goes on at the pace of arrival.

    Cameras jump by an hour or back to zero after a time correction; decoders and players need one line.
    """

    def __init__(self) -> None:
        self._last_pts_s: float | None = None
        self._last_arrived_s = 0.0
        self._shift_s = 0.0

    def place(self, pts_s: float, arrived_s: float) -> tuple[float, bool]:
        """Return the media time of a packet in seconds from the first one, and whether its time stamp jumped.

        Args:
            pts_s: as the camera gave it; in decoding order, so small steps back are normal.
            arrived_s: monotonic seconds.
        """
        jumped = False
        if self._last_pts_s is None:
            self._shift_s = -pts_s
        else:
            step_s, passed_s = pts_s - self._last_pts_s, max(0.0, arrived_s - self._last_arrived_s)
            if step_s < -BACK_S or step_s - passed_s > AHEAD_S:
                jumped = True
                self._shift_s += self._last_pts_s + passed_s - pts_s
        self._last_pts_s, self._last_arrived_s = pts_s, arrived_s
        return pts_s + self._shift_s, jumped


class StallWatch:
    """Tell when media time stands still against the monotonic clock: silence, a frozen picture and slow motion alike.

    The age is held against the youngest of the last seconds: a clock that runs slow, or a camera that stamps 25 pictures a second and
    sends 21, falls behind for ever and is no stall.

    Args:
        limit_s: media that has become older by more than this within the window is a stall.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._least_lag = SlidingLeast(_STALL_WINDOW * limit_s)

    def lag_s(self, media_s: float, now_s: float) -> float:
        """Return how much older the media is than it was at its youngest lately."""
        lag_s = now_s - media_s
        return lag_s - self._least_lag.add(now_s, lag_s)

    def stalled(self, media_s: float, now_s: float) -> bool:
        """Return whether the media is too old."""
        return self.lag_s(media_s, now_s) > self._limit_s
