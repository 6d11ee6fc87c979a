"""Judge one finished picture: is everything grey that must be, by a pose made anew of what the camera said around it?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vms.footage.panorama import PlainPanorama
from vms.footage.witness import FrameWitness
from vms.selftest.geometry import (
    EXACT,
    Flags,
    Points,
    Pose,
    Slack,
    grid,
    inside_direction_masks,
    inside_image_masks,
    inside_on_sphere,
    log_focal,
)

Plane = NDArray[np.uint8]

GREY = 128
LUMA_RIPPLE, CHROMA_RIPPLE = 26, 16
"""How far a burned sample may lie from grey after the encoder: its ripple near an outline, and what a picture before left behind."""
LEAST_SHOWN_PX, LEAST_SHOWN_SHARE = 6, 0.01
"""So many of the tested pixels must show something before it counts: a codec's ripple may exceed the bounds in few, a dwelling in most."""
_STRIDE_PX = 3
_PICTURED = frozenset({"interpolated", "static", "anchored"})


class Problem(StrEnum):
    """What is wrong with a picture. The value is the word in the ledger."""

    SHOWS_DWELLING = "shows-dwelling"
    """Pixels in a mask are not grey."""
    NOT_GREY = "not-grey"
    """The picture says that it is wholly grey, and is not."""
    NO_WITNESS = "no-witness"
    """A masked picture does not say how it was blanked."""
    UNKNOWN_PLAN = "unknown-plan"
    """The plan that it names is not one that was approved."""
    STALE_PLAN = "stale-plan"
    """It was blanked by a plan that another one had replaced."""
    OTHER_SIZE = "other-size"
    """It shows something, in another size than its plan's."""
    LEDGER = "ledger"
    """The segment or its blanking record is not what the ledger has."""


