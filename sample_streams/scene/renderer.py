"""From a place and a pose to the planes of a picture, frame by frame.

Everything is a function of the seed, the frame number and the pose; what is behind the windows of dwellings depends on
a seed of its own, so that two runs can differ there and nowhere else.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from sample_streams.device.encoder import Picture
from sample_streams.device.mechanics import Pose
from sample_streams.optics import Optics
from sample_streams.scene.interiors import Interiors
from sample_streams.scene.place import Place
from sample_streams.scene.projection import Canvas
from sample_streams.scene.stage import Rooms, Stage
from sample_streams.scene.texture import Image
from sample_streams.timecode import Corner, burn_code

NOISE_TILE_PX = 64
NOISE_LEVELS = 1.3
COARSE_FROM_SMEAR_PX = 3
COARSE_STEP = 2


@dataclass(frozen=True, slots=True)
class Exposure:
    """The pose while one frame was taken."""

    start: Pose
    middle: Pose
    end: Pose


class Renderer:
    """Draw one place as one camera sees it."""

    def __init__(self, place: Place, optics: Optics, corners: tuple[Corner, ...], seed: int, fps: float) -> None:
        self._place = place
        self._optics = optics
        self._corners = corners
        self._fps = fps
        self._seed = seed
        self._rooms = Rooms(Interiors(seed), fps)
        self._fine = Stage(place.world, optics)
        half = (optics.width_px // COARSE_STEP, optics.height_px // COARSE_STEP)
        # A picture that movement smears over several pixels is drawn at half the resolution: nobody can tell.
        self._coarse = Stage(place.world, replace(optics, width_px=half[0], height_px=half[1]))
        self._brighter, self._darker = _noise_tiles(seed, optics.width_px, optics.height_px)
        self.shows_truth = False

    def draw(self, number: int, exposure: Exposure, picture: Picture) -> None:
        """Draw frame ``number`` into the planes of a picture of the optics' size."""
        if self.shows_truth:
            seen = self._fine.draw_truth(exposure.middle)
            y, chroma = seen.luma, seen.chroma
        else:
            across, along = self._smear_px(exposure)
            stage = self._coarse if max(across, along) >= COARSE_FROM_SMEAR_PX else self._fine
            seen = stage.draw(number, exposure.middle, self._rooms)
            self._place.actors.draw(seen, stage.optics, exposure.middle, number / self._fps)
            y, chroma = self._developed(seen, across, along, is_coarse=stage is self._coarse)
            y = self._with_noise(y, number)
        picture.y[:] = y
        picture.u[:], picture.v[:] = cv2.split(chroma)
        self.burn(number, picture)

    def burn(self, number: int, picture: Picture) -> None:
        """Burn the frame number into a picture of any size."""
        burn_code(picture.y, picture.u, picture.v, number, self._corners)

    def show_truth(self, *, on: bool) -> None:
        """Paint dwellings in a colour of their own and everything else grey, or stop doing so."""
        self.shows_truth = on

    def set_content_seed(self, seed: int) -> None:
        """Let something else go on inside the dwellings."""
        self._rooms = Rooms(Interiors(self._seed, seed), self._fps)
        self._fine.forget()
        self._coarse.forget()

    def _smear_px(self, exposure: Exposure) -> tuple[int, int]:
        """Return how far the middle of the picture moves during the exposure, to the side and up or down."""
        a, b = exposure.start, exposure.end
        if a == b:
            return 0, 0
        focal = self._optics.focal_px(exposure.middle.zoom)
        pan = (b.pan_deg - a.pan_deg + 180) % 360 - 180
        across = abs(np.radians(pan)) * focal * np.cos(np.radians(exposure.middle.tilt_deg))
        return int(across), int(abs(np.radians(b.tilt_deg - a.tilt_deg)) * focal)

    def _developed(self, seen: Canvas, across: int, along: int, *, is_coarse: bool) -> tuple[Image, Image]:
        """Smear a picture by its movement, and bring a coarse one to full size."""
        y, chroma = seen.luma, seen.chroma
        step = COARSE_STEP if is_coarse else 1
        if max(across, along) >= 2:
            y = np.asarray(cv2.blur(y, (across // step | 1, along // step | 1)), np.uint8)
            chroma = np.asarray(cv2.blur(chroma, (across // (2 * step) | 1, along // (2 * step) | 1)), np.uint8)
        if is_coarse:
            size = (self._optics.width_px, self._optics.height_px)
            y = np.asarray(cv2.resize(y, size, interpolation=cv2.INTER_LINEAR), np.uint8)
            half = (size[0] // 2, size[1] // 2)
            chroma = np.asarray(cv2.resize(chroma, half, interpolation=cv2.INTER_LINEAR), np.uint8)
        return y, chroma

    def _with_noise(self, y: Image, number: int) -> Image:
        height, width = y.shape
        dx, dy = (number * 37) % NOISE_TILE_PX, (number * 23) % NOISE_TILE_PX
        part = slice(dy, dy + height), slice(dx, dx + width)
        return np.asarray(cv2.subtract(cv2.add(y, self._brighter[part]), self._darker[part]), np.uint8)


def _noise_tiles(seed: int, width: int, height: int) -> tuple[Image, Image]:
    """Return what the sensor adds and what it takes away."""
    rng = np.random.default_rng(seed)
    noise = np.round(rng.normal(0, NOISE_LEVELS, (height + NOISE_TILE_PX, width + NOISE_TILE_PX)))
    return np.clip(noise, 0, 20).astype(np.uint8), np.clip(-noise, 0, 20).astype(np.uint8)
