"""The spots of the town where cameras hang."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from sample_streams.scene.actors import Actor, Actors, Route
from sample_streams.scene.ground import Plot, canal_ground, sky_box, square_ground, street_ground, tiled_floor
from sample_streams.scene.houses import Builder
from sample_streams.scene.light import LIGHTS, Colour, Light, TimeOfDay
from sample_streams.scene.offices import OfficeBuilder
from sample_streams.scene.place import Place
from sample_streams.scene.sprites import Sprite, car, cyclist, lamp_post, pedestrian, tree
from sample_streams.scene.world import World

Point = tuple[float, float]
COATS: tuple[Colour, ...] = (
    (120, 60, 40),
    (50, 50, 58),
    (60, 60, 170),
    (70, 110, 60),
    (40, 130, 190),
    (150, 140, 130),
    (96, 50, 110),
)
SKINS: tuple[Colour, ...] = ((150, 180, 216), (90, 124, 170), (60, 84, 124))


class PlaceKind(StrEnum):
    """The kinds of spots."""

    STREET = "street"
    CANAL = "canal"
    STATION = "station"
    MARKET = "market"


class _Cast:
    """Sprites of a place, painted once and shared."""

    def __init__(self, light: Light, rng: np.random.Generator) -> None:
        self._rng = rng
        self.people = [
            pedestrian(COATS[i % len(COATS)], (70 - 8 * i, 50, 46), SKINS[i % len(SKINS)], light) for i in range(6)
        ]
        self.cyclists = [cyclist(COATS[(i + 2) % len(COATS)], light) for i in range(3)]
        self.cars = [car((60, 60, 60), light), car((120, 110, 170), light)]
        self.trees = [tree(light, rng) for _ in range(2)]
        self.lamp = lamp_post(light)

    def standing(self, sprite: Sprite, height_m: float, points: list[Point]) -> list[Actor]:
        """Return things that stay where they are."""
        return [Actor(sprite, height_m, Route(((x, z),), 0.0, 0.0)) for x, z in points]

    def moving(
        self, sprites: list[Sprite], height_m: float, speed: Point, ways: list[list[Point]], count: int
    ) -> list[Actor]:
        """Return figures spread over some ways, each a little beside the line."""
        actors = []
        for i in range(count):
            way, aside = ways[i % len(ways)], self._rng.uniform(-0.7, 0.7)
            points = tuple((x + aside, z + aside) for x, z in way)
            route = Route(points, float(self._rng.uniform(*speed)), float(self._rng.uniform(0, 120)))
            actors.append(Actor(sprites[i % len(sprites)], height_m, route))
        return actors


def build_place(kind: PlaceKind, seed: int, time_of_day: TimeOfDay, name: str) -> Place:
    """Build a spot; the same arguments give the same spot."""
    builders: dict[PlaceKind, Callable[[np.random.Generator, Light, str], Place]] = {
        PlaceKind.STREET: _street,
        PlaceKind.CANAL: _canal,
        PlaceKind.STATION: _station,
        PlaceKind.MARKET: _market,
    }
    rng = np.random.default_rng([seed, *name.encode()])
    return builders[kind](rng, LIGHTS[time_of_day], name)


def _street(rng: np.random.Generator, light: Light, name: str) -> Place:
    eye, width, length, near = 5.2, 13.0, 84.0, 4.0
    builder = Builder(name, light, rng, 56.0, eye)
    lamps = [(0.26 * width - 0.5, length - z) for z in (14.0, 34.0, 56.0)] + [
        (0.74 * width + 0.5, length - z) for z in (24.0, 46.0)
    ]
    ground = street_ground(Plot(width, length, 40.0, light, lamps, rng))
    panels = sky_box(light, eye, rng)
    panels += tiled_floor(ground, 40.0, (-width / 2, length), eye)
    panels += builder.row((-width / 2, near), (-width / 2, length), 0.35)
    panels += builder.row((width / 2, length), (width / 2, near), 0.35)
    panels += builder.row((-14.0, length), (14.0, length), 0.5)
    cast = _Cast(light, rng)
    posts = [(x - width / 2, length - y) for x, y in lamps]
    west, east = -width / 2 + 1.6, width / 2 - 1.6
    actors = cast.standing(cast.lamp, 4.6, posts)
    actors += cast.moving(cast.people, 1.75, (0.9, 1.6), [[(west, 7.0), (west, 78.0)], [(east, 7.0), (east, 78.0)]], 12)
    actors += cast.moving(cast.cyclists, 1.8, (3.5, 5.0), [[(-2.2, 6.0), (-2.2, 80.0)]], 3)
    return Place(World(panels, eye), Actors(actors, eye))


def _canal(rng: np.random.Generator, light: Light, name: str) -> Place:
    eye, width, length, near = 6.0, 26.0, 92.0, 5.0
    builder = Builder(name, light, rng, 56.0, eye)
    lamps = [(0.38 * width, length - z) for z in (12.0, 30.0, 50.0, 72.0)] + [
        (0.84 * width, length - z) for z in (22.0, 44.0)
    ]
    ground = canal_ground(Plot(width, length, 32.0, light, lamps, rng))
    panels = sky_box(light, eye, rng)
    left = -width * 0.42
    panels += tiled_floor(ground, 32.0, (left, length), eye)
    panels += builder.row((left, near), (left, length), 0.3)
    panels += builder.row((left + width, length), (left + width, near), 0.2)
    panels += builder.row((left - 6.0, length), (left + width + 6.0, length), 0.2)
    cast = _Cast(light, rng)
    posts = [(left + x, length - y) for x, y in lamps]
    quay = left + 3.4
    actors = cast.standing(cast.lamp, 4.6, posts)
    actors += cast.standing(cast.trees[0], 8.5, [(left + width * 0.36, 24.0), (left + width * 0.36, 58.0)])
    actors += cast.standing(cast.trees[1], 8.0, [(left + width * 0.36, 40.0), (left + width * 0.83, 34.0)])
    actors += cast.moving(cast.people, 1.75, (0.9, 1.6), [[(quay, 8.0), (quay, 84.0)]], 8)
    actors += cast.moving(cast.cyclists, 1.8, (3.5, 5.0), [[(left + 6.5, 6.0), (left + 6.5, 84.0)]], 4)
    return Place(World(panels, eye), Actors(actors, eye))


def _station(rng: np.random.Generator, light: Light, name: str) -> Place:
    del name  # nobody lives here, so nothing needs an identity of its own
    eye, width, length = 7.5, 76.0, 62.0
    builder = OfficeBuilder(light, rng, 40.0, eye)
    lamps = [(x, y) for x in (14.0, 30.0, 46.0, 62.0) for y in (14.0, 40.0)]
    ground = square_ground(Plot(width, length, 32.0, light, lamps, rng))
    panels = sky_box(light, eye, rng)
    panels += tiled_floor(ground, 32.0, (-width / 2, length), eye)
    panels += builder.row((-width / 2, length), (-24.0, length))
    panels += builder.station((-24.0, length - 3.0), (22.0, length - 3.0), 13.0, "OOSTERSPOOR")
    panels += builder.row((22.0, length), (width / 2, length))
    panels += builder.row((-width / 2, 6.0), (-width / 2, length))
    panels += builder.row((width / 2, length), (width / 2, 6.0))
    cast = _Cast(light, rng)
    actors = cast.standing(cast.lamp, 5.0, [(x - width / 2, length - y) for x, y in lamps])
    actors += cast.standing(cast.trees[0], 7.5, [(-22.0, 30.0), (24.0, 44.0)])
    ways: list[list[Point]] = [
        [(-26.0, 16.0), (20.0, 52.0)],
        [(24.0, 14.0), (-16.0, 50.0)],
        [(-30.0, 34.0), (30.0, 30.0)],
    ]
    actors += cast.moving(cast.people, 1.75, (0.9, 1.6), ways, 22)
    actors += cast.moving(cast.cyclists, 1.8, (3.5, 5.0), [[(-32.0, 24.0), (32.0, 22.0)]], 4)
    return Place(World(panels, eye), Actors(actors, eye))


def _market(rng: np.random.Generator, light: Light, name: str) -> Place:
    eye, width, length = 8.0, 72.0, 60.0
    builder = Builder(name, light, rng, 64.0, eye)
    lamps = [(x, y) for x in (12.0, 36.0, 60.0) for y in (12.0, 30.0, 48.0) if (x, y) != (36.0, 30.0)]
    ground = square_ground(Plot(width, length, 32.0, light, lamps, rng))
    panels = sky_box(light, eye, rng)
    w, n = width / 2, length / 2
    panels += tiled_floor(ground, 32.0, (-w, n), eye)
    panels += builder.row((-w, n), (w, n), 0.55)
    panels += builder.row((w, n), (w, -n), 0.5)
    panels += builder.row((w, -n), (-w, -n), 0.6)
    panels += builder.row((-w, -n), (-w, n), 0.5)
    cast = _Cast(light, rng)
    actors = cast.standing(cast.lamp, 5.0, [(x - w, n - y) for x, y in lamps])
    actors += cast.standing(cast.trees[0], 8.0, [(-16.0, 20.0), (18.0, 21.0), (26.0, -14.0)])
    actors += cast.standing(cast.trees[1], 7.5, [(2.0, 22.0), (-24.0, -12.0), (-4.0, -20.0)])
    ways: list[list[Point]] = [
        [(-30.0, 24.0), (30.0, 25.0)],
        [(-31.0, -24.0), (30.0, -25.0)],
        [(31.0, -24.0), (32.0, 22.0)],
        [(-32.0, 22.0), (-31.0, -22.0)],
        [(-20.0, 14.0), (24.0, -16.0)],
        [(-8.0, -18.0), (14.0, 18.0)],
    ]
    actors += cast.moving(cast.people, 1.75, (0.9, 1.6), ways, 30)
    actors += cast.moving(cast.cyclists, 1.8, (3.5, 5.0), [[(-33.0, 9.0), (33.0, 9.5)], [(9.0, -26.0), (9.0, 26.0)]], 6)
    return Place(World(panels, eye), Actors(actors, eye))
