"""Where somebody is at a time: ways that are gone to and fro, roads that are driven one way, scripts of incidents."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where somebody stands on the ground, in metres from the camera's foot, and the direction of movement (0, 0 at rest)."""

    x: float
    z: float
    dx: float = 0.0
    dz: float = 0.0

    @property
    def is_left(self) -> bool:
        """Whether the movement goes to the left as seen from the origin."""
        return self.dx * self.z - self.dz * self.x < 0

    @property
    def away(self) -> float:
        """How much of the movement leads away from the origin: 1 straight away, -1 straight here."""
        length = math.hypot(self.x, self.z) * math.hypot(self.dx, self.dz)
        return (self.x * self.dx + self.z * self.dz) / length if length else 0.0


class Line:
    """Points joined by straight legs."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = tuple(points)
        self._lengths = [math.dist(a, b) for a, b in pairwise(self._points)]
        self.length_m = sum(self._lengths)

    def spot(self, run_m: float) -> Spot:
        """Return the spot so far along."""
        if len(self._points) == 1:
            return Spot(*self._points[0])
        leg = 0
        while leg < len(self._lengths) - 1 and run_m > self._lengths[leg]:
            run_m -= self._lengths[leg]
            leg += 1
        a, b, share = self._points[leg], self._points[leg + 1], run_m / self._lengths[leg]
        dx, dz = b[0] - a[0], b[1] - a[1]
        return Spot(a[0] + share * dx, a[1] + share * dz, dx, dz)


class Route:
    """A way over the ground gone to and fro at a speed; zero stands still."""

    def __init__(self, points: Sequence[Point], speed_m_s: float, offset_m: float) -> None:
        self._line = Line(points)
        self._speed_m_s = speed_m_s
        self.offset_m = offset_m

    def at(self, time_s: float) -> Spot | None:
        """Return the spot at a time."""
        whole = self._line.length_m
        if whole == 0:
            return self._line.spot(0.0)
        run = (self.offset_m + self._speed_m_s * time_s) % (2 * whole)
        if run <= whole:
            return self._line.spot(run)
        back = self._line.spot(2 * whole - run)
        return Spot(back.x, back.z, -back.dx, -back.dz)


class Drive:
    """A road driven one way at a speed, and then away for a while before it is driven again."""

    def __init__(self, points: Sequence[Point], speed_m_s: float, offset_m: float, away_m: float) -> None:
        self._line = Line(points)
        self._speed_m_s = speed_m_s
        self.offset_m = offset_m
        self._away_m = away_m

    def at(self, time_s: float) -> Spot | None:
        """Return the spot at a time; None while away."""
        run = (self.offset_m + self._speed_m_s * time_s) % (self._line.length_m + self._away_m)
        return self._line.spot(run) if run <= self._line.length_m else None


@dataclass(frozen=True, slots=True)
class Step:
    """Be somewhere at a second of a script."""

    at_s: float
    x: float
    z: float


class Script:
    """A part in an incident that comes back every so often: where to be when; not there before the first step or after the last."""

    def __init__(self, steps: Sequence[Step], period_s: float, offset_s: float = 0.0) -> None:
        self._steps = tuple(steps)
        self._period_s = period_s
        self._offset_s = offset_s
        self.offset_m = 0.0

    def at(self, time_s: float) -> Spot | None:
        """Return the spot at a time; None while there is no part to play."""
        now_s = (time_s + self._offset_s) % self._period_s
        for a, b in pairwise(self._steps):
            if a.at_s <= now_s < b.at_s:
                share = (now_s - a.at_s) / (b.at_s - a.at_s)
                dx, dz = b.x - a.x, b.z - a.z
                return Spot(a.x + share * dx, a.z + share * dz, dx, dz)
        return None
