"""What the API may ask of a camera's worker, as values that are valid or don't exist."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from vms.errors import InvalidInput


def _number(name: str, value: float, least: float, most: float) -> None:
    # Comparisons with NaN are false; a boolean is a number to Python only.
    if isinstance(value, bool) or not (isinstance(value, int | float) and least <= value <= most):
        raise InvalidInput(f"{name} must be a number from {least:g} to {most:g}", code="ptz.out-of-range", field=name)


def _check_asker(by: str, what: str) -> None:
    if not (isinstance(by, str) and 0 < len(by) <= 200):
        raise InvalidInput(f"say who starts {what}", code="command.fields")


@dataclass(frozen=True, slots=True)
class PtzContinuous:
    """Move at a speed; the worker stops the camera unless this comes again within 500 ms.

    Args:
        pan, tilt, zoom: -1..1 of the camera's top speed; pan > 0 to the right, tilt > 0 up, zoom > 0 in.
    """

    KIND: ClassVar[str] = "ptz.continuous"
    pan: float
    tilt: float
    zoom: float

    def __post_init__(self) -> None:
        for name in ("pan", "tilt", "zoom"):
            _number(name, getattr(self, name), -1.0, 1.0)


@dataclass(frozen=True, slots=True)
class PtzStop:
    """Stop all movement now."""

    KIND: ClassVar[str] = "ptz.stop"


@dataclass(frozen=True, slots=True)
class PtzAbsolute:
    """Go to a pose.

    Args:
        pan_deg: -180..180, > 0 to the right.
        tilt_deg: -90..90, > 0 up.
        zoom: 0..1, wide to tele.
    """

    KIND: ClassVar[str] = "ptz.absolute"
    pan_deg: float
    tilt_deg: float
    zoom: float

    def __post_init__(self) -> None:
        _number("pan_deg", self.pan_deg, -180.0, 180.0)
        _number("tilt_deg", self.tilt_deg, -90.0, 90.0)
        _number("zoom", self.zoom, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class PtzRelativeView:
    """Bring the point of the picture at (0.5 + dx, 0.5 + dy) to its middle.

    Args:
        dx: fraction of the picture's width, > 0 to the right.
        dy: fraction of the picture's height, > 0 down.
    """

    KIND: ClassVar[str] = "ptz.relative_view"
    dx: float
    dy: float

    def __post_init__(self) -> None:
        _number("dx", self.dx, -1.0, 1.0)
        _number("dy", self.dy, -1.0, 1.0)


@dataclass(frozen=True, slots=True)
class PtzPresets:
    """List the camera's presets: the reply is {"presets": [{"id": ..., "name": ...}]}."""

    KIND: ClassVar[str] = "ptz.presets"


@dataclass(frozen=True, slots=True)
class PtzGotoPreset:
    """Go to a preset of the list."""

    KIND: ClassVar[str] = "ptz.goto_preset"
    preset: str

    def __post_init__(self) -> None:
        if not (isinstance(self.preset, str) and 0 < len(self.preset) <= 64):
            raise InvalidInput("preset must be the id of a preset", code="ptz.preset")


@dataclass(frozen=True, slots=True)
class StatusQuery:
    """Ask how the worker is: the reply is its status as in the database, but of this moment."""

    KIND: ClassVar[str] = "status"


@dataclass(frozen=True, slots=True)
class CalibrationStart:
    """Measure the camera: it drives through its poses by itself, and everything is grey meanwhile. The reply is as of `CalibrationStatus`.

    Args:
        by: who asked, an account's id or `command-line`.
        thorough: False looks at fewer poses.
    """

    KIND: ClassVar[str] = "calibration.start"
    by: str
    thorough: bool = True

    def __post_init__(self) -> None:
        _check_asker(self.by, "the calibration")
        if not isinstance(self.thorough, bool):
            raise InvalidInput("say whether the calibration is thorough", code="command.fields")


