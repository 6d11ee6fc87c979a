"""One RTSP session: its tracks, where their packets go, and its sender reports."""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sample_streams.device.clock import CameraClock
from sample_streams.wire.impairment import Numbered
from sample_streams.wire.rtp import rtp_header, sender_report

MAX_BACKLOG_BYTES = 4_000_000
SESSION_TIMEOUT_S = 60.0


class Carrier(Protocol):
    """How packets of one track travel."""

    def send(self, packets: Sequence[bytes]) -> None:
        """Send RTP packets."""

    def send_report(self, packet: bytes) -> None:
        """Send an RTCP packet."""

    def close(self) -> None:
        """Give back what was opened."""


@dataclass(slots=True)
class Interleaved:
    """RTP inside the RTSP connection."""

    writer: asyncio.StreamWriter
    channel: int

    def send(self, packets: Sequence[bytes]) -> None:
        """Send RTP packets; a client that does not read is cut off."""
        transport = self.writer.transport
        if transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            transport.abort()
            return
        prefix = bytes([0x24, self.channel])
        self.writer.write(b"".join(prefix + len(packet).to_bytes(2, "big") + packet for packet in packets))

    def send_report(self, packet: bytes) -> None:
        """Send an RTCP packet on the odd channel."""
        self.writer.write(bytes([0x24, self.channel + 1]) + len(packet).to_bytes(2, "big") + packet)

    def close(self) -> None:
        """Leave the connection to its owner."""


@dataclass(slots=True)
class Datagrams:
    """RTP and RTCP over UDP to the ports that the client named."""

    rtp: asyncio.DatagramTransport
    rtcp: asyncio.DatagramTransport
    client_host: str
    client_ports: tuple[int, int]

    def send(self, packets: Sequence[bytes]) -> None:
        """Send RTP packets."""
        for packet in packets:
            self.rtp.sendto(packet, (self.client_host, self.client_ports[0]))

    def send_report(self, packet: bytes) -> None:
        """Send an RTCP packet."""
        self.rtcp.sendto(packet, (self.client_host, self.client_ports[1]))

    def close(self) -> None:
        """Close both sockets."""
        self.rtp.close()
        self.rtcp.close()

    @property
    def server_ports(self) -> tuple[int, int]:
        """The two local ports."""
        return self.rtp.get_extra_info("sockname")[1], self.rtcp.get_extra_info("sockname")[1]


class KeepAlive(asyncio.DatagramProtocol):
    """Count any datagram from the client as a sign of life."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Note the sign of life."""
        del data, addr
        self._session.touch()

    def error_received(self, exc: Exception) -> None:
        """Ignore a port that the client closed: its session ends by TEARDOWN, hang-up or time-out."""
        del exc


async def open_datagrams(session: "Session", host: str, client_host: str, client_ports: tuple[int, int]) -> Datagrams:
    """Open an even port and the odd one after it, as RFC 3550 section 11 wants.

    Raises:
        OSError: No free pair was found.
    """
    loop = asyncio.get_running_loop()
    for _ in range(50):
        rtp, _ = await loop.create_datagram_endpoint(lambda: KeepAlive(session), local_addr=(host, 0))
        port = rtp.get_extra_info("sockname")[1]
        if port % 2 == 0:
            with contextlib.suppress(OSError):
                rtcp, _ = await loop.create_datagram_endpoint(lambda: KeepAlive(session), local_addr=(host, port + 1))
                return Datagrams(rtp, rtcp, client_host, client_ports)
        rtp.close()
    raise OSError("no free pair of UDP ports")


@dataclass(slots=True)
class Track:
    """One medium on its way to one client."""

    carrier: Carrier
    payload_type: int
    clock_hz: int
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = field(default_factory=lambda: secrets.randbits(16))
    sent_packets: int = 0
    sent_octets: int = 0

    def send(self, packets: Sequence[Numbered], total: int, timestamp: int) -> None:
        """Send the packets of one access unit of which ``total`` were made; lost ones leave gaps in the numbers."""
        out = []
        for one in packets:
            header = rtp_header(
                self.payload_type,
                marker=one.payload.marker,
                sequence=self.sequence + one.place,
                timestamp=timestamp,
                ssrc=self.ssrc,
            )
            out.append(header + one.payload.data)
            self.sent_packets += 1
            self.sent_octets += len(one.payload.data)
        self.sequence = (self.sequence + total) & 0xFFFF
        if out:
            self.carrier.send(out)

    def report(self, clock: CameraClock, at_s: float) -> None:
        """Send a sender report that ties the RTP clock to the camera's UTC."""
        self.carrier.send_report(
            sender_report(
                ssrc=self.ssrc,
                ntp=clock.ntp(at_s),
                timestamp=clock.rtp(at_s, self.clock_hz),
                packets=self.sent_packets,
                octets=self.sent_octets,
            )
        )


@dataclass(slots=True)
class Session:
    """A client's session from SETUP to TEARDOWN, hang-up or time-out."""

    last_seen_s: float
    clock_s: "ClockFunction"
    session_id: str = field(default_factory=lambda: secrets.token_hex(8))
    tracks: dict[int, Track] = field(default_factory=dict)
    is_playing: bool = False
    waits_for_keyframe: bool = True
    next_report_s: float = 0.0

    def touch(self) -> None:
        """Note a sign of life."""
        self.last_seen_s = self.clock_s()

    def has_expired(self, now_s: float) -> bool:
        """Whether the client was silent for too long."""
        return now_s - self.last_seen_s > SESSION_TIMEOUT_S

    def close(self) -> None:
        """Give back the sockets."""
        self.is_playing = False
        for track in self.tracks.values():
            track.carrier.close()
        self.tracks.clear()


class ClockFunction(Protocol):
    """A monotonic clock in seconds."""

    def __call__(self) -> float:
        """Return now."""
