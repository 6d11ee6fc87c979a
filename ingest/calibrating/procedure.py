"""The steps of a calibration, from the first look to the document's figures. The mathematics is `blanking.calibration`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from blanking.calibration import bounds, poses, verify
from blanking.calibration.dynamics import Motor, motor
from blanking.calibration.estimate import Known, measure, paired
from blanking.calibration.features import Features, features_of, matched
from blanking.calibration.outcome import Measured
from blanking.calibration.poses import Effort, Reach
from blanking.calibration.sight import Pose, Sight
from blanking.calibration.timing import MovingPicture, Timing, located, timing
from blanking.calibration.values import Axis, Still
from blanking.plan_values import CameraModel
from ingest.calibrating.drive import Drive
from ingest.calibrating.eye import Picture, pose_of
from vms.errors import InvalidInput

MOST_FEATURES: Final = 1200
FILM_FEATURES: Final = 350
MOST_FILM: Final = 70
LEAST_FILM: Final = 12
SLOWEST_FILM_S: Final = 0.25
LEAST_FEATURES: Final = 120
LEAST_ZOOMS: Final = 4
SMALLEST_STEP: Final = 0.03
PROBE_DEG: Final = 4.0137
_TRIES_DEG: Final = (0.0, 60.0, -60.0, 120.0, -120.0, 180.0)
_SWING_DEG_S: Final = 18.0
_SWING_S: Final = 0.9
_LONGEST_EXPOSURE_S: Final = 0.1
_SPOT_SHARE: Final = 0.12
_QUANTA: Final = (0.1, 0.1, 0.002)

Tell = Callable[[str, float], None]
"""Called with the phase and the share of the whole that is done."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run ended with: figures, and the pictures' features for whoever wants landmarks of them."""

    measured: Measured
    stills: list[Still]


def calibrate(drive: Drive, reach: Reach, effort: Effort, tell: Tell) -> Run:
    """Measure a camera; the camera is left wherever the last step ended.

    Raises:
        VmsError: why it can't be measured.
        Cancelled: somebody does not want it any more.
    """
    tell("first-look", 0.0)
    first, hfov_deg = _first_look(drive, reach)
    tell("grid", 0.05)
    vfov_deg = _other_side(hfov_deg, drive.size_px)
    wide = [first]
    where = poses.grid(first.pose[:2], hfov_deg, vfov_deg, reach, effort.rungs)
    for number, spot in enumerate(where):
        tell("grid", 0.05 + 0.25 * number / len(where))
        wide.append(drive.still((*spot, 0.0), MOST_FEATURES))
    tell("solving", 0.3)
    axes = _axes(drive, reach)
    known: Known = {}
    rough = verify.model_of(measure(wide, drive.size_px, *axes, known), *drive.size_px)
    stills = wide + _zoom_chain(drive, reach, _spot(rough, drive.size_px, wide), effort, tell)
    tell("solving", 0.55)
    fit = measure(stills, drive.size_px, *axes, known)
    model = verify.model_of(fit, *drive.size_px)
    checked = _checks(drive, reach, model, stills, effort=effort, tell=tell)
    drive.go((*first.pose[:2], 0.0))
    motors = _motors(drive, reach, model, first.pose, tell)
    found, exposure_s = _timing(drive, model, wide, motors["pan"], effort=effort, tell=tell)
    tell("solving", 0.97)
    pan, tilt = _axes(drive, reach)
    return Run(
        Measured(
            frame_px=drive.frame_px,
            model=model,
            fit=fit,
            checks=checked,
            closeness=bounds.closeness(fit, checked, pan, tilt, _quantum(drive, 2)),
            timing=found,
            exposure_s=exposure_s,
            motors=motors,
            stills=len(stills),
        ),
        stills,
    )


