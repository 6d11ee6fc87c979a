"""The builder of exports: one thread, one package at a time, woken by an approval and by the clock.

Which export a process builds is decided in the database (APPROVED -> BUILDING lets exactly one through); which BUILDING is alive is decided
by a lock on a file that dies with its process. So a killed builder's work is found and begun anew at the next start.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator

import structlog

from api.parts import ApiParts
from vms.db import exports
from vms.db.exports import Export
from vms.errors import Conflict, Unavailable, VmsError
from vms.evidence import export as evidence
from vms.evidence.export import Workshop
from vms.model import ExportId, ExportState
from vms.sharing import file_mode, folder_mode

log = structlog.get_logger(__name__)


class ExportWorker:
    """Builds approved exports until stopped."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self.shop = Workshop(parts.db, parts.keys, parts.store, parts.reader, parts.ledger, parts.signer, parts.clock)
        self._locks = parts.settings.run / "exports"
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Give back what a dead builder left, then look for work."""
        self._thread = threading.Thread(target=self._run, name="export builder", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def stop(self, within_s: float = 10.0) -> None:
        """Interrupt the building; an export begun goes back to APPROVED."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(within_s)

    def give_back_orphans(self) -> list[ExportId]:
        """Return to APPROVED what is BUILDING with nobody building it."""
        with self._parts.db.read() as conn:
            building = exports.list_in(conn, {ExportState.BUILDING})
        found = []
        for export in building:
            with self._claim(export.id) as mine:
                if mine and self._still_building(export.id):
                    evidence.resume(self.shop, export.id)
                    found.append(export.id)
                    log.warning("export of a dead builder begun anew", export=export.id)
        return found

    def build_next(self) -> ExportId | None:
        """Build the oldest approved export; return its id, or None when there is none to build."""
        with self._parts.db.read() as conn:
            waiting: list[Export] = exports.list_in(conn, {ExportState.APPROVED})
        for export in sorted(waiting, key=lambda item: (item.decided_at or item.requested_at, item.id)):
            with self._claim(export.id) as mine:
                if not mine:
                    continue
                with contextlib.suppress(Conflict):  # somebody else was first
                    evidence.build(self.shop, export.id, self._stop.is_set)
                    return export.id
        return None

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.give_back_orphans()
                while not self._stop.is_set() and self.build_next() is not None:
                    pass
            except (VmsError, OSError) as error:
                log.warning("exports can't be built now", problem=str(error))
            self._wake.wait(self._parts.pace.export_poll_s)

    def _still_building(self, export_id: ExportId) -> bool:
        with self._parts.db.read() as conn:
            return exports.get(conn, export_id).state is ExportState.BUILDING

    @contextlib.contextmanager
    def _claim(self, export_id: ExportId) -> Iterator[bool]:
        """Hold the export's lock, or find that a living builder has it."""
        try:
            self._locks.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
            handle = os.open(self._locks / f"{export_id}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, file_mode())
        except OSError as error:
            raise Unavailable(f"{self._locks} can't be written: {error}", code="export.locks") from error
        try:
            yield _locked(handle)
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
