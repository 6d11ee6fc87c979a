"""A camera whose optics nobody knows: everything that a calibration has to find is drawn at random.

What is drawn stands in the truth folder alone; the register entry that the product reads holds none of it.
"""

import math
import random
from dataclasses import dataclass, replace

from sample_streams.device.mechanics import AxisLimits, Limits, Pose
from sample_streams.optics import Optics, Table
from sample_streams.roster import CameraKind, CameraSpec

TABLE_ROWS = 33


@dataclass(frozen=True, slots=True)
class UnknownOptics:
    """What to draw.

    Args:
        seed: same seed, same camera.
        size: width and height of the picture.
        haste: how many times faster than usual its motors are; tests have no time.
    """

    seed: int
    size: tuple[int, int] | None = None
    haste: float = 1.0


def with_unknown_optics(spec: CameraSpec, unknown: UnknownOptics) -> CameraSpec:
    """Return the camera with optics, axes, motors and register drawn at random, and without a plan.

    Raises:
        ValueError: the camera does not move.
    """
    if spec.kind is not CameraKind.PTZ:
        raise ValueError(f"{spec.camera_id} does not move: there is nothing to calibrate")
    rng = random.Random(f"{unknown.seed}/unknown-optics")
    width, height = unknown.size or (spec.optics.width_px, spec.optics.height_px)
    pan_sign, tilt_sign = rng.choice((-1.0, 1.0)), rng.choice((-1.0, 1.0))
    optics = Optics(
        width,
        height,
        _zoom_table(rng),
        _k1_table(rng),
        principal_point=(0.5 + rng.uniform(-0.012, 0.012), 0.5 + rng.uniform(-0.012, 0.012)),
        pan_scale=pan_sign,
        tilt_scale=tilt_sign * rng.uniform(0.985, 1.015),
        tilt_offset_deg=rng.uniform(-1.5, 1.5),
        sensor_roll_deg=rng.uniform(-1.5, 1.5),
    )
    low, high = sorted((-60.0 * tilt_sign, 25.0 * tilt_sign))
    limits = Limits(
        AxisLimits(
            -180.0, 180.0, rng.uniform(60, 110) * unknown.haste, rng.uniform(160, 260) * unknown.haste, is_endless=True
        ),
        AxisLimits(low, high, rng.uniform(40, 70) * unknown.haste, rng.uniform(140, 220) * unknown.haste),
        AxisLimits(0.0, 1.0, rng.uniform(0.3, 0.5) * unknown.haste, rng.uniform(1.0, 1.8) * unknown.haste),
    )
    traits = replace(
        spec.telemetry,
        quantum_deg=rng.choice((0.01, 0.02, 0.05)),
        lag_s=rng.uniform(0.0, 0.06),
        refresh_s=rng.choice((0.0, 0.0, 0.04, 0.1)),
    )
    start = Pose(20.0 * pan_sign, -4.0 * tilt_sign, 0.0)
    return replace(
        spec, optics=optics, planned_optics=optics, limits=limits, telemetry=traits, start=start, has_plan=False
    )


def _zoom_table(rng: random.Random) -> Table:
    """Return a smooth table: ln f over zoom is a straight line with a bow and an S in it, and never falls."""
    wide, ratio = rng.uniform(55, 68), rng.uniform(14, 24)
    bow, bend = rng.uniform(-0.35, 0.35), rng.uniform(-0.12, 0.12)
    span = math.log(ratio)
    focal = 1.0 / math.tan(math.radians(wide) / 2)
    rows = []
    for i in range(TABLE_ROWS):
        zoom = i / (TABLE_ROWS - 1)
        share = zoom + bow * zoom * (1 - zoom) + bend * math.sin(2 * math.pi * zoom) / (2 * math.pi)
        rows.append((zoom, math.degrees(2 * math.atan(1.0 / (focal * math.exp(span * share))))))
    return tuple(rows)


def _k1_table(rng: random.Random) -> Table:
    """Return barrel at the wide end that fades out, with a little pincushion in the middle as zoom lenses have."""
    wide, middle = rng.uniform(-0.16, -0.06), rng.uniform(0.0, 0.03)
    return ((0.0, wide), (rng.uniform(0.18, 0.3), middle), (rng.uniform(0.5, 0.7), middle / 2), (1.0, 0.0))
