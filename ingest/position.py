"""Ask a camera where it looks, many times a second: one hand-built request over a kept connection, read with tolerance.

Half the cameras of the field answer with undeclared prefixes, missing elements or nonsense; any of that is no sample, never a guess.
Source: ONVIF PTZ Service Specification (GetStatus).
"""

import math
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from xml.sax.saxutils import escape

from ingest.onvif.address import ServiceUrl
from ingest.onvif.soap import Account, SoapClient
from ingest.tolerant_xml import LONGEST_BYTES, parse_tolerantly
from vms.clock import Clock
from vms.errors import VmsError

_BODY = '<GetStatus xmlns="http://www.onvif.org/ver20/ptz/wsdl"><ProfileToken>{profile}</ProfileToken></GetStatus>'
_UTC = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Position:
    """What one answer said, in the camera's own numbers.

    Args:
        pan, tilt: None where absent, not finite, or reported with an error.
        space: URI of the pan and tilt space, None where not named.
        zoom: likewise.
        moving: None where not told.
        utc_s: the camera's clock, seconds since 1970; None where not told.
        utc_digits: how many digits of the second it gave.
        hfov_deg: the horizontal field of view that it told, None where it did not.
        hfov_step_deg: by how much that number may be rounded.
    """

    pan: float | None
    tilt: float | None
    space: str | None
    zoom: float | None
    moving: bool | None
    utc_s: float | None
    utc_digits: int
    hfov_deg: float | None = None
    hfov_step_deg: float = 0.0


def parse_status(body: bytes) -> Position | None:
    """Return what a GetStatus answer says, or None when it is no such answer.

    Prefixes are ignored, declared or not. Elements that are absent or make no sense are None.
    """
    root = parse_tolerantly(body)
    return None if root is None else _status_in(root)


def position_of(status: ET.Element, utc_text: str | None = None) -> Position:
    """Return what one PTZStatus element says.

    Args:
        utc_text: the time of what surrounds it, for a status that tells none itself.
    """
    faulty = _fault(status.findtext("Error"))
    pan_tilt, zoom = status.find("Position/PanTilt"), status.find("Position/Zoom")
    utc_s, digits = parse_utc(status.findtext("UtcTime") or utc_text)
    hfov_deg, hfov_step_deg = _told_view(status.find("FieldOfView"))
    return Position(
        pan=None if faulty else _number(pan_tilt, "x"),
        tilt=None if faulty else _number(pan_tilt, "y"),
        space=None if pan_tilt is None else pan_tilt.get("space"),
        zoom=None if faulty else _number(zoom, "x"),
        moving=_moving(status.findtext("MoveStatus/PanTilt"), status.findtext("MoveStatus/Zoom")),
        utc_s=utc_s,
        utc_digits=digits,
        hfov_deg=hfov_deg,
        hfov_step_deg=hfov_step_deg,
    )


def parse_utc(text: str | None) -> tuple[float | None, int]:
    """Return seconds since 1970 and the number of digits of the second, or (None, 0) for nonsense."""
    found = _UTC.fullmatch((text or "").strip())
    if found is None:
        return None, 0
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    digits, zone = found.group(7) or "", found.group(8) or "Z"
    ahead = timedelta()
    if zone != "Z":
        ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    try:
        instant = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC) - ahead
    except (ValueError, OverflowError):
        return None, 0
    fraction = int(digits) / 10 ** len(digits) if digits else 0.0
    return (instant - _EPOCH).total_seconds() + fraction, len(digits)


class PositionClient:
    """Ask one camera for its status. Made for one thread.

    Args:
        url: of its PTZ service.
        profile: the media profile's token.
        ahead: how far the camera's clock is ahead of ours, for the freshness of the password digest.
        timeout_s: an answer that takes longer in all is none.
    """

    def __init__(
        self, url: ServiceUrl, profile: str, account: Account, clock: Clock, *, ahead: timedelta, timeout_s: float = 1.0
    ) -> None:
        self._url = url
        self._body = _BODY.format(profile=escape(profile))
        self._soap = SoapClient(account, clock, timeout_s=timeout_s, most_bytes=LONGEST_BYTES)
        self._soap.ahead = ahead

    def ask(self) -> Position | None:
        """Return the answer, or None: no answer in time, refused, or nonsense."""
        try:
            answer = self._soap.ask(self._url, self._body)
        except VmsError:
            return None
        return _status_in(answer.root)

    def close(self) -> None:
        """Close the connection."""
        self._soap.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _status_in(root: ET.Element) -> Position | None:
    status = next(root.iter("PTZStatus"), None)
    return None if status is None else position_of(status)


def _number(element: ET.Element | None, name: str) -> float | None:
    try:
        value = float(element.get(name, "")) if element is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _told_view(element: ET.Element | None) -> tuple[float | None, float]:
    """Return the horizontal field of view and the worth of its last digit (ONVIF 24.12: attributes hfov and vfov)."""
    value = _number(element, "hfov")
    if element is None or value is None or not 0.0 < value < 180.0:
        return None, 0.0
    fraction = (element.get("hfov") or "").strip().partition(".")[2]
    return value, 10.0 ** -len(fraction) if fraction.isdigit() else 1.0


def _moving(*words: str | None) -> bool | None:
    told = {(word or "").strip().upper() for word in words}
    if "MOVING" in told:
        return True
    return False if told == {"IDLE"} else None


def _fault(text: str | None) -> bool:
    return bool(text and text.strip()) and not (text or "").strip().lower().startswith(("no error", "none", "ok"))
