"""The spots of the town where cameras hang."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from sample_streams.scene.actors import Actors
from sample_streams.scene.cast import Cast
from sample_streams.scene.facade import Use
from sample_streams.scene.ground import (
    Plot,
    canal_ground,
    side_street,
    sky_box,
    square_ground,
    street_ground,
    tiled_floor,
)
from sample_streams.scene.houses import Builder
from sample_streams.scene.landmarks import (
    LIBRARY,
    MARKET_HALL,
    MUSEUM,
    SCHOOL,
    STORE,
    THEATRE,
    TOWN_HALL,
    LandmarkBuilder,
)
from sample_streams.scene.light import LIGHTS, Light, TimeOfDay
from sample_streams.scene.offices import OfficeBuilder
from sample_streams.scene.place import Place
from sample_streams.scene.routes import Point
from sample_streams.scene.world import Panel, World

HOME, ABOVE, SHOP, OFFICE = Use.HOME, Use.HOME_ABOVE_SHOP, Use.SHOP, Use.OFFICE


class PlaceKind(StrEnum):
    """The kinds of spots."""

    STREET = "street"
    ALLEY = "alley"
    CANAL = "canal"
    STATION = "station"
    MARKET = "market"


def build_place(kind: PlaceKind, seed: int, time_of_day: TimeOfDay, name: str) -> Place:
    """Build a spot; the same arguments give the same spot."""
    builders: dict[PlaceKind, Callable[[np.random.Generator, Light, str], Place]] = {
        PlaceKind.STREET: _street,
        PlaceKind.ALLEY: _alley,
        PlaceKind.CANAL: _canal,
        PlaceKind.STATION: _station,
        PlaceKind.MARKET: _market,
    }
    rng = np.random.default_rng([seed, *name.encode()])
    return builders[kind](rng, LIGHTS[time_of_day], name)


def _street(rng: np.random.Generator, light: Light, name: str) -> Place:
    return _street_between(rng, light, name, side=1.0)


def _alley(rng: np.random.Generator, light: Light, name: str) -> Place:
    return _street_between(rng, light, name, side=-1.0)


def _street_between(rng: np.random.Generator, light: Light, name: str, side: float) -> Place:
    """A shopping street: a school or library on one side near the camera, shops on the other, dwellings above and beyond."""
    eye, width, length, near = 5.2, 13.0, 84.0, 4.0
    builder = Builder(name, light, rng, 56.0, eye, has_gardens=True)
    public = LandmarkBuilder(light, rng, 40.0, eye)
    lamps = [(0.26 * width - 0.5, length - z) for z in (14.0, 34.0, 56.0)] + [
        (0.74 * width + 0.5, length - z) for z in (24.0, 46.0)
    ]
    w = width / 2
    ground = street_ground(Plot(width, length, 40.0, light, lamps, rng))
    panels = sky_box(light, eye, rng)
    panels += tiled_floor(ground, 40.0, (-w, length), eye)
    panels += side_street(Plot(44.0, 10.0, 16.0, light, [], rng), (-22.0, length + 10.0), eye)
    schools = [(-w, near), (-w, 24.0)] if side > 0 else [(w, 24.0), (w, near)]
    panels += public.civic(SCHOOL if side > 0 else LIBRARY, schools[0], schools[1])
    if side > 0:
        panels += builder.row((-w, 24.0), (-w, length), (ABOVE, HOME, OFFICE, ABOVE, HOME))
        panels += builder.row((w, length), (w, 19.0), (HOME, ABOVE, ABOVE, HOME, ABOVE))
        panels += builder.row((w, 19.0), (w, near), (SHOP,))
    else:
        panels += builder.row((-w, near), (-w, 19.0), (SHOP,))
        panels += builder.row((-w, 19.0), (-w, length), (ABOVE, HOME, ABOVE, ABOVE, HOME))
        panels += builder.row((w, length), (w, 24.0), (HOME, ABOVE, OFFICE, HOME, ABOVE))
    panels += public.church("SINT-WEVERSKERK", (-15.0, length + 10.0), (6.0, length + 10.0))
    panels += builder.row((6.0, length + 10.0), (18.0, length + 10.0), (SHOP, OFFICE))
    cast = Cast(light, rng)
    actors = cast.standing(cast.lamp, 4.6, [(x - w, length - y) for x, y in lamps])
    west, east = -w + 2.2, w - 2.2
    actors += cast.walking([[(west, 7.0), (west, 78.0)], [(east, 7.0), (east, 78.0)]], 12)
    actors += cast.cycling([[(-2.2, 6.0), (-2.2, 80.0)]], 3)
    actors += cast.driving([[(1.6, 3.0), (1.6, 90.0), (6.2, 90.0)], [(-6.2, 90.0), (-0.6, 90.0), (-0.6, 3.0)]], 3)
    shop_x = side * (w - 0.5)
    actors += cast.chase([(shop_x, 17.0), (side * (w - 2.2), 19.0), (side * (w - 2.0), 70.0)])
    return Place(World(panels, eye), Actors(actors, eye))


def _canal(rng: np.random.Generator, light: Light, name: str) -> Place:
    """A canal with old houses: offices and a museum among the dwellings, shops at the street."""
    eye, width, length, near = 6.0, 26.0, 92.0, 5.0
    builder = Builder(name, light, rng, 56.0, eye)
    public = LandmarkBuilder(light, rng, 36.0, eye)
    lamps = [(0.38 * width, length - z) for z in (12.0, 30.0, 50.0, 72.0)] + [
        (0.84 * width, length - z) for z in (22.0, 44.0)
    ]
    ground = canal_ground(Plot(width, length, 32.0, light, lamps, rng))
    panels = sky_box(light, eye, rng)
    left, right = -width * 0.42, width * 0.58
    panels += tiled_floor(ground, 32.0, (left, length), eye)
    panels += builder.row((left, near), (left, 22.0), (SHOP, OFFICE, SHOP))
    panels += builder.row((left, 22.0), (left, length), (ABOVE, HOME, OFFICE, HOME, ABOVE))
    panels += builder.row((right, length), (right, 40.0), (HOME, ABOVE, OFFICE, HOME))
    panels += public.civic(MUSEUM, (right, 40.0), (right, 24.0))
    panels += builder.row((right, 24.0), (right, near), (HOME, OFFICE))
    panels += builder.row((left - 6.0, length), (-1.0, length), (SHOP, HOME))
    panels += public.church("WEVERSKERK", (-1.0, length), (right + 4.0, length))
    cast = Cast(light, rng)
    actors = cast.standing(cast.lamp, 4.6, [(left + x, length - y) for x, y in lamps])
    actors += cast.standing(cast.trees[0], 8.5, [(left + width * 0.36, 24.0), (left + width * 0.36, 58.0)])
    actors += cast.standing(cast.trees[1], 8.0, [(left + width * 0.36, 40.0), (left + width * 0.83, 34.0)])
    actors += cast.terrace([(left + 2.0, 12.5), (left + 2.0, 16.0)])
    quay = left + 3.4
    actors += cast.walking([[(quay, 8.0), (quay, 84.0)], [(right - 2.6, 16.0), (right - 2.6, 84.0)]], 9)
    actors += cast.cycling([[(left + 6.5, 6.0), (left + 6.5, 84.0)]], 4)
    actors += cast.sailing([(left + width * 0.6, 90.0), (left + width * 0.6, 6.0)])
    actors += cast.accident((left + 6.5, 19.0), (left + 6.5, 70.0), ((left + 6.5, 80.0), (left + 7.5, 26.0)))
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
    cast = Cast(light, rng)
    actors = cast.standing(cast.lamp, 5.0, [(x - width / 2, length - y) for x, y in lamps])
    actors += cast.standing(cast.trees[0], 7.5, [(-22.0, 30.0), (24.0, 44.0)])
    ways: list[list[Point]] = [
        [(-26.0, 16.0), (20.0, 52.0)],
        [(24.0, 14.0), (-16.0, 50.0)],
        [(-30.0, 34.0), (30.0, 30.0)],
    ]
    actors += cast.walking(ways, 20)
    actors += cast.cycling([[(-32.0, 24.0), (32.0, 22.0)]], 4)
    actors += cast.driving([[(-36.0, 40.5), (36.0, 40.5)]], 2)
    actors += cast.fight((1.0, 22.0), (-14.0, 26.0))
    return Place(World(panels, eye), Actors(actors, eye))


def _market(rng: np.random.Generator, light: Light, name: str) -> Place:
    """A market square: town hall, church, store and theatre, cafes and shops with dwellings above, two streets into it."""
    eye, width, length = 8.0, 72.0, 60.0
    lamps = [(x, y) for x in (12.0, 36.0, 60.0) for y in (12.0, 30.0, 48.0) if (x, y) != (36.0, 30.0)]
    ground = square_ground(Plot(width, length, 32.0, light, lamps, rng))
    panels = sky_box(light, eye, rng)
    w, n = width / 2, length / 2
    panels += tiled_floor(ground, 32.0, (-w, n), eye)
    panels += _around_the_market(rng, light, name, (w, n, eye))
    cast = Cast(light, rng)
    actors = cast.standing(cast.lamp, 5.0, [(x - w, n - y) for x, y in lamps])
    actors += cast.standing(cast.trees[0], 8.0, [(-16.0, 20.0), (18.0, 21.0), (26.0, -14.0)])
    actors += cast.standing(cast.trees[1], 7.5, [(2.0, 22.0), (-24.0, -12.0), (-4.0, -20.0)])
    actors += cast.terrace([(-26.0, 27.2), (-22.0, 27.0), (-18.0, 27.3), (24.0, 27.0), (28.0, 27.2)])
    ways: list[list[Point]] = [
        [(-30.0, 24.0), (30.0, 25.0)],
        [(-31.0, -24.0), (30.0, -25.0)],
        [(31.0, -24.0), (32.0, 22.0)],
        [(-32.0, 22.0), (-31.0, -22.0)],
        [(-20.0, 14.0), (24.0, -16.0)],
        [(-8.0, -18.0), (14.0, 18.0)],
    ]
    actors += cast.walking(ways, 30)
    actors += cast.cycling([[(-33.0, 4.0), (33.0, 4.5)], [(9.0, -26.0), (9.0, 26.0)]], 6)
    actors += cast.driving([[(-56.0, 7.0), (56.0, 7.0)], [(56.0, 10.6), (-56.0, 10.6)]], 3)
    actors += cast.accident((12.0, 19.0), (-12.0, 21.0), ((56.0, 9.0), (17.5, 21.5)))
    actors += cast.fight((-12.0, -15.0), (-26.0, -12.0))
    return Place(World(panels, eye), Actors(actors, eye))


def _around_the_market(
    rng: np.random.Generator, light: Light, name: str, size: tuple[float, float, float]
) -> list[Panel]:
    """Put up the four sides of the market, with a street that comes in from the east and leaves to the west."""
    w, n, eye = size
    builder = Builder(name, light, rng, 64.0, eye)
    public = LandmarkBuilder(light, rng, 44.0, eye)
    street = (13.0, 5.0)
    panels = builder.row((-w, n), (-8.0, n), (ABOVE, HOME, ABOVE, SHOP, ABOVE))
    panels += public.civic(TOWN_HALL, (-8.0, n), (12.0, n))
    panels += builder.row((12.0, n), (w, n), (ABOVE, SHOP, HOME, ABOVE))
    panels += builder.row((w, n), (w, street[0]), (ABOVE, SHOP, HOME))
    panels += public.church("SINT-VREDENSKERK", (w, street[1]), (w, -18.0))
    panels += builder.row((w, -18.0), (w, -n), (ABOVE, HOME))
    panels += builder.row((w, -n), (16.0, -n), (ABOVE, HOME, ABOVE))
    panels += public.civic(STORE, (16.0, -n), (-8.0, -n))
    panels += builder.row((-8.0, -n), (-w, -n), (ABOVE, OFFICE, HOME, ABOVE, SHOP))
    panels += builder.row((-w, -n), (-w, -12.0), (ABOVE, HOME, ABOVE))
    panels += public.civic(THEATRE, (-w, -12.0), (-w, street[1]))
    panels += builder.row((-w, street[0]), (-w, n), (ABOVE, SHOP, HOME))
    for side in (-1.0, 1.0):
        far = side * (w + 24.0)
        panels += side_street(Plot(24.0, 9.0, 16.0, light, [], rng), (min(side * w, far), 13.5), eye)
        fronts = [(side * w, street[0]), (far, street[0])]
        panels += public.civic(MARKET_HALL, *sorted(fronts))
        ends = [(far, 26.0), (far, 2.0)] if side > 0 else [(far, 2.0), (far, 26.0)]
        panels += builder.row(ends[0], ends[1], (ABOVE, HOME))
    return panels
