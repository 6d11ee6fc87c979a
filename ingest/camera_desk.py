"""The camera's ONVIF services for several threads: connected when first needed, again after a failure, one call at a time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, TypeVar

from ingest.address import CameraAddress
from ingest.onvif.address import ServiceUrl
from ingest.onvif.soap import Account
from ingest.position import PositionClient
from ingest.ptz_space import Preset, PtzSpaces
from vms.clock import Clock
from vms.errors import InvalidInput, Unavailable

Found = TypeVar("Found")


class Device(Protocol):
    """What the desk needs of `OnvifDevice`."""

    def ptz_spaces(self) -> PtzSpaces:
        """Read what position numbers mean."""

    def streams_position(self) -> bool:
        """Tell whether the profile's metadata stream holds the position."""

    clock_offset: timedelta
    """How far the camera's clock is ahead of ours."""

    def ptz_url(self) -> ServiceUrl:
        """Tell where the PTZ service is."""

    def profile_token(self) -> str:
        """Tell the profile."""

    def request_sync_point(self) -> None:
        """Ask for a keyframe."""

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move."""

    def stop(self) -> None:
        """Stop."""

    def go_to(self, spaces: PtzSpaces, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Go to a pose."""

    def presets(self) -> list[Preset]:
        """List stored poses."""

    def go_to_preset(self, preset_id: str) -> None:
        """Go to a stored pose."""

    def close(self) -> None:
        """Close."""


def connect(address: CameraAddress, clock: Clock) -> Device:
    """Connect to a device; its SOAP library is loaded only here, by workers whose camera has ONVIF."""
    from ingest.onvif_device import OnvifDevice

    return OnvifDevice(address, clock)


class CameraDesk:
    """Pass calls on to the device.

    Args:
        make: connects; raises a VmsError.
    """

    def __init__(
        self,
        address: CameraAddress,
        clock: Clock,
        make: Callable[[CameraAddress, Clock], Device] = connect,
    ) -> None:
        self._address = address
        self._clock = clock
        self._make = make
        self._lock = threading.RLock()
        self._device: Device | None = None
        self._spaces: PtzSpaces | None = None

    def telemetry(self) -> tuple[PositionClient, PtzSpaces, bool]:
        """Return a client for the camera's position (a connection of its own), what its numbers mean, and whether it is streamed too."""

        def made(device: Device) -> tuple[PositionClient, PtzSpaces, bool]:
            account = Account(self._address.username, self._address.password, self._address.allows_basic)
            url, profile, ahead = device.ptz_url(), device.profile_token(), device.clock_offset
            client = PositionClient(url, profile, account, self._clock, ahead=ahead)
            return client, self._known_spaces(device), device.streams_position()

        return self._ask(made)

    def spaces(self) -> PtzSpaces:
        """Return what position numbers mean."""
        return self._ask(self._known_spaces)

    def profile(self) -> str:
        """Return the token of the profile that is watched."""
        return self._ask(lambda device: device.profile_token())

    def request_sync_point(self) -> None:
        """Ask the camera for a keyframe."""
        self._ask(lambda device: device.request_sync_point())

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move at shares of the top speed."""
        self._ask(lambda device: device.move(pan, tilt, zoom))

    def stop(self) -> None:
        """Stop."""
        self._ask(lambda device: device.stop())

    def go_to(self, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Go to a pose."""
        self._ask(lambda device: device.go_to(self._known_spaces(device), pan_deg, tilt_deg, zoom))

    def presets(self) -> list[Preset]:
        """List stored poses."""
        return self._ask(lambda device: device.presets())

    def go_to_preset(self, preset_id: str) -> None:
        """Go to a stored pose."""
        self._ask(lambda device: device.go_to_preset(preset_id))

    def forget(self) -> None:
        """Connect anew at the next call."""
        with self._lock:
            device, self._device, self._spaces = self._device, None, None
        if device is not None:
            device.close()

    def _ask(self, question: Callable[[Device], Found]) -> Found:
        if self._address.onvif_url is None:
            raise InvalidInput("this camera has no ONVIF address", code="camera.no-onvif")
        with self._lock:
            if self._device is None:
                self._device = self._make(self._address, self._clock)
            try:
                return question(self._device)
            except Unavailable:
                # Sessions, tokens and addresses may be stale after a reboot of the camera.
                self.forget()
                raise

    def _known_spaces(self, device: Device) -> PtzSpaces:
        if self._spaces is None:
            self._spaces = device.ptz_spaces()
        return self._spaces
