"""Run one worker process per placement: start or adopt, restart with backoff or when it hangs, follow the database, drain on SIGTERM.

A placement that has ended fences its recorder, which then can't seal its last segment: once its worker is gone, the node does.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from ingest.adopted import WorkerProcess, generation, list_orphans
from ingest.backoff import Backoff
from ingest.camera_problems import StorageTrend, problems_of_cameras
from ingest.parts import IngestParts
from ingest.steady_clock import SteadyClock, steadied
from ingest.takeover import take_over
from vms.db import edge, placements, reports, segments, sweeps
from vms.db.cameras import Camera
from vms.db.placements import Placement
from vms.db.reports import STORAGE_FULL, Report, Service
from vms.errors import Unavailable, VmsError
from vms.heartbeat import HeartbeatWatch, StalledMark, beat_file, worker_name
from vms.model import PlacementId

LOOK_EVERY_S = 0.5
PLACEMENTS_EVERY_S = 2.0
FINISH_AGAIN_AFTER_S = 60.0
REPORT_EVERY_S = 10.0
SILENT_AFTER = timedelta(seconds=60)
VIEW_PROBLEMS: Final = {"moved": reports.CAMERA_MOVED, "not-recognised": reports.CAMERA_NOT_RECOGNISED}
FITS_OFF_PLAN = frozenset({"wider", "grey"})
"""What a worker says of a camera that a re-check found off its plan (docs/calibration.md)."""
DRAIN_WITHIN_S = 25.0
"""Workers seal their segments within twenty seconds; one that does not is killed, and its next start repairs."""

OF_NODE = "VMS_OF_NODE"
"""Says to a worker which node started it."""

Command = Callable[[PlacementId], Sequence[str]]

log = structlog.get_logger(__name__)


@dataclass
class _Child:
    """A worker's process, or the wait for its next start."""

    placement_id: PlacementId
    backoff: Backoff
    beats: HeartbeatWatch
    process: WorkerProcess | None = None
    started_s: float = 0.0
    restart_s: float = 0.0
    wanted: bool = True
    kill_s: float | None = None
    camera: Camera | None = None
    """The device as the worker knows it."""
    is_renewed: bool = False


