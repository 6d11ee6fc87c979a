"""Ask a camera where it looks, many times a second: one hand-built request over a kept connection, read with tolerance.

Half the cameras of the field answer with undeclared prefixes, missing elements or nonsense; any of that is no sample, never a guess.
Source: ONVIF PTZ Service Specification (GetStatus); OASIS WS-Security UsernameToken Profile 1.0.
"""

import base64
import hashlib
import math
import re
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from xml.sax.saxutils import escape

import httpx

_LONGEST_BYTES = 256 * 1024
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
_BODY = '<s:Body><GetStatus xmlns="http://www.onvif.org/ver20/ptz/wsdl"><ProfileToken>{profile}</ProfileToken></GetStatus></s:Body>'
_HEADER = (
    '<s:Header><Security s:mustUnderstand="1" xmlns="{wsse}-wssecurity-secext-1.0.xsd"><UsernameToken>'
    '<Username>{username}</Username><Password Type="{wsse}-username-token-profile-1.0#PasswordDigest">{digest}</Password>'
    '<Nonce EncodingType="{wsse}-soap-message-security-1.0#Base64Binary">{nonce}</Nonce>'
    '<Created xmlns="{wsse}-wssecurity-utility-1.0.xsd">{created}</Created></UsernameToken></Security></s:Header>'
)
_ENVELOPE = '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">{inner}</s:Envelope>'
_DECLARATION = re.compile(rb"""\sxmlns(:[\w.-]+)?\s*=\s*("[^"]*"|'[^']*')""")
_TAG_PREFIX = re.compile(rb"(</?)[\w.-]+:")
_ATTRIBUTE_PREFIX = re.compile(rb"\s[\w.-]+:([\w.-]+\s*=)")
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
    status = None if root is None else next(root.iter("PTZStatus"), None)
    return None if status is None else position_of(status)


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


def parse_tolerantly(body: bytes) -> ET.Element | None:
    """Return the root of an XML answer with all name space prefixes taken off, declared or not; None when it is no XML."""
    if len(body) > _LONGEST_BYTES or b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    bare = _ATTRIBUTE_PREFIX.sub(rb" \1", _TAG_PREFIX.sub(rb"\1", _DECLARATION.sub(b"", body)))
    try:
        return ET.fromstring(bare)  # noqa: S314 - what could expand was refused above
    except (ET.ParseError, ValueError, LookupError):
        return None


def parse_utc(text: str | None) -> tuple[float | None, int]:
    """Return seconds since 1970 and the number of digits of the second, or (None, 0) for nonsense."""
    found = _UTC.fullmatch((text or "").strip())
    if found is None:
        return None, 0
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    digits, zone = found.group(7) or "", found.group(8) or "Z"
    try:
        instant = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None, 0
    ahead = timedelta()
    if zone != "Z":
        ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    fraction = int(digits) / 10 ** len(digits) if digits else 0.0
    return (instant - ahead - _EPOCH).total_seconds() + fraction, len(digits)


class PositionClient:
    """Ask one camera for its status. Made for one thread.

    Args:
        url: of its PTZ service.
        profile: the media profile's token.
        camera_now: the camera's own time, for the freshness of the password digest.
        timeout_s: an answer that takes longer is none.
        transport: for tests.
    """

    def __init__(
        self,
        url: str,
        profile: str,
        account: tuple[str, str],
        camera_now: Callable[[], datetime],
        *,
        timeout_s: float = 1.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url
        self._body = _BODY.format(profile=escape(profile))
        self._username, self._password = account
        self._camera_now = camera_now
        self._client = httpx.Client(
            timeout=timeout_s,
            trust_env=False,
            transport=transport,
            headers={"Content-Type": "application/soap+xml; charset=utf-8"},
        )

    def ask(self) -> Position | None:
        """Return the answer, or None: no answer in time, refused, or nonsense."""
        try:
            reply = self._client.post(self._url, content=self._envelope())
            if reply.status_code == httpx.codes.UNAUTHORIZED and self._client.auth is None:
                # Some cameras want the digest in HTTP as well.
                self._client.auth = httpx.DigestAuth(self._username, self._password)
                reply = self._client.post(self._url, content=self._envelope())
        except (httpx.HTTPError, httpx.StreamError):
            return None
        return parse_status(reply.content) if reply.status_code == httpx.codes.OK else None

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _envelope(self) -> bytes:
        nonce = secrets.token_bytes(16)
        created = self._camera_now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        # SHA-1 is what the profile prescribes: digest = SHA-1(nonce + created + password).
        digest = hashlib.sha1(nonce + created.encode() + self._password.encode(), usedforsecurity=False).digest()
        header = _HEADER.format(
            wsse=_WSSE,
            username=escape(self._username),
            digest=base64.b64encode(digest).decode(),
            nonce=base64.b64encode(nonce).decode(),
            created=created,
        )
        return _ENVELOPE.format(inner=header + self._body).encode()


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
