"""From residuals to what a plan may state: bounds, with a factor for what was not looked at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blanking.calibration.values import Axis, Fit
from blanking.calibration.verify import Checked

SAFETY = 1.5
_MECHANICS_DEG = 0.02
_LEAST_SCALE = 0.002
_SIGMAS = 4.0
_FAR_TILT_DEG = 30.0
"""How far from the grid masks may lie over which an error of the tilt scale adds up."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """How well the model says where things are; the first two lines of a plan's accuracy.

    Args:
        pan_tilt_deg: bound on the error of a direction.
        zoom_rel: bound on the error of the scale.
    """

    pan_tilt_deg: float
    zoom_rel: float


def closeness(fit: Fit, checks: Sequence[Checked], pan: Axis, tilt: Axis, zoom_quantum: float) -> Closeness:
    """Return bounds from the pictures that were not fitted.

    The shift of a check holds the rounding of two poses, the check's and the one it is compared with: as a mask holds that of the pose at
    which it was drawn and that of the pose at which it is shown.
    """
    rounding = 0.5 * math.hypot(pan.quantum, tilt.quantum)
    shift = max((one.shift_deg for one in checks), default=0.0)
    scale = max((abs(one.scale_rel) for one in checks), default=0.0)
    steepest = float(np.max(np.abs(np.diff(fit.log_focal)) / np.maximum(np.diff(fit.zooms), 1e-9), initial=0.0))
    sensor = 3.0 * fit.rms_px * math.degrees(math.exp(-float(fit.log_focal[0])))
    sigma = float(np.max(fit.sigma_log_focal, initial=0.0))
    # The scale of tilt is known about as well as the rounding allows over the span that was looked at.
    far = SAFETY * tilt.quantum * _FAR_TILT_DEG / max(fit.tilt_span_deg, 1.0)
    return Closeness(
        pan_tilt_deg=max(SAFETY * shift, rounding) + rounding + far + sensor + _MECHANICS_DEG,
        zoom_rel=SAFETY * scale + _SIGMAS * sigma + 0.5 * zoom_quantum * steepest + _LEAST_SCALE,
    )


def quantum_of(values: Sequence[float], otherwise: float) -> float:
    """Return the smallest step between reported values: the register's rounding.

    Args:
        values: as many as there are, best of a movement.
        otherwise: when too few differ.
    """
    steps = np.diff(np.unique(np.round(np.asarray(values, dtype=np.float64), 6)))
    steps = steps[steps > 1e-5]
    return otherwise if len(steps) < 4 else float(np.min(steps))
