"""Dispatch of ONVIF calls: who may call what, and which service answers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sample_streams.device.clock import CameraClock, monotonic_s
from sample_streams.device.telemetry import TelemetryFault
from sample_streams.onvif import device, media
from sample_streams.onvif.device import DeviceFacts
from sample_streams.onvif.media import MediaFacts
from sample_streams.onvif.ptz import PtzService
from sample_streams.onvif.recording import EdgeRecorder
from sample_streams.onvif.security import TokenChecker
from sample_streams.onvif.soap import Call, SoapFaultError, answer, fault, parse_call
from sample_streams.wire.http import HANG_UP, Request, Response

PUBLIC_OPERATIONS = frozenset({"GetSystemDateAndTime"})
SILENCE_S = 3600.0


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

    async def handle(self, request: Request) -> Response:
        """Answer one HTTP request."""
        if request.method != "POST":
            return Response(405)
        try:
            call = parse_call(request.body)
            self.calls[call.operation] = self.calls.get(call.operation, 0) + 1
            if call.operation not in PUBLIC_OPERATIONS:
                self.checker.check(call.header)
            if call.operation == "GetStatus":
                return await self._status()
            return answer(self._dispatch(call))
        except SoapFaultError as error:
            return fault(error)

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

    def _dispatch(self, call: Call) -> str:
        if self.ptz is not None and self.ptz.handles(call.operation):
            return self.ptz.handle(call.operation, call.body)
        if self.edge.handles(call.operation):
            return self.edge.handle(call.operation, call.body)
        match call.operation:
            case "GetSystemDateAndTime":
                return device.system_date_and_time(self.clock.camera_utc(monotonic_s()))
            case "GetDeviceInformation":
                return device.device_information(self.device_facts())
            case "GetCapabilities":
                return device.capabilities(self.device_facts(), has_edge=self.edge.in_capabilities())
            case "GetServices":
                return device.services(self.device_facts(), has_edge=self.edge.in_services())
            case "GetScopes":
                return device.scopes(self.device_facts())
            case "GetHostname":
                return device.hostname(self.device_facts())
            case "GetProfiles":
                return media.profiles(self.media_facts())
            case "GetProfile":
                return media.profile(self.media_facts())
            case "GetStreamUri":
                return media.stream_uri(self.media_facts())
            case "GetVideoSources":
                return media.video_sources(self.media_facts())
            case "GetMetadataConfigurations":
                return media.metadata_configurations(self.media_facts())
            case "SetSynchronizationPoint":
                self.synchronise()
                return media.synchronization_point()
            case _:
                raise SoapFaultError("ter:ActionNotSupported", f"{call.operation} is not supported by this camera")
