"""The town as flat painted panels in space, seen from one camera's spot.

World coordinates are metres: x to the east, y down, z to the north, the camera's foot at the origin and its eye at
``(0, -height, 0)``. Every panel is stored relative to the eye.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sample_streams.scene.texture import Texture

Floats = NDArray[np.float64]
DOWN = np.array([0.0, 1.0, 0.0])
_UNIT = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


@dataclass(frozen=True, slots=True)
class Window:
    """A window of a dwelling or a shop: a rectangle on a panel, in metres from its top left corner."""

    window_id: int
    left_m: float
    top_m: float
    width_m: float
    height_m: float
    is_dwelling: bool
    warmth: float = 0.5


@dataclass(frozen=True, slots=True)
class Dwelling:
    """What may not be seen: convex pieces on a panel, and the outline around them, in metres on the panel."""

    dwelling_id: str
    pieces_m: tuple[tuple[tuple[float, float], ...], ...]
    outline_m: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Panel:
    """A painted rectangle in space.

    ``origin`` is its top left corner as seen from the front, relative to the eye; ``right`` and ``down`` are unit
    vectors. Panels are drawn in the order of ``layer`` and then from far to near. Dwellings may reach beyond the panel
    (a gable is a panel of its own above the wall that they are listed with).
    """

    name: str
    origin: Floats
    right: Floats
    down: Floats
    width_m: float
    height_m: float
    texture: Texture
    layer: int = 1
    is_soft: bool = False
    windows: list[Window] = field(default_factory=list)
    dwellings: list[Dwelling] = field(default_factory=list)
    _corners: Floats | None = None
    _from_eye: Floats | None = None

    def point(self, right_m: float, down_m: float) -> Floats:
        """Return a point of the panel relative to the eye."""
        return np.asarray(self.origin + right_m * self.right + down_m * self.down)

    def corners(self) -> Floats:
        """Return the four corners, clockwise from the origin."""
        if self._corners is None:
            edges = np.stack([self.width_m * self.right, self.height_m * self.down])
            self._corners = np.asarray(self.origin + _UNIT @ edges)
        return self._corners

    def from_eye(self) -> Floats:
        """Return the matrix that turns a direction from the eye into (right, down, 1) on the panel, up to a factor."""
        if self._from_eye is None:
            self._from_eye = np.asarray(np.linalg.inv(np.stack([self.right, self.down, self.origin], axis=1)))
        return self._from_eye

    @property
    def distance_m(self) -> float:
        """How far its middle is from the eye."""
        return float(np.linalg.norm(self.point(self.width_m / 2, self.height_m / 2)))


@dataclass(slots=True)
class World:
    """All panels of a place, and how high the eye is above the ground."""

    panels: list[Panel]
    eye_height_m: float

    def ordered(self) -> list[Panel]:
        """Return the panels in the order in which they are painted."""
        return sorted(self.panels, key=lambda panel: (panel.layer, -panel.distance_m))


def wall(
    name: str,
    start: Sequence[float],
    end: Sequence[float],
    texture: Texture,
    *,
    top_m: float,
    eye_height_m: float,
    bottom_m: float = 0.0,
) -> Panel:
    """Stand a panel upright from one point to another, given as (x, z) left to right as seen from its front."""
    a, b = np.array([start[0], 0.0, start[1]]), np.array([end[0], 0.0, end[1]])
    length = float(np.linalg.norm(b - a))
    eye = np.array([0.0, -eye_height_m, 0.0])
    return Panel(name, a - eye - top_m * DOWN, (b - a) / length, DOWN.copy(), length, top_m - bottom_m, texture)


def floor(
    name: str,
    corner: Sequence[float],
    size_m: Sequence[float],
    texture: Texture,
    *,
    eye_height_m: float,
) -> Panel:
    """Lay a panel on the ground: ``corner`` is its north-west (x, z), ``size_m`` is (east-west, north-south)."""
    eye = np.array([0.0, -eye_height_m, 0.0])
    origin = np.array([corner[0], 0.0, corner[1]]) - eye
    return Panel(
        name, origin, np.array([1.0, 0, 0]), np.array([0.0, 0.0, -1.0]), size_m[0], size_m[1], texture, layer=0
    )
