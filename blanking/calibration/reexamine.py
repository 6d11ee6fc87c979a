"""What another camera model means for masks that were drawn by an earlier one.

Whoever drew a mask put its corners on pixels that they saw; the plan's model made directions of those pixels. The same pixels have
other directions under another model. As long as they lie within the error that the plan states the mask still covers what it was drawn
over; beyond that it must be drawn again.
"""

from dataclasses import dataclass

import numpy as np

from blanking.calibration.sight import Floats, Pose, Sight, degrees_between
from blanking.cover import mount_rotation
from blanking.plan_values import Accuracy, CameraModel, DirectionPlan
from blanking.polygons import direction_ring

_ZOOMS = 9
_FILLS = 0.9
"""A mask is drawn while it fits into the picture: corners reach at most this far from the middle to the edge."""
_TRIES = ((0.0, 0.0), (0.4, 0.0), (-0.4, 0.0), (0.0, 0.4), (0.0, -0.4))
"""Where in the picture the mask may have stood when it was drawn, in halves of it."""


@dataclass(frozen=True, slots=True)
class MaskMove:
    """How a mask stands under another model.

    Args:
        mask_id: which one.
        moved_deg: the farthest that any of its corners may have to move.
        allowed_deg: what the plan's stated error covers.
    """

    mask_id: str
    moved_deg: float
    allowed_deg: float

    @property
    def redraw(self) -> bool:
        """Whether the mask must be drawn again."""
        return self.moved_deg > self.allowed_deg


def reexamine(plan: DirectionPlan, model: CameraModel, accuracy: Accuracy) -> list[MaskMove]:
    """Return how far each mask's corners move when what was drawn under the plan's model is seen through another one.

    Args:
        plan: its masks, model and stated errors.
        model: the new one; its mount plays no part, the register's zero ties both together.
        accuracy: of the new model: what is not known of it is not held against the mask twice, so the larger bound counts.
    """
    before = Sight(plan.camera_model, plan.width_px, plan.height_px, in_base=True)
    after = Sight(model, plan.width_px, plan.height_px, in_base=True)
    mount = mount_rotation(plan.camera_model)
    zooms = np.linspace(plan.camera_model.zoom_hfov_deg[0][0], plan.camera_model.zoom_hfov_deg[-1][0], _ZOOMS)
    out = []
    for mask in plan.masks:
        ring = direction_ring(mask.polygon_deg) @ mount.T
        moved = max((_moved(plan, (before, after), ring, float(zoom)) for zoom in zooms), default=0.0)
        size = float(np.max(degrees_between(ring, np.broadcast_to(_heart(ring), ring.shape))))
        shift = max(plan.accuracy.pan_tilt_deg, accuracy.pan_tilt_deg)
        allowed = shift + size * max(plan.accuracy.zoom_rel, accuracy.zoom_rel)
        out.append(MaskMove(mask.id, moved, allowed))
    return out


def _moved(plan: DirectionPlan, sights: tuple[Sight, Sight], ring: Floats, zoom: float) -> float:
    """Return the farthest move of a corner over the poses at this zoom in which the mask may have been drawn."""
    before, after = sights
    width, height = before.size_px
    farthest = 0.0
    for right, down in _TRIES:
        pose = _looking_at(plan.camera_model, before, _heart(ring), (right, down, zoom))
        pixels = before.project(pose, ring)
        inside = np.all(np.abs(pixels / np.array([width, height]) * 2.0 - 1.0) <= _FILLS, axis=1)
        if (right, down) == (0.0, 0.0) and not inside.all() and zoom > plan.camera_model.zoom_hfov_deg[0][0]:
            return 0.0  # too large for this zoom: it was drawn from farther out
        if inside.any():
            farthest = max(
                farthest, float(np.max(degrees_between(ring[inside], after.unproject(pose, pixels[inside]))))
            )
    return farthest


def _looking_at(model: CameraModel, sight: Sight, heart: Floats, spot: tuple[float, float, float]) -> Pose:
    """Return a reported pose that has a direction at a spot of the picture, in halves from its middle, at a zoom."""
    right, down, zoom = spot
    focal = sight.focal_px(zoom)
    aside = np.degrees(np.arctan([right * sight.size_px[0] / 2 / focal, down * sight.size_px[1] / 2 / focal]))
    pan_deg = float(np.degrees(np.arctan2(heart[0], heart[2]))) - aside[0]
    tilt_deg = float(np.degrees(np.arcsin(np.clip(-heart[1], -1.0, 1.0)))) + aside[1]
    return (pan_deg / model.pan_scale, (tilt_deg - model.tilt_offset_deg) / model.tilt_scale, zoom)


def _heart(ring: Floats) -> Floats:
    middle = ring.sum(axis=0)
    return np.asarray(middle / np.linalg.norm(middle))
