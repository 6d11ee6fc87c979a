"""What a connection to one of our HTTP servers may cost: deadlines for what the other side still owes, and places by address.

uvicorn waits for ever for the rest of a request, and its `limit_concurrency` counts half-open connections too, so that whoever holds
them has everybody refused. Here each connection that waits for the other side (for a request's head, its body, the next request) has a
deadline, and is the first to go when a place is needed: the places of those that are being served can't be taken by waiting.
Decision 0390. Source: RFC 9110 section 15.5.9 (408), RFC 9112 section 9.5.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, ClassVar, Final

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from vms.hardening import descriptor_limit
from vms.origins import address_of, counted_as

BACKLOG: Final = 256
"""Connections that wait in the kernel; asyncio takes so many at once before it looks at any of them."""
DESCRIPTORS_KEPT: Final = 512
"""For everything but connections: database, footage, the workers' sockets."""
_FEWEST: Final = 16

_TIMEOUT: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long the other side may take, and how many connections there may be.

    Args:
        head_s: seconds from the connection, or a later request's first byte, to the end of its headers.
        idle_s: seconds between an answer and the next request on the same connection; whole ones.
        body_s: seconds for a body, and one more for each `body_bytes_per_s` that came.
        body_longest_s: seconds for a body in any case.
        unsent_s: seconds without the other side taking any byte of what it is being sent.
        most: connections in all.
        most_per_address: connections of one IPv4 address or IPv6 /64 network.
        proxies: addresses and networks, separated by commas, that no limit per address counts for.
    """

    head_s: float = 10.0
    idle_s: int = 15
    body_s: float = 10.0
    body_bytes_per_s: int = 4096
    body_longest_s: float = 60.0
    unsent_s: float = 30.0
    most: int = 1024
    most_per_address: int = 256
    proxies: str = ""


class _Waits(Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    NEXT = "next"
    US = "us"


@dataclass(eq=False, slots=True)
class Connection:
    """One connection of the other side's, from its acceptance to its end.

    Args:
        address: what it is counted under.
        cut: ends it when a deadline is over.
    """

    transport: asyncio.Transport
    address: str
    is_proxy: bool
    cut: Callable[[], None]
    waits: _Waits = _Waits.HEAD
    due_s: float | None = None
    unsent_bytes: int = 0
    unsent_since_s: float = 0.0


@dataclass(slots=True)
class _Address:
    """The connections of one address; those that wait for it, longest first."""

    count: int = 0
    waiting: dict[Connection, None] = field(default_factory=dict)


class Connections:
    """All connections of one server; touched by its event loop alone.

    Args:
        limits: fewer connections where the process may not open as many files.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.most = max(_FEWEST, min(limits.most, descriptor_limit() - BACKLOG - DESCRIPTORS_KEPT))
        self.refused: Counter[str] = Counter()
        self._proxies = _networks(limits.proxies)
        self._all: dict[asyncio.BaseTransport, Connection] = {}
        self._addresses: dict[str, _Address] = {}
        self._timer: asyncio.TimerHandle | None = None
        if self.most < limits.most:
            log.warning("connections.few-descriptors", most=self.most, wanted=limits.most, limit=descriptor_limit())

    def __len__(self) -> int:
        return len(self._all)

    def enter(self, transport: asyncio.Transport, cut: Callable[[], None]) -> Connection | None:
        """Count a new connection, where needed in the place of one that waits; None when there is no place for it."""
        address, is_proxy = self._origin_of(transport)
        known = self._addresses.get(address)
        if known is not None and not is_proxy and known.count >= self.limits.most_per_address:
            if not self._drop_waiting(known):
                self._note_refusal("address", address)
                return None
        elif len(self._all) >= self.most and not self._drop_from_fullest():
            self._note_refusal("all", address)
            return None
        connection = Connection(transport, address, is_proxy, cut)
        self._all[transport] = connection
        self._addresses.setdefault(address, _Address()).count += 1
        self.wait(connection, _Waits.HEAD, self.limits.head_s)
        if self._timer is None:
            self._look_later()
        return connection

    def leave(self, transport: asyncio.BaseTransport) -> None:
        """Free a connection's place; harmless when repeated."""
        connection = self._all.pop(transport, None)
        if connection is None:
            return
        of_address = self._addresses[connection.address]
        of_address.waiting.pop(connection, None)
        of_address.count -= 1
        if of_address.count == 0:
            del self._addresses[connection.address]

    def wait(self, connection: Connection, for_what: _Waits, within_s: float | None) -> None:
        """Note that it is the other side's turn, and how long it has; None: somebody else keeps that time."""
        if connection.transport not in self._all:
            return
        if connection.waits is not for_what or connection.due_s is None:
            waiting = self._addresses[connection.address].waiting
            waiting.pop(connection, None)
            waiting[connection] = None
        connection.waits = for_what
        connection.due_s = None if within_s is None else asyncio.get_running_loop().time() + within_s

    def serve(self, connection: Connection) -> None:
        """Note that it is our turn."""
        if connection.transport in self._all:
            self._addresses[connection.address].waiting.pop(connection, None)
        connection.waits, connection.due_s = _Waits.US, None

    def _origin_of(self, transport: asyncio.Transport) -> tuple[str, bool]:
        """Return what a connection is counted under, and whether it is a proxy's."""
        peer = transport.get_extra_info("peername")
        if not isinstance(peer, tuple):
            return "", True  # a Unix socket: whoever may open it is one of us
        found = address_of(str(peer[0]))
        return counted_as(str(found)), any(found in network for network in self._proxies)

    def _drop_from_fullest(self) -> bool:
        candidates = [one for one in self._addresses.values() if one.waiting]
        # A proxy's connections carry everybody's requests: only when nobody else has any.
        others = [one for one in candidates if not next(iter(one.waiting)).is_proxy]
        return bool(candidates) and self._drop_waiting(max(others or candidates, key=lambda one: one.count))

    def _drop_waiting(self, of_address: _Address) -> bool:
        """End the connection that has waited longest; False when none waits."""
        connection = next(iter(of_address.waiting), None)
        if connection is None:
            return False
        self.leave(connection.transport)
        connection.transport.abort()
        return True

    def _note_refusal(self, why: str, address: str) -> None:
        self.refused[why] += 1
        log.warning("connection.refused", full=why, address=address)

    def _look_later(self) -> None:
        limits = self.limits
        every_s = min(1.0, limits.head_s / 4, limits.body_s / 4, limits.unsent_s / 4)
        self._timer = asyncio.get_running_loop().call_later(every_s, self._look)

    def _look(self) -> None:
        """End the connections whose time is over."""
        now_s = asyncio.get_running_loop().time()
        self._timer = None
        for connection in list(self._all.values()):
            if connection.due_s is not None and now_s >= connection.due_s:
                log.info("connection.cut", waited_for=connection.waits.value, address=connection.address)
                connection.due_s = None
                connection.cut()
            elif self._is_stuck(connection, now_s):
                log.info("connection.cut", waited_for="taking", address=connection.address)
                connection.transport.abort()
        if self._all:
            self._look_later()

    def _is_stuck(self, connection: Connection, now_s: float) -> bool:
        """Return whether the other side has taken nothing for too long; also of a connection that is being closed."""
        unsent_bytes = connection.transport.get_write_buffer_size()
        if unsent_bytes == 0 or unsent_bytes != connection.unsent_bytes:
            connection.unsent_bytes, connection.unsent_since_s = unsent_bytes, now_s
            return False
        return now_s - connection.unsent_since_s >= self.limits.unsent_s


