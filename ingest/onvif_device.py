"""One camera's ONVIF services, in our words."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ingest.address import CameraAddress
from ingest.edge_answers import Answers, Ask, active_jobs
from ingest.onvif.address import ServiceUrl, configured_url
from ingest.onvif.services import MEDIA, PTZ, RECORDING, SEARCH, Services, learned_offset
from ingest.onvif.soap import Account, SoapClient, SoapFault
from ingest.onvif.wording import required
from ingest.onvif.wsdl import Service, translated
from ingest.ptz_space import PositionSpace, Preset, PtzSpaces, Range, chosen_spaces, zoom_numbers
from vms.clock import Clock
from vms.db.edge import EdgeRecordings
from vms.errors import NotFound
from vms.model import EdgeState

_WITHIN_S = 5.0


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
        Unavailable: what answers there is no ONVIF service.
    """

    def __init__(self, address: CameraAddress, clock: Clock, *, timeout_s: float = _WITHIN_S) -> None:
        url = configured_url(address.onvif_url)
        self._soap = SoapClient(
            Account(address.username, address.password, address.allows_basic), clock, timeout_s=timeout_s
        )
        self._profile: Any = None
        try:
            self._soap.ahead = self.clock_offset = learned_offset(self._soap, url, clock)
            self._services = Services(self._soap, url)
        except BaseException:
            self._soap.close()
            raise

    def facts(self) -> DeviceFacts:
        """Return who made the camera; what it does not say is empty."""
        root = self._services.ask_device("GetDeviceInformation")
        names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        return DeviceFacts(*(next((one.text or "" for one in root.iter(name)), "").strip() for name in names))

    def stream_uri(self) -> str:
        """Return the RTSP address of the first profile, without credentials."""
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        fields = {"StreamSetup": setup, "ProfileToken": self.profile_token()}
        found = self._services.service(MEDIA).call("GetStreamUri", fields)
        return required(getattr(found, "Uri", None), "a stream without an address")

    def request_sync_point(self) -> None:
        """Ask for a keyframe now."""
        self._services.service(MEDIA).call("SetSynchronizationPoint", {"ProfileToken": self.profile_token()})

    def profile_token(self) -> str:
        """Return the token of the first profile with video, and with PTZ where there is one."""
        if self._profile is None:
            profiles = self._services.service(MEDIA).call("GetProfiles") or []
            # What has no token can't be asked for.
            usable = [one for one in profiles if one.VideoEncoderConfiguration is not None and one.token]
            if not usable:
                raise NotFound("the camera has no profile with video; make one on the camera", code="camera.profile")
            self._profile = next((one for one in usable if one.PTZConfiguration is not None), usable[0])
        return str(self._profile.token)

    def streams_position(self) -> bool:
        """Return whether the profile has a metadata stream that is configured to tell the position."""
        self.profile_token()
        told = getattr(self._profile.MetadataConfiguration, "PTZStatus", None)
        return bool(told is not None and told.Position)

    def ptz_url(self) -> ServiceUrl:
        """Return the address of the PTZ service."""
        return self._services.service(PTZ).url

    def ptz_spaces(self) -> PtzSpaces:
        """Return what the camera's position numbers mean.

        Raises:
            InvalidInput: degrees can't be known.
            NotFound: the profile has no PTZ.
        """
        token = required(self._ptz_configuration().NodeToken, "a PTZ configuration without a node")
        node = self._services.service(PTZ).call("GetNode", {"NodeToken": token})
        found: PtzSpaces = translated(lambda: _spaces(node))
        return found

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
        """Return the stored poses; without one that has no token, which the standard allows and nobody can go to."""
        found = self._call("GetPresets") or []
        return [Preset(str(one.token), str(one.Name or one.token)) for one in found if one.token]

    def go_to_preset(self, preset_id: str) -> None:
        """Go to a stored pose."""
        self._call("GotoPreset", PresetToken=preset_id)

    def edge_recordings(self) -> EdgeRecordings:
        """Ask what the camera keeps by itself.

        Raises:
            CameraFailure: refused, or not reachable.
            Unavailable: it answers nonsense.
        """
        if not self._services.has(RECORDING):
            return EdgeRecordings(EdgeState.NONE)
        service = self._services.service(RECORDING)
        items, jobs = service.call("GetRecordings"), service.call("GetRecordingJobs")
        information = _informant(self._services.service(SEARCH)) if self._services.has(SEARCH) else None
        found: EdgeRecordings = translated(lambda: Answers(self.clock_offset).judged(items, jobs, information))
        return found

    def switch_edge_off(self) -> int:
        """Set every recording job that writes to idle; return how many there were. What is on the card stays."""
        if not self._services.has(RECORDING):
            return 0
        service = self._services.service(RECORDING)
        jobs = service.call("GetRecordingJobs")
        running: list[str] = translated(lambda: active_jobs(jobs))
        for token in running:
            service.call("SetRecordingJobMode", {"JobToken": token, "Mode": "Idle"})
        return len(running)

    def close(self) -> None:
        """Close the connections."""
        self._soap.close()

    def _call(self, operation: str, **fields: Any) -> Any:
        return self._services.service(PTZ).call(operation, {"ProfileToken": self.profile_token(), **fields})

    def _ptz_configuration(self) -> Any:
        self.profile_token()
        if self._profile.PTZConfiguration is None:
            raise NotFound("the camera's profile has no PTZ; add a PTZ configuration to it", code="camera.no-ptz")
        return self._profile.PTZConfiguration


def _spaces(node: Any) -> PtzSpaces:
    spaces = node.SupportedPTZSpaces
    reported = (spaces.AbsolutePanTiltPositionSpace if spaces is not None else None) or []
    zooms = (spaces.AbsoluteZoomPositionSpace if spaces is not None else None) or []
    positions = [PositionSpace(str(one.URI), _range(one.XRange), _range(one.YRange)) for one in reported if one.URI]
    zoom = zoom_numbers(float(zooms[0].XRange.Min), float(zooms[0].XRange.Max)) if zooms else None
    return chosen_spaces(positions, zoom)


def _range(reported: Any) -> Range:
    return Range(float(reported.Min), float(reported.Max))


def _informant(search: Service) -> Ask:
    """Return what asks for one recording's information, None from it where the camera has no answer."""

    def ask(token: str) -> Any:
        try:
            return search.call("GetRecordingInformation", {"RecordingToken": token})
        except SoapFault:
            return None

    return ask
