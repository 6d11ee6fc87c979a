"""The decision which blocks of a frame to grey."""

import functools
import math
from typing import Protocol

from blanking.blocks import rectangles_of
from blanking.cover import Cover, MaskSphere
from blanking.decision import Blank, BlankAll, Decision, GreyReason, PoseSource
from blanking.eyewitness import Eyewitness
from blanking.frames import RawFrame
from blanking.image_cover import image_cover
from blanking.optics import Optics
from blanking.plan_values import Accuracy, CameraModel, DirectionPlan, ImagePlan, Plan
from blanking.pose import PoseSample
from blanking.pose_sets import Lies, holds
from blanking.told_view import ToldView
from blanking.track import Axes, PoseSweep, PoseTrack
from blanking.witnesses import Witnesses

_DRAWN_LARGER = 1.08
_POLE_DEG = 90.0
_DRAWN_AGAIN = 1.25
"""A set that is larger than what is asked for by more than this is not drawn again."""


class Decider(Protocol):
    """Decide about frames of one plan."""

    def add(self, sample: PoseSample) -> None:
        """Take a sample that has arrived."""

    def see(self, frame: RawFrame) -> None:
        """Look at a frame that has arrived, in the order of capture; its picture may help to decide about it and its neighbours."""

    def is_ready(self, captured_s: float) -> bool:
        """Tell whether waiting longer cannot be expected to make the decision better."""

    def decide(self, captured_s: float) -> Decision:
        """Decide about the frame captured then, with what is known now."""

    def forget_before(self, captured_s: float) -> None:
        """Drop what frames from then on do not need."""


