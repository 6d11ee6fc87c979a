"""What weather, traffic and night do to the pictures of a demo camera that does not turn, and the truth of how it was moved.

The picture is the demo city's, drawn for the pose that the camera truly has; the truth of a shift is that camera's own projection,
not anything that the watch computes.
"""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from blanking.plan import parse_plan
from blanking.plan_values import ImagePlan
from sample_streams.device.encoder import Encoder, EncoderSettings, Picture
from sample_streams.plan import plan_document
from sample_streams.roster import roster
from sample_streams.scene.light import TimeOfDay
from sample_streams.scene.renderer import Exposure, Renderer
from sample_streams.scene.shelf import painted_place
from sample_streams.wire.nal import Codec

Luma = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Knock:
    """How a camera was moved: its mount turned, its picture magnified, cropped or turned over."""

    pan_deg: float = 0.0
    tilt_deg: float = 0.0
    roll_deg: float = 0.0
    zoom: float = 1.0
    flip: str = ""


@dataclass(frozen=True, slots=True)
class Weather:
    """What is in front of the camera, each from 0 (none) to 1."""

    light: TimeOfDay = TimeOfDay.DAY
    brightness: float = 1.0
    rain: float = 0.0
    snow: float = 0.0
    lying_snow: float = 0.0
    fog: float = 0.0
    leaves: float = 0.0
    headlights: float = 0.0
    lorry: float = 0.0
    covered: bool = False
    noise: float = 2.0


