"""Houses of a Dutch inner city, painted one by one: brick, gables, sash windows, doors, shops."""

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_streams.scene.light import Colour, Light
from sample_streams.scene.masonry import brick, plaster
from sample_streams.scene.texture import Image, Texture, make_texture
from sample_streams.scene.world import Dwelling, Window

STONE: Colour = (176, 190, 196)
FRAME: Colour = (208, 214, 216)
ROOF: Colour = (58, 62, 96)
GROUND_FLOOR_M = 3.6
Polygon = tuple[tuple[float, float], ...]


class Gable(StrEnum):
    """How a house ends at the top."""

    STEPPED = "stepped"
    BELL = "bell"
    NECK = "neck"
    CORNICE = "cornice"


@dataclass(frozen=True, slots=True)
class House:
    """The design of one house."""

    width_m: float
    storeys: int
    gable: Gable
    colour: Colour
    is_rendered: bool
    shop: str | None
    shop_colour: Colour = (70, 50, 30)
    is_dwelling: bool = True
    storey_m: float = 2.9

    @property
    def wall_top_m(self) -> float:
        """The height of the wall without the gable."""
        return GROUND_FLOOR_M + (self.storeys - 1) * self.storey_m

    @property
    def gable_m(self) -> float:
        """The height of the gable."""
        return 1.5 if self.gable is Gable.CORNICE else 3.1

    @property
    def height_m(self) -> float:
        """The height of all of it."""
        return self.wall_top_m + self.gable_m


@dataclass(frozen=True, slots=True)
class Part:
    """A painted part of a house: how high its top and bottom are above the street, its windows and dwelling.

    The wall and the gable are parts of their own, because only the gable has an outline that must be cut out.
    """

    texture: Texture
    top_m: float
    bottom_m: float
    windows: tuple[Window, ...]
    dwelling: Dwelling | None


@dataclass(slots=True)
class _Sheet:
    """A picture that is painted in metres."""

    bgr: Image
    px_per_m: float

    def box(self, x: float, y: float, w: float, h: float, colour: Colour) -> None:
        p = self.px_per_m
        a, b = (round(x * p), round(y * p)), (round((x + w) * p) - 1, round((y + h) * p) - 1)
        cv2.rectangle(self.bgr, a, b, colour, -1)

    def polygon(self, points: Polygon, colour: Colour) -> None:
        cv2.fillPoly(self.bgr, [np.round(np.array(points) * self.px_per_m).astype(np.int32)], colour, cv2.LINE_AA)

    def text(self, text: str, x: float, y: float, height_m: float, colour: Colour) -> None:
        scale = height_m * self.px_per_m / 22
        at = (round(x * self.px_per_m), round(y * self.px_per_m))
        cv2.putText(self.bgr, text, at, cv2.FONT_HERSHEY_DUPLEX, scale, colour, max(round(scale * 1.4), 1), cv2.LINE_AA)


def outline_m(house: House) -> Polygon:
    """Return the outline of wall and gable, clockwise from the bottom left, in metres from the texture's top left."""
    w, g, bottom = house.width_m, house.gable_m, house.height_m
    if house.gable is Gable.CORNICE:
        return ((0, bottom), (0, 0.9), (w, 0.9), (w, bottom))
    left = [(0.0, bottom), (0.0, g)]
    if house.gable is Gable.STEPPED:
        for i in range(4):
            x = w * (0.11 * (i + 1) - 0.03)
            y = g * (1 - (i + 1) / 4.6)
            left += [(x, left[-1][1]), (x, y)]
    elif house.gable is Gable.NECK:
        left += [
            (w * 0.18, g * 0.9),
            (w * 0.24, g * 0.55),
            (w * 0.31, g * 0.45),
            (w * 0.31, g * 0.12),
            (w * 0.36, 0.04),
        ]
    else:
        left += [
            (w * 0.12, g * 0.92),
            (w * 0.2, g * 0.66),
            (w * 0.25, g * 0.36),
            (w * 0.34, g * 0.14),
            (w * 0.42, 0.04),
        ]
    return (*left, *((w - x, y) for x, y in reversed(left)))


