"""The ONVIF media service, version 1. Source: ONVIF Media Service Specification, media.wsdl ver10."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from sample_streams.onvif import ptz_spaces
from sample_streams.wire.nal import Codec

PROFILE_TOKEN = "main"  # noqa: S105  ONVIF calls its identifiers tokens
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


def profiles(facts: MediaFacts) -> str:
    """Answer GetProfiles with the one profile."""
    return f"<trt:GetProfilesResponse>{_profile(facts, 'trt:Profiles')}</trt:GetProfilesResponse>"


def profile(facts: MediaFacts) -> str:
    """Answer GetProfile."""
    return f"<trt:GetProfileResponse>{_profile(facts, 'trt:Profile')}</trt:GetProfileResponse>"


def stream_uri(facts: MediaFacts) -> str:
    """Answer GetStreamUri."""
    return (
        f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{escape(facts.stream_url)}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
    )


def video_sources(facts: MediaFacts) -> str:
    """Answer GetVideoSources."""
    return (
        f'<trt:GetVideoSourcesResponse><trt:VideoSources token="{SOURCE_TOKEN}"><tt:Framerate>{facts.fps:g}'
        f"</tt:Framerate>{_resolution(facts)}</trt:VideoSources></trt:GetVideoSourcesResponse>"
    )


def metadata_configurations(facts: MediaFacts) -> str:
    """Answer GetMetadataConfigurations."""
    inner = _metadata("trt:Configurations") if facts.has_metadata else ""
    return f"<trt:GetMetadataConfigurationsResponse>{inner}</trt:GetMetadataConfigurationsResponse>"


def synchronization_point() -> str:
    """Answer SetSynchronizationPoint."""
    return "<trt:SetSynchronizationPointResponse/>"


def _resolution(facts: MediaFacts) -> str:
    return (
        f"<tt:Resolution><tt:Width>{facts.width_px}</tt:Width><tt:Height>{facts.height_px}</tt:Height></tt:Resolution>"
    )


def _profile(facts: MediaFacts, tag: str) -> str:
    # The version 1 media service has no word for H.265; real cameras answer H264 there or leave the field out of date.
    encoding = "H264"
    metadata = _metadata("tt:MetadataConfiguration") if facts.has_metadata else ""
    address = "<tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    ptz = ptz_spaces.configuration("tt:PTZConfiguration", facts.ptz_space) if facts.ptz_space else ""
    return (
        f'<{tag} token="{PROFILE_TOKEN}" fixed="true"><tt:Name>main</tt:Name>'
        f'<tt:VideoSourceConfiguration token="vsc"><tt:Name>vsc</tt:Name><tt:UseCount>1</tt:UseCount>'
        f'<tt:SourceToken>{SOURCE_TOKEN}</tt:SourceToken><tt:Bounds x="0" y="0" width="{facts.width_px}" '
        f'height="{facts.height_px}"/></tt:VideoSourceConfiguration>'
        f'<tt:VideoEncoderConfiguration token="vec"><tt:Name>vec</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{encoding}</tt:Encoding>{_resolution(facts)}<tt:Quality>5</tt:Quality><tt:RateControl>"
        f"<tt:FrameRateLimit>{round(facts.fps)}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        "<tt:BitrateLimit>4096</tt:BitrateLimit></tt:RateControl><tt:H264><tt:GovLength>"
        f"{round(facts.fps)}</tt:GovLength><tt:H264Profile>High</tt:H264Profile></tt:H264><tt:Multicast>{address}"
        "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        f"<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>{ptz}{metadata}</{tag}>"
    )


def _metadata(tag: str) -> str:
    address = "<tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    return (
        f'<{tag} token="metadata"><tt:Name>metadata</tt:Name><tt:UseCount>1</tt:UseCount>'
        "<tt:PTZStatus><tt:Status>true</tt:Status><tt:Position>true</tt:Position></tt:PTZStatus>"
        f"<tt:Analytics>false</tt:Analytics><tt:Multicast>{address}<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL>"
        f"<tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout></{tag}>"
    )
