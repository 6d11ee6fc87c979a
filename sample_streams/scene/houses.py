"""Rows of houses: who stands next to whom, drawn from the town's seed."""

import numpy as np

from sample_streams.scene.facade import Gable, House, paint_house
from sample_streams.scene.light import Colour, Light
from sample_streams.scene.world import Panel, wall

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


def design_row(length_m: float, rng: np.random.Generator, shop_share: float) -> list[House]:
    """Draw houses that together are exactly as long as asked."""
    widths: list[float] = []
    while sum(widths) < length_m - 4.4:
        widths.append(float(rng.choice([4.8, 5.4, 5.6, 6.2, 6.6])))
    factor = length_m / sum(widths)
    houses = []
    names = list(rng.permutation(SHOPS))
    for number, width in enumerate(widths):
        gable = Gable(rng.choice([Gable.STEPPED, Gable.BELL, Gable.NECK, Gable.CORNICE, Gable.CORNICE]))
        is_rendered = bool(rng.random() < 0.22)
        colours = RENDERS if is_rendered else BRICKS
        shop = str(names[number % len(names)]) if rng.random() < shop_share else None
        houses.append(
            House(
                width * factor,
                int(rng.choice([3, 3, 4])),
                gable,
                colours[int(rng.integers(len(colours)))],
                is_rendered,
                shop,
                SHOP_COLOURS[int(rng.integers(len(SHOP_COLOURS)))],
            )
        )
    return houses


class Builder:
    """Put up rows of houses and number their windows and dwellings."""

    def __init__(
        self, prefix: str, light: Light, rng: np.random.Generator, px_per_m: float, eye_height_m: float
    ) -> None:
        self._prefix = prefix
        self._light = light
        self._rng = rng
        self._px_per_m = px_per_m
        self._eye_height_m = eye_height_m
        self._windows = 0
        self._houses = 0

    def row(self, start: tuple[float, float], end: tuple[float, float], shop_share: float) -> list[Panel]:
        """Put up a row from one point (x, z) to another, left to right as seen from its front."""
        a, b = np.array(start), np.array(end)
        length = float(np.linalg.norm(b - a))
        along = (b - a) / length
        panels, at = [], 0.0
        for house in design_row(length, self._rng, shop_share):
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
            panel.dwellings = [] if part.dwelling is None else [part.dwelling]
            self._windows += len(part.windows)
            panels.append(panel)
        return panels