def _first_look(drive: Drive, reach: Reach) -> tuple[Still, float]:
    """Find a view with detail, and about how wide it is: turn a little and see how far the picture moves."""
    at = drive.rest()
    for turned_deg in _TRIES_DEG:
        pan, tilt = reach.held(at[0] + turned_deg, at[1])
        first = drive.still((pan, tilt, 0.0), MOST_FEATURES)
        if len(first.features) < LEAST_FEATURES:
            continue
        aside = drive.still((*reach.held(first.pose[0] + PROBE_DEG, first.pose[1]), 0.0), MOST_FEATURES)
        turn = abs(math.remainder(aside.pose[0] - first.pose[0], 360.0)) or PROBE_DEG
        pairs = matched(first.features, aside.features, turned=True, width_px=drive.size_px[0])
        if not len(pairs):
            continue
        moved = np.median(
            np.linalg.norm(first.features.points_px[pairs[:, 0]] - aside.features.points_px[pairs[:, 1]], axis=1)
        )
        focal = float(moved) / math.radians(turn)
        return first, min(max(math.degrees(2 * math.atan(drive.size_px[0] / 2 / focal)), 12.0), 95.0)
    raise InvalidInput(
        "the camera sees too little detail anywhere around: calibrate by day", code="calibration.too-few-features"
    )


def _zoom_chain(drive: Drive, reach: Reach, spot: tuple[float, float], effort: Effort, tell: Tell) -> list[Still]:
    """Zoom in step by step on one spot, as far as the pictures have something in common."""
    pan, tilt = reach.held(*spot)
    wanted = poses.zooms(effort)
    chain = [drive.still((pan, tilt, wanted[0]), MOST_FEATURES)]
    for number, zoom in enumerate(wanted[1:], 1):
        tell("zoom", 0.32 + 0.23 * number / len(wanted))
        if not _reached(drive, chain, (pan, tilt, zoom)):
            break
    if len(chain) < LEAST_ZOOMS:
        raise InvalidInput(
            "the pictures lose each other as soon as the camera zooms in; calibrate by day, with a view that has detail",
            code="calibration.zoom-chain",
        )
    return chain


def _reached(drive: Drive, chain: list[Still], pose: Pose) -> bool:
    """Zoom in to a pose, by steps of half the size where the pictures would lose each other; return whether the chain holds."""
    still = drive.still(pose, MOST_FEATURES)
    if paired([chain[-1], still], 0, 1, drive.size_px[0]) is not None:
        chain.append(still)
        return True
    step = pose[2] - chain[-1].pose[2]
    if step < SMALLEST_STEP:
        return False
    middle = (pose[0], pose[1], pose[2] - step / 2)
    return _reached(drive, chain, middle) and _reached(drive, chain, pose)


def _spot(model: CameraModel, size_px: tuple[int, int], wide: list[Still]) -> tuple[float, float]:
    """Return the pose that brings the part of the first view with most detail to the middle."""
    width, height = size_px
    points = wide[0].features.points_px
    inner = points[
        (np.abs(points[:, 0] - width / 2) < 0.3 * width) & (np.abs(points[:, 1] - height / 2) < 0.25 * height)
    ]
    if not len(inner):
        return wide[0].pose[:2]
    reach_px = _SPOT_SHARE * width / 2
    near = np.abs(inner[:, None, :] - points[None, :, :]).max(axis=2) < reach_px
    spot = inner[int(np.argmax(near.sum(axis=1)))]
    ahead = Sight(model, *size_px, in_base=True).unproject(wide[0].pose, spot[None, :])[0]
    pan = math.degrees(math.atan2(ahead[0], ahead[2])) / model.pan_scale
    tilt = (math.degrees(math.asin(max(-1.0, min(1.0, -float(ahead[1]))))) - model.tilt_offset_deg) / model.tilt_scale
    return (pan, tilt)


def _checks(
    drive: Drive, reach: Reach, model: CameraModel, stills: list[Still], *, effort: Effort, tell: Tell
) -> list[verify.Checked]:
    chain = stills[-1].pose[:2]
    fields = [(zoom, hfov_deg, _other_side(hfov_deg, drive.size_px)) for zoom, hfov_deg in model.zoom_hfov_deg]
    out = []
    wanted = poses.checks(chain, fields, reach, effort)
    for number, pose in enumerate(wanted):
        tell("checks", 0.58 + 0.14 * number / len(wanted))
        found = verify.check(model, drive.size_px, stills, drive.still(pose, MOST_FEATURES))
        if found is not None:
            out.append(found)
    if len(out) < 2:
        raise InvalidInput(
            "the result could not be checked: too little was recognised at other poses; calibrate by day",
            code="calibration.unchecked",
        )
    return out


