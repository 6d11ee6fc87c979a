"""The coordinate spaces of a PTZ node, and what a client must read to know what a number means.

Source: ONVIF PTZ Service Specification, sections 5.2 and 7 (spaces), ptz.wsdl ver20.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from sample_streams.device.mechanics import Limits
from sample_streams.onvif.habits import OnvifHabit, OnvifHabits

NODE_TOKEN = "node"  # noqa: S105  ONVIF calls its identifiers tokens
CONFIGURATION_TOKEN = "ptz"  # noqa: S105  ONVIF calls its identifiers tokens
_SPACES = "http://www.onvif.org/ver10/tptz"
SPHERICAL_URI = f"{_SPACES}/PanTiltSpaces/SphericalPositionSpaceDegrees"
GENERIC_URI = f"{_SPACES}/PanTiltSpaces/PositionGenericSpace"
ZOOM_URI = f"{_SPACES}/ZoomSpaces/PositionGenericSpace"
TRANSLATION_URI = f"{_SPACES}/PanTiltSpaces/TranslationGenericSpace"
SPHERICAL_TRANSLATION_URI = f"{_SPACES}/PanTiltSpaces/TranslationSpaceDegrees"
ZOOM_TRANSLATION_URI = f"{_SPACES}/ZoomSpaces/TranslationGenericSpace"
VELOCITY_URI = f"{_SPACES}/PanTiltSpaces/VelocityGenericSpace"
ZOOM_VELOCITY_URI = f"{_SPACES}/ZoomSpaces/VelocityGenericSpace"
SPEED_URI = f"{_SPACES}/PanTiltSpaces/GenericSpeedSpace"
ZOOM_SPEED_URI = f"{_SPACES}/ZoomSpaces/ZoomGenericSpeedSpace"


class SpaceKind(StrEnum):
    """How positions are written."""

    SPHERICAL = "spherical"  # degrees
    GENERIC = "generic"  # -1..1 over the mechanical range


class Habit(StrEnum):
    """What cameras of the field do, and the standard does not want or leaves open."""

    INVERTED = "inverted"  # both axes count, and are moved, the other way
    FIXED_LENS = "fixed-lens"  # zoom 1..1
    LIMITED_PAN = "limited-pan"  # 150 degrees each way, then an end stop
    E_FLIP = "e-flip"  # tilts past straight down, and turns the picture around there; the register counts on
    GZIP = "gzip"  # the documents of the metadata stream are compressed


@dataclass(frozen=True, slots=True)
class PtzSpace:
    """Turn degrees into the numbers of a space and back."""

    kind: SpaceKind
    limits: Limits
    habits: frozenset[Habit] = frozenset()

    @property
    def fixed_lens(self) -> bool:
        """Whether the zoom is one number."""
        return Habit.FIXED_LENS in self.habits

    @property
    def sign(self) -> float:
        """By what the axes are multiplied in every number."""
        return -1.0 if Habit.INVERTED in self.habits else 1.0

    @property
    def zoom_range(self) -> tuple[float, float]:
        """The least and greatest number of the zoom."""
        return (1.0, 1.0) if self.fixed_lens else (0.0, 1.0)

    @property
    def uri(self) -> str:
        """The URI of the pan and tilt position space."""
        return SPHERICAL_URI if self.kind is SpaceKind.SPHERICAL else GENERIC_URI

    def to_numbers(self, pan_deg: float, tilt_deg: float) -> tuple[float, float]:
        """Return x and y of a position in degrees."""
        if self.kind is SpaceKind.SPHERICAL:
            return self.sign * pan_deg, self.sign * tilt_deg
        return self.sign * _share(pan_deg, self.limits.pan.low, self.limits.pan.high), self.sign * _share(
            tilt_deg, self.limits.tilt.low, self.limits.tilt.high
        )

    def to_degrees(self, x: float, y: float, uri: str | None = None) -> tuple[float, float]:
        """Return pan and tilt in degrees of a position in the named space, by default this camera's."""
        x, y = self.sign * x, self.sign * y
        if (uri or self.uri) == SPHERICAL_URI:
            return x, y
        return _point(x, self.limits.pan.low, self.limits.pan.high), _point(
            y, self.limits.tilt.low, self.limits.tilt.high
        )

    def translation_to_degrees(self, x: float, y: float, uri: str | None) -> tuple[float, float]:
        """Return a relative movement in degrees."""
        x, y = self.sign * x, self.sign * y
        spherical = self.kind is SpaceKind.SPHERICAL if uri is None else uri == SPHERICAL_TRANSLATION_URI
        if spherical:
            return x, y
        pan, tilt = self.limits.pan, self.limits.tilt
        return x * (pan.high - pan.low) / 2, y * (tilt.high - tilt.low) / 2


def _share(value: float, low: float, high: float) -> float:
    return 2 * (value - low) / (high - low) - 1


def _point(share: float, low: float, high: float) -> float:
    return low + (share + 1) / 2 * (high - low)


def node(tag: str, space: PtzSpace, habits: OnvifHabits) -> str:
    """Return a PTZ node with every supported space and its ranges, or without what the device leaves out."""
    supported = spaces(space)
    if habits.has(OnvifHabit.SPACES_WITHOUT_URIS):
        supported = re.sub(r"<tt:URI>[^<]*</tt:URI>", "", supported)
    if habits.has(OnvifHabit.SPACES_WITHOUT_RANGES):
        supported = re.sub(r"<tt:([XY])Range>.*?</tt:\1Range>", "", supported)
    return (
        f'<{tag} token="{NODE_TOKEN}" FixedHomePosition="false"><tt:Name>node</tt:Name>'
        f"<tt:SupportedPTZSpaces>{supported}</tt:SupportedPTZSpaces>"
        "<tt:MaximumNumberOfPresets>64</tt:MaximumNumberOfPresets><tt:HomeSupported>true</tt:HomeSupported></"
        f"{tag}>"
    )


