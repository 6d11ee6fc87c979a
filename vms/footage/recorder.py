"""Records one placement: packets in, encrypted segments, rows, gaps and grey spans out.

The recorder never waits for the database: rows are made by the outbox, in order, as soon as the database answers. What a segment needs
to get its row later stands in a note beside its file, so that neither an outage nor a crash, nor both, lose footage.

After an error: StorageFull - the segment so far is sealed, or left for the repair; append again when there is room. Fenced - another
recorder counts now; nothing more is written. Any other - make a new recorder, after `repair`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vms.clock import Clock, reckoning_at
from vms.db.engine import Database
from vms.errors import InvalidInput, StorageFull, Unavailable
from vms.footage.blanking_record import BlankingNotes, FrameNote, Grey
from vms.footage.commits import CloseGap, DoubtClock, OpenGap, OpenRow, Recording, SealRow, Start, Stop, UnsealedSegment
from vms.footage.keys import KeyService
from vms.footage.nal import Codec, ParameterSets, drop_delimiters, find_parameter_sets, length_prefixed, split_annex_b
from vms.footage.notes import SegmentNote
from vms.footage.outbox import Outbox
from vms.footage.repair import Mend
from vms.footage.segment_file import SegmentFile
from vms.footage.store import FootageStore, SegmentRef
from vms.ledger.log import Ledger
from vms.model import RETENTION_CEILING, SEGMENT_LONGEST, GapCause, PlacementId, SegmentMode, Span, hour_of

STALL = timedelta(seconds=5)
"""A silence longer than this is a gap, also when nobody reported one."""

_LEAST_STEP = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded picture.

    Args:
        data: access unit with start codes.
        captured_at: when the picture was taken, aware UTC; rising.
        is_keyframe: decoding can begin here.
        width: in pixels.
        height: in pixels.
        codec: `h264` or `h265`.
    """

    data: bytes = field(repr=False)
    captured_at: datetime
    is_keyframe: bool
    width: int
    height: int
    codec: Codec


@dataclass(frozen=True, slots=True)
class RecorderPlan:
    """Under what a recorder records; a new plan version needs a new recorder.

    Args:
        keep_for: after this a segment is due; more than 28 days is refused.
        mode: masked or copied.
        plan_version: the approved blanking plan.
        plan_sha256: of its document, for the blanking record.
        model: words about the camera model, for the blanking record.
    """

    keep_for: timedelta
    mode: SegmentMode
    plan_version: int
    plan_sha256: str = ""
    model: str = ""

    def __post_init__(self) -> None:
        if not timedelta(0) < self.keep_for <= RETENTION_CEILING:
            raise InvalidInput("footage may be kept for at most 28 days", code="retention.ceiling")