class IngestNode:
    """Keep the workers of all placements running. One worker's end touches no other.

    Args:
        parts: the adapters.
        arguments: options that give a child process the same settings.
        stop: set to drain.
        command: the command line of a placement's worker, for tests.
    """

    def __init__(
        self,
        parts: IngestParts,
        arguments: Sequence[str],
        stop: threading.Event,
        *,
        command: Command | None = None,
    ) -> None:
        self._parts = parts
        self._stop = stop
        self._command = command or (
            lambda placement_id: [
                sys.executable,
                "-m",
                "vms.cli.main",
                *arguments,
                "ingest",
                "--placement",
                placement_id,
            ]
        )
        # Workers outlive us: recording must not stop because we do. The next node finds them by their locks.
        self._environment = {name: value for name, value in os.environ.items() if name != "VMS_DIE_WITH_PARENT"}
        self._environment |= {OF_NODE: str(os.getpid())}
        self._children: dict[PlacementId, _Child] = {}
        self._trend = StorageTrend(parts.settings.free_bytes_floor)
        self._looked_s: float | None = None
        self._steady: SteadyClock | None = None
        # Placements that no worker serves any more, whose last recorder may have left files without a row.
        self._left: set[PlacementId] | None = None
        self._finish_at_s: dict[PlacementId, float] = {}
        self._reported_s: float | None = None

    def run(self, came_by: Callable[[], None] = lambda: None) -> None:
        """Run until told to stop; then let the workers close their segments.

        Args:
            came_by: called each time round.
        """
        try:
            while not self._stop.is_set():
                came_by()
                self.look()
                self._parts.clock.wait(self._stop, LOOK_EVERY_S)
        finally:
            self.drain()

    def look(self) -> None:
        """Follow the database, start what should run, notice what has ended."""
        now_s = self._parts.clock.monotonic_s()
        if self._looked_s is None or now_s - self._looked_s >= PLACEMENTS_EVERY_S:
            self._looked_s = now_s
            self._follow(now_s)
        for child in list(self._children.values()):
            self._look_after(child, now_s)
        if self._reported_s is None or now_s - self._reported_s >= REPORT_EVERY_S:
            self._reported_s = now_s
            self._report()

    def drain(self) -> None:
        """Tell all workers to stop, also those of an earlier node, wait for them, and kill those that don't."""
        self._adopt({})
        running = {child.placement_id: child.process for child in self._children.values() if child.process is not None}
        for process in running.values():
            if process.poll() is None:
                process.terminate()
        give_up_s = self._parts.clock.monotonic_s() + DRAIN_WITHIN_S
        for placement_id, process in running.items():
            try:
                process.wait(max(0.1, give_up_s - self._parts.clock.monotonic_s()))
            except subprocess.TimeoutExpired:
                log.error("a worker did not drain in time, killed", placement_id=placement_id)  # noqa: TRY400 - expected
                process.kill()
                process.wait(DRAIN_WITHIN_S)
        self._children.clear()

    def pids(self) -> dict[PlacementId, int]:
        """Return the processes that run."""
        return {child.placement_id: child.process.pid for child in self._children.values() if child.process is not None}

    def _follow(self, now_s: float) -> None:
        try:
            self._steady = self._steady or steadied(self._parts)
            with self._parts.db.read() as conn:
                # By the trusted clock, as the workers: a wall clock that is set back revives no designation.
                self._steady.trust(sweeps.get_clock_sample(conn))
                found = placements.list_all(conn, at=self._steady.now())
                unsealed = {row.placement_id for row in segments.list_open(conn)}
        except Unavailable as error:
            log.warning("the database does not answer; the workers go on", cause=str(error))
            return
        in_use = {one.id: one.camera for one in found if one.camera.removed_at is None}
        wanted = in_use.keys()
        self._adopt(in_use)
        for placement_id in wanted - self._children.keys():
            self._children[placement_id] = self._child(placement_id)
        for child in self._children.values():
            was, child.wanted = child.wanted, child.placement_id in wanted
            if was and not child.wanted and child.process is not None:
                log.info("a placement has ended: its worker drains", placement_id=child.placement_id)
                self._end(child, now_s)
            elif child.wanted and not child.is_renewed and child.camera != in_use[child.placement_id]:
                if child.process is not None:
                    log.info("a camera was changed: its worker starts anew", placement_id=child.placement_id)
                    child.is_renewed = True
                    self._end(child, now_s)
                child.camera = in_use[child.placement_id]
        if self._left is None:
            self._left = {one for one in self._parts.store.placements() if self._has_parts(one)}
        for placement_id in sorted((unsealed | self._left) - wanted - self._children.keys()):
            self._finish(placement_id, now_s)

    def _child(self, placement_id: PlacementId) -> _Child:
        beats = HeartbeatWatch(beat_file(self._parts.settings.run, worker_name(placement_id)), self._parts.clock)
        return _Child(placement_id, Backoff(random.Random()), beats)  # noqa: S311 - jitter

    def _adopt(self, in_use: Mapping[PlacementId, Camera]) -> None:
        """Take workers of an earlier node under our care: they go on recording, under their own epoch.

        Looked for each time: one that was still starting when its node died takes its lock later, and ours can't serve beside it.
        """
        for words, process in list_orphans(self._parts.settings.run, self.pids()):
            child = self._children.setdefault(words.placement_id, self._child(words.placement_id))
            child.process, child.started_s = process, self._parts.clock.monotonic_s()
            camera = in_use.get(words.placement_id)
            if camera is not None and generation(self._parts.settings, camera) == words.generation:
                child.camera = camera
            log.info("worker.adopted", placement_id=words.placement_id, pid=process.pid)

    def _has_parts(self, placement_id: PlacementId) -> bool:
        """Return whether a recorder left a file that is not sealed: without a row, when the database was away at its end."""
        return next(self._parts.store.files(placement_id, "part"), None) is not None

    def _report(self) -> None:
        """Leave word of ourselves where the API, `vms health` and `vms check` read it."""
        wanted = [child for child in self._children.values() if child.wanted]
        down = sorted(child.placement_id for child in wanted if child.process is None)
        words: dict[str, Any] = {"placements": len(wanted), "workers": len(wanted) - len(down), "down": down}
        try:
            with self._parts.db.write() as conn:
                now = self._parts.clock.now()
                ending = {one.id: one.designation for one in placements.list_ending(conn, now)}
                problems = ["worker-down"] if down else []
                problems += sorted({word for one in ending.values() if (word := one.ending_at(now))})
                lasting = placements.list_all(conn, at=now)
                asked = edge.of_all(conn)
                words["off_plan"] = [one.id for one in lasting if (one.status or {}).get("fit") in FITS_OFF_PLAN]
                problems += [reports.OFF_PLAN] if words["off_plan"] else []
                words["views"] = {one.id: state for one in lasting if (state := _view_state(one)) in VIEW_PROBLEMS}
                problems += sorted({VIEW_PROBLEMS[state] for state in words["views"].values()})
                words["edge_recording"] = [one.id for one in lasting if one.id in asked and asked[one.id].keeps]
                problems += [reports.EDGE_RECORDING] if words["edge_recording"] else []
                words["ending"] = {name: one.ends_at.isoformat() for name, one in ending.items()}
                cameras = problems_of_cameras(lasting, now)
                words |= {"cameras": cameras} | self._storage()
                problems += [*cameras, *words["storage"]]
                reports.store(conn, Report(Service.INGEST, now, now + SILENT_AFTER, tuple(problems), words))
        except Unavailable as error:
            log.warning("the node can't report: the database does not answer", cause=str(error))

    def _storage(self) -> dict[str, Any]:
        """Return what is wrong with the footage volume, how much is free, and how long that lasts at the present rate."""
        try:
            free_bytes = self._parts.store.free_bytes()
        except OSError as error:
            log.warning("storage.unreadable", cause=str(error))
            return {"storage": [STORAGE_FULL], "storage_free_bytes": None, "hours_until_full": None}
        self._trend.see(free_bytes, self._parts.clock.monotonic_s())
        hours, problem = self._trend.hours_until_full(), self._trend.problem()
        return {
            "storage": [] if problem is None else [problem],
            "storage_free_bytes": free_bytes,
            "hours_until_full": None if hours is None else round(hours, 1),
        }

    def _end(self, child: _Child, now_s: float) -> None:
        """Ask a worker to drain, and see to it that it does."""
        assert child.process is not None, "only a running worker is ended"
        child.process.terminate()
        child.kill_s = now_s + DRAIN_WITHIN_S

    def _finish(self, placement_id: PlacementId, now_s: float) -> None:
        """Seal what the last recorder of an ended placement left open."""
        if now_s < self._finish_at_s.get(placement_id, now_s):
            return
        self._finish_at_s[placement_id] = now_s + FINISH_AGAIN_AFTER_S
        try:
            take_over(self._parts, placement_id)
        except VmsError as error:
            log.warning(
                "the last segment of an ended placement can't be sealed yet",
                placement_id=placement_id,
                cause=str(error),
            )
        else:
            log.info("the last segment of an ended placement is sealed", placement_id=placement_id)
            if self._left is not None:
                self._left.discard(placement_id)

    def _look_after(self, child: _Child, now_s: float) -> None:
        if child.process is None:
            if not child.wanted:
                del self._children[child.placement_id]
                if self._left is not None and self._has_parts(child.placement_id):
                    self._left.add(child.placement_id)
            elif now_s >= child.restart_s:
                self._start(child, now_s)
            return
        status = child.process.poll()
        if status is None:
            if child.kill_s is not None:
                if now_s >= child.kill_s:
                    child.process.kill()
            elif child.beats.is_stalled():
                log.critical("worker.stalled", placement_id=child.placement_id, pid=child.process.pid)
                StalledMark(self._parts.settings.run, child.placement_id).set()
                child.process.kill()
                child.kill_s = now_s
            return
        child.process, child.kill_s = None, None
        if child.is_renewed:
            child.is_renewed, child.restart_s = False, now_s
            return
        wait_s = child.backoff.wait_s(now_s - child.started_s)
        child.restart_s = now_s + wait_s
        if child.wanted:
            log.error(
                "a worker ended unasked, will restart",
                placement_id=child.placement_id,
                exit_status=signal.Signals(-status).name if status < 0 else status,
                after_s=round(wait_s, 1),
            )

    def _start(self, child: _Child, now_s: float) -> None:
        child.beats.forget()
        # A session of its own: the terminal's Ctrl-C reaches us only, and we pass it on in order.
        child.process = subprocess.Popen(
            list(self._command(child.placement_id)),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        child.started_s = now_s
        log.info("a worker started", placement_id=child.placement_id, pid=child.process.pid)


def _view_state(placement: Placement) -> str:
    """Return how the view of a fixed camera stands by its worker's word; empty where it says nothing."""
    view = (placement.status or {}).get("view") or {}
    return str(view.get("state", ""))
