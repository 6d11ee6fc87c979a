"""The blocks that a fixed camera's masks touch; worked out once per plan."""

import cv2
import numpy as np

from blanking.blocks import BLOCK_PX, BlockMask, GrownHull, empty_mask, touched_blocks
from blanking.growth import CODEC_MARGIN_PX
from blanking.plan_values import ImagePlan


def image_cover(plan: ImagePlan, wider_rel: float = 0.0) -> BlockMask:
    """Return the touched blocks.

    Args:
        plan: its masks count as larger by its own `widened_rel`.
        wider_rel: and by this share of the picture's width.

    The outline is covered edge by edge; a block without any edge is wholly inside or wholly outside, which the library's filling
    by pixel centres tells rightly.
    """
    mask = empty_mask(plan.width_px, plan.height_px)
    rows, columns = mask.shape
    inside = np.zeros((rows * BLOCK_PX, columns * BLOCK_PX), dtype=np.uint8)
    grow_px = CODEC_MARGIN_PX + (plan.widened_rel + wider_rel) * plan.width_px
    hulls = []
    for polygon in plan.masks:
        corners = np.array(polygon.polygon_rel) * (plan.width_px, plan.height_px)
        for tail, head in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            hulls.append(GrownHull(np.array([tail, head]), grow_px, grow_px))
        one = np.zeros_like(inside)
        cv2.fillPoly(one, [np.round(corners).astype(np.int32)], 1)
        inside |= one
    touched_blocks(hulls, mask)
    mask |= inside.reshape(rows, BLOCK_PX, columns, BLOCK_PX).any(axis=(1, 3))
    return mask
