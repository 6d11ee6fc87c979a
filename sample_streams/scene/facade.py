"""Houses of a Dutch inner city, painted one by one: brick, gables, sash windows, doors, shops."""

from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_streams.scene.light import Colour, Light
from sample_streams.scene.masonry import brick, plaster
from sample_streams.scene.sheet import Box, Polygon, Sheet, hull
from sample_streams.scene.storefronts import (
    FRAME,
    GROUND_FLOOR_M,
    HOME_DOOR_M,
    STONE,
    Front,
    Shop,
    home_door,
    home_front,
    office_front,
    sash,
    shop_front,
)
from sample_streams.scene.texture import Image, Texture, make_texture
from sample_streams.scene.world import Dwelling, Window

ROOF: Colour = (58, 62, 96)
GABLE_MARGIN_M = (0.3, 0.35, 0.3)
STOREY_MARGIN_M = (0.35, 0.4, 0.3)
DOOR_MARGIN_M = (0.2, 0.25, 0.0)


class Use(StrEnum):
    """Who is in a house."""

    HOME = "home"  # dwellings from the pavement up
    HOME_ABOVE_SHOP = "home-above-shop"  # a shop or cafe, dwellings above with a front door beside it
    SHOP = "shop"  # a shop or cafe, its stock and offices above
    OFFICE = "office"  # nobody lives here


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
    use: Use
    shop: Shop
    has_balcony: bool = False
    storey_m: float = 2.9

    @property
    def is_home_above(self) -> bool:
        """Whether people live above the ground floor."""
        return self.use in {Use.HOME, Use.HOME_ABOVE_SHOP}

    @property
    def has_shop(self) -> bool:
        """Whether there is a shop at the street."""
        return self.use in {Use.HOME_ABOVE_SHOP, Use.SHOP}

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
    """A painted part of a house: how high its top and bottom are above the street, its windows and dwellings.

    The wall and the gable are parts of their own, because only the gable has an outline that must be cut out.
    """

    texture: Texture
    top_m: float
    bottom_m: float
    windows: tuple[Window, ...]
    dwellings: tuple[Dwelling, ...]


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


def dwellings_of(name: str, homes: list[tuple[str, Box]], from_top_m: float) -> tuple[Dwelling, ...]:
    """Return what of a house is somebody's home, as the police draw it: windows, balconies, front doors.

    Args:
        name: The name of the house.
        homes: What each box is, and where it is from the top of the house.
        from_top_m: Where the panel that they will be listed with begins, measured from the top of the house.
    """
    found = []
    for what, (x, top, w, h) in homes:
        y = top - from_top_m
        corners = ((x, y + h), (x, y), (x + w, y), (x + w, y + h))
        found.append(Dwelling(f"{name}-{what}", (corners,), corners))
    return tuple(found)


def paint_house(
    house: House, name: str, px_per_m: float, light: Light, rng: np.random.Generator, *, first_window: int
) -> tuple[Part, Part]:
    """Paint a house, its gable and its wall, with windows numbered from ``first_window``."""
    size = (round(house.width_m * px_per_m), round(house.height_m * px_per_m))
    sheet = Sheet(_walling(house, size, px_per_m, rng), px_per_m)
    alpha = _silhouette(house, sheet)
    upper = _upper_floors(house, sheet, first_window, light.lit_share, rng)
    ground = _ground_floor(house, sheet, first_window + len(upper.windows), light.lit_share, rng)
    windows, homes = upper.windows + ground.windows, upper.homes + ground.homes
    _edges(house, sheet)
    lit = light.apply(sheet.bgr, sheet.lamps(_lamp_light(house, px_per_m, rng)))
    seam_px = round(house.gable_m * px_per_m)
    seam_m = seam_px / px_per_m
    above = tuple(one for one in windows if one.top_m < seam_m)
    below = tuple(replace(one, top_m=one.top_m - seam_m) for one in windows if one.top_m >= seam_m)
    gable = make_texture(np.ascontiguousarray(lit[:seam_px]), px_per_m, np.ascontiguousarray(alpha[:seam_px]))
    wall = make_texture(np.ascontiguousarray(lit[seam_px:]), px_per_m)
    height = house.height_m
    return (
        Part(gable, height, height - seam_m, above, ()),
        Part(wall, height - seam_m, 0.0, below, dwellings_of(name, homes, seam_m)),
    )


def _walling(house: House, size: tuple[int, int], px_per_m: float, rng: np.random.Generator) -> Image:
    if house.is_rendered:
        return plaster(*size, house.colour, rng)
    return brick(*size, px_per_m, house.colour, rng)


