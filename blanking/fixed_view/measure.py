"""By how much one view of a camera differs from another: a shift, a turn and a scale that most landmarks agree on, or nothing."""

from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from blanking.calibration.features import Features, closest_pairs, features_of
from blanking.fixed_view.reduced_view import HiddenPart, Landmarks, Luma, Points, ReducedView, cells_of, outside

Floats = NDArray[np.float64]
LEAST_POINTS: Final = 12
LEAST_SHARE: Final = 0.08
LEAST_CELLS: Final = 6
LEAST_MATCHES: Final = 12
LEAST_MATCH_CELLS: Final = 4
_WINDOW_PX: Final = 15
_LEVELS: Final = 2
_BACK_PX: Final = 0.5
_ALIKE: Final = 0.6
_AGREE_PX: Final = 0.8
_LOOSE_PX: Final = 3.0
_PATCH_PX: Final = 5
_WELL_SPREAD: Final = 12
"""With landmarks in fewer cells a turn or a scale is not told from a shift."""
_STANDING_PX: Final = 0.7
_FEW_POINTS: Final = 7
_FEW_CELLS: Final = 4
CORNER_FACTOR: Final = 1.4
"""A camera that turns moves the corners of a wide view by so much more than its middle, which is what most landmarks tell."""
_MOST_FEATURES: Final = 500


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """How a view lies to another one.

    Args:
        moved: 3 x 3, from points of the landmarks' view to points of this one, in the reduced picture.
        share: of the landmarks that were found again and agree, 0..1.
        points, cells: how many those are, in how many cells.
    """

    moved: Floats
    share: float
    points: int
    cells: int


