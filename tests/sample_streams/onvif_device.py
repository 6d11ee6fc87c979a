"""One simulated device's ONVIF services inside the test's own process: the demo city's own code, without its pictures.

Starting takes milliseconds, and one device takes on one set of habits after the other, so a table of cases needs one start.
"""

import asyncio
import random
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sample_streams.device.clock import CameraClock, monotonic_s
from sample_streams.device.mechanics import Limits, Mechanics, Pose
from sample_streams.device.telemetry import Telemetry, TelemetryTraits
from sample_streams.onvif.device import DeviceFacts
from sample_streams.onvif.endpoint import OnvifEndpoint
from sample_streams.onvif.habits import OnvifHabits, read_habits
from sample_streams.onvif.media import MediaFacts
from sample_streams.onvif.ptz import PtzService
from sample_streams.onvif.ptz_spaces import PtzSpace, SpaceKind
from sample_streams.onvif.recording import EdgeRecorder
from sample_streams.onvif.security import TokenChecker
from sample_streams.onvif.service import OnvifService
from sample_streams.wire.auth import Account
from sample_streams.wire.nal import Codec

ACCOUNT = Account("operator", "p@ss#1 ü")
HOME = Pose(20.0, -4.0, 0.1)


@dataclass
class RunningDevice:
    """A device that runs on a loop of its own."""

    endpoint: OnvifEndpoint
    clock: CameraClock
    loop: asyncio.AbstractEventLoop

    def be(self, *habits: str, only: tuple[str, ...] = (), elsewhere: str | None = None) -> None:
        """Have these habits from now on, and a clean record."""
        self.service.calls.clear()
        if self.service.ptz is not None:
            self.service.ptz.presets.clear()
        self._run(self.endpoint.take(OnvifHabits(read_habits(habits), frozenset(only), elsewhere)))

    @property
    def service(self) -> OnvifService:
        """What answers."""
        return self.endpoint.service

    @property
    def url(self) -> str:
        """Where the device service is, as a technician enters it."""
        return self.endpoint.url

    @property
    def calls(self) -> dict[str, int]:
        """How often each operation was asked for since the habits were set."""
        return dict(self.service.calls)

    @property
    def schemes(self) -> dict[str, int]:
        """How often each scheme of Authorization came since the habits were set."""
        return dict(self.service.sign_in.schemes)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)


@contextmanager
def running_device(
    *, codec: Codec = Codec.H264, host: str = "127.0.0.1", offset_s: float = 0.0, has_ptz: bool = True
) -> Iterator[RunningDevice]:
    """Start a device, give it, and end it."""
    clock = CameraClock(offset_s, random.Random(1))
    mechanics = Mechanics(Limits(), HOME, monotonic_s())
    telemetry = Telemetry(mechanics, clock, TelemetryTraits(), random.Random(2), lambda _: (60.0, 35.0))
    space = PtzSpace(SpaceKind.SPHERICAL, Limits())

    def now() -> datetime:
        return clock.camera_utc(monotonic_s())

    def media_facts() -> MediaFacts:
        url = "rtsp://127.0.0.1:554/stream1"
        return MediaFacts(codec, 1280, 720, 15.0, url, space if has_ptz else None, has_ptz, service.habits)

    service = OnvifService(
        clock,
        TokenChecker(ACCOUNT, now),
        lambda: DeviceFacts("Vredenmarkt", "SC-1", endpoint.addresses, has_ptz),
        media_facts,
        lambda: None,
        EdgeRecorder(now),
        PtzService(mechanics, telemetry, space, HOME) if has_ptz else None,
    )
    endpoint = OnvifEndpoint(service, host, 0)
    with _loop_in_a_thread() as loop:
        device = RunningDevice(endpoint, clock, loop)
        device._run(endpoint.start())
        try:
            yield device
        finally:
            device._run(endpoint.stop())


@contextmanager
def _loop_in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
