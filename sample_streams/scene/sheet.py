"""A picture of a facade that is painted in metres, with a note of what shines by itself."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from sample_streams.scene.light import Colour
from sample_streams.scene.texture import Image

Polygon = tuple[tuple[float, float], ...]
Box = tuple[float, float, float, float]  # left, top, width, height in metres


@dataclass(slots=True)
class Sheet:
    """A picture that is painted in metres from its top left corner."""

    bgr: Image
    px_per_m: float
    glowing: list[Box] = field(default_factory=list)

    def box(self, x: float, y: float, w: float, h: float, colour: Colour) -> None:
        """Fill a rectangle."""
        p = self.px_per_m
        a, b = (round(x * p), round(y * p)), (round((x + w) * p) - 1, round((y + h) * p) - 1)
        cv2.rectangle(self.bgr, a, b, colour, -1)

    def polygon(self, points: Polygon, colour: Colour) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.bgr, [np.round(np.array(points) * self.px_per_m).astype(np.int32)], colour, cv2.LINE_AA)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        p = self.px_per_m
        cv2.circle(self.bgr, (round(x * p), round(y * p)), max(round(radius * p), 1), colour, -1, cv2.LINE_AA)

    def line(self, a: tuple[float, float], b: tuple[float, float], width: float, colour: Colour) -> None:
        """Draw a line."""
        p = self.px_per_m
        ends = [(round(x * p), round(y * p)) for x, y in (a, b)]
        cv2.line(self.bgr, ends[0], ends[1], colour, max(round(width * p), 1), cv2.LINE_AA)

    def text(self, text: str, x: float, y: float, height_m: float, colour: Colour) -> None:
        """Write a line of text whose foot is at ``y``."""
        scale = height_m * self.px_per_m / 22
        at = (round(x * self.px_per_m), round(y * self.px_per_m))
        cv2.putText(self.bgr, text, at, cv2.FONT_HERSHEY_DUPLEX, scale, colour, max(round(scale * 1.4), 1), cv2.LINE_AA)

    def centred(self, text: str, x: float, y: float, height_m: float, colour: Colour) -> None:
        """Write a line of text around ``x``."""
        scale = height_m * self.px_per_m / 22
        (width_px, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, scale, max(round(scale * 1.4), 1))
        self.text(text, x - width_px / self.px_per_m / 2, y, height_m, colour)

    def clock(self, x: float, y: float, radius: float) -> None:
        """Draw a public clock."""
        self.disc(x, y, radius, (40, 40, 44))
        self.disc(x, y, radius * 0.88, (238, 242, 244))
        for angle, reach in ((2.4, 0.5), (0.7, 0.75)):
            tip = (x + reach * radius * float(np.sin(angle)), y - reach * radius * float(np.cos(angle)))
            self.line((x, y), tip, radius * 0.1, (30, 30, 34))
        self.glowing.append((x - 0.7 * radius, y - 0.7 * radius, 1.4 * radius, 1.4 * radius))

    def pane(self, box: Box, *, is_lit: bool, glow: float = 1.0) -> None:
        """Paint a window of a room that is nobody's home: an office, a school, a church."""
        x, y, w, h = box
        if is_lit:
            self.box(x, y, w, h, (150 * glow, 205 * glow, 226 * glow))
            self.box(x, y + 0.7 * h, w, 0.3 * h, (118 * glow, 166 * glow, 190 * glow))
            self.glowing.append(box)
        else:
            self.box(x, y, w, h, (96, 82, 70))
            self.polygon(((x, y), (x + 0.6 * w, y), (x, y + 0.7 * h)), (126, 112, 98))
        self.box(x, y + 0.45 * h, w, 0.05, (196, 200, 202))
        self.box(x + w / 2 - 0.025, y, 0.05, h, (196, 200, 202))

    def lamps(self, light: Image | None = None) -> Image:
        """Return the map of warm light: what shines on the sheet, and what shines by itself."""
        found = np.zeros(self.bgr.shape[:2], np.uint8) if light is None else light.copy()
        for x, y, w, h in self.glowing:
            p = self.px_per_m
            found[round(y * p) : round((y + h) * p), round(x * p) : round((x + w) * p)] = 255
        return found


def hull(boxes: list[Box], margin_m: tuple[float, float, float]) -> Box:
    """Return the box around some boxes, with a margin at the sides, above and below."""
    side, above, below = margin_m
    left, top = min(x for x, _, _, _ in boxes) - side, min(y for _, y, _, _ in boxes) - above
    right, bottom = max(x + w for x, _, w, _ in boxes) + side, max(y + h for _, y, _, h in boxes) + below
    return left, top, right - left, bottom - top