@dataclass(frozen=True, slots=True)
class Look:
    """A finished picture.

    Args:
        planes: Y, U and V, chroma of half size or of full size.
        witness: what it says of its blanking.
    """

    planes: tuple[Plane, Plane, Plane]
    witness: FrameWitness | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    Args:
        problem: None: nothing is wrong as far as could be told.
        tested_px: pixels that had to be grey and were looked at.
        shown_px: those that are not.
    """

    problem: Problem | None
    tested_px: int = 0
    shown_px: int = 0


def judge(look: Look, document: Mapping[str, Any], phase: tuple[int, int]) -> Verdict:
    """Judge a picture by the document of the plan that its witness names.

    Args:
        phase: where the sampled grid begins, below the stride: drawn anew each time.
    """
    witness = look.witness
    if witness is None:
        return Verdict(Problem.NO_WITNESS)
    height_px, width_px = look.planes[0].shape
    points = grid(width_px, height_px, _STRIDE_PX, (phase[0] % _STRIDE_PX, phase[1] % _STRIDE_PX))
    if witness.reason:
        return _counted(look, points, np.ones(len(points.rows), dtype=np.bool_), Problem.NOT_GREY)
    if (width_px, height_px) != (document["frame"]["width"], document["frame"]["height"]):
        return Verdict(Problem.OTHER_SIZE)
    if document["kind"] == "image":
        return _counted(look, points, inside_image_masks(document, points), Problem.SHOWS_DWELLING)
    return _counted(look, points, must_be_grey(witness, document, points), Problem.SHOWS_DWELLING)


def judge_panorama(plain: PlainPanorama, document: Mapping[str, Any], phase: tuple[int, int]) -> Verdict:
    """Judge a stored panorama: no codec ripples in it, so that every sampled cell in a mask must be exactly grey."""
    points = grid(plain.columns, plain.rows, _STRIDE_PX, (phase[0] % _STRIDE_PX, phase[1] % _STRIDE_PX))
    azimuth_deg = plain.left_deg + (points.columns + 0.5) * plain.step_deg
    elevation_deg = plain.top_deg - (points.rows + 0.5) * plain.step_deg
    inside = inside_on_sphere(document, azimuth_deg, elevation_deg)
    rgb = np.frombuffer(plain.rgb, np.uint8).reshape(plain.rows, plain.columns, 3)
    shown = (rgb[points.rows[inside], points.columns[inside]] != GREY).any(axis=1)
    count = int(shown.sum())
    return Verdict(Problem.SHOWS_DWELLING if count else None, int(inside.sum()), count)


def must_be_grey(witness: FrameWitness, document: Mapping[str, Any], points: Points) -> Flags:
    """Return the pixels that show a dwelling for certain; none where the samples say too little.

    Between two samples the straight line between them is one of the poses that the blanking had to allow for. Where it used the picture to
    know the pose better, only what lies in a mask under every pose that the bounds allow is certain.
    """
    pose = nominal_pose(witness, document)
    if pose is None or witness.source not in _PICTURED:
        return np.zeros(len(points.rows), dtype=np.bool_)
    slack = EXACT if witness.source == "interpolated" else slack_of(pose, witness, document)
    return inside_direction_masks(document, pose, points, slack)


def nominal_pose(witness: FrameWitness, document: Mapping[str, Any]) -> Pose | None:
    """Return the pose on the straight line between the samples around a picture, None when one is missing."""
    before = next((one for one in witness.sayings if one.offset_s <= 0.0), None)
    after = next((one for one in witness.sayings if one.offset_s > 0.0), None)
    if before is None or after is None:
        return None
    share = -before.offset_s / (after.offset_s - before.offset_s)
    pan = after.pan_deg - before.pan_deg
    if abs(document["camera_model"].get("pan_scale", 1.0)) == 1.0:
        pan = math.remainder(pan, 360.0)
    return (
        before.pan_deg + share * pan,
        before.tilt_deg + share * (after.tilt_deg - before.tilt_deg),
        before.zoom + share * (after.zoom - before.zoom),
    )


def slack_of(pose: Pose, witness: FrameWitness, document: Mapping[str, Any]) -> Slack:
    """Return how far from the straight line between its samples a pose may lie by the plan's bounds."""
    accuracy = document["accuracy"]
    first, last = min(witness.sayings, key=lambda one: one.offset_s), max(witness.sayings, key=lambda one: one.offset_s)
    blur_s = accuracy["time_s"] + accuracy.get("staleness_s", 0.0) + first.half_s + last.half_s
    whole_s = last.offset_s - first.offset_s + 2 * blur_s
    turn_deg = max(abs(math.remainder(last.pan_deg - first.pan_deg, 360.0)), abs(last.tilt_deg - first.tilt_deg))
    bend_deg = _bend(whole_s, accuracy.get("max_acceleration_deg_s2", 600.0), accuracy.get("max_speed_deg_s", 150.0))
    drift_deg = turn_deg / max(whole_s, 1e-3) * blur_s
    zoomed = abs(last.zoom - first.zoom) / max(whole_s, 1e-3) * blur_s
    zoomed += _bend(whole_s, accuracy.get("max_zoom_acceleration", 4.0), accuracy.get("max_zoom_rate", 1.0))
    scale = max(abs(document["camera_model"].get(name, 1.0)) for name in ("pan_scale", "tilt_scale"))
    logs = [log_focal(document, pose[2] + step) for step in (-zoomed, 0.0, zoomed)]
    return Slack(
        turn_rad=math.radians(math.sqrt(2) * scale * (bend_deg + drift_deg + 2 * accuracy["pan_tilt_deg"])),
        focal_rel=math.expm1(max(abs(logs[0] - logs[1]), abs(logs[2] - logs[1]))) + 2 * accuracy["zoom_rel"],
    )


def _bend(whole_s: float, acceleration: float, speed: float) -> float:
    return min(acceleration * whole_s**2 / 8, speed * whole_s / 2)


def _counted(look: Look, points: Points, wanted: Flags, problem: Problem) -> Verdict:
    tested = int(wanted.sum())
    shown = int((wanted & ~_is_grey(look, points)).sum())
    wrong = shown >= LEAST_SHOWN_PX and shown > LEAST_SHOWN_SHARE * tested
    return Verdict(problem if wrong else None, tested, shown)


def _is_grey(look: Look, points: Points) -> Flags:
    luma = look.planes[0][points.rows, points.columns].astype(np.int16)
    grey = np.abs(luma - GREY) <= LUMA_RIPPLE
    for plane in look.planes[1:]:
        step = 1 if plane.shape == look.planes[0].shape else 2
        grey &= np.abs(plane[points.rows // step, points.columns // step].astype(np.int16) - GREY) <= CHROMA_RIPPLE
    return np.asarray(grey, dtype=np.bool_)
