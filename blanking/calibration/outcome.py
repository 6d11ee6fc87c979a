"""The document of a calibration (docs/calibration.md): camera model and accuracy as a plan takes them, and what they rest on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from blanking.calibration.bounds import Closeness
from blanking.calibration.dynamics import Motor
from blanking.calibration.timing import Timing
from blanking.calibration.values import Fit
from blanking.calibration.verify import Checked
from blanking.plan_values import Accuracy, CameraModel

METHOD = "guided-1"
_GOOD_DEG, _GOOD_REL, _GOOD_STALE_S = 0.2, 0.015, 0.2
_USABLE_DEG, _USABLE_REL, _USABLE_STALE_S = 0.6, 0.04, 0.6
_WHOLE_ZOOM = 0.999


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured.

    Args:
        frame_px: size of the camera's pictures; the fit may have been made in smaller ones.
        exposure_s: longest exposure and readout that the frame rate allows.
        motors: by axis: pan, tilt, zoom.
        stills: how many pictures.
    """

    frame_px: tuple[int, int]
    model: CameraModel
    fit: Fit
    checks: Sequence[Checked]
    closeness: Closeness
    timing: Timing
    exposure_s: float
    motors: dict[str, Motor]
    stills: int


def verdict(measured: Measured) -> str:
    """Return what it is worth: good, usable or poor."""
    close, stale_s = measured.closeness, measured.timing.staleness_s
    if (
        close.pan_tilt_deg <= _GOOD_DEG
        and close.zoom_rel <= _GOOD_REL
        and stale_s <= _GOOD_STALE_S
        and not findings(measured)
    ):
        return "good"
    usable = close.pan_tilt_deg <= _USABLE_DEG and close.zoom_rel <= _USABLE_REL and stale_s <= _USABLE_STALE_S
    return "usable" if usable else "poor"


def findings(measured: Measured) -> list[str]:
    """Return what a technician should know, as codes."""
    found = []
    if measured.fit.zooms[-1] < _WHOLE_ZOOM:
        found.append("zoom-not-whole")
    if len(measured.checks) < 3:
        found.append("few-checks")
    if measured.closeness.pan_tilt_deg > _GOOD_DEG:
        found.append("directions-rough")
    if measured.closeness.zoom_rel > _GOOD_REL:
        found.append("scale-rough")
    if measured.timing.staleness_s > _GOOD_STALE_S:
        found.append("register-stale")
    return found


def document(measured: Measured) -> dict[str, Any]:
    """Return CALIBRATION.json."""
    width, height = measured.frame_px
    return {
        "frame": {"width": width, "height": height},
        "camera_model": model_json(measured.model),
        "accuracy": _accuracy(measured),
        "timing": asdict(measured.timing),
        "motors": {name: asdict(motor) for name, motor in measured.motors.items()},
        "residuals": {
            "stills": measured.stills,
            "matches": measured.fit.matches,
            "kept": round(measured.fit.kept, 4),
            "rms_px": round(measured.fit.rms_px, 4),
            "checks": [
                {
                    "pan_deg": round(one.pose[0], 4), "tilt_deg": round(one.pose[1], 4), "zoom": round(one.pose[2], 4),
                    "shift_deg": round(one.shift_deg, 5), "scale_rel": round(one.scale_rel, 6), "rms_px": round(one.rms_px, 3),
                    "matches": one.matches,
                }
                for one in measured.checks
            ],
        },
        "findings": findings(measured),
    }  # fmt: skip


def model_json(model: CameraModel) -> dict[str, Any]:
    """Return a camera model as a plan's document has it."""
    return {
        "zoom": [[zoom, round(hfov_deg, 6)] for zoom, hfov_deg in model.zoom_hfov_deg],
        "k1": [list(row) for row in model.zoom_k1],
        "principal_point": [round(one, 7) for one in model.principal_point_rel],
        "mount_deg": {"pan": model.mount_pan_deg, "tilt": model.mount_tilt_deg, "roll": model.mount_roll_deg},
        "pan_scale": _scale(model.pan_scale),
        "tilt_scale": round(model.tilt_scale, 7),
        "tilt_offset_deg": round(model.tilt_offset_deg, 5),
        "sensor_roll_deg": round(model.sensor_roll_deg, 5),
    }


def _scale(scale: float) -> float:
    """Return exactly 1 or -1 for an endless axis: blanking wraps only those."""
    return float(round(scale)) if abs(abs(scale) - 1.0) < 1e-4 else round(scale, 7)


def accuracy_of(measured: Measured) -> Accuracy:
    """Return what a plan from this calibration may state."""
    return Accuracy(**_accuracy(measured))


def _accuracy(measured: Measured) -> dict[str, float]:
    pan, tilt, zoom = (measured.motors[name] for name in ("pan", "tilt", "zoom"))
    return {
        "pan_tilt_deg": round(measured.closeness.pan_tilt_deg, 4),
        "zoom_rel": round(measured.closeness.zoom_rel, 5),
        "time_s": measured.timing.time_s,
        "exposure_s": round(measured.exposure_s, 4),
        "staleness_s": measured.timing.staleness_s,
        "max_speed_deg_s": max(pan.speed_bound, tilt.speed_bound),
        "max_acceleration_deg_s2": max(pan.acceleration_bound, tilt.acceleration_bound),
        "max_zoom_rate": zoom.speed_bound,
        "max_zoom_acceleration": zoom.acceleration_bound,
    }
