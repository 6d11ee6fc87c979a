"""Whether a process still gets on: it leaves a beat in a file every second, and whoever started it kills it when none has come for a while.

A beat is a change of the file, by the watcher's own clock: no clock is compared, and the beats outlive the watcher. A file that is missing
(none yet, or it can't be written) says nothing: nobody is killed for a full volume.
"""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from vms.clock import Clock
from vms.model import PlacementId
from vms.sharing import folder_mode

BEAT_EVERY_S: Final = 1.0
STALLED_AFTER_S: Final = 12.0
"""Without a beat. With the next start of the process, less than twenty seconds."""
MOST_STEP_S: Final = 2.0
"""What one look may add to the silence: a watcher that was itself held up, or a machine that slept, accuses nobody."""

log = structlog.get_logger(__name__)


def beat_file(run_dir: Path, name: str) -> Path:
    """Return where a process leaves its beats."""
    return run_dir / "beats" / name


def worker_name(placement_id: PlacementId) -> str:
    """Return under which name a worker beats."""
    return f"worker-{placement_id}"


class StalledMark:
    """Is there while a worker was killed for being stalled and its successor has not written that down yet."""

    def __init__(self, run_dir: Path, placement_id: PlacementId) -> None:
        self._path = run_dir / "beats" / f"{worker_name(placement_id)}.stalled"

    def set(self) -> None:
        """Leave word for the successor."""
        try:
            _make_folder(self._path.parent)
            self._path.touch()
        except OSError as error:
            log.warning("process.stalled-not-marked", path=str(self._path), cause=str(error))

    def is_set(self) -> bool:
        """Return whether the last worker was stalled."""
        return self._path.exists()

    def clear(self) -> None:
        """It has been written down."""
        _remove(self._path)


class Heartbeat:
    """Beats in a thread of its own, as long as every loop that is watched comes by in time.

    Args:
        path: of `beat_file`; its folder is made.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._loops: dict[str, tuple[float, float]] = {}
        self._beats = 0
        self._is_told = False
        self._is_silent = False

    def watch(self, name: str, within_s: float) -> Callable[[], None]:
        """Beat only while a loop calls what is returned, at least every `within_s`."""

        def came_by() -> None:
            self._loops[name] = (self._clock.monotonic_s(), within_s)

        came_by()
        return came_by

    def end_watches(self) -> None:
        """Beat whatever the loops do: they are being ended, and who ends them has a deadline of its own."""
        self._loops.clear()

    def start(self) -> "Heartbeat":
        """Begin."""
        self.beat()
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()
        return self

    def beat(self) -> None:
        """Leave a beat, unless a loop hangs."""
        now_s = self._clock.monotonic_s()
        hanging = sorted(name for name, (came_s, within_s) in list(self._loops.items()) if now_s - came_s > within_s)
        if hanging:
            if not self._is_told:
                log.critical("process.stalled", loops=hanging)
            self._is_told = True
            return
        self._is_told = False
        self._beats += 1
        try:
            _make_folder(self._path.parent)
            # Beside it first: a disk that hangs between emptying and writing would leave a beat that says nothing.
            draft = self._path.with_suffix(".draft")
            draft.write_text(f"{os.getpid()} {self._beats}\n", encoding="ascii")
            draft.replace(self._path)
        except OSError as error:
            if not self._is_silent:
                log.warning("process.no-beat", path=str(self._path), cause=str(error))
            self._is_silent = True
            _remove(self._path)
        else:
            self._is_silent = False
        _tell_service_manager()

    def _run(self) -> None:
        while True:
            self._clock.sleep(BEAT_EVERY_S)
            self.beat()


class HeartbeatWatch:
    """Looks whether a process still beats. Look every second or more often."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._newest: bytes | None = None
        self._silent_s = 0.0
        self._looked_s = clock.monotonic_s()

    def forget(self) -> None:
        """Forget the beats of an earlier process. Call it before another one starts."""
        _remove(self._path)
        self._newest, self._silent_s = None, 0.0

    def silence_s(self) -> float:
        """Return for how long no beat has come."""
        now_s = self._clock.monotonic_s()
        step_s, self._looked_s = min(now_s - self._looked_s, MOST_STEP_S), now_s
        found = self._read()
        self._silent_s = self._silent_s + step_s if found == self._newest else 0.0
        self._newest = found
        return self._silent_s

    def is_stalled(self) -> bool:
        """Return whether the process has beaten, and does no more."""
        return self.silence_s() >= STALLED_AFTER_S and self._newest is not None

    def _read(self) -> bytes | None:
        try:
            return self._path.read_bytes() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("process.beats-unreadable", path=str(self._path), cause=str(error))
            return None


def _tell_service_manager() -> None:
    """Keep systemd's watchdog content, where it watches this very process (sd_notify(3), sd_watchdog_enabled(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address or os.environ.get("WATCHDOG_PID") != str(os.getpid()):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            # A first @ stands for the NUL of an abstract address.
            manager.sendto(b"WATCHDOG=1", address.replace("@", "\0", 1) if address.startswith("@") else address)
    except OSError as error:
        log.warning("process.watchdog-unheard", cause=str(error))


def _make_folder(folder: Path) -> None:
    """Make the folder of beats, for this account only, and the one that it is in."""
    folder.parent.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
    folder.mkdir(mode=folder_mode(), exist_ok=True)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("process.beats-not-removed", path=str(path), cause=str(error))