@dataclass
class WeatheredCamera:
    """A demo camera in any weather.

    Args:
        camera_id: of the roster.
    """

    camera_id: str
    seed: int = 1
    knock: Knock = Knock()
    _renderers: dict[tuple[TimeOfDay, Knock], Renderer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spec = roster()[self.camera_id]
        self.size_px = (self.spec.optics.width_px, self.spec.optics.height_px)
        place = painted_place(self.spec.place, self.seed, TimeOfDay.DAY, self.camera_id)
        document = plan_document(self.spec, place) if self.spec.has_plan else None
        plan = None if document is None else parse_plan(document)
        self.plan = plan if isinstance(plan, ImagePlan) else ImagePlan(*self.size_px, ())
        self._rng = np.random.default_rng(self.seed)
        encoder = Encoder(EncoderSettings(Codec.H264, *self.size_px, self.spec.fps, 20, 12))
        self._picture: Picture = encoder.picture
        self._encoder = encoder

    def luma(self, at_s: float, weather: Weather) -> Luma:
        """Return the picture of an instant."""
        start = self.spec.start
        self._renderer(weather.light).draw(round(at_s * self.spec.fps), Exposure(start, start, start), self._picture)
        luma = np.array(self._picture.y, np.uint8)
        if weather.lying_snow:
            luma = self._snowed(luma, weather.lying_snow)
        if weather.leaves:
            luma = self._behind_leaves(luma, weather.leaves)
        return weathered(self._turned(luma), weather, at_s, self._rng)

    def true_shift_rel(self) -> float:
        """Return how far the farthest corner has moved, as a share of the width; a picture turned over has moved by all of it."""
        if self.knock.flip:
            return 1.0
        width, height = self.size_px
        corners = [(0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)]
        seen = self._seen_at(corners)
        if np.isnan(seen).any():
            return 1.0
        seen = (seen - (width / 2, height / 2)) * self.knock.zoom + (width / 2, height / 2)
        return float(np.linalg.norm(seen - np.array(corners), axis=1).max() / width)

    def _seen_at(self, corners: list[tuple[float, float]]) -> NDArray[np.float64]:
        """Return where points of the picture before a knock are after it, zoom and flips not counted; NaN behind the camera."""
        width, height = self.size_px
        before, after = self.spec.optics, self._optics()
        focal = before.focal_px(0.0)
        rays = np.array([((u - width / 2) / focal, (v - height / 2) / focal, 1.0) for u, v in corners])
        return np.asarray(after.project(self.spec.start, rays @ before.rotation(self.spec.start)))

    def _with_knock(self, layer: NDArray[np.float32], border: int) -> NDArray[np.float32] | None:
        """Return what lies or stands in the street as it is seen after the knock; None when nothing of it is in sight."""
        width, height = self.size_px
        corners = [(0.0, 0.0), (float(width), 0.0), (0.0, float(height)), (float(width), float(height))]
        seen = self._seen_at(corners)
        if np.isnan(seen).any():
            return None
        moved = cv2.getPerspectiveTransform(np.array(corners, np.float32), seen.astype(np.float32))
        return np.asarray(cv2.warpPerspective(layer, moved, self.size_px, borderMode=border), np.float32)

    def _snowed(self, luma: Luma, share: float) -> Luma:
        """Lay snow on the street: it moves in the picture when the camera is knocked, as all that lies there does."""
        height = self.size_px[1]
        drawn = np.random.default_rng(5).normal(0.5, 1.2, luma.shape).astype(np.float32)
        white = np.asarray(cv2.GaussianBlur(drawn, (0, 0), 12), np.float32)
        moved = self._with_knock(white, cv2.BORDER_REFLECT)
        white = white[::-1, ::-1] if moved is None else moved  # other snow: nothing of what was seen before
        lies = np.clip(white * 3 + np.linspace(-1.0, 2.0, height, dtype=np.float32)[:, None], 0, 1) * share
        return np.asarray(luma * (1 - 0.8 * lies) + 200 * 0.8 * lies, np.uint8)

    def _behind_leaves(self, luma: Luma, share: float) -> Luma:
        """Put a tree before the left part of the street, whose leaves move; it, too, is elsewhere after a knock."""
        tree = self._with_knock(_leaves(luma.shape, share, self._rng), cv2.BORDER_CONSTANT)
        return luma if tree is None else np.where(tree > 0, tree, luma).astype(np.uint8)

    def _optics(self) -> "object":
        optics, knock = self.spec.optics, self.knock
        return replace(
            optics,
            mount_pan_deg=optics.mount_pan_deg + knock.pan_deg,
            mount_tilt_deg=optics.mount_tilt_deg + knock.tilt_deg,
            mount_roll_deg=optics.mount_roll_deg + knock.roll_deg,
        )

    def _renderer(self, light: TimeOfDay) -> Renderer:
        key = (light, self.knock)
        if key not in self._renderers:
            place = painted_place(self.spec.place, self.seed, light, self.camera_id)
            self._renderers[key] = Renderer(place, self._optics(), self.spec.corners, self.seed, self.spec.fps)
        return self._renderers[key]

    def _turned(self, luma: Luma) -> Luma:
        if self.knock.zoom != 1.0:
            width, height = self.size_px
            middle = cv2.getRotationMatrix2D((width / 2, height / 2), 0, self.knock.zoom)
            luma = np.asarray(cv2.warpAffine(luma, middle, self.size_px), np.uint8)
        turns = {"": luma, "mirror": luma[:, ::-1], "upside-down": luma[::-1, ::-1], "flip": luma[::-1]}
        return np.ascontiguousarray(turns[self.knock.flip])


def weathered(luma: Luma, weather: Weather, at_s: float, rng: np.random.Generator) -> Luma:
    """Return a picture as it looks through weather."""
    if weather.covered:
        return np.full_like(luma, 20) + rng.integers(0, 4, luma.shape).astype(np.uint8)
    values = luma.astype(np.float32) * weather.brightness
    if weather.lorry:
        values = _lorry(values, weather, at_s)
    if weather.headlights:
        values = _headlights(values, weather.headlights, at_s, rng)
    if weather.fog:
        values = values * (1 - 0.93 * weather.fog) + 150 * weather.brightness * 0.93 * weather.fog
    for count, length, bright in ((weather.rain * 900, 26, 60), (weather.snow * 700, 3, 130)):
        values = _falling(values, round(count), length, bright, rng)
    values += rng.normal(0, weather.noise, values.shape).astype(np.float32)
    coded = cv2.imencode(".jpg", np.clip(values, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 45])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _leaves(shape: tuple[int, ...], share: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a tree over the left part that moves to and fro, with leaves of its own; 0 where one looks through it."""
    height, width = shape
    part = int(width * 0.5 * share)
    tree = np.random.default_rng(9).integers(30, 140, (height // 6 + 4, part // 6 + 4)).astype(np.float32)
    tree = np.asarray(cv2.resize(tree, (part + 24, height + 24), interpolation=cv2.INTER_CUBIC))
    field = cv2.GaussianBlur(rng.normal(0, 1, (height, part, 2)).astype(np.float32), (0, 0), 20) * 90
    x, y = np.meshgrid(np.arange(part, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(tree, x + 12 + field[:, :, 0], y + 12 + field[:, :, 1], cv2.INTER_LINEAR)
    gaps = cv2.GaussianBlur(rng.normal(0, 1, (height, part)).astype(np.float32), (0, 0), 6) > 0.01
    out = np.zeros((height, width), np.float32)
    out[:, :part] = np.where(gaps, 0.0, np.maximum(moved, 1.0))
    return out


def _lorry(values: NDArray[np.float32], weather: Weather, at_s: float) -> NDArray[np.float32]:
    """Let a lorry as wide as its share pass every 20 s, and stand for half of the time."""
    height, width = values.shape
    long, high = int(width * weather.lorry), int(height * min(0.95, weather.lorry + 0.1))
    side = np.random.default_rng(3).integers(40, 220, (high // 30 + 2, long // 40 + 2)).astype(np.float32)
    side = np.asarray(cv2.resize(side, (long, high), interpolation=cv2.INTER_NEAREST)) * weather.brightness
    phase = at_s % 20.0
    left = int(np.interp(phase, [0, 5, 15, 20], [-long, (width - long) / 2, (width - long) / 2, width]))
    lo, hi = max(0, left), min(width, left + long)
    if hi > lo:
        values[height - high :, lo:hi] = side[:, lo - left : hi - left]
    return values


def _headlights(
    values: NDArray[np.float32], share: float, at_s: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    height, width = values.shape
    for car in range(max(1, round(4 * share))):
        x = int(((at_s * (0.11 + 0.03 * car) + 0.37 * car) % 1.0) * width)
        y = int(height * (0.55 + 0.1 * car))
        glare = np.zeros_like(values)
        for side in (-14, 14):
            cv2.circle(glare, (x + side, y), 10, 400.0, -1)
        values = values + cv2.GaussianBlur(glare, (0, 0), 5) + 0.6 * cv2.blur(glare, (181, 61))
    # The camera closes its iris.
    return values * float(0.75 + 0.25 * rng.random())


def _falling(
    values: NDArray[np.float32], count: int, length: int, bright: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    if not count:
        return values
    height, width = values.shape
    layer = np.zeros_like(values)
    for x, y in zip(rng.integers(0, width, count), rng.integers(0, height, count), strict=True):
        cv2.line(layer, (int(x), int(y)), (int(x) + 2, int(y) + length), float(bright), 1 if length > 5 else 3)
    return values + layer
