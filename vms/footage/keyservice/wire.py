"""On the key service's socket: frames of a length (4 bytes, big-endian) and a JSON object; exactly the calls of `KeyService`."""

import base64
import binascii
import json
import socket
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vms.bus.wire import as_object
from vms.errors import IntegrityLost, InvalidInput
from vms.footage.keys import SegmentKey
from vms.footage.roots.store import Level
from vms.model import HoldId

LONGEST_REQUEST_BYTES = 64 * 1024
LONGEST_REPLY_BYTES = 16 * 1024 * 1024
"""A hundred thousand holds fit."""
LONGEST_SOCKET_PATH_BYTES = 107

_LENGTH = struct.Struct(">I")
_CREDENTIALS = struct.Struct("3i")

CALLS: dict[str, tuple[tuple[str, ...], str]] = {
    "new_segment_key": (("hour",), "key"),
    "unwrap": (("hour", "bytes"), "bytes"),
    "has_hour": (("hour",), "bool"),
    "hours": ((), "hours"),
    "destroy_hour": (("hour",), "none"),
    "new_hold_key": (("hold",), "none"),
    "wrap_for_hold": (("hold", "bytes"), "bytes"),
    "unwrap_for_hold": (("hold", "bytes"), "bytes"),
    "has_hold": (("hold",), "bool"),
    "holds": ((), "holds"),
    "destroy_hold": (("hold",), "none"),
    "level": ((), "level"),
    "hour_level": (("hour",), "level"),
    "hold_level": (("hold",), "level"),
}
"""Each method's kinds of arguments, and of its result. All may be repeated, so a client may ask again when a reply is lost."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value


def _bytes(value: Any) -> bytes:
    return base64.b64decode(_text(value), validate=True)


def _instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError("an instant without time zone")
    return instant.astimezone(UTC)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} instead of true or false")
    return value


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


_KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "none": (lambda value: value, lambda value: value),
    "bool": (lambda value: value, _truth),
    "bytes": (_base64, _bytes),
    "hour": (datetime.isoformat, _instant),
    "hold": (str, lambda value: HoldId(_text(value))),
    "level": (str, lambda value: Level(_text(value))),
    "key": (
        lambda key: [_base64(key.plain), _base64(key.wrapped)],
        lambda value: SegmentKey(_bytes(value[0]), _bytes(value[1])),
    ),
    "hours": (lambda hours: [one.isoformat() for one in sorted(hours)], lambda value: frozenset(map(_instant, value))),
    "holds": (sorted, lambda value: frozenset(HoldId(_text(one)) for one in value)),
}
"""How each kind is written as JSON, and read."""


def to_json(kind: str, value: Any) -> Any:
    """Return a value of a kind as JSON has it."""
    return _KINDS[kind][0](value)


def from_json(kind: str, value: Any) -> Any:
    """Return a value of a kind.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return _KINDS[kind][1](value)
    except (ValueError, TypeError, LookupError, OverflowError, binascii.Error) as error:
        raise InvalidInput(f"what stands for {kind} is none: {error}", code="keys.protocol") from error


def send(connection: socket.socket, document: dict[str, Any]) -> None:
    """Send a frame. OSError: the other side is gone, or too slow."""
    body = json.dumps(document).encode("utf-8")
    connection.sendall(_LENGTH.pack(len(body)) + body)


def receive(connection: socket.socket, longest: int, wait_s: float | None, within_s: float) -> dict[str, Any] | None:
    """Return the next frame, or None when the other side has ended between two frames.

    Args:
        longest: a frame that says it is longer is not read.
        wait_s: how long to wait for its first byte; None: for ever.
        within_s: how long each part may take from then on.

    Raises:
        IntegrityLost: a half frame, a length out of bounds, or no JSON object.
        OSError: the other side is gone, or too slow.
    """
    connection.settimeout(wait_s)
    first = connection.recv(1)
    if not first:
        return None
    connection.settimeout(within_s)
    (length,) = _LENGTH.unpack(first + _exactly(connection, _LENGTH.size - 1))
    if not 0 < length <= longest:
        raise IntegrityLost(f"a frame of {length} bytes; at most {longest} are taken", code="keys.protocol")
    body = _exactly(connection, length)
    try:
        return as_object(body)
    except RecursionError as error:
        raise IntegrityLost("a frame is nested too deeply", code="keys.protocol") from error


def _exactly(connection: socket.socket, count: int) -> bytes:
    got = bytearray()
    while len(got) < count:
        part = connection.recv(min(count - len(got), 65_536))
        if not part:
            raise IntegrityLost(f"the frame ends after {len(got)} of {count} bytes", code="keys.protocol")
        got += part
    return bytes(got)


def peer_uid(connection: socket.socket) -> int:
    """Return the account of the process at the other end, as the kernel knows it (SO_PEERCRED, unix(7))."""
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


def checked_path(path: Path) -> str:
    """Return a socket's path.

    Raises:
        InvalidInput: it is longer than a Unix socket allows.
    """
    if len(str(path).encode()) > LONGEST_SOCKET_PATH_BYTES:
        raise InvalidInput(f"keys_socket {path} is too long for a Unix socket", code="settings.keys-socket")
    return str(path)
