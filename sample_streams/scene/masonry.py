"""Surfaces: brick, paving, plaster, water, sky."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_streams.scene.light import Colour, Light
from sample_streams.scene.texture import Image


def brick(
    width_px: int, height_px: int, px_per_m: float, colour: Colour, rng: np.random.Generator, *, contrast: float = 1.0
) -> Image:
    """Paint brickwork in stretcher bond."""
    row_px, long_px = max(0.065 * px_per_m, 2.0), max(0.22 * px_per_m, 5.0)
    y, x = np.arange(height_px), np.arange(width_px)
    row = (y / row_px).astype(int)
    offset = (row % 2) * 0.5
    column = (x[None, :] / long_px + offset[:, None]).astype(int)
    shades = rng.normal(0, 11 * contrast, (row.max() + 1, column.max() + 2)).astype(np.int16)
    tone = shades[row[:, None], column]
    joint_y = (y / row_px) % 1 > 1 - max(0.012 * px_per_m, 0.6) / row_px
    joint_x = (x[None, :] / long_px + offset[:, None]) % 1 > 1 - max(0.012 * px_per_m, 0.6) / long_px
    tone[joint_y[:, None] | joint_x] = round(20 * contrast)
    return _toned(colour, tone + _stains(width_px, height_px, rng, 7.0))


def _toned(colour: Colour, tone: NDArray[np.int16]) -> Image:
    """Return a picture of one colour, lighter and darker by a tone."""
    return np.asarray(cv2.merge([np.clip(tone + round(part), 0, 255).astype(np.uint8) for part in colour]), np.uint8)


def plaster(width_px: int, height_px: int, colour: Colour, rng: np.random.Generator) -> Image:
    """Paint a rendered wall with weathering."""
    return _toned(colour, _stains(width_px, height_px, rng, 9.0) + _grain(width_px, height_px, rng, 2.0))


def paving(width_px: int, height_px: int, px_per_m: float, colour: Colour, rng: np.random.Generator) -> Image:
    """Paint klinkers in a running bond with worn patches."""
    image = brick(width_px, height_px, px_per_m * 0.55, colour, rng, contrast=0.8)
    tone = _stains(width_px, height_px, rng, 12.0)[:, :, None]
    return np.asarray(np.clip(image.astype(np.int16) + tone, 0, 255), np.uint8)


def asphalt(width_px: int, height_px: int, colour: Colour, rng: np.random.Generator) -> Image:
    """Paint a road or cycle path surface."""
    return _toned(colour, _stains(width_px, height_px, rng, 8.0) + _grain(width_px, height_px, rng, 5.0))


def garden(width_px: int, height_px: int, px_per_m: float, rng: np.random.Generator) -> Image:
    """Paint a front garden seen from above: earth and shrubs, some in flower, within a low kerb."""
    image = asphalt(width_px, height_px, (48, 62, 78), rng)
    colours = ((46, 104, 60), (58, 128, 76), (40, 88, 66), (90, 80, 200), (80, 190, 220))
    for _ in range(int(width_px * height_px / (0.03 * px_per_m**2))):
        centre = int(rng.integers(width_px)), int(rng.integers(height_px))
        kind = int(rng.choice(5, p=(0.36, 0.28, 0.24, 0.06, 0.06)))
        radius = max(round(px_per_m * (0.16 if kind < 3 else 0.06)), 1)
        cv2.circle(image, centre, radius, colours[kind], -1, cv2.LINE_AA)
    kerb = max(round(0.1 * px_per_m), 1)
    cv2.rectangle(image, (0, 0), (width_px - 1, height_px - 1), (150, 158, 160), kerb)
    return image


def water(width_px: int, height_px: int, rng: np.random.Generator) -> Image:
    """Paint canal water: dark, with long ripples."""
    ripples = cv2.GaussianBlur(rng.normal(0, 1, (height_px, width_px)), (0, 0), sigmaX=9, sigmaY=1.5)
    waves = np.asarray(ripples, np.float64) / max(float(np.std(ripples)), 1e-6) * 7
    return np.asarray(np.clip(np.array((74, 70, 52))[None, None, :] + waves[:, :, None], 0, 255), np.uint8)


def sky(width_px: int, height_px: int, light: Light, rng: np.random.Generator) -> Image:
    """Paint a sky from the zenith side (top) to the horizon (bottom), with thin clouds; already lit."""
    share = np.linspace(0, 1, height_px)[:, None, None] ** 1.6
    top, horizon = np.array(light.sky_top), np.array(light.sky_horizon)
    base = top * (1 - share) + horizon * share
    clouds = np.zeros((height_px, width_px))
    for scale, weight in ((6, 1.0), (14, 0.6), (34, 0.35)):
        small = rng.normal(0, 1, (max(scale // 3, 2), scale))
        clouds += weight * cv2.resize(small, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    veil = np.clip(clouds - 0.3, 0, 1.5)[:, :, None] * np.array((15, 14, 22))
    return np.asarray(np.clip(base + veil, 0, 255), np.uint8)


def lamp_pools(width_px: int, height_px: int, pools: list[tuple[float, float, float]]) -> Image:
    """Return a map of warm light, 0 to 255, with soft pools given as (x, y, radius) in pixels."""
    small_w, small_h = max(width_px // 8, 2), max(height_px // 8, 2)
    y, x = np.mgrid[0:small_h, 0:small_w].astype(np.float32) * 8
    total = np.zeros((small_h, small_w), np.float32)
    for px, py, radius in pools:
        total += np.exp(-(((x - px) ** 2 + (y - py) ** 2) / (2 * (radius / 1.8) ** 2)))
    return np.asarray(cv2.resize(np.clip(total * 255, 0, 255).astype(np.uint8), (width_px, height_px)), np.uint8)


def _stains(width_px: int, height_px: int, rng: np.random.Generator, strength: float) -> NDArray[np.int16]:
    small = rng.normal(0, strength, (max(height_px // 48, 3), max(width_px // 48, 3))).astype(np.float32)
    return np.asarray(cv2.resize(small, (width_px, height_px), interpolation=cv2.INTER_CUBIC), np.int16)


def _grain(width_px: int, height_px: int, rng: np.random.Generator, strength: float) -> NDArray[np.int16]:
    tile = rng.normal(0, strength, (256, 256)).astype(np.int16)
    return np.tile(tile, (height_px // 256 + 1, width_px // 256 + 1))[:height_px, :width_px]
