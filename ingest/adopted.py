"""Workers outlive their node: what a worker leaves in its lock, and how the next node takes it under its care again.

A worker is the process that holds its camera's lock. A process number alone would prove nothing: it is given out again. So the process
is opened first, and is the right one if it holds the lock with the same words after that.
"""

import fcntl
import hashlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Container, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, Self

import structlog

import blanking
import config
import ingest
import vms
from config import Settings
from vms.db.cameras import Camera
from vms.model import PlacementId

UNKNOWN_STATUS = 0
"""Of an adopted process only its parent learns how it ended."""

log = structlog.get_logger(__name__)


class WorkerProcess(Protocol):
    """What a node does with a worker, its own (`subprocess.Popen`) or an adopted one."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Return its status when it has ended."""

    def wait(self, timeout: float) -> int:
        """Wait for its end, or raise subprocess.TimeoutExpired."""

    def terminate(self) -> None:
        """Ask it to drain."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(frozen=True, slots=True)
class WorkerWords:
    """What a worker says of itself in its lock.

    Args:
        generation: digest of the program, the settings and the camera that it was started with.
        has_node: whether a node started it; one that a person started by hand is left alone.
    """

    pid: int
    placement_id: PlacementId
    generation: str
    has_node: bool

    def to_bytes(self) -> bytes:
        """Return the words as they stand in the lock."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self | None:
        """Return the words, None where they can't be read: a lock of an older version, or one that is being taken."""
        try:
            found = json.loads(data)
            return cls(
                int(found["pid"]),
                PlacementId(found["placement_id"]),
                str(found["generation"]),
                found["has_node"] is True,
            )
        except (ValueError, KeyError, TypeError):
            return None


def generation(settings: Settings, camera: Camera) -> str:
    """Return what a worker has to be started with now; another generation is started anew."""
    started_with = f"{_program()}\n{settings.model_dump_json()}\n{camera!r}"
    return hashlib.sha256(started_with.encode()).hexdigest()


@cache
def _program() -> str:
    """Return the digest of the code that a worker runs: a repair without a new version number must not leave old workers at work."""
    return digest_of(Path(package.__path__[0]) for package in (vms, ingest, blanking, config))


def digest_of(folders: Iterable[Path]) -> str:
    """Return a digest (hex SHA-256) of all modules in some folders: names and contents."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class AdoptedWorker:
    """A worker that another node started."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self._descriptor: int | None = descriptor

    def poll(self) -> int | None:
        """Return a status when it has ended."""
        if self._descriptor is None:
            return UNKNOWN_STATUS
        return self._ended(0.0)

    def wait(self, timeout: float) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """
        status = UNKNOWN_STATUS if self._descriptor is None else self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout)
        return status

    def terminate(self) -> None:
        """Ask it to drain."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _ended(self, timeout_s: float) -> int | None:
        assert self._descriptor is not None, "asked only while it is open"
        poll = select.poll()  # select(2) fails at descriptor 1024
        poll.register(self._descriptor, select.POLLIN)
        if not poll.poll(timeout_s * 1000):
            return None
        os.close(self._descriptor)
        self._descriptor = None
        return UNKNOWN_STATUS

    def _signal(self, number: signal.Signals) -> None:
        if self._descriptor is None:
            return
        try:
            signal.pidfd_send_signal(self._descriptor, number)
        except ProcessLookupError:
            log.info("worker.ended-before-signal", pid=self.pid)


def list_orphans(run_dir: Path, served: Container[PlacementId] = ()) -> list[tuple[WorkerWords, AdoptedWorker]]:
    """Return the workers on this machine that an earlier node started and that still hold their camera's lock.

    Args:
        served: placements whose worker is looked after already.
    """
    found = []
    for path in sorted(run_dir.glob("*.lock")):
        words = _holder(path)
        if words is None or not words.has_node or words.placement_id in served:
            continue
        try:
            descriptor = os.pidfd_open(words.pid)
        except ProcessLookupError:
            continue
        if _holder(path) != words:
            os.close(descriptor)
            continue
        found.append((words, AdoptedWorker(words.pid, descriptor)))
    return found


def _holder(path: Path) -> WorkerWords | None:
    """Return the words of the process that holds a lock, None if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return WorkerWords.from_bytes(os.pread(descriptor, 4096, 0))
    else:
        return None
    finally:
        os.close(descriptor)
