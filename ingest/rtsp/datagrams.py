"""A track's packets over UDP: two ports of ours, and only what comes from the camera.

Source: RFC 3550 section 11 (an even port and the odd one after it).
"""

import contextlib
import select
import socket
from typing import Self

from ingest import failure
from ingest.rtsp.connection import Connection

_BUFFER_BYTES = 2 * 1024 * 1024
_MOST_TRIES = 50
_LARGEST_BYTES = 65535
_LAST_PORT = 65535


class Datagrams:
    """Two sockets, for RTP and RTCP."""

    def __init__(self, rtp: socket.socket, rtcp: socket.socket, host: str) -> None:
        self._rtp, self._rtcp = rtp, rtcp
        self._host = host
        self._report_to: int | None = None
        self._poll = select.poll()
        self.first_port: int = rtp.getsockname()[1]
        self.connection_is_readable = False

    @classmethod
    def bound(cls, connection: Connection) -> Self:
        """Bind two ports for a camera.

        Raises:
            CameraFailure: there is no free pair.
        """
        for _ in range(_MOST_TRIES):
            rtp, rtcp = (socket.socket(connection.family, socket.SOCK_DGRAM) for _ in range(2))
            rtp.bind(("", 0))
            port = rtp.getsockname()[1]
            with contextlib.suppress(OSError):
                # Of an odd port the one before is taken, if it is free.
                rtcp.bind(("", port + 1) if port % 2 == 0 else ("", port - 1))
                if port % 2:
                    rtp, rtcp = rtcp, rtp
                rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return cls(rtp, rtcp, connection.peer_host)
            rtp.close()
            rtcp.close()
        raise failure.unreachable("this machine has no free pair of UDP ports")

    def meet(self, rtp_port: int, rtcp_port: int) -> None:
        """Open the way through a firewall between us: send something to each of the camera's ports, where they are ports at all."""
        if not (0 < rtp_port <= _LAST_PORT and 0 < rtcp_port <= _LAST_PORT):
            return
        self._report_to = rtcp_port
        with contextlib.suppress(OSError):
            self._rtp.sendto(b"\x80" + b"\x00" * 11, (self._host, rtp_port))

    def report(self, data: bytes) -> None:
        """Send a receiver report; that it is lost does no harm."""
        if self._report_to is not None:
            with contextlib.suppress(OSError):
                self._rtcp.sendto(data, (self._host, self._report_to))

    def wait(self, connection: Connection, timeout_s: float, most: int) -> list[bytes]:
        """Return what came from the camera, waiting for something at most so long."""
        for number in (self._rtp.fileno(), self._rtcp.fileno(), connection.fileno()):
            self._poll.register(number, select.POLLIN)
        readable = {number for number, _ in self._poll.poll(1000 * timeout_s)}
        self.connection_is_readable = connection.fileno() in readable
        found: list[bytes] = []
        for sock in (self._rtcp, self._rtp):
            while sock.fileno() in readable and len(found) < most:
                try:
                    data, source = sock.recvfrom(_LARGEST_BYTES)
                except OSError:
                    # Nothing more waits, or the camera's port is closed: its silence will tell.
                    break
                if source[0] == self._host:
                    found.append(data)
        return found

    def close(self) -> None:
        """Close both; harmless when repeated."""
        self._rtp.close()
        self._rtcp.close()
