"""Rows of houses: who stands next to whom, drawn from the town's seed."""

from collections.abc import Sequence

import numpy as np

from sample_streams.scene.facade import Gable, House, Use, paint_house
from sample_streams.scene.light import Colour, Light
from sample_streams.scene.masonry import garden
from sample_streams.scene.storefronts import Shop
from sample_streams.scene.texture import make_texture
from sample_streams.scene.world import Dwelling, Panel, wall

BRICKS: tuple[Colour, ...] = (
    (62, 78, 142),
    (74, 92, 158),
    (58, 66, 112),
    (84, 104, 150),
    (92, 122, 168),
    (66, 72, 98),
)
RENDERS: tuple[Colour, ...] = ((176, 200, 212), (150, 188, 206), (188, 196, 196))
SHOPS = (
    "BAKKERIJ DE WEVER",
    "Cafe Het Anker",
    "FIETSEN VAN RIJN",
    "Boekhandel Linde",
    "KAAS & WIJN",
    "Bloemen Mina",
    "APOTHEEK",
    "Bar De Poort",
    "KAPPER JANSDAM",
    "Tweedehands & Co",
    "IJSSALON ROMA",
    "Eetcafe De Zwaan",
    "SLAGERIJ VAN DAM",
    "Stoffen & Garen",
    "PLATENZAAK 33",
    "Koffie Kade 9",
)
SHOP_COLOURS: tuple[Colour, ...] = ((62, 44, 26), (40, 62, 34), (34, 32, 84), (52, 52, 52), (76, 60, 20))


OFFICES = (
    "NOTARIS TEN HAVE",
    "Advocaten Singel",
    "ARCHITECTEN VIER",
    "Tandarts De Vries",
    "UITGEVERIJ DOM",
    "Makelaardij Oost",
)
GARDEN_M = 1.2
GARDEN_PX_PER_M = 40.0


def design_row(length_m: float, rng: np.random.Generator, uses: Sequence[Use]) -> list[House]:
    """Draw houses that together are exactly as long as asked; their uses come one after the other, and again."""
    widths: list[float] = []
    while sum(widths) < length_m - 4.4:
        widths.append(float(rng.choice([5.4, 5.6, 6.2, 6.6])))
    factor = length_m / sum(widths)
    shops, offices = list(rng.permutation(SHOPS)), list(rng.permutation(OFFICES))
    houses = []
    for number, width in enumerate(widths):
        gable = Gable(rng.choice([Gable.STEPPED, Gable.BELL, Gable.NECK, Gable.CORNICE, Gable.CORNICE]))
        is_rendered = bool(rng.random() < 0.22)
        colours = RENDERS if is_rendered else BRICKS
        use = uses[number % len(uses)]
        names = offices if use is Use.OFFICE else shops
        shop = Shop(str(names[number % len(names)]), SHOP_COLOURS[int(rng.integers(len(SHOP_COLOURS)))])
        houses.append(
            House(
                width * factor,
                int(rng.choice([3, 3, 4])),
                gable,
                colours[int(rng.integers(len(colours)))],
                is_rendered,
                use,
                shop,
                has_balcony=bool(rng.random() < 0.3),
            )
        )
    return houses


class Builder:
    """Put up rows of houses and number their windows and dwellings."""

    def __init__(
        self,
        prefix: str,
        light: Light,
        rng: np.random.Generator,
        px_per_m: float,
        eye_height_m: float,
        *,
        has_gardens: bool = False,
    ) -> None:
        self._has_gardens = has_gardens
        self._prefix = prefix
        self._light = light
        self._rng = rng
        self._px_per_m = px_per_m
        self._eye_height_m = eye_height_m
        self._windows = 0
        self._houses = 0

    def row(self, start: tuple[float, float], end: tuple[float, float], uses: Sequence[Use]) -> list[Panel]:
        """Put up a row from one point (x, z) to another, left to right as seen from its front."""
        a, b = np.array(start), np.array(end)
        length = float(np.linalg.norm(b - a))
        along = (b - a) / length
        panels, at = [], 0.0
        for house in design_row(length, self._rng, uses):
            p, q = a + at * along, a + (at + house.width_m) * along
            panels += self._put_up(house, p.tolist(), q.tolist())
            at += house.width_m
        return panels

    def _put_up(self, house: House, start: list[float], end: list[float]) -> list[Panel]:
        self._houses += 1
        name = f"{self._prefix}-{self._houses}"
        panels = []
        for part in paint_house(house, name, self._px_per_m, self._light, self._rng, first_window=self._windows):
            panel = wall(
                name,
                start,
                end,
                part.texture,
                top_m=part.top_m,
                eye_height_m=self._eye_height_m,
                bottom_m=part.bottom_m,
            )
            panel.windows = list(part.windows)
            panel.dwellings = list(part.dwellings)
            self._windows += len(part.windows)
            panels.append(panel)
        if self._has_gardens and house.use is Use.HOME:
            panels.append(self._garden(name, panels[-1]))
        return panels

    def _garden(self, name: str, front: Panel) -> Panel:
        """Lay out a front garden before a dwelling: private as the rooms behind it are."""
        size = round(front.width_m * GARDEN_PX_PER_M), round(GARDEN_M * GARDEN_PX_PER_M)
        texture = make_texture(self._light.apply(garden(*size, GARDEN_PX_PER_M, self._rng)), GARDEN_PX_PER_M)
        outwards = np.cross(front.right, front.down) * -1.0
        foot = front.origin + front.height_m * front.down
        whole = ((0.0, GARDEN_M), (0.0, 0.0), (front.width_m, 0.0), (front.width_m, GARDEN_M))
        return Panel(
            f"{name}-garden",
            foot,
            front.right,
            outwards,
            front.width_m,
            GARDEN_M,
            texture,
            dwellings=[Dwelling(f"{name}-garden", (whole,), whole)],
        )