class SegmentRecorder:
    """Cuts a placement's packets into segments. One thread appends; the rows may be written by another.

    Args:
        placement_id: whose footage.
        epoch: from `placements.take_over`.
        plan: how long, how, under which blanking plan.
        in_background: write rows in a thread; False (tests) when a call comes by.
    """

    def __init__(
        self,
        placement_id: PlacementId,
        epoch: int,
        *,
        db: Database,
        keys: KeyService,
        store: FootageStore,
        ledger: Ledger,
        clock: Clock,
        plan: RecorderPlan,
        in_background: bool = True,
    ) -> None:
        self._recording = Recording(placement_id, epoch, db, keys, store, ledger)
        self._plan = plan
        self._clock = clock
        self._outbox = Outbox(clock, in_background=in_background)
        self._notes = BlankingNotes(plan.plan_version, plan.plan_sha256, plan.model)
        self._sets: ParameterSets | None = None
        self._current: SegmentFile | None = None
        self._unsealed: UnsealedSegment | None = None
        # Files that could not be finished: tried when the next segment begins, and put back if there is still no room.
        self._to_mend: list[UnsealedSegment] = []
        self._video: dict[str, str | int] = {}
        self._last_at: datetime | None = None
        self._in_gap = True
        self.dropped_packets = 0

    @property
    def waiting_jobs(self) -> int:
        """Pieces of work that wait for the database; many of them mean that it is away."""
        return self._outbox.waiting

    def append(self, packet: Packet) -> None:
        """Take the next picture. Pictures before the first keyframe are dropped and counted.

        Raises:
            StorageFull: no room; the gap is noted; try again later.
            Fenced: another recorder has taken over.
        """
        self._outbox.check()
        units = drop_delimiters(split_annex_b(packet.data), packet.codec)
        sets = find_parameter_sets(units, packet.codec)
        known = sets or (self._sets if self._sets and self._sets.codec == packet.codec else None)
        if sets is None and packet.is_keyframe and known is not None:
            units = known.units + units  # the file must be decodable from every keyframe on
        captured_at = self._rising(packet.captured_at)
        if self._last_at is not None and self._current is not None and captured_at - self._last_at > STALL:
            self.gap(None, GapCause.CAMERA_STALLED)
        if self._current is not None and self._must_cut(packet, captured_at):
            self._finish(captured_at)
        self._sets = known
        if self._current is None:
            if not packet.is_keyframe or known is None:
                self.dropped_packets += 1
                return
            self._begin(packet, captured_at, known)
        self._add(length_prefixed(units), captured_at, is_keyframe=packet.is_keyframe)

    def note_frame(
        self,
        captured_at: datetime,
        *,
        grey_reason: str | None,
        margin_px: float = 0.0,
        pose_source: str = "none",
        telemetry: str = "none",
    ) -> None:
        """Record how a frame was blanked; before its packet is appended. Consecutive grey frames become a grey span.

        Args:
            captured_at: the frame's instant, rising.
            grey_reason: why it is all grey, else None.
            margin_px: how far its masks were widened.
            pose_source: where its pose came from.
            telemetry: what told the positions next to it.
        """
        self._notes.frame(FrameNote(captured_at, grey_reason, margin_px, pose_source, telemetry))

    def note_grey(self, start_at: datetime, end_at: datetime, reason: str) -> None:
        """Record a grey span that no frame told of."""
        self._notes.grey(Grey(Span(start_at, end_at), reason))

    def gap(self, start_at: datetime | None, cause: GapCause) -> None:
        """Seal what there is; from here on nothing is recorded until the next keyframe.

        Args:
            start_at: since when there are no pictures; None, or earlier than the footage's end: from there on.
            cause: why.
        """
        end_at = self._finish(None)
        starts = [instant for instant in (start_at, end_at or self._last_at) if instant is not None]
        if starts:
            self._in_gap = True
            self._outbox.put(OpenGap(self._recording, max(starts), cause))

    def clock_step(self, at: datetime, step_s: float) -> None:
        """Begin anew after our clock was set: seal, state the gap, write the doubt. After a step back instants may be below those before.

        Args:
            at: from where on instants are now given.
            step_s: by how much the clock was set.
        """
        end_at = self._finish(None) or self._last_at
        start_at = at
        if step_s < 0:
            self._last_at = None
            self._notes = BlankingNotes(self._plan.plan_version, self._plan.plan_sha256, self._plan.model)
        elif end_at is not None:
            start_at = end_at
        self._in_gap = True
        self._outbox.put(OpenGap(self._recording, start_at, GapCause.CLOCK_STEP))
        self._outbox.put(DoubtClock(self._recording, round(step_s)))

    def tick(self) -> None:
        """Call now and then while no packets come: tries again what waits for the database.

        Raises:
            Fenced: another recorder has taken over.
        """
        self._outbox.check()
        self._outbox.drain()

    def close(self, cause: GapCause = GapCause.WORKER_STOPPED, timeout_s: float = 10.0) -> None:
        """Seal the last segment, note the gap that begins, and end; nothing is raised for what the repair will finish."""
        self.gap(None, cause)
        self._outbox.put(Stop(self._recording, cause))
        self._outbox.close(timeout_s)

    def _rising(self, captured_at: datetime) -> datetime:
        if self._last_at is not None and captured_at <= self._last_at:
            return self._last_at + _LEAST_STEP
        return captured_at

    def _must_cut(self, packet: Packet, captured_at: datetime) -> bool:
        assert self._current is not None
        start_at = self._current.start_at
        if captured_at - start_at >= SEGMENT_LONGEST or (self._sets and packet.codec != self._sets.codec):
            return True
        return packet.is_keyframe and captured_at.replace(second=0, microsecond=0) > start_at

    def _begin(self, packet: Packet, captured_at: datetime, sets: ParameterSets) -> None:
        recording, plan = self._recording, self._plan
        ref = SegmentRef(recording.placement_id, captured_at, recording.epoch)
        # Instants only rise: after a wall clock that ran ahead was put right they may lie in the future. The term may not.
        now = self._clock.now()
        reckoned = reckoning_at(now, self._clock.boottime_s(), self._clock.boot_id())
        due_at = min(captured_at, now) + plan.keep_for
        try:
            key = recording.keys.new_segment_key(hour_of(captured_at))
            note = SegmentNote(
                wrapped_key=key.wrapped,
                due_at=due_at,
                mode=plan.mode,
                plan_version=plan.plan_version,
                reckoned=reckoned,
            )
            recording.store.write_note(ref, note.to_bytes())
            writer = recording.store.create(ref, key.plain)
            current = SegmentFile(writer, captured_at, packet.width, packet.height, sets)
        except StorageFull:
            recording.store.erase(ref)
            self.gap(captured_at, GapCause.STORAGE_FULL)
            raise
        self._current, self._unsealed = current, UnsealedSegment(recording, ref, note, writer)
        self._video = {"codec": sets.codec_string, "width": packet.width, "height": packet.height}
        if self._in_gap:
            self._in_gap = False
            self._outbox.put(CloseGap(recording, captured_at))
            self._outbox.put(Start(recording, plan.mode, plan.plan_version))
        self._outbox.put(OpenRow(self._unsealed))
        for left in [self._to_mend.pop() for _ in range(len(self._to_mend))]:
            self._outbox.put(Mend(left, self._to_mend))

    def _add(self, data: bytes, captured_at: datetime, *, is_keyframe: bool) -> None:
        assert self._current is not None
        try:
            self._current.add(data, captured_at, is_keyframe=is_keyframe)
        except StorageFull:
            self._abandon()
            self.gap(captured_at, GapCause.STORAGE_FULL)
            raise
        self._last_at = captured_at
        if is_keyframe and not self._recording.store.has_room():
            self.gap(None, GapCause.STORAGE_FULL)
            raise StorageFull(f"no room in {self._recording.store.folder}", code="footage.full")

    def _abandon(self) -> None:
        """Leave a file that could not grow as it is; what is readable of it is saved when there is room."""
        if self._unsealed is not None:
            self._unsealed.writer.abandon()
            self._to_mend.append(self._unsealed)
        self._current, self._unsealed = None, None

    def _finish(self, next_at: datetime | None) -> datetime | None:
        """Complete the current segment and hand it over for sealing; return its end."""
        current, unsealed = self._current, self._unsealed
        if current is None or unsealed is None:
            return None
        try:
            end_at = current.finish(next_at)
            unsealed.writer.chunks.finish()
        except Unavailable:
            self._abandon()
            return current.last_at
        self._current, self._unsealed = None, None
        record, greys = self._notes.take(Span(current.start_at, end_at), dict(self._video))
        self._outbox.put(SealRow(unsealed, end_at, record, current.index(), greys))
        return end_at
