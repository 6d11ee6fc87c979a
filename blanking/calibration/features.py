"""Points that can be found again in another picture: SIFT, matched both ways. Only what stands still and fits one motion is kept."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from blanking.calibration.sight import Floats

Luma = NDArray[np.uint8]
_SIFT: Any = cv2.SIFT_create  # type: ignore[attr-defined]  # the library's stubs lack it

MOST_FEATURES = 1500
RATIO = 0.8
"""The second-best match must be this much worse (Lowe)."""
LEAST_MATCHES = 16
_CONTRASTS = (0.02, 0.008)
"""A wall at the far end of the zoom has little contrast; there less of it must do."""
_ENOUGH = 0.3
_LOOSE_SHARE = 0.012
"""How far, in picture widths, a match may lie off one plane's motion: distortion bends it by that much."""
_STILL_PX = 1.2
"""Points that stay put while the camera turned are the camera's own text in the picture."""


@dataclass(frozen=True, slots=True)
class Features:
    """The points of one picture.

    Args:
        points_px: (n, 2); a pixel with index i covers i..i+1.
        descriptors: (n, 128), 0..255.
    """

    points_px: Floats
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points_px)

    def chosen(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> "Features":
        """Return some of them."""
        return Features(self.points_px[keep], self.descriptors[keep])


def features_of(luma: Luma, most: int = MOST_FEATURES) -> Features:
    """Return the points of a picture, the clearest ones when there are too many."""
    keypoints: Any = ()
    descriptors: Any = None
    for contrast in _CONTRASTS:
        sift = _SIFT(nfeatures=most, contrastThreshold=contrast, enable_precise_upscale=True)
        keypoints, descriptors = sift.detectAndCompute(np.ascontiguousarray(luma), None)
        if len(keypoints) >= most * _ENOUGH:
            break
    if descriptors is None or not len(keypoints):
        return Features(np.empty((0, 2)), np.empty((0, 128), np.uint8))
    points = np.array([keypoint.pt for keypoint in keypoints], dtype=np.float64) + 0.5
    return Features(points, np.asarray(descriptors).astype(np.uint8))


def matched(one: Features, other: Features, *, turned: bool, width_px: int) -> NDArray[np.intp]:
    """Return index pairs (n, 2) of points that are the same, as far as one motion of the camera explains them.

    Args:
        turned: the camera turned or zoomed in between, so that what stays put is no part of the scene.
        width_px: of the picture.
    """
    pairs = closest_pairs(one, other)
    if turned and len(pairs):
        moved = np.linalg.norm(one.points_px[pairs[:, 0]] - other.points_px[pairs[:, 1]], axis=1)
        if float(np.median(moved)) > 2.0 * _STILL_PX:
            pairs = pairs[moved > _STILL_PX]
    if len(pairs) < LEAST_MATCHES:
        return np.empty((0, 2), np.intp)
    found: Any = cv2.findHomography(
        one.points_px[pairs[:, 0]], other.points_px[pairs[:, 1]], cv2.RANSAC, _LOOSE_SHARE * width_px
    )
    inliers = found[1]
    if inliers is None:
        return np.empty((0, 2), np.intp)
    kept = pairs[np.asarray(inliers).ravel() > 0]
    return kept if len(kept) >= LEAST_MATCHES else np.empty((0, 2), np.intp)


def closest_pairs(one: Features, other: Features) -> NDArray[np.intp]:
    """Return index pairs (n, 2) of descriptors that are each other's closest, and clearly so."""
    if len(one) < 2 or len(other) < 2:
        return np.empty((0, 2), np.intp)
    a, b = one.descriptors.astype(np.float32), other.descriptors.astype(np.float32)
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    best = np.argmin(squares, axis=1)
    rows = np.arange(len(a))
    first = squares[rows, best]
    back = np.argmin(squares, axis=0)
    squares[rows, best] = np.inf
    second = squares.min(axis=1)
    clear = (first < RATIO * RATIO * second) & (back[best] == rows)
    return np.column_stack((rows[clear], best[clear])).astype(np.intp)
