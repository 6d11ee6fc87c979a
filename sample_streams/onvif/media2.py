"""The ONVIF Media2 service: profiles that can be H.265, addresses as plain strings.

Source: ONVIF Media2 Service Specification (GetProfiles, GetStreamUri, SetSynchronizationPoint), media.wsdl ver20.
"""

from collections.abc import Set as AbstractSet
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from sample_streams.onvif import media, ptz_spaces
from sample_streams.onvif.habits import OnvifHabit
from sample_streams.onvif.media import AUDIO_TOKEN, PROFILE_TOKEN, MediaFacts
from sample_streams.onvif.soap import SoapFaultError, texts_of
from sample_streams.wire.nal import Codec

_PROTOCOLS = frozenset({"RtspUnicast", "RTSP"})
_ALL = "All"


def answer_media2(facts: MediaFacts, operation: str, body: Element) -> str | None:
    """Return the answer to a call of this service, None where it has no such call.

    Raises:
        SoapFaultError: there is no such profile or protocol.
    """
    match operation:
        case "GetProfiles":
            return _profiles(facts, set(texts_of(body, "Type")), next(iter(texts_of(body, "Token")), None))
        case "GetStreamUri":
            if (protocol := next(iter(texts_of(body, "Protocol")), "")) not in _PROTOCOLS:
                raise SoapFaultError("ter:InvalidArgVal", f"this device has no protocol {protocol!r}")
            token = next(iter(texts_of(body, "ProfileToken")), "")
            return _wrap("GetStreamUri", f"<tr2:Uri>{escape(media.stream_url_of(facts, token))}</tr2:Uri>")
        case "SetSynchronizationPoint":
            return _wrap("SetSynchronizationPoint", "")
        case "GetServiceCapabilities":
            return _wrap(
                "GetServiceCapabilities",
                '<tr2:Capabilities><tr2:ProfileCapabilities MaximumNumberOfProfiles="4"/><tr2:StreamingCapabilities '
                'RTSPStreaming="true" RTP_RTSP_TCP="true" RTPMulticast="false"/></tr2:Capabilities>',
            )
    return None


def _wrap(operation: str, inner: str) -> str:
    return f"<tr2:{operation}Response>{inner}</tr2:{operation}Response>"


def _profiles(facts: MediaFacts, types: AbstractSet[str], token: str | None) -> str:
    """Return the profiles with the configurations that were asked for: none without a type, as the specification says."""
    listed = {PROFILE_TOKEN: _configurations(facts)}
    if facts.habits.has(OnvifHabit.AUDIO_FIRST):
        listed = {AUDIO_TOKEN: _AUDIO} | listed
    if token is not None:
        if token not in listed:
            raise SoapFaultError("ter:NoProfile", f"there is no profile {token!r}")
        listed = {token: listed[token]}
    inner = ""
    for one, configurations in listed.items():
        asked = "".join(text for kind, text in configurations.items() if kind in types or _ALL in types)
        name = "" if facts.habits.has(OnvifHabit.PROFILE_WITHOUT_NAME) else f"<tr2:Name>{one}</tr2:Name>"
        inner += f'<tr2:Profiles token="{one}" fixed="true">{name}'
        inner += f"<tr2:Configurations>{asked}</tr2:Configurations></tr2:Profiles>" if asked else "</tr2:Profiles>"
    return _wrap("GetProfiles", inner)


_AUDIO = {
    "AudioSource": (
        '<tr2:AudioSource token="asc"><tt:Name>asc</tt:Name><tt:UseCount>1</tt:UseCount><tt:SourceToken>microphone'
        "</tt:SourceToken></tr2:AudioSource>"
    ),
    "AudioEncoder": (
        '<tr2:AudioEncoder token="aec"><tt:Name>aec</tt:Name><tt:UseCount>1</tt:UseCount><tt:Encoding>PCMU'
        "</tt:Encoding><tt:Bitrate>64</tt:Bitrate><tt:SampleRate>8</tt:SampleRate></tr2:AudioEncoder>"
    ),
}


def _configurations(facts: MediaFacts) -> dict[str, str]:
    codec, profile = ("H265", "Main") if facts.codec is Codec.H265 else ("H264", "High")
    found = {
        "VideoSource": media.video_source_configuration(facts, "tr2:VideoSource"),
        "VideoEncoder": (
            f'<tr2:VideoEncoder token="vec" GovLength="{round(facts.fps)}" Profile="{profile}"><tt:Name>vec</tt:Name>'
            f"<tt:UseCount>1</tt:UseCount><tt:Encoding>{codec}</tt:Encoding>{media.resolution(facts)}"
            f'<tt:RateControl ConstantBitRate="false"><tt:FrameRateLimit>{facts.fps:g}</tt:FrameRateLimit>'
            "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl><tt:Quality>5</tt:Quality></tr2:VideoEncoder>"
        ),
    }
    if facts.ptz_space is not None:
        found["PTZ"] = ptz_spaces.configuration("tr2:PTZ", facts.ptz_space)
    if facts.has_metadata:
        found["Metadata"] = media.metadata_configuration("tr2:Metadata")
    return found
