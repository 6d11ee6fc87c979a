"""The cameras of the town: where they hang, what they are like, and how each is true to its plan or not quite.

Names, areas and streets are made up; they only sound like Utrecht.
"""

import random
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sample_streams.device.mechanics import Limits, Pose
from sample_streams.device.telemetry import TelemetryTraits
from sample_streams.onvif.ptz_spaces import Habit
from sample_streams.optics import Optics
from sample_streams.scene.places import PlaceKind
from sample_streams.timecode import Corner
from sample_streams.wire.auth import AuthMode
from sample_streams.wire.metadata import GZIPPED, PLAIN
from sample_streams.wire.nal import Codec


class CameraKind(StrEnum):
    """Whether a camera moves."""

    FIXED = "fixed"
    PTZ = "ptz"


PTZ_ZOOM = ((0.0, 62.8), (0.2, 38.0), (0.4, 21.0), (0.6, 11.5), (0.8, 6.0), (1.0, 3.0))
PTZ_K1 = ((0.0, -0.13), (0.15, -0.05), (0.3, 0.0), (1.0, 0.0))
NOMINAL = Pose(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """Everything that makes one camera."""

    camera_id: str
    name: str
    area: str
    kind: CameraKind
    place: PlaceKind
    codec: Codec
    optics: Optics
    planned_optics: Optics
    fps: float
    has_plan: bool = True
    auth: AuthMode = AuthMode.DIGEST
    has_audio: bool = False
    metadata: str | None = None
    clock_offset_s: float = 0.0
    start: Pose = NOMINAL
    exposure_s: float = 0.008
    qp: int = 24
    corners: tuple[Corner, ...] = (Corner.TOP_LEFT,)
    telemetry: TelemetryTraits = field(default_factory=TelemetryTraits)
    limits: Limits = field(default_factory=Limits)
    pan_tilt_accuracy_deg: float = 0.15
    zoom_accuracy_rel: float = 0.012
    time_accuracy_s: float = 0.008

    @property
    def keyframe_interval(self) -> int:
        """Frames from one keyframe to the next: one second."""
        return max(round(self.fps), 1)


def _fixed(hfov_deg: float, pan_deg: float, tilt_deg: float, width: int, height: int) -> Optics:
    flat = ((0.0, hfov_deg), (1.0, hfov_deg))
    none = ((0.0, 0.0), (1.0, 0.0))
    return Optics(width, height, flat, none, mount_pan_deg=pan_deg, mount_tilt_deg=tilt_deg)


def _canal() -> CameraSpec:
    optics = _fixed(66.0, 4.0, -3.0, 960, 540)
    return CameraSpec(
        "wevergracht",
        "Wevergracht, hoek Korte Lindestraat",
        "Binnenstad-Noord",
        CameraKind.FIXED,
        PlaceKind.CANAL,
        Codec.H264,
        optics,
        optics,
        fps=12.5,
        has_audio=True,
        clock_offset_s=37.5,
        corners=(Corner.BOTTOM_RIGHT,),
    )


def _station() -> CameraSpec:
    optics = _fixed(70.0, 6.0, -8.0, 960, 540)
    return CameraSpec(
        "spoorplein",
        "Ooster Spoorplein, noordzijde",
        "Stationsgebied",
        CameraKind.FIXED,
        PlaceKind.STATION,
        Codec.H264,
        optics,
        optics,
        fps=12.5,
        has_plan=False,
        clock_offset_s=-1.25,
    )


def _street() -> CameraSpec:
    # Smaller and slower than the others: encoding H.265 in software costs several times as much as H.264.
    optics = _fixed(62.0, -2.0, -6.0, 768, 432)
    return CameraSpec(
        "lindestraat",
        "Lange Lindestraat 42",
        "Binnenstad-Noord",
        CameraKind.FIXED,
        PlaceKind.STREET,
        Codec.H265,
        optics,
        optics,
        fps=8.0,
        clock_offset_s=4.0,
        qp=28,
        corners=(Corner.BOTTOM_RIGHT,),
    )


def _market() -> CameraSpec:
    planned = Optics(1280, 720, PTZ_ZOOM, PTZ_K1, mount_tilt_deg=0.4, mount_roll_deg=-0.6)
    true = Optics(
        1280,
        720,
        PTZ_ZOOM,
        tuple((zoom, k1 * 1.04) for zoom, k1 in PTZ_K1),
        principal_point=(0.5 + 0.6 / 1280, 0.5 - 0.5 / 720),
        mount_tilt_deg=0.4 + 0.015,
        mount_roll_deg=-0.6 + 0.04,
        tilt_scale=1.0004,
        focal_factor=1.003,
    )
    return CameraSpec(
        "vredenmarkt",
        "Vredenmarkt, mast 3",
        "Binnenstad-Noord",
        CameraKind.PTZ,
        PlaceKind.MARKET,
        Codec.H264,
        true,
        planned,
        fps=15.0,
        metadata=PLAIN,
        clock_offset_s=37.5,
        start=Pose(20.0, -4.0, 0.1),
        corners=(Corner.BOTTOM_LEFT, Corner.BOTTOM_RIGHT),
    )


def _alley() -> CameraSpec:
    optics = _fixed(68.0, 5.0, -7.0, 960, 540)
    return CameraSpec(
        "havensteeg",
        "Oude Havensteeg, hoek Wevergracht",
        "Havenkwartier",
        CameraKind.FIXED,
        PlaceKind.ALLEY,
        Codec.H264,
        optics,
        optics,
        fps=10.0,
        auth=AuthMode.BASIC,
        clock_offset_s=-12.0,
        corners=(Corner.BOTTOM_RIGHT,),
    )


def roster() -> dict[str, CameraSpec]:
    """Return all cameras by id, in the order in which they are listed."""
    return {spec.camera_id: spec for spec in (_canal(), _station(), _street(), _market(), _alley())}


def with_habits(spec: CameraSpec, habits: frozenset[Habit]) -> CameraSpec:
    """Return a PTZ camera with motors and metadata as its habits have them; others stay as they are."""
    if spec.kind is not CameraKind.PTZ:
        return spec
    limits = spec.limits
    if Habit.LIMITED_PAN in habits:
        limits = replace(limits, pan=replace(limits.pan, low=-150.0, high=150.0, is_endless=False))
    if Habit.E_FLIP in habits:
        limits = replace(limits, tilt=replace(limits.tilt, low=-98.0))
    if Habit.FIXED_LENS in habits:
        limits = replace(limits, zoom=replace(limits.zoom, high=0.0))
        spec = replace(spec, start=replace(spec.start, zoom=0.0))
    return replace(spec, limits=limits, metadata=GZIPPED if Habit.GZIP in habits else spec.metadata)


def password_for(camera_id: str, seed: int) -> str:
    """Return the password of a camera; it has characters that a URL must escape."""
    rng = random.Random(f"{seed}/{camera_id}/password")
    return "p@" + "".join(rng.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(10)) + "#1"
