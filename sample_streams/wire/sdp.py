"""The session description that a camera answers DESCRIBE with.

Source: RFC 8866 (SDP), RFC 6184 section 8.2.1, RFC 7798 section 7.1.
"""

import base64
from dataclasses import dataclass

from sample_streams.wire.metadata import METADATA_PAYLOAD_TYPE
from sample_streams.wire.nal import Codec, ParameterSets
from sample_streams.wire.rtp import PCMU_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE


@dataclass(frozen=True, slots=True)
class MediaDescription:
    """What there is to describe; ``metadata`` is the encoding name of the metadata track, if there is one."""

    codec: Codec
    parameters: ParameterSets
    fps: float
    has_audio: bool
    host: str
    metadata: str | None = None


def session_description(media: MediaDescription) -> str:
    """Return the SDP text; tracks are ``trackID=0`` (video), 1 (audio) and 2 (metadata)."""
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {media.host}",
        "s=Sample city camera",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {VIDEO_PAYLOAD_TYPE}",
        f"a=rtpmap:{VIDEO_PAYLOAD_TYPE} {media.codec.value.upper()}/90000",
        f"a=fmtp:{VIDEO_PAYLOAD_TYPE} {_format_parameters(media)}",
        f"a=framerate:{media.fps:g}",
        "a=control:trackID=0",
    ]
    if media.has_audio:
        lines += [
            f"m=audio 0 RTP/AVP {PCMU_PAYLOAD_TYPE}",
            f"a=rtpmap:{PCMU_PAYLOAD_TYPE} PCMU/8000",
            "a=control:trackID=1",
        ]
    if media.metadata is not None:
        lines += [
            f"m=application 0 RTP/AVP {METADATA_PAYLOAD_TYPE}",
            f"a=rtpmap:{METADATA_PAYLOAD_TYPE} {media.metadata}/90000",
            "a=control:trackID=2",
        ]
    return "\r\n".join(lines) + "\r\n"


def _format_parameters(media: MediaDescription) -> str:
    sets = media.parameters
    if media.codec is Codec.H264:
        profile = sets.sps[1:4].hex().upper()
        sprop = f"{_text(sets.sps)},{_text(sets.pps)}"
        return f"packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sprop}"
    return f"sprop-vps={_text(sets.vps)};sprop-sps={_text(sets.sps)};sprop-pps={_text(sets.pps)}"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