def dwelling_of(house: House, dwelling_id: str, from_top_m: float) -> Dwelling | None:
    """Return what of a house is dwelling: all of it, or the part above its shop.

    Args:
        house: The house.
        dwelling_id: What to call it.
        from_top_m: Where the panel that it will be listed with begins, measured from the top of the house.
    """
    if not house.is_dwelling:
        return None
    bottom = house.height_m - (GROUND_FLOOR_M if house.shop else 0.0)
    cut = tuple((x, min(y, bottom) - from_top_m) for x, y in outline_m(house))
    pieces = [
        ((xa, ya), (xb, yb), (house.width_m - xb, yb), (house.width_m - xa, ya))
        for (xa, ya), (xb, yb) in pairwise(cut[: len(cut) // 2])
        if abs(ya - yb) > 1e-9
    ]
    return Dwelling(dwelling_id, tuple(pieces), cut)


def paint_house(
    house: House, name: str, px_per_m: float, light: Light, rng: np.random.Generator, *, first_window: int
) -> tuple[Part, Part]:
    """Paint a house, its gable and its wall, with windows numbered from ``first_window``."""
    size = (round(house.width_m * px_per_m), round(house.height_m * px_per_m))
    sheet = _Sheet(_walling(house, size, px_per_m, rng), px_per_m)
    alpha = _silhouette(house, sheet)
    windows = _upper_windows(house, sheet, first_window)
    if house.shop:
        windows += _shop_front(house, sheet, first_window + len(windows))
    else:
        windows += _ground_floor(house, sheet, first_window + len(windows), rng)
    _edges(house, sheet)
    lit = light.apply(sheet.bgr, _lamp_light(house, px_per_m, rng))
    seam_px = round(house.gable_m * px_per_m)
    seam_m = seam_px / px_per_m
    above = tuple(one for one in windows if one.top_m < seam_m)
    below = tuple(replace(one, top_m=one.top_m - seam_m) for one in windows if one.top_m >= seam_m)
    gable = make_texture(np.ascontiguousarray(lit[:seam_px]), px_per_m, np.ascontiguousarray(alpha[:seam_px]))
    wall = make_texture(np.ascontiguousarray(lit[seam_px:]), px_per_m)
    height = house.height_m
    return (
        Part(gable, height, height - seam_m, above, None),
        Part(wall, height - seam_m, 0.0, below, dwelling_of(house, name, seam_m)),
    )


def _walling(house: House, size: tuple[int, int], px_per_m: float, rng: np.random.Generator) -> Image:
    if house.is_rendered:
        return plaster(*size, house.colour, rng)
    return brick(*size, px_per_m, house.colour, rng)


def _silhouette(house: House, sheet: _Sheet) -> Image:
    height, width = sheet.bgr.shape[:2]
    alpha = np.zeros((height, width), np.uint8)
    points = np.round(np.array(outline_m(house)) * sheet.px_per_m).astype(np.int32)
    cv2.fillPoly(alpha, [points], 255)
    if house.gable is Gable.CORNICE:
        roof = ((0.0, 0.9), (0.25, 0.0), (house.width_m - 0.25, 0.0), (house.width_m, 0.9))
        sheet.polygon(roof, ROOF)
        for i in range(1, 5):
            sheet.box(0, i * 0.2, house.width_m, 0.03, (48, 52, 80))
        cv2.fillPoly(alpha, [np.round(np.array(roof) * sheet.px_per_m).astype(np.int32)], 255)
    return alpha


def _edges(house: House, sheet: _Sheet) -> None:
    w, g = house.width_m, house.gable_m
    if house.gable is Gable.CORNICE:
        sheet.box(0, 0.9, w, 0.34, FRAME)
        sheet.box(0, 1.24, w, 0.07, (110, 116, 118))
    else:
        points = np.round(np.array(outline_m(house)) * sheet.px_per_m).astype(np.int32)
        cv2.polylines(sheet.bgr, [points], True, STONE, max(round(0.16 * sheet.px_per_m), 1), cv2.LINE_AA)
        sheet.box(w / 2 - 0.05, g * 0.28, 0.1, 0.5, (60, 66, 72))  # hoisting beam
    sheet.box(0, 0, 0.05, house.height_m, (60, 62, 66))
    sheet.box(0, house.height_m - 0.45, w, 0.45, (92, 92, 90))


def _upper_windows(house: House, sheet: _Sheet, first: int) -> list[Window]:
    windows: list[Window] = []
    count = 3 if house.width_m > 5.2 else 2
    for storey in range(1, house.storeys):
        top = house.gable_m + (house.storeys - 1 - storey) * house.storey_m + 0.55
        width, height = 1.05, 1.85 if storey < 3 else 1.5
        gap = (house.width_m - count * width) / (count + 1)
        for i in range(count):
            windows.append(_window(house, sheet, first + len(windows), (gap + i * (width + gap), top, width, height)))
    if house.gable is not Gable.CORNICE:
        windows.append(
            _window(house, sheet, first + len(windows), (house.width_m / 2 - 0.42, house.gable_m * 0.52, 0.84, 1.15))
        )
    return windows


def _window(house: House, sheet: _Sheet, number: int, box: tuple[float, float, float, float]) -> Window:
    x, y, w, h = box
    sheet.box(x - 0.16, y - 0.3, w + 0.32, 0.2, STONE)
    sheet.box(x - 0.1, y - 0.1, w + 0.2, h + 0.16, FRAME)
    sheet.box(x - 0.18, y + h + 0.06, w + 0.36, 0.1, STONE)
    sheet.box(x, y, w, h, (60, 48, 40))
    return Window(number, x, y, w, h, is_dwelling=house.is_dwelling)


def _ground_floor(house: House, sheet: _Sheet, first: int, rng: np.random.Generator) -> list[Window]:
    base = house.height_m
    door_x = 0.5 if rng.random() < 0.5 else house.width_m - 1.55
    colour = tuple(float(c) for c in rng.choice([(40, 70, 30), (90, 40, 20), (38, 34, 120), (60, 60, 60)]))
    sheet.box(door_x - 0.12, base - 3.15, 1.3, 3.15, FRAME)
    sheet.box(door_x, base - 2.3, 1.06, 2.25, (colour[0], colour[1], colour[2]))
    for i in range(2):
        sheet.box(door_x + 0.16, base - 2.1 + i * 1.0, 0.74, 0.8, (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7))
    windows = [Window(first, door_x + 0.1, base - 3.0, 0.86, 0.55, is_dwelling=house.is_dwelling)]
    left = 0.5 if door_x > house.width_m / 2 else 2.1
    room = house.width_m - 2.6
    count = max(int(room // 1.35), 1)
    width = min(room / count - 0.3, 1.25)
    for i in range(count):
        x = left + i * (room / count)
        windows.append(_window(house, sheet, first + len(windows), (x, base - 2.75, width, 1.9)))
    return windows


def _shop_front(house: House, sheet: _Sheet, first: int) -> list[Window]:
    base, w, c = house.height_m, house.width_m, house.shop_colour
    sheet.box(0.15, base - GROUND_FLOOR_M + 0.12, w - 0.3, GROUND_FLOOR_M - 0.12, c)
    sheet.box(0.15, base - GROUND_FLOOR_M + 0.12, w - 0.3, 0.62, (c[0] * 0.75, c[1] * 0.75, c[2] * 0.75))
    label = house.shop or ""
    height = min(0.34, (w - 0.8) / max(len(label), 1) / 0.8)
    sheet.text(label, 0.4, base - GROUND_FLOOR_M + 0.58, height, (200, 226, 240))
    door = w / 2 - 0.5
    glass = [(0.4, door - 0.6), (door + 1.2, w - 0.4 - door - 1.2)]
    windows: list[Window] = []
    for x, width in glass:
        if width > 0.5:
            sheet.box(x, base - 2.7, width, 2.2, (120, 150, 170))
            windows.append(Window(first + len(windows), x, base - 2.7, width, 2.2, is_dwelling=False))
    sheet.box(door, base - 2.5, 1.0, 2.45, (c[0] * 1.2, c[1] * 1.2, c[2] * 1.2))
    windows.append(Window(first + len(windows), door + 0.15, base - 2.3, 0.7, 1.6, is_dwelling=False))
    stripes = int((w - 0.4) / 0.3)
    for i in range(stripes):
        sheet.box(0.2 + i * 0.3, base - GROUND_FLOOR_M + 0.74, 0.3, 0.3, c if i % 2 else (215, 220, 222))
    return windows


def _lamp_light(house: House, px_per_m: float, rng: np.random.Generator) -> Image:
    """Return warm light from the street below, and from a shop."""
    height, width = round(house.height_m * px_per_m), round(house.width_m * px_per_m)
    y = np.linspace(0, house.height_m, height)[:, None]
    x = np.linspace(0, house.width_m, width)[None, :]
    lamp_x = rng.uniform(0, house.width_m)
    from_ground = house.height_m - y
    pool: NDArray[np.float64] = 150 * np.exp(-(((x - lamp_x) / 3.2) ** 2) - ((from_ground - 3.6) / 2.8) ** 2)
    street = 60 * np.exp(-from_ground / 3.0)
    shop = 90 * np.exp(-(((from_ground - 1.2) / 2.0) ** 2)) if house.shop else 0.0
    return np.asarray(np.clip(pool + street + shop, 0, 255), np.uint8)
