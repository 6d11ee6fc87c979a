"""The worker's side of the local bus: one Unix socket per placement, served by an event loop in a thread of its own."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import structlog

from vms.bus.commands import Command, command_from_json
from vms.bus.messages import FrameMessage, InitMessage, LiveMessage, to_wire
from vms.bus.protocol import Admit
from vms.bus.wire import Envelope, as_object, error_to_json, sealed, socket_path, unsealed
from vms.errors import IntegrityLost, Unavailable, VmsError
from vms.model import PlacementId
from vms.sharing import file_mode, folder_mode

BEHIND_BYTES = 2 * 1024 * 1024
"""What may wait for one subscriber; beyond it, it skips to the next keyframe."""
PENDING_FRAMES = 250
"""What may wait for the channel's own thread; beyond it, everybody skips."""
CLOSE_WITHIN_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class _Subscriber:
    """One viewer's connection; touched by the loop's thread alone, but for `first`, which is set before it is listed."""

    writer: asyncio.StreamWriter
    first: int
    behind: bool = False
    skipped: int = 0
    missed: bytes | None = None

    def offer(self, message: LiveMessage, body: bytes) -> None:
        """Write the message, or skip to the next keyframe when too much waits already."""
        full = self.writer.transport.get_write_buffer_size() > BEHIND_BYTES
        if isinstance(message, FrameMessage):
            self.behind = full or (self.behind and not message.is_keyframe)
            if self.behind:
                self.skipped += 1
                return
        elif full and not isinstance(message, InitMessage):
            self.missed = body  # the newest state is told when there is room again
            return
        if self.missed is not None:
            self.writer.write(self.missed)
            self.missed = None
        self.writer.write(body)


class PlacementChannel:
    """Serve one placement's live pictures and take its commands.

    Args:
        run_dir: folder of sockets, made if absent (mode 0700). The caller holds the placement's lock: a socket file left
            there belongs to a dead worker.
        placement_id: whose pictures.
    """

    def __init__(self, run_dir: Path, placement_id: PlacementId) -> None:
        self._run_dir = run_dir
        self._path = socket_path(run_dir, placement_id)
        self._placement_id = placement_id
        self._lock = threading.Lock()
        self._published = 0
        self._done = 0
        self._lossy = False
        self._subscribers: list[_Subscriber] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._greet: Callable[[Admit], None] = lambda admit: admit([])
        self._obey: Callable[[Command], dict[str, Any]] | None = None
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._hands = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commands")
        self._thread = threading.Thread(target=self._run, name="channel", daemon=True)

    def start(self) -> Self:
        """Listen.

        Raises:
            Unavailable: the socket can't be made.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise Unavailable(f"cannot listen on {self._path}: {self._failure}") from self._failure
        return self

    @property
    def watched(self) -> bool:
        """Whether anybody is subscribed."""
        return bool(self._subscribers)

    @property
    def viewers(self) -> int:
        """How many are subscribed."""
        return len(self._subscribers)

    def on_join(self, greet: Callable[[Admit], None]) -> None:
        """Have `greet` called (in the channel's thread) for each new subscriber."""
        self._greet = greet

    def on_command(self, callback: Callable[[Command], dict[str, Any]]) -> None:
        """Have `callback` called (in a thread for commands) for each command."""
        self._obey = callback

    def publish(self, message: LiveMessage) -> None:
        """Send to all subscribers; never waits."""
        with self._lock:
            waiting = self._published - self._done
            if isinstance(message, FrameMessage):
                # The channel's thread is starved: drop here, up to a keyframe, instead of queueing without bound.
                self._lossy = waiting > PENDING_FRAMES or (self._lossy and not message.is_keyframe)
                if self._lossy:
                    return
            self._published += 1
            number = self._published
            with contextlib.suppress(RuntimeError):  # the loop is closed: the worker is ending
                self._loop.call_soon_threadsafe(self._deliver, number, message)

    def close(self) -> None:
        """Stop listening and let all subscribers go; harmless when repeated."""
        with contextlib.suppress(RuntimeError):  # already closed
            self._loop.call_soon_threadsafe(self._closing.set)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)
        self._hands.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, number: int, message: LiveMessage) -> None:
        with self._lock:
            self._done = number
        if not self._subscribers:
            return
        body = sealed(Envelope.LIVE, to_wire(message))
        for subscriber in self._subscribers:
            # What was published before a subscriber joined, it has got in its greeting.
            if number >= subscriber.first:
                subscriber.offer(message, body)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._run_dir.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._meet, path=self._path)
        self._path.chmod(file_mode())
        self._ready.set()
        await self._closing.wait()
        server.close()
        self._path.unlink(missing_ok=True)
        # Closed, not cancelled: asyncio 3.11 logs an error for each connection whose task is cancelled.
        for writer in list(self._writers):
            writer.transport.abort()
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=CLOSE_WITHIN_S)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subscriber: _Subscriber | None = None
        self._writers.add(writer)
        try:
            while (envelope := await unsealed(reader)) is not None:
                kind, body = envelope
                if kind is Envelope.SUBSCRIBE and subscriber is None:
                    subscriber = self._join(writer)
                elif kind is Envelope.REQUEST:
                    reply = await self._loop.run_in_executor(self._hands, self._reply_to, body)
                    writer.write(sealed(Envelope.REPLY, json.dumps(reply).encode()))
                    await writer.drain()
        except (ConnectionError, IntegrityLost) as error:
            log.info("a subscriber was let go", placement_id=self._placement_id, cause=str(error))
        finally:
            self._writers.discard(writer)
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)
            writer.close()

    def _join(self, writer: asyncio.StreamWriter) -> _Subscriber:
        subscriber = _Subscriber(writer, first=0)

        def admit(messages: Sequence[LiveMessage]) -> None:
            with self._lock:
                subscriber.first = self._published + 1
                self._subscribers.append(subscriber)
            for message in messages:
                writer.write(sealed(Envelope.LIVE, to_wire(message)))

        self._greet(admit)
        return subscriber

    def _reply_to(self, body: bytes) -> dict[str, Any]:
        try:
            command = command_from_json(as_object(body))
            if self._obey is None:
                raise Unavailable("this camera takes no commands yet; try again in a moment", code="ptz.not-ready")
            return {"reply": self._obey(command)}
        except VmsError as error:
            return {"error": error_to_json(error)}
