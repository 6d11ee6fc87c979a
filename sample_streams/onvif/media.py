"""The ONVIF media service, version 1. Source: ONVIF Media Service Specification, media.wsdl ver10."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from sample_streams.onvif import ptz_spaces
from sample_streams.onvif.addresses import INSIDE
from sample_streams.onvif.habits import OnvifHabit, OnvifHabits
from sample_streams.onvif.soap import SoapFaultError
from sample_streams.wire.nal import Codec

PROFILE_TOKEN = "main"  # noqa: S105  ONVIF calls its identifiers tokens
AUDIO_TOKEN = "AudioOnly"  # noqa: S105  ONVIF calls its identifiers tokens
SOURCE_TOKEN = "sensor"  # noqa: S105  ONVIF calls its identifiers tokens


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What there is to stream."""

    codec: Codec
    width_px: int
    height_px: int
    fps: float
    stream_url: str
    ptz_space: "ptz_spaces.PtzSpace | None"
    has_metadata: bool = False
    habits: OnvifHabits = field(default_factory=OnvifHabits)


def profiles(facts: MediaFacts) -> str:
    """Answer GetProfiles with the one profile, and one without video where the device lists that first."""
    audio = _audio_profile("trt:Profiles") if facts.habits.has(OnvifHabit.AUDIO_FIRST) else ""
    return f"<trt:GetProfilesResponse>{audio}{_profile(facts, 'trt:Profiles')}</trt:GetProfilesResponse>"


def profile(facts: MediaFacts, token: str | None) -> str:
    """Answer GetProfile."""
    stream_url_of(facts, token)
    inner = _audio_profile("trt:Profile") if token == AUDIO_TOKEN else _profile(facts, "trt:Profile")
    return f"<trt:GetProfileResponse>{inner}</trt:GetProfileResponse>"


def stream_url_of(facts: MediaFacts, token: str | None) -> str:
    """Return where the stream of a profile is.

    Raises:
        SoapFaultError: there is no such profile.
    """
    if token == PROFILE_TOKEN:
        where = urlsplit(facts.stream_url)
        return f"rtsp://{INSIDE}:554{where.path}" if facts.habits.has(OnvifHabit.BEHIND_NAT) else facts.stream_url
    if token == AUDIO_TOKEN and facts.habits.has(OnvifHabit.AUDIO_FIRST):
        return f"{facts.stream_url}/audio"
    raise SoapFaultError("ter:NoProfile", f"there is no profile {token!r}")


def stream_uri(facts: MediaFacts, token: str | None) -> str:
    """Answer GetStreamUri."""
    return (
        f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{escape(stream_url_of(facts, token))}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
    )


def video_sources(facts: MediaFacts) -> str:
    """Answer GetVideoSources."""
    return (
        f'<trt:GetVideoSourcesResponse><trt:VideoSources token="{SOURCE_TOKEN}"><tt:Framerate>{facts.fps:g}'
        f"</tt:Framerate>{resolution(facts)}</trt:VideoSources></trt:GetVideoSourcesResponse>"
    )


def metadata_configurations(facts: MediaFacts) -> str:
    """Answer GetMetadataConfigurations."""
    inner = metadata_configuration("trt:Configurations") if facts.has_metadata else ""
    return f"<trt:GetMetadataConfigurationsResponse>{inner}</trt:GetMetadataConfigurationsResponse>"


def synchronization_point() -> str:
    """Answer SetSynchronizationPoint."""
    return "<trt:SetSynchronizationPointResponse/>"


def resolution(facts: MediaFacts) -> str:
    """Return the size of the picture."""
    return (
        f"<tt:Resolution><tt:Width>{facts.width_px}</tt:Width><tt:Height>{facts.height_px}</tt:Height></tt:Resolution>"
    )


def video_source_configuration(facts: MediaFacts, tag: str) -> str:
    """Return the one video source configuration."""
    return (
        f'<{tag} token="vsc"><tt:Name>vsc</tt:Name><tt:UseCount>1</tt:UseCount>'
        f'<tt:SourceToken>{SOURCE_TOKEN}</tt:SourceToken><tt:Bounds x="0" y="0" width="{facts.width_px}" '
        f'height="{facts.height_px}"/></{tag}>'
    )


def _profile(facts: MediaFacts, tag: str) -> str:
    has = facts.habits.has
    encoder = "" if has(OnvifHabit.MEDIA1_WITHOUT_ENCODER) else _video_encoder(facts)
    metadata = metadata_configuration("tt:MetadataConfiguration") if facts.has_metadata else ""
    ptz = ""
    if facts.ptz_space is not None and not has(OnvifHabit.MEDIA1_WITHOUT_PTZ):
        ptz = ptz_spaces.configuration("tt:PTZConfiguration", facts.ptz_space)
    name = "" if has(OnvifHabit.PROFILE_WITHOUT_NAME) else "<tt:Name>main</tt:Name>"
    return (
        f'<{tag} token="{PROFILE_TOKEN}" fixed="true">{name}'
        f"{video_source_configuration(facts, 'tt:VideoSourceConfiguration')}{encoder}{ptz}{metadata}</{tag}>"
    )


def _video_encoder(facts: MediaFacts) -> str:
    # The version 1 media service has no word for H.265; real cameras answer H264 there or leave the field out of date.
    encoding = "H264"
    address = "<tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    return (
        f'<tt:VideoEncoderConfiguration token="vec"><tt:Name>vec</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{encoding}</tt:Encoding>{resolution(facts)}<tt:Quality>5</tt:Quality><tt:RateControl>"
        f"<tt:FrameRateLimit>{round(facts.fps)}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl><tt:H264><tt:GovLength>"
        f"{round(facts.fps)}</tt:GovLength><tt:H264Profile>High</tt:H264Profile></tt:H264><tt:Multicast>{address}"
        "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>"
    )


def _audio_profile(tag: str) -> str:
    address = "<tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    return (
        f'<{tag} token="{AUDIO_TOKEN}" fixed="true"><tt:Name>{AUDIO_TOKEN}</tt:Name>'
        '<tt:AudioSourceConfiguration token="asc"><tt:Name>asc</tt:Name><tt:UseCount>1</tt:UseCount>'
        "<tt:SourceToken>microphone</tt:SourceToken></tt:AudioSourceConfiguration>"
        '<tt:AudioEncoderConfiguration token="aec"><tt:Name>aec</tt:Name><tt:UseCount>1</tt:UseCount>'
        "<tt:Encoding>G711</tt:Encoding><tt:Bitrate>64</tt:Bitrate><tt:SampleRate>8</tt:SampleRate>"
        f"<tt:Multicast>{address}<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart>"
        f"</tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:AudioEncoderConfiguration></{tag}>"
    )


def metadata_configuration(tag: str) -> str:
    """Return the one metadata configuration."""
    address = "<tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    return (
        f'<{tag} token="metadata"><tt:Name>metadata</tt:Name><tt:UseCount>1</tt:UseCount>'
        "<tt:PTZStatus><tt:Status>true</tt:Status><tt:Position>true</tt:Position></tt:PTZStatus>"
        f"<tt:Analytics>false</tt:Analytics><tt:Multicast>{address}<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL>"
        f"<tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout></{tag}>"
    )
