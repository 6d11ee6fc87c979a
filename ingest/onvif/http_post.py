"""One HTTP request to a camera: within one deadline, up to a size, and never elsewhere.

HTTP libraries time single reads, unpack before they count, and follow redirects with the account's digest. Here the deadline covers
everything from the name look-up to the last byte, bytes are counted as they come and again as they unpack, and a redirect is an error.

Source: RFC 9112 (HTTP/1.1; `http_head` reads the answer's head, Python's `http.client` its body), RFC 9110 section 8.4 (content encodings).
"""

import contextlib
import io
import select
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import Any, cast

from ingest import failure
from ingest.failure import CameraFailure
from ingest.onvif.address import ServiceUrl
from ingest.onvif.http_head import MOST_HEAD_BYTES, Answer, HeadTooLargeError, parameters
from ingest.onvif.wording import printable
from vms.clock import Clock
from vms.errors import Unavailable
from vms.ledger.deadline import within

_READ_BYTES = 64 * 1024
_MOST_FRAMING_BYTES = 2 * MOST_HEAD_BYTES
"""Of heads, chunk sizes and trailers, beside the body."""
_ANY_GZIP_OR_ZLIB = 47
"""`wbits` for zlib: either header, the largest window."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A camera's answer.

    Args:
        body: unpacked.
    """

    status: int
    headers: HTTPMessage = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """The media type, without parameters, in lower case; empty where there is none."""
        return parameters(self.headers.get("Content-Type") or "")[0]

    def challenges(self) -> list[str]:
        """Return the WWW-Authenticate headers."""
        return self.headers.get_all("WWW-Authenticate") or []


class HttpPost:
    """Posts to one camera over a connection that is kept. Made for one thread.

    Args:
        most_bytes: of an answer's body, packed and unpacked.
    """

    def __init__(self, clock: Clock, most_bytes: int) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._socket: socket.socket | None = None
        self._origin: tuple[str, str, int] | None = None

    def post(self, url: ServiceUrl, body: bytes, headers: Mapping[str, str], deadline_s: float) -> HttpReply:
        """Post, and return the whole answer.

        Args:
            deadline_s: monotonic; covers all of it.

        Raises:
            CameraFailure: not reachable, hangs up, or no whole answer in time.
            Unavailable: a redirect, an answer that is too large, or no HTTP.
        """
        kept = self._take_kept(url)
        try:
            request = _request(url, body, headers)
            if kept is not None:
                try:
                    return self._exchange(kept, url, request, deadline_s)
                except _GoneError:
                    # The camera closed the kept connection before it read the request.
                    kept.close()
            return self._exchange(self._connect(url, deadline_s), url, request, deadline_s)
        except _GoneError:
            raise failure.unreachable("its ONVIF service hangs up") from None
        except _TooLargeError:
            raise _unusable(f"answers with more than {self._most_bytes // 1024} KiB") from None
        except HeadTooLargeError:
            raise _unusable(
                f"answers with no proper HTTP (more than {MOST_HEAD_BYTES // 1024} KiB of headers, or too many)"
            ) from None
        except TimeoutError:
            raise failure.unreachable("its ONVIF service has not answered in full in time") from None
        # Before ValueError, which a certificate that is not trusted is as well.
        except OSError as error:
            raise _unreachable(error) from None
        except (HTTPException, zlib.error, ValueError) as error:
            raise _unusable(f"answers with no proper HTTP ({type(error).__name__})") from None

    def close(self) -> None:
        """Close the connection; harmless when repeated."""
        sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def _take_kept(self, url: ServiceUrl) -> socket.socket | None:
        """Return the kept connection if it leads there and nothing has come on it since: an answer to nothing, or its end."""
        sock, self._socket = self._socket, None
        if sock is None:
            return None
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        if self._origin == url.origin and not poll.poll(0):
            return sock
        sock.close()
        return None

    def _exchange(self, sock: socket.socket, url: ServiceUrl, request: bytes, deadline_s: float) -> HttpReply:
        reader = _BoundedReader(sock, 2 * self._most_bytes + _MOST_FRAMING_BYTES, lambda: self._left_s(deadline_s))
        with contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            response = Answer(cast("Any", reader), method="POST")
            try:
                sock.settimeout(self._left_s(deadline_s))
                sock.sendall(request)
                response.begin()
            except (ConnectionError, ssl.SSLEOFError):
                if reader.count_bytes == 0:
                    raise _GoneError from None
                raise
            if 300 <= response.status < 400:
                raise _redirected(response)
            body = _body(response, self._most_bytes)
            reply = HttpReply(response.status, response.headers, body)
            if not response.will_close:
                stack.pop_all()
                self._socket, self._origin = sock, url.origin
            return reply

    def _connect(self, url: ServiceUrl, deadline_s: float) -> socket.socket:
        last: OSError = OSError("no address")
        for family, kind, protocol, _, where in _looked_up(url, self._left_s(deadline_s)):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self._left_s(deadline_s))
                sock.connect(where)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if url.scheme == "https":
                    sock.settimeout(self._left_s(deadline_s))
                    sock = ssl.create_default_context().wrap_socket(sock, server_hostname=url.host)
            except OSError as error:
                sock.close()
                last = error
            else:
                return sock
        raise last

    def _left_s(self, deadline_s: float) -> float:
        left_s = deadline_s - self._clock.monotonic_s()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _GoneError(Exception):
    """The connection ended before a byte of an answer."""


