"""The recorder behind its queue: what happens to notes and packets while the volume is full."""

from datetime import UTC, datetime, timedelta
from typing import cast

from ingest.plan_watch import ActivePlan
from ingest.recording import Note, Recording, Under
from vms.errors import StorageFull
from vms.footage.recorder import Packet, SegmentRecorder
from vms.model import GapCause, SegmentMode

START_AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
PLAN = Under(ActivePlan(1, None, no_dwelling_in_sight=True), SegmentMode.COPIED)


class FakeRecorder:
    """Takes notes and packets; the volume is full for some of them."""

    waiting_jobs = 0

    def __init__(self, full: range) -> None:
        self._full = full
        self.notes: list[datetime] = []
        self.packets: list[datetime] = []

    def note_frame(self, captured_at: datetime, **_words: object) -> None:
        """Remember the note."""
        self.notes.append(captured_at)

    def append(self, packet: Packet) -> None:
        """Remember the packet, or refuse it."""
        if round((packet.captured_at - START_AT).total_seconds()) in self._full:
            raise StorageFull("full", code="footage.full")
        self.packets.append(packet.captured_at)

    def tick(self) -> None:
        """Do nothing."""

    def close(self, cause: GapCause) -> None:
        """End."""


def test_nothing_piles_up_while_the_volume_is_full_and_each_recorded_frame_has_its_note() -> None:
    """Because a volume may stay full over a weekend, and a worker that runs out of memory takes the live picture with it."""
    fake = FakeRecorder(full=range(10, 5000))
    recording = Recording(lambda _plan, _mode: cast("SegmentRecorder", fake))
    recording.put(PLAN)
    for second in range(5010):
        at = START_AT + timedelta(seconds=second)
        recording.put(Note(at, None, 0.0, "none", "none"))
        recording.put(Packet(b"", at, is_keyframe=True, width=64, height=48, codec="h264"))
    recording.close(GapCause.WORKER_STOPPED)
    recording.run()
    assert len(fake.packets) == 20
    # The note of the picture that met the full volume came before that was known.
    assert set(fake.packets) <= set(fake.notes)
    assert len(fake.notes) == 21
