"""How a camera is started."""

from dataclasses import dataclass
from pathlib import Path

from sample_streams.onvif.habits import OnvifHabit
from sample_streams.onvif.ptz_spaces import Habit, SpaceKind
from sample_streams.onvif.recording import EdgeMode
from sample_streams.scene.light import TimeOfDay


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """What a camera is told when it starts.

    Args:
        qp: constant quantiser; None is the roster's.
        edge: what it keeps on a card of its own.
        onvif_habits: how its ONVIF services differ from the plain ones.
    """

    host: str
    seed: int
    content_seed: int
    truth_dir: Path
    password: str
    rtsp_port: int = 0
    onvif_port: int = 0
    time_of_day: TimeOfDay = TimeOfDay.DUSK
    space: SpaceKind = SpaceKind.SPHERICAL
    habits: frozenset[Habit] = frozenset()
    qp: int | None = None
    edge: EdgeMode = EdgeMode.NONE
    onvif_habits: frozenset[OnvifHabit] = frozenset()
