"""What a viewer gets of a placement: blanked pictures and the state of the camera. Nothing else ever enters the bus."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from vms.errors import IntegrityLost

_LENGTH = struct.Struct(">I")
_FRAME = struct.Struct(">Bq")
_KEYFRAME = 1


@dataclass(frozen=True, slots=True)
class InitMessage:
    """The head of a stream: everything a player must know before the first frame.

    Args:
        epoch: the recorder's epoch; messages of an older epoch are dropped.
        codec: as a browser's MSE wants it, e.g. `avc3.64001f`.
        data: fMP4 ftyp + moov.
    """

    kind: ClassVar[str] = "init"
    epoch: int
    codec: str
    width: int
    height: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FrameMessage:
    """One blanked (or, by its approved plan, copied) frame.

    Args:
        captured_at_us: microseconds since 1970 UTC.
        data: fMP4 moof + mdat.
    """

    kind: ClassVar[str] = "frame"
    epoch: int
    captured_at_us: int
    is_keyframe: bool
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StateMessage:
    """How the camera is.

    Args:
        state: {"state": "live" | "grey" | "offline" | "starting", "reason": word | None, ...}.
    """

    kind: ClassVar[str] = "state"
    state: Mapping[str, Any]


LiveMessage = InitMessage | FrameMessage | StateMessage


def to_browser(message: LiveMessage) -> bytes:
    """Return the message as the WebSocket carries it: one byte of kind (1 init, 2 frame, 3 state) and the payload."""
    match message:
        case InitMessage():
            head = json.dumps(
                {"codec": message.codec, "width": message.width, "height": message.height, "epoch": message.epoch}
            ).encode()
            return b"\x01" + _LENGTH.pack(len(head)) + head + message.data
        case FrameMessage():
            flags = _KEYFRAME if message.is_keyframe else 0
            return b"\x02" + _FRAME.pack(flags, message.captured_at_us) + message.data
        case StateMessage():
            return b"\x03" + json.dumps(dict(message.state)).encode()


def to_wire(message: LiveMessage) -> bytes:
    """Return the message as it goes between processes: the browser's form, and the epoch in a frame."""
    if isinstance(message, FrameMessage):
        return b"\x02" + _LENGTH.pack(message.epoch) + to_browser(message)[1:]
    return to_browser(message)


def from_wire(body: bytes) -> LiveMessage:
    """Return the message that `to_wire` wrote.

    Raises:
        IntegrityLost: it is no such message.
    """
    try:
        if body[0] == 1:
            (length,) = _LENGTH.unpack_from(body, 1)
            head = json.loads(body[5 : 5 + length])
            return InitMessage(head["epoch"], head["codec"], head["width"], head["height"], body[5 + length :])
        if body[0] == 2:
            (epoch,) = _LENGTH.unpack_from(body, 1)
            flags, captured_at_us = _FRAME.unpack_from(body, 5)
            return FrameMessage(epoch, captured_at_us, bool(flags & _KEYFRAME), body[5 + _FRAME.size :])
        if body[0] == 3:
            return StateMessage(json.loads(body[1:]))
    except (IndexError, struct.error, ValueError, KeyError, TypeError) as error:
        raise IntegrityLost("a message on the bus is broken") from error
    raise IntegrityLost(f"a message on the bus has the unknown kind {body[0]}")