class ImageDecider:
    """A fixed camera: the same blocks in every frame."""

    def __init__(self, plan: ImagePlan) -> None:
        self._blank = Blank(rectangles_of(image_cover(plan)), 0.0, PoseSource.FIXED)

    def add(self, sample: PoseSample) -> None:
        """Ignore poses: the camera has none."""

    def see(self, frame: RawFrame) -> None:
        """Ignore pictures: the camera does not turn."""

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
    """A PTZ camera: the masks under every pose that the frame may have had.

    Args:
        plan: the approved plan.
        sighted: let the picture narrow and contradict what telemetry says.
    """

    def __init__(self, plan: DirectionPlan, *, sighted: bool = True) -> None:
        self._half_exposure_s = plan.accuracy.exposure_s / 2
        self._of_shares = plan.camera_model.of_shares
        self._is_foreign = False
        self._sphere = _sphere_of(plan)
        axes = axes_of(plan.camera_model, plan.accuracy, plan.width_px, plan.height_px)
        self._track = PoseTrack(plan.accuracy, axes)
        self._witnesses = Witnesses(plan.accuracy, axes)
        self._told_view = ToldView(plan)
        self._last_drawn: tuple[PoseSweep | None, Cover | None] = (None, None)
        self._eyewitness = Eyewitness(plan, self._sphere, self._track) if sighted else None

    def add(self, sample: PoseSample) -> None:
        """Take a sample that has arrived."""
        self._is_foreign = sample.in_shares is not self._of_shares
        if self._is_foreign:
            return
        self._told_view.see(sample)
        fix = self._track.add(sample)
        for doubt in self._witnesses.see(sample):
            self._track.distrust(doubt.lo_s, doubt.hi_s, doubt.reason)
        if fix is not None and self._eyewitness is not None:
            self._eyewitness.add_sample(fix)

    def see(self, frame: RawFrame) -> None:
        """Register the frame's picture with those before it."""
        if self._eyewitness is not None:
            self._eyewitness.see(frame)

    def is_ready(self, captured_s: float) -> bool:
        """Tell whether samples from both sides are there."""
        return self._track.is_bracketed(self._span_s(captured_s))

    def decide(self, captured_s: float) -> Decision:
        """Return the blocks that a mask may touch, or why that is not known."""
        if not math.isfinite(captured_s):
            return BlankAll(GreyReason.CLOCK_UNSYNCHRONISED)
        if self._is_foreign:
            return BlankAll(GreyReason.REGISTER_MISMATCH)
        if self._told_view.misfits:
            return BlankAll(GreyReason.PLAN_MISMATCH)
        span_s = self._span_s(captured_s)
        sweeps = self._track.sweeps(span_s, captured_s)
        if isinstance(sweeps, GreyReason):
            return BlankAll(sweeps)
        bracketed = self._track.is_bracketed(span_s)
        if self._eyewitness is not None:
            testimony = self._eyewitness.testify(captured_s, sweeps)
            if self._eyewitness.contradicts:
                return BlankAll(GreyReason.CONTRADICTION)
            if testimony is not None and bracketed:
                past = (_may_be_past_the_pole(testimony.poses), any(map(_may_be_past_the_pole, sweeps)))
                # The pose lies in both sets; or, where they hardly meet, in one of them.
                if any(past) if testimony.lies is Lies.DOUBTFUL else all(past):
                    return BlankAll(GreyReason.E_FLIP)
                found = self._narrowed(testimony.poses, testimony.lies, sweeps)
                if found is not None:
                    return Blank(rectangles_of(found.mask), found.margin_px, testimony.source)
        # No set of poses is not "no mask in view": it would be a fault of the track, and a fault is grey.
        cover = self._sphere.cover(sweeps) if sweeps else None
        if cover is not None and any(map(_is_at_the_pole, sweeps)):
            return BlankAll(GreyReason.E_FLIP)
        if cover is None or any(map(_may_be_past_the_pole, sweeps)):
            return BlankAll(GreyReason.POSE_UNCERTAIN if bracketed else GreyReason.POSE_LATE)
        source = PoseSource.INTERPOLATED if bracketed else PoseSource.EXTRAPOLATED
        return Blank(rectangles_of(cover.mask), cover.margin_px, source)

    def _narrowed(self, poses: PoseSweep, how: Lies, sweeps: list[PoseSweep]) -> Cover | None:
        """Return the blocks that a mask may touch both by what the picture says and by what telemetry allows.

        A set of poses inside another covers what both together do: then the other need not be drawn.
        """
        by_picture = self._drawn(poses)
        if by_picture is None or how is Lies.INSIDE:
            return by_picture
        by_telemetry = self._sphere.cover(sweeps)
        if by_telemetry is None:
            return None
        if how is Lies.DOUBTFUL:
            return Cover(by_picture.mask | by_telemetry.mask, max(by_picture.margin_px, by_telemetry.margin_px))
        return Cover(by_picture.mask & by_telemetry.mask, min(by_picture.margin_px, by_telemetry.margin_px))

    def _drawn(self, poses: PoseSweep) -> Cover | None:
        """Return the blocks of a set of poses; those of the last one again when it holds this one and is hardly larger.

        A camera that stands still asks for nearly the same set with every frame.
        """
        last, cover = self._last_drawn
        if last is not None and cover is not None and _hardly_larger(last, poses) and holds(last, poses):
            return cover
        # A little larger than asked for, so that the next frames' sets fit in.
        grown = tuple(value * _DRAWN_LARGER for value in poses.spread)
        larger = PoseSweep(poses.start, poses.end, (grown[0], grown[1], grown[2]), poses.direction_error_deg)
        cover = self._sphere.cover([larger])
        self._last_drawn = (larger, cover)
        return cover

    def forget_before(self, captured_s: float) -> None:
        """Drop samples that are too old to matter."""
        self._track.forget_before(captured_s)

    def _span_s(self, captured_s: float) -> tuple[float, float]:
        return (captured_s - self._half_exposure_s, captured_s + self._half_exposure_s)


def _hardly_larger(last: PoseSweep, wanted: PoseSweep) -> bool:
    return all(a <= b * _DRAWN_AGAIN + 1e-12 for a, b in zip(last.spread, wanted.spread, strict=True))


@functools.lru_cache(maxsize=4)
def _sphere_of(plan: DirectionPlan) -> MaskSphere:
    """Return the masks cut into convex pieces: a second's work for many masks, the same for every stage of one plan."""
    return MaskSphere(plan)


def _may_be_past_the_pole(sweep: PoseSweep) -> bool:
    """Return whether some pose of the set looks past straight down or up: there the picture may stand on its head, or not."""
    return max(abs(sweep.start[1]), abs(sweep.end[1])) + sweep.spread[1] + sweep.direction_error_deg > _POLE_DEG


def _is_at_the_pole(sweep: PoseSweep) -> bool:
    """Return whether the middle of the set looks there: then it is the pose, and not what is unknown of it."""
    return max(abs(sweep.start[1]), abs(sweep.end[1])) + sweep.direction_error_deg > _POLE_DEG


def decider_for(plan: Plan, *, sighted: bool = True) -> Decider:
    """Return the decider of a plan."""
    return ImageDecider(plan) if isinstance(plan, ImagePlan) else DirectionDecider(plan, sighted=sighted)


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
