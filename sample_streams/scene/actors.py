"""Who moves through a place: people, cyclists, cars, a boat; and what stands in it: trees, lamp posts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from sample_streams.device.mechanics import Pose
from sample_streams.optics import Optics
from sample_streams.scene.projection import Canvas
from sample_streams.scene.sprites import Sprite

MIN_HEIGHT_PX = 5
MAX_HEIGHT_PX = 9000
HEIGHT_STEP = 0.035
LARGE_PX = 220  # figures larger than this are cut out of the stored picture, at their exact height


class Route:
    """A way over the ground as points (x, z) in metres, gone to and fro at a speed; zero stands still."""

    def __init__(self, points: Sequence[tuple[float, float]], speed_m_s: float, offset_m: float) -> None:
        self.speed_m_s = speed_m_s
        self.offset_m = offset_m
        self._points = tuple(points)
        self._lengths = [math.dist(a, b) for a, b in pairwise(self._points)]
        self._total = sum(self._lengths)

    def at(self, time_s: float) -> tuple[float, float, bool]:
        """Return x and z at a time, and whether the movement goes to the left as seen from the origin."""
        if len(self._points) == 1:
            return *self._points[0], False
        run = (self.offset_m + self.speed_m_s * time_s) % (2 * self._total)
        is_back = run > self._total
        run = 2 * self._total - run if is_back else run
        leg = 0
        while leg < len(self._lengths) - 1 and run > self._lengths[leg]:
            run -= self._lengths[leg]
            leg += 1
        a, b, share = self._points[leg], self._points[leg + 1], run / self._lengths[leg]
        x, z = a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])
        is_left = (b[0] - a[0]) * z - (b[1] - a[1]) * x < 0
        return x, z, is_left != is_back


@dataclass(frozen=True, slots=True)
class Actor:
    """Something upright that stands or moves."""

    sprite: Sprite
    height_m: float
    route: Route


class Actors:
    """Draw all actors from far to near."""

    def __init__(self, actors: Sequence[Actor], eye_height_m: float) -> None:
        self._actors = tuple(actors)
        self._eye_height_m = eye_height_m

    def draw(self, canvas: Canvas, optics: Optics, pose: Pose, time_s: float) -> None:
        """Draw everybody who is in the picture at a time."""
        if not self._actors:
            return
        placed = [(actor, actor.route.at(time_s)) for actor in self._actors]
        placed.sort(key=lambda one: -(one[1][0] ** 2 + one[1][1] ** 2))
        feet = np.array([(x, self._eye_height_m, z) for _, (x, z, _) in placed])
        heads = feet - np.array([[0.0, actor.height_m, 0.0] for actor, _ in placed])
        ends = optics.project(pose, np.concatenate([feet, heads]))
        for i, (actor, (_, _, is_left)) in enumerate(placed):
            foot, head = ends[i], ends[i + len(placed)]
            height = float(foot[1] - head[1])
            if MIN_HEIGHT_PX <= height <= MAX_HEIGHT_PX:
                phase = actor.sprite.phase(time_s + actor.route.offset_m)
                _draw(canvas, actor.sprite, phase, -height if is_left else height, (float(foot[0]), float(foot[1])))


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
