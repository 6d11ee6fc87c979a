"""From stills to a measured camera: match them, guess, solve, drop what does not fit, solve again."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from blanking.calibration.features import matched
from blanking.calibration.sight import Floats
from blanking.calibration.solve import Problem, Unknowns, fit_of, solve
from blanking.calibration.transfer import Sensor
from blanking.calibration.values import Axis, Fit, Pairing, Still
from vms.errors import InvalidInput

MOST_PER_PAIR = 160
_FARTHEST_ZOOM_STEPS = 2
_GATE_PX = 1.0
_GATE_SPREADS = 3.5
_SPREAD = 1.4826
"""Standard deviations per median of absolute values."""
_WIDEST_RMS_SHARE = 0.002
"""Beyond this share of the picture's width the model does not explain the pictures."""
_HFOVS_DEG = (20.0, 28.0, 36.0, 44.0, 52.0, 58.0, 64.0, 70.0, 78.0, 90.0)
_TILT_ZEROS_DEG = (0.0, -15.0, 15.0)


Known = dict[tuple[int, int], Pairing | None]
"""What was matched already, by the indices of two stills."""


def measure(
    stills: Sequence[Still], size_px: tuple[int, int], pan: Axis, tilt: Axis, known: Known | None = None
) -> Fit:
    """Return the camera that explains the stills.

    Args:
        known: matches of an earlier call with the same first stills; new ones are added.

    Raises:
        InvalidInput: too few points were found again, or no camera of this kind explains them.
    """
    problem = Problem(stills, pairings_of(stills, size_px[0], known), size_px, pan, tilt)
    everything = np.ones(len(problem.from_px))
    unknowns, covariance, residual = solve(problem, _guess(problem), everything)
    keep = everything
    for _ in range(3):
        keep = _gate(residual)
        unknowns, covariance, residual = solve(problem, unknowns, keep)
    keep = _gate(residual)
    fit = fit_of(problem, unknowns, covariance, residual, keep)
    if fit.rms_px > _WIDEST_RMS_SHARE * size_px[0] or fit.kept < 0.3:
        raise InvalidInput(
            f"no camera explains the pictures (off by {fit.rms_px:.1f} px, {fit.kept:.0%} of the points agree): is digital zoom, "
            "picture stabilisation or a privacy mask of the camera itself switched on?",
            code="calibration.no-fit",
        )
    return fit


def pairings_of(stills: Sequence[Still], width_px: int, known: Known | None = None) -> list[Pairing]:
    """Match stills at the same zoom, and neighbours in zoom that were taken from one stand."""
    zooms = sorted({still.pose[2] for still in stills})
    step = {zoom: index for index, zoom in enumerate(zooms)}
    known, out = {} if known is None else known, []
    for one, other in itertools.combinations(range(len(stills)), 2):
        apart = abs(step[stills[one].pose[2]] - step[stills[other].pose[2]])
        same_stand = stills[one].stand == stills[other].stand
        if apart != 0 and not (same_stand and apart <= _FARTHEST_ZOOM_STEPS):
            continue
        if (one, other) not in known:
            known[one, other] = paired(stills, one, other, width_px)
        pairing = known[one, other]
        if pairing is not None:
            out.append(pairing)
    return out


def paired(stills: Sequence[Still], one: int, other: int, width_px: int) -> Pairing | None:
    """Return the points that two stills share, None when there are too few; told in the wider one of both."""
    if stills[one].pose[2] < stills[other].pose[2]:
        one, other = other, one
    first, second = stills[one].features, stills[other].features
    pairs = matched(first, second, turned=True, width_px=width_px)
    if not len(pairs):
        return None
    if len(pairs) > MOST_PER_PAIR:
        pairs = pairs[np.linspace(0, len(pairs) - 1, MOST_PER_PAIR).astype(np.intp)]
    return Pairing(one, other, first.points_px[pairs[:, 0]], second.points_px[pairs[:, 1]])