def spaces(space: PtzSpace) -> str:
    """Return the list of supported spaces."""
    pan, tilt = space.limits.pan, space.limits.tilt
    if space.kind is SpaceKind.SPHERICAL:
        first, last = sorted((space.sign * tilt.low, space.sign * tilt.high))
        absolute = _two("AbsolutePanTiltPositionSpace", SPHERICAL_URI, (pan.low, pan.high), (first, last))
        reach = tilt.high - tilt.low
        relative = _two("RelativePanTiltTranslationSpace", SPHERICAL_TRANSLATION_URI, (-360, 360), (-reach, reach))
    else:
        absolute = _two("AbsolutePanTiltPositionSpace", GENERIC_URI, (-1, 1), (-1, 1))
        relative = _two("RelativePanTiltTranslationSpace", TRANSLATION_URI, (-1, 1), (-1, 1))
    return (
        absolute
        + _one("AbsoluteZoomPositionSpace", ZOOM_URI, space.zoom_range)
        + relative
        + _one("RelativeZoomTranslationSpace", ZOOM_TRANSLATION_URI, (-1, 1))
        + _two("ContinuousPanTiltVelocitySpace", VELOCITY_URI, (-1, 1), (-1, 1))
        + _one("ContinuousZoomVelocitySpace", ZOOM_VELOCITY_URI, (-1, 1))
        + _one("PanTiltSpeedSpace", SPEED_URI, (0, 1))
        + _one("ZoomSpeedSpace", ZOOM_SPEED_URI, (0, 1))
    )


def configuration(tag: str, space: PtzSpace) -> str:
    """Return the one PTZ configuration."""
    zoom_relative = ZOOM_TRANSLATION_URI
    relative = SPHERICAL_TRANSLATION_URI if space.kind is SpaceKind.SPHERICAL else TRANSLATION_URI
    pan, tilt = space.limits.pan, space.limits.tilt
    ends = space.to_numbers(pan.low, tilt.low), space.to_numbers(pan.high, tilt.high)
    low, high = (
        (min(ends[0][0], ends[1][0]), min(ends[0][1], ends[1][1])),
        (max(ends[0][0], ends[1][0]), max(ends[0][1], ends[1][1])),
    )
    return (
        f'<{tag} token="{CONFIGURATION_TOKEN}"><tt:Name>ptz</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:NodeToken>{NODE_TOKEN}</tt:NodeToken>"
        f"<tt:DefaultAbsolutePantTiltPositionSpace>{space.uri}</tt:DefaultAbsolutePantTiltPositionSpace>"
        f"<tt:DefaultAbsoluteZoomPositionSpace>{ZOOM_URI}</tt:DefaultAbsoluteZoomPositionSpace>"
        f"<tt:DefaultRelativePanTiltTranslationSpace>{relative}</tt:DefaultRelativePanTiltTranslationSpace>"
        f"<tt:DefaultRelativeZoomTranslationSpace>{zoom_relative}</tt:DefaultRelativeZoomTranslationSpace>"
        f"<tt:DefaultContinuousPanTiltVelocitySpace>{VELOCITY_URI}</tt:DefaultContinuousPanTiltVelocitySpace>"
        f"<tt:DefaultContinuousZoomVelocitySpace>{ZOOM_VELOCITY_URI}</tt:DefaultContinuousZoomVelocitySpace>"
        "<tt:DefaultPTZTimeout>PT10S</tt:DefaultPTZTimeout><tt:PanTiltLimits><tt:Range>"
        f"<tt:URI>{space.uri}</tt:URI>{_range('XRange', low[0], high[0])}{_range('YRange', low[1], high[1])}"
        f"</tt:Range></tt:PanTiltLimits><tt:ZoomLimits><tt:Range><tt:URI>{ZOOM_URI}</tt:URI>"
        f"{_range('XRange', *space.zoom_range)}</tt:Range></tt:ZoomLimits></{tag}>"
    )


def configuration_options(space: PtzSpace) -> str:
    """Answer GetConfigurationOptions."""
    return (
        f"<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions><tt:Spaces>{spaces(space)}</tt:Spaces>"
        "<tt:PTZTimeout><tt:Min>PT1S</tt:Min><tt:Max>PT60S</tt:Max></tt:PTZTimeout>"
        "</tptz:PTZConfigurationOptions></tptz:GetConfigurationOptionsResponse>"
    )


def _range(name: str, low: float, high: float) -> str:
    return f"<tt:{name}><tt:Min>{low:g}</tt:Min><tt:Max>{high:g}</tt:Max></tt:{name}>"


def _one(name: str, uri: str, x: tuple[float, float]) -> str:
    return f"<tt:{name}><tt:URI>{uri}</tt:URI>{_range('XRange', *x)}</tt:{name}>"


def _two(name: str, uri: str, x: tuple[float, float], y: tuple[float, float]) -> str:
    return f"<tt:{name}><tt:URI>{uri}</tt:URI>{_range('XRange', *x)}{_range('YRange', *y)}</tt:{name}>"