class _TooLargeError(Exception):
    """More bytes than an answer may have."""


class _BoundedReader(io.RawIOBase):
    """What the answer is read from: each read waits until the deadline at most, and all of them bring so many bytes at most."""

    def __init__(self, sock: socket.socket, most_bytes: int, left_s: Callable[[], float]) -> None:
        self._socket = sock
        self._most_bytes = most_bytes
        self._left_s = left_s
        self.count_bytes = 0

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what `http.client` reads from."""
        return io.BufferedReader(self, _READ_BYTES)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come."""
        self._socket.settimeout(self._left_s())
        count = self._socket.recv_into(buffer)
        self.count_bytes += count
        if self.count_bytes > self._most_bytes:
            raise _TooLargeError
        return count


def _looked_up(url: ServiceUrl, within_s: float) -> list[Any]:
    def look_up(flags: int = 0) -> list[Any]:
        return list(socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM, flags=flags))

    with contextlib.suppress(socket.gaierror):
        return look_up(socket.AI_NUMERICHOST)
    try:
        # The system's resolver knows no deadline.
        return within(within_s, look_up, lambda: None, "the camera's name")
    except Unavailable:
        raise TimeoutError from None


def _request(url: ServiceUrl, body: bytes, headers: Mapping[str, str]) -> bytes:
    # What a camera packs unasked is unpacked all the same; asking for it would only cost it time.
    fields = {"Host": url.netloc, "User-Agent": "vms", "Accept-Encoding": "identity"}
    fields |= {**headers, "Content-Length": str(len(body))}
    lines = [f"POST {url.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header with a line end")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _body(response: HTTPResponse, most_bytes: int) -> bytes:
    if response.length is not None and response.length > most_bytes:
        raise _TooLargeError
    encodings = [one.strip().lower() for one in (response.getheader("Content-Encoding") or "").split(",")]
    packings = [one for one in encodings if one not in {"", "identity"}]
    unpack: Any = None
    if packings:
        if len(packings) > 1 or packings[0] not in {"gzip", "x-gzip", "deflate"}:
            raise _unusable(f"answers in a content encoding that nobody asked for ({printable(', '.join(packings))})")
        unpack = zlib.decompressobj(_ANY_GZIP_OR_ZLIB)
    packed, body = 0, bytearray()
    while piece := response.read(_READ_BYTES):
        packed += len(piece)
        # One byte more than may come shows that there is too much.
        body += piece if unpack is None else unpack.decompress(piece, most_bytes + 1 - len(body))
        if packed > most_bytes or len(body) > most_bytes:
            raise _TooLargeError
    if response.length:
        raise failure.unreachable("its ONVIF service hangs up in the middle of an answer")
    if unpack is not None and packed and not unpack.eof:
        raise _unusable("answers with packed data that end too early")
    return bytes(body)


def _redirected(response: HTTPResponse) -> Unavailable:
    where = printable(response.getheader("Location") or "nowhere")
    return Unavailable(
        f"the camera's ONVIF service redirects (HTTP {response.status}) to {where}, which is not followed; "
        "if that is the camera, make it its ONVIF address",
        code="camera.onvif",
        came=f"HTTP {response.status}, {where}",
    )


def _unusable(what: str) -> Unavailable:
    return Unavailable(f"the camera's ONVIF service {what}", code="camera.onvif")


def _unreachable(error: OSError) -> CameraFailure:
    match error:
        case ConnectionRefusedError():
            return failure.unreachable("its ONVIF service refuses the connection")
        case ssl.SSLCertVerificationError():
            return failure.unreachable(
                "the certificate of its ONVIF service is not trusted: add it to this machine's certificates"
            )
        case ssl.SSLError():
            return failure.unreachable("its ONVIF service speaks no TLS that we do")
        case socket.gaierror():
            return failure.unreachable("the name in its ONVIF address is not known")
        case _:
            return failure.unreachable(f"its ONVIF service can't be reached: {type(error).__name__}")
