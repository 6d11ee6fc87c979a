"""A small HTTP/1.1 server on asyncio: keep-alive, Content-Length bodies, little else.

Camera firmware speaks about this much HTTP, and both the ONVIF services and the control channel need no more.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto

MAX_BODY_BYTES = 1_000_000
REASONS = {
    200: "OK",
    302: "Found",
    303: "See Other",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Error",
    503: "Service Unavailable",
}


class Framing(Enum):
    """How the end of an answer is told (RFC 9112, section 6)."""

    LENGTH = auto()
    CHUNKED = auto()
    CLOSE = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer; status 0 drops the connection without a byte.

    Args:
        challenges: values of WWW-Authenticate, a header line each.
        stream: writes the whole answer itself, head and all; then the connection is closed.
    """

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    challenges: tuple[str, ...] = ()
    framing: Framing = Framing.LENGTH
    stream: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None


HANG_UP = Response(0)
Handler = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Serve one handler on one port; ``stop`` closes the port and every open connection."""

    def __init__(self, handler: Handler, host: str, port: int) -> None:
        self._handler = handler
        self._host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; port 0 is replaced by the one that was given, and kept for the next start."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    @property
    def is_listening(self) -> bool:
        """Whether the port is open."""
        return self._server is not None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (request := await read_request(reader)) is not None:
                response = await self._handler(request)
                if response.status == 0:
                    break
                if response.stream is not None:
                    await response.stream(writer)
                    break
                keep = (
                    request.headers.get("connection", "").lower() != "close" and response.framing is not Framing.CLOSE
                )
                writer.write(encode_response(response, keep_alive=keep))
                await writer.drain()
                if not keep:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # the client hung up or spoke no HTTP: the connection is closed below, nothing else to do
        except asyncio.CancelledError:
            pass  # the city ends: this task is nobody's but ours, and asyncio would print a traceback for each connection
        finally:
            self._writers.discard(writer)
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None when the peer closed between two requests.

    Raises:
        ValueError: The bytes are no HTTP request or the body is too large.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, path, _version = lines[0].split(" ", 2)
    headers = parse_headers(lines[1:])
    size = int(headers.get("content-length", "0"))
    if not 0 <= size <= MAX_BODY_BYTES:
        raise ValueError(f"body of {size} bytes refused")
    body = await reader.readexactly(size) if size else b""
    return Request(method, path, headers, body)


def parse_headers(lines: list[str]) -> dict[str, str]:
    """Turn header lines into a dictionary with lower-case names."""
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers


def encode_response(response: Response, *, keep_alive: bool) -> bytes:
    """Return the bytes of a response."""
    body = response.body
    lines = [
        f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Status')}",
        f"Content-Type: {response.content_type}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
        *(f"WWW-Authenticate: {challenge}" for challenge in response.challenges),
    ]
    if response.framing is Framing.LENGTH:
        lines.append(f"Content-Length: {len(body)}")
    elif response.framing is Framing.CHUNKED:
        lines.append("Transfer-Encoding: chunked")
        half = len(body) // 2
        body = (
            b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part) + b"0\r\n\r\n"
        )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
