"""The session description (SDP): which tracks there are, and which of them can be used.

Source: RFC 8866 (SDP), RFC 3550 section 5.1 (formats), RFC 2326 appendix C (control addresses), RFC 6184 section 8.1, RFC 7798
section 7.1; ONVIF Streaming Specification, section 5.1.2.1.1 (metadata).
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from ingest.bitstream import join_annexb

_MOST_TRACKS = 32
_CODECS = {"H264": "h264", "H265": "h265", "HEVC": "h265"}
_FORMAT, _CLOCK = re.compile(r"[0-9]{1,3}"), re.compile(r"[0-9]{1,9}")
_LAST_FORMAT = 127
_METADATA = "VND.ONVIF.METADATA"


@dataclass(frozen=True, slots=True)
class Track:
    """One medium in one of the formats that the camera offers it in.

    Args:
        codec: `h264`, `h265` or `metadata`.
        control: address or name, as written; empty: the session's own.
        parameter_sets: Annex B; empty if none are told.
        stated_fps: the rate that is told.
    """

    codec: str
    payload_type: int
    clock_hz: int
    control: str
    parameter_sets: bytes = b""
    stated_fps: float | None = None


@dataclass(slots=True)
class _Media:
    """One `m=` section as written."""

    kind: str
    protocol: str
    formats: list[str]
    control: str = ""
    encodings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    inactive: bool = False
    stated_fps: float | None = None


def usable_tracks(text: str, kind: str) -> list[Track]:
    """Return the tracks of a kind (`video`, `application`) that can be used, in the camera's order."""
    tracks = []
    for media in _sections(text):
        if media.kind != kind or media.inactive or not media.protocol.upper().startswith("RTP/"):
            continue
        offered = [one for name in media.formats if (one := _track(media, name)) is not None]
        tracks += offered[:1]
    return tracks


def _sections(text: str) -> list[_Media]:
    sections: list[_Media] = []
    for line in text.splitlines():
        key, _, value = line.strip().partition("=")
        if key == "m":
            words = value.split()
            if len(words) < 4 or len(sections) >= _MOST_TRACKS:
                break
            sections.append(_Media(words[0].lower(), words[2], words[3:]))
        elif key == "a" and sections:
            _attribute(sections[-1], value)
    return sections


def _attribute(media: _Media, text: str) -> None:
    name, _, value = text.partition(":")
    number, _, rest = value.strip().partition(" ")
    match name.lower():
        case "control":
            media.control = value.strip()
        case "rtpmap":
            media.encodings[number] = rest.strip()
        case "fmtp":
            pairs = (one.partition("=") for one in rest.split(";"))
            media.parameters[number] = {key.strip().lower(): given.strip() for key, _, given in pairs}
        case "framerate":
            media.stated_fps = _rate(value)
        case "inactive":
            media.inactive = True


def _track(media: _Media, name: str) -> Track | None:
    encoding, _, rate = media.encodings.get(name, "").partition("/")
    told = media.parameters.get(name, {})
    clock = rate.partition("/")[0] or "90000"
    if not (_FORMAT.fullmatch(name) and _CLOCK.fullmatch(clock) and int(name) <= _LAST_FORMAT and int(clock) > 0):
        return None
    codec = _CODECS.get(encoding.upper())
    if codec == "h264" and told.get("packetization-mode", "0") not in {"0", "1"}:
        return None
    if codec == "h265" and told.get("sprop-max-don-diff", "0") != "0":
        return None
    if media.kind == "application" and encoding.upper().startswith(_METADATA):
        codec = "metadata"
    if codec is None:
        return None
    return Track(codec, int(name), int(clock), media.control, _parameter_sets(codec, told), media.stated_fps)


def _parameter_sets(codec: str, told: dict[str, str]) -> bytes:
    names = ("sprop-parameter-sets",) if codec == "h264" else ("sprop-vps", "sprop-sps", "sprop-pps")
    units = [_decoded(one) for name in names for one in told.get(name, "").split(",") if one]
    # All or none: a decoder that knows half of them is worse off than one that waits for those in the stream.
    return join_annexb(unit for unit in units if unit) if all(units) else b""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""


def _rate(text: str) -> float | None:
    try:
        rate = float(text)
    except ValueError:
        return None
    return rate if 0.01 <= rate <= 1000.0 else None
