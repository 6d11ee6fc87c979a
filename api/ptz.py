"""Moving cameras: one person at a time, commands in order, one pair of ledger entries per continuous movement.

The lock and the open movements live in this process. With several API processes in front of one camera the worker's dead-man timer still
stops it, but two people in two processes could move it in turns (docs/decisions/0064-ptz-desk.md).
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.concurrency import run_in_threadpool

from api.access import Asker, Subject
from api.acting import SERVICE, person, record
from api.parts import ApiParts
from vms.bus.commands import (
    Command,
    PtzAbsolute,
    PtzContinuous,
    PtzGotoPreset,
    PtzPresets,
    PtzRelativeView,
    PtzStop,
    StatusQuery,
)
from vms.errors import Conflict, VmsError
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.model import PlacementId

log = structlog.get_logger(__name__)

_LOOKS_PER_SPAN = 4


@dataclass(frozen=True, slots=True)
class Hold:
    """Who moves a camera now."""

    subject: Subject
    until_s: float
    since_at: datetime
    until_at: datetime


@dataclass(slots=True)
class _Movement:
    """A movement that goes on: repeats of one command, or one after the other without a pause."""

    asker: Asker
    kind: str
    started_at: datetime
    last_s: float
    commands: int = 1
    watcher: asyncio.Task[None] | None = None


@dataclass(slots=True)
class _Camera:
    """One placement's controls."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    tickets: int = 0
    hold: Hold | None = None
    movement: _Movement | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class PtzDesk:
    """All controls of this process. Lives on one event loop."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._cameras: dict[PlacementId, _Camera] = {}

    def take(self, asker: Asker, placement_id: PlacementId, *, take_over: bool = False) -> Hold:
        """Become the one who moves the camera, or stay it.

        Raises:
            Conflict: somebody else moves it; the text names the person, so that one can call.
        """
        camera = self._cameras.setdefault(placement_id, _Camera())
        now_s = self._parts.clock.monotonic_s()
        holder = camera.hold
        others = holder is not None and holder.until_s > now_s and holder.subject.session_id != asker.subject.session_id
        if others and not take_over:
            assert holder is not None
            raise Conflict(
                f"placement {placement_id} is being moved by {holder.subject.user_id}",
                code="ptz.locked",
                holder=holder.subject.display_name,
            )
        lasts_s, now = self._parts.pace.ptz_lock_s, self._parts.clock.now()
        goes_on = holder is not None and holder.until_s > now_s and not others
        since_at = holder.since_at if holder is not None and goes_on else now
        camera.hold = Hold(asker.subject, now_s + lasts_s, since_at, now + timedelta(seconds=lasts_s))
        if not goes_on:
            camera.changed.set()
            camera.changed = asyncio.Event()
        return camera.hold

    def control(self, placement_id: PlacementId) -> Hold | None:
        """Return who has the camera now, or None."""
        camera = self._cameras.get(placement_id)
        holder = None if camera is None else camera.hold
        return holder if holder is not None and holder.until_s > self._parts.clock.monotonic_s() else None

    async def wait_for_change(self, placement_id: PlacementId, within_s: float) -> None:
        """Wait until somebody else has the camera, at most so long: then what goes on may have gone on longer, or ended."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._cameras.setdefault(placement_id, _Camera()).changed.wait(), within_s)

    def refuse_while_steered(self, placement_id: PlacementId) -> None:
        """Make sure that nobody has the controls of a camera.

        Raises:
            Conflict: somebody has; the text names the person.
        """
        holder = self.control(placement_id)
        if holder is not None:
            raise Conflict(
                f"placement {placement_id} is being moved by {holder.subject.user_id}",
                code="ptz.locked",
                holder=holder.subject.display_name,
            )

    async def take_over(self, asker: Asker, placement_id: PlacementId) -> Hold:
        """Take the controls from whoever has them; the other person's movement is stopped first."""
        camera = self._cameras.setdefault(placement_id, _Camera())
        from_whom = camera.hold.subject.user_id if camera.hold else None
        async with camera.turn:
            await self._finish(placement_id, camera, "taken-over", stop=True)
            obj: dict[str, Value] = {"placement_id": placement_id, "from": from_whom}
            await self._write(Act.PTZ_TAKE, asker, obj)
            return self.take(asker, placement_id, take_over=True)

    async def command(self, asker: Asker, placement_id: PlacementId, command: Command) -> dict[str, Any]:
        """Write a command down, then send it to the camera's worker.

        Returns:
            The worker's reply; {"superseded": True} for a movement that a newer command has overtaken while it waited.

        Raises:
            Conflict: somebody else moves the camera.
            Unavailable: the camera does not answer.
        """
        if isinstance(command, PtzPresets | StatusQuery):
            return await self._parts.bus.request(placement_id, command)
        self.take(asker, placement_id)
        camera = self._cameras[placement_id]
        camera.tickets += 1
        ticket = camera.tickets
        async with camera.turn:
            # A slow camera must not build up a queue: only the newest movement counts.
            if isinstance(command, PtzContinuous | PtzRelativeView) and ticket != camera.tickets:
                return {"superseded": True}
            if isinstance(command, PtzStop):
                reply = await self._parts.bus.request(placement_id, command)
                await self._finish(placement_id, camera, "stopped", stop=False)
                return reply
            await self._note(asker, placement_id, camera, command)
            return await self._parts.bus.request(placement_id, command)

    async def close(self) -> None:
        """Stop and write down everything that still moves."""
        for placement_id, camera in self._cameras.items():
            async with camera.turn:
                await self._finish(placement_id, camera, "server-stopped", stop=True)

    async def _note(self, asker: Asker, placement_id: PlacementId, camera: _Camera, command: Command) -> None:
        """Open a movement in the ledger, or go on with the one that is open."""
        now_s = self._parts.clock.monotonic_s()
        if isinstance(command, PtzGotoPreset):
            await self._finish(placement_id, camera, "superseded", stop=False)
            await self._write(Act.PTZ_PRESET, asker, {"placement_id": placement_id, "preset": command.preset})
            return
        movement = camera.movement
        same_person = movement is not None and movement.asker.subject.session_id == asker.subject.session_id
        if movement is not None and same_person and movement.kind == command.KIND:
            movement.last_s = now_s
            movement.commands += 1
            return
        await self._finish(placement_id, camera, "superseded", stop=False)
        await self._write(Act.PTZ_MOVE, asker, {"placement_id": placement_id, **_in_whole_numbers(command)})
        camera.movement = _Movement(asker, command.KIND, self._parts.clock.now(), now_s)
        camera.movement.watcher = asyncio.create_task(self._watch(placement_id, camera, camera.movement))

    async def _watch(self, placement_id: PlacementId, camera: _Camera, movement: _Movement) -> None:
        """Close a movement that nobody goes on with."""
        longest_s = self._parts.pace.ptz_span_s
        while camera.movement is movement:
            await asyncio.sleep(longest_s / _LOOKS_PER_SPAN)
            if self._parts.clock.monotonic_s() - movement.last_s < longest_s:
                continue
            async with camera.turn:
                if camera.movement is movement and self._parts.clock.monotonic_s() - movement.last_s >= longest_s:
                    await self._finish(placement_id, camera, "silence", stop=movement.kind == PtzContinuous.KIND)

    async def _finish(self, placement_id: PlacementId, camera: _Camera, why: str, *, stop: bool) -> None:
        """Close the open movement, if any; call with the camera's turn held."""
        movement, camera.movement = camera.movement, None
        if movement is None:
            return
        if stop:
            # The worker's dead-man timer stops the camera too; this is the explicit Stop of design section 8.
            try:
                await self._parts.bus.request(placement_id, PtzStop())
            except VmsError as error:
                log.warning("stop not delivered", placement=placement_id, problem=str(error))
        if movement.watcher is not None and movement.watcher is not asyncio.current_task():
            movement.watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await movement.watcher
        obj: dict[str, Value] = {
            "placement_id": placement_id,
            "kind": movement.kind,
            "started": movement.started_at,
            "commands": movement.commands,
        }
        await self._write(Act.PTZ_STOP, movement.asker if why == "stopped" else None, obj, why=why)

    async def _write(self, act: Act, asker: Asker | None, obj: dict[str, Value], why: str | None = None) -> None:
        def write() -> None:
            who = person(asker.subject, asker.decision) if asker is not None else SERVICE
            with self._parts.db.write() as conn:
                record(self._parts.ledger, conn, act, who, obj, why=why)

        await run_in_threadpool(write)


def _in_whole_numbers(command: Command) -> dict[str, Value]:
    """Return a movement as the ledger takes it: without floats."""
    values: dict[str, Value] = {"kind": command.KIND}
    match command:
        case PtzContinuous():
            values |= {f"{name}_permille": round(getattr(command, name) * 1000) for name in ("pan", "tilt", "zoom")}
        case PtzAbsolute():
            values |= {
                "pan_mdeg": round(command.pan_deg * 1000),
                "tilt_mdeg": round(command.tilt_deg * 1000),
                "zoom_permille": round(command.zoom * 1000),
            }
        case PtzRelativeView():
            values |= {"dx_permille": round(command.dx * 1000), "dy_permille": round(command.dy * 1000)}
        case _:
            pass
    return values
