"""What a PTZ camera's numbers mean: its position spaces, read from the device, never assumed.

Source: ONVIF PTZ Service Specification, sections 5.2 and 7.
"""

import math
from dataclasses import dataclass

from vms.errors import InvalidInput

_SPACES = "http://www.onvif.org/ver10/tptz"
SPHERICAL_URI = f"{_SPACES}/PanTiltSpaces/SphericalPositionSpaceDegrees"
GENERIC_URI = f"{_SPACES}/PanTiltSpaces/PositionGenericSpace"
_SHARE_RANGE = 2.5
"""A generic range wider than this is no share of the mechanical range (-1..1): such cameras write degrees."""


@dataclass(frozen=True, slots=True)
class Range:
    """An axis' least and greatest number."""

    low: float
    high: float

    def __post_init__(self) -> None:
        width = self.high - self.low
        if not 0 < width < math.inf:
            kind = "empty" if width <= 0 else "endless"
            raise InvalidInput(f"the camera gives the {kind} range {self.low:g}..{self.high:g}", code="ptz.range")

    def to(self, other: "Range", value: float) -> float:
        """Return the number at the same share of another range."""
        return other.low + (value - self.low) / (self.high - self.low) * (other.high - other.low)


@dataclass(frozen=True, slots=True)
class FixedZoom:
    """The zoom of a turning camera with a fixed lens: its range is one number, such as 1..1.

    Args:
        raw: that number.
    """

    raw: float


@dataclass(frozen=True, slots=True)
class PositionSpace:
    """One absolute pan and tilt space of a PTZ node."""

    uri: str
    x: Range
    y: Range

    @property
    def in_degrees(self) -> bool:
        """Whether its numbers are degrees."""
        return self.uri == SPHERICAL_URI or self.x.high - self.x.low > _SHARE_RANGE


@dataclass(frozen=True, slots=True)
class Preset:
    """A stored pose of the camera."""

    id: str
    name: str


_UNIT = Range(0.0, 1.0)
_NOMINAL = PositionSpace("", Range(-180.0, 180.0), Range(-90.0, 90.0))
"""How shares are written as degrees where nothing is known of the mechanical range: the plan's scales say what they truly are."""
_BEYOND = 1e-3
"""By which share of the range a number may lie outside it, by rounding."""


@dataclass(frozen=True, slots=True)
class PtzSpaces:
    """How to read and write this camera's positions.

    Args:
        degrees: the space in degrees; where the camera also has a generic one, both span the same mechanical range.
        others: its other absolute spaces.
        zoom: the numbers of its zoom, wide..tele; or the one number of a fixed lens.
        shares: the space to ask in, of a camera that tells shares of its range only: then `degrees` are nominal ones, share x 180 and
            share x 90, and only a plan whose model is of this register knows what they are worth.
    """

    degrees: PositionSpace
    others: tuple[PositionSpace, ...]
    zoom: Range | FixedZoom
    shares: PositionSpace | None = None

    @property
    def asked_in(self) -> PositionSpace:
        """The space of `raw_position`'s numbers."""
        return self.shares or self.degrees

    def pan_tilt_deg(self, x: float, y: float, uri: str | None) -> tuple[float, float] | None:
        """Return the degrees of a position, or None when it is in a space that the camera never told of.

        Args:
            uri: as the position names it; None: the space in degrees if it is the only one, else unknown.
        """
        space = self._space(uri)
        found = None if space is None else self._in_degrees(space, x, y)
        # Numbers too large to reckon with are no pose.
        return found if found is not None and math.isfinite(found[0]) and math.isfinite(found[1]) else None

    def _in_degrees(self, space: PositionSpace, x: float, y: float) -> tuple[float, float] | None:
        if self.shares is not None:
            # An end stop is no seam: the two ends of a range may be far apart.
            pan_deg, tilt_deg = space.x.to(self.degrees.x, x), space.y.to(self.degrees.y, y)
            if abs(pan_deg) > 180.0 * (1 + _BEYOND) or abs(tilt_deg) > 90.0 * (1 + _BEYOND):
                return None
            return _clamped(pan_deg, self.degrees.x), _clamped(tilt_deg, self.degrees.y)
        if space.in_degrees:
            return _wrapped(x), y
        return _wrapped(space.x.to(self.degrees.x, x)), space.y.to(self.degrees.y, y)

    def zoom_share(self, raw: float | None) -> float | None:
        """Return 0 (wide) .. 1 (tele), None where it is not told, or told otherwise than the camera's range allows."""
        if isinstance(self.zoom, FixedZoom):
            return 0.0 if raw is None or raw == self.zoom.raw else None
        share = math.nan if raw is None else self.zoom.to(_UNIT, raw)
        return share if math.isfinite(share) else None

    def raw_position(self, pan_deg: float, tilt_deg: float, zoom: float) -> tuple[float, float, float]:
        """Return the numbers to ask of the camera, in `asked_in`, kept within its ranges."""
        if self.shares is not None:
            x = self.degrees.x.to(self.shares.x, _clamped(pan_deg, self.degrees.x))
            y = self.degrees.y.to(self.shares.y, _clamped(tilt_deg, self.degrees.y))
            return x, y, self._raw_zoom(zoom)
        pan_deg = _wrapped(pan_deg)
        if not self.degrees.x.low <= pan_deg <= self.degrees.x.high:
            turned = pan_deg + (360.0 if pan_deg < self.degrees.x.low else -360.0)
            pan_deg = turned if self.degrees.x.low <= turned <= self.degrees.x.high else pan_deg
        return _clamped(pan_deg, self.degrees.x), _clamped(tilt_deg, self.degrees.y), self._raw_zoom(zoom)

    def _raw_zoom(self, zoom: float) -> float:
        return self.zoom.raw if isinstance(self.zoom, FixedZoom) else _clamped(_UNIT.to(self.zoom, zoom), self.zoom)

    def _space(self, uri: str | None) -> PositionSpace | None:
        if uri is None:
            return None if self.others else self.asked_in
        return next((space for space in (self.asked_in, *self.others) if space.uri == uri), None)


def zoom_numbers(low: float, high: float) -> Range | FixedZoom:
    """Return what a camera's zoom range means.

    Raises:
        InvalidInput: it is upside down.
    """
    return FixedZoom(low) if low == high else Range(low, high)


def chosen_spaces(positions: list[PositionSpace], zoom: Range | FixedZoom | None) -> PtzSpaces:
    """Return how to read a camera that offers these spaces.

    Raises:
        InvalidInput: it has no absolute position or no zoom, so that no mask could follow the camera.
    """
    if not positions:
        raise InvalidInput(
            "the camera has no absolute position, so that no mask can follow it; use a camera that tells where it looks",
            code="ptz.position-unknown",
        )
    if zoom is None:
        raise InvalidInput(
            "the camera does not tell its zoom, so that no mask can be sized; use a fixed lens or another camera",
            code="ptz.zoom-unknown",
        )
    in_degrees = [space for space in positions if space.in_degrees]
    if not in_degrees:
        return PtzSpaces(_NOMINAL, tuple(positions[1:]), zoom, shares=positions[0])
    best = next((space for space in in_degrees if space.uri == SPHERICAL_URI), in_degrees[0])
    return PtzSpaces(best, tuple(space for space in positions if space is not best), zoom)


def _wrapped(pan_deg: float) -> float:
    return (pan_deg + 180.0) % 360.0 - 180.0


def _clamped(value: float, within: Range) -> float:
    return min(max(value, within.low), within.high)
