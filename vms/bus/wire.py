"""The envelope on a Unix socket: length, kind, body. Requests and replies are JSON, live messages are binary."""

import asyncio
import contextlib
import json
import struct
from enum import IntEnum
from pathlib import Path
from typing import Any

from vms import errors
from vms.errors import IntegrityLost, Unavailable, VmsError
from vms.model import PlacementId

_HEAD = struct.Struct(">IB")
_LONGEST_BYTES = 32 * 1024 * 1024
_LONGEST_SOCKET_PATH = 107


class Envelope(IntEnum):
    """What an envelope holds."""

    LIVE = 1
    REPLY = 2
    SUBSCRIBE = 16
    REQUEST = 17


def sealed(kind: Envelope, body: bytes) -> bytes:
    """Return the bytes to write."""
    return _HEAD.pack(len(body), kind) + body


async def unsealed(reader: asyncio.StreamReader) -> tuple[Envelope, bytes] | None:
    """Return the next envelope, or None when the other side has gone.

    Raises:
        IntegrityLost: the bytes are no envelope.
    """
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        length, kind = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        if length > _LONGEST_BYTES or kind not in set(Envelope):
            raise IntegrityLost("what came over the bus is no envelope")
        return Envelope(kind), await reader.readexactly(length)
    return None


def error_to_json(error: VmsError) -> dict[str, Any]:
    """Return an error as a reply carries it."""
    return {
        "class": type(error).__name__,
        "code": error.code,
        "message": str(error),
        "details": error.details,
    }


def error_from_json(document: dict[str, Any]) -> VmsError:
    """Return the error of the same class as the worker's, or `Unavailable` for a class unknown here."""
    found = getattr(errors, str(document.get("class")), Unavailable)
    kind = found if isinstance(found, type) and issubclass(found, VmsError) else Unavailable
    details = {str(name): value for name, value in dict(document.get("details") or {}).items()}
    return kind(str(document.get("message")), code=document.get("code"), **details)


def as_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body.

    Raises:
        IntegrityLost: it is none.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise IntegrityLost("what came over the bus is no JSON") from error
    if not isinstance(document, dict):
        raise IntegrityLost("what came over the bus is no JSON object")
    return document


def socket_path(run_dir: Path, placement_id: PlacementId, ending: str = "sock") -> Path:
    """Return where a placement's worker listens.

    Args:
        ending: `sock` for the live bus; anything else is a socket of its own, which no placement's live bus can be named like.

    Raises:
        errors.InvalidInput: the path is longer than a Unix socket allows.
    """
    path = run_dir / f"{placement_id}.{ending}"
    if len(str(path).encode()) > _LONGEST_SOCKET_PATH:
        raise errors.InvalidInput(
            f"run_dir is too long for a Unix socket ({path}): choose a shorter run_dir", code="settings.run-dir"
        )
    return path
