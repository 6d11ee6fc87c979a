"""The device service: what time it is at the camera, and where its other services are.

Source: ONVIF Core Specification 8.1 (GetServices, GetCapabilities), 8.3.6 (GetSystemDateAndTime).
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.failure import CameraFailure
from ingest.onvif.address import ServiceUrl, reported_url
from ingest.onvif.soap import SoapClient, SoapFault, is_conceivable
from ingest.tolerant_xml import text_of
from vms.clock import Clock
from vms.errors import NotFound, Unavailable

DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"
MEDIA: Final = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2: Final = "http://www.onvif.org/ver20/media/wsdl"
PTZ: Final = "http://www.onvif.org/ver20/ptz/wsdl"
RECORDING: Final = "http://www.onvif.org/ver10/recording/wsdl"
SCHEMA: Final = "http://www.onvif.org/ver10/schema"
"""Of the elements inside those of the services."""
SEARCH: Final = "http://www.onvif.org/ver10/search/wsdl"
_CAPABILITIES: Final = {"Media": MEDIA, "PTZ": PTZ, "Recording": RECORDING, "Search": SEARCH}
_POSIX_ZONE: Final = re.compile(r"(?:<[^>]*>|[A-Za-z]+)([+-]?)(\d{1,2})(?::(\d\d))?")
"""IEEE 1003.1 section 8.3, as ONVIF wants it: hours west of Greenwich, CET-1CEST for Utrecht."""
_CLOCK: Final = f'<GetSystemDateAndTime xmlns="{DEVICE}"/>'


class Services:
    """Where a camera's services are, and asking them.

    Args:
        url: of the device service, exactly as configured.

    Raises:
        CameraFailure: refused, or not reachable.
        Unavailable: what answers there is no ONVIF service.
    """

    def __init__(self, soap: SoapClient, url: ServiceUrl) -> None:
        self._soap = soap
        self._url = url
        self._reported: dict[str, str] = {}
        self._is_listed = False
        try:
            found = self.ask(DEVICE, "GetCapabilities", "<Category>All</Category>")
        except SoapFault:
            # Superseded by GetServices: newer devices need not know it.
            self._list()
        else:
            self._learn(_capabilities(found))

    def ask(self, namespace: str, operation: str, inner: str = "") -> ET.Element:
        """Call an operation; return its response element with prefixes taken off.

        Args:
            inner: the elements inside the operation's, in the service's name space where they name no other.

        Raises:
            CameraFailure: refused, or not reachable.
            SoapFault: the camera refuses for another reason.
            Unavailable: the answer is one to something else.
            NotFound: the camera has no such service.
        """
        root = self._soap.ask(self.url(namespace), f'<{operation} xmlns="{namespace}">{inner}</{operation}>').root
        found = next(root.iter(f"{operation}Response"), None)
        if found is None:
            raise Unavailable(
                f"the camera answers ONVIF with nonsense (no {operation}Response)", code="camera.onvif-nonsense"
            )
        return found

    def has(self, namespace: str) -> bool:
        """Say whether the device has a service; the newer list, that older devices do not know, may name more."""
        if namespace not in self._reported and not self._is_listed:
            try:
                self._list()
            except SoapFault:
                # An unknown operation; but being refused the list is not the same as having nothing: that is raised.
                self._is_listed = True
        return namespace in self._reported

    def url(self, namespace: str) -> ServiceUrl:
        """Return where a service is.

        Raises:
            NotFound: the camera has none.
            Unavailable: it is at no address.
        """
        if namespace == DEVICE:
            return self._url
        if not self.has(namespace):
            raise NotFound(f"the camera has no ONVIF service {namespace}", code="camera.onvif-service")
        # Only now: a service that nobody asks may be wherever the camera says.
        return reported_url(self._reported[namespace], self._url)

    def _list(self) -> None:
        root = self.ask(DEVICE, "GetServices", "<IncludeCapability>false</IncludeCapability>")
        self._learn((one.find("Namespace"), one.find("XAddr")) for one in root.iter("Service"))
        self._is_listed = True

    def _learn(self, reported: Iterable[tuple[ET.Element | str | None, ET.Element | None]]) -> None:
        for service, where in reported:
            namespace = service if isinstance(service, str) else text_of(service)
            # A service without an address is one that the camera does not have.
            if namespace and (address := text_of(where)):
                self._reported.setdefault(namespace, address)


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
    """Return the camera's time in UTC; of one that reports local time only, by its time zone. None where it reports neither."""
    utc = next(root.iter("UTCDateTime"), None)
    if utc is not None:
        return _instant(utc)
    local = next(root.iter("LocalDateTime"), None)
    zone = _POSIX_ZONE.match(text_of(next(root.iter("TZ"), None)))
    found = None if local is None else _instant(local)
    if found is None or zone is None:
        return None
    west = timedelta(hours=int(zone.group(2)), minutes=int(zone.group(3) or 0)) * (-1 if zone.group(1) == "-" else 1)
    is_summer = text_of(next(root.iter("DaylightSavings"), None)) in {"true", "1"}
    return found + west - (timedelta(hours=1) if is_summer else timedelta())


def _instant(reported: ET.Element) -> datetime | None:
    paths = ("Date/Year", "Date/Month", "Date/Day", "Time/Hour", "Time/Minute", "Time/Second")
    try:
        year, month, day, hour, minute, second = (int(reported.findtext(path) or "") for path in paths)
        # Whole seconds: on average half a second has gone by since.
        found = datetime(year, month, day, hour, minute, min(second, 59), 500_000, tzinfo=UTC)
    except ValueError:
        return None
    return found if is_conceivable(found) else None


def _capabilities(root: ET.Element) -> Iterator[tuple[str, ET.Element | None]]:
    """Yield name spaces and addresses of the services in the capabilities and their extension."""
    for element in root.iter():
        if element.tag in _CAPABILITIES:
            yield _CAPABILITIES[element.tag], element.find("XAddr")
