"""The recorder behind a bounded queue and in a thread of its own, so that a slow disk delays no picture."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from ingest.plan_watch import ActivePlan
from vms.errors import StorageFull, Unavailable
from vms.footage.recorder import Packet, SegmentRecorder
from vms.model import GapCause, SegmentMode

MOST_BYTES = 64 * 1024 * 1024
"""What may wait for the disk: well over a minute of a usual camera."""
TICK_S = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Note:
    """How a frame was blanked; comes before its packet."""

    captured_at: datetime
    grey_reason: str | None
    margin_px: float
    pose_source: str
    telemetry: str


@dataclass(frozen=True, slots=True)
class GapNote:
    """Nothing comes from here on."""

    start_at: datetime | None
    cause: GapCause


@dataclass(frozen=True, slots=True)
class Under:
    """What follows is recorded under this plan, in this way."""

    plan: ActivePlan
    mode: SegmentMode


@dataclass(frozen=True, slots=True)
class ClockStep:
    """What follows begins here, although what came before may bear later instants: our clock was set by so much."""

    at: datetime
    step_s: float


Entry = Packet | Note | GapNote | ClockStep | Under
MakeRecorder = Callable[[ActivePlan, SegmentMode], SegmentRecorder]


class Recording:
    """Hand packets, notes and gaps to a segment recorder.

    While there is no approved plan nothing is recorded. A full volume ends in a gap, and recording goes on at a keyframe when there
    is room again. Every other failure ends the thread, and with it the worker.

    Args:
        make: a recorder for a plan.
    """

    def __init__(self, make: MakeRecorder) -> None:
        self._make = make
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closing: GapCause | None = None
        self._recorder: SegmentRecorder | None = None
        self._under: Under | None = None
        self.full = False
        """Whether the volume is full."""
        self.waiting_rows = 0
        """Rows that wait for the database."""
        self.recorded = 0
        """How many pictures have been recorded."""
        self._newest_note: Note | None = None

    def put(self, entry: Entry) -> None:
        """Add an entry.

        Raises:
            Unavailable: the disk has been too slow for too long; nothing more can be promised.
        """
        with self._changed:
            if self._bytes > MOST_BYTES:
                raise Unavailable(
                    "the footage volume can't keep up with the camera: check the disk", code="footage.slow"
                )
            self._entries.append(entry)
            self._bytes += len(entry.data) if isinstance(entry, Packet) else 0
            self._changed.notify()

    def close(self, cause: GapCause) -> None:
        """Let the thread record what waits, seal and end."""
        with self._changed:
            self._closing = cause
            self._changed.notify()

    def run(self, came_by: Callable[[], None] = lambda: None) -> None:
        """Record until closed; `came_by` is called each time round.

        Raises:
            Fenced: another recorder has taken over.
            VmsError: what makes further recording impossible.
        """
        try:
            while (entry := self._next()) is not None or self._closing is None:
                came_by()
                if entry is not None:
                    self._record(entry)
                elif self._recorder is not None:
                    self._recorder.tick()
                self.waiting_rows = 0 if self._recorder is None else self._recorder.waiting_jobs
        finally:
            self._end(self._closing or GapCause.WORKER_CRASHED)

    def _next(self) -> Entry | None:
        with self._changed:
            if not self._entries and self._closing is None:
                self._changed.wait(TICK_S)
            if not self._entries:
                return None
            entry = self._entries.popleft()
            self._bytes -= len(entry.data) if isinstance(entry, Packet) else 0
            return entry

    def _record(self, entry: Entry) -> None:
        if isinstance(entry, Under):
            if entry != self._under:
                self._end(GapCause.WORKER_STOPPED)
                self._under = entry
                self._recorder = self._make(entry.plan, entry.mode) if entry.plan.records else None
            return
        recorder = self._recorder
        if recorder is None:
            return
        if isinstance(entry, Note):
            if self.full:
                # Frames that are not recorded need no notes: a volume may stay full for days.
                self._newest_note = entry
            else:
                _take_note(recorder, entry)
        elif isinstance(entry, GapNote):
            recorder.gap(entry.start_at, entry.cause)
        elif isinstance(entry, ClockStep):
            recorder.clock_step(entry.at, entry.step_s)
        elif not self.full or entry.is_keyframe:
            self._append(recorder, entry)

    def _append(self, recorder: SegmentRecorder, packet: Packet) -> None:
        try:
            recorder.append(packet)
        except StorageFull as error:
            if not self.full:
                log.critical("there is no room to record: recording has stopped", cause=str(error))
            self.full = True
            return
        self.recorded += 1
        if self.full:
            log.warning("there is room again: recording goes on")
            self.full = False
            if self._newest_note is not None:
                _take_note(recorder, self._newest_note)

    def _end(self, cause: GapCause) -> None:
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close(cause)


def _take_note(recorder: SegmentRecorder, note: Note) -> None:
    recorder.note_frame(
        note.captured_at,
        grey_reason=note.grey_reason,
        margin_px=note.margin_px,
        pose_source=note.pose_source,
        telemetry=note.telemetry,
    )
