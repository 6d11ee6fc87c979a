"""The scenery without its actors, as one camera sees it: panels and windows, through the lens, kept while nothing moves."""

from dataclasses import dataclass

import numpy as np

from sample_streams.device.mechanics import Pose
from sample_streams.optics import Optics
from sample_streams.scene.interiors import Interiors
from sample_streams.scene.lens import Lens
from sample_streams.scene.projection import (
    NEAR_M,
    Area,
    Canvas,
    Painter,
    Pinhole,
    View,
    bounding_area,
    fill_outline,
    outline_px,
    view_of,
)
from sample_streams.scene.texture import patch
from sample_streams.scene.world import Panel, Window, World

TRUTH_LUMA = 110
PLAIN_CHROMA = (128, 128)
DWELLING_CHROMA = (90, 230)
DWELLING_V_ABOVE = 180  # in a picture in truth colours, V above this is dwelling
SMALL_WINDOW_PX = 400  # with the pixels around it


class Rooms:
    """What is painted behind the windows at present, shared by all stages that draw the same town."""

    def __init__(self, interiors: Interiors, fps: float) -> None:
        self._interiors = interiors
        self._fps = fps
        self._painted: dict[tuple[int, float], int] = {}

    def update(self, window: Window, view: View, number: int) -> bool:
        """Paint a window anew if it changed; returns whether it did."""
        state = self._interiors.state(window, number, self._fps)
        key = (window.window_id, view.level.px_per_m)
        if self._painted.get(key) == state:
            return False
        self._painted[key] = state
        patch(
            view.level,
            self._interiors.paint(window, state),
            left_m=window.left_m,
            top_m=window.top_m,
            width_m=window.width_m,
            height_m=window.height_m,
        )
        return True


@dataclass(frozen=True, slots=True)
class _Sight:
    """A window that somebody could look into, and where it is in the flat picture."""

    view: View
    window: Window
    area: Area
    before: tuple[View, ...]
    """Panels that stand before it, nearest last: they are drawn over it again."""


class Stage:
    """Draw the scenery at one resolution."""

    def __init__(self, world: World, optics: Optics) -> None:
        self.optics = optics
        self._panels = world.ordered()
        self._corners_of_panels = np.stack([panel.corners() for panel in self._panels])
        self._visible: list[View] = []
        self._in_sight: list[_Sight] = []
        self._has_areas = False
        self._pose: Pose | None = None
        self._lens = Lens(optics)
        width, height = self._lens.flat_size
        self._painter = Painter(width, height)
        self._flat = canvas(width, height)
        self._seen = self._flat if self._lens.is_flat else canvas(optics.width_px, optics.height_px)
        self.work = canvas(optics.width_px, optics.height_px)

    def forget(self) -> None:
        """Draw everything anew next time."""
        self._pose = None

    def draw_truth(self, pose: Pose) -> Canvas:
        """Draw dwellings in a colour of their own and everything else grey."""
        self.forget()
        self._draw_truth(self._pinhole(pose))
        self._lens.look(self._flat, self._seen, pose.zoom)
        return self._copy()

    def draw(self, number: int, pose: Pose, rooms: Rooms) -> Canvas:
        """Draw the scenery into ``work`` and return that; whoever draws on it does not harm what is kept."""
        camera = self._pinhole(pose)
        is_new = pose != self._pose
        self._pose = pose
        if is_new:
            self._draw_anew(number, camera, rooms)
            self._lens.look(self._flat, self._seen, pose.zoom)
            return self._copy()
        if not self._has_areas:
            self._in_sight = self._find_areas(camera)
            self._has_areas = True
        for sight in self._in_sight:
            if rooms.update(sight.window, sight.view, number):
                for view in (sight.view, *sight.before):
                    self._painter.draw(self._flat, view, sight.area)
                self._lens.look(self._flat, self._seen, pose.zoom, sight.area)
        return self._copy()

    def _copy(self) -> Canvas:
        self.work.luma[:], self.work.chroma[:] = self._seen.luma, self._seen.chroma
        return self.work

    def _draw_anew(self, number: int, camera: Pinhole, rooms: Rooms) -> None:
        self._visible = self._look_around(camera)
        self._has_areas = False
        for view in self._visible:
            for window in view.panel.windows:
                rooms.update(window, view, number)
            self._painter.draw(self._flat, view)

    def _look_around(self, camera: Pinhole) -> list[View]:
        """Return the panels that may be in the picture."""
        seen = self._corners_of_panels @ camera.rotation.T
        depth = np.maximum(seen[:, :, 2], 1e-6)
        x = seen[:, :, 0] / depth * camera.focal_px + camera.centre_px[0]
        y = seen[:, :, 1] / depth * camera.focal_px + camera.centre_px[1]
        is_out = (
            (seen[:, :, 2].max(axis=1) < NEAR_M)
            | (x.max(axis=1) < 0)
            | (x.min(axis=1) > camera.width_px)
            | (y.max(axis=1) < 0)
            | (y.min(axis=1) > camera.height_px)
        )
        views = [view_of(camera, panel) for panel, out in zip(self._panels, is_out, strict=True) if not out]
        return [view for view in views if view is not None]

    def _find_areas(self, camera: Pinhole) -> list[_Sight]:
        """Return the windows that are large enough in the picture for somebody to see into."""
        found = []
        for i, view in enumerate(self._visible):
            for window in view.panel.windows:
                area = _window_area(camera, view.panel, window)
                if area is not None and area.size[0] * area.size[1] >= SMALL_WINDOW_PX:
                    before = tuple(one for one in self._visible[i + 1 :] if not one.area.intersection(area).is_empty)
                    found.append(_Sight(view, window, area, before))
        return found

    def _draw_truth(self, camera: Pinhole) -> None:
        flat = self._flat
        flat.luma[:], flat.chroma[:] = TRUTH_LUMA, PLAIN_CHROMA
        for panel in self._panels:
            if panel.layer < 1:
                continue
            polygon = outline_px(camera, panel.corners())
            if polygon is not None and panel.texture.levels[0].alpha is None:
                fill_outline(flat.chroma, polygon, PLAIN_CHROMA, 2)
            for dwelling in panel.dwellings:
                for piece in dwelling.pieces_m:
                    outline = outline_px(camera, np.array([panel.point(*point) for point in piece]))
                    if outline is not None:
                        fill_outline(flat.chroma, outline, DWELLING_CHROMA, 2)

    def _pinhole(self, pose: Pose) -> Pinhole:
        width, height = self._lens.flat_size
        return Pinhole(
            self.optics.rotation(pose), self.optics.focal_px(pose.zoom), self._lens.flat_centre_px, width, height
        )


def canvas(width: int, height: int) -> Canvas:
    """Return an empty picture."""
    return Canvas(np.full((height, width), 40, np.uint8), np.full((height // 2, width // 2, 2), 128, np.uint8))


def _window_area(camera: Pinhole, panel: Panel, window: Window) -> Area | None:
    a, b = window.left_m, window.top_m
    c, d = a + window.width_m, b + window.height_m
    polygon = outline_px(camera, np.array([panel.point(a, b), panel.point(c, b), panel.point(c, d), panel.point(a, d)]))
    if polygon is None:
        return None
    area = bounding_area(polygon, camera.width_px, camera.height_px)
    return None if area.is_empty else area