class Follower:
    """Follow landmarks into the pictures of one look, each pair once: most pairs are asked about twice, and it costs milliseconds."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int, bool], tuple[Landmarks, ReducedView, Points, NDArray[np.bool_]]] = {}

    def follow(self, marks: Landmarks, view: ReducedView, *, faint: bool) -> tuple[Points, NDArray[np.bool_]]:
        """Return where landmarks are in a view, (n, 2) in its pixels, and which of them are really seen."""
        key = (id(marks), id(view), faint)
        if key not in self._known:
            # Both are kept as well, or another object could come to have the same id.
            self._known[key] = (marks, view, *_followed(marks, view, faint=faint))
        return self._known[key][2:]


def measure_near(marks: Landmarks, view: ReducedView, follower: Follower, *, faint: bool = False) -> Measured | None:
    """Return how a view lies to one that is nearly in the same place; a few milliseconds.

    Args:
        faint: look for what fog leaves of it.
    """
    if len(marks) < LEAST_POINTS:
        return None
    found, seen = follower.follow(marks, view, faint=faint)
    if np.count_nonzero(seen) < LEAST_POINTS:
        return None
    before, after, cells = marks.points_px[seen], found[seen], marks.cells[seen]
    agreed = _agreed(before, after, _AGREE_PX)
    if agreed is None:
        return None
    moved, inliers = agreed
    count, spread = int(np.count_nonzero(inliers)), len(np.unique(cells[inliers]))
    if count < max(LEAST_POINTS, LEAST_SHARE * len(marks)) or spread < LEAST_CELLS:
        return None
    if spread < _WELL_SPREAD and np.hypot(*(moved[:2, :2] - np.eye(2))[:, 0]) < 0.02:
        moved = np.eye(3)
        moved[:2, 2] = np.median(after[inliers] - before[inliers], axis=0)
    return Measured(moved, count / len(marks), count, spread)


class Anywhere:
    """Find a view again however it is turned, shifted, magnified or mirrored. Tens of milliseconds: made once for a picture."""

    def __init__(self, view: ReducedView, hidden: HiddenPart) -> None:
        self._hidden = hidden
        self._width = view.luma.shape[1]
        self._shape = view.luma.shape
        self._plain = outside(features_of(view.luma, _MOST_FEATURES), hidden)
        self._luma = view.luma
        self._mirrored: Features | None = None

    def measure(self, marks: Landmarks) -> Measured | None:
        """Return how the view lies to that of the landmarks."""
        known = marks.features(self._hidden)
        return self._matched(known, self._plain) or self._flipped(known)

    def _flipped(self, known: Features) -> Measured | None:
        if self._mirrored is None:
            mirrored = features_of(np.ascontiguousarray(self._luma[:, ::-1]), _MOST_FEATURES)
            self._mirrored = mirrored
        found = self._matched(known, self._mirrored)
        if found is None:
            return None
        back = np.array([[-1.0, 0.0, float(self._width)], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        return replace(found, moved=back @ found.moved)

    def _matched(self, known: Features, seen: Features) -> Measured | None:
        pairs = closest_pairs(known, seen)
        if len(pairs) < LEAST_MATCHES:
            return None
        before = known.points_px[pairs[:, 0]].astype(np.float32)
        agreed = _agreed(before, seen.points_px[pairs[:, 1]].astype(np.float32), _LOOSE_PX)
        if agreed is None:
            return None
        moved, inliers = agreed
        scale = float(np.sqrt(abs(np.linalg.det(moved[:2, :2]))))
        count, spread = int(np.count_nonzero(inliers)), len(np.unique(cells_of(before[inliers], self._shape)))
        if count < LEAST_MATCHES or spread < LEAST_MATCH_CELLS or not 0.1 < scale < 10.0:
            return None
        return Measured(moved, count / max(len(known), 1), count, spread)


def shows_in_place(marks: Landmarks, view: ReducedView, follower: Follower) -> bool:
    """Tell whether a few landmarks are seen exactly where they were: too few to measure by, but no other scene has them there."""
    counts = (standing(marks, view, follower, faint=faint) for faint in evenings(view))
    return any(points >= _FEW_POINTS and cells >= _FEW_CELLS for points, cells in counts)


def evenings(view: ReducedView) -> tuple[bool, ...]:
    """Return how landmarks are looked for in a view, one after another: as they are, and as fog leaves them where it may be that."""
    return (False, True) if view.is_faint else (False,)


def standing(before: Landmarks, view: ReducedView, follower: Follower, *, faint: bool = False) -> tuple[int, int]:
    """Return how many points, in how many cells, stand still between two pictures: a scene, not rain, a lorry that passes, or noise."""
    if not len(before):
        return 0, 0
    found, seen = follower.follow(before, view, faint=faint)
    still = seen & (np.abs(found - before.points_px).max(axis=1) < _STANDING_PX)
    return int(np.count_nonzero(still)), len(np.unique(before.cells[still]))


def displacement_rel(moved: Floats, shape: tuple[int, ...]) -> float:
    """Return a bound on how much any corner of a picture has moved, as a share of its width."""
    rows, columns = shape[:2]
    corners = np.array([[0, 0, 1], [columns, 0, 1], [0, rows, 1], [columns, rows, 1]], dtype=np.float64)
    away = (corners @ moved.T)[:, :2] - corners[:, :2]
    return float(CORNER_FACTOR * np.linalg.norm(away, axis=1).max() / columns)


def _followed(marks: Landmarks, view: ReducedView, *, faint: bool) -> tuple[Points, NDArray[np.bool_]]:
    """Return where landmarks are now, and which of them are really seen."""
    before, after = (marks.view.faint, view.faint) if faint else (marks.view.even, view.even)
    points = marks.points_px
    size = (_WINDOW_PX, _WINDOW_PX)
    flow: Any = cv2.calcOpticalFlowPyrLK
    found, there, _ = flow(before, after, points, None, winSize=size, maxLevel=_LEVELS)
    back, again, _ = flow(after, before, found, None, winSize=size, maxLevel=_LEVELS)
    seen = (there.ravel() > 0) & (again.ravel() > 0) & (np.abs(back - points).max(axis=1) < _BACK_PX)
    rows, columns = after.shape
    seen &= (found > 0).all(axis=1) & (found[:, 0] < columns) & (found[:, 1] < rows)
    seen[seen] &= _alike(_patches(before, points[seen]), _patches(after, found[seen]))
    return np.asarray(found, np.float32), seen


def _patches(picture: Luma, points: Points) -> Floats:
    span = np.arange(-_PATCH_PX, _PATCH_PX + 1, dtype=np.float32)
    across, down = np.meshgrid(span, span)
    x = (points[:, :1] + across.ravel()[None, :]).astype(np.float32)
    y = (points[:, 1:] + down.ravel()[None, :]).astype(np.float32)
    if not len(points):
        return np.empty((0, span.size**2))
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR), dtype=np.float64)


def _alike(one: Floats, other: Floats) -> NDArray[np.bool_]:
    if not len(one):
        return np.empty(0, bool)
    a, b = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    size = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return np.asarray((a * b).sum(axis=1) > _ALIKE * np.maximum(size, 1e-6))


def _agreed(before: Points, after: Points, within_px: float) -> tuple[Floats, NDArray[np.bool_]] | None:
    found: Any = cv2.estimateAffinePartial2D(
        before, after, method=cv2.RANSAC, ransacReprojThreshold=within_px, maxIters=800, confidence=0.995
    )
    if found[0] is None:
        return None
    return np.vstack((found[0], [0.0, 0.0, 1.0])), np.asarray(found[1]).ravel() > 0
