"""Keep child processes running: start, restart with backoff or when they hang, stop them all on SIGTERM."""

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import structlog

from config import Settings
from vms.clock import Clock
from vms.heartbeat import HeartbeatWatch, beat_file

RESTART_FIRST_S = 1.0
RESTART_LONGEST_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A child that lived this long starts again with the shortest backoff."""
STOP_WITHIN_S = 20.0
"""What a child gets to drain before it is killed; its start-up repairs the rest."""
LOOK_EVERY_S = 0.2

log = structlog.get_logger(__name__)


@dataclass
class _Child:
    name: str
    arguments: Sequence[str]
    ends_last: bool = False
    beats: HeartbeatWatch | None = None
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    restart_s: float = 0.0
    backoff_s: float = field(default=RESTART_FIRST_S)


class Supervisor:
    """Run several `vms` commands as child processes until told to stop.

    Args:
        clock: for backoff and waiting.
        environment: the children's environment variables.
    """

    def __init__(self, clock: Clock, environment: Mapping[str, str]) -> None:
        self._clock = clock
        self._environment = dict(environment)
        self._children: list[_Child] = []
        self.stop = threading.Event()

    def add(self, name: str, arguments: Sequence[str], *, ends_last: bool = False, run_dir: Path | None = None) -> None:
        """Add a child: this Python with the given arguments.

        Args:
            ends_last: it is there until the others have drained.
            run_dir: where it leaves its beats; None: it leaves none, and nobody notices when it hangs.
        """
        beats = None if run_dir is None else HeartbeatWatch(beat_file(run_dir, name), self._clock)
        self._children.append(_Child(name, [sys.executable, *arguments], ends_last, beats))

    def run(self) -> None:
        """Watch until a signal comes."""
        stop_on_signals(self.stop)
        self.watch()

    def watch(self) -> None:
        """Start all children and keep them running until `stop` is set; then drain them."""
        try:
            while not self.stop.is_set():
                for child in self._children:
                    self._look_after(child)
                self._clock.wait(self.stop, LOOK_EVERY_S)
        finally:
            self._drain()

    def _look_after(self, child: _Child) -> None:
        now_s = self._clock.monotonic_s()
        if child.process is None:
            if now_s >= child.restart_s:
                if child.beats is not None:
                    child.beats.forget()
                # A session of its own: the terminal's Ctrl-C reaches us only, and we pass it on in order.
                child.process = subprocess.Popen(child.arguments, env=self._environment, start_new_session=True)
                child.started_s = now_s
                log.info("started", child=child.name, pid=child.process.pid)
            return
        status = child.process.poll()
        if status is None:
            if child.beats is not None and child.beats.is_stalled():
                log.critical("process.stalled", child=child.name, pid=child.process.pid)
                child.process.kill()
            return
        if now_s - child.started_s >= HEALTHY_AFTER_S:
            child.backoff_s = RESTART_FIRST_S
        log.error("ended unasked, will restart", child=child.name, exit_status=status, after_s=child.backoff_s)
        child.process, child.restart_s = None, now_s + child.backoff_s
        child.backoff_s = min(child.backoff_s * 2, RESTART_LONGEST_S)

    def _drain(self) -> None:
        for last in (False, True):
            self._end([child for child in self._children if child.ends_last is last])

    def _end(self, children: Sequence[_Child]) -> None:
        running = [child.process for child in children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        give_up_s = self._clock.monotonic_s() + STOP_WITHIN_S
        for process in running:
            try:
                process.wait(max(0.1, give_up_s - self._clock.monotonic_s()))
            except subprocess.TimeoutExpired:
                log.warning("did not drain in time, killed", pid=process.pid)
                process.kill()
                process.wait()


def add_system(supervisor: Supervisor, settings: Settings, options: Sequence[str]) -> None:
    """Add the processes of the system; the key service first if the settings want one. `options` give them the same settings."""
    commands = [["api"], ["ingest"], ["retention"], ["selftest"]]
    if settings.keys_socket is not None:
        commands.insert(0, ["keys", "serve"])
    for command in commands:
        # Recorders seal and exports are finished with its keys.
        supervisor.add(
            command[0], ["-m", "vms.cli.main", *options, *command], ends_last=command[0] == "keys", run_dir=settings.run
        )


def stop_on_signals(stop: threading.Event) -> None:
    """Set the event on SIGTERM and SIGINT; a second signal ends the process at once."""

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