def _motors(drive: Drive, reach: Reach, model: CameraModel, pose: Pose, tell: Tell) -> dict[str, Motor]:
    """Move each axis at full speed, both ways."""
    tell("speed", 0.73)
    middle = (reach.tilt_lo_deg + reach.tilt_hi_deg) / 2
    span = min(40.0, 0.7 * (reach.tilt_hi_deg - reach.tilt_lo_deg))
    out: dict[str, Motor] = {}
    for axis, name, speeds, seconds, start in (
        (0, "pan", (1.0, 0.0, 0.0), 1.5, pose),
        (1, "tilt", (0.0, 1.0, 0.0), 1.0, (pose[0], middle - span / 2, 0.0)),
        (2, "zoom", (0.0, 0.0, 1.0), 8.0, (*pose[:2], 0.0)),
    ):
        tell("speed", 0.73 + 0.05 * axis)
        drive.go((*reach.held(start[0], start[1]), 0.0))
        there = drive.full_speed(axis, speeds, seconds)
        back = drive.full_speed(axis, (-speeds[0], -speeds[1], -speeds[2]), seconds)
        scale = (model.pan_scale, model.tilt_scale, 1.0)[axis]
        out[name] = motor([there, back], scale)
    drive.go((*pose[:2], 0.0))
    return out


def _timing(
    drive: Drive, model: CameraModel, wide: list[Still], pan: Motor, *, effort: Effort, tell: Tell
) -> tuple[Timing, float]:
    """Swing to and fro and compare what the pictures show with what the camera says; once more when too little was seen."""
    tell("timing", 0.88)
    try:
        return _swung(drive, model, wide, pan, effort)
    except InvalidInput:
        tell("timing", 0.92)
        return _swung(drive, model, wide, pan, effort)


def _swung(drive: Drive, model: CameraModel, wide: list[Still], pan: Motor, effort: Effort) -> tuple[Timing, float]:
    newest = drive.eye.newest()
    since_s = newest.at_lo_s if newest is not None else -math.inf
    share = min(1.0, _SWING_DEG_S / max(pan.top_speed, 1.0))
    drive.eye.film()
    drive.run((-share, 0.0, 0.0), _SWING_S / 2, stop=False)
    way = 1.0
    for _ in range(max(3, round(effort.swings_s / _SWING_S))):
        drive.run((way * share, 0.0, 0.0), _SWING_S, stop=False)
        way = -way
    drive.halt()
    drive.rest()
    film = drive.eye.developed()
    samples = drive.eye.samples(since_s)
    gaps = np.diff([one.at_s for one in film])
    if len(film) < LEAST_FILM or float(np.median(gaps)) > SLOWEST_FILM_S:
        raise InvalidInput(
            f"the camera's pictures came too seldom while it moved ({len(film)}); raise its frame rate, or lighten this machine's load",
            code="calibration.film",
        )
    factor = drive.size_px[0] / film[0].luma.shape[1]
    chosen = film[:: max(1, len(film) // MOST_FILM)]
    track = located(
        model, drive.size_px, wide, [MovingPicture(one.at_s, _found(one, factor)) for one in chosen], samples
    )
    return timing(track, samples, _quantum(drive, 0)), min(_LONGEST_EXPOSURE_S, float(np.median(gaps)))


def _found(picture: Picture, factor: float) -> Features:
    found = features_of(picture.luma, FILM_FEATURES)
    return found if factor == 1.0 else Features(found.points_px * factor, found.descriptors)


def _axes(drive: Drive, reach: Reach) -> tuple[Axis, Axis]:
    return Axis(reach.is_endless, _quantum(drive, 0)), Axis(is_endless=False, quantum=_quantum(drive, 1))


def _quantum(drive: Drive, axis: int) -> float:
    told = [pose[axis] for sample in drive.eye.samples() if (pose := pose_of(sample)) is not None]
    return bounds.quantum_of(told, _QUANTA[axis])


def _other_side(hfov_deg: float, size_px: tuple[int, int]) -> float:
    return math.degrees(2 * math.atan(math.tan(math.radians(hfov_deg) / 2) * size_px[1] / size_px[0]))
