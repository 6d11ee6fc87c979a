"""When a picture was taken, on our own clock: from the camera's clock where it tells it, else from arrival; never backwards."""

from datetime import UTC, datetime, timedelta

from ingest.sliding import SlidingLeast

WINDOW_S = 60.0
"""The quickest packet of this long stands for the camera's clock offset."""
SLEW = 0.1
"""An offset that must shrink does so by at most this share of media time, so that instants go on."""
SYNCHRONISED_S = (-0.05, 0.5)
"""A camera whose pictures arrive this long after their own time stamp keeps the right time: its stamps are used as they are."""
STILL_SYNCHRONISED_S = (-0.15, 0.8)
HOST_STEP_S = 0.5
REANCHOR_S = 5.0
"""Instants that a step of our own clock put off by more than this begin anew, with a stated gap: slewing would take ten times as long."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CaptureMap:
    """Map one session's packets to instants on our clock.

    The least delay seen (arrival on our clock minus the camera's time stamp) is taken for the difference of the clocks: queues
    and networks only ever add to it. A camera that keeps our time is believed as it is.
    """

    def __init__(self, not_before: datetime | None = None) -> None:
        self._delay = SlidingLeast(WINDOW_S)
        self._uses_camera = False
        self._synchronised = False
        self._offset_s: float | None = None
        self._media_s = 0.0
        self._wall_minus_monotonic_s: float | None = None
        self._last_at = not_before
        self._step_s: float | None = None

    @property
    def synchronised(self) -> bool:
        """Whether the camera's clock agrees with ours."""
        return self._synchronised

    @property
    def last_at(self) -> datetime | None:
        """Return the last instant given by `in_order`."""
        return self._last_at

    def captured_at(self, media_s: float, camera_s: float | None, arrived_s: float, arrived_at: datetime) -> datetime:
        """Return when a packet's picture was taken.

        Args:
            media_s: continuous media time; decoding order, so small steps back are normal.
            camera_s: by the camera's clock, seconds since 1970; None before its first sender report.
            arrived_s: monotonic.
            arrived_at: on our clock.
        """
        wall_s = (arrived_at - EPOCH).total_seconds()
        stepped = self._notice_host_step(wall_s - arrived_s)
        if (camera_s is not None) != self._uses_camera:
            self._uses_camera = camera_s is not None
            self._delay.clear()
        stamp_s = media_s if camera_s is None else camera_s
        least_delay_s = self._delay.add(arrived_s, wall_s - stamp_s)
        target_s = stamp_s + self._correction_s(least_delay_s, is_camera=camera_s is not None)
        before_s = self._offset_s
        if stepped and before_s is not None and abs(target_s - media_s - before_s) > REANCHOR_S:
            self._offset_s = None
            self._step_s = target_s - media_s - before_s
        self._slew_to(target_s - media_s, media_s)
        captured_at = EPOCH + timedelta(seconds=media_s + (self._offset_s or 0.0))
        if before_s is None and self._last_at is not None:
            ahead_s = (self._last_at - captured_at).total_seconds()
            self._step_s = -ahead_s if ahead_s > REANCHOR_S else None
        return captured_at

    def take_step_s(self) -> float | None:
        """Return by how much instants were set by the newest packet, once; None when they go on.

        Pictures still to come with instants from before it have to be moved by as much. After a step back `begin_anew` must follow.
        """
        step_s, self._step_s = self._step_s, None
        return step_s

    def begin_anew(self) -> None:
        """Let the next instant be before the last one given."""
        self._last_at = None

    def in_order(self, captured_at: datetime) -> datetime:
        """Return the instant, or the next microsecond after the last one given, whichever is later. Call it in output order."""
        if self._last_at is not None and captured_at <= self._last_at:
            captured_at = self._last_at + timedelta(microseconds=1)
        self._last_at = captured_at
        return captured_at

    def _correction_s(self, least_delay_s: float, *, is_camera: bool) -> float:
        low_s, high_s = STILL_SYNCHRONISED_S if self._synchronised else SYNCHRONISED_S
        self._synchronised = is_camera and low_s <= least_delay_s <= high_s
        return 0.0 if self._synchronised else least_delay_s

    def _slew_to(self, wanted_s: float, media_s: float) -> None:
        if self._offset_s is None or wanted_s >= self._offset_s:
            self._offset_s = wanted_s
        else:
            self._offset_s = max(wanted_s, self._offset_s - SLEW * max(0.0, media_s - self._media_s))
        self._media_s = max(self._media_s, media_s)

    def _notice_host_step(self, wall_minus_monotonic_s: float) -> bool:
        before_s, self._wall_minus_monotonic_s = self._wall_minus_monotonic_s, wall_minus_monotonic_s
        stepped = before_s is not None and abs(wall_minus_monotonic_s - before_s) > HOST_STEP_S
        if stepped:
            self._delay.clear()
        return stepped
