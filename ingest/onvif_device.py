"""The camera's ONVIF services. The only module that knows onvif-zeep, and that contains its habits.

onvif-zeep sets up logging when imported, opens an event subscription nobody asked for, caches WSDL in the user's home, and wraps
every error, whatever it is, into "Unknown error". None of that leaves this module.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
import zeep.exceptions
from zeep.transports import Transport

from ingest import failure
from ingest.address import CameraAddress
from ingest.edge_answers import Answers, active_jobs
from ingest.position import parse_tolerantly
from ingest.ptz_space import PositionSpace, Preset, PtzSpaces, Range, chosen_spaces, zoom_numbers
from vms.clock import Clock
from vms.db.edge import EdgeRecordings
from vms.errors import InvalidInput, NotFound, Unavailable, VmsError
from vms.model import EdgeState


def _imported() -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    import onvif

    root.handlers[:] = handlers
    root.setLevel(level)
    return onvif


_onvif = _imported()
_transport: Any = Transport  # the library has no types
WSDL_DIR = Path(_onvif.__file__).parent.parent / "wsdl"
"""Where the wheel puts its WSDL files; not where it looks for them by itself in every environment."""
_REFUSAL_CODES = ("NotAuthorized", "FailedAuthentication", "FailedCheck")
"""Subcodes of a refused sender (ONVIF Core 5.9.1 `ter:NotAuthorized`; the others are WS-Security's)."""
_REFUSAL_WORDS = re.compile(r"not\s?authori[sz]ed|unauthori[sz]ed|authentication", re.IGNORECASE)
"""For cameras that send no subcode, or answer in HTTP alone."""
_WITHIN_S = 5.0


class _Client(_onvif.ONVIFCamera):  # type: ignore[misc, name-defined]  # the library has no types
    """The library's camera without the event subscription that it opens at every start.

    Args:
        url: of the device service.
        ahead: how far the camera's clock is ahead of ours: the digest must be fresh by the camera's clock.
    """

    def __init__(self, url: str, account: tuple[str, str], ahead: timedelta, transport: Any) -> None:
        self._url = url
        self._ahead = ahead
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = f"https://{parts.hostname}" if parts.scheme == "https" else parts.hostname
        super().__init__(host, port, *account, wsdl_dir=str(WSDL_DIR), no_cache=True, transport=transport)

    def update_xaddrs(self) -> None:
        """Find the services' addresses; called by the library's constructor."""
        self.dt_diff = self._ahead
        self.devicemgmt = self.create_devicemgmt_service()
        capabilities = self.devicemgmt.GetCapabilities({"Category": "All"})
        self.xaddrs: dict[str, str] = {}
        for name in ("Media", "PTZ"):
            found = getattr(capabilities, name, None)
            if found is not None:
                self._learn(_onvif.SERVICES[name.lower()]["ns"], found.XAddr)
        for name, xaddr in _extended(capabilities):
            if name in {"Recording", "Search"}:
                self._learn(_onvif.SERVICES[name.lower()]["ns"], xaddr)

    def _learn(self, namespace: str, xaddr: str) -> None:
        self.xaddrs.setdefault(namespace, self.reachable(xaddr))

    def has(self, name: str) -> bool:
        """Tell whether the device has a service; a newer list, that older devices do not know, may tell of more."""
        namespace = _onvif.SERVICES[name]["ns"]
        if namespace not in self.xaddrs:
            try:
                listed = self.devicemgmt.GetServices({"IncludeCapability": False}) or []
            except _onvif.ONVIFError as error:
                # An unknown operation; but being refused the list is not the same as having nothing.
                if not _is_fault(error) or any(map(_is_refusal, _chain(error))):
                    raise
                listed = []
            for one in listed:
                self._learn(one.Namespace, one.XAddr)
        return namespace in self.xaddrs

    def reachable(self, xaddr: str) -> str:
        """Return a service's address under the host and port by which we reach the device: behind NAT it does not know them."""
        return urlunsplit(urlsplit(self._url)._replace(path=urlsplit(xaddr).path))


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Who made the camera."""

    manufacturer: str
    model: str
    firmware: str
    serial: str


class OnvifDevice:
    """One camera's device, media and PTZ services. Made for one thread; it talks to the camera at once.

    Raises:
        InvalidInput: the address is no http address.
        CameraFailure: refused, or not reachable.
    """

    def __init__(self, address: CameraAddress, clock: Clock) -> None:
        parts = urlsplit(address.onvif_url or "")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InvalidInput(
                "a camera's ONVIF address must look like http://10.0.0.5/onvif/device_service", code="camera.onvif-url"
            )
        self._url = urlunsplit(parts)
        self._account = (address.username, address.password)
        self._clock = clock
        session = requests.Session()
        session.trust_env = False
        # No cache: it would be a database in the home of whoever runs us.
        self._transport: Any = _transport(cache=None, timeout=_WITHIN_S, operation_timeout=_WITHIN_S, session=session)
        self.clock_offset = self._learn_clock()
        with _translated():
            self._client = _Client(self._url, self._account, self.clock_offset, self._transport)
            self._media = self._client.create_media_service()
        self._ptz: Any = None
        self._profile: Any = None

    def camera_now(self) -> datetime:
        """Return the camera's time, as it was learned at the start."""
        return self._clock.now() + self.clock_offset

    def facts(self) -> DeviceFacts:
        """Return who made the camera."""
        with _translated():
            told = self._client.devicemgmt.GetDeviceInformation()
        return DeviceFacts(told.Manufacturer, told.Model, told.FirmwareVersion, told.SerialNumber)

    def stream_uri(self) -> str:
        """Return the RTSP address of the first profile, without credentials."""
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        with _translated():
            uri = self._media.GetStreamUri({"StreamSetup": setup, "ProfileToken": self.profile_token()}).Uri
        return str(uri)

    def request_sync_point(self) -> None:
        """Ask for a keyframe now."""
        with _translated():
            self._media.SetSynchronizationPoint({"ProfileToken": self.profile_token()})

    def profile_token(self) -> str:
        """Return the token of the first profile with video, and with PTZ where there is one."""
        if self._profile is None:
            with _translated():
                profiles = self._media.GetProfiles()
            usable = [one for one in profiles or [] if one.VideoEncoderConfiguration is not None]
            if not usable:
                raise NotFound("the camera has no profile with video; make one on the camera", code="camera.profile")
            self._profile = next((one for one in usable if one.PTZConfiguration is not None), usable[0])
        return str(self._profile.token)

    def streams_position(self) -> bool:
        """Return whether the profile has a metadata stream that is configured to tell the position."""
        self.profile_token()
        told = getattr(self._profile.MetadataConfiguration, "PTZStatus", None)
        return bool(told is not None and told.Position)

    def ptz_url(self) -> str:
        """Return the address of the PTZ service."""
        return str(self._ptz_service().xaddr)

    def ptz_spaces(self) -> PtzSpaces:
        """Return what the camera's position numbers mean.

        Raises:
            InvalidInput: degrees can't be known.
            NotFound: the profile has no PTZ.
        """
        configuration = self._ptz_configuration()
        with _translated():
            node = self._ptz_service().GetNode({"NodeToken": configuration.NodeToken})
        spaces = node.SupportedPTZSpaces
        told = (spaces.AbsolutePanTiltPositionSpace if spaces is not None else None) or []
        zooms = (spaces.AbsoluteZoomPositionSpace if spaces is not None else None) or []
        positions = [PositionSpace(str(one.URI), _range(one.XRange), _range(one.YRange)) for one in told]
        zoom = zoom_numbers(float(zooms[0].XRange.Min), float(zooms[0].XRange.Max)) if zooms else None
        return chosen_spaces(positions, zoom)

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move at shares (-1..1) of the top speed until told otherwise; the camera itself stops after a second."""
        velocity = {"PanTilt": {"x": pan, "y": tilt}, "Zoom": {"x": zoom}}
        self._call("ContinuousMove", Velocity=velocity, Timeout=timedelta(seconds=1))

    def stop(self) -> None:
        """Stop all movement."""
        self._call("Stop", PanTilt=True, Zoom=True)

    def go_to(self, spaces: PtzSpaces, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Go to a pose in degrees and 0..1."""
        x, y, raw_zoom = spaces.raw_position(pan_deg, tilt_deg, zoom)
        position = {"PanTilt": {"x": x, "y": y, "space": spaces.asked_in.uri}, "Zoom": {"x": raw_zoom}}
        self._call("AbsoluteMove", Position=position)

    def presets(self) -> list[Preset]:
        """Return the stored poses."""
        found = self._call("GetPresets") or []
        return [Preset(str(one.token), str(one.Name or one.token)) for one in found]

    def go_to_preset(self, preset_id: str) -> None:
        """Go to a stored pose."""
        self._call("GotoPreset", PresetToken=preset_id)

    def edge_recordings(self) -> EdgeRecordings:
        """Ask what the camera keeps by itself.

        Raises:
            CameraFailure: refused, or not reachable.
            Unavailable: it answers nonsense.
        """
        with _translated():
            if not self._client.has("recording"):
                return EdgeRecordings(EdgeState.NONE)
            service = self._client.create_recording_service()
            items, jobs = service.GetRecordings(), service.GetRecordingJobs()
            search = self._client.create_search_service() if self._client.has("search") else None
            return Answers(self.clock_offset).judged(items, jobs, None if search is None else _informant(search))

    def switch_edge_off(self) -> int:
        """Set every recording job that writes to idle; return how many there were. What is on the card stays."""
        with _translated():
            if not self._client.has("recording"):
                return 0
            service = self._client.create_recording_service()
            running = active_jobs(service.GetRecordingJobs())
            for token in running:
                service.SetRecordingJobMode({"JobToken": token, "Mode": "Idle"})
        return len(running)

    def close(self) -> None:
        """Close the connections."""
        self._transport.session.close()

    def _call(self, operation: str, **fields: Any) -> Any:
        service = self._ptz_service()
        with _translated():
            return getattr(service, operation)({"ProfileToken": self.profile_token(), **fields})

    def _ptz_configuration(self) -> Any:
        self.profile_token()
        if self._profile.PTZConfiguration is None:
            raise NotFound("the camera's profile has no PTZ; add a PTZ configuration to it", code="camera.no-ptz")
        return self._profile.PTZConfiguration

    def _ptz_service(self) -> Any:
        if self._ptz is None:
            with _translated():
                self._ptz = self._client.create_ptz_service()
        return self._ptz

    def _learn_clock(self) -> timedelta:
        """Ask for the camera's time without credentials, as the standard allows; a camera that refuses is taken to keep ours."""
        ask = (
            '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
            '<GetSystemDateAndTime xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>'
        )
        sent_at = self._clock.now()
        with _translated():
            reply = self._transport.session.post(
                self._url,
                data=ask,
                headers={"Content-Type": "application/soap+xml; charset=utf-8"},
                timeout=_WITHIN_S,
            )
        camera_at = _date_and_time(reply.content) if reply.ok else None
        middle_at = sent_at + (self._clock.now() - sent_at) / 2
        return timedelta() if camera_at is None else camera_at - middle_at


def _extended(capabilities: Any) -> Iterator[tuple[str, str]]:
    """Yield names and addresses of the services in the extension of the capabilities.

    They are named in the schema, but a wildcard stands before them there, and zeep lets it swallow them as bare XML.
    """
    for element in getattr(getattr(capabilities, "Extension", None), "_value_1", None) or []:
        xaddr = element.findtext("{*}XAddr")
        if xaddr:
            yield str(element.tag).rpartition("}")[2], xaddr


def _informant(search: Any) -> Callable[[str], Any]:
    """Return what asks for one recording's information, None from it where the camera has no answer."""

    def ask(token: str) -> Any:
        try:
            return search.GetRecordingInformation({"RecordingToken": token})
        except _onvif.ONVIFError as error:
            if _is_fault(error):
                return None
            raise

    return ask


def _date_and_time(body: bytes) -> datetime | None:
    root = parse_tolerantly(body)
    told = None if root is None else next(root.iter("UTCDateTime"), None)
    if told is None:
        return None
    fields = [
        told.findtext(path)
        for path in ("Date/Year", "Date/Month", "Date/Day", "Time/Hour", "Time/Minute", "Time/Second")
    ]
    try:
        year, month, day, hour, minute, second = (int(text or "") for text in fields)
        # Whole seconds: on average half a second has gone by since.
        return datetime(year, month, day, hour, minute, min(second, 59), 500_000, tzinfo=UTC)
    except ValueError:
        return None


def _range(told: Any) -> Range:
    return Range(float(told.Min), float(told.Max))


@contextmanager
def _translated() -> Iterator[None]:
    """Turn whatever the library raises into our errors."""
    try:
        yield
    except VmsError:
        raise
    except (_onvif.ONVIFError, zeep.exceptions.Error, requests.RequestException) as error:
        raise _ours(error) from error
    except (AttributeError, TypeError, KeyError, ValueError, OverflowError) as error:
        # An answer that leaves out what the standard requires.
        raise Unavailable(f"the camera answers ONVIF with nonsense ({error})", code="camera.onvif-nonsense") from error


def _ours(error: Exception) -> VmsError:
    # "Unknown error: " + the real one, whose class is kept as the context only.
    text = str(error).removeprefix("Unknown error: ")
    causes = list(_chain(error))
    if any(map(_is_refusal, causes)) or _REFUSAL_WORDS.search(text):
        return failure.wrong_password()
    if any(isinstance(cause, requests.ConnectionError | requests.Timeout) for cause in causes):
        return failure.unreachable("its ONVIF service can't be reached")
    if _is_fault(error):
        return Unavailable(f"the camera refuses: {text}", code="camera.onvif-fault", reason=text[:200])
    return Unavailable(f"the camera's ONVIF service fails: {text[:200]}", code="camera.onvif")


def _is_fault(error: BaseException) -> bool:
    """Tell whether the camera answered, with a fault."""
    return any(isinstance(cause, zeep.exceptions.Fault) for cause in _chain(error))


def _is_refusal(cause: BaseException) -> bool:
    codes = getattr(cause, "subcodes", None) or [] if isinstance(cause, zeep.exceptions.Fault) else []
    return any(getattr(code, "localname", "") in _REFUSAL_CODES for code in codes)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