def _gate(residual: Floats) -> Floats:
    size = np.linalg.norm(residual, axis=1)
    spread = _SPREAD * float(np.median(np.abs(residual)))
    return np.asarray(size < max(_GATE_PX, _GATE_SPREADS * spread), dtype=np.float64)


def _guess(problem: Problem) -> Unknowns:
    """Try wide fields of view, signs and tilt zeros on the pictures at the widest zoom; then chain the focal lengths."""
    wide = problem.zooms[0]
    pictures = [i for i, still in enumerate(problem.stills) if still.pose[2] == wide]
    pairings = []
    for pairing in problem.pairings:
        if pairing.one in pictures and pairing.other in pictures:
            few = slice(None, None, max(1, len(pairing.from_px) // 25))
            pairings.append(replace(pairing, from_px=pairing.from_px[few], to_px=pairing.to_px[few]))
    stills = [replace(still, pose=(*still.pose[:2], wide)) for still in problem.stills]
    if len({still.stand for still in (problem.stills[i] for i in pictures)}) < 3 or not pairings:
        raise InvalidInput(
            "the pictures at the widest zoom have too little in common; calibrate by day, with a view that has detail",
            code="calibration.too-few-features",
        )
    trial = Problem.__new__(Problem)
    trial.stills, trial.pairings, trial.size_px = stills, pairings, problem.size_px
    trial.pan, trial.tilt = problem.pan, problem.tilt
    trial.__post_init__()
    best, lowest = None, math.inf
    for hfov_deg, pan_sign, tilt_sign, zero_deg in itertools.product(
        _HFOVS_DEG, (1.0, -1.0), (1.0, -1.0), _TILT_ZEROS_DEG
    ):
        tried = _unknowns(trial, hfov_deg, pan_sign, tilt_sign, math.radians(zero_deg))
        off = float(np.median(np.linalg.norm(trial.residuals(tried), axis=1)))
        if off < lowest:
            best, lowest = tried, off
    assert best is not None
    chained = _chained(problem, float(best.log_focal[0]))
    return replace(
        best,
        log_focal=chained,
        k1=np.zeros(len(chained)),
        pan_fix=np.zeros(problem.stands),
        tilt_fix=np.zeros(problem.stands),
    )


def _unknowns(problem: Problem, hfov_deg: float, pan_sign: float, tilt_sign: float, zero: float) -> Unknowns:
    width, height = problem.size_px
    focal = width / 2 / math.tan(math.radians(hfov_deg) / 2)
    count = len(problem.zooms)
    return Unknowns(
        np.full(count, math.log(focal)),
        np.zeros(count),
        np.zeros(problem.stands),
        np.zeros(problem.stands),
        Sensor(width / 2, height / 2, 0.0),
        pan_sign,
        tilt_sign,
        zero,
    )


def _chained(problem: Problem, log_focal: float) -> Floats:
    """Return ln f at each zoom from how much larger the picture became, step by step.

    Raises:
        InvalidInput: the chain breaks: a zoom has no picture in common with the one before.
    """
    grown: dict[int, list[float]] = {}
    for pairing in problem.pairings:
        low, high = problem.knot[pairing.other], problem.knot[pairing.one]
        if high - low == 1:
            middle_from, middle_to = np.median(pairing.from_px, axis=0), np.median(pairing.to_px, axis=0)
            sizes = [
                np.median(np.linalg.norm(points - middle, axis=1))
                for points, middle in ((pairing.from_px, middle_from), (pairing.to_px, middle_to))
            ]
            grown.setdefault(int(low), []).append(math.log(max(float(sizes[0]), 1e-3) / max(float(sizes[1]), 1e-3)))
    out = [log_focal]
    for knot in range(len(problem.zooms) - 1):
        if knot not in grown:
            raise InvalidInput(
                f"the pictures at zoom {problem.zooms[knot]:g} and {problem.zooms[knot + 1]:g} have too little in common",
                code="calibration.zoom-chain",
            )
        out.append(out[-1] + float(np.median(grown[knot])))
    return np.array(out)
