"""A picture made small, its brightness evened out, and what of it may serve as a landmark: nothing in or beside a mask."""

from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from blanking.blocks import BLOCK_PX
from blanking.calibration.features import Features, features_of
from blanking.image_cover import image_cover
from blanking.plan_values import ImagePlan

COLUMNS: Final = 480
CELLS: Final = (8, 6)
"""Columns and rows of cells: nothing counts for more than its share of the view."""
MOST_A_CELL: Final = 5
BESIDE_PX: Final = 16
"""As far as a search window, its patch and the evening-out reach: what is inside a mask must not change what is outside."""
_EDGE_PX: Final = 9
_LETTERS_REL: Final = 0.08
"""Cameras write into the top and the bottom of the picture; letters stay where they are however the camera is turned."""
_EVEN_PX: Final = 15
_BLUR_PX: Final = 0.9
_NOISE: Final = 6.0
_FAINT_NOISE: Final = 1.5
"""In thick fog a street has a fifteenth of its contrast, which is still several times the noise of a reduced picture."""
_FAINT_CONTRAST: Final = (0.4, 4.0)
"""Levels of local contrast between which a view is looked for as fog leaves it: a covered lens has 0.2, thick fog 0.8, snow 9 and more."""
_CONTRAST: Final = 44.0
_QUALITY: Final = 0.004
_GREY: Final = 128
_MOST_FEATURES: Final = 500

Luma = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class HiddenPart:
    """The part of a reduced picture that no landmark may come from.

    Args:
        grey: greyed before anything is kept.
        beside: where no point may lie: that, what is next to it, the edge, and where cameras write.
    """

    grey: Bools
    beside: Bools


@dataclass(slots=True, eq=False)
class ReducedView:
    """A picture as far as it is compared with others.

    Args:
        luma: brightness, masks greyed.
        even: the same with local brightness and contrast evened out, so that a lamp or a cloud changes little.
        contrast: local spread in levels, on average where landmarks may lie.
    """

    luma: Luma
    even: Luma
    contrast: float
    _faint: Luma | None = field(default=None, repr=False)

    @property
    def is_faint(self) -> bool:
        """Whether so little contrast is left that a street may only show in `faint`, and more than a covered lens has."""
        return _FAINT_CONTRAST[0] <= self.contrast < _FAINT_CONTRAST[1]

    @property
    def faint(self) -> Luma:
        """Return the picture evened out so far that what fog leaves of a street has its contrast; made when first asked for."""
        if self._faint is None:
            self._faint, _ = _evened(self.luma, _FAINT_NOISE)
        return self._faint


@dataclass(slots=True, eq=False)
class Landmarks:
    """A view and the points that are looked for in others.

    Args:
        view: the picture.
        points_px: (n, 2) in the reduced picture.
        cells: number of each point's cell.
    """

    view: ReducedView
    points_px: Points
    cells: NDArray[np.intp]
    _features: Features | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.points_px)

    def features(self, hidden: HiddenPart) -> Features:
        """Return points that are found again wherever they are now; made when first asked for."""
        if self._features is None:
            self._features = outside(features_of(self.view.luma, _MOST_FEATURES), hidden)
        return self._features


def hidden_part(plan: ImagePlan, margin_rel: float) -> HiddenPart:
    """Return what is left out of the pictures of a plan.

    Args:
        plan: as it was approved.
        margin_rel: masks count as larger by this share of the picture's width.
    """
    rows = rows_of(plan.width_px, plan.height_px)
    blocks = image_cover(plan, margin_rel)
    full = np.kron(blocks, np.ones((BLOCK_PX, BLOCK_PX), np.uint8))[: plan.height_px, : plan.width_px]
    shrunk = np.asarray(cv2.resize(full.astype(np.float32), (COLUMNS, rows), interpolation=cv2.INTER_AREA))
    grey = shrunk > 0.0
    beside = np.asarray(cv2.dilate(grey.astype(np.uint8), np.ones((2 * BESIDE_PX + 1,) * 2, np.uint8))) > 0
    letters = max(_EDGE_PX, round(_LETTERS_REL * rows))
    beside[:letters] = beside[-letters:] = True
    beside[:, :_EDGE_PX] = beside[:, -_EDGE_PX:] = True
    return HiddenPart(grey, beside)


def rows_of(width_px: int, height_px: int) -> int:
    """Return the height of a reduced picture."""
    return max(64, round(COLUMNS * height_px / width_px))


def reduced_luma(luma: Luma, rows: int) -> Luma:
    """Return a picture in the size in which pictures are compared. Of another shape it is stretched: then it is another view."""
    way = cv2.INTER_AREA if luma.shape[1] > COLUMNS else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(luma, (COLUMNS, rows), interpolation=way), dtype=np.uint8)


def median_of_three(one: Luma, two: Luma, three: Luma) -> Luma:
    """Return the median of three pictures, pixel by pixel: without what was there in only one of them."""
    return np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))


def reduced_view(small: Luma, hidden: HiddenPart) -> ReducedView:
    """Return a reduced picture with its masks greyed and its brightness evened out."""
    luma = np.where(hidden.grey, np.uint8(_GREY), small)
    even, spread = _evened(luma, _NOISE)
    open_part = spread[~hidden.beside]
    return ReducedView(luma, even, float(open_part.mean()) if open_part.size else 0.0)


def _evened(luma: Luma, noise: float) -> tuple[Luma, NDArray[np.float32]]:
    """Return a picture evened out, and its local spread in levels."""
    values = np.asarray(cv2.GaussianBlur(luma.astype(np.float32), (5, 5), _BLUR_PX))
    mean = np.asarray(cv2.boxFilter(values, -1, (_EVEN_PX, _EVEN_PX)))
    square = np.asarray(cv2.boxFilter(values * values, -1, (_EVEN_PX, _EVEN_PX)))
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return np.clip(_GREY + _CONTRAST * (values - mean) / (spread + noise), 0, 255).astype(np.uint8), spread


def landmarks_of(view: ReducedView, hidden: HiddenPart) -> Landmarks:
    """Return the clearest corners, a few in each cell."""
    found: Any = cv2.goodFeaturesToTrack(
        view.even, 700, _QUALITY, 5, mask=(~hidden.beside).astype(np.uint8), blockSize=7
    )
    points = np.empty((0, 2), np.float32) if found is None else np.asarray(found, np.float32).reshape(-1, 2)
    cells = cells_of(points, view.luma.shape)
    kept = np.array([np.count_nonzero(cells[:i] == cell) < MOST_A_CELL for i, cell in enumerate(cells)], dtype=bool)
    return Landmarks(view, points[kept], cells[kept])


def cells_of(points_px: Points, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the number of the cell in which each point lies."""
    rows, columns = shape[:2]
    across = np.clip(points_px[:, 0] * CELLS[0] / columns, 0, CELLS[0] - 1).astype(np.intp)
    down = np.clip(points_px[:, 1] * CELLS[1] / rows, 0, CELLS[1] - 1).astype(np.intp)
    return down * CELLS[0] + across


def outside(features: Features, hidden: HiddenPart) -> Features:
    """Return the features that lie where landmarks may."""
    if not len(features):
        return features
    rows, columns = hidden.beside.shape
    at = np.clip(features.points_px.astype(np.intp), 0, (columns - 1, rows - 1))
    return features.chosen(~hidden.beside[at[:, 1], at[:, 0]])
