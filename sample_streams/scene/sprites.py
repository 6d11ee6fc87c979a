"""Upright flat figures: pedestrians, cyclists, cars, trees, lamp posts, each with its phases of movement."""

from collections import OrderedDict
from dataclasses import dataclass, field

import cv2
import numpy as np

from sample_streams.scene.light import Colour, Light
from sample_streams.scene.texture import Image, halved, to_yuv

CACHE_PX = 2_000_000
SOLID_ABOVE = 110


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure at one size: luma, chroma at half size, and where each of them is solid (above ``SOLID_ABOVE``)."""

    luma: Image
    chroma: Image
    mask: Image
    half_mask: Image


@dataclass(slots=True)
class Sprite:
    """Figures, one per phase of movement, each in stored sizes from large to small."""

    phases: list[list[Figure]]
    phase_hz: float
    aspect: float
    is_restless: bool = False
    """Whether it moves although it stays where it is, as a light that flashes does."""
    _cache: OrderedDict[tuple[int, int, bool], Figure] = field(default_factory=OrderedDict)
    _cached_px: int = 0

    def phase(self, time_s: float) -> int:
        """Return which phase shows at a time."""
        return int(time_s * self.phase_hz) % len(self.phases)

    def scaled(self, phase: int, height_px: int, is_mirrored: bool) -> Figure:  # noqa: FBT001  part of the key
        """Return the whole figure at a height; what was asked for before comes from memory."""
        key = (phase, height_px, is_mirrored)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        size = (max(int(height_px * self.aspect) // 2 * 2, 2), height_px)
        half = (size[0] // 2, size[1] // 2)
        source = self._stored(phase, height_px)
        luma, mask = (_resized(one, size, is_mirrored) for one in (source.luma, source.mask))
        chroma, half_mask = (_resized(one, half, is_mirrored) for one in (source.chroma, source.half_mask))
        figure = Figure(luma, chroma.reshape(half[1], half[0], 2), _solid(mask), _solid(half_mask))
        self._cache[key] = figure
        self._cached_px += figure.mask.size
        while self._cached_px > CACHE_PX and len(self._cache) > 1:
            self._cached_px -= self._cache.popitem(last=False)[1].mask.size
        return figure

    def cut(self, phase: int, height_px: float, corner: tuple[float, float], size: tuple[int, int]) -> Figure:
        """Return a part of the figure at a height: for figures much larger than what is seen of them.

        Args:
            phase: Which phase of movement.
            height_px: How high the whole figure would be; negative for its mirror image.
            corner: The left and top edge of the part, in pixels from the left top of the whole.
            size: Width and height of the part, both even.
        """
        source = self._stored(phase, abs(height_px))
        scale = source.luma.shape[0] / abs(height_px)
        width = source.luma.shape[1]
        row_x = (-scale, width - corner[0] * scale) if height_px < 0 else (scale, corner[0] * scale)
        parts = []
        for plane, step in ((source.luma, 1), (source.mask, 1), (source.chroma, 2), (source.half_mask, 2)):
            # From the middle of a wanted pixel to the index of a stored one; chroma has both at half the resolution.
            x = row_x[1] / step - 0.5 + row_x[0] * 0.5
            y = corner[1] * scale / step - 0.5 + scale * 0.5
            matrix = np.array([[row_x[0], 0, x], [0, scale, y]])
            part = cv2.warpAffine(
                plane,
                matrix,
                (size[0] // step, size[1] // step),
                flags=(cv2.INTER_LINEAR if step == 1 else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
            )
            parts.append(np.asarray(part, np.uint8))
        luma, mask, chroma, half_mask = parts
        return Figure(luma, chroma, _solid(mask), _solid(half_mask))

    def _stored(self, phase: int, height_px: float) -> Figure:
        """Return the smallest stored size that is not smaller than the wanted one, or the largest."""
        sizes = self.phases[phase]
        return next((one for one in reversed(sizes) if one.luma.shape[0] >= height_px), sizes[0])


def _resized(plane: Image, size: tuple[int, int], is_mirrored: bool) -> Image:  # noqa: FBT001  drawing primitive
    scaled = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.flip(scaled, 1) if is_mirrored else scaled, np.uint8)


def _solid(alpha: Image) -> Image:
    return np.asarray(cv2.threshold(alpha, SOLID_ABOVE, 255, cv2.THRESH_BINARY)[1], np.uint8)


def finish(
    sheets: list[tuple[Image, Image]],
    light: Light,
    phase_hz: float,
    glow: Image | None = None,
    *,
    is_restless: bool = False,
) -> Sprite:
    """Light the painted phases of a figure and keep them in their sizes."""
    height, width = sheets[0][0].shape[:2]
    phases = [_sizes(to_yuv(light.apply(bgr, glow)), alpha) for bgr, alpha in sheets]
    return Sprite(phases, phase_hz, width / height, is_restless)


def _sizes(yuv: Image, alpha: Image) -> list[Figure]:
    sizes: list[Figure] = []
    while not sizes or sizes[-1].luma.shape[0] > 24:
        chroma = halved(np.ascontiguousarray(yuv[:, :, 1:]))
        sizes.append(Figure(np.ascontiguousarray(yuv[:, :, 0]), chroma, alpha, halved(alpha)))
        yuv, alpha = halved(yuv), halved(alpha)
    return sizes


def _blank(width: int, height: int) -> tuple[Image, Image]:
    return np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)


class Pen:
    """Draw the same shape into colour and mask."""

    def __init__(self, width: int, height: int) -> None:
        self.bgr, self.alpha = _blank(width, height)

    def line(self, a: tuple[float, float], b: tuple[float, float], colour: Colour, thick: float) -> None:
        """Draw a line."""
        for image, value in ((self.bgr, colour), (self.alpha, 255)):
            cv2.line(image, _at(a), _at(b), value, max(round(thick), 1), cv2.LINE_AA)

    def ellipse(self, centre: tuple[float, float], axes: tuple[float, float], colour: Colour) -> None:
        """Fill an ellipse."""
        for image, value in ((self.bgr, colour), (self.alpha, 255)):
            cv2.ellipse(image, _at(centre), _at(axes), 0, 0, 360, value, -1, cv2.LINE_AA)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        array = np.array([_at(point) for point in points], np.int32)
        for image, value in ((self.bgr, colour), (self.alpha, 255)):
            cv2.fillPoly(image, [array], value, cv2.LINE_AA)

    def ring(self, centre: tuple[float, float], radius: float, colour: Colour, thick: float) -> None:
        """Draw a circle's edge."""
        for image, value in ((self.bgr, colour), (self.alpha, 255)):
            cv2.circle(image, _at(centre), round(radius), value, max(round(thick), 1), cv2.LINE_AA)

    @property
    def sheet(self) -> tuple[Image, Image]:
        """What was drawn: colours, and where they are solid."""
        return self.bgr, self.alpha


