"""Buildings where nobody lives: a station hall with a clock, offices of glass and concrete."""

from itertools import pairwise

import cv2
import numpy as np

from sample_streams.scene.light import Colour, Light
from sample_streams.scene.masonry import plaster
from sample_streams.scene.texture import Image, make_texture
from sample_streams.scene.world import Panel, wall

Point = tuple[float, float]
DARK: Colour = (58, 56, 54)
OFFICE_NAMES = ("PROVINCIEHUIS-OOST", "Reisbureau Domstad", "STADSKANTOOR", "Verzekeringen De Schelde", "HOGESCHOOL")


class OfficeBuilder:
    """Put up buildings without dwellings around one eye."""

    def __init__(self, light: Light, rng: np.random.Generator, px_per_m: float, eye_height_m: float) -> None:
        self._light = light
        self._rng = rng
        self._px_per_m = px_per_m
        self._eye_height_m = eye_height_m

    def station(self, start: Point, end: Point, height_m: float, name: str) -> list[Panel]:
        """Put up a station hall: a glass front under a flat roof, with its name and a clock."""
        length = float(np.hypot(end[0] - start[0], end[1] - start[1]))
        sheet = self._blank(length, height_m, (118, 124, 128))
        p = self._px_per_m
        height, width = sheet.shape[:2]
        self._glass(sheet, (int(1.0 * p), int(2.6 * p)), (width - int(1.0 * p), height - int(0.4 * p)), 2.4, lit=0.92)
        cv2.rectangle(sheet, (0, 0), (width, int(2.2 * p)), (84, 84, 88), -1)
        cv2.rectangle(sheet, (0, int(2.2 * p)), (width, int(2.5 * p)), (180, 188, 192), -1)
        scale = 1.1 * p / 22
        (text_width, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_DUPLEX, scale, 2)
        at = ((width - text_width) // 2, int(1.6 * p))
        cv2.putText(sheet, name, at, cv2.FONT_HERSHEY_DUPLEX, scale, (226, 236, 240), max(int(p / 14), 1), cv2.LINE_AA)
        centre, radius = (width // 2, int(4.6 * p)), int(1.35 * p)
        cv2.circle(sheet, centre, radius, (238, 242, 244), -1, cv2.LINE_AA)
        cv2.circle(sheet, centre, radius, (40, 40, 44), max(int(0.14 * p), 1), cv2.LINE_AA)
        for angle, reach in ((2.4, 0.55), (0.7, 0.85)):
            tip = (int(centre[0] + reach * radius * np.sin(angle)), int(centre[1] - reach * radius * np.cos(angle)))
            cv2.line(sheet, centre, tip, (30, 30, 34), max(int(0.14 * p), 1), cv2.LINE_AA)
        return [self._stand("station", sheet, start, end, height_m)]

    def row(self, start: Point, end: Point) -> list[Panel]:
        """Put up a row of offices from one point to another, left to right as seen from its front."""
        a, b = np.array(start), np.array(end)
        length = float(np.linalg.norm(b - a))
        along, at = (b - a) / length, 0.0
        panels: list[Panel] = []
        while at < length - 0.1:
            width = float(self._rng.choice([11.0, 14.0, 17.0]))
            width = length - at if length - at - width < 9.0 else width
            height = float(self._rng.choice([11.5, 15.0, 18.5]))
            ends = (a + at * along).tolist(), (a + (at + width) * along).tolist()
            panels.append(self._stand(f"office-{len(panels)}", self._office(width, height), *ends, height))
            at += width
        return panels

    def _office(self, width_m: float, height_m: float) -> Image:
        tones: tuple[Colour, ...] = ((128, 134, 140), (104, 112, 122), (150, 152, 150), (86, 96, 112))
        sheet = self._blank(width_m, height_m, tones[int(self._rng.integers(len(tones)))])
        p, (height, width) = self._px_per_m, sheet.shape[:2]
        for floor in range(int((height_m - 4.4) / 3.5)):
            top = int((0.9 + floor * 3.5) * p)
            self._glass(sheet, (int(0.5 * p), top), (width - int(0.5 * p), top + int(2.3 * p)), 1.5, lit=0.3)
        top = height - int(3.6 * p)
        self._glass(
            sheet, (int(0.6 * p), top + int(0.8 * p)), (width - int(0.6 * p), height - int(0.2 * p)), 2.6, lit=0.9
        )
        name = str(self._rng.choice(OFFICE_NAMES))
        scale = 0.6 * p / 22
        at = (int(0.9 * p), top + int(0.6 * p))
        cv2.putText(sheet, name, at, cv2.FONT_HERSHEY_DUPLEX, scale, (222, 232, 236), max(int(p / 24), 1), cv2.LINE_AA)
        cv2.rectangle(sheet, (0, 0), (width - 1, int(0.35 * p)), DARK, -1)
        cv2.line(sheet, (0, 0), (0, height), DARK, max(int(0.12 * p), 1))
        return sheet

    def _blank(self, width_m: float, height_m: float, colour: Colour) -> Image:
        return plaster(round(width_m * self._px_per_m), round(height_m * self._px_per_m), colour, self._rng)

    def _glass(
        self, sheet: Image, top_left: tuple[int, int], bottom_right: tuple[int, int], pane_m: float, *, lit: float
    ) -> None:
        """Paint a band of panes, some of them with light behind."""
        (left, top), (right, bottom) = top_left, bottom_right
        count = max(round((right - left) / (pane_m * self._px_per_m)), 1)
        edges = np.linspace(left, right, count + 1).astype(int)
        for a, b in pairwise(edges):
            glow = self._rng.uniform(0.75, 1.05) if self._rng.random() < lit else 0.0
            colour = (150 * glow, 205 * glow, 226 * glow) if glow else (92.0, 78.0, 66.0)
            cv2.rectangle(sheet, (int(a), top), (int(b), bottom), colour, -1)
            shade = max((bottom - top) // 4, 1)
            paler = (colour[0] * 0.8, colour[1] * 0.82, colour[2] * 0.85)
            cv2.rectangle(sheet, (int(a), bottom - shade), (int(b), bottom), paler, -1)
            cv2.rectangle(sheet, (int(a), top), (int(b), bottom), DARK, max(int(0.09 * self._px_per_m), 1))

    def _stand(self, name: str, sheet: Image, start: Point, end: Point, height_m: float) -> Panel:
        lamps = np.zeros(sheet.shape[:2], np.uint8)
        bright = sheet.max(axis=2) > 170  # panes with light behind, signs, the clock: they shine by themselves
        lamps[bright] = 255
        foot = np.linspace(0, height_m, sheet.shape[0])[::-1]
        street = (110 * np.exp(-foot / 3.5)).astype(np.uint8)[:, None]
        lit = self._light.apply(sheet, np.maximum(lamps, np.broadcast_to(street, lamps.shape)).astype(np.uint8))
        texture = make_texture(lit, self._px_per_m)
        return wall(name, start, end, texture, top_m=height_m, eye_height_m=self._eye_height_m)
