"""One camera's ONVIF services, in our words."""

import math
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from ingest.address import CameraAddress
from ingest.edge_answers import Answers, active_jobs
from ingest.onvif import media
from ingest.onvif.address import ServiceUrl, configured_url
from ingest.onvif.media import Profile
from ingest.onvif.recordings import RecordingInformation, recording_information, recording_items, recording_jobs
from ingest.onvif.services import DEVICE, PTZ, RECORDING, SCHEMA, SEARCH, Services, learned_offset
from ingest.onvif.soap import Account, SoapClient, SoapFault
from ingest.onvif.wording import required
from ingest.ptz_space import PositionSpace, Preset, PtzSpaces, Range, chosen_spaces, zoom_numbers
from ingest.tolerant_xml import text_of
from vms.clock import Clock
from vms.db.edge import EdgeRecordings
from vms.errors import NotFound, Unavailable
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
        self._profile: Profile | None = None
        try:
            self._soap.ahead = self.clock_offset = learned_offset(self._soap, url, clock)
            self._services = Services(self._soap, url)
        except BaseException:  # whatever it is goes on its way: only the connection must not stay open behind it
            self._soap.close()
            raise

    def facts(self) -> DeviceFacts:
        """Return who made the camera; what it does not say is empty."""
        found = self._services.ask(DEVICE, "GetDeviceInformation")
        names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        return DeviceFacts(*(text_of(found.find(name)) for name in names))

    def stream_uri(self) -> str:
        """Return the RTSP address of the first profile, without credentials."""
        return media.stream_uri(self._services, self._chosen())

    def request_sync_point(self) -> None:
        """Ask for a keyframe now."""
        media.request_sync_point(self._services, self._chosen())

    def profile_token(self) -> str:
        """Return the token of the first profile with video, and with PTZ where there is one."""
        return self._chosen().token

    def streams_position(self) -> bool:
        """Return whether the profile has a metadata stream that is configured to tell the position."""
        return self._chosen().streams_position

    def ptz_url(self) -> ServiceUrl:
        """Return the address of the PTZ service."""
        return self._services.url(PTZ)

    def ptz_spaces(self) -> PtzSpaces:
        """Return what the camera's position numbers mean.

        Raises:
            InvalidInput: degrees can't be known.
            NotFound: the profile has no PTZ.
        """
        profile = self._chosen()
        if not profile.has_ptz:
            raise NotFound("the camera's profile has no PTZ; add a PTZ configuration to it", code="camera.no-ptz")
        node = required(profile.node, "a PTZ configuration without a node")
        return _spaces(self._services.ask(PTZ, "GetNode", f"<NodeToken>{escape(node)}</NodeToken>"))

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move at shares (-1..1) of the top speed until told otherwise; the camera itself stops after a second."""
        self._call("ContinuousMove", f"<Velocity>{_vector(pan, tilt, zoom)}</Velocity><Timeout>PT1S</Timeout>")

    def stop(self) -> None:
        """Stop all movement."""
        self._call("Stop", "<PanTilt>true</PanTilt><Zoom>true</Zoom>")

    def go_to(self, spaces: PtzSpaces, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Go to a pose in degrees and 0..1."""
        x, y, raw_zoom = spaces.raw_position(pan_deg, tilt_deg, zoom)
        self._call("AbsoluteMove", f"<Position>{_vector(x, y, raw_zoom, spaces.asked_in.uri)}</Position>")

    def presets(self) -> list[Preset]:
        """Return the stored poses; without one that has no token, which the standard allows and nobody can go to."""
        found = [(one.get("token"), text_of(one.find("Name"))) for one in self._call("GetPresets").iter("Preset")]
        return [Preset(token, name or token) for token, name in found if token]

    def go_to_preset(self, preset_id: str) -> None:
        """Go to a stored pose."""
        self._call("GotoPreset", f"<PresetToken>{escape(preset_id)}</PresetToken>")

    def edge_recordings(self) -> EdgeRecordings:
        """Ask what the camera keeps by itself.

        Raises:
            CameraFailure: refused, or not reachable.
            Unavailable: it answers nonsense.
        """
        if not self._services.has(RECORDING):
            return EdgeRecordings(EdgeState.NONE)
        items = list(recording_items(self._services.ask(RECORDING, "GetRecordings")))
        jobs = list(recording_jobs(self._services.ask(RECORDING, "GetRecordingJobs")))
        information = self._information if self._services.has(SEARCH) else None
        return Answers(self.clock_offset).judged(items, jobs, information)

    def switch_edge_off(self) -> int:
        """Set every recording job that writes to idle; return how many there were. What is on the card stays."""
        if not self._services.has(RECORDING):
            return 0
        running = active_jobs(list(recording_jobs(self._services.ask(RECORDING, "GetRecordingJobs"))))
        for token in running:
            inner = f"<JobToken>{escape(token)}</JobToken><Mode>Idle</Mode>"
            self._services.ask(RECORDING, "SetRecordingJobMode", inner)
        return len(running)

    def close(self) -> None:
        """Close the connections."""
        self._soap.close()

    def _chosen(self) -> Profile:
        if self._profile is None:
            self._profile = media.chosen_profile(self._services)
        return self._profile

    def _call(self, operation: str, inner: str = "") -> ET.Element:
        profile = f"<ProfileToken>{escape(self.profile_token())}</ProfileToken>"
        return self._services.ask(PTZ, operation, profile + inner)

    def _information(self, token: str) -> RecordingInformation | None:
        """Return one recording's information, None where the camera has no answer."""
        try:
            inner = f"<RecordingToken>{escape(token)}</RecordingToken>"
            return recording_information(self._services.ask(SEARCH, "GetRecordingInformation", inner))
        except SoapFault:
            return None


def _vector(x: float, y: float, zoom: float, space: str | None = None) -> str:
    named = f" space={quoteattr(space)}" if space else ""
    return f'<PanTilt xmlns="{SCHEMA}" x="{x:.9g}" y="{y:.9g}"{named}/><Zoom xmlns="{SCHEMA}" x="{zoom:.9g}"/>'


def _spaces(answer: ET.Element) -> PtzSpaces:
    """Read the absolute spaces of a PTZ node. One without a name stays: a position that names none may be in it."""
    spaces = [
        PositionSpace(text_of(one.find("URI")), _range(one, "XRange"), _range(one, "YRange"))
        for one in answer.iter("AbsolutePanTiltPositionSpace")
    ]
    zooms = [one.find("XRange") for one in answer.iter("AbsoluteZoomPositionSpace")]
    zoom = zoom_numbers(_number(zooms[0], "Min"), _number(zooms[0], "Max")) if zooms else None
    return chosen_spaces(spaces, zoom)


def _range(space: ET.Element, axis: str) -> Range:
    return Range(_number(space.find(axis), "Min"), _number(space.find(axis), "Max"))


def _number(limits: ET.Element | None, name: str) -> float:
    written = text_of(None if limits is None else limits.find(name))
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Unavailable(
            "the camera answers ONVIF with nonsense (a PTZ range without numbers)", code="camera.onvif-nonsense"
        )
    return value
