"""A camera's time stamps made continuous, and how old the media is against our own clock."""

from dataclasses import dataclass

TICKS_PER_S = 90_000
BACK_S = 1.0
"""Time stamps in decoding order step back by a few frames at most; by more, they have jumped."""
AHEAD_S = 5.0
"""A time stamp that is further ahead than the time that has gone by since has jumped; less may be our own late reading."""


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


@dataclass(slots=True)
class StallWatch:
    """Tell when media time no longer keeps up with the monotonic clock: silence, a frozen picture and slow motion alike.

    Args:
        limit_s: media older than the youngest seen by more than this is a stall.
    """

    limit_s: float
    _least_lag_s: float | None = None

    def lag_s(self, media_s: float, now_s: float) -> float:
        """Return how much older the media is than it was at its youngest."""
        lag_s = now_s - media_s
        if self._least_lag_s is None or lag_s < self._least_lag_s:
            self._least_lag_s = lag_s
        return lag_s - self._least_lag_s

    def stalled(self, media_s: float, now_s: float) -> bool:
        """Return whether the media is too old."""
        return self.lag_s(media_s, now_s) > self.limit_s
