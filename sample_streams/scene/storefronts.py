"""What is at the street: shops and cafes, the doors of offices, the windows and doors of dwellings."""

from dataclasses import dataclass, field

import numpy as np

from sample_streams.scene.light import Colour
from sample_streams.scene.sheet import Box, Sheet, hull
from sample_streams.scene.world import Window

STONE: Colour = (176, 190, 196)
FRAME: Colour = (208, 214, 216)
DOORS: tuple[Colour, ...] = ((40, 70, 30), (90, 40, 20), (38, 34, 120), (60, 60, 60))
GROUND_FLOOR_M = 3.6
HOME_DOOR_M = 1.5  # what a door to the dwellings above takes of a shop's front
FRONT_MARGIN_M = (0.35, 0.4, 0.0)


@dataclass(slots=True)
class Front:
    """A ground floor: its windows, and the boxes that are somebody's home."""

    windows: list[Window] = field(default_factory=list)
    homes: list[tuple[str, Box]] = field(default_factory=list)


def home_front(sheet: Sheet, width_m: float, base_m: float, first: int, rng: np.random.Generator) -> Front:
    """Paint a ground floor where people live: a front door and windows, all of it theirs down to the pavement."""
    front = Front()
    door_x = 0.5 if rng.random() < 0.5 else width_m - 1.55
    home_door(sheet, door_x, base_m, rng)
    front.windows.append(Window(first, door_x + 0.1, base_m - 3.0, 0.86, 0.55, is_dwelling=True))
    left = 0.5 if door_x > width_m / 2 else 2.1
    room = width_m - 2.6
    count = max(int(room // 1.35), 1)
    width = min(room / count - 0.3, 1.25)
    boxes: list[Box] = [(door_x, base_m - 3.0, 1.06, 3.0)]
    for i in range(count):
        box = (left + i * (room / count), base_m - 2.75, width, 1.9)
        sash(sheet, box)
        front.windows.append(Window(first + len(front.windows), *box, is_dwelling=True))
        boxes.append(box)
    x, y, w, h = hull(boxes, FRONT_MARGIN_M)
    front.homes.append(("ground", (x, y, w, max(h, base_m - y))))
    return front


def home_door(sheet: Sheet, x: float, base_m: float, rng: np.random.Generator) -> None:
    """Paint a front door with its frame and the window above it."""
    c = DOORS[int(rng.integers(len(DOORS)))]
    sheet.box(x - 0.12, base_m - 3.15, 1.3, 3.15, FRAME)
    sheet.box(x, base_m - 2.3, 1.06, 2.25, c)
    sheet.box(x + 0.1, base_m - 3.0, 0.86, 0.55, (96, 82, 70))
    for i in range(2):
        sheet.box(x + 0.16, base_m - 2.1 + i * 1.0, 0.74, 0.8, (c[0] * 0.7, c[1] * 0.7, c[2] * 0.7))
    sheet.disc(x + 0.92, base_m - 1.1, 0.04, (60, 190, 220))


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop, a cafe or another business at the street: what is written on it, and its colour."""

    label: str
    colour: Colour


def shop_front(sheet: Sheet, shop: Shop, span: tuple[float, float], base_m: float, first: int) -> list[Window]:
    """Paint a shop between two edges of a facade: its name, an awning, glass on both sides of a door.

    Args:
        sheet: What to paint on.
        shop: Whose it is.
        span: Its left and right edge, in metres.
        base_m: How far down the pavement is.
        first: The number of its first window.

    Returns:
        Its windows; nobody lives behind them.
    """
    (x0, x1), c, top = span, shop.colour, base_m - GROUND_FLOOR_M
    w = x1 - x0
    sheet.box(x0 + 0.15, top + 0.12, w - 0.3, GROUND_FLOOR_M - 0.12, c)
    sheet.box(x0 + 0.15, top + 0.12, w - 0.3, 0.62, (c[0] * 0.75, c[1] * 0.75, c[2] * 0.75))
    sheet.glowing.append((x0 + 0.3, top + 0.16, w - 0.6, 0.5))
    height = min(0.34, (w - 0.8) / max(len(shop.label), 1) / 0.8)
    sheet.text(shop.label, x0 + 0.4, top + 0.58, height, (200, 226, 240))
    door = x0 + w / 2 - 0.5
    windows: list[Window] = []
    for x, width in ((x0 + 0.4, w / 2 - 1.1), (door + 1.2, w / 2 - 1.1)):
        if width > 0.5:
            sheet.box(x, base_m - 2.7, width, 2.2, (120, 150, 170))
            windows.append(Window(first + len(windows), x, base_m - 2.7, width, 2.2, is_dwelling=False))
    sheet.box(door, base_m - 2.5, 1.0, 2.45, (c[0] * 1.2, c[1] * 1.2, c[2] * 1.2))
    windows.append(Window(first + len(windows), door + 0.15, base_m - 2.3, 0.7, 1.6, is_dwelling=False))
    for i in range(int((w - 0.4) / 0.3)):
        stripe = c if i % 2 else (215, 220, 222)
        sheet.box(x0 + 0.2 + i * 0.3, top + 0.74, 0.3, 0.3, stripe)
    return windows


def office_front(
    sheet: Sheet, frame_m: tuple[float, float], label: str, lit_share: float, rng: np.random.Generator
) -> None:
    """Paint the ground floor of an office in an old house: steps, a wide door, a brass plate, panes.

    Args:
        sheet: What to paint on.
        frame_m: How wide the house is, and how far down the pavement is.
        label: What is written beside the door.
        lit_share: How many of the panes have light behind.
        rng: Draws them.
    """
    width_m, base_m = frame_m
    door_x = 0.5 if rng.random() < 0.5 else width_m - 1.75
    sheet.box(door_x - 0.15, base_m - 3.2, 1.5, 3.2, STONE)
    sheet.box(door_x, base_m - 2.6, 1.2, 2.4, (46, 52, 40))
    sheet.box(door_x + 0.57, base_m - 2.6, 0.06, 2.4, (30, 34, 28))
    sheet.box(door_x - 0.2, base_m - 0.2, 1.6, 0.2, (150, 158, 160))
    left = 0.5 if door_x > width_m / 2 else 2.3
    count = max(int((width_m - 2.8) // 1.35), 1)
    step = (width_m - 2.8) / count
    for i in range(count):
        box = (left + i * step, base_m - 2.75, min(step - 0.3, 1.25), 1.9)
        sash(sheet, box)
        sheet.pane(box, is_lit=bool(rng.random() < lit_share))
    sheet.box(left, base_m - 3.3, count * step - 0.3, 0.36, (40, 48, 52))
    sheet.text(label, left + 0.1, base_m - 3.03, min(0.24, (count * step - 0.5) / len(label) / 0.8), (120, 206, 230))


def sash(sheet: Sheet, box: Box) -> None:
    """Paint the stone and the wood around a window, and darkness in it."""
    x, y, w, h = box
    sheet.box(x - 0.16, y - 0.3, w + 0.32, 0.2, STONE)
    sheet.box(x - 0.1, y - 0.1, w + 0.2, h + 0.16, FRAME)
    sheet.box(x - 0.18, y + h + 0.06, w + 0.36, 0.1, STONE)
    sheet.box(x, y, w, h, (60, 48, 40))
