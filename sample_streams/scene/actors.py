"""Who moves through a place: people, cyclists, cars, a boat; and what stands in it: trees, lamp posts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from sample_streams.device.mechanics import Pose
from sample_streams.optics import Optics
from sample_streams.scene.projection import Canvas
from sample_streams.scene.routes import Spot
from sample_streams.scene.sprites import Sprite

MIN_HEIGHT_PX = 5
MAX_HEIGHT_PX = 9000
HEIGHT_STEP = 0.035
ALONG = 0.75  # movement that leads so much towards the eye, or away from it, is seen from the front or the back
LARGE_PX = 220  # figures larger than this are cut out of the stored picture, at their exact height


class Way(Protocol):
    """Where an actor is over time."""

    offset_m: float

    def at(self, time_s: float) -> Spot | None:
        """Return the spot at a time; None while the actor is not there."""


@dataclass(frozen=True, slots=True)
class Views:
    """What something looks like from the side, when it comes and when it goes."""

    side: Sprite
    coming: Sprite
    going: Sprite

    def towards(self, away: float) -> Sprite:
        """Return the view of something whose movement leads away from the eye by so much."""
        if abs(away) < ALONG:
            return self.side
        return self.going if away > 0 else self.coming


@dataclass(frozen=True, slots=True)
class Actor:
    """Something upright that stands or moves."""

    look: Sprite | Views
    height_m: float
    way: Way

    def sprite(self, spot: Spot) -> Sprite:
        """Return what is seen of it at a spot."""
        return self.look.towards(spot.away) if isinstance(self.look, Views) else self.look


class Actors:
    """Draw all actors from far to near."""

    def __init__(self, actors: Sequence[Actor], eye_height_m: float) -> None:
        self._actors = tuple(actors)
        self._eye_height_m = eye_height_m

    @property
    def everybody(self) -> tuple[Actor, ...]:
        """All of them, there or not."""
        return self._actors

    def draw(self, canvas: Canvas, optics: Optics, pose: Pose, time_s: float) -> None:
        """Draw everybody who is in the picture at a time."""
        if not self._actors:
            return
        there = ((actor, actor.way.at(time_s)) for actor in self._actors)
        placed = [(actor, spot) for actor, spot in there if spot is not None]
        if not placed:
            return
        placed.sort(key=lambda one: -(one[1].x ** 2 + one[1].z ** 2))
        feet = np.array([(spot.x, self._eye_height_m, spot.z) for _, spot in placed])
        heads = feet - np.array([[0.0, actor.height_m, 0.0] for actor, _ in placed])
        ends = optics.project(pose, np.concatenate([feet, heads]))
        for i, (actor, spot) in enumerate(placed):
            foot, head = ends[i], ends[i + len(placed)]
            height = float(foot[1] - head[1])
            if MIN_HEIGHT_PX <= height <= MAX_HEIGHT_PX:
                sprite = actor.sprite(spot)
                is_moving = spot.dx != 0 or spot.dz != 0 or sprite.is_restless
                phase = sprite.phase(time_s + actor.way.offset_m) if is_moving else 0
                foot_px = (float(foot[0]), float(foot[1]))
                _draw(canvas, sprite, phase, -height if spot.is_left else height, foot_px)


def _draw(canvas: Canvas, sprite: Sprite, phase: int, height: float, foot: tuple[float, float]) -> None:
    """Copy a figure to where its foot stands; a negative height means its mirror image."""
    rows, columns = canvas.luma.shape
    tall: float = _near_height_px(abs(height)) if abs(height) <= LARGE_PX else abs(height)
    wide = tall * sprite.aspect
    left, top = int(foot[0] - wide / 2) // 2 * 2, int(foot[1] - tall) // 2 * 2
    right, bottom = left + int(wide) // 2 * 2, top + int(tall) // 2 * 2
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, columns // 2 * 2), min(bottom, rows // 2 * 2)
    if x0 >= x1 or y0 >= y1:
        return
    if tall > LARGE_PX:
        corner = (x0 - foot[0] + wide / 2, y0 - foot[1] + tall)
        figure = sprite.cut(phase, -tall if height < 0 else tall, corner, (x1 - x0, y1 - y0))
        x, y = 0, 0
    else:
        figure = sprite.scaled(phase, int(tall), height < 0)
        x, y = x0 - left, y0 - top
    a = slice(y, y + y1 - y0), slice(x, x + x1 - x0)
    cv2.copyTo(figure.luma[a], figure.mask[a], canvas.luma[y0:y1, x0:x1])
    b = slice(y // 2, (y + y1 - y0) // 2), slice(x // 2, (x + x1 - x0) // 2)
    target = canvas.chroma[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2]
    cv2.copyTo(figure.chroma[b], figure.half_mask[b], target)


def _near_height_px(height: float) -> int:
    """Return an even height within two percent, out of few, so that scaled pictures are found again."""
    step = round(math.log(height) / HEIGHT_STEP)
    return max(int(math.exp(step * HEIGHT_STEP)) // 2 * 2, 4)
