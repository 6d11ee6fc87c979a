"""The recorder: cutting, numbering, index, outages, and that what was recorded plays."""

import io
from collections.abc import Iterable
from datetime import datetime, timedelta

import av
import pytest

from tests.footage.scene import KEEP_FOR, Scene, packets
from vms.db import segments
from vms.errors import Fenced, StorageFull
from vms.footage.keys import FileKeyring, SegmentKey
from vms.footage.recorder import Packet, SegmentRecorder
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.ledger.segments import record_sha256
from vms.model import GapCause, SegmentState, Span


def rows(scene: Scene) -> list[segments.Segment]:
    """Return the placement's segments, whatever their state."""
    now = scene.clock.now()
    everything = Span(now - timedelta(days=60), now + timedelta(days=60))
    with scene.db.read() as conn:
        return segments.covering(conn, scene.placement_id, everything, list(SegmentState))


def record(recorder: SegmentRecorder, taken: Iterable[Packet]) -> None:
    """Append all packets."""
    for packet in taken:
        recorder.append(packet)


def test_segments_are_cut_at_the_first_keyframe_after_each_clock_minute(scene: Scene) -> None:
    """Because footage is found, held and erased by the minute."""
    recorder = scene.recorder()
    start_at = scene.clock.now() + timedelta(seconds=30.4)
    for packet in packets(start_at, 121):
        recorder.append(packet)
    recorder.close()
    found = rows(scene)
    assert [(row.number, row.state) for row in found] == [
        (1, SegmentState.SEALED),
        (2, SegmentState.SEALED),
        (3, SegmentState.SEALED),
    ]
    assert [row.start_at.second for row in found] == [30, 0, 0]
    assert found[0].end_at == found[1].start_at
    assert found[1].end_at == found[2].start_at
    assert found[2].end_at == start_at + timedelta(seconds=121)


def test_footage_whose_instants_lie_in_the_future_is_due_by_the_present(scene: Scene) -> None:
    """Because instants never go back when a clock that ran ahead is put right, and the term must not be longer for it."""
    recorder = scene.recorder()
    record(recorder, packets(scene.clock.now() + timedelta(days=3), 2))
    recorder.close()
    assert [row.due_at for row in rows(scene)] == [scene.clock.now() + KEEP_FOR]


class _FullKeyring(FileKeyring):
    """A keyring on a full volume."""

    full = False

    def new_segment_key(self, hour_at: datetime) -> SegmentKey:
        """Refuse while full."""
        if self.full:
            raise StorageFull("no space left for the keyring", code="footage.full")
        return super().new_segment_key(hour_at)


def test_a_full_keyring_volume_is_a_gap_with_its_cause(scene: Scene) -> None:
    """Because a minute that is missing without a reason looks like a cut."""
    scene.keys = keys = _FullKeyring(scene.store.folder.parent / "keys")
    recorder = scene.recorder()
    start_at = scene.clock.now()
    record(recorder, packets(start_at, 30))
    keys.full = True
    with pytest.raises(StorageFull):
        record(recorder, packets(start_at + timedelta(seconds=30), 32))
    recorder.close()
    with scene.db.read() as conn:
        gaps = segments.list_gaps(conn, scene.placement_id, Span(start_at, start_at + timedelta(hours=1)))
    assert [(gap.end_at, gap.cause) for gap in gaps[-1:]] == [(None, GapCause.STORAGE_FULL)]


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_what_was_recorded_plays_picture_by_picture(scene: Scene, codec: str) -> None:
    """Because a file that only our own parser reads is no evidence."""
    recorder = scene.recorder()
    for packet in packets(scene.clock.now(), 10, codec=codec):  # type: ignore[arg-type] - parametrized
        recorder.append(packet)
    recorder.close()
    plain = scene.reader.segment_bytes(scene.placement_id, 1)
    with av.open(io.BytesIO(plain)) as container:
        pictures = list(container.decode(video=0))
    assert len(pictures) == 250
    assert [picture.pts for picture in pictures] == [number * 3600 for number in range(250)]


def test_each_index_entry_plays_on_its_own_behind_the_head(scene: Scene) -> None:
    """Because seeking sends the head and one stretch, not the file."""
    recorder = scene.recorder()
    for packet in packets(scene.clock.now(), 5):
        recorder.append(packet)
    recorder.close()
    with scene.reader.open(scene.placement_id, 1) as segment:
        assert [at_ms for _, _, at_ms in segment.row.fragments] == [0, 1000, 2000, 3000, 4000]
        head = segment.read()[: segment.init_bytes]
        for offset, length, _ in segment.row.fragments:
            stretch = segment.read()[offset : offset + length]
            with av.open(io.BytesIO(head + stretch)) as container:
                assert len(list(container.decode(video=0))) == 25
        segment.verify()
        assert segment.codec.startswith("avc3.")


def test_a_change_of_resolution_stays_in_one_file_that_plays(scene: Scene) -> None:
    """Because a camera that is reconfigured must not end the evidence."""
    recorder = scene.recorder()
    start_at = scene.clock.now()
    for packet in packets(start_at, 4):
        recorder.append(packet)
    for packet in packets(start_at + timedelta(seconds=4), 4, width=128, height=96):
        recorder.append(packet)
    recorder.close()
    plain = scene.reader.segment_bytes(scene.placement_id, 1)
    with av.open(io.BytesIO(plain)) as container:
        sizes = [(picture.width, picture.height) for picture in container.decode(video=0)]
    assert sizes == [(64, 48)] * 100 + [(128, 96)] * 100