@dataclass(frozen=True, slots=True)
class CalibrationCheck:
    """Hold the plan's camera model against the street. Everything is grey for some seconds; the reply is as of `CalibrationStatus`.

    Args:
        by: who asked, an account's id or `command-line`.
    """

    KIND: ClassVar[str] = "calibration.check"
    by: str

    def __post_init__(self) -> None:
        _check_asker(self.by, "the re-check")


@dataclass(frozen=True, slots=True)
class CalibrationStatus:
    """Ask how a calibration stands: {"state": "idle" | "running" | "done" | "failed" | "cancelled", "phase": ..., "share": 0..1, ...}."""

    KIND: ClassVar[str] = "calibration.status"


@dataclass(frozen=True, slots=True)
class CalibrationCancel:
    """End a calibration: nothing is stored, the camera goes back to where it stood."""

    KIND: ClassVar[str] = "calibration.cancel"


@dataclass(frozen=True, slots=True)
class PanoramaScan:
    """Look around for the panorama: refused while somebody steers, ended by whoever does. The reply is as of `PanoramaScanStatus`.

    Args:
        by: who asked, an account's id or `command-line`.
    """

    KIND: ClassVar[str] = "panorama.scan"
    by: str

    def __post_init__(self) -> None:
        _check_asker(self.by, "the scan")


@dataclass(frozen=True, slots=True)
class PanoramaScanStatus:
    """Ask how a scan stands: {"state": "idle" | "running" | "done" | "cancelled" | "steered" | "failed", "share": 0..1, ...}."""

    KIND: ClassVar[str] = "panorama.status"


@dataclass(frozen=True, slots=True)
class PanoramaScanCancel:
    """End a scan; the camera goes back to where it stood."""

    KIND: ClassVar[str] = "panorama.cancel"


Command = (
    PtzContinuous
    | PtzStop
    | PtzAbsolute
    | PtzRelativeView
    | PtzPresets
    | PtzGotoPreset
    | StatusQuery
    | CalibrationStart
    | CalibrationCheck
    | CalibrationStatus
    | CalibrationCancel
    | PanoramaScan
    | PanoramaScanStatus
    | PanoramaScanCancel
)

_BY_KIND: dict[str, type[Command]] = {
    PtzContinuous.KIND: PtzContinuous,
    PtzStop.KIND: PtzStop,
    PtzAbsolute.KIND: PtzAbsolute,
    PtzRelativeView.KIND: PtzRelativeView,
    PtzPresets.KIND: PtzPresets,
    PtzGotoPreset.KIND: PtzGotoPreset,
    StatusQuery.KIND: StatusQuery,
    CalibrationStart.KIND: CalibrationStart,
    CalibrationCheck.KIND: CalibrationCheck,
    CalibrationStatus.KIND: CalibrationStatus,
    CalibrationCancel.KIND: CalibrationCancel,
    PanoramaScan.KIND: PanoramaScan,
    PanoramaScanStatus.KIND: PanoramaScanStatus,
    PanoramaScanCancel.KIND: PanoramaScanCancel,
}


def command_from_json(document: Mapping[str, Any]) -> Command:
    """Return the command that a JSON object describes.

    Args:
        document: {"kind": "ptz.continuous", ...}.

    Raises:
        InvalidInput: the kind is unknown, or a field is missing, unknown or out of range.
    """
    fields = dict(document)
    kind = fields.pop("kind", None)
    maker = _BY_KIND.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise InvalidInput(f"unknown command; kinds are {', '.join(sorted(_BY_KIND))}", code="command.kind")
    try:
        return maker(**fields)
    except TypeError as error:
        raise InvalidInput(f"{kind} has missing or unknown fields", code="command.fields", kind=str(kind)) from error


def command_to_json(command: Command) -> dict[str, Any]:
    """Return the JSON object that `command_from_json` reads."""
    return {"kind": command.KIND, **asdict(command)}
