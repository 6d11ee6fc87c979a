"""The camera's own clock and its RTP clock.

Both run on the machine's monotonic clock. The camera's idea of UTC differs from ours by an offset that tests can set or
step at run time; the RTP clock starts at a random value at each boot and only jumps when told to.
"""

import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

RTP_CLOCK_HZ = 90_000
NTP_EPOCH_OFFSET_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def monotonic_s() -> float:
    """Return the machine's monotonic clock in seconds; one value for all processes of a machine."""
    return time.monotonic()


@dataclass(slots=True)
class CameraClock:
    """Turn monotonic instants into the camera's UTC and into RTP timestamps."""

    offset_s: float
    rng: random.Random
    boot_s: float = field(default_factory=monotonic_s)
    _utc_minus_monotonic_s: float = field(default_factory=lambda: time.time() - time.monotonic())
    _rtp_base: int = 0

    def __post_init__(self) -> None:
        self._rtp_base = self.rng.getrandbits(32)

    def true_utc_s(self, at_s: float) -> float:
        """Return seconds since 1970 by this machine's clock."""
        return at_s + self._utc_minus_monotonic_s

    def camera_utc_s(self, at_s: float) -> float:
        """Return seconds since 1970 by the camera's clock."""
        return self.true_utc_s(at_s) + self.offset_s

    def camera_utc(self, at_s: float) -> datetime:
        """Return the camera's UTC as an aware datetime."""
        return EPOCH + timedelta(seconds=self.camera_utc_s(at_s))

    def rtp(self, at_s: float, hz: int = RTP_CLOCK_HZ) -> int:
        """Return the 32-bit RTP timestamp of an instant."""
        return (self._rtp_base + round((at_s - self.boot_s) * hz)) & 0xFFFFFFFF

    def ntp(self, at_s: float) -> tuple[int, int]:
        """Return the two 32-bit halves of the NTP timestamp that a sender report carries."""
        seconds = self.camera_utc_s(at_s) + NTP_EPOCH_OFFSET_S
        whole = int(seconds)
        return whole & 0xFFFFFFFF, int((seconds - whole) * (1 << 32)) & 0xFFFFFFFF

    def jump_rtp(self, seconds: float) -> None:
        """Shift the RTP clock; the camera's UTC stays."""
        self._rtp_base += round(seconds * RTP_CLOCK_HZ)

    def reboot(self, at_s: float) -> None:
        """Start the RTP clock anew, as a restarted device does."""
        self.boot_s = at_s
        self._rtp_base = self.rng.getrandbits(32)