def test_a_fenced_recorder_stops_and_its_footage_does_not_count(scene: Scene) -> None:
    """Because two recorders of one placement would give two truths."""
    recorder = scene.recorder()
    start_at = scene.clock.now()
    for packet in packets(start_at, 2):
        recorder.append(packet)
    scene.take_over()
    late = list(packets(start_at + timedelta(seconds=2), 120))
    with pytest.raises(Fenced):
        record(recorder, late)
    assert all(row.number == 1 for row in rows(scene))


def test_a_silence_becomes_a_gap_with_its_cause(scene: Scene) -> None:
    """Because a gap without a cause looks like tampering."""
    recorder = scene.recorder()
    start_at = scene.clock.now()
    for packet in packets(start_at, 2):
        recorder.append(packet)
    for packet in packets(start_at + timedelta(seconds=20), 2):
        recorder.append(packet)
    recorder.close(GapCause.WORKER_STOPPED)
    with scene.db.read() as conn:
        found = segments.list_gaps(conn, scene.placement_id, Span(start_at, start_at + timedelta(days=1)))
    assert [(gap.cause, gap.end_at) for gap in found] == [
        (GapCause.CAMERA_STALLED, start_at + timedelta(seconds=20)),
        (GapCause.WORKER_STOPPED, None),
    ]
    assert rows(scene)[0].end_at == start_at + timedelta(seconds=2)


def test_a_clock_set_back_begins_anew_with_a_stated_gap_and_a_doubt(scene: Scene) -> None:
    """Because footage under a wrong hour that nothing tells of is worse than a gap."""
    recorder = scene.recorder()
    start_at = scene.clock.now()
    ahead_at, back_at = start_at + timedelta(hours=1), start_at + timedelta(seconds=20)
    record(recorder, packets(start_at, 2))
    recorder.clock_step(ahead_at, 3598.0)
    for packet in [*packets(ahead_at, 2), *packets(back_at + timedelta(seconds=1), 2)]:
        if packet.captured_at == back_at + timedelta(seconds=1):
            recorder.clock_step(back_at, -3582.0)
        recorder.note_frame(packet.captured_at, grey_reason="pose-late")
        recorder.append(packet)
    recorder.close(GapCause.WORKER_STOPPED)
    assert [row.start_at for row in sorted(rows(scene), key=lambda row: row.number)] == [
        start_at,
        ahead_at,
        back_at + timedelta(seconds=1),
    ]
    with scene.db.read() as conn:
        found = segments.list_gaps(conn, scene.placement_id, Span(start_at, start_at + timedelta(days=1)))
        doubts = search(conn, Filter(acts=(Act.CLOCK_DOUBT,)))
        greys = segments.list_grey_spans(conn, scene.placement_id, Span(back_at, back_at + timedelta(minutes=1)))
    assert [(gap.start_at, gap.end_at, gap.cause) for gap in found[:2]] == [
        (start_at + timedelta(seconds=2), ahead_at, GapCause.CLOCK_STEP),
        (back_at, back_at + timedelta(seconds=1), GapCause.CLOCK_STEP),
    ]
    assert len(doubts) == 2
    assert [grey.start_at for grey in greys] == [back_at + timedelta(seconds=1)], "grey all along is told on both sides"


def test_grey_frames_become_grey_spans_of_their_segments(scene: Scene) -> None:
    """Because whoever looks later must see why there was nothing to see."""
    recorder = scene.recorder()
    start_at = scene.clock.now() + timedelta(seconds=50)
    for number, packet in enumerate(packets(start_at, 20)):
        grey = "pose-late" if 200 <= number < 300 else None
        recorder.note_frame(
            packet.captured_at,
            grey_reason=grey,
            margin_px=number / 100,
            pose_source="interpolated",
            telemetry="polling" if number < 100 else "metadata",
        )
        recorder.append(packet)
    recorder.close()
    with scene.db.read() as conn:
        spans = segments.list_grey_spans(conn, scene.placement_id, Span(start_at, start_at + timedelta(minutes=5)))
    assert [(span.start_at, span.end_at, span.reason) for span in spans] == [
        (start_at + timedelta(seconds=8), start_at + timedelta(seconds=10), "pose-late"),
        (start_at + timedelta(seconds=10), start_at + timedelta(seconds=12), "pose-late"),
    ]
    first, second = rows(scene)
    assert first.blanking is not None
    assert second.blanking is not None
    assert (first.blanking["frames"], first.blanking["grey_frames"]) == (250, 50)
    assert first.blanking["largest_margin_millipx"] == 2490
    assert first.blanking["telemetry"] == [["metadata", 150], ["polling", 100]]
    assert second.blanking["grey_reasons"] == [["pose-late", 50]]
    assert [reason for _, _, reason in second.blanking["grey"]] == ["pose-late"]
    assert len(record_sha256(first.blanking)) == 64
