"""The ONVIF device service. Source: ONVIF Core Specification, devicemgmt.wsdl ver10."""

from dataclasses import dataclass
from datetime import datetime
from xml.sax.saxutils import escape

from sample_streams.onvif.recording import RECORDING_URI, SEARCH_URI


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a camera says about itself."""

    name: str
    serial: str
    base_url: str
    has_ptz: bool


def system_date_and_time(now: datetime) -> str:
    """Answer GetSystemDateAndTime from the camera's clock."""
    time = f"<tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
    date = f"<tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone>"
        f"<tt:UTCDateTime><tt:Time>{time}</tt:Time><tt:Date>{date}</tt:Date></tt:UTCDateTime>"
        "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def device_information(facts: DeviceFacts) -> str:
    """Answer GetDeviceInformation."""
    return (
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>Sample City</tds:Manufacturer>"
        f"<tds:Model>{'Draaitoren 2' if facts.has_ptz else 'Straatoog 1'}</tds:Model>"
        f"<tds:FirmwareVersion>1.0</tds:FirmwareVersion><tds:SerialNumber>{escape(facts.serial)}</tds:SerialNumber>"
        "<tds:HardwareId>simulated</tds:HardwareId></tds:GetDeviceInformationResponse>"
    )


def capabilities(facts: DeviceFacts, *, has_edge: bool) -> str:
    """Answer GetCapabilities."""
    base = facts.base_url
    ptz = f"<tt:PTZ><tt:XAddr>{base}/onvif/ptz_service</tt:XAddr></tt:PTZ>" if facts.has_ptz else ""
    flags = ("DiscoveryResolve", "DiscoveryBye", "RemoteDiscovery", "SystemBackup", "SystemLogging", "FirmwareUpgrade")
    system = "".join(f"<tt:{flag}>false</tt:{flag}>" for flag in flags)
    return (
        f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>{base}/onvif/device_service</tt:XAddr>"
        f"<tt:System>{system}<tt:SupportedVersions><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor>"
        f"</tt:SupportedVersions></tt:System></tt:Device><tt:Media><tt:XAddr>{base}/onvif/media_service</tt:XAddr>"
        "<tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP>"
        "<tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>"
        f"{ptz}{_edge_capabilities(base) if has_edge else ''}</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def _edge_capabilities(base: str) -> str:
    return (
        f"<tt:Extension><tt:Recording><tt:XAddr>{base}/onvif/recording_service</tt:XAddr>"
        "<tt:ReceiverSource>false</tt:ReceiverSource><tt:MediaProfileSource>true</tt:MediaProfileSource>"
        "<tt:DynamicRecordings>false</tt:DynamicRecordings><tt:DynamicTracks>false</tt:DynamicTracks>"
        f"<tt:MaxStringLength>64</tt:MaxStringLength></tt:Recording><tt:Search><tt:XAddr>{base}/onvif/search_service"
        "</tt:XAddr><tt:MetadataSearch>false</tt:MetadataSearch></tt:Search></tt:Extension>"
    )


def services(facts: DeviceFacts, *, has_edge: bool) -> str:
    """Answer GetServices."""
    listed = [
        ("http://www.onvif.org/ver10/device/wsdl", "device_service"),
        ("http://www.onvif.org/ver10/media/wsdl", "media_service"),
    ]
    if facts.has_ptz:
        listed.append(("http://www.onvif.org/ver20/ptz/wsdl", "ptz_service"))
    if has_edge:
        listed += [(RECORDING_URI, "recording_service"), (SEARCH_URI, "search_service")]
    inner = "".join(
        f"<tds:Service><tds:Namespace>{uri}</tds:Namespace><tds:XAddr>{facts.base_url}/onvif/{path}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for uri, path in listed
    )
    return f"<tds:GetServicesResponse>{inner}</tds:GetServicesResponse>"


def scopes(facts: DeviceFacts) -> str:
    """Answer GetScopes."""
    items = ["onvif://www.onvif.org/type/video_encoder", f"onvif://www.onvif.org/name/{facts.name.replace(' ', '%20')}"]
    if facts.has_ptz:
        items.append("onvif://www.onvif.org/type/ptz")
    inner = "".join(
        f"<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>{escape(item)}</tt:ScopeItem></tds:Scopes>"
        for item in items
    )
    return f"<tds:GetScopesResponse>{inner}</tds:GetScopesResponse>"


def hostname(facts: DeviceFacts) -> str:
    """Answer GetHostname."""
    return (
        "<tds:GetHostnameResponse><tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP>"
        f"<tt:Name>{escape(facts.serial)}</tt:Name></tds:HostnameInformation></tds:GetHostnameResponse>"
    )
