"""The device service: what time it is at the camera, and where its other services are.

Source: ONVIF Core Specification 8.1 (GetServices, GetCapabilities), 8.3.6 (GetSystemDateAndTime).
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.failure import CameraFailure
from ingest.onvif.address import ServiceUrl, reported_url
from ingest.onvif.soap import SoapClient, SoapFault
from ingest.onvif.wsdl import Service
from vms.clock import Clock
from vms.errors import NotFound

DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"
MEDIA: Final = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2: Final = "http://www.onvif.org/ver20/media/wsdl"
PTZ: Final = "http://www.onvif.org/ver20/ptz/wsdl"
RECORDING: Final = "http://www.onvif.org/ver10/recording/wsdl"
SEARCH: Final = "http://www.onvif.org/ver10/search/wsdl"
_CAPABILITIES: Final = {"Media": MEDIA, "PTZ": PTZ, "Recording": RECORDING, "Search": SEARCH}
_CLOCK: Final = f'<GetSystemDateAndTime xmlns="{DEVICE}"/>'


class Services:
    """A camera's services, each made when first needed.

    Args:
        url: of the device service, exactly as configured.

    Raises:
        CameraFailure: refused, or not reachable.
        Unavailable: what answers there is no ONVIF service.
    """

    def __init__(self, soap: SoapClient, url: ServiceUrl) -> None:
        self._soap = soap
        self._url = url
        self._made: dict[str, Service] = {}
        self._urls: dict[str, ServiceUrl] = {}
        self._is_listed = False
        try:
            found = self.ask_device("GetCapabilities", "<Category>All</Category>")
        except SoapFault:
            # Superseded by GetServices: newer devices need not know it.
            self._list()
        else:
            self._learn(_capabilities(found))

    def ask_device(self, operation: str, inner: str = "") -> ET.Element:
        """Call the device service; return the answer with prefixes taken off."""
        return self._soap.ask(self._url, f'<{operation} xmlns="{DEVICE}">{inner}</{operation}>').root

    def has(self, namespace: str) -> bool:
        """Say whether the device has a service; the newer list, that older devices do not know, may name more."""
        if namespace not in self._urls and not self._is_listed:
            try:
                self._list()
            except SoapFault:
                # An unknown operation; but being refused the list is not the same as having nothing: that is raised.
                self._is_listed = True
        return namespace in self._urls

    def url(self, namespace: str) -> ServiceUrl:
        """Return where a service is.

        Raises:
            NotFound: the camera has none.
        """
        if not self.has(namespace):
            raise NotFound(f"the camera has no ONVIF service {namespace}", code="camera.onvif-service")
        return self._urls[namespace]

    def service(self, namespace: str) -> Service:
        """Return a service whose operations are called by WSDL; raises as `url` does."""
        if namespace not in self._made:
            self._made[namespace] = Service(self._soap, namespace, self.url(namespace))
        return self._made[namespace]

    def _list(self) -> None:
        root = self.ask_device("GetServices", "<IncludeCapability>false</IncludeCapability>")
        self._learn((one.findtext("Namespace"), one.findtext("XAddr")) for one in root.iter("Service"))
        self._is_listed = True

    def _learn(self, reported: "Iterator[tuple[str | None, str | None]]") -> None:
        for namespace, where in reported:
            if namespace and where and where.strip():
                self._urls.setdefault(namespace.strip(), reported_url(where.strip(), self._url))


def learned_offset(soap: SoapClient, url: ServiceUrl, clock: Clock) -> timedelta:
    """Return how far the camera's clock is ahead of ours.

    Asked without WS-Security, as the standard allows. A camera that wants a sign-in first shows its time in HTTP's Date: good enough for
    a digest to be fresh, with which it is asked again. One that shows nothing at all is taken to keep our time.

    Raises:
        CameraFailure: not reachable.
        Unavailable: what answers there is no ONVIF service.
    """
    try:
        found = _asked_offset(soap, url, clock, anonymously=True)
    except (SoapFault, CameraFailure) as error:
        if isinstance(error, CameraFailure) and (error.code != "camera.wrong-password" or soap.signs_by_http):
            raise
        found = None
    if found is not None or soap.camera_date is None:
        return found or timedelta()
    soap.ahead = soap.camera_date - clock.now()
    try:
        return _asked_offset(soap, url, clock, anonymously=False) or soap.ahead
    except SoapFault:
        return soap.ahead


def _asked_offset(soap: SoapClient, url: ServiceUrl, clock: Clock, *, anonymously: bool) -> timedelta | None:
    sent_at = clock.now()
    root = soap.ask(url, _CLOCK, anonymously=anonymously).root
    camera_at = _date_and_time(root)
    return None if camera_at is None else camera_at - (sent_at + (clock.now() - sent_at) / 2)


def _date_and_time(root: ET.Element) -> datetime | None:
    reported = next(root.iter("UTCDateTime"), None)
    if reported is None:
        return None
    paths = ("Date/Year", "Date/Month", "Date/Day", "Time/Hour", "Time/Minute", "Time/Second")
    try:
        year, month, day, hour, minute, second = (int(reported.findtext(path) or "") for path in paths)
        # Whole seconds: on average half a second has gone by since.
        return datetime(year, month, day, hour, minute, min(second, 59), 500_000, tzinfo=UTC)
    except ValueError:
        return None


def _capabilities(root: ET.Element) -> Iterator[tuple[str | None, str | None]]:
    """Yield name spaces and addresses of the services in the capabilities and their extension."""
    for element in root.iter():
        if element.tag in _CAPABILITIES:
            yield _CAPABILITIES[element.tag], element.findtext("XAddr")
