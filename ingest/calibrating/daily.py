"""When a placement is checked again: once a day, from an hour that the settings name, when nobody has steered the camera for a while."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final

import structlog

from ingest.calibrating.desk import CalibrationDesk
from vms.clock import Clock
from vms.errors import VmsError

QUIET_S: Final = 300.0
"""An operator who let go of the stick may take it again."""
WINDOW: Final = timedelta(hours=6)
AGAIN_AFTER: Final = timedelta(hours=1)
"""Fog, or a lorry before the lens: another try on the same day."""
BY: Final = "schedule"

log = structlog.get_logger(__name__)


class DailyCheck:
    """Start re-checks.

    Args:
        at: from when, UTC.
        idle_s: tells for how long nobody has moved the camera.
        found_at: tells when the last look found anything; may raise a VmsError.
    """

    def __init__(
        self,
        at: time,
        desk: CalibrationDesk,
        clock: Clock,
        *,
        idle_s: Callable[[], float],
        found_at: Callable[[], datetime | None],
    ) -> None:
        self._at = at
        self._desk = desk
        self._clock = clock
        self._idle_s = idle_s
        self._found_at = found_at
        self._tried_at: datetime | None = None

    def look(self) -> None:
        """Start a re-check if it is time. Call it every few seconds."""
        now = self._clock.now()
        begins_at = datetime.combine(now.date(), self._at, UTC)
        if now < begins_at:
            begins_at -= timedelta(days=1)
        if now - begins_at >= WINDOW or self._desk.running or self._idle_s() < QUIET_S:
            return
        if self._tried_at is not None and now - self._tried_at < AGAIN_AFTER:
            return
        try:
            found_at = self._found_at()
            if found_at is not None and found_at >= begins_at:
                return
            self._tried_at = now
            self._desk.check(BY)
        except VmsError as error:
            log.info("the daily re-check can't be made now", code=error.code, cause=str(error))
