"""Picture registration: how a turning and zooming camera moved from one picture to another, or that this cannot be told.

Corners of the first picture, a few in each cell of a grid so that no object counts for more than its share of the view, are
searched in the second (pyramidal Lucas-Kanade, from where a guess puts them), and a robust fit finds the one movement in pan,
tilt and focal length that explains most of them. It abstains unless enough corners in enough places agree. It uses a reduced
picture of about 640 columns, is usable by itself, and has no memory.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blanking.frames import Plane
from blanking.motion_fit import Fit, LensAt, Problem, carried, fit_motion, to_tangent

REDUCED_WIDTH_PX = 640
FEATURE_CELLS = (8, 6)
FEATURES_PER_CELL = 4
COVER_CELLS = 4
"""The gate on coverage counts cells of a grid of 4 x 4."""
SECOND_CROWD = 0.15
"""From this share of corners on, a second body that moves as one makes the picture ambiguous."""
_WINDOW_PX = 15
_LEVELS = 2
REACH_PX = _WINDOW_PX * 2**_LEVELS / 2
"""Reduced pixels farther from a corner than this have no part in finding it again."""
_LEAST_EIGENVALUE = 4e-5
_MARGIN_PX = 6.0
_INLIER_PX = 1.0
_INLIER_SLACK = 0.008
"""What an inlier may be off per pixel of displacement: the stated errors of the model bend large movements."""
_NOISE_FLOOR_PX = 0.12
_SIGMAS = 4.0

cv2.setNumThreads(1)  # one worker per camera: threads of its own would only fight over the cores

Points = NDArray[np.float64]
Keep = Callable[[Points], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class ReducedPicture:
    """A picture small enough to be registered in a few milliseconds.

    Args:
        luma: brightness, (rows, columns), about 640 columns.
        scale: pixels of the whole picture per pixel of this one, a whole number.
    """

    luma: Plane
    scale: int

    def __repr__(self) -> str:
        return f"<ReducedPicture {self.luma.shape[1]}x{self.luma.shape[0]}>"


@dataclass(frozen=True, slots=True)
class Gates:
    """What a registration must reach to be believed.

    Args:
        inliers: corners that agree.
        share: of all corners that should be seen again, those lost on the way counted.
        cells: of 16, with at least one corner that agrees.
        rms_px: root mean square residual of those that agree, reduced pixels.
    """

    inliers: int = 30
    share: float = 0.8
    cells: int = 7
    rms_px: float = 0.9


STRICT = Gates(inliers=40, share=0.85, cells=10)
"""For a movement that nothing foretold: most of the picture, nearly everywhere, must agree on it."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the camera moved between two pictures.

    Args:
        pan_deg, tilt_deg: of the axes, true degrees.
        log_focal: logarithm of the ratio of focal lengths.
        error: half widths of the box around (pan_deg, tilt_deg, log_focal) that noise can explain, model errors not counted.
        inliers, share, cells, rms_px: how well it is founded.
        displacement_px: mean movement of the corners that agree, reduced pixels.
        foretold: it was found from the guess, not against it.
    """

    pan_deg: float
    tilt_deg: float
    log_focal: float
    error: tuple[float, float, float]
    inliers: int
    share: float
    cells: int
    rms_px: float
    displacement_px: float
    foretold: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """A picture whose corners are to be found in later ones.

    Args:
        picture: the picture.
        corners_px: (n, 2) in its pixels, whole pixel centres at whole numbers.
        tilt_deg: true tilt of the axis when it was taken.
        lens: through which it was taken.
    """

    picture: ReducedPicture
    corners_px: NDArray[np.float32]
    tilt_deg: float
    lens: LensAt


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where the corners of a reference are in another picture, whether a movement was found or not.

    Args:
        motion: None where the gates were not passed.
        ambiguous: they were, but two crowds of corners move each as one body.
        was_px, is_px: reduced pixels of the corners that should be seen again, (n, 2).
        found: which of them the search found.
        expected_px: where the guess put them.
    """

    motion: Motion | None
    ambiguous: bool
    was_px: Points
    is_px: Points
    found: NDArray[np.bool_]
    expected_px: Points


def reduced(luma: Plane) -> ReducedPicture:
    """Return the picture averaged over squares of whole pixels; columns and rows that make no whole square are left out."""
    scale = max(1, round(luma.shape[1] / REDUCED_WIDTH_PX))
    rows, columns = luma.shape[0] // scale, luma.shape[1] // scale
    if scale == 1:
        return ReducedPicture(np.array(luma), 1)
    small = cv2.resize(luma[: rows * scale, : columns * scale], (columns, rows), interpolation=cv2.INTER_AREA)
    return ReducedPicture(np.asarray(small, dtype=np.uint8), scale)


