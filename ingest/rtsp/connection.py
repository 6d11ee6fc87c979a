"""The connection to a camera: messages and interleaved packets out of one byte stream, with a deadline for everything.

Source: RFC 2326 section 10.12 (interleaved data).
"""

import contextlib
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ingest import failure
from ingest.failure import CameraFailure
from ingest.rtsp.message import MOST_HEAD_BYTES, Answer, parse_head
from vms.clock import Clock

_READ_BYTES = 64 * 1024
_MOST_SKIPPED_BYTES = 1024 * 1024
_LONGEST_SEND_S = 5.0
_PORTS = {"rtsp": 554, "rtsps": 322}
_MESSAGE = re.compile(rb"[A-Z]{3,}[A-Z_]*[ /]")


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A packet inside the connection."""

    channel: int
    data: bytes


Received = Answer | Interleaved


class Connection:
    """One TCP connection, encrypted for `rtsps`. Made for one thread."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self._socket = sock
        self._clock = clock
        self._buffer = bytearray()
        self._skipped_bytes = 0
        self.peer_host: str = sock.getpeername()[0]
        self.family = sock.family

    def send(self, data: bytes) -> None:
        """Send.

        Raises:
            CameraFailure: the camera is gone, or takes nothing.
        """
        try:
            self._socket.settimeout(_LONGEST_SEND_S)
            self._socket.sendall(data)
        except TimeoutError:
            raise failure.stalled("it takes no request") from None
        except OSError:
            raise failure.connection_lost() from None

    def read(self, timeout_s: float) -> bool:
        """Wait for bytes, at most so long; return whether any came.

        Raises:
            CameraFailure: the camera closed the connection.
        """
        try:
            self._socket.settimeout(max(0.001, timeout_s))
            data = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            return False
        except OSError:
            raise failure.connection_lost() from None
        if not data:
            raise failure.connection_lost()
        self._buffer += data
        return True

    def received(self) -> Iterator[Received]:
        """Yield what has come whole.

        Raises:
            CameraFailure: what came is no RTSP.
        """
        while (one := self._next()) is not None:
            self._skipped_bytes = 0
            yield one

    def fileno(self) -> int:
        """Return the socket's number, for waiting on several."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up; harmless when repeated."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _next(self) -> Received | None:
        buffer = self._buffer
        while buffer:
            if buffer[0] == 0x24:
                if len(buffer) < 4 or len(buffer) < 4 + (size := int.from_bytes(buffer[2:4], "big")):
                    return None
                channel, data = buffer[1], bytes(buffer[4 : 4 + size])
                del buffer[: 4 + size]
                return Interleaved(channel, data)
            if _MESSAGE.match(buffer[:24]):
                return self._message()
            if len(buffer) < 24 and buffer.isupper():
                return None
            self._skip()
        return None

    def _message(self) -> Answer | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MOST_HEAD_BYTES:
                raise failure.refused("its answer is too large")
            return None
        answer, body_bytes = parse_head(bytes(self._buffer[: min(end, MOST_HEAD_BYTES)]))
        if len(self._buffer) < end + 4 + body_bytes:
            return None
        body = bytes(self._buffer[end + 4 : end + 4 + body_bytes])
        del self._buffer[: end + 4 + body_bytes]
        return Answer(answer.status, answer.headers, body, answer.method)

    def _skip(self) -> None:
        """Pass over bytes that are nothing, up to what may begin a packet; what is lost with them, the numbers tell."""
        position = self._buffer.find(b"$", 1)
        message = self._buffer.find(b"RTSP/1.", 1)
        starts = [one for one in (position, message) if one > 0]
        skipped = min(starts, default=len(self._buffer))
        if self._buffer[:skipped].strip(b"\r\n"):
            self._skipped_bytes += skipped
        del self._buffer[:skipped]
        if self._skipped_bytes > _MOST_SKIPPED_BYTES:
            raise failure.unreachable("what answers there speaks no RTSP")


def connect(url: str, clock: Clock, deadline_s: float) -> Connection:
    """Connect to the host of an address.

    Args:
        url: `rtsp://` or `rtsps://`, host by name, IPv4 or IPv6.
        deadline_s: monotonic.

    Raises:
        CameraFailure: with its cause.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        sock = socket.create_connection((host, port), timeout=max(0.001, deadline_s - clock.monotonic_s()))
    except OSError as error:
        raise _unreachable(error) from None
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if parts.scheme == "rtsps":
            sock.settimeout(max(0.001, deadline_s - clock.monotonic_s()))
            sock = _tls_context().wrap_socket(sock, server_hostname=host)
        return Connection(sock, clock)
    except OSError as error:
        sock.close()
        raise _unreachable(error) from None


def _tls_context() -> ssl.SSLContext:
    """Return what encrypts. Cameras sign their own certificates: who answers is told by Digest, not by them (docs/cameras.md)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _unreachable(error: OSError) -> CameraFailure:
    match error:
        case ConnectionRefusedError():
            return failure.unreachable("connection refused")
        case TimeoutError():
            return failure.unreachable("no answer in time")
        case ssl.SSLError():
            return failure.unreachable("what answers there speaks no TLS")
        case socket.gaierror():
            return failure.unreachable("its name is not known")
        case _:
            return failure.unreachable(type(error).__name__)
