"""Who moves through a place: passers-by, traffic, and now and then an incident."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sample_streams.scene.actors import Actor, Views
from sample_streams.scene.light import Colour, Light
from sample_streams.scene.routes import Drive, Point, Route, Script, Step
from sample_streams.scene.sprites import Sprite, cyclist, lamp_post, pedestrian, tree
from sample_streams.scene.vehicles import boat_views, car_views, cyclist_views, fallen, parasol, police_views, scuffle

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
CARS: tuple[Colour, ...] = ((60, 60, 60), (120, 110, 170), (150, 110, 60), (196, 200, 204))
PERSON_M, CYCLIST_M, CAR_M = 1.75, 1.8, 1.5
INCIDENT_EVERY_S = 120.0


class Cast:
    """Sprites of a place, painted once and shared."""

    def __init__(self, light: Light, rng: np.random.Generator) -> None:
        self._rng = rng
        self._light = light
        self.people = [
            pedestrian(COATS[i % len(COATS)], (70 - 8 * i, 50, 46), SKINS[i % len(SKINS)], light) for i in range(6)
        ]
        coats = [COATS[(i + 2) % len(COATS)] for i in range(3)]
        self.cyclists = [cyclist_views(cyclist(coat, light), coat, light) for coat in coats]
        self.trees = [tree(light, rng) for _ in range(2)]
        self.lamp = lamp_post(light)

    def standing(self, sprite: Sprite, height_m: float, points: Sequence[Point]) -> list[Actor]:
        """Return things that stay where they are."""
        return [Actor(sprite, height_m, Route(((x, z),), 0.0, 0.0)) for x, z in points]

    def walking(self, ways: Sequence[Sequence[Point]], count: int) -> list[Actor]:
        """Return passers-by spread over some ways."""
        return self._moving(self.people, PERSON_M, (0.9, 1.6), ways, count)

    def cycling(self, ways: Sequence[Sequence[Point]], count: int) -> list[Actor]:
        """Return cyclists spread over some ways."""
        return self._moving(self.cyclists, CYCLIST_M, (3.5, 5.0), ways, count)

    def driving(self, roads: Sequence[Sequence[Point]], count: int) -> list[Actor]:
        """Return cars that come down some roads now and then."""
        actors = []
        for i in range(count):
            views = car_views(CARS[i % len(CARS)], self._light)
            offset_m = float(self._rng.uniform(0, 300))
            road = roads[i % len(roads)]
            actors.append(Actor(views, CAR_M, Drive(road, float(self._rng.uniform(5.5, 8.0)), offset_m, 170.0)))
        return actors

    def sailing(self, way: Sequence[Point]) -> list[Actor]:
        """Return a boat that comes by now and then."""
        return [Actor(boat_views(self._light), 2.2, Drive(way, 1.8, 40.0, 60.0))]

    def terrace(self, points: Sequence[Point]) -> list[Actor]:
        """Return guests of a cafe under parasols."""
        colours: tuple[Colour, ...] = ((60, 70, 190), (60, 120, 60), (40, 150, 200))
        sprites = [parasol(colour, self._light) for colour in colours]
        return [Actor(sprites[i % len(sprites)], 2.6, Route((point,), 0.0, 0.0)) for i, point in enumerate(points)]

    def accident(self, at: Point, enters: Point, police: tuple[Point, Point]) -> list[Actor]:
        """Let a cyclist fall; two passers-by help, the police come, and all of them leave.

        Args:
            at: Where it happens.
            enters: Where the cyclist comes from.
            police: Where their car comes from, and where it stops.
        """
        (x, z), (police_from, police_at) = at, police
        rider, car = self.cyclists[0], police_views(self._light)
        helpers = [((x - 3.5, z + 8.0), (x - 1.2, z + 0.6)), ((x + 3.5, z + 9.0), (x + 1.5, z + 0.9))]
        actors = [
            self._part(rider, CYCLIST_M, [(6.0, enters), (16.0, at)]),
            self._part(fallen(COATS[2], self._light), 0.7, [(16.0, at), (78.0, at)]),
            self._part(rider, CYCLIST_M, [(78.0, at), (90.0, enters)]),
            self._part(car, 1.6, [(34.0, police_from), (42.0, police_at), (82.0, police_at), (90.0, police_from)]),
        ]
        for i, (far, near) in enumerate(helpers):
            steps = [(12.0 + i, far), (22.0 + i, near), (79.0, near), (88.0 + i, far)]
            actors.append(self._part(self.people[2 + i], PERSON_M, steps))
        return actors

    def fight(self, at: Point, comes_from: Point) -> list[Actor]:
        """Let two people meet and push each other; bystanders gather and scatter."""
        x, z = at
        pair = scuffle((COATS[0], COATS[4]), self._light)
        actors = [
            self._part(self.people[0], PERSON_M, [(5.0, comes_from), (20.0, at)]),
            self._part(self.people[4], PERSON_M, [(5.0, (2 * x - comes_from[0], z + 4.0)), (20.0, at)]),
            self._part(pair, 1.8, [(20.0, at), (34.0, (x + 1.2, z + 0.4)), (48.0, at)]),
            self._part(self.people[0], PERSON_M, [(48.0, at), (54.0, comes_from)]),
            self._part(self.people[4], PERSON_M, [(48.0, at), (62.0, (2 * x - comes_from[0], z + 4.0))]),
        ]
        for i, angle in enumerate(np.linspace(0.4, 2.8, 4)):
            near = (x + 3.2 * float(np.cos(angle)), z + 2.4 * float(np.sin(angle)))
            far = (x + 12.0 * float(np.cos(angle)), z + 8.0 * float(np.sin(angle)))
            steps = [(16.0 + i, far), (25.0 + i, near), (50.0, near), (60.0 + i, far)]
            actors.append(self._part(self.people[(1 + i) % 6], PERSON_M, steps))
        return actors

    def chase(self, points: Sequence[Point]) -> list[Actor]:
        """Let somebody run out of a shop and down the street, and somebody after him."""
        actors = []
        for sprite, start_s in ((self.people[1], 20.0), (self.people[3], 22.0)):
            steps, at_s = [(start_s, points[0])], start_s
            for a, b in pairwise(points):
                at_s += float(np.hypot(b[0] - a[0], b[1] - a[1])) / 4.2
                steps.append((at_s, b))
            actors.append(self._part(sprite, PERSON_M, steps))
        return actors

    def _part(self, look: Sprite | Views, height_m: float, steps: Sequence[tuple[float, Point]]) -> Actor:
        script = Script([Step(at_s, *point) for at_s, point in steps], INCIDENT_EVERY_S)
        return Actor(look, height_m, script)

    def _moving(
        self,
        looks: Sequence[Sprite | Views],
        height_m: float,
        speed: Point,
        ways: Sequence[Sequence[Point]],
        count: int,
    ) -> list[Actor]:
        """Return figures spread over some ways, each a little beside the line."""
        actors = []
        for i in range(count):
            way, aside = ways[i % len(ways)], self._rng.uniform(-0.7, 0.7)
            points = tuple((x + aside, z + aside) for x, z in way)
            route = Route(points, float(self._rng.uniform(*speed)), float(self._rng.uniform(0, 120)))
            actors.append(Actor(looks[i % len(looks)], height_m, route))
        return actors
