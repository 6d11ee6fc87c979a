"""Public buildings between the houses: a church with a tower, a town hall, a school, a department store.

Nobody lives in them. They give a place its face, and whoever looks for fixed points (a re-check, a registration) finds some.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from sample_streams.scene.light import Colour, Light
from sample_streams.scene.masonry import brick, plaster
from sample_streams.scene.sheet import Sheet
from sample_streams.scene.texture import Image, make_texture
from sample_streams.scene.world import Panel, wall

Point = tuple[float, float]
SANDSTONE: Colour = (142, 168, 182)
SLATE: Colour = (84, 78, 74)
SHADE: Colour = (62, 70, 78)


@dataclass(frozen=True, slots=True)
class Civic:
    """The design of a public building.

    Args:
        name: What is written on it.
        colour: Of its walls.
        height_m: Of its front.
        is_brick: Brick; otherwise plaster.
        has_arches: An arcade at the street; otherwise display windows.
        has_clock: A clock below the roof.
    """

    name: str
    colour: Colour
    height_m: float = 12.0
    is_brick: bool = False
    has_arches: bool = False
    has_clock: bool = False


TOWN_HALL = Civic("STADHUIS", (168, 188, 196), 13.0, has_arches=True, has_clock=True)
STORE = Civic("WARENHUIS DE DOM", (120, 140, 156), 14.0)
LIBRARY = Civic("BIBLIOTHEEK", (92, 104, 128), 11.0, is_brick=True, has_arches=True)
SCHOOL = Civic("BASISSCHOOL DE LINDE", (70, 90, 150), 9.5, is_brick=True, has_clock=True)
THEATRE = Civic("SCHOUWBURG", (150, 158, 178), 13.5, has_arches=True)
MUSEUM = Civic("MUSEUM AAN DE GRACHT", (150, 172, 188), 11.5, has_arches=True)
MARKET_HALL = Civic("OVERDEKTE MARKT", (84, 104, 96), 9.0, is_brick=True)


class LandmarkBuilder:
    """Put up public buildings around one eye."""

    def __init__(self, light: Light, rng: np.random.Generator, px_per_m: float, eye_height_m: float) -> None:
        self._light = light
        self._rng = rng
        self._px_per_m = px_per_m
        self._eye_height_m = eye_height_m

    def civic(self, design: Civic, start: Point, end: Point) -> list[Panel]:
        """Put up a public building from one point (x, z) to another, left to right as seen from its front."""
        width, height = float(np.hypot(end[0] - start[0], end[1] - start[1])), design.height_m
        sheet = self._blank(width, height, design.colour, is_brick=design.is_brick)
        self._upper_windows(sheet, width, height)
        bays = max(round(width / 3.2), 2)
        step = width / bays
        for i in range(bays):
            if design.has_arches:
                self._arch(sheet, (i * step + 0.55, height - 3.5, step - 1.1, 3.4))
            else:
                sheet.pane((i * step + 0.3, height - 3.3, step - 0.6, 2.8), is_lit=True, glow=0.95)
        sheet.box(0, height - 4.3, width, 0.5, SHADE)
        sheet.centred(design.name, width / 2, height - 3.92, 0.42, (214, 232, 240))
        sheet.glowing.append((width / 2 - 5.0, height - 4.3, 10.0, 0.5))
        sheet.box(0, 0, width, 0.55, SANDSTONE)
        sheet.box(0, 0.55, width, 0.12, SHADE)
        if design.has_clock:
            sheet.clock(width / 2, 1.55, 0.7)
        for x in (0.0, width - 0.25):
            sheet.box(x, 0, 0.25, height, SHADE)
        sheet.box(0, height - 0.4, width, 0.4, (92, 92, 90))
        return [self._stand(design.name, sheet, (start, end), (height, 0.0))]

    def church(self, name: str, start: Point, end: Point) -> list[Panel]:
        """Put up a church: its tower, then its nave, left to right as seen from its front."""
        a, b = np.array(start), np.array(end)
        length = float(np.linalg.norm(b - a))
        along = (b - a) / length
        tower = 0.32 * length
        foot: Point = (float((a + tower * along)[0]), float((a + tower * along)[1]))
        return [
            *self._tower((start, foot), tower, 20.0),
            *self._nave(name, (foot, end), length - tower, 10.0),
        ]

    def _tower(self, ends: tuple[Point, Point], width: float, height: float) -> list[Panel]:
        sheet = self._blank(width, height, SANDSTONE, is_brick=True)
        for y in (4.5, 9.5, 14.5):
            sheet.box(0, y, width, 0.3, SHADE)
        sheet.clock(width / 2, 2.4, min(1.5, 0.3 * width))
        for y in (6.0, 11.0):
            for i in range(2):
                self._arch(sheet, (width * (0.2 + 0.36 * i), y, width * 0.24, 3.0), is_glass=False)
        self._arch(sheet, (width * 0.28, height - 3.8, width * 0.44, 3.8))
        spire = 12.0
        points = ((0.0, spire), (width / 2, 0.0), (width, spire))
        top = self._blank(width, spire, SLATE, is_brick=False)
        for i in range(1, 12):
            top.box(0, i * 1.0, width, 0.06, (60, 56, 54))
        panels = [self._stand("tower", sheet, ends, (height, 0.0))]
        return [*panels, self._stand("spire", top, ends, (height + spire, height), points)]

    def _nave(self, name: str, ends: tuple[Point, Point], width: float, height: float) -> list[Panel]:
        sheet = self._blank(width, height, SANDSTONE, is_brick=True)
        for share in (0.14, 0.72):
            self._arch(sheet, (width * share, 2.0, width * 0.14, 5.2))
        self._arch(sheet, (width * 0.36, height - 5.4, width * 0.28, 5.4), is_glass=False)
        sheet.centred(name, width / 2, 2.6, 0.5, (70, 84, 92))
        sheet.box(0, height - 0.5, width, 0.5, (92, 92, 90))
        gable = 7.0
        points = ((0.0, gable), (width / 2, 0.2), (width, gable))
        top = self._blank(width, gable, SANDSTONE, is_brick=True)
        top.disc(width / 2, 4.4, 1.7, SHADE)
        top.disc(width / 2, 4.4, 1.45, (120, 84, 60))
        for i in range(8):
            angle = np.pi * i / 4
            tip = (width / 2 + 1.5 * float(np.cos(angle)), 4.4 + 1.5 * float(np.sin(angle)))
            top.line((width / 2, 4.4), tip, 0.12, SHADE)
            top.disc(width / 2 + float(np.cos(angle + 0.4)), 4.4 + float(np.sin(angle + 0.4)), 0.28, (70, 120, 190))
        top.line(points[0], points[1], 0.4, SLATE)
        top.line(points[1], points[2], 0.4, SLATE)
        panels = [self._stand("nave", sheet, ends, (height, 0.0))]
        return [*panels, self._stand("nave-gable", top, ends, (height + gable, height), points)]

    def _upper_windows(self, sheet: Sheet, width: float, height: float) -> None:
        bays = max(round(width / 2.4), 2)
        step = width / bays
        for floor in range(int((height - 5.2) / 3.2)):
            top = height - 7.2 - 3.2 * floor
            if top < 0.8:
                break
            for i in range(bays):
                sheet.box(i * step + 0.35, top - 0.15, step - 0.7, 2.3, SANDSTONE)
                is_lit = bool(self._rng.random() < 0.6 * self._light.lit_share)
                sheet.pane((i * step + 0.5, top, step - 1.0, 2.0), is_lit=is_lit)

    def _arch(self, sheet: Sheet, box: tuple[float, float, float, float], *, is_glass: bool = True) -> None:
        """Paint an opening with a round top: glass with light behind, or a dark door."""
        x, y, w, h = box
        sheet.disc(x + w / 2, y + w / 2, w / 2 + 0.14, SHADE)
        sheet.box(x - 0.14, y + w / 2, w + 0.28, h - w / 2, SHADE)
        colour: Colour = (118, 168, 196) if is_glass else (48, 54, 62)
        sheet.disc(x + w / 2, y + w / 2, w / 2, colour)
        sheet.box(x, y + w / 2, w, h - w / 2, colour)
        sheet.line((x + w / 2, y), (x + w / 2, y + h), 0.08, SHADE)
        if is_glass:
            sheet.box(x, y + h * 0.6, w, 0.08, SHADE)
            sheet.glowing.append((x + 0.1, y + w / 2, w - 0.2, h - w / 2))

    def _blank(self, width_m: float, height_m: float, colour: Colour, *, is_brick: bool) -> Sheet:
        size = round(width_m * self._px_per_m), round(height_m * self._px_per_m)
        picture = brick(*size, self._px_per_m, colour, self._rng) if is_brick else plaster(*size, colour, self._rng)
        return Sheet(picture, self._px_per_m)

    def _stand(
        self,
        name: str,
        sheet: Sheet,
        ends: tuple[Point, Point],
        heights_m: tuple[float, float],
        outline_m: tuple[Point, ...] | None = None,
    ) -> Panel:
        """Light a sheet and stand it up between its top and its bottom, cut out along an outline where it has one."""
        top, bottom = heights_m
        rows, columns = sheet.bgr.shape[:2]
        above = bottom + np.linspace(top - bottom, 0, rows)[:, None]
        street = np.broadcast_to((110 * np.exp(-above / 3.5)).astype(np.uint8), (rows, columns))
        lit = self._light.apply(sheet.bgr, sheet.lamps(np.ascontiguousarray(street)))
        alpha: Image | None = None
        if outline_m is not None:
            alpha = np.zeros((rows, columns), np.uint8)
            cv2.fillPoly(alpha, [np.round(np.array(outline_m) * self._px_per_m).astype(np.int32)], 255)
        texture = make_texture(lit, self._px_per_m, alpha)
        return wall(name, *ends, texture, top_m=top, eye_height_m=self._eye_height_m, bottom_m=bottom)