def _at(point: tuple[float, float]) -> tuple[int, int]:
    return round(point[0]), round(point[1])


def pedestrian(coat: Colour, trousers: Colour, skin: Colour, light: Light) -> Sprite:
    """Paint somebody who walks; 1.75 m high, eight phases."""
    sheets = []
    for i in range(8):
        swing = np.sin(2 * np.pi * i / 8)
        pen = Pen(160, 400)
        for side in (-1, 1):
            knee = (80 + side * swing * 22, 300.0)
            pen.line((80, 215), knee, trousers, 34)
            pen.line(knee, (80 + side * swing * 46, 385), trousers, 26)
            pen.line((80 + side * swing * 46, 390), (94 + side * swing * 46, 390), (30, 30, 34), 16)
        darker = (coat[0] * 0.7, coat[1] * 0.7, coat[2] * 0.7)
        pen.line((80, 105), (80 - swing * 34, 205), darker, 22)
        pen.polygon([(52, 90), (108, 90), (112, 235), (48, 235)], coat)
        pen.line((80, 105), (80 + swing * 34, 205), coat, 22)
        pen.ellipse((80, 44), (24, 30), skin)
        pen.ellipse((78, 30), (26, 20), (36, 48, 62))
        sheets.append(pen.sheet)
    return finish(sheets, light, 7.0)


def cyclist(coat: Colour, light: Light) -> Sprite:
    """Paint somebody on a bicycle; 1.8 m high, four phases."""
    sheets = []
    for i in range(4):
        turn = 2 * np.pi * i / 4
        pen = Pen(400, 400)
        for x in (95, 305):
            pen.ring((x, 315), 72, (40, 40, 42), 9)
        frame = (60, 60, 130)
        pen.line((95, 315), (190, 315), frame, 9)
        pen.line((190, 315), (165, 200), frame, 9)
        pen.line((190, 315), (275, 200), frame, 9)
        pen.line((275, 190), (305, 315), frame, 9)
        pen.line((262, 175), (300, 165), (40, 40, 40), 9)
        foot = (190 + 30 * np.cos(turn), 315 + 30 * np.sin(turn))
        pen.line((170, 190), (225, 250), (90, 60, 50), 30)
        pen.line((225, 250), foot, (90, 60, 50), 22)
        pen.polygon([(150, 195), (200, 200), (235, 95), (190, 80)], coat)
        pen.line((220, 105), (285, 165), coat, 20)
        pen.ellipse((225, 55), (24, 28), (150, 176, 214))
        pen.ellipse((220, 42), (26, 18), (40, 60, 90))
        pen.ellipse((318, 205), (9, 9), (235, 250, 255))
        pen.ellipse((40, 240), (8, 8), (40, 40, 250))
        sheets.append(pen.sheet)
    return finish(sheets, light, 5.0)


def tree(light: Light, rng: np.random.Generator) -> Sprite:
    """Paint a lime tree; about 9 m high."""
    pen = Pen(520, 720)
    pen.line((260, 715), (255, 380), (50, 62, 74), 26)
    for angle in (-0.7, -0.3, 0.35, 0.75):
        pen.line((256, 430), (256 + 230 * np.sin(angle), 430 - 230 * np.cos(angle)), (50, 62, 74), 10)
    for _ in range(900):
        radius, angle = 205 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        x, y = 260 + radius * np.cos(angle) * 1.1, 235 + radius * np.sin(angle)
        shade = 0.55 + 0.45 * (1 - y / 460) + rng.uniform(-0.15, 0.15)
        pen.ellipse((x, y), (rng.uniform(7, 15), rng.uniform(6, 12)), (45 * shade, 104 * shade, 78 * shade))
    return finish([pen.sheet], light, 1.0)


def lamp_post(light: Light) -> Sprite:
    """Paint a street lamp; 4.5 m high."""
    pen = Pen(120, 640)
    pen.line((60, 635), (60, 110), (52, 60, 52), 12)
    pen.line((60, 635), (60, 560), (52, 60, 52), 22)
    pen.polygon([(36, 40), (84, 40), (74, 110), (46, 110)], (150, 214, 248))
    pen.polygon([(28, 40), (60, 8), (92, 40)], (52, 60, 52))
    glow = np.zeros((640, 120), np.uint8)
    if light.lamp_strength > 0:
        glow[20:130] = 255
    return finish([pen.sheet], light, 1.0, glow)