def _silhouette(house: House, sheet: Sheet) -> Image:
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


def _edges(house: House, sheet: Sheet) -> None:
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


def _upper_floors(house: House, sheet: Sheet, first: int, lit_share: float, rng: np.random.Generator) -> Front:
    """Paint the windows above the ground floor; those of a dwelling are painted anew as things go on behind them."""
    front, count = Front(), 3 if house.width_m > 5.2 else 2
    gap = (house.width_m - count * 1.05) / (count + 1)
    rows: list[Box] = []
    for storey in range(1, house.storeys):
        top = house.gable_m + (house.storeys - 1 - storey) * house.storey_m + 0.55
        height = 1.85 if storey < 3 else 1.5
        rows += [(gap + i * (1.05 + gap), top, 1.05, height) for i in range(count)]
    gables: list[Box] = []
    if house.gable is not Gable.CORNICE:
        gables = [(house.width_m / 2 - 0.42, house.gable_m * 0.52, 0.84, 1.15)]
    for box in rows + gables:
        sash(sheet, box)
        if house.is_home_above:
            front.windows.append(Window(first + len(front.windows), *box, is_dwelling=True))
        else:
            sheet.pane(box, is_lit=bool(rng.random() < lit_share))
    if house.is_home_above:
        front.homes.append(("storeys", hull(rows, STOREY_MARGIN_M)))
        front.homes += [("gable", hull([box], GABLE_MARGIN_M)) for box in gables]
        if house.has_balcony:
            _balcony(house, sheet, rows[-count:])
    return front


def _balcony(house: House, sheet: Sheet, windows: list[Box]) -> None:
    """Paint a balcony with plants before some windows; it lies between them and is masked with them."""
    x, y, w, h = hull(windows, (0.2, 0.0, 0.0))
    foot = min(y + h + 0.1, house.wall_top_m + house.gable_m - GROUND_FLOOR_M - 0.1)
    sheet.box(x, foot, w, 0.16, (150, 158, 160))
    for i in range(int(w / 0.12) + 1):
        sheet.box(x + i * 0.12, foot - 0.95, 0.03, 0.95, (44, 46, 48))
    sheet.box(x, foot - 0.98, w, 0.06, (44, 46, 48))
    for i in range(int(w / 0.5)):
        sheet.disc(x + 0.3 + i * 0.5, foot - 0.95, 0.16, (52, 120, 70))
        sheet.disc(x + 0.36 + i * 0.5, foot - 1.02, 0.07, (90, 70, 210) if i % 2 else (70, 200, 230))


def _ground_floor(house: House, sheet: Sheet, first: int, lit_share: float, rng: np.random.Generator) -> Front:
    width, base = house.width_m, house.height_m
    if house.use is Use.HOME:
        return home_front(sheet, width, base, first, rng)
    if house.use is Use.OFFICE:
        office_front(sheet, (width, base), house.shop.label, max(lit_share, 0.5), rng)
        return Front()
    if house.use is Use.SHOP:
        return Front(shop_front(sheet, house.shop, (0.0, width), base, first))
    is_left = bool(rng.random() < 0.5)
    span = (HOME_DOOR_M, width) if is_left else (0.0, width - HOME_DOOR_M)
    door_x = 0.28 if is_left else width - 1.34
    windows = shop_front(sheet, house.shop, span, base, first)
    home_door(sheet, door_x, base, rng)
    return Front(windows, [("door", hull([(door_x, base - 3.0, 1.06, 3.0)], DOOR_MARGIN_M))])


def _lamp_light(house: House, px_per_m: float, rng: np.random.Generator) -> Image:
    """Return warm light from the street below, and from a shop."""
    height, width = round(house.height_m * px_per_m), round(house.width_m * px_per_m)
    y = np.linspace(0, house.height_m, height)[:, None]
    x = np.linspace(0, house.width_m, width)[None, :]
    lamp_x = rng.uniform(0, house.width_m)
    from_ground = house.height_m - y
    pool: NDArray[np.float64] = 150 * np.exp(-(((x - lamp_x) / 3.2) ** 2) - ((from_ground - 3.6) / 2.8) ** 2)
    street = 60 * np.exp(-from_ground / 3.0)
    shop = 90 * np.exp(-(((from_ground - 1.2) / 2.0) ** 2)) if house.has_shop else 0.0
    return np.asarray(np.clip(pool + street + shop, 0, 255), np.uint8)
