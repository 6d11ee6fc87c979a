"""What goes on behind the windows: lamps, curtains, television, people.

Shop windows follow the town's seed, dwelling windows the content seed: two runs with different content seeds differ
behind the windows of dwellings and nowhere else.
"""

import random
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_streams.scene.texture import Image, to_yuv
from sample_streams.scene.world import Window

STATE_HZ = 2.5
PERIOD_S = 20.0
PATCH_PX_PER_M = 48
MOOD_WEIGHTS = (40, 20, 18, 8, 14)  # dark, curtained, lamp, television, people


class Mood(IntEnum):
    """What a room is like for a while."""

    DARK = 0
    CURTAINED = 1
    LAMP = 2
    TELEVISION = 3
    PEOPLE = 4


@dataclass(frozen=True, slots=True)
class _Scene:
    mood: Mood
    glow: tuple[int, int, int]
    person_at: float
    person_high: bool
    flicker: int


class Interiors:
    """Give the state of each window at each frame, and paint it."""

    def __init__(self, seed: int, content_seed: int | None = None) -> None:
        self._seed = seed
        self._content_seed = seed if content_seed is None else content_seed
        self._moods: dict[tuple[int, int], Mood] = {}

    def state(self, window: Window, number: int, fps: float) -> int:
        """Return a number that changes when the window must be painted anew."""
        # Windows take turns, so that not all of them change at the same frame.
        tick = int(number / fps * STATE_HZ + window.window_id * 0.37)
        mood = self._mood(window, tick)
        if mood is Mood.TELEVISION:
            return tick
        if mood is Mood.PEOPLE:
            return tick - tick % 2
        return -1 - mood

    def paint(self, window: Window, state: int) -> Image:
        """Return the glass of a window in YUV."""
        scene = self._scene(window, state) if state >= 0 else self._still_scene(window, Mood(-1 - state))
        width, height = (
            max(round(window.width_m * PATCH_PX_PER_M), 12),
            max(round(window.height_m * PATCH_PX_PER_M), 12),
        )
        bgr = np.empty((height, width, 3), np.uint8)
        if scene.mood is Mood.DARK:
            _paint_dark(bgr)
        else:
            _paint_lit(bgr, scene)
        _paint_bars(bgr, window)
        return to_yuv(bgr)

    def _rng(self, window: Window, *extra: int) -> random.Random:
        seed = self._content_seed if window.is_dwelling else self._seed
        return random.Random(f"{seed}/{window.window_id}/{'/'.join(map(str, extra))}")

    def _mood(self, window: Window, tick: int) -> Mood:
        if not window.is_dwelling:
            return Mood.LAMP
        key = (window.window_id, tick // int(STATE_HZ * PERIOD_S))
        if key not in self._moods:
            rng = self._rng(window, key[1])
            self._moods[key] = rng.choices(tuple(Mood), MOOD_WEIGHTS)[0]
        return self._moods[key]

    def _still_scene(self, window: Window, mood: Mood) -> _Scene:
        warm = self._rng(window).random()
        glow = (round(90 + 60 * warm), round(165 + 30 * warm), round(225 + 20 * warm))
        return _Scene(mood, glow, 0.5, person_high=True, flicker=0)

    def _scene(self, window: Window, tick: int) -> _Scene:
        steady, fast = self._rng(window, 6), self._rng(window, 7, tick)
        slow = self._rng(window, 8, tick // 24)
        start, stop = slow.random(), self._rng(window, 8, tick // 24 + 1).random()
        at = start + (stop - start) * (tick % 24) / 24
        mood = self._mood(window, tick)
        glow = self._still_scene(window, mood).glow
        return _Scene(mood, glow, at, steady.random() > 0.4, fast.randint(-45, 60))


def _paint_dark(bgr: Image) -> None:
    height = bgr.shape[0]
    shade = np.linspace(1.0, 0.5, height)[:, None, None]
    bgr[:] = np.clip(np.array((62, 48, 38)) * shade + 8, 0, 255).astype(np.uint8)


def _paint_lit(bgr: Image, scene: _Scene) -> None:
    height, width = bgr.shape[:2]
    glow = np.array(scene.glow, np.float32)
    if scene.mood is Mood.TELEVISION:
        glow = np.array((150 + scene.flicker, 105 + scene.flicker * 0.8, 80 + scene.flicker * 0.5), np.float32)
    lamp = _lamp_falloff(height, width)
    bgr[:] = np.clip(glow * (0.45 + 0.55 * lamp), 0, 255).astype(np.uint8)
    if scene.mood is Mood.PEOPLE:
        _paint_person(bgr, scene)
    if scene.mood is Mood.CURTAINED:
        folds = (np.sin(np.arange(width) * 0.9) * 14)[None, :, None]
        bgr[:] = np.clip(np.array((88, 128, 176)) + folds, 0, 255).astype(np.uint8)
    else:
        edge = max(width // 7, 1)
        bgr[:, :edge] = bgr[:, -edge:] = np.clip(glow * 0.42, 0, 255).astype(np.uint8)


@cache
def _lamp_falloff(height: int, width: int) -> NDArray[np.float32]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    falloff = np.exp(-(((x / width - 0.5) ** 2) * 3 + ((y / height - 0.3) ** 2) * 2.5))
    return np.asarray(falloff[:, :, None], np.float32)


def _paint_person(bgr: Image, scene: _Scene) -> None:
    height, width = bgr.shape[:2]
    centre = int(width * (0.15 + 0.7 * scene.person_at))
    top = int(height * (0.3 if scene.person_high else 0.45))
    head = max(int(width * 0.1), 2)
    colour = (30, 34, 46)
    cv2.circle(bgr, (centre, top + head), head, colour, -1, cv2.LINE_AA)
    cv2.ellipse(bgr, (centre, top + 5 * head), (int(head * 1.9), 3 * head), 0, 0, 360, colour, -1, cv2.LINE_AA)
    bgr[min(top + 5 * head, height) :, max(centre - int(head * 1.9), 0) : centre + int(head * 1.9)] = colour


def _paint_bars(bgr: Image, window: Window) -> None:
    height, width = bgr.shape[:2]
    colour = (150, 158, 160) if window.is_dwelling else (70, 62, 52)
    thick = max(width // 24, 1)
    if window.is_dwelling:
        cv2.line(bgr, (width // 2, 0), (width // 2, height), colour, thick)
        cv2.line(bgr, (0, height * 2 // 5), (width, height * 2 // 5), colour, thick)
    cv2.rectangle(bgr, (0, 0), (width - 1, height - 1), colour, thick)
