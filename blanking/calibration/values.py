"""What calibration hands around: stills, what was found in them, and the measured camera."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanking.calibration.features import Features
from blanking.calibration.sight import Floats, Pose


@dataclass(frozen=True, slots=True)
class Still:
    """A picture of a camera that stood still.

    Args:
        pose: as the camera reported it.
        features: of the picture; the picture itself is gone.
        stand: pictures with the same number were taken without pan or tilt having moved in between.
    """

    pose: Pose
    features: Features
    stand: int


@dataclass(frozen=True, slots=True)
class Pairing:
    """The same points in two stills: row k of `from_px` in one is row k of `to_px` in the other.

    Args:
        one, other: indices of the stills; the other one is the wider of both.
    """

    one: int
    other: int
    from_px: Floats
    to_px: Floats


@dataclass(frozen=True, slots=True)
class Axis:
    """What is known of an axis before anything was measured.

    Args:
        is_endless: its true scale is 1 or -1, because a whole turn is 360 degrees.
        quantum: smallest step of what the camera reports.
    """

    is_endless: bool
    quantum: float


@dataclass(frozen=True, slots=True)
class Fit:
    """The camera that explains the stills best.

    Args:
        zooms: where focal length and distortion were measured, rising.
        log_focal: ln of the focal length in pixels.
        k1: distortion.
        centre_px: principal point.
        roll: of the sensor, radians.
        pan_scale, tilt_scale: true per reported degrees.
        tilt_offset: radians.
        sigma_log_focal: standard error of each focal length.
        rms_px: of the matches that were kept.
        kept: share of the matches that were kept.
        matches: how many were used.
        tilt_span_deg: from the lowest to the highest pose.
    """

    zooms: Floats
    log_focal: Floats
    k1: Floats
    centre_px: tuple[float, float]
    roll: float
    pan_scale: float
    tilt_scale: float
    tilt_offset: float
    sigma_log_focal: Floats
    rms_px: float
    kept: float
    matches: int
    tilt_span_deg: float


Indices = NDArray[np.intp]
