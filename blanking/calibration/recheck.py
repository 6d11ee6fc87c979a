"""Does the camera still look where its plan's model says? Landmarks of the street, seen again, against the plan's stated accuracy.

Whoever knocks a camera turns its base: every direction moves by at most the angle of that one rotation, wherever the camera looks. So
one rotation is fitted over all poses; what it leaves, pose by pose, is lens, register and motors. Without landmarks (the first look, or
after they were erased) the poses of one look are held against each other: that finds a changed lens or register, not a turned base.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from blanking.calibration.bounds import SAFETY
from blanking.calibration.features import Features, Luma, features_of, matched
from blanking.calibration.poses import Reach
from blanking.calibration.sight import Floats, Pose, Sight
from blanking.calibration.values import Still
from blanking.calibration.verify import Checked, check, compared
from blanking.cover import MaskSphere
from blanking.optics import Optics
from blanking.plan_values import Accuracy, CameraModel, DirectionPlan
from blanking.track import PoseSweep

LEAST_POSES: Final = 2
LEAST_POINTS: Final = 60
MOST_POINTS: Final = 600
"""Kept of a still: enough to recognise it, and no more of the street than that."""
MOST_SHIFT_DEG: Final = 1.5
MOST_SCALE_REL: Final = 0.05
"""Beyond these no margin helps: what is off so far was knocked, and may go on moving."""
MARGIN_DEG: Final = 1.0
"""Around each mask no landmark is taken, besides four times the stated accuracy."""

_MOST_RATIO = 2.6
_SOFT = math.radians(0.03)
_ROUNDS = 15
_STEPS = (0.0, 1.0, 2.0, -1.0, -2.0)
_STEP_SHARE = 0.45
"""Neighbours share half of their view, so that one look can be held against itself."""
_CLOSER = (1.45, 2.1)
"""How much closer: pictures 2.3 times apart share some thirty points, too few for a scale within 1 %; 1.45 times, four times as many."""
_CROOKED_DEG = 0.0137


@dataclass(frozen=True, slots=True)
class Landmarks:
    """What the street looked like, outside all masks.

    Args:
        size_px: of the pictures that the points lie in.
        stills: points by pose.
        turned: rotation vector (radians) by which the base had turned already when they were taken.
    """

    size_px: tuple[int, int]
    stills: tuple[Still, ...]
    turned: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Drift:
    """How far the camera is off its plan's model.

    Args:
        turned: rotation vector (radians) of the base since the model was made; zeros while nothing tells.
        uneven_deg: the largest shift of a pose that the rotation leaves.
        scale_rel: the largest error of the scale.
        poses, matches: what it rests on.
    """

    turned: tuple[float, float, float]
    uneven_deg: float
    scale_rel: float
    poses: int
    matches: int

    @property
    def shift_deg(self) -> float:
        """By how much a direction may be off, wherever the camera looks."""
        return math.degrees(math.hypot(*self.turned)) + self.uneven_deg


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a drift means for the plan.

    Args:
        steady: the stated accuracy still holds.
        widen_deg, widen_rel: what must be added to it while it does not.
        beyond: no margin is enough: grey.
    """

    steady: bool
    widen_deg: float = 0.0
    widen_rel: float = 0.0
    beyond: bool = False


def judged(drift: Drift, stated: Accuracy) -> Judgement:
    """Hold a drift against what the plan states."""
    shift_deg, scale_rel = drift.shift_deg, abs(drift.scale_rel)
    if shift_deg <= stated.pan_tilt_deg and scale_rel <= stated.zoom_rel:
        return Judgement(steady=True)
    return Judgement(
        steady=False,
        widen_deg=round(SAFETY * shift_deg, 4) if shift_deg > stated.pan_tilt_deg else 0.0,
        widen_rel=round(SAFETY * scale_rel, 5) if scale_rel > stated.zoom_rel else 0.0,
        beyond=shift_deg > MOST_SHIFT_DEG or scale_rel > MOST_SCALE_REL,
    )


def poses_for(rest: Pose, reach: Reach, model: CameraModel) -> list[Pose]:
    """Return where to look when there are no landmarks yet: to both sides at the widest view, and closer in two steps."""
    step_deg = _STEP_SHARE * model.zoom_hfov_deg[0][1]
    around = [(*reach.held(rest[0] + step * step_deg + _CROOKED_DEG, rest[1]), 0.0) for step in _STEPS]
    optics = Optics(model, 1, 1)  # ratios only: any size does
    zooms = optics.zooms_between(*(times * optics.focal_px(0.0) for times in _CLOSER)) or ()
    return list(dict.fromkeys([*around, *((*around[0][:2], zoom) for zoom in zooms)]))


