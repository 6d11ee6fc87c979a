"""The decision which blocks of a frame to grey."""

import functools
import math
from typing import Protocol

from blanking.blocks import rectangles_of
from blanking.cover import MaskSphere
from blanking.decision import Blank, BlankAll, Decision, GreyReason
from blanking.image_cover import image_cover
from blanking.optics import Optics
from blanking.plan_values import Accuracy, CameraModel, DirectionPlan, ImagePlan, Plan
from blanking.pose import PoseSample
from blanking.track import Axes, PoseTrack


class Decider(Protocol):
    """Decide about frames of one plan."""

    def add(self, sample: PoseSample) -> None:
        """Take a sample that has arrived."""

    def is_ready(self, captured_s: float) -> bool:
        """Tell whether waiting longer cannot be expected to make the decision better."""

    def decide(self, captured_s: float) -> Decision:
        """Decide about the frame captured then, with what is known now."""

    def forget_before(self, captured_s: float) -> None:
        """Drop what frames from then on do not need."""


class ImageDecider:
    """A fixed camera: the same blocks in every frame."""

    def __init__(self, plan: ImagePlan) -> None:
        self._blank = Blank(rectangles_of(image_cover(plan)), 0.0)

    def add(self, sample: PoseSample) -> None:
        """Ignore poses: the camera has none."""

    def is_ready(self, captured_s: float) -> bool:
        """Return True: there is nothing to wait for."""
        del captured_s
        return True

    def decide(self, captured_s: float) -> Decision:
        """Return the plan's blocks."""
        del captured_s
        return self._blank

    def forget_before(self, captured_s: float) -> None:
        """Forget nothing: there is no history."""


class DirectionDecider:
    """A PTZ camera: the masks under every pose that the frame may have had."""

    def __init__(self, plan: DirectionPlan) -> None:
        self._half_exposure_s = plan.accuracy.exposure_s / 2
        self._sphere = _sphere_of(plan)
        self._track = PoseTrack(plan.accuracy, axes_of(plan.camera_model, plan.accuracy, plan.width_px, plan.height_px))

    def add(self, sample: PoseSample) -> None:
        """Take a sample that has arrived."""
        self._track.add(sample)

    def is_ready(self, captured_s: float) -> bool:
        """Tell whether samples from both sides are there."""
        return self._track.is_bracketed(self._span_s(captured_s))

    def decide(self, captured_s: float) -> Decision:
        """Return the blocks that a mask may touch, or why that is not known."""
        if not math.isfinite(captured_s):
            return BlankAll(GreyReason.CLOCK_UNSYNCHRONISED)
        span_s = self._span_s(captured_s)
        sweeps = self._track.sweeps(span_s, captured_s)
        if isinstance(sweeps, GreyReason):
            return BlankAll(sweeps)
        # No set of poses is not "no mask in view": it would be a fault of the track, and a fault is grey.
        cover = self._sphere.cover(sweeps) if sweeps else None
        if cover is None:
            bracketed = self._track.is_bracketed(span_s)
            return BlankAll(GreyReason.POSE_UNCERTAIN if bracketed else GreyReason.POSE_LATE)
        return Blank(rectangles_of(cover.mask), cover.margin_px)

    def forget_before(self, captured_s: float) -> None:
        """Drop samples that are too old to matter."""
        self._track.forget_before(captured_s)

    def _span_s(self, captured_s: float) -> tuple[float, float]:
        return (captured_s - self._half_exposure_s, captured_s + self._half_exposure_s)


@functools.lru_cache(maxsize=4)
def _sphere_of(plan: DirectionPlan) -> MaskSphere:
    """Return the masks cut into convex pieces: a second's work for many masks, the same for every stage of one plan."""
    return MaskSphere(plan)


def decider_for(plan: Plan) -> Decider:
    """Return the decider of a plan."""
    return ImageDecider(plan) if isinstance(plan, ImagePlan) else DirectionDecider(plan)


def axes_of(model: CameraModel, accuracy: Accuracy, width_px: int, height_px: int) -> Axes:
    """Return the axes of a camera model; a sample's zoom error is what `zoom_rel` is worth where zoom matters least."""
    optics = Optics(model, width_px, height_px)
    return Axes(
        pan_scale=model.pan_scale,
        tilt_scale=model.tilt_scale,
        zoom_lo=optics.zoom_lo,
        zoom_hi=optics.zoom_hi,
        zoom_error=min(0.05, accuracy.zoom_rel / max(optics.flattest_log_focal, 1e-3)),
        tilt_offset_deg=model.tilt_offset_deg,
    )
