"""The way of commissioning pictures from a worker to the API: a socket of its own, a message of its own, one looker at a time.

Nothing of the live bus is shared but the folder. The worker listens only while a leave with an open look stands in the database, and asks
whoever comes for the name of that look. A picture that is not taken at once is thrown away: there is one slot, and no queue.
"""

import asyncio
import contextlib
import hmac
import json
import math
import select
import socket
import struct
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from vms.bus.wire import socket_path
from vms.errors import IntegrityLost, Unavailable
from vms.model import COMMISSIONING_MOST_PX, PlacementId
from vms.sharing import file_mode, folder_mode

_HEAD = struct.Struct(">4sII")
_MAGIC = b"VMSC"
_LONGEST_HEAD_BYTES = 4096
_TICKET_BYTES = 64
_ENDING = "draw"
_SEND_WITHIN_S = 2.0
_ASK_WITHIN_S = 1.0
_LOOK_FOR_WORKER_S = 0.25


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera looked.

    Args:
        still: it stood still around that instant: what is drawn on the picture is drawn in the right direction.
    """

    pan_deg: float
    tilt_deg: float
    zoom: float
    still: bool

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.pan_deg, self.tilt_deg, self.zoom)):
            raise ValueError("a pose must be finite")


@dataclass(frozen=True, slots=True)
class CommissioningPicture:
    """A reduced picture on its way to whoever draws masks. No message of the live bus: nothing there takes it.

    Args:
        columns, rows: samples; at most 240 a side.
        width_px, height_px: of the camera's picture, which a plan's frame has to have.
        captured_at_us: microseconds since 1970 UTC.
        pose: None for a camera that does not move, or does not tell.
        rgb: rows * columns * 3 bytes.
    """

    columns: int
    rows: int
    width_px: int
    height_px: int
    captured_at_us: int
    pose: Pose | None
    rgb: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not (0 < self.columns <= COMMISSIONING_MOST_PX and 0 < self.rows <= COMMISSIONING_MOST_PX):
            raise ValueError(f"a commissioning picture has at most {COMMISSIONING_MOST_PX} samples a side")
        if len(self.rgb) != self.columns * self.rows * 3:
            raise ValueError("a commissioning picture has three bytes a sample")

    def head(self) -> dict[str, Any]:
        """Return everything but the samples."""
        pose = self.pose
        return {
            "columns": self.columns,
            "rows": self.rows,
            "width": self.width_px,
            "height": self.height_px,
            "captured_at_us": self.captured_at_us,
            "pose": None
            if pose is None
            else {"pan_deg": pose.pan_deg, "tilt_deg": pose.tilt_deg, "zoom": pose.zoom, "still": pose.still},
        }


class CommissioningBus(Protocol):
    """The API's side."""

    def look(self, placement_id: PlacementId, view_id: str) -> AsyncGenerator[CommissioningPicture, None]:
        """Return an iterator that ends when the worker has had enough; close it to leave."""


class CommissioningCounter:
    """The worker's side. Made for one thread; it never waits long.

    Args:
        run_dir: folder of sockets (mode 0700).
    """

    def __init__(self, run_dir: Path, placement_id: PlacementId) -> None:
        self._path = socket_path(run_dir, placement_id, _ENDING)
        self._server: socket.socket | None = None
        self._looker: socket.socket | None = None

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    @property
    def has_looker(self) -> bool:
        """Whether somebody is let in."""
        return self._looker is not None

    def open(self) -> None:
        """Listen; harmless when it does.

        Raises:
            Unavailable: the socket can't be made.
        """
        if self._server is not None:
            return
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.parent.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            server.bind(str(self._path))
            # Before it listens: nobody can have come in yet.
            self._path.chmod(file_mode())
            server.listen(1)
            server.setblocking(False)
        except OSError as error:
            server.close()
            raise Unavailable(f"cannot listen on {self._path}: {error}") from error
        self._server = server

    def meet(self, ticket: str, within_s: float) -> None:
        """Let in whoever comes within a time and names the look; a second one is turned away."""
        if self._server is None:
            return
        if not _is_readable(self._server, within_s):
            return
        with contextlib.suppress(OSError):  # gone again
            looker, _address = self._server.accept()
            if self._looker is None and _names(looker, ticket):
                looker.settimeout(_SEND_WITHIN_S)
                self._looker = looker
            else:
                looker.close()

    def hand_over(self, picture: CommissioningPicture) -> bool:
        """Give a picture to who is let in; False when nobody took it (any more)."""
        if self._looker is None:
            return False
        head = json.dumps(picture.head()).encode()
        try:
            self._looker.sendall(_HEAD.pack(_MAGIC, len(head), len(picture.rgb)) + head + picture.rgb)
        except OSError:
            self.send_away()
            return False
        return True

    def notice_leaving(self) -> None:
        """See whether who is let in has left."""
        if self._looker is None:
            return
        if _is_readable(self._looker, 0):
            # Whoever is let in has nothing to say: bytes or an end, both mean that it is over.
            self.send_away()

    def send_away(self) -> None:
        """End the look; harmless when there is none."""
        looker, self._looker = self._looker, None
        if looker is not None:
            looker.close()

    def close(self) -> None:
        """End the look and listen no more; harmless when repeated."""
        self.send_away()
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self._path.unlink(missing_ok=True)


