"""The API's side of the local bus: a connection per subscriber to the worker's Unix socket."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from vms.bus.commands import Command, command_to_json
from vms.bus.messages import LiveMessage, StateMessage, from_wire
from vms.bus.wire import Envelope, as_object, error_from_json, sealed, socket_path, unsealed
from vms.errors import Unavailable
from vms.model import PlacementId

RECONNECT_S = 0.5
REQUEST_WITHIN_S = 5.0
OFFLINE = StateMessage({"state": "offline", "reason": "worker-away"})


class LocalBus:
    """Reach the workers of this machine.

    A reader that is slow is not read from by anybody else: the socket fills, and the worker skips to the next keyframe for it.

    Args:
        run_dir: folder of the workers' sockets.
        request_within_s: how long a command may take.
        reconnect_s: how long to wait before looking for a worker again.
    """

    def __init__(
        self, run_dir: Path, *, request_within_s: float = REQUEST_WITHIN_S, reconnect_s: float = RECONNECT_S
    ) -> None:
        self._run_dir = run_dir
        self._request_within_s = request_within_s
        self._reconnect_s = reconnect_s

    async def subscribe(self, placement_id: PlacementId) -> AsyncGenerator[LiveMessage, None]:
        """Yield state, init and frames from the last keyframe on, for ever; close the iterator to unsubscribe."""
        newest_epoch, said_offline = 0, False
        while True:
            async with contextlib.aclosing(self._session(placement_id)) as session:
                async for message in session:
                    said_offline = False
                    epoch = getattr(message, "epoch", newest_epoch)
                    if epoch < newest_epoch:
                        continue
                    newest_epoch = epoch
                    yield message
            if not said_offline:
                said_offline = True
                yield OFFLINE
            await asyncio.sleep(self._reconnect_s)

    async def request(self, placement_id: PlacementId, command: Command) -> dict[str, Any]:
        """Return the worker's reply to a command.

        Raises:
            Unavailable: no worker answers, or not in time.
            VmsError: what the worker raised.
        """
        try:
            async with asyncio.timeout(self._request_within_s):
                return await self._ask(placement_id, command)
        except TimeoutError as error:
            raise Unavailable("the camera did not answer in time; try again", code="camera.no-answer") from error

    async def _session(self, placement_id: PlacementId) -> AsyncGenerator[LiveMessage, None]:
        connection = await self._connect(placement_id)
        if connection is None:
            return
        reader, writer = connection
        try:
            writer.write(sealed(Envelope.SUBSCRIBE, b"{}"))
            while (envelope := await unsealed(reader)) is not None:
                if envelope[0] is Envelope.LIVE:
                    yield from_wire(envelope[1])
        finally:
            writer.close()

    async def _ask(self, placement_id: PlacementId, command: Command) -> dict[str, Any]:
        connection = await self._connect(placement_id)
        if connection is None:
            raise Unavailable("no worker serves this camera now; try again in a moment", code="camera.offline")
        reader, writer = connection
        try:
            writer.write(sealed(Envelope.REQUEST, json.dumps(command_to_json(command)).encode()))
            envelope = await unsealed(reader)
        finally:
            writer.close()
        if envelope is None:
            raise Unavailable("the camera's worker went away; try again in a moment", code="camera.offline")
        reply = as_object(envelope[1])
        if "error" in reply:
            raise error_from_json(reply["error"])
        return dict(reply["reply"])

    async def _connect(self, placement_id: PlacementId) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        path = socket_path(self._run_dir, placement_id)
        with contextlib.suppress(OSError):  # no socket, or nobody behind it: the worker is away
            return await asyncio.open_unix_connection(str(path))
        return None
