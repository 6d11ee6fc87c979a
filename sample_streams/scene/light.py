"""The time of day: how bright and how warm everything is, and what the sky looks like."""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from sample_streams.scene.texture import Image

Colour = tuple[float, float, float]  # blue, green, red


class TimeOfDay(StrEnum):
    """The three that the town knows."""

    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


@dataclass(frozen=True, slots=True)
class Light:
    """The light of a time of day; colours are BGR."""

    ambient: Colour
    sky_top: Colour
    sky_horizon: Colour
    lamp_strength: float
    lit_share: float

    def apply(self, bgr: Image, lamps: Image | None = None) -> Image:
        """Shade a picture that was painted in plain daylight; ``lamps`` is warm light from 0 to 255."""
        levels = np.arange(256, dtype=np.float32)[:, None] * np.array(self.ambient, np.float32)
        shaded = cv2.LUT(bgr, np.clip(levels, 0, 255).astype(np.uint8).reshape(256, 1, 3))
        if lamps is None or self.lamp_strength == 0:
            return np.asarray(shaded, np.uint8)
        warm = [
            cv2.multiply(bgr[:, :, i], lamps, scale=self.lamp_strength / 255 * share) for i, share in enumerate(WARM)
        ]
        return np.asarray(cv2.add(shaded, cv2.merge(warm)), np.uint8)


WARM: Colour = (0.42, 0.72, 1.0)
LIGHTS = {
    TimeOfDay.DAY: Light((0.86, 0.9, 0.92), (205, 160, 105), (232, 218, 200), 0.0, 0.25),
    TimeOfDay.DUSK: Light((0.56, 0.47, 0.43), (112, 72, 48), (150, 152, 190), 0.75, 0.6),
    TimeOfDay.NIGHT: Light((0.3, 0.24, 0.22), (42, 28, 20), (70, 58, 54), 0.95, 0.45),
}
