"""Where a device's services are, and what it says where they are: two matters, since it may stand behind a router.

Source: ONVIF Core Specification, GetServices and GetCapabilities (XAddr).
"""

from dataclasses import dataclass
from enum import StrEnum

from sample_streams.onvif.habits import OWN_PATHS, OnvifHabit, OnvifHabits

INSIDE = "192.168.1.64"
"""The address behind the router."""


class Service(StrEnum):
    """A service, by the name space of its operations."""

    DEVICE = "http://www.onvif.org/ver10/device/wsdl"
    MEDIA = "http://www.onvif.org/ver10/media/wsdl"
    MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
    PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
    RECORDING = "http://www.onvif.org/ver10/recording/wsdl"
    SEARCH = "http://www.onvif.org/ver10/search/wsdl"


_PATHS = {
    Service.DEVICE: "/onvif/device_service",
    Service.MEDIA: "/onvif/media_service",
    Service.MEDIA2: "/onvif/media2_service",
    Service.PTZ: "/onvif/ptz_service",
    Service.RECORDING: "/onvif/recording_service",
    Service.SEARCH: "/onvif/search_service",
}
_ELSEWHERE = {
    Service.MEDIA: "/onvif/Media",
    Service.MEDIA2: "/onvif/services?name=media&version=2",
    Service.PTZ: "/cgi-bin/ptz.cgi?channel=1",
    Service.RECORDING: "/onvif/services?name=recording",
    Service.SEARCH: "/onvif/services?name=search",
}
_ON_SECOND_PORT = frozenset({Service.MEDIA, Service.MEDIA2, Service.PTZ})


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one device.

    Args:
        second_port: of media and PTZ, where they have one; else None.
    """

    host: str
    port: int
    second_port: int | None
    habits: OnvifHabits

    def path(self, service: Service) -> str:
        """Return where a service is, with its query."""
        if service is Service.DEVICE:
            if self.habits.has(OnvifHabit.AT_DEVICE_SERVICE):
                return "/device_service"
            if self.habits.has(OnvifHabit.AT_ONVIF_DEVICE):
                return "/onvif/device"
        elif self.habits.has(OnvifHabit.SERVICES_ELSEWHERE):
            return _ELSEWHERE[service]
        return _PATHS[service]

    def url(self, service: Service) -> str:
        """Return where a service truly is."""
        return f"http://{url_host(self.host)}:{self._port(service)}{self.path(service)}"

    def xaddr(self, service: Service) -> str:
        """Return what the device says where a service is."""
        path, port, has = self.path(service), self._port(service), self.habits.has
        told = self.url(service)
        if has(OnvifHabit.BEHIND_NAT):
            told = f"http://{INSIDE}{path}"
        elif has(OnvifHabit.XADDR_IPV6):
            told = f"http://[fe80::a2bd:1dff:fe00:64]:{port}{path}"
        elif has(OnvifHabit.XADDR_NAME):
            told = f"http://camera-64.invalid:{port}{path}"
        elif has(OnvifHabit.XADDR_HTTPS):
            told = f"https://{url_host(self.host)}:{port}{path}"
        elif has(OnvifHabit.XADDR_PATH):
            told = path
        return f"\n   {told} \n" if has(OnvifHabit.XADDR_SPACES) else told

    def answers(self, service: Service | None, path: str, port: int) -> bool:
        """Whether an operation of a service is answered at a path and port; most devices do not look at the path."""
        if not self.habits.has(*OWN_PATHS):
            return True
        return service is not None and path == self.path(service) and port == self._port(service)

    def is_known(self, path: str, port: int) -> bool:
        """Whether anything is at a path and port."""
        return any(self.answers(service, path, port) for service in Service)

    def _port(self, service: Service) -> int:
        return self.second_port if self.second_port is not None and service in _ON_SECOND_PORT else self.port


def url_host(host: str) -> str:
    """Return a host as URLs write it: IPv6 in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host
