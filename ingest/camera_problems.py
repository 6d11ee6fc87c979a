"""What is wrong with cameras and storage, in words for machines and people: from what workers say of themselves, and from the volume.

A new word is one line in `CAMERA_PROBLEMS` (or the worker names it in its status, see `Condition.problems`), and its text in
`api/pages/static/service-health.js`. Nothing here starts or stops anything: these are matters for people.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from vms.db.placements import Placement
from vms.db.reports import STORAGE_FULL, STORAGE_LOW
from vms.model import PlacementId

RECORDING_STOPPED: Final = "recording-stopped"
"""Nothing is recorded of a camera that should be, whatever the cause."""
CAMERA_AWAY: Final = "camera-away"
"""A camera gives no pictures."""
CAMERA_SLOW: Final = "camera-slow"
"""Less than half of a camera's usual pictures come out."""
CAMERA_ONVIF: Final = "camera-onvif"
"""A moving camera does not say where it looks: its ONVIF service refuses, or answers something else."""
GREY: Final = "grey"
"""A camera is wholly grey: nobody sees anything of its street."""

AWAY_AFTER: Final = timedelta(seconds=45)
SLOW_AFTER: Final = timedelta(seconds=45)
GREY_AFTER: Final = timedelta(minutes=3)
SILENT_AFTER: Final = timedelta(seconds=30)
"""Workers say how they are every two seconds."""
LOW_HOURS: Final = 24.0
TREND_OVER_S: Final = 6 * 3600.0
TREND_FROM_S: Final = 600.0
"""Shorter than this a trend is the noise of one round of erasing."""
_BETWEEN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class CameraCondition:
    """How a camera is, by its worker's last word.

    Args:
        is_silent: the worker says nothing any more.
        status: what it said.
    """

    placement_id: PlacementId
    is_silent: bool
    status: Mapping[str, Any]
    now: datetime

    def lasts(self, what: str, span: timedelta) -> bool:
        """Return whether the instant under a name of the status is at least so long ago; a null is never."""
        since = self.status.get(what)
        return since is not None and self.now - datetime.fromisoformat(str(since)) >= span

    @property
    def should_record(self) -> bool:
        """Whether there is a plan to record by."""
        return self.status.get("recording") in {"on", "full"}


def _is_away(one: CameraCondition) -> bool:
    return one.status.get("state") in {"offline", "starting"} and one.lasts("state_since_at", AWAY_AFTER)


def _is_grey(one: CameraCondition) -> bool:
    return one.should_record and one.status.get("state") == "grey" and one.lasts("state_since_at", GREY_AFTER)


def _says_no_position(one: CameraCondition) -> bool:
    return one.status.get("telemetry_problem") is not None and one.lasts("telemetry_problem_since_at", AWAY_AFTER)


def _is_not_recorded(one: CameraCondition) -> bool:
    if one.is_silent:
        return True
    return one.should_record and (one.status.get("recording") == "full" or one.lasts("unrecorded_since_at", AWAY_AFTER))


CAMERA_PROBLEMS: Final[Mapping[str, Callable[[CameraCondition], bool]]] = {
    RECORDING_STOPPED: _is_not_recorded,
    CAMERA_AWAY: lambda one: not one.is_silent and _is_away(one),
    CAMERA_SLOW: lambda one: not one.is_silent and one.lasts("slow_since_at", SLOW_AFTER),
    CAMERA_ONVIF: lambda one: not one.is_silent and _says_no_position(one),
    GREY: lambda one: not one.is_silent and _is_grey(one),
}


def problems_of_cameras(lasting: Iterable[Placement], now: datetime) -> dict[str, list[PlacementId]]:
    """Return the placements that have each problem; problems that none has are left out.

    Args:
        lasting: the placements to record now.
    """
    found: dict[str, list[PlacementId]] = {}
    for placement in lasting:
        if placement.status is None or placement.status_at is None:
            continue  # its first worker is starting; while it can't, it is down
        is_silent = not timedelta(0) <= now - placement.status_at + SILENT_AFTER < 2 * SILENT_AFTER
        one = CameraCondition(placement.id, is_silent, placement.status, now)
        words = [word for word, applies in CAMERA_PROBLEMS.items() if applies(one)]
        # What only the worker itself can know (a camera that moved, say) it names in its status.
        words += [] if is_silent else [str(word) for word in placement.status.get("problems") or ()]
        for word in words:
            found.setdefault(word, []).append(placement.id)
    return found


class StorageTrend:
    """How full the footage volume is, and when it will be full at the present rate: erasing counts as well as recording.

    Args:
        floor_bytes: with fewer bytes free nothing is recorded.
    """

    def __init__(self, floor_bytes: int) -> None:
        self._floor_bytes = floor_bytes
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, free_bytes: int, now_s: float) -> None:
        """Note how much is free."""
        if not self._seen or now_s - self._seen[-1][0] >= _BETWEEN_S:
            self._seen.append((now_s, free_bytes))
        while self._seen[0][0] < now_s - TREND_OVER_S:
            self._seen.popleft()
        self._newest = (now_s, free_bytes)

    def hours_until_full(self) -> float | None:
        """Return how long the room lasts; None while nobody can say, or when it grows."""
        (first_s, first_bytes), (now_s, free_bytes) = self._seen[0], self._newest
        if free_bytes <= self._floor_bytes:
            return 0.0
        if now_s - first_s < TREND_FROM_S or free_bytes >= first_bytes:
            return None
        return (free_bytes - self._floor_bytes) / (first_bytes - free_bytes) * (now_s - first_s) / 3600

    def problem(self) -> str | None:
        """Return `STORAGE_FULL`, `STORAGE_LOW` or None."""
        hours = self.hours_until_full()
        if hours is None or hours > LOW_HOURS:
            return None
        return STORAGE_FULL if hours <= 0.0 else STORAGE_LOW
