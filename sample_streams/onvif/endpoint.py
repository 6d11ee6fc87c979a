"""The ports on which a device answers ONVIF: one, or a second for media and PTZ."""

import asyncio
import functools

from sample_streams.onvif.addresses import Addresses, Service
from sample_streams.onvif.habits import OnvifHabit, OnvifHabits
from sample_streams.onvif.service import OnvifService
from sample_streams.wire.http import HttpServer, Request, Response


class OnvifEndpoint:
    """Serve one device's ONVIF services; runs on its event loop."""

    def __init__(self, service: OnvifService, host: str, port: int) -> None:
        self.service = service
        self._host = host
        self._first = HttpServer(functools.partial(self._handle, is_second=False), host, port)
        self._second = HttpServer(functools.partial(self._handle, is_second=True), host, 0)
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Open the ports that the habits want."""
        async with self._lock:
            await self._first.start()
            if self._wants_second:
                await self._second.start()

    async def stop(self) -> None:
        """Close all ports and connections."""
        async with self._lock:
            await self._first.stop()
            await self._second.stop()

    async def take(self, habits: OnvifHabits) -> None:
        """Be a device with these habits from now on."""
        self.service.take(habits)
        async with self._lock:
            if self.is_listening and self._wants_second and not self._second.is_listening:
                await self._second.start()
            elif not self._wants_second:
                await self._second.stop()

    @property
    def is_listening(self) -> bool:
        """Whether the device service's port is open."""
        return self._first.is_listening

    @property
    def port(self) -> int:
        """The port of the device service."""
        return self._first.port

    @property
    def addresses(self) -> Addresses:
        """Where the services are now."""
        second = self._second.port if self._wants_second else None
        return Addresses(self._host, self._first.port, second, self.service.habits)

    @property
    def url(self) -> str:
        """Where the device service is."""
        return self.addresses.url(Service.DEVICE)

    @property
    def _wants_second(self) -> bool:
        return self.service.habits.has(OnvifHabit.SERVICES_ON_PORTS)

    async def _handle(self, request: Request, *, is_second: bool) -> Response:
        return await self.service.handle(request, (self._second if is_second else self._first).port)
