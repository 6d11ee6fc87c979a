"""Where to look to measure a camera: a grid at the widest zoom, a ladder over the tilt range, a chain over zoom, and poses to check by.

All in reported degrees. Numbers are a little crooked so that the register's rounding shows.
"""

import math
from dataclasses import dataclass

from blanking.calibration.sight import Pose

_PAN_SHARE, _TILT_SHARE, _RUNG_SHARE = 0.36, 0.27, 0.45
_CROOKED_DEG = 0.0137
_CHECK_SHARE = 0.28
_TURN = 2.399963
"""Golden angle: spreads the check poses around without repeating a direction."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to look at.

    Args:
        zooms: rows of the zoom table that are measured.
        rungs: most tilt positions beyond the grid, each way.
        checks: poses that are not fitted but held against the result.
        swings_s: how long to swing for the timing.
    """

    zooms: int = 17
    rungs: int = 3
    checks: int = 8
    swings_s: float = 9.0


THOROUGH = Effort()
QUICK = Effort(zooms=9, rungs=1, checks=4, swings_s=4.5)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the camera can go, in reported degrees; an endless pan has no limits."""

    tilt_lo_deg: float
    tilt_hi_deg: float
    pan_lo_deg: float = -180.0
    pan_hi_deg: float = 180.0
    is_endless: bool = True

    def held(self, pan_deg: float, tilt_deg: float) -> tuple[float, float]:
        """Return the nearest place that it can go to."""
        inside = min(max(pan_deg, self.pan_lo_deg), self.pan_hi_deg)
        return math.remainder(pan_deg, 360.0) if self.is_endless else inside, min(
            max(tilt_deg, self.tilt_lo_deg), self.tilt_hi_deg
        )


def grid(
    centre: tuple[float, float], hfov_deg: float, vfov_deg: float, reach: Reach, rungs: int
) -> list[tuple[float, float]]:
    """Return where to look at the widest zoom, the centre first: nine poses around it, and rungs above and below."""
    wide, high = _PAN_SHARE * hfov_deg + _CROOKED_DEG, _TILT_SHARE * vfov_deg + _CROOKED_DEG
    # Near an end of the tilt range the grid moves inside, so that its rows stay apart.
    middle = min(max(centre[1], reach.tilt_lo_deg + high), max(reach.tilt_hi_deg - high, reach.tilt_lo_deg + high))
    out = [reach.held(centre[0], middle)]
    around = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if (row, column) != (0, 0)]
    out += [reach.held(centre[0] + column * wide, middle + row * high) for row, column in around]
    step = _RUNG_SHARE * vfov_deg + _CROOKED_DEG
    for way in (-1.0, 1.0):
        for rung in range(1, rungs + 1):
            tilt = middle + way * (high + rung * step)
            if reach.tilt_lo_deg <= tilt <= reach.tilt_hi_deg:
                out.append(reach.held(centre[0], tilt))
    return list(dict.fromkeys(out))


def zooms(effort: Effort) -> list[float]:
    """Return the zooms to measure, wide to tele."""
    return [index / (effort.zooms - 1) for index in range(effort.zooms)]


def checks(
    centre: tuple[float, float], fields_deg: list[tuple[float, float, float]], reach: Reach, effort: Effort
) -> list[Pose]:
    """Return poses to check by, each between two measured zooms and a little aside.

    Args:
        centre: where the zoom chain looked.
        fields_deg: (zoom, horizontal, vertical field of view) as measured, rising.
    """
    out = []
    for number in range(effort.checks):
        place = (number + 0.5) * (len(fields_deg) - 1) / effort.checks
        low, share = int(place), 0.3 + 0.4 * ((number * 0.618) % 1.0)
        low = min(low, len(fields_deg) - 2)
        zoom = fields_deg[low][0] + share * (fields_deg[low + 1][0] - fields_deg[low][0])
        _, hfov_deg, vfov_deg = fields_deg[low + 1]
        angle = number * _TURN
        pan, tilt = reach.held(
            centre[0] + _CHECK_SHARE * hfov_deg * math.cos(angle), centre[1] + _CHECK_SHARE * vfov_deg * math.sin(angle)
        )
        out.append((pan, tilt, zoom))
    return out
