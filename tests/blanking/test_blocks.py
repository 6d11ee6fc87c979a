"""Blocks touched by convex shapes."""

import numpy as np
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blanking.blocks import GrownHull, convex_hull, empty_mask, rectangles_of, touched_blocks

coordinates = st.floats(-60, 260, width=32)


@given(
    st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8), min_size=1, max_size=3),
    st.floats(0, 20),
    st.floats(0, 20),
)
@example(clouds=[[(0.0, 0.0), (0.0, -0.0)]], grow_x=0.0, grow_y=0.0)
@settings(max_examples=60, deadline=None)
def test_every_touched_block_is_found(clouds: list[list[tuple[float, float]]], grow_x: float, grow_y: float) -> None:
    """Filling by pixel centres misses touched blocks; a geometry library is the judge here."""
    mask = empty_mask(200, 120)
    hulls = [GrownHull(convex_hull(np.array(cloud, np.float32)), grow_x, grow_y) for cloud in clouds]
    touched_blocks(hulls, mask)
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            block = shapely.box(
                16 * column - grow_x, 16 * row - grow_y, 16 * column + 16 + grow_x, 16 * row + 16 + grow_y
            )
            inner, outer = block.buffer(-0.01, join_style="mitre"), block.buffer(0.01, join_style="mitre")
            shapes = [shapely.MultiPoint(cloud).convex_hull for cloud in clouds]
            if any(shape.intersects(inner) for shape in shapes):
                assert mask[row, column]
            elif not any(shape.intersects(outer) for shape in shapes):
                assert not mask[row, column]


@given(st.lists(st.lists(st.booleans(), min_size=9, max_size=9), min_size=1, max_size=8))
def test_rectangles_are_the_mask_once(rows: list[list[bool]]) -> None:
    """A block left out of the rectangles would leak, one counted twice would falsify the grey share."""
    mask = np.array(rows, dtype=np.bool_)
    painted = np.zeros(mask.shape, dtype=int)
    for box in rectangles_of(mask):
        painted[box.top : box.bottom, box.left : box.right] += 1
    assert (painted == mask).all()
