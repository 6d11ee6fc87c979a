"""When a file's pictures are shown, where the container does not say it; in doubt not at all."""

import math
from contextlib import ExitStack
from pathlib import Path

import av
import pytest

from ingest.bitstream import split_nals
from ingest.file_stamps import PacketTimes, Stamp, display_stamps, order_contradicts
from ingest.file_video import FileVideo
from ingest.loss import H264LossDetector
from ingest.loss_h265 import H265LossDetector
from tests.ingest.video_clips import write_clip

GROUP = [0, 4, 2, 1, 3]
"""A keyframe, and three B pictures before the picture that they predict from: numbers in the order of display, as decoded."""
STEP = 40


def packets(groups: int, *, dts: int | None = None) -> list[PacketTimes]:
    """Return groups of five packets that know nothing of when they are shown."""
    return [
        PacketTimes(None, None if dts is None else number * dts, is_keyframe=number % 5 == 0)
        for number in range(groups * 5)
    ]


def display_order(groups: int) -> list[int]:
    """Return the packets in the order in which a decoder gives their pictures out."""
    return sorted(range(groups * 5), key=lambda number: number // 5 * 5 + GROUP[number % 5])


def places(stamps: list[Stamp], step: int = STEP) -> list[int | None]:
    """Return each packet's place in the order of display, None where it is not sure."""
    return [stamp.ticks // step if stamp.is_sure else None for stamp in stamps]


def test_packets_are_counted_in_the_order_of_display() -> None:
    """Counted in decoding order, a turning camera's masks lie beside three pictures in four."""
    times, shown = packets(3), display_order(3)
    assert order_contradicts(times, shown)
    assert places(display_stamps(times, shown, STEP, counts_until=15)) == [
        group * 5 + place for group in range(3) for place in GROUP
    ]


def test_decoding_times_are_dealt_out_in_the_order_of_display() -> None:
    """Also where the stream states no rate: the container told when something was there."""
    stamps = display_stamps(packets(2, dts=70), display_order(2), STEP, counts_until=0)
    assert places(stamps, 70) == [0, 4, 2, 1, 3, 5, 9, 7, 6, 8]


def test_without_any_stated_rate_no_instant_is_sure() -> None:
    """Twenty-five a second would be a guess."""
    assert places(display_stamps(packets(2), display_order(2), STEP, counts_until=0)) == [None] * 10


def test_packets_missing_from_a_stream_without_times_end_the_counting() -> None:
    """Everything after them comes later than its number says."""
    stamps = display_stamps(packets(3), display_order(3), STEP, counts_until=6)
    assert places(stamps) == [0, 4, 2, 1, 3] + [None] * 10


@pytest.mark.parametrize("missing", range(1, 20))
def test_a_picture_that_never_came_out_leaves_its_neighbourhood_without_instants(missing: int) -> None:
    """Its place in the order of display is unknown; the next closed group but one is sure again, and none is wrong."""
    shown = [number for number in display_order(4) if number != missing]
    found = places(display_stamps(packets(4, dts=STEP), shown, STEP, counts_until=20))
    right = [group * 5 + place for group in range(4) for place in GROUP]
    assert all(place in (None, right[number]) for number, place in enumerate(found))
    group = missing // 5
    assert all(place is None for place in found[max(0, group - 1) * 5 : group * 5 + 5])
    kept = [place for number, place in enumerate(found) if number // 5 not in (group - 1, group)]
    assert None not in kept


def test_times_that_are_missing_here_and_there_are_filled_in_at_the_stream_s_pace() -> None:
    """A recording of a live stream lacks its first; a gap that is longer than its pictures is not filled by guessing."""
    told = [None, 40, None, 120, 160, None, 360, None]
    times = [PacketTimes(at, at, is_keyframe=number == 0) for number, at in enumerate(told)]
    found = display_stamps(times, list(range(8)), STEP, counts_until=8)
    assert [(one.ticks, one.is_sure) for one in found] == [
        (0, True), (40, True), (80, True), (120, True), (160, True), (260, False), (360, True), (400, True),
    ]  # fmt: skip


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".h264"), ("libx265", ".h265")])
@pytest.mark.parametrize("rate", [3, 12, 50])
def test_the_stated_rate_is_read_from_the_parameter_sets(tmp_path: Path, codec: str, suffix: str, rate: int) -> None:
    """Fields, layers and lists lie before it in the set."""
    path = write_clip(tmp_path / f"in{suffix}", codec=codec, rate=rate, count=5, options={})
    detector = H264LossDetector() if codec == "libx264" else H265LossDetector()
    assert detector.stated_fps is None
    detector.see([nal for nal in split_nals(path.read_bytes()) if len(nal) > 2])
    assert detector.stated_fps == pytest.approx(rate)


def test_a_raw_stream_with_a_picture_cut_out_has_no_instants_after_it(tmp_path: Path) -> None:
    """Nothing but its number says when a picture of a raw stream was taken."""
    path = write_clip(tmp_path / "in.h264", count=30, options={"bf": "2", "g": "10", "x264-params": "scenecut=0"})
    with av.open(str(path)) as container:
        units = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    references = [
        number
        for number, unit in enumerate(units)
        if any(nal[0] & 0x60 and nal[0] & 0x1F in {1, 5} for nal in split_nals(unit))
    ]
    path.write_bytes(b"".join(unit for number, unit in enumerate(units) if number != references[9]))
    with ExitStack() as stack:
        video = FileVideo(path, stack)
        instants = [video.instant_of(packet.pts or 0) for packet in video.packets()]
    assert len(instants) == 29
    assert all(math.isnan(at) for at in instants[references[9] :])
    assert not math.isnan(instants[0])