def still_of(
    plan: DirectionPlan, sphere: MaskSphere, luma: Luma, pose: Pose, *, stand: int, margin_deg: float
) -> Still:
    """Return the points of a raw picture outside all masks. Masks are greyed first: no descriptor holds a dwelling's pixel.

    Args:
        luma: of the plan's frame, or made smaller by a whole factor.
        margin_deg: around each mask.
    """
    cover = sphere.cover([PoseSweep(pose, pose, (0.0, 0.0, 0.0), margin_deg)])
    if cover is None:
        return Still(pose, Features(np.empty((0, 2)), np.empty((0, 128), np.uint8)), stand)
    size_px = (luma.shape[1], luma.shape[0])
    rows = (np.arange(size_px[1]) * plan.height_px // size_px[1] // 16).astype(np.intp)
    columns = (np.arange(size_px[0]) * plan.width_px // size_px[0] // 16).astype(np.intp)
    hidden = luma.copy()
    hidden[cover.mask[np.ix_(rows, columns)]] = 128
    found = features_of(hidden, MOST_POINTS)
    ahead = Sight(plan.camera_model, *size_px, in_base=True).unproject(pose, found.points_px)
    return Still(pose, found.chosen(~sphere.near(ahead, math.radians(margin_deg))), stand)


def without_masked(landmarks: Landmarks, plan: DirectionPlan, sphere: MaskSphere, margin_deg: float) -> Landmarks:
    """Return the landmarks that lie outside of a plan's masks: another version may hide more than the one they were taken under."""
    sight = Sight(plan.camera_model, *landmarks.size_px, in_base=True)
    stills = []
    for still in landmarks.stills:
        ahead = sight.unproject(still.pose, still.features.points_px)
        keep = ~sphere.near(ahead, math.radians(margin_deg))
        stills.append(Still(still.pose, still.features.chosen(keep), still.stand))
    return Landmarks(landmarks.size_px, tuple(stills), landmarks.turned)


def margin_of(accuracy: Accuracy) -> float:
    """Return how far around a mask no landmark is taken, degrees."""
    return MARGIN_DEG + 4.0 * accuracy.pan_tilt_deg


def drift_from(model: CameraModel, landmarks: Landmarks, stills: Sequence[Still]) -> Drift | None:
    """Return how far the camera is off, by landmarks; None when too few are recognised."""
    sight = Sight(model, *landmarks.size_px, in_base=True)
    sides = [_recognised(sight, landmarks, still) for still in stills]
    seen = [(still, side) for still, side in zip(stills, sides, strict=True) if side is not None]
    if len(seen) < LEAST_POSES:
        return None
    before = np.concatenate([side[0] for _, side in seen])
    now = np.concatenate([sight.unproject(still.pose, side[1]) for still, side in seen])
    turned = _rotation(before, now)
    left: list[Checked] = []
    for still, (then, found_px) in seen:
        one = compared(
            still.pose,
            sight.project(still.pose, then @ turned.T),
            found_px,
            sight.focal_px(still.pose[2]),
            landmarks.size_px,
        )
        if one is not None:
            left.append(one)
    if len(left) < LEAST_POSES:
        return None
    total = _vector(turned @ _matrix(landmarks.turned))
    return _drift(total, left)


def drift_within(model: CameraModel, size_px: tuple[int, int], stills: Sequence[Still]) -> Drift | None:
    """Return how far the poses of one look disagree; None when too few have anything in common."""
    left = [found for still in stills if (found := check(model, size_px, stills, still)) is not None]
    return _drift((0.0, 0.0, 0.0), left) if len(left) >= LEAST_POSES else None


def _drift(turned: tuple[float, float, float], left: Sequence[Checked]) -> Drift:
    return Drift(
        turned=turned,
        uneven_deg=max(one.shift_deg for one in left),
        scale_rel=max((one.scale_rel for one in left), key=abs),
        poses=len(left),
        matches=sum(one.matches for one in left),
    )


def _recognised(sight: Sight, landmarks: Landmarks, still: Still) -> tuple[Floats, Floats] | None:
    """Return directions then (n, 3) and pixels now (n, 2) of the points that a still shares with any landmark."""
    focal = sight.focal_px(still.pose[2])
    then, now = [], []
    for mark in landmarks.stills:
        if not 1.0 / _MOST_RATIO < sight.focal_px(mark.pose[2]) / focal < _MOST_RATIO:
            continue
        pairs = matched(mark.features, still.features, turned=False, width_px=landmarks.size_px[0])
        if len(pairs):
            then.append(sight.unproject(mark.pose, mark.features.points_px[pairs[:, 0]]))
            now.append(still.features.points_px[pairs[:, 1]])
    return (np.concatenate(then), np.concatenate(now)) if then else None


def _rotation(before: Floats, now: Floats) -> Floats:
    """Return the rotation that turns directions (n, 3) into others, robustly (weighted Kabsch, Cauchy weights)."""
    weight = np.ones(len(before))
    turned = np.eye(3)
    for _ in range(_ROUNDS):
        u, _, vt = np.linalg.svd((before * weight[:, None]).T @ now)
        flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(vt.T @ u.T)))])
        turned = vt.T @ flip @ u.T
        off = np.linalg.norm(now - before @ turned.T, axis=1)
        weight = 1.0 / (1.0 + (off / _SOFT) ** 2)
    return np.asarray(turned)


def _matrix(vector: tuple[float, float, float]) -> Floats:
    """Return the rotation of a rotation vector (Rodrigues)."""
    angle = math.hypot(*vector)
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = (part / angle for part in vector)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * cross @ cross)


def _vector(matrix: Floats) -> tuple[float, float, float]:
    """Return the rotation vector of a rotation, for angles well below half a turn."""
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]]) / 2.0
    sine = float(np.linalg.norm(axis))
    angle = math.atan2(sine, (float(np.trace(matrix)) - 1.0) / 2.0)
    scale = angle / sine if sine > 1e-12 else 1.0
    return (float(axis[0] * scale), float(axis[1] * scale), float(axis[2] * scale))
