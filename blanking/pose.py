"""Pose samples: what the camera said about where it looked, and when."""

import math
from dataclasses import dataclass
from typing import Final

NEAR_DEG: Final = 1.0
NEAR_ZOOM: Final = 0.02


@dataclass(frozen=True, slots=True)
class PoseSample:
    """One answer of the camera about its pose.

    The sample was taken at some instant of an interval, never at a known instant. The plan's `time_s` and `staleness_s` are added
    by the stage: the interval here holds only what this sample itself leaves open (round trip of a poll, coarse clock).

    Args:
        at_lo_s: earliest instant at which the camera may have read this pose, on the video's clock.
        at_hi_s: latest such instant; equal to `at_lo_s` where the camera stamps its samples.
        arrived_s: when it reached us, same clock; it counts for frames released from then on.
        pan_deg: to the right, wraps at +-180; None, non-finite or out of range makes the whole sample "no sample".
        tilt_deg: up.
        zoom: 0 wide .. 1 tele.
        moving: what the camera says; proof of nothing.
        source: which of a camera's telemetry sources told it; sources are checked against each other.
        hfov_deg: the horizontal field of view that came with it, where the camera tells one; a check of the plan (told_view.py).
        hfov_step_deg: by how much that number may be rounded.
        in_shares: pan and tilt are shares of the mechanical range, written as share x 180 and share x 90.
    """

    at_lo_s: float
    at_hi_s: float
    arrived_s: float
    pan_deg: float | None
    tilt_deg: float | None
    zoom: float | None
    moving: bool | None = None
    source: str = ""
    hfov_deg: float | None = None
    hfov_step_deg: float = 0.0
    in_shares: bool = False


def is_near(pose: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    """Whether a camera that was sent to one pose (degrees, degrees, zoom) and says another has arrived: cameras stop a little beside."""
    turned = abs(math.remainder(pose[0] - other[0], 360.0))
    return turned <= NEAR_DEG and abs(pose[1] - other[1]) <= NEAR_DEG and abs(pose[2] - other[2]) <= NEAR_ZOOM


def stamped_sample(
    at_s: float | None,
    arrived_s: float,
    pose: tuple[float | None, float | None, float | None],
    *,
    moving: bool | None = None,
) -> PoseSample:
    """Make a sample from a device time stamp; without one it was taken somewhere in the second before it arrived."""
    lo_s, hi_s = (arrived_s - 1.0, arrived_s) if at_s is None else (at_s, at_s)
    pan_deg, tilt_deg, zoom = pose
    return PoseSample(lo_s, hi_s, arrived_s, pan_deg, tilt_deg, zoom, moving)
