"""A loopback HTTP server that answers what a test wants, byte by byte if need be, and keeps what it was asked."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Self

Reply = bytes | Iterable[bytes]
XML = "application/soap+xml; charset=utf-8"
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" '
    'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" '
    'xmlns:ter="http://www.onvif.org/ver10/error" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl">'
    "<s:Body>{inner}</s:Body></s:Envelope>"
)


@dataclass(frozen=True)
class Asked:
    """A request.

    Args:
        headers: names in lower case.
    """

    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """The local name of what the SOAP body asks."""
        found = re.search(rb"Body>\s*<(?:[\w.-]+:)?(\w+)", self.body)
        return found.group(1).decode() if found else ""

    @property
    def has_token(self) -> bool:
        """Whether it holds a WS-Security token."""
        return b"UsernameToken" in self.body


class HttpPeer:
    """Answers on a port of its own, each connection in a thread.

    Args:
        answer: gives the bytes of a whole HTTP answer, or pieces of it.
        tls: encrypts, with its certificate.

    Attributes:
        asked: requests so far.
        sent_bytes: bytes that were taken from us so far.
        connections: how many were made so far.
    """

    def __init__(
        self, answer: Callable[[Asked], Reply], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self._answer = answer
        self._tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.host = f"[{host}]" if ":" in host else host
        self.asked: list[Asked] = []
        self.sent_bytes = 0
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, target: str = "/onvif/device_service") -> str:
        """The address of something on it."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}{target}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._open.append(sock)
                self.connections += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._converse(self._tls.wrap_socket(sock, server_side=True) if self._tls else sock)

    def _converse(self, sock: socket.socket) -> None:
        with sock, sock.makefile("rb") as stream:
            while (asked := _read(stream)) is not None:
                self.asked.append(asked)
                reply = self._answer(asked)
                for piece in [reply] if isinstance(reply, bytes) else reply:
                    sock.sendall(piece)
                    self.sent_bytes += len(piece)
                if not isinstance(reply, bytes):
                    return


def _read(stream: object) -> Asked | None:
    lines: list[str] = []
    while (line := stream.readline().decode("latin-1")) not in {"", "\r\n"}:  # type: ignore[attr-defined]  # a socket's file
        lines.append(line.rstrip("\r\n"))
    if not lines:
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])}
    body = stream.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]  # likewise
    return Asked(lines[0].split(" ")[1], headers, body)


def http(body: bytes | str, status: str = "200 OK", kind: str | None = XML, **headers: str) -> bytes:
    """A whole answer."""
    data = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": kind} if kind is not None else {}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = [
        f"HTTP/1.1 {status}",
        *(f"{name}: {value}" for name, value in fields.items()),
        f"Content-Length: {len(data)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + data


def soap(inner: str, status: str = "200 OK", **headers: str) -> bytes:
    """A SOAP answer."""
    return http(ENVELOPE.format(inner=inner), status, **headers)


def fault(subcode: str, reason: str, status: str = "400 Bad Request", **headers: str) -> bytes:
    """A SOAP fault."""
    return soap(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{reason}</s:Text></s:Reason></s:Fault>',
        status,
        **headers,
    )


def for_ever(start: bytes, piece: bytes, pause: Callable[[], object] = lambda: None) -> Iterator[bytes]:
    """An answer that does not end."""
    yield start
    while True:
        pause()
        yield piece