def corners_of(picture: ReducedPicture, keep: Keep | None = None) -> NDArray[np.float32]:
    """Return the best corners of each cell of a grid, (n, 2).

    Args:
        picture: where to look.
        keep: tells of points (n, 2) which may be used, e.g. those far from masks.
    """
    luma = picture.luma
    height, width = luma.shape
    strength = cv2.cornerMinEigenVal(luma, 5)
    border = math.ceil(_MARGIN_PX)
    peak = (strength >= cv2.dilate(strength, np.ones((9, 9), np.uint8))) & (strength > _LEAST_EIGENVALUE)
    peak[:border], peak[-border:], peak[:, :border], peak[:, -border:] = False, False, False, False
    rows, columns = np.nonzero(peak)
    points = np.column_stack((columns, rows)).astype(np.float64)
    if keep is not None and len(points):
        points = points[keep(points)]
    if not len(points):
        return np.zeros((0, 2), np.float32)
    cell = (points[:, 0] * FEATURE_CELLS[0] / width).astype(np.intp) + FEATURE_CELLS[0] * (
        points[:, 1] * FEATURE_CELLS[1] / height
    ).astype(np.intp)
    order = np.lexsort((-strength[points[:, 1].astype(np.intp), points[:, 0].astype(np.intp)], cell))
    ordered = cell[order]
    place = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return np.asarray(points[order[place < FEATURES_PER_CELL]], dtype=np.float32)


def register(
    reference: Reference,
    picture: ReducedPicture,
    lens: LensAt,
    guess: tuple[float, float, float],
    gates: Gates | None = None,
) -> Sighting:
    """Find how the camera moved from the reference to the picture.

    Args:
        reference: the first picture with its corners.
        picture: the second, of the same size.
        lens: of the second picture, as telemetry tells; only its distortion matters much, its focal length is found.
        guess: (pan_deg, tilt_deg, log of the ratio of focal lengths) expected.
        gates: what a movement near the guess must reach; any other must reach `STRICT`.
    """
    height, width = picture.luma.shape
    gates = gates or Gates()
    before = to_tangent(reference.corners_px.astype(np.float64), reference.lens)
    tilt = math.radians(reference.tilt_deg)
    start = (math.radians(guess[0]), math.radians(guess[1]), guess[2])
    expected, ahead = carried(before, tilt, start, reference.lens.focal_px, lens)
    seen = (
        ahead
        & (expected[:, 0] > _MARGIN_PX)
        & (expected[:, 1] > _MARGIN_PX)
        & (expected[:, 0] < width - 1 - _MARGIN_PX)
        & (expected[:, 1] < height - 1 - _MARGIN_PX)
    )
    was, expected = reference.corners_px[seen], expected[seen]
    none = np.zeros(len(was), dtype=bool)
    if len(was) < gates.inliers:
        return Sighting(None, False, was.astype(np.float64), expected, none, expected)
    now, status, _ = cv2.calcOpticalFlowPyrLK(
        reference.picture.luma,
        picture.luma,
        was.reshape(-1, 1, 2).copy(),
        np.array(expected, dtype=np.float32, order="C").reshape(-1, 1, 2),
        winSize=(_WINDOW_PX, _WINDOW_PX),
        maxLevel=_LEVELS,
        criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.02),
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        minEigThreshold=1e-4,
    )
    is_px = now[:, 0, :].astype(np.float64)
    inside = (is_px > 0).all(axis=1) & (is_px[:, 0] < width - 1) & (is_px[:, 1] < height - 1)
    found = (status[:, 0] == 1) & inside
    matches = _Matches(
        before=before[seen][found],
        was=was[found].astype(np.float64),
        now=is_px[found],
        expected=len(found),
        tilt=tilt,
        focal_px=reference.lens.focal_px,
        lens=lens,
    )
    motion, ambiguous = _motion(matches, start, gates)
    return Sighting(motion, ambiguous, was.astype(np.float64), is_px, found, expected)


