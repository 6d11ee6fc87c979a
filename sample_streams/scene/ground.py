"""Ground and sky: streets with kerbs and rails, squares, water, and the box of sky around everything."""

from dataclasses import dataclass

import cv2
import numpy as np

from sample_streams.scene.light import Light
from sample_streams.scene.masonry import asphalt, lamp_pools, paving, sky, water
from sample_streams.scene.texture import Image, make_texture
from sample_streams.scene.world import Panel, floor, wall

SKY_M = 420.0
SKY_TOP_M = 330.0
SKY_FOOT_M = 90.0  # below the horizon, so that no gap shows between ground and sky
TILE_M = 40.0
OVERLAP_PX = 24


def sky_box(light: Light, eye_height_m: float, rng: np.random.Generator) -> list[Panel]:
    """Return four panels of sky far around the eye, and a ceiling is never seen."""
    panels = []
    corners = [(-SKY_M, -SKY_M), (-SKY_M, SKY_M), (SKY_M, SKY_M), (SKY_M, -SKY_M)]
    strip = sky(4096, 640, light, rng)
    for i in range(4):
        picture = np.ascontiguousarray(strip[:, i * 1024 : (i + 1) * 1024])
        texture = make_texture(picture, 1024 / (2 * SKY_M))
        panel = wall(f"sky-{i}", corners[i], corners[(i + 1) % 4], texture, top_m=SKY_TOP_M, eye_height_m=eye_height_m)
        panel.height_m = 640 / texture.levels[0].px_per_m
        panel.origin[1] = SKY_FOOT_M - panel.height_m
        panel.layer, panel.is_soft = -2, True
        panels.append(panel)
    return panels