class _BoundedHttp(H11Protocol):
    """uvicorn's protocol with deadlines and a place among the server's connections."""

    places: ClassVar[Connections]
    _connection: Connection | None = None
    _body_of: object = None
    _body_since_s = 0.0
    _body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Take a place, or say that there is none."""
        super().connection_made(transport)
        self._connection = self.places.enter(transport, self._cut)
        if self._connection is None:
            transport.write(_FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        self.places.leave(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, then see whose turn it is."""
        if self._connection is None:
            return
        super().data_received(data)
        self._body_bytes += len(data)
        self._follow(self._connection, _Waits.HEAD)

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        if self._connection is not None:
            self._follow(self._connection, _Waits.NEXT)

    def _follow(self, connection: Connection, without_request: _Waits) -> None:
        limits = self.places.limits
        state = self.conn.their_state
        if self.transport.get_protocol() is not self:
            self.places.serve(connection)  # a WebSocket now, with pings of its own
        elif state is h11.IDLE and without_request is _Waits.NEXT:
            self.places.wait(connection, _Waits.NEXT, None)  # uvicorn counts this time
        elif state is h11.IDLE:
            # Its deadline does not move with each byte that drips in.
            if connection.waits is not _Waits.HEAD or connection.due_s is None:
                self.places.wait(connection, _Waits.HEAD, limits.head_s)
        elif state is h11.SEND_BODY:
            if self._body_of is not self.cycle:
                self._body_of, self._body_since_s, self._body_bytes = self.cycle, self.loop.time(), 0
            allowed_s = min(limits.body_longest_s, limits.body_s + self._body_bytes / limits.body_bytes_per_s)
            self.places.wait(connection, _Waits.BODY, self._body_since_s + allowed_s - self.loop.time())
        else:
            self.places.serve(connection)

    def _cut(self) -> None:
        has_answer = self.conn.their_state is h11.SEND_BODY and self.cycle.response_started
        if not has_answer and not self.transport.is_closing():
            self.transport.write(_TIMEOUT)
        # What is left unsent is no reason to go on: `_is_stuck` ends that.
        self.transport.close()


class _BoundedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which frees the place that its connection took as HTTP."""

    places: ClassVar[Connections]

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        self.places.leave(self.transport)
        super().connection_lost(exc)


def bounded(connections: Connections) -> dict[str, Any]:
    """Return the options with which `uvicorn.Config` keeps to these limits."""
    return {
        "http": type("BoundedHttp", (_BoundedHttp,), {"places": connections}),
        "ws": type("BoundedWebSocket", (_BoundedWebSocket,), {"places": connections}),
        "timeout_keep_alive": connections.limits.idle_s,
        "backlog": BACKLOG,
    }


def _networks(proxies: str) -> list[IPv4Network | IPv6Network]:
    return [ip_network(one.strip()) for one in proxies.split(",") if one.strip()]