@dataclass(frozen=True, slots=True)
class _Matches:
    """Corners that were found again: tangent coordinates before, pixels before and now, and what is needed to compare them."""

    before: Points
    was: Points
    now: Points
    expected: int
    tilt: float
    focal_px: float
    lens: LensAt

    def fit(self, start: tuple[float, float, float], of: NDArray[np.bool_] | None = None) -> Fit | None:
        """Fit a movement to all of them or to some."""
        some = np.ones(len(self.now), dtype=bool) if of is None else of
        moved = np.hypot(*(self.now[some] - self.was[some]).T)
        problem = Problem(
            self.before[some], self.now[some], self.tilt, self.focal_px, self.lens, _INLIER_PX + _INLIER_SLACK * moved
        )
        return fit_motion(problem, start)

    def middle_start(self, of: NDArray[np.bool_] | None = None) -> tuple[float, float, float]:
        """Return the movement of the middle corner as a start: turning right carries the picture left, turning up carries it down."""
        moved = self.now - self.was if of is None else self.now[of] - self.was[of]
        middle = np.median(moved, axis=0) / self.focal_px
        return (-float(middle[0]) / max(math.cos(self.tilt), 0.2), float(middle[1]), 0.0)


def _motion(matches: _Matches, start: tuple[float, float, float], gates: Gates) -> tuple[Motion | None, bool]:
    if len(matches.now) < gates.inliers:
        return None, False
    fit = matches.fit(start)
    motion = _judged(fit, matches, gates, foretold=True)
    if motion is None:
        fit = matches.fit(matches.middle_start())
        motion = _judged(fit, matches, STRICT, foretold=False)
    if motion is None or fit is None:
        return None, False
    return (None, True) if _has_second_crowd(fit, matches) else (motion, False)


def _has_second_crowd(fit: Fit, matches: _Matches) -> bool:
    """Tell whether the corners that disagree move as one body too: then nobody knows which of the two is the world."""
    others = ~fit.agree
    least = max(8, math.ceil(SECOND_CROWD * matches.expected))
    if int(others.sum()) < least:
        return False
    second = matches.fit(matches.middle_start(others), others)
    if second is None or int(second.agree.sum()) < least:
        return False
    return _cells(matches.now[others][second.agree], matches.lens.size_px) >= 3


def _judged(fit: Fit | None, matches: _Matches, gates: Gates, *, foretold: bool) -> Motion | None:
    if fit is None:
        return None
    agree = fit.agree
    inliers = int(agree.sum())
    if inliers < gates.inliers or inliers < gates.share * matches.expected or fit.rms_px > gates.rms_px:
        return None
    cells = _cells(matches.now[agree], matches.lens.size_px)
    if cells < gates.cells:
        return None
    # Corners in one window share their noise, and searching in steps has a bias that does not average out: hence the floor.
    error = [_SIGMAS * math.hypot(fit.sigma[axis], _NOISE_FLOOR_PX * fit.per_px[axis]) for axis in range(3)]
    return Motion(
        math.degrees(fit.motion[0]),
        math.degrees(fit.motion[1]),
        fit.motion[2],
        (math.degrees(error[0]), math.degrees(error[1]), error[2]),
        inliers,
        inliers / matches.expected,
        cells,
        fit.rms_px,
        float(np.hypot(*(matches.now[agree] - matches.was[agree]).T).mean()),
        foretold,
    )


def _cells(points: Points, size_px: tuple[int, int]) -> int:
    """Return how many cells of the grid for coverage hold a point."""
    column = np.clip(points[:, 0] * COVER_CELLS / size_px[0], 0, COVER_CELLS - 1).astype(np.intp)
    row = np.clip(points[:, 1] * COVER_CELLS / size_px[1], 0, COVER_CELLS - 1).astype(np.intp)
    return len(np.unique(column + COVER_CELLS * row))


def shift_guess(reference: Reference, picture: ReducedPicture) -> tuple[float, float, float]:
    """Return the movement that a shift of the whole picture would mean (phase correlation): where to search when nothing is known."""
    small = [
        cv2.resize(one.luma, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA).astype(np.float32)
        for one in (reference.picture, picture)
    ]
    height, width = small[0].shape
    (right, down), _ = cv2.phaseCorrelate(small[0], small[1], cv2.createHanningWindow((width, height), cv2.CV_32F))
    focal_px = reference.lens.focal_px / 4.0
    turn = reference.lens.turn()
    right, down = right * turn[0, 0] + down * turn[1, 0], right * turn[0, 1] + down * turn[1, 1]
    cosine = max(math.cos(math.radians(reference.tilt_deg)), 0.2)
    return (-math.degrees(math.atan(right / focal_px)) / cosine, math.degrees(math.atan(down / focal_px)), 0.0)


def same_picture(one: ReducedPicture, other: ReducedPicture) -> bool:
    """Tell whether two pictures are equal sample by sample: a repeated frame, which shows nothing new."""
    return one.luma.shape == other.luma.shape and bool((one.luma == other.luma).all())
