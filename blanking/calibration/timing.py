"""How far the register trails the picture: swing the camera, see in each picture where it really looked, and compare with what it said."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blanking.calibration.features import Features, matched
from blanking.calibration.sight import Floats, Pose, Sight
from blanking.calibration.values import Still
from blanking.plan_values import CameraModel
from blanking.pose import PoseSample
from vms.errors import InvalidInput

LEAST_SPEED_DEG_S = 4.0
LEAST_AGES = 12
SAFETY = 1.25
_LEAST_S = 0.004
_LONGEST_AGE_S = 1.0
_LIKE_SPEED = 0.3
_ROUNDS = 8
_STEP_DEG = 0.01
_LEAST_POINTS = 14
_BANDS, _LEAST_BAND_S, _BAND_SHARE = 1.5, 0.02, 0.9


@dataclass(frozen=True, slots=True)
class MovingPicture:
    """What was found in a picture taken on the way.

    Args:
        at_s: middle of its exposure, on the video's clock.
    """

    at_s: float
    features: Features


@dataclass(frozen=True, slots=True)
class Timing:
    """How the register's times compare with the picture's.

    Args:
        time_s: bound on how far a sample may have been taken after its time stamp.
        staleness_s: bound on how old a value may already have been at its time stamp.
        lag_s: age in the middle.
        refresh_s: how much the age varies: the register's refresh, and what polling adds.
        ages: how many samples this rests on.
    """

    time_s: float
    staleness_s: float
    lag_s: float
    refresh_s: float
    ages: int


def located(
    model: CameraModel,
    size_px: tuple[int, int],
    stills: Sequence[Still],
    pictures: Sequence[MovingPicture],
    samples: Sequence[PoseSample],
) -> Floats:
    """Return (instant, pan in reported degrees) of the pictures in which the street was recognised, rising in time."""
    sight = Sight(model, *size_px, in_base=True)
    known = [sample for sample in samples if sample.pan_deg is not None]
    times = np.array([(sample.at_lo_s + sample.at_hi_s) / 2 for sample in known])
    pans = np.degrees(np.unwrap(np.radians([sample.pan_deg or 0.0 for sample in known])))
    if len(times) < 2:
        return np.empty((0, 2))
    tilt, zoom = known[0].tilt_deg or 0.0, known[0].zoom or 0.0
    order = np.argsort(times)
    out = []
    for picture in pictures:
        guess = (float(np.interp(picture.at_s, times[order], pans[order])), tilt, zoom)
        near = sorted(stills, key=lambda still: _apart(still.pose, guess))[:2]
        found = _pose_of(sight, near, picture.features, guess)
        if found is not None:
            out.append((picture.at_s, found[0]))
    return np.array(sorted(out)).reshape(-1, 2)


def timing(track: Floats, samples: Sequence[PoseSample], quantum_deg: float) -> Timing:
    """Return bounds on the age of what the register says.

    Args:
        track: instants and true pans, in reported degrees.
        quantum_deg: the register's rounding.

    Raises:
        InvalidInput: the camera was recognised on its way too seldom.
    """
    rows = []
    for sample, way in _ways(samples):
        found = _passed(track, sample, way)
        if found is not None:
            at_s, speed = found
            rows.append((sample.at_lo_s - at_s, at_s - sample.at_hi_s, 0.5 * quantum_deg / speed))
    kept = _without_mistakes(np.array(rows).reshape(-1, 3))
    if len(kept) < LEAST_AGES:
        raise InvalidInput(
            f"the street was recognised in too few pictures of the moving camera ({len(kept)} of {LEAST_AGES} times needed); "
            "calibrate by day, when the exposure is short",
            code="calibration.timing",
        )
    early, late = kept[:, 0], kept[:, 1]
    guard, ages = float(np.median(kept[:, 2])), (early - late) / 2
    return Timing(
        time_s=round(SAFETY * max(0.0, float(late.max())) + guard + _LEAST_S, 4),
        staleness_s=round(SAFETY * max(0.0, float(early.max())) + guard, 4),
        lag_s=round(float(np.median(ages)), 4),
        refresh_s=round(float(np.percentile(ages, 97) - np.percentile(ages, 3)), 4),
        ages=len(ages),
    )


def _ways(samples: Sequence[PoseSample]) -> list[tuple[PoseSample, float]]:
    """Return the samples between two others that show the same way of turning, with it (1 or -1)."""
    known = sorted((one for one in samples if one.pan_deg is not None), key=lambda one: one.at_lo_s)
    out = []
    for before, sample, after in zip(known, known[1:], known[2:], strict=False):
        one = math.remainder((sample.pan_deg or 0.0) - (before.pan_deg or 0.0), 360.0)
        other = math.remainder((after.pan_deg or 0.0) - (sample.pan_deg or 0.0), 360.0)
        if one * other >= 0 and one + other != 0:
            out.append((sample, math.copysign(1.0, one + other)))
    return out


def _without_mistakes(rows: Floats) -> Floats:
    """Drop ages far off all others: a picture that was recognised where it is not. Real ages fill a band."""
    if len(rows) < LEAST_AGES:
        return rows
    ages = (rows[:, 0] - rows[:, 1]) / 2
    low, middle, high = np.percentile(ages, (10, 50, 90))
    kept = rows[np.abs(ages - middle) <= _BANDS * (high - low) + _LEAST_BAND_S]
    return kept if len(kept) >= _BAND_SHARE * len(rows) else rows


def _passed(track: Floats, sample: PoseSample, way: float) -> tuple[float, float] | None:
    """Return when the camera passed a reported pan at an even speed that way, shortly before it said so, and how fast."""
    read_s = (sample.at_lo_s + sample.at_hi_s) / 2
    best: tuple[float, float] | None = None
    for index in range(1, len(track) - 2):
        (before_s, before), (after_s, after) = track[index], track[index + 1]
        gap_s = after_s - before_s
        if gap_s <= 0 or gap_s > 0.3 or not read_s - _LONGEST_AGE_S <= before_s <= read_s + 0.2:
            continue
        speed = (after - before) / gap_s
        wanted = before + math.remainder((sample.pan_deg or 0.0) - before, 360.0)
        share = (wanted - before) / (after - before) if after != before else -1.0
        if way * speed < LEAST_SPEED_DEG_S or not 0.0 <= share <= 1.0 or not _is_even(track, index, speed):
            continue
        at_s = before_s + share * gap_s
        if best is None or abs(at_s - read_s) < abs(best[0] - read_s):
            best = (at_s, abs(speed))
    return best


def _is_even(track: Floats, index: int, speed: float) -> bool:
    for a, b in ((index - 1, index), (index + 1, index + 2)):
        gap_s = track[b][0] - track[a][0]
        other = (track[b][1] - track[a][1]) / gap_s if gap_s > 0 else 0.0
        if abs(other - speed) > _LIKE_SPEED * abs(speed):
            return False
    return True


def _apart(pose: Pose, other: Pose) -> float:
    return abs(math.remainder(pose[0] - other[0], 360.0)) + abs(pose[1] - other[1]) + 1000.0 * abs(pose[2] - other[2])


def _pose_of(sight: Sight, stills: Sequence[Still], features: Features, guess: Pose) -> tuple[float, float] | None:
    """Return pan and tilt of a picture by what it has in common with stills; robust Gauss-Newton over two angles."""
    directions, pixels = [], []
    for still in stills:
        pairs = matched(still.features, features, turned=False, width_px=sight.size_px[0])
        if len(pairs):
            directions.append(sight.unproject(still.pose, still.features.points_px[pairs[:, 0]]))
            pixels.append(features.points_px[pairs[:, 1]])
    if not directions:
        return None
    where, seen = np.concatenate(directions), np.concatenate(pixels)
    pan, tilt, zoom = guess
    off = np.full(len(seen), np.inf)
    for _ in range(_ROUNDS):
        base = sight.project((pan, tilt, zoom), where)
        slopes = np.stack(
            (
                (sight.project((pan + _STEP_DEG, tilt, zoom), where) - base) / _STEP_DEG,
                (sight.project((pan, tilt + _STEP_DEG, zoom), where) - base) / _STEP_DEG,
            ),
            axis=-1,
        )
        left = seen - base
        good = np.isfinite(left).all(axis=1) & np.isfinite(slopes).all(axis=(1, 2))
        if int(good.sum()) < _LEAST_POINTS:
            return None
        left, slopes = left[good], slopes[good]
        off = np.linalg.norm(left, axis=1)
        soft = max(1.0, 1.5 * float(np.median(off)))
        weight = 1.0 / (1.0 + (off / soft) ** 2)
        normal = np.einsum("nij,n,nik->jk", slopes, weight, slopes)
        step = np.linalg.solve(normal + 1e-9 * np.eye(2), np.einsum("nij,n,ni->j", slopes, weight, left))
        pan, tilt = pan + float(step[0]), tilt + float(step[1])
        if float(np.max(np.abs(step))) < 1e-4:
            break
    close = int((off < 3.0).sum())
    return (pan, tilt) if close >= _LEAST_POINTS and close > 0.4 * len(off) else None
