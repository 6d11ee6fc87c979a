"""How fast an axis turns and how quickly it gets there: a trapezoid of speed fitted to what the register said on the way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blanking.calibration.sight import Floats
from vms.errors import InvalidInput

SAFETY = 1.3
_ROUNDS = 60
_LEAST_SAMPLES = 8
_LONGEST_DOUBT = 3.0
_SHORTEST_RAMP_S = 0.02


@dataclass(frozen=True, slots=True)
class Motor:
    """What an axis did in its full-speed moves, and what it may do.

    Args:
        top_speed: per second, as measured.
        acceleration: per second squared, as measured.
        speed_bound, acceleration_bound: with the factor for what was not seen.
    """

    top_speed: float
    acceleration: float
    speed_bound: float
    acceleration_bound: float


def motor(moves: Sequence[tuple[Floats, Floats]], scale: float = 1.0) -> Motor:
    """Return the motor behind some moves at full speed.

    Args:
        moves: (instants, reported values) of each, from rest to rest.
        scale: true units per reported one.

    Raises:
        InvalidInput: the camera hardly moved, or said too seldom where it was.
    """
    found = [one for one in (_trapezoid(times, values) for times, values in moves) if one is not None]
    if not found:
        raise InvalidInput(
            "the camera's speed could not be measured: it did not move, or tells too seldom where it is",
            code="calibration.speed",
        )
    top = max(one[0] for one in found) * abs(scale)
    acceleration = max(one[1] for one in found) * abs(scale)
    doubted = max(one[2] for one in found) * abs(scale)
    return Motor(round(top, 4), round(acceleration, 4), round(SAFETY * top, 4), round(SAFETY * doubted, 4))


def _trapezoid(times: Floats, values: Floats) -> tuple[float, float, float] | None:
    """Return top speed, acceleration, and the acceleration with its doubt; None for too little movement."""
    if len(times) < _LEAST_SAMPLES or float(np.ptp(values)) <= 0:
        return None
    way = 1.0 if values[-1] >= values[0] else -1.0
    seconds, gone = times - times[0], way * (values - values[0])
    whole = float(gone[-1])
    moving = (gone > 0.03 * whole) & (gone < 0.97 * whole)
    if int(moving.sum()) < 3 or whole <= 0:
        return None
    slope = (
        float(np.max(np.diff(gone[moving]) / np.maximum(np.diff(seconds[moving]), 1e-3))) if moving.sum() > 1 else 0.0
    )
    cruise = max(0.9 * slope, whole / max(float(np.ptp(seconds[moving])), 0.05))
    start = float(seconds[moving][0]) - 0.1
    best: tuple[float, Floats, Floats] | None = None
    for ramp_s in (0.08, 0.25, 0.6):
        tried = _fitted(
            seconds,
            gone,
            np.array([start, math.log(cruise), math.log(ramp_s), start + whole / cruise, math.log(ramp_s)]),
        )
        if best is None or tried[0] < best[0]:
            best = tried
    assert best is not None
    _, fit, sigma = best
    speed, ramps = math.exp(fit[1]), [max(math.exp(fit[2]), _SHORTEST_RAMP_S), max(math.exp(fit[4]), _SHORTEST_RAMP_S)]
    # A move too short for the top speed reaches only part of it, with the same slope.
    reached = min(speed, speed * max(fit[3] - fit[0], 0.01) / ramps[0])
    accelerations = [speed / ramp for ramp in ramps]
    doubts = [
        a * min(math.exp(2.0 * float(s)), _LONGEST_DOUBT)
        for a, s in zip(accelerations, (sigma[2], sigma[4]), strict=True)
    ]
    return reached, max(accelerations), max(doubts)


def _gone(seconds: Floats, fit: Floats) -> Floats:
    start_s, log_speed, log_up, end_s, log_down = fit

    def ramped(since: Floats, ramp_s: float) -> Floats:
        later = np.maximum(since, 0.0)
        return np.where(later < ramp_s, later * later / (2.0 * ramp_s), later - ramp_s / 2.0)

    return np.asarray(
        math.exp(log_speed)
        * (ramped(seconds - start_s, math.exp(log_up)) - ramped(seconds - end_s, math.exp(log_down)))
    )


def _fitted(seconds: Floats, gone: Floats, fit: Floats) -> tuple[float, Floats, Floats]:
    """Return cost, fit and standard errors; Levenberg and Marquardt over five numbers."""
    damping = 1e-2
    left = _gone(seconds, fit) - gone
    normal = np.eye(5)
    for _ in range(_ROUNDS):
        slopes = np.stack(
            [(_gone(seconds, fit + step) - _gone(seconds, fit - step)) / 2e-4 for step in 1e-4 * np.eye(5)], axis=1
        )
        normal = slopes.T @ slopes
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -slopes.T @ left)
        tried = fit + np.clip(step, -0.5, 0.5)
        tried[[2, 4]] = np.clip(tried[[2, 4]], math.log(_SHORTEST_RAMP_S), math.log(3.0))
        after = _gone(seconds, tried) - gone
        if float(after @ after) < float(left @ left):
            fit, left, damping = tried, after, max(damping / 4, 1e-9)
        else:
            damping *= 5
            if damping > 1e6:
                break
    variance = float(left @ left) / max(1, len(left) - 5)
    covariance = np.linalg.pinv(normal + 1e-12 * np.eye(5)) * variance
    return float(left @ left), fit, np.sqrt(np.maximum(np.diag(covariance), 0.0))
