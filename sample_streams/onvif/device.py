"""The ONVIF device service. Source: ONVIF Core Specification, devicemgmt.wsdl ver10."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from sample_streams.onvif.addresses import Addresses, Service
from sample_streams.onvif.habits import OnvifHabit, OnvifHabits

_ZONE = ZoneInfo("Europe/Amsterdam")
_POSIX_ZONE = "CET-1CEST,M3.5.0,M10.5.0/3"
_ODD_ZONE, _ODD_AHEAD = "CST-01:00", timedelta(hours=1)
"""As a device was seen to name it (home-assistant/core issue 73861)."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a camera says about itself."""

    name: str
    serial: str
    addresses: Addresses
    has_ptz: bool

    @property
    def habits(self) -> OnvifHabits:
        """What it does differently."""
        return self.addresses.habits

    def xaddr(self, service: Service) -> str:
        """Return what it says where a service is, as XML."""
        return escape(self.addresses.xaddr(service))


def system_date_and_time(now: datetime, habits: OnvifHabits) -> str:
    """Answer GetSystemDateAndTime from the camera's clock; both times are optional in the schema."""
    zone, is_summer, told = "UTC0", False, _instant("UTCDateTime", now)
    if habits.has(OnvifHabit.NO_CLOCK):
        told = ""
    elif habits.has(OnvifHabit.ODD_ZONE):
        zone, told = _ODD_ZONE, _instant("LocalDateTime", now + _ODD_AHEAD)
    elif habits.has(OnvifHabit.LOCAL_TIME_ONLY):
        local = now.astimezone(_ZONE)
        zone, is_summer, told = _POSIX_ZONE, bool(local.dst()), _instant("LocalDateTime", local)
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        f"<tt:DaylightSavings>{str(is_summer).lower()}</tt:DaylightSavings><tt:TimeZone><tt:TZ>{zone}</tt:TZ>"
        f"</tt:TimeZone>{told}</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def _instant(tag: str, at: datetime) -> str:
    time = f"<tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second>"
    date = f"<tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day>"
    return f"<tt:{tag}><tt:Time>{time}</tt:Time><tt:Date>{date}</tt:Date></tt:{tag}>"


def device_information(facts: DeviceFacts) -> str:
    """Answer GetDeviceInformation."""
    model = ("Draaitoren 2" if facts.has_ptz else "Straatoog 1") + facts.habits.word
    return (
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>Sample City</tds:Manufacturer>"
        f"<tds:Model>{model}</tds:Model>"
        f"<tds:FirmwareVersion>1.0</tds:FirmwareVersion><tds:SerialNumber>{escape(facts.serial)}</tds:SerialNumber>"
        "<tds:HardwareId>simulated</tds:HardwareId></tds:GetDeviceInformationResponse>"
    )


def capabilities(facts: DeviceFacts, *, has_edge: bool) -> str:
    """Answer GetCapabilities, which knows nothing of Media2."""
    xaddr = facts.xaddr
    ptz = f"<tt:PTZ><tt:XAddr>{xaddr(Service.PTZ)}</tt:XAddr></tt:PTZ>" if facts.has_ptz else ""
    media = (
        f"<tt:Media><tt:XAddr>{xaddr(Service.MEDIA)}</tt:XAddr>"
        "<tt:StreamingCapabilities><tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP>"
        "<tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>"
    )
    if facts.habits.has(OnvifHabit.MEDIA2_ONLY):
        media = ""
    flags = ("DiscoveryResolve", "DiscoveryBye", "RemoteDiscovery", "SystemBackup", "SystemLogging", "FirmwareUpgrade")
    system = "".join(f"<tt:{flag}>false</tt:{flag}>" for flag in flags)
    return (
        f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>{xaddr(Service.DEVICE)}</tt:XAddr>"
        f"<tt:System>{system}<tt:SupportedVersions><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor>"
        f"</tt:SupportedVersions></tt:System></tt:Device>{media}"
        f"{ptz}{_edge_capabilities(facts) if has_edge else ''}</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def _edge_capabilities(facts: DeviceFacts) -> str:
    xaddr = facts.xaddr
    return (
        f"<tt:Extension><tt:Recording><tt:XAddr>{xaddr(Service.RECORDING)}</tt:XAddr>"
        "<tt:ReceiverSource>false</tt:ReceiverSource><tt:MediaProfileSource>true</tt:MediaProfileSource>"
        "<tt:DynamicRecordings>false</tt:DynamicRecordings><tt:DynamicTracks>false</tt:DynamicTracks>"
        "<tt:MaxStringLength>64</tt:MaxStringLength></tt:Recording><tt:Search>"
        f"<tt:XAddr>{xaddr(Service.SEARCH)}</tt:XAddr><tt:MetadataSearch>false</tt:MetadataSearch></tt:Search></tt:Extension>"
    )


def services(facts: DeviceFacts, *, has_edge: bool) -> str:
    """Answer GetServices."""
    listed = [Service.DEVICE]
    if not facts.habits.has(OnvifHabit.MEDIA2_ONLY):
        listed.append(Service.MEDIA)
    if has_media2(facts.habits):
        listed.append(Service.MEDIA2)
    if facts.has_ptz:
        listed.append(Service.PTZ)
    if has_edge:
        listed += [Service.RECORDING, Service.SEARCH]
    inner = "".join(
        f"<tds:Service><tds:Namespace>{one.value}</tds:Namespace><tds:XAddr>{facts.xaddr(one)}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for one in listed
    )
    return f"<tds:GetServicesResponse>{inner}</tds:GetServicesResponse>"


def has_media2(habits: OnvifHabits) -> bool:
    """Whether the device has the Media2 service."""
    return habits.has(
        OnvifHabit.MEDIA2, OnvifHabit.MEDIA2_ONLY, OnvifHabit.MEDIA1_WITHOUT_ENCODER, OnvifHabit.MEDIA1_WITHOUT_PTZ
    )


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
