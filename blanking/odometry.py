"""The way of the pictures: registered one after another, they tell how the camera has moved since some picture.

Each picture is registered against a reference up to 1.5 seconds older, so that errors add up per reference and not per picture,
and that what moves slowly in front of the camera has moved far enough to be told from it. Where registration abstains for
longer than a moment the way is broken, and what comes later belongs to another chain.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanking.motion_fit import LensAt
from blanking.registration import (
    STRICT,
    Motion,
    Points,
    ReducedPicture,
    Reference,
    Sighting,
    corners_of,
    register,
    same_picture,
    shift_guess,
)

Triple = tuple[float, float, float]

LONGEST_BREAK_S = 0.35
"""Without a registered picture for longer than this a chain ends."""
MATURE_AFTER_S = 0.25
"""A chain younger than this is no evidence: what drives slowly in front of the camera has not yet moved far enough to be told apart."""
_LONGEST_REFERENCE_S = 1.5
_PATIENCE = 3
_PAUSE_S = 0.1
"""After some failures in a row pictures are looked at this seldom, or fog would cost as much as a street."""
_LEAST_OVERLAP = 0.6
_LARGEST_ZOOM = 0.12
_STUCK_TILE_PX = 16
_STUCK_MOVES_PX = 6.0
_STUCK_DIFFERENCE = 0.45
"""Around what is burned in, the picture changes by less than this share of its contrast there."""
_STUCK_AFTER = 2


@dataclass(frozen=True, slots=True)
class Glance:
    """A registered picture.

    Args:
        at_s: when it was captured.
        chain: pictures of one number are connected.
        began_s: when the chain's first picture was captured.
        place: (pan_deg, tilt_deg, log of focal length) since the chain's first picture.
        own_error: half widths of the box by which `place` may be off against the picture's reference, model errors not counted.
        base_error: the same of the reference against the chain's first picture.
        path_deg: how far the axes have gone in the chain, forth and back both counted.
        fresh_s: when the picture last changed: a repeated frame shows nothing new.
        reference: number of the reference.
    """

    at_s: float
    chain: int
    began_s: float
    place: Triple
    own_error: Triple
    base_error: Triple
    path_deg: float
    fresh_s: float
    reference: int


@dataclass(frozen=True, slots=True)
class Likely:
    """Where the camera probably looks: good enough to start a search from.

    Args:
        tilt_deg: true tilt of the axis.
        lens: reduced, at the probable zoom.
        lens_slack: by what share its focal length may be off beyond the stated accuracy.
        moved: (pan_deg, tilt_deg, log of focal length) since the last picture, as telemetry tells it.
        keep: which points of the picture may be used.
    """

    tilt_deg: float
    lens: LensAt
    lens_slack: float
    moved: Triple
    keep: Callable[[Points], NDArray[np.bool_]]


class Odometer:
    """Register pictures as they come. Made for one thread."""

    def __init__(self) -> None:
        self._reference: Reference | None = None
        self._reference_glance: Glance | None = None
        self._reference_slack = 0.0
        self._references = 0
        self._chain = 0
        self._failures = 0
        self._tried_s = -math.inf
        self._last: tuple[Glance, ReducedPicture, Likely] | None = None
        self._speed: Triple = (0.0, 0.0, 0.0)
        self._stuck: NDArray[np.int32] | None = None

    @property
    def speed(self) -> Triple:
        """How fast the place changed between the last two registered pictures, per second."""
        return self._speed

    @property
    def reference(self) -> tuple[Reference, Glance] | None:
        """The picture that later ones are registered against, and its place."""
        if self._reference is None or self._reference_glance is None:
            return None
        return self._reference, self._reference_glance

    def end_chain(self) -> None:
        """Connect nothing to what was seen until now."""
        self._reference = self._reference_glance = self._last = None

    def see(self, at_s: float, picture: ReducedPicture, likely: Likely) -> Glance | None:
        """Take the next picture; return None when it could not be registered."""
        if self._stuck is None or self._stuck.shape != _tiles(picture):
            self.end_chain()
            self._stuck = np.zeros(_tiles(picture), np.int32)
        if self._last is not None and (at_s - self._last[0].at_s > LONGEST_BREAK_S or at_s <= self._last[0].at_s):
            self.end_chain()
        if self._reference is None or self._last is None:
            if self._failures >= _PATIENCE and at_s - self._tried_s < _PAUSE_S:
                return None
            self._tried_s = at_s
            return self._begin(at_s, picture, likely)
        last, last_picture, _ = self._last
        if self._failures >= _PATIENCE and at_s - self._tried_s < _PAUSE_S:
            return None
        if same_picture(picture, last_picture):
            glance = Glance(
                at_s,
                last.chain,
                last.began_s,
                last.place,
                last.own_error,
                last.base_error,
                last.path_deg,
                last.fresh_s,
                last.reference,
            )
            self._speed = (0.0, 0.0, 0.0)
        else:
            self._tried_s = at_s
            found = self._registered(at_s, picture, likely)
            self._failures = self._failures + 1 if found is None else 0
            if found is None:
                return None
            glance = found
            gap_s = at_s - last.at_s
            self._speed = _triple([(new - old) / gap_s for new, old in zip(glance.place, last.place, strict=True)])
        self._last = (glance, picture, likely)
        return glance

    def _begin(self, at_s: float, picture: ReducedPicture, likely: Likely) -> Glance:
        self._chain += 1
        none = (0.0, 0.0, 0.0)
        glance = Glance(at_s, self._chain, at_s, none, none, none, 0.0, at_s, self._references + 1)
        self._speed = none
        self._refer_to(glance, picture, likely)
        self._last = (glance, picture, likely)
        return glance

    def _refer_to(self, glance: Glance, picture: ReducedPicture, likely: Likely) -> None:
        stuck = self._stuck
        assert stuck is not None

        def keep(points: Points) -> NDArray[np.bool_]:
            tile = (points / _STUCK_TILE_PX).astype(np.intp)
            return np.asarray(likely.keep(points) & (stuck[tile[:, 1], tile[:, 0]] < _STUCK_AFTER))

        self._references += 1
        self._reference = Reference(picture, corners_of(picture, keep), likely.tilt_deg, likely.lens)
        self._reference_glance = glance
        self._reference_slack = likely.lens_slack

    def _registered(self, at_s: float, picture: ReducedPicture, likely: Likely) -> Glance | None:
        assert self._last is not None
        last, last_picture, last_likely = self._last
        gap_s = at_s - last.at_s
        by_speed = _triple([speed * gap_s for speed in self._speed])
        sighting = self._sighting(picture, likely, by_speed)
        if (
            sighting.motion is None
            and not sighting.ambiguous
            and last.reference == self._references
            and last is not self._reference_glance
        ):
            # The last picture looks more like this one than the reference does.
            self._refer_to(last, last_picture, last_likely)
            sighting = self._sighting(picture, likely, by_speed)
        if (
            sighting.motion is None
            and not sighting.ambiguous
            and max(abs(a - b) for a, b in zip(by_speed, likely.moved, strict=True)) > 0.05
        ):
            sighting = self._sighting(picture, likely, likely.moved)
        if sighting.motion is None and not sighting.ambiguous and self._reference is not None:
            # Neither its own speed nor telemetry leads there: a movement that nothing foretold, to be believed only when all agree.
            sighting = register(self._reference, picture, likely.lens, shift_guess(self._reference, picture), STRICT)
        if sighting.motion is None:
            return None
        glance = self._glance(at_s, sighting.motion)
        self._note_stuck(sighting, picture)
        overlap = len(sighting.was_px) / max(1, len(self._reference.corners_px) if self._reference else 1)
        began_s = self._reference_glance.at_s if self._reference_glance is not None else at_s
        if (
            overlap < _LEAST_OVERLAP
            or abs(sighting.motion.log_focal) > _LARGEST_ZOOM
            or at_s - began_s > _LONGEST_REFERENCE_S
        ):
            self._refer_to(glance, picture, likely)
        return glance

    def _sighting(self, picture: ReducedPicture, likely: Likely, moved: Triple) -> Sighting:
        assert self._reference is not None
        assert self._reference_glance is not None
        assert self._last is not None
        last, begin = self._last[0].place, self._reference_glance.place
        guess = _triple([old + step - base for old, step, base in zip(last, moved, begin, strict=True)])
        return register(self._reference, picture, likely.lens, guess)

    def _glance(self, at_s: float, motion: Motion) -> Glance:
        assert self._reference_glance is not None
        assert self._last is not None
        begin, last = self._reference_glance, self._last[0]
        moved = (motion.pan_deg, motion.tilt_deg, motion.log_focal)
        place = _triple([base + step for base, step in zip(begin.place, moved, strict=True)])
        bent = self._reference_slack * math.hypot(motion.pan_deg, motion.tilt_deg)
        own = (motion.error[0] + bent, motion.error[1] + bent, motion.error[2])
        base = _triple([a + b for a, b in zip(begin.base_error, begin.own_error, strict=True)])
        step_deg = math.hypot(place[0] - last.place[0], place[1] - last.place[1])
        # Less than the noise is no movement, or standing still would wear the path out.
        path_deg = last.path_deg + (step_deg if step_deg > own[0] + own[1] else 0.0)
        return Glance(at_s, last.chain, last.began_s, place, own, base, path_deg, at_s, self._references)

    def _note_stuck(self, sighting: Sighting, picture: ReducedPicture) -> None:
        """Remember tiles whose corners stay where they are while the rest moves: letters burned in, dirt on the dome."""
        if sighting.motion is None or self._stuck is None or self._reference is None:
            return
        moved = np.hypot(*(sighting.expected_px - sighting.was_px).T) > _STUCK_MOVES_PX
        stays = np.zeros(len(moved), dtype=bool)
        stays[moved] = _unchanged(self._reference.picture, picture, sighting.was_px[moved])
        if stays.any():
            tile = (sighting.was_px[stays] / _STUCK_TILE_PX).astype(np.intp)
            np.add.at(self._stuck, (tile[:, 1], tile[:, 0]), 1)


def _unchanged(one: ReducedPicture, other: ReducedPicture, points_px: Points) -> NDArray[np.bool_]:
    """Tell of points whether the picture around them is the same in both."""
    reach = np.arange(-3, 4)
    columns = points_px[:, 0].astype(np.intp)[:, None, None] + reach[None, None, :]
    rows = points_px[:, 1].astype(np.intp)[:, None, None] + reach[None, :, None]
    before, now = one.luma[rows, columns].astype(np.float32), other.luma[rows, columns].astype(np.float32)
    return np.asarray(np.abs(before - now).mean(axis=(1, 2)) < _STUCK_DIFFERENCE * before.std(axis=(1, 2)))


def _tiles(picture: ReducedPicture) -> tuple[int, int]:
    rows, columns = picture.luma.shape
    return -(-rows // _STUCK_TILE_PX), -(-columns // _STUCK_TILE_PX)


def _triple(values: list[float]) -> Triple:
    first, second, third = values
    return first, second, third
