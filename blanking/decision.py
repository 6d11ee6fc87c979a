"""What is to be greyed in one frame: some blocks, or everything, and then why."""

from dataclasses import dataclass
from enum import StrEnum


class GreyReason(StrEnum):
    """Why a frame is wholly grey. One value per condition; docs/blanking.md tells when each applies."""

    PLAN_MISSING = "plan-missing"
    """There is no approved plan for this placement."""
    PLAN_MISMATCH = "plan-mismatch"
    """The plan was made for another profile, rotation or mirror setting."""
    SIZE_MISMATCH = "size-mismatch"
    """The picture has another size than the plan's frame."""
    PIXEL_FORMAT = "pixel-format"
    """The picture's planes are not ones that can be burned."""
    LOST_PICTURE = "lost-picture"
    """A picture was lost or damaged, and no clean IDR has come since."""
    POSE_MISSING = "pose-missing"
    """No valid pose sample from before the frame has arrived."""
    POSE_STALE = "pose-stale"
    """The last valid pose sample before the frame is too old."""
    POSE_LATE = "pose-late"
    """No sample from after the frame came in time, and what could have happened since the last one is no longer bounded usefully."""
    POSE_UNCERTAIN = "pose-uncertain"
    """Samples from both sides are there, but what could have happened between them is no longer bounded usefully."""
    BAD_SAMPLE = "bad-sample"
    """A sample with no, a non-finite or an out-of-range pose lies between the frame's neighbours."""
    OVER_SPEED = "over-speed"
    """The samples show a speed above the plan's bound, so that the bound is disproved."""
    OVER_ACCELERATION = "over-acceleration"
    """The samples show an acceleration above the plan's bound, so that the bound is disproved."""
    CONTRADICTION = "contradiction"
    """Samples contradict each other, or the picture contradicts the samples."""
    CLOCK_UNSYNCHRONISED = "clock-unsynchronised"
    """The instants of picture and pose cannot be compared within the plan's bound."""
    CAMERA_BUSY = "camera-busy"
    """The camera is homing, rebooting or being calibrated."""
    CAMERA_MOVED = "camera-moved"
    """A camera that does not turn was moved beyond its plan's margin, and no two persons have looked since (set by the caller)."""
    CAMERA_NOT_RECOGNISED = "camera-not-recognised"
    """A camera that does not turn shows a scene without any of its landmarks (set by the caller)."""
    CALIBRATION_DRIFT = "calibration-drift"
    """A re-check found the camera too far off the plan's model (set by the caller)."""
    REGISTER_MISMATCH = "register-mismatch"
    """The camera tells shares of its range and the plan's scales are for degrees, or the other way round."""
    E_FLIP = "e-flip"
    """The camera may look past straight down or up, where cameras turn their picture around (e-flip)."""
    QUEUE_OVERFLOW = "queue-overflow"
    """More frames were waiting than the stage holds."""
    SELF_TEST = "self-test"
    """The self-test found a finished picture that shows what it must not, and nobody has cleared that yet (set by the caller)."""
    ERROR = "error"
    """Something in the blanking stage raised."""


class PoseSource(StrEnum):
    """Where the pose of a blanked frame came from; docs/blanking.md tells what each promises."""

    FIXED = "fixed"
    """The camera does not turn."""
    INTERPOLATED = "interpolated"
    """From samples on both sides of the frame."""
    EXTRAPOLATED = "extrapolated"
    """From samples on one side only, by the bounds on the camera's motion."""
    STATIC = "static"
    """From a sample taken while the picture stood still, and it has stood still since."""
    ANCHORED = "anchored"
    """From a sample taken while the picture stood still, plus how the picture has turned since."""


@dataclass(frozen=True, slots=True)
class BlockRectangle:
    """A rectangle of whole coding blocks, half-open, in blocks from the top left corner."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Blank:
    """Grey these blocks.

    Args:
        rectangles: disjoint rectangles of 16 x 16 pixel blocks; those at the right and lower edge may hang over.
        margin_px: the largest distance by which any mask in view was grown for uncertainty; 0 when none is in view.
        source: where the frame's pose came from.
    """

    rectangles: tuple[BlockRectangle, ...]
    margin_px: float
    source: PoseSource


@dataclass(frozen=True, slots=True)
class BlankAll:
    """Grey the whole frame."""

    reason: GreyReason


Decision = Blank | BlankAll
