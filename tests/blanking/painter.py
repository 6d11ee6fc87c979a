"""Pictures of a textured world as the true camera sees them, so that registration is really in the loop: rendered, never assumed.

The texture is procedural: noise tiles in several octaves over (azimuth, elevation), so that there is detail from the widest to the
longest focal length. Rows are exposed one after another within the exposure, by the true camera's own mathematics.
"""

import math
import random
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.blanking.truth import TrueCamera

_GRID_PX = 16
_TILE_PX = 512
_OCTAVE_DEG = (40.0, 8.0, 1.6, 0.32)
_FULL_WIDTH_PX = 800
"""Wider pictures are painted at the size at which registration looks at them, and enlarged."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Lorry:
    """Something large that drives past near the camera.

    Args:
        from_s, until_s: when it is there.
        share: of the picture's width that it fills.
        speed_rel: picture widths per second.
        start_rel: where its left end is at first, in picture widths.
        on_screen: it stays at its place in the picture instead: the camera follows it.
    """

    from_s: float
    until_s: float
    share: float
    speed_rel: float
    start_rel: float = -0.5


@dataclass
class Painter:
    """Paint what the camera sees.

    Args:
        camera: the true one.
        seed: of the world's texture.
        contrast: 1 a rich scene, 0 fog or a clear sky.
        noise: standard deviation of each sample.
        lorries: what drives past.
        rain: streaks per picture.
        letters: text that the camera burns in.
        frozen_s: (from, until): the same picture again and again.
    """

    camera: TrueCamera
    seed: int
    contrast: float = 1.0
    noise: float = 2.0
    lorries: tuple[Lorry, ...] = ()
    rain: int = 0
    letters: bool = False
    frozen_s: tuple[float, float] | None = None
    _tiles: list[NDArray[np.float32]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the tiles and a stock of noise."""
        rng = np.random.default_rng(self.seed)
        for _ in _OCTAVE_DEG:
            tile = rng.normal(0.0, 1.0, (_TILE_PX, _TILE_PX)).astype(np.float32)
            wide = np.tile(tile, (2, 2))
            smooth = cv2.GaussianBlur(wide, (0, 0), 3.0)[256 : 256 + _TILE_PX, 256 : 256 + _TILE_PX]
            self._tiles.append(smooth / smooth.std())
        self._grain = (rng.normal(0.0, 1.0, (1024, 1400)) * self.noise).astype(np.float32)
        self._rng = random.Random(self.seed)

    def luma(self, captured_s: float) -> Picture:
        """Return the picture taken then; no sample of it is 128, so that what is grey is known to be blanked."""
        if self.frozen_s is not None and self.frozen_s[0] <= captured_s < self.frozen_s[1]:
            captured_s = self.frozen_s[0]
            self._rng = random.Random(1)
        camera = self.camera
        scale = max(1, round(camera.width_px / 640)) if camera.width_px > _FULL_WIDTH_PX else 1
        width, height = camera.width_px // scale, camera.height_px // scale
        values = self._world(captured_s, width, height, scale)
        for lorry in self.lorries:
            self._drive(values, lorry, captured_s)
        values += self._piece(self._grain, height, width)
        for _ in range(self.rain):
            x, y = self._rng.randrange(width), self._rng.randrange(height)
            cv2.line(values, (x, y), (x + 2, y + self._rng.randrange(8, 40)), 200.0, 1)
        small = np.clip(values, 0, 255).astype(np.uint8)
        if self.letters:
            cv2.putText(small, "CAM 12  2026-11-25", (12, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (250,), 2)
        small |= np.uint8(1)
        if scale == 1:
            return small
        return np.ascontiguousarray(
            cv2.resize(small, (camera.width_px, camera.height_px), interpolation=cv2.INTER_NEAREST)
        )

    def _world(self, captured_s: float, width: int, height: int, scale: int) -> NDArray[np.float32]:
        """Return the texture in the direction of each sample, between 20 and 235 or so."""
        camera = self.camera
        rows = np.arange(0, height + 2 * _GRID_PX, _GRID_PX)
        columns = np.arange(0, width + 2 * _GRID_PX, _GRID_PX)
        grid_x, grid_y = np.meshgrid(columns, rows)
        directions = np.empty((*grid_x.shape, 3))
        for index, row in enumerate(rows):
            instant_s = captured_s + (min(row / height, 1.0) - 0.5) * camera.exposure_s
            pose = camera.pose_at(instant_s)
            rays = camera.rays_of(pose[2], (grid_x[index] + 0.5) * scale, (grid_y[index] + 0.5) * scale)
            directions[index] = rays @ camera.turned(pose)
        ahead = directions[len(rows) // 2, len(columns) // 2]
        middle = math.atan2(ahead[0], ahead[2])
        azimuth = np.degrees(
            np.angle(np.exp(1j * (np.arctan2(directions[..., 0], directions[..., 2]) - middle))) + middle
        )
        elevation = np.degrees(np.arcsin(np.clip(directions[..., 1], -1, 1)))
        step_deg = float(np.abs(np.diff(elevation[:, len(columns) // 2])).mean()) / _GRID_PX
        maps = []
        for values in (azimuth, elevation):
            fine = cv2.resize(
                values.astype(np.float64),
                (len(columns) * _GRID_PX, len(rows) * _GRID_PX),
                interpolation=cv2.INTER_LINEAR,
            )
            # The resized map has the grid's points in the middle of its squares.
            half = _GRID_PX // 2
            maps.append(fine[half : half + height, half : half + width])
        out = np.full((height, width), 120.0, np.float32)
        for octave_deg, tile in zip(_OCTAVE_DEG, self._tiles, strict=True):
            per_px = octave_deg / _TILE_PX
            if per_px > 14 * step_deg or per_px < step_deg / 3:
                continue
            x = ((maps[0] % octave_deg) / per_px).astype(np.float32)
            y = ((maps[1] % octave_deg) / per_px).astype(np.float32)
            out += 28.0 * self.contrast * cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return out

    def _drive(self, values: NDArray[np.float32], lorry: Lorry, captured_s: float) -> None:
        if not lorry.from_s <= captured_s < lorry.until_s:
            return
        height, width = values.shape
        left = int((lorry.start_rel + lorry.speed_rel * (captured_s - lorry.from_s)) * width)
        right = left + int(lorry.share * width)
        shown = slice(max(0, left), max(0, min(width, right)))
        if shown.stop <= shown.start:
            return
        side = np.tile(self._tiles[0], (1, 4))[: height - height // 12, shown.start - left : shown.stop - left]
        values[height // 12 :, shown][: side.shape[0], : side.shape[1]] = 110.0 + 35.0 * side

    def _piece(self, stock: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
        top, left = self._rng.randrange(stock.shape[0] - height), self._rng.randrange(stock.shape[1] - width)
        return stock[top : top + height, left : left + width]
