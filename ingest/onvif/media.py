"""Profiles of the media services, version 1 and 2: which one is watched, and by which service.

A camera of Profile T has Media2 alone, or a Media1 whose profiles name no encoder because it has no word for H.265.

Source: ONVIF Media Service Specification (ver10), ONVIF Media2 Service Specification (ver20).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from ingest.onvif.services import MEDIA, MEDIA2, SCHEMA, Services
from ingest.onvif.soap import SoapFault
from ingest.onvif.wording import required
from ingest.tolerant_xml import text_of
from vms.errors import NotFound

_ALL_TYPES: Final = "".join(f"<Type>{one}</Type>" for one in ("VideoSource", "VideoEncoder", "PTZ", "Metadata"))
_STREAM_SETUP: Final = (
    f'<StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream><Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol>'
    "</Transport></StreamSetup>"
)


@dataclass(frozen=True, slots=True)
class Profile:
    """A media profile with video.

    Args:
        service: name space of the media service that it was found in.
        has_ptz: it has a PTZ configuration.
        node: token of that configuration's PTZ node; None where it names none.
        streams_position: it has a metadata stream that is configured to report the position.
    """

    service: str
    token: str
    has_ptz: bool
    node: str | None
    streams_position: bool


def chosen_profile(services: Services) -> Profile:
    """Return the first profile with video and PTZ, else the first with video; Media1's go before Media2's.

    Raises:
        NotFound: there is none.
    """
    found = list(_profiles(services, MEDIA))
    if not any(one.has_ptz for one in found):
        # What Media1 has no word for may be in Media2 alone.
        found += _profiles(services, MEDIA2)
    if not found:
        raise NotFound("the camera has no profile with video; make one on the camera", code="camera.profile")
    return next((one for one in found if one.has_ptz), found[0])


def stream_uri(services: Services, profile: Profile) -> str:
    """Return the RTSP address of a profile, without credentials."""
    token = f"<ProfileToken>{escape(profile.token)}</ProfileToken>"
    if profile.service == MEDIA:
        answer = services.ask(MEDIA, "GetStreamUri", _STREAM_SETUP + token)
    else:
        try:
            answer = services.ask(MEDIA2, "GetStreamUri", f"<Protocol>RtspUnicast</Protocol>{token}")
        except SoapFault:
            answer = services.ask(MEDIA2, "GetStreamUri", f"<Protocol>RTSP</Protocol>{token}")
    return required(next((text_of(one) for one in answer.iter("Uri")), ""), "a stream without an address")


def request_sync_point(services: Services, profile: Profile) -> None:
    """Ask for a keyframe now."""
    services.ask(profile.service, "SetSynchronizationPoint", f"<ProfileToken>{escape(profile.token)}</ProfileToken>")


def _profiles(services: Services, service: str) -> Iterator[Profile]:
    """Yield the profiles of a service that have video and a token: what has none can't be asked for."""
    if not services.has(service):
        return
    names = ("VideoEncoderConfiguration", "PTZConfiguration", "MetadataConfiguration")
    if service == MEDIA2:
        names = ("Configurations/VideoEncoder", "Configurations/PTZ", "Configurations/Metadata")
    for one in services.ask(service, "GetProfiles", _ALL_TYPES if service == MEDIA2 else "").iter("Profiles"):
        token, (video, ptz, metadata) = one.get("token"), (one.find(name) for name in names)
        if video is None or not token:
            continue
        position = text_of(None if metadata is None else metadata.find("PTZStatus/Position"))
        yield Profile(
            service=service,
            token=token,
            has_ptz=ptz is not None,
            node=None if ptz is None else text_of(ptz.find("NodeToken")) or None,
            streams_position=position in {"true", "1"},
        )