@dataclass(frozen=True, slots=True)
class Plot:
    """A piece of ground to be painted: its size, the light, and where lamps stand (metres from its north-west)."""

    width_m: float
    length_m: float
    px_per_m: float
    light: Light
    lamps_m: list[tuple[float, float]]
    rng: np.random.Generator

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the painting."""
        return round(self.width_m * self.px_per_m), round(self.length_m * self.px_per_m)

    def lit(self, ground: Image) -> Image:
        """Put the painting into the light of the hour and of the lamps."""
        pools = [(x * self.px_per_m, y * self.px_per_m, 5.5 * self.px_per_m) for x, y in self.lamps_m]
        return self.light.apply(ground, lamp_pools(ground.shape[1], ground.shape[0], pools))


def tiled_floor(picture: Image, px_per_m: float, corner: tuple[float, float], eye_height_m: float) -> list[Panel]:
    """Cut a painted ground into tiles, so that each is drawn at the resolution that its distance asks for."""
    step = round(TILE_M * px_per_m)
    panels = []
    for y in range(0, picture.shape[0], step):
        for x in range(0, picture.shape[1], step):
            part = np.ascontiguousarray(picture[y : y + step + OVERLAP_PX, x : x + step + OVERLAP_PX])
            size = (part.shape[1] / px_per_m, part.shape[0] / px_per_m)
            at = (corner[0] + x / px_per_m, corner[1] - y / px_per_m)
            texture = make_texture(part, px_per_m)
            panels.append(floor(f"ground-{x}-{y}", at, size, texture, eye_height_m=eye_height_m))
    return panels


def side_street(plot: Plot, corner: tuple[float, float], eye_height_m: float) -> list[Panel]:
    """Pave a street that comes out at a place, seen from afar only."""
    (w, h), px_per_m = plot.size_px, plot.px_per_m
    ground = paving(w, h, px_per_m, (96, 104, 124), plot.rng)
    kerb = round(1.6 * px_per_m)
    ground[kerb : h - kerb] = asphalt(w, h - 2 * kerb, (78, 76, 74), plot.rng)
    return tiled_floor(plot.lit(ground), px_per_m, corner, eye_height_m)


def street_ground(plot: Plot) -> Image:
    """Paint a street with pavements, kerbs, a cycle lane and lamp light; its far end is the top row."""
    (w, h), px_per_m, rng = plot.size_px, plot.px_per_m, plot.rng
    ground = paving(w, h, px_per_m, (96, 104, 124), rng)
    kerb = round(plot.width_m * 0.26 * px_per_m)
    ground[:, kerb : w - kerb] = asphalt(w - 2 * kerb, h, (76, 74, 72), rng)
    lane = round(1.6 * px_per_m)
    ground[:, kerb : kerb + lane] = asphalt(lane, h, (62, 64, 118), rng)
    stone = max(round(0.14 * px_per_m), 1)
    for x in (kerb - stone, w - kerb):
        ground[:, x : x + stone] = (150, 156, 160)
    for y in range(0, h, round(3.0 * px_per_m)):
        cv2.line(
            ground, (kerb + lane, y), (kerb + lane, y + round(1.2 * px_per_m)), (190, 194, 196), max(stone // 2, 1)
        )
    for z_m in (22.0, 58.0):
        _crossing(ground, plot, (kerb, w - kerb), z_m)
    _covers(ground, plot, 18)
    return plot.lit(ground)


def _crossing(ground: Image, plot: Plot, between_px: tuple[int, int], z_m: float) -> None:
    """Paint a zebra crossing over a road, so far from the near end."""
    top = round((plot.length_m - z_m - 3.2) * plot.px_per_m)
    step = round(0.5 * plot.px_per_m)
    for x in range(between_px[0] + step // 2, between_px[1] - step, 2 * step):
        ground[top : top + round(3.2 * plot.px_per_m), x : x + step] = (206, 210, 212)


def _covers(ground: Image, plot: Plot, count: int) -> None:
    """Set drains and manhole covers into the ground."""
    p = plot.px_per_m
    for i in range(count):
        x, y = plot.rng.uniform(0.06, 0.94) * plot.width_m * p, plot.rng.uniform(0.03, 0.97) * plot.length_m * p
        if i % 3:
            cv2.circle(ground, (round(x), round(y)), round(0.36 * p), (64, 68, 72), -1, cv2.LINE_AA)
            cv2.circle(
                ground, (round(x), round(y)), round(0.27 * p), (92, 96, 98), max(round(0.05 * p), 1), cv2.LINE_AA
            )
        else:
            corner = round(x + 0.5 * p), round(y + 0.35 * p)
            cv2.rectangle(ground, (round(x), round(y)), corner, (58, 62, 66), -1)


def canal_ground(plot: Plot) -> Image:
    """Paint a quay, a canal and the other quay; its far end is the top row."""
    (w, h), px_per_m, rng = plot.size_px, plot.px_per_m, plot.rng
    ground = paving(w, h, px_per_m, (92, 100, 122), rng)
    left, right = round(plot.width_m * 0.42 * px_per_m), round(plot.width_m * 0.8 * px_per_m)
    ground[:, left:right] = water(right - left, h, rng)
    stone = max(round(0.5 * px_per_m), 1)
    for x in (left - stone, right):
        ground[:, x : x + stone] = (140, 148, 152)
    lit = plot.lit(ground)
    shine = np.clip(rng.normal(0, 1, (1, right - left, 1)), 0, 3) * np.array((10, 20, 30)) * plot.light.lamp_strength
    shine = cv2.GaussianBlur(shine.astype(np.float32), (0, 0), sigmaX=0.5 * px_per_m, sigmaY=1)
    lit[:, left:right] = np.clip(lit[:, left:right] + 3 * shine.reshape(1, -1, 3), 0, 255)
    return lit


def square_ground(plot: Plot, *, has_rails: bool = True) -> Image:
    """Paint a square with bands of stone and tram rails; its north side is the top row."""
    (w, h), px_per_m, rng = plot.size_px, plot.px_per_m, plot.rng
    ground = paving(w, h, px_per_m, (104, 112, 134), rng)
    for x_m in np.arange(0, plot.width_m, 8.0):
        cv2.line(ground, (round(x_m * px_per_m), 0), (round(x_m * px_per_m), h), (150, 156, 162), round(0.4 * px_per_m))
    for y_m in np.arange(0, plot.length_m, 8.0):
        cv2.line(ground, (0, round(y_m * px_per_m)), (w, round(y_m * px_per_m)), (150, 156, 162), round(0.4 * px_per_m))
    if has_rails:
        bed = round(plot.length_m * 0.3 * px_per_m)
        band = round(6.4 * px_per_m)
        ground[bed : bed + band] = asphalt(w, band, (84, 84, 86), rng)
        for offset_m in (0.9, 2.33, 4.1, 5.53):
            y = bed + round(offset_m * px_per_m)
            cv2.line(ground, (0, y), (w, y), (150, 160, 168), max(round(0.09 * px_per_m), 1))
            cv2.line(ground, (0, y + 2), (w, y + 2), (50, 50, 54), max(round(0.05 * px_per_m), 1))
    _covers(ground, plot, 30)
    return plot.lit(ground)
