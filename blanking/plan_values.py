"""A blanking plan: what is to be grey, through which optics, and how exactly all of that is known."""

from dataclasses import dataclass
from typing import Final

Point = tuple[float, float]

SHIFT_MARGIN_REL: Final = 0.01
"""What a plan in image fractions states when it says nothing: 13 pixels of 1280."""


@dataclass(frozen=True, slots=True)
class CameraModel:
    """The optics and axes of one placement (docs/blanking.md has the equations).

    Args:
        zoom_hfov_deg: rows (zoom, horizontal field of view), zoom ascending.
        zoom_k1: rows (zoom, first radial distortion coefficient), zoom ascending.
        principal_point_rel: where the optical axis meets the picture, fractions of width and height.
        mount_pan_deg, mount_tilt_deg, mount_roll_deg: how the camera's base stands in the world.
        pan_scale, tilt_scale: true degrees per reported degree; negative for an axis that counts the other way.
        tilt_offset_deg: true tilt, against the plane across the pan axis, where the reported one is 0.
        sensor_roll_deg: how far the picture is turned about the optical axis; > 0 turns what is right of the middle down.
        of_shares: the scales are those of a camera that tells shares of its range, read as share x 180 and share x 90 degrees.
    """

    zoom_hfov_deg: tuple[Point, ...]
    zoom_k1: tuple[Point, ...] = ((0.0, 0.0),)
    principal_point_rel: Point = (0.5, 0.5)
    mount_pan_deg: float = 0.0
    mount_tilt_deg: float = 0.0
    mount_roll_deg: float = 0.0
    pan_scale: float = 1.0
    tilt_scale: float = 1.0
    tilt_offset_deg: float = 0.0
    sensor_roll_deg: float = 0.0
    of_shares: bool = False


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Bounds, never averages, on everything that is not known exactly (docs/blanking.md).

    Args:
        pan_tilt_deg: everything that shifts a pose: calibration, quantisation, principal point, mechanics.
        zoom_rel: everything that scales: focal length, zoom quantisation, distortion.
        time_s: a sample's device time against the video's clock.
        exposure_s: exposure + readout; a frame shows the scene during captured_s +- exposure_s / 2.
        staleness_s: age that a register value may already have when it is read.
        max_speed_deg_s: of pan and of tilt, each.
        max_acceleration_deg_s2: of pan and of tilt, each.
        max_zoom_rate: of zoom, in units of its 0..1 range per second.
        max_zoom_acceleration: in those units per second squared.
        drawing_deg: how far an outline may lie off the dwelling's edge, as seen from where it was drawn.
        parallax_deg: how far a direction may differ from there because the lens moves when the camera turns.
    """

    pan_tilt_deg: float
    zoom_rel: float
    time_s: float
    exposure_s: float
    staleness_s: float = 0.0
    max_speed_deg_s: float = 150.0
    max_acceleration_deg_s2: float = 600.0
    max_zoom_rate: float = 1.0
    max_zoom_acceleration: float = 4.0
    drawing_deg: float = 0.0
    parallax_deg: float = 0.0

    @property
    def outline_deg(self) -> float:
        """By how much a mask's outline may be off, whatever the pose."""
        return self.drawing_deg + self.parallax_deg


@dataclass(frozen=True, slots=True)
class DirectionMask:
    """A dwelling as seen by a PTZ camera: (azimuth, elevation) in degrees, joined by great-circle edges; the smaller side is masked."""

    id: str
    polygon_deg: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class ImageMask:
    """A dwelling as seen by a fixed camera: fractions of width and height from the top left corner."""

    id: str
    polygon_rel: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class DirectionPlan:
    """The plan of a PTZ placement."""

    width_px: int
    height_px: int
    camera_model: CameraModel
    accuracy: Accuracy
    masks: tuple[DirectionMask, ...]


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """The plan of a fixed placement.

    Args:
        shift_margin_rel: by how much of its width the picture may shift before the plan counts no more.
        widened_rel: masks are grown by this much, because the camera was found to be off by less than that margin; 0 in a plan as
            it was approved.
    """

    width_px: int
    height_px: int
    masks: tuple[ImageMask, ...]
    shift_margin_rel: float = SHIFT_MARGIN_REL
    widened_rel: float = 0.0


Plan = DirectionPlan | ImagePlan
