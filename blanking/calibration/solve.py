"""Least squares over all matches of all pictures: Levenberg and Marquardt, robust, with what is known beforehand as soft evidence.

Unknown: ln f and k1 at each zoom, principal point, roll, scales, tilt zero, and a small correction of each stand's reported pan and tilt
(the register is rounded). Source: Sinha and Pollefeys, "Towards calibrating a pan-tilt-zoom camera network"; facts/ptz.md 3.5.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from blanking.calibration.sight import Floats
from blanking.calibration.transfer import Sensor, Side, transferred
from blanking.calibration.values import Axis, Fit, Indices, Pairing, Still
from vms.errors import InvalidInput

_ROUNDS = 40
_STEP = 1e-6
_SOFT_PX = 1.0
"""Residuals well below this count fully, those far above hardly (Cauchy)."""
_MECHANICS_RAD = math.radians(0.004)
_LOCALS = ("pan", "tilt", "log_focal", "k1")


@dataclass
class Unknowns:
    """The present estimate."""

    log_focal: Floats
    k1: Floats
    pan_fix: Floats
    tilt_fix: Floats
    sensor: Sensor
    pan_scale: float
    tilt_scale: float
    tilt_offset: float


@dataclass
class Problem:
    """All matches as flat arrays, and which picture, zoom and stand each belongs to."""

    stills: Sequence[Still]
    pairings: Sequence[Pairing]
    size_px: tuple[int, int]
    pan: Axis
    tilt: Axis
    zooms: Floats = field(init=False)
    from_px: Floats = field(init=False)
    to_px: Floats = field(init=False)
    picture: tuple[Indices, Indices] = field(init=False)

    def __post_init__(self) -> None:
        """Lay the matches out."""
        self.zooms = np.unique([still.pose[2] for still in self.stills])
        counts = [len(pairing.from_px) for pairing in self.pairings]
        if not counts or sum(counts) < 4 * len(self.stills):
            raise InvalidInput(
                "too few points of the street were found again in other pictures; calibrate by day, with a view that has detail",
                code="calibration.too-few-features",
            )
        self.from_px = np.concatenate([pairing.from_px for pairing in self.pairings])
        self.to_px = np.concatenate([pairing.to_px for pairing in self.pairings])
        self.picture = (
            np.repeat([pairing.one for pairing in self.pairings], counts),
            np.repeat([pairing.other for pairing in self.pairings], counts),
        )
        self.raw_pan = np.radians(_unwrapped([still.pose[0] for still in self.stills]))
        self.raw_tilt = np.radians([still.pose[1] for still in self.stills])
        self.knot = np.searchsorted(self.zooms, [still.pose[2] for still in self.stills])
        self.stand = np.array([still.stand for still in self.stills])
        self.stands = int(self.stand.max()) + 1

    def side(self, unknowns: Unknowns, end: int) -> Side:
        """Return the camera on one side of every match."""
        picture = self.picture[end]
        pan = unknowns.pan_scale * (self.raw_pan + unknowns.pan_fix[self.stand])
        tilt = unknowns.tilt_scale * (self.raw_tilt + unknowns.tilt_fix[self.stand]) + unknowns.tilt_offset
        knot = self.knot
        return Side(pan[picture], tilt[picture], unknowns.log_focal[knot][picture], unknowns.k1[knot][picture])

    def residuals(self, unknowns: Unknowns) -> Floats:
        """Return how far each match lies off, (n, 2) pixels."""
        sides = self.side(unknowns, 0), self.side(unknowns, 1)
        return transferred(self.from_px, *sides, unknowns.sensor) - self.to_px


def _unwrapped(degrees: Sequence[float]) -> Floats:
    """Return pans without jumps of a whole turn, relative to the first."""
    first = degrees[0]
    return np.array([first + math.remainder(one - first, 360.0) for one in degrees])


def solve(problem: Problem, start: Unknowns, keep: Floats | None = None) -> tuple[Unknowns, Floats, Floats]:
    """Return the estimate, its covariance (by `layout`'s order) and the residuals in pixels.

    Args:
        keep: weight 0 or 1 per match; all by default.
    """
    wanted = np.ones(len(problem.from_px)) if keep is None else keep
    layout = _Layout(problem)
    values, damping = layout.packed(start), 1e-3
    cost, _ = _cost(problem, layout, values, wanted)
    normal = np.eye(layout.count)
    for _ in range(_ROUNDS):
        unknowns = layout.unpacked(values)
        residual = problem.residuals(unknowns)
        weight = wanted * _cauchy(residual)
        jacobian = _jacobian(problem, layout, unknowns, residual)
        rows = np.repeat(weight, 2)
        prior, prior_jacobian = layout.prior(values)
        normal = (jacobian * rows[:, None]).T @ jacobian + prior_jacobian.T @ prior_jacobian
        gradient = jacobian.T @ (rows * residual.ravel()) + prior_jacobian.T @ prior
        improved = False
        for _ in range(8):
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), -gradient)
            tried, _ = _cost(problem, layout, values + step, wanted)
            if tried < cost:
                improved = cost - tried > 1e-6 * cost
                values, cost, damping = values + step, tried, max(damping / 5, 1e-9)
                break
            damping *= 6
        if not improved:
            break
    unknowns = layout.unpacked(values)
    covariance: Floats = np.asarray(np.linalg.inv(normal + 1e-12 * np.eye(layout.count)), dtype=np.float64)
    return unknowns, covariance, problem.residuals(unknowns)


def fit_of(problem: Problem, unknowns: Unknowns, covariance: Floats, residual: Floats, keep: Floats) -> Fit:
    """Return the result with its standard errors."""
    kept = residual[keep > 0]
    rms = float(np.sqrt(np.mean(kept * kept))) if len(kept) else math.inf
    sigma = np.sqrt(np.maximum(np.diag(covariance)[: len(problem.zooms)], 0.0)) * max(rms, 0.05)
    sensor = unknowns.sensor
    return Fit(
        zooms=problem.zooms,
        log_focal=unknowns.log_focal,
        k1=unknowns.k1,
        centre_px=(sensor.cx, sensor.cy),
        roll=sensor.roll,
        pan_scale=unknowns.pan_scale,
        tilt_scale=unknowns.tilt_scale,
        tilt_offset=unknowns.tilt_offset,
        sigma_log_focal=sigma,
        rms_px=rms,
        kept=len(kept) / max(1, len(residual)),
        matches=len(kept),
        tilt_span_deg=float(np.degrees(np.ptp(problem.raw_tilt))),
    )


def _cauchy(residual: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.sum(residual * residual, axis=1) / (_SOFT_PX * _SOFT_PX)))


def _cost(problem: Problem, layout: "_Layout", values: Floats, wanted: Floats) -> tuple[float, Floats]:
    residual = problem.residuals(layout.unpacked(values))
    squares = np.sum(residual * residual, axis=1) / (_SOFT_PX * _SOFT_PX)
    prior, _ = layout.prior(values)
    return float(np.sum(wanted * np.log1p(squares)) * _SOFT_PX**2 + prior @ prior), residual


def _jacobian(problem: Problem, layout: "_Layout", unknowns: Unknowns, residual: Floats) -> Floats:
    """Return d residual / d values: each match depends on two pictures' own quantities and a handful of common ones."""
    sides = [problem.side(unknowns, 0), problem.side(unknowns, 1)]
    sensor = unknowns.sensor
    base = residual + problem.to_px
    out = np.zeros((len(base), 2, layout.count))
    rows = np.arange(len(base))
    for end in (0, 1):
        picture = problem.picture[end]
        stand, knot = problem.stand[picture], problem.knot[picture]
        raw_pan = (problem.raw_pan + unknowns.pan_fix[problem.stand])[picture]
        raw_tilt = (problem.raw_tilt + unknowns.tilt_fix[problem.stand])[picture]
        for name in _LOCALS:
            moved = list(sides)
            moved[end] = sides[end].shifted(name, _STEP)
            slope = (transferred(problem.from_px, moved[0], moved[1], sensor) - base) / _STEP
            if name == "log_focal":
                out[rows, :, layout.log_focal + knot] += slope
            elif name == "k1":
                out[rows, :, layout.k1 + knot] += slope
            elif name == "pan":
                out[rows, :, layout.pan_fix + stand] += slope * unknowns.pan_scale
                out[:, :, layout.pan_scale] += slope * raw_pan[:, None]
            else:
                out[rows, :, layout.tilt_fix + stand] += slope * unknowns.tilt_scale
                out[:, :, layout.tilt_scale] += slope * raw_tilt[:, None]
                out[:, :, layout.tilt_offset] += slope
    for place, name, step in ((layout.cx, "cx", 1e-3), (layout.cx + 1, "cy", 1e-3), (layout.roll, "roll", _STEP)):
        shifted = sensor.shifted(name, step)
        out[:, :, place] = (transferred(problem.from_px, sides[0], sides[1], shifted) - base) / step
    return out.reshape(-1, layout.count)


class _Layout:
    """Where each unknown stands in the vector, and what is known of it beforehand."""

    def __init__(self, problem: Problem) -> None:
        knots, stands = len(problem.zooms), problem.stands
        self.log_focal, self.k1 = 0, knots
        self.pan_fix = 2 * knots
        self.tilt_fix = self.pan_fix + stands
        self.cx = self.tilt_fix + stands
        self.roll, self.pan_scale, self.tilt_scale, self.tilt_offset = (self.cx + 2 + i for i in range(4))
        self.count = self.tilt_offset + 1
        self._problem = problem
        self._rows = self._prior_rows()

    def packed(self, one: Unknowns) -> Floats:
        """Return the vector."""
        rest = [one.sensor.cx, one.sensor.cy, one.sensor.roll, one.pan_scale, one.tilt_scale, one.tilt_offset]
        self._signs = (math.copysign(1.0, one.pan_scale), math.copysign(1.0, one.tilt_scale))
        return np.concatenate((one.log_focal, one.k1, one.pan_fix, one.tilt_fix, rest))

    def unpacked(self, values: Floats) -> Unknowns:
        """Return the estimate."""
        cx, cy, roll, pan_scale, tilt_scale, offset = (float(one) for one in values[self.cx :])
        return Unknowns(
            values[: self.k1],
            values[self.k1 : self.pan_fix],
            values[self.pan_fix : self.tilt_fix],
            values[self.tilt_fix : self.cx],
            Sensor(cx, cy, roll),
            pan_scale,
            tilt_scale,
            offset,
        )

    def prior(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the residuals of what is known beforehand, in standard errors, and their Jacobian."""
        rows, targets = self._rows
        targets = targets.copy()
        targets[-2:] *= self._signs
        return rows @ values - targets, rows

    def _prior_rows(self) -> tuple[Floats, Floats]:
        problem = self._problem
        width, height = problem.size_px
        rows: list[Floats] = []
        targets: list[float] = []

        def know(terms: dict[int, float], target: float, sigma: float) -> None:
            row = np.zeros(self.count)
            for place, factor in terms.items():
                row[place] = factor / sigma
            rows.append(row)
            targets.append(target / sigma)

        for first, axis in ((self.pan_fix, problem.pan), (self.tilt_fix, problem.tilt)):
            sigma = math.radians(axis.quantum) / math.sqrt(12.0) + _MECHANICS_RAD
            for place in range(problem.stands):
                know({first + place: 1.0}, 0.0, sigma)
        knots = len(problem.zooms)
        for knot in range(knots):
            know({self.k1 + knot: 1.0}, 0.0, 0.3)
        for knot in range(1, knots - 1):
            know({self.k1 + knot - 1: 1.0, self.k1 + knot: -2.0, self.k1 + knot + 1: 1.0}, 0.0, 0.06)
        know({self.cx: 1.0}, width / 2, 0.04 * width)
        know({self.cx + 1: 1.0}, height / 2, 0.04 * width)
        know({self.roll: 1.0}, 0.0, math.radians(10.0))
        know({self.tilt_offset: 1.0}, 0.0, math.radians(20.0))
        know({self.pan_scale: 1.0}, 1.0, 1e-6 if problem.pan.is_endless else 0.02)
        know({self.tilt_scale: 1.0}, 1.0, 0.05)
        return np.array(rows), np.array(targets)