class LocalCommissioning:
    """The API's side on this machine.

    Args:
        run_dir: folder of the workers' sockets.
        wait_s: how long a worker may take to open.
    """

    def __init__(self, run_dir: Path, wait_s: float = 15.0) -> None:
        self._run_dir = run_dir
        self._wait_s = wait_s

    async def look(self, placement_id: PlacementId, view_id: str) -> AsyncGenerator[CommissioningPicture, None]:
        """Yield pictures until the worker ends it.

        Raises:
            Unavailable: no worker let us in in time.
            IntegrityLost: what came is no picture.
        """
        path, came = socket_path(self._run_dir, placement_id, _ENDING), False
        give_up_s = asyncio.get_running_loop().time() + self._wait_s
        # A worker that has not read of this look yet turns it away; it is asked again until the first picture.
        while not came and asyncio.get_running_loop().time() < give_up_s:
            async with contextlib.aclosing(_session(path, view_id, give_up_s)) as session:
                async for picture in session:
                    came = True
                    yield picture
            if not came:
                await asyncio.sleep(_LOOK_FOR_WORKER_S)
        if not came:
            raise Unavailable(
                f"the worker of {placement_id} shows no commissioning pictures", code="commissioning.no-worker"
            )


async def _session(path: Path, view_id: str, first_by_s: float) -> AsyncGenerator[CommissioningPicture, None]:
    """Yield the pictures of one connection; none when nobody listens, or the first does not come in time."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(view_id.encode().ljust(_TICKET_BYTES, b"\0"))
            async with asyncio.timeout_at(first_by_s):
                picture = await _read(reader)
            while True:
                yield picture
                picture = await _read(reader)
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> CommissioningPicture:
    magic, head_bytes, rgb_bytes = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    if magic != _MAGIC or head_bytes > _LONGEST_HEAD_BYTES or rgb_bytes > 3 * COMMISSIONING_MOST_PX**2:
        raise IntegrityLost("what came is no commissioning picture")
    head = await reader.readexactly(head_bytes)
    rgb = await reader.readexactly(rgb_bytes)
    try:
        told = json.loads(head)
        pose = None if told["pose"] is None else Pose(**told["pose"])
        return CommissioningPicture(
            told["columns"], told["rows"], told["width"], told["height"], told["captured_at_us"], pose, rgb
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityLost("what came is no commissioning picture") from error


def _is_readable(one: socket.socket, within_s: float) -> bool:
    """Return whether something came within a time; not by select(2), which fails at descriptor 1024."""
    poll = select.poll()
    poll.register(one, select.POLLIN)
    return bool(poll.poll(within_s * 1000))


def _names(looker: socket.socket, ticket: str) -> bool:
    """Return whether who came knows the name of the open look."""
    looker.settimeout(_ASK_WITHIN_S)
    # In one piece, as it is sent: who drips it would keep the worker here.
    said = looker.recv(_TICKET_BYTES)
    return hmac.compare_digest(said, ticket.encode().ljust(_TICKET_BYTES, b"\0"))
