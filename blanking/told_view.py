"""The field of view that a camera tells, against the plan's zoom table: another profile, a crop or digital zoom shows in it.

What cameras tell is nominal, so only a clear difference counts; but then the plan is for another camera setting, and everything is grey.
"""

import math
from typing import Final

from blanking.optics import Optics
from blanking.plan_values import DirectionPlan
from blanking.pose import PoseSample

CLEARLY: Final = 1.15
"""Told and modelled half-width differ by this factor: more than rounding, distortion or a maker's optimism."""
_SAME_ZOOM: Final = 0.002


class ToldView:
    """Follow what each source tells. Only a sample whose zoom is that of the one before it counts: a lens on its way is told late."""

    def __init__(self, plan: DirectionPlan) -> None:
        self._optics = Optics(plan.camera_model, plan.width_px, plan.height_px)
        self._half_px = plan.width_px / 2
        self._zooms: dict[str, float] = {}
        self._misfits: set[str] = set()

    @property
    def misfits(self) -> bool:
        """Whether the newest that a source told does not fit the plan."""
        return bool(self._misfits)

    def see(self, sample: PoseSample) -> None:
        """Take a sample; one without zoom or field of view says nothing."""
        told, zoom, source = sample.hfov_deg, sample.zoom, sample.source
        if told is None or zoom is None or not math.isfinite(told) or not math.isfinite(zoom):
            return
        before = self._zooms.get(source)
        self._zooms[source] = zoom
        if before is None or abs(zoom - before) > _SAME_ZOOM:
            return
        modelled = self._half_px / self._optics.focal_px(min(max(zoom, 0.0), 1.0))
        least, most = (_half_width(told + way * sample.hfov_step_deg) for way in (-1.0, 1.0))
        if least <= modelled * CLEARLY and most >= modelled / CLEARLY:
            self._misfits.discard(source)
        else:
            self._misfits.add(source)


def _half_width(hfov_deg: float) -> float:
    return math.tan(math.radians(min(max(hfov_deg, 0.0), 179.0)) / 2)
