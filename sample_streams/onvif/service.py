"""Dispatch of ONVIF calls: who may call what, and which service answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import format_datetime

from sample_streams.device.clock import CameraClock, monotonic_s
from sample_streams.device.telemetry import TelemetryFault
from sample_streams.onvif import device, media
from sample_streams.onvif.addresses import Service
from sample_streams.onvif.device import DeviceFacts
from sample_streams.onvif.dialect import written
from sample_streams.onvif.habits import DIGESTS, OnvifHabit, OnvifHabits
from sample_streams.onvif.http_sign_in import HttpSignIn
from sample_streams.onvif.instead import SILENCE_S, instead, spoiled
from sample_streams.onvif.media import MediaFacts
from sample_streams.onvif.media2 import answer_media2
from sample_streams.onvif.ptz import PtzService
from sample_streams.onvif.recording import EdgeRecorder
from sample_streams.onvif.security import TokenChecker, is_demanded
from sample_streams.onvif.soap import Call, SoapFaultError, answer, fault, parse_call, text_of
from sample_streams.wire.http import HANG_UP, Request, Response

PUBLIC_OPERATIONS = frozenset({"GetSystemDateAndTime"})


@dataclass(slots=True)
class OnvifService:
    """Answer every ONVIF request of one camera."""

    clock: CameraClock
    checker: TokenChecker
    device_facts: Callable[[], DeviceFacts]
    media_facts: Callable[[], MediaFacts]
    synchronise: Callable[[], None]
    edge: EdgeRecorder
    ptz: PtzService | None = None
    calls: dict[str, int] = field(default_factory=dict)
    habits: OnvifHabits = field(default_factory=OnvifHabits)
    sign_in: HttpSignIn = field(init=False)

    def __post_init__(self) -> None:
        self.sign_in = HttpSignIn(self.checker.account)

    def take(self, habits: OnvifHabits) -> None:
        """Be a device with these habits from now on, which nobody has signed in to yet."""
        self.habits = habits
        self.sign_in = HttpSignIn(self.checker.account)
        if self.ptz is not None:
            self.ptz.habits = habits
            self.ptz.stock()

    async def handle(self, request: Request, port: int) -> Response:
        """Answer one HTTP request that came in on a port, with the camera's own time in the header (RFC 9110, section 6.6.1)."""
        found = await self._handled(request, port)
        if self.habits.has(OnvifHabit.NO_DATE) or found is HANG_UP:
            return found
        date = format_datetime(self.clock.camera_utc(monotonic_s()), usegmt=True)
        return replace(found, headers=found.headers | {"Date": date})

    async def _handled(self, request: Request, port: int) -> Response:
        if not self.device_facts().addresses.is_known(request.path, port):
            return Response(404, b"<html><body>no such page</body></html>", "text/html")
        if self.habits.has(OnvifHabit.NOTHING_PUBLIC) and (refusal := self._http_refusal(request)) is not None:
            return refusal
        if request.method != "POST":
            return Response(405)
        if self.habits.has(OnvifHabit.WANTS_ACTION) and "action=" not in request.headers.get("content-type", ""):
            return Response(200, b"", "application/soap+xml; charset=utf-8")
        try:
            call = parse_call(request.body)
        except SoapFaultError as error:
            return written(fault(error, self.habits), request, self.habits)
        self.calls[call.operation] = self.calls.get(call.operation, 0) + 1
        nothing_public = self.habits.has(OnvifHabit.NOTHING_PUBLIC)
        is_public = call.operation in PUBLIC_OPERATIONS and not nothing_public
        if not is_public and not nothing_public and (refusal := self._http_refusal(request)) is not None:
            return refusal
        if self.habits.reaches(call.operation) and (other := instead(request, self.habits)) is not None:
            return other
        found = await self._answer(call, request.path, port, is_public=is_public)
        if found is HANG_UP:
            return found
        found = written(found, request, self.habits)
        return spoiled(found, self.habits) if self.habits.reaches(call.operation) else found

    def _http_refusal(self, request: Request) -> Response | None:
        return self.sign_in.refusal(request, self.habits, refuses_all=self.checker.refuses_all)

    async def _answer(self, call: Call, path: str, port: int, *, is_public: bool) -> Response:
        try:
            service = self._permitted(call, path, port, is_public=is_public)
            if call.operation == "GetStatus":
                return await self._status()
            return answer(self._dispatch(call, service))
        except SoapFaultError as error:
            return fault(error, self.habits)

    def _permitted(self, call: Call, path: str, port: int, *, is_public: bool) -> Service | None:
        """Return the service that is asked; raise the fault for a call that may not pass or is at the wrong place."""
        if self.habits.has(OnvifHabit.SECURITY_NOT_UNDERSTOOD) and is_demanded(call.header):
            reason = "The data in element 'Security' must be understood but cannot be handled"
            raise SoapFaultError("", reason, is_sender=False, code="env:MustUnderstand")
        is_http = self.habits.has(*DIGESTS, OnvifHabit.BASIC)
        if not is_public and (not is_http or self.habits.has(OnvifHabit.WS_SECURITY_TOO)):
            self.checker.check(call.header)
        service = Service(call.namespace) if call.namespace in set(Service) else None
        if not self.device_facts().addresses.answers(service, path, port):
            raise SoapFaultError("ter:ActionNotSupported", f"{call.operation} is no operation of this service")
        return service

    async def _status(self) -> Response:
        if self.ptz is None:
            raise SoapFaultError("ter:ActionNotSupported", "this camera does not move")
        telemetry = self.ptz.telemetry
        if telemetry.fault is TelemetryFault.CUT:
            return HANG_UP
        if telemetry.fault is TelemetryFault.SILENT:
            await asyncio.sleep(SILENCE_S)
            return HANG_UP
        reading = telemetry.read(monotonic_s())
        await asyncio.sleep(reading.delay_s)
        return answer(self.ptz.status(reading))

    def _dispatch(self, call: Call, service: Service | None) -> str:
        if service is Service.MEDIA2:
            return self._media2(call)
        if service is Service.MEDIA and self.habits.has(OnvifHabit.MEDIA2_ONLY):
            raise _unsupported(call)
        if self.ptz is not None and self.ptz.handles(call.operation):
            return self.ptz.handle(call.operation, call.body)
        if self.edge.handles(call.operation):
            return self.edge.handle(call.operation, call.body)
        found = self._device(call)
        return self._media(call) if found is None else found

    def _device(self, call: Call) -> str | None:
        facts, has = self.device_facts(), self.habits.has
        match call.operation:
            case "GetSystemDateAndTime" if not has(OnvifHabit.CLOCK_UNKNOWN):
                return device.system_date_and_time(self.clock.camera_utc(monotonic_s()), self.habits)
            case "GetDeviceInformation":
                return device.device_information(facts)
            case "GetCapabilities" if not has(OnvifHabit.NO_GET_CAPABILITIES):
                return device.capabilities(facts, has_edge=self.edge.in_capabilities())
            case "GetServices" if not has(OnvifHabit.NO_GET_SERVICES):
                return device.services(facts, has_edge=self.edge.in_services())
            case "GetScopes":
                return device.scopes(facts)
            case "GetHostname":
                return device.hostname(facts)
        return None

    def _media(self, call: Call) -> str:
        facts = self.media_facts()
        match call.operation:
            case "GetProfiles":
                return media.profiles(facts)
            case "GetProfile":
                return media.profile(facts, text_of(call.body, "ProfileToken"))
            case "GetStreamUri":
                return media.stream_uri(facts, text_of(call.body, "ProfileToken"))
            case "GetVideoSources":
                return media.video_sources(facts)
            case "GetMetadataConfigurations":
                return media.metadata_configurations(facts)
            case "SetSynchronizationPoint":
                self.synchronise()
                return media.synchronization_point()
        raise _unsupported(call)

    def _media2(self, call: Call) -> str:
        found = None
        if device.has_media2(self.habits):
            found = answer_media2(self.media_facts(), call.operation, call.body)
        if found is None:
            raise _unsupported(call)
        if call.operation == "SetSynchronizationPoint":
            self.synchronise()
        return found


def _unsupported(call: Call) -> SoapFaultError:
    return SoapFaultError("ter:ActionNotSupported", f"{call.operation} is not supported by this camera")
