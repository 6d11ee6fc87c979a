"""The decoder notices every lost picture that anything was predicted from."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext

from ingest.bitstream import parameter_nals, split_sample
from ingest.decoder import Picture, PictureDecoder
from tests.ingest.video_clips import write_clip
from vms.errors import InvalidInput

STREAMS = {
    "no B": ("libx264", {"qp": "20", "bf": "0", "g": "10"}),
    "2 B": ("libx264", {"qp": "20", "bf": "2", "g": "12", "x264-params": "b-pyramid=0:scenecut=0"}),
    "b-pyramid": ("libx264", {"qp": "20", "bf": "3", "g": "12", "x264-params": "b-pyramid=2:scenecut=0:b-adapt=0"}),
    "4 slices": ("libx264", {"qp": "20", "bf": "0", "g": "10", "x264-params": "slices=4"}),
    "3 references": ("libx264", {"qp": "20", "bf": "0", "g": "10", "refs": "3"}),
    "hevc low delay": (
        "libx265",
        {"preset": "ultrafast", "x265-params": "bframes=0:keyint=10:log-level=none:open-gop=0"},
    ),
    "hevc B": ("libx265", {"preset": "ultrafast", "x265-params": "bframes=3:keyint=12:log-level=none:open-gop=0"}),
    "hevc open GOP": (
        "libx265",
        {"preset": "ultrafast", "x265-params": "bframes=3:keyint=12:log-level=none:open-gop=1"},
    ),
}


def packets_of(path: Path) -> tuple[list[bytes], list[Any], str, bytes | None]:
    """Return data and (pts, dts, key) of each packet, codec and extradata."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [p for p in container.demux(stream) if p.size]
        data = [bytes(p) for p in packets]
        marks = [(p.pts, p.dts, p.is_keyframe) for p in packets]
        return data, marks, stream.codec_context.name, stream.codec_context.extradata


def decode(data: list[bytes], marks: list[Any], codec: str, extradata: bytes | None) -> dict[int, Picture]:
    """Return the pictures by time stamp."""
    decoder = PictureDecoder(codec, extradata, float)
    pictures = []
    for body, (pts, dts, key) in zip(data, marks, strict=True):
        packet = av.Packet(body)
        packet.pts, packet.dts, packet.is_keyframe = pts, dts, key
        pictures += decoder.decode(packet)
    pictures += decoder.flush()
    return {p.frame.pts: p for p in pictures if p.frame.pts is not None}


def luma(picture: Picture) -> np.ndarray:
    """Return the Y plane as numbers."""
    return picture.frame.planes[0].astype(int)


@pytest.fixture(scope="module", params=sorted(STREAMS))
def stream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the packets of a clip and its whole pictures."""
    codec, options = STREAMS[request.param]
    path = write_clip(tmp_path_factory.mktemp("clip") / "in.mp4", codec=codec, options=options, count=26, size=(96, 64))
    data, marks, name, extradata = packets_of(path)
    return data, marks, name, extradata, decode(data, marks, name, extradata)


def test_a_whole_stream_has_no_suspect_picture(stream: Any) -> None:
    """A detector that cries wolf greys a healthy camera."""
    data, _marks, _name, _extra, whole = stream
    assert len(whole) == len(data)
    assert not any(picture.suspect for picture in whole.values())


def test_every_damaged_picture_after_a_dropped_packet_is_suspect(stream: Any) -> None:
    """A lost picture leaves a ghost of the dwelling outside its mask: every position in the stream is tried."""
    data, marks, name, extradata, whole = stream
    for lost in range(len(data)):
        rest = [i for i in range(len(data)) if i != lost]
        found = decode([data[i] for i in rest], [marks[i] for i in rest], name, extradata)
        for pts, picture in found.items():
            if not picture.suspect:
                assert np.array_equal(luma(picture), luma(whole[pts])), (
                    f"packet {lost} lost, picture {pts} differs unnoticed"
                )
        clean_again = [p for pts, p in found.items() if not p.suspect]
        assert clean_again, "never clean again"


def test_every_damaged_picture_after_a_truncated_packet_is_suspect(stream: Any) -> None:
    """A picture cut short is concealed by the decoder; it and all that follow from it are suspect."""
    data, marks, name, extradata, whole = stream
    for cut in range(0, len(data), 3):
        bodies = [body[: len(body) * 2 // 3] if i == cut else body for i, body in enumerate(data)]
        for pts, picture in decode(bodies, marks, name, extradata).items():
            if not picture.suspect:
                assert np.array_equal(luma(picture), luma(whole[pts])), (
                    f"packet {cut} cut, picture {pts} differs unnoticed"
                )


def test_lost_slices_make_the_rest_of_the_group_suspect(tmp_path: Path) -> None:
    """One of four slices is lost: the decoder marks that one picture only, the damage stays."""
    codec, options = STREAMS["4 slices"]
    data, marks, name, extradata = packets_of(write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=20))
    whole = decode(data, marks, name, extradata)
    prefix = parameter_nals(extradata, hevc=False)[1]
    for slice_index in range(4):
        nals = split_sample(data[4], prefix) or []
        slices = [i for i, nal in enumerate(nals) if nal[0] & 0x1F == 1]
        kept = [nal for i, nal in enumerate(nals) if i != slices[slice_index]]
        bodies = list(data)
        bodies[4] = b"".join(len(nal).to_bytes(prefix, "big") + nal for nal in kept)
        for pts, picture in decode(bodies, marks, name, extradata).items():
            if not picture.suspect:
                assert np.array_equal(luma(picture), luma(whole[pts])), f"slice {slice_index}"


def test_loss_reported_from_outside_lasts_until_the_next_idr(tmp_path: Path) -> None:
    """RTP knows of a gap before the bit stream shows it."""
    codec, options = STREAMS["no B"]
    data, marks, name, extradata = packets_of(write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=25))
    decoder = PictureDecoder(name, extradata, float)
    suspects = []
    for number, (body, (pts, dts, _key)) in enumerate(zip(data, marks, strict=True)):
        if number == 13:
            decoder.note_loss()
        packet = av.Packet(body)
        packet.pts, packet.dts = pts, dts
        suspects += [picture.suspect for picture in decoder.decode(packet)]
    assert suspects == [False] * 13 + [True] * 7 + [False] * 5


def test_a_picture_with_a_hole_is_suspect_with_all_that_follow_when_the_wire_tells_of_it(stream: Any) -> None:
    """A packet lost out of the middle of a picture may decode without complaint, from the wrong bits: the bit stream can't tell."""
    data, marks, name, extradata, whole = stream
    for holed in range(0, len(data), 3):
        body = data[holed]
        decoder = PictureDecoder(name, extradata, float)
        found: dict[int, Picture] = {}
        for number, (pts, dts, key) in enumerate(marks):
            third = len(body) // 3
            packet = av.Packet(body[:third] + body[2 * third :] if number == holed else data[number])
            packet.pts, packet.dts, packet.is_keyframe = pts, dts, key
            pictures = decoder.decode(packet, lost=number == holed)
            found |= {picture.frame.pts: picture for picture in pictures if picture.frame.pts is not None}
        for pts, picture in found.items():
            if not picture.suspect:
                assert np.array_equal(luma(picture), luma(whole[pts])), f"hole in {holed}, picture {pts} unnoticed"


def test_joining_in_the_middle_of_a_group_is_suspect_until_its_end(tmp_path: Path) -> None:
    """A reconnect lands anywhere."""
    codec, options = STREAMS["no B"]
    data, marks, name, extradata = packets_of(write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=25))
    found = decode(data[4:], marks[4:], name, extradata)
    assert [p.suspect for _, p in sorted(found.items())][-5:] == [False] * 5
    assert all(p.suspect for pts, p in found.items() if pts < marks[10][0])


@pytest.mark.parametrize("name", ["2 B", "b-pyramid", "hevc B", "hevc open GOP"])
def test_pictures_stamped_in_decoding_order_have_no_instant_where_that_is_wrong(name: str, tmp_path: Path) -> None:
    """AVI, raw streams and some cameras count packets: a mask drawn for the instant of another picture shows the dwelling."""
    codec, options = STREAMS[name]
    data, marks, name, extradata = packets_of(
        write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=40, size=(96, 64))
    )
    shown = sorted(range(len(marks)), key=lambda number: marks[number][0])
    decoder = PictureDecoder(name, extradata, float)
    pictures = []
    for number, body in enumerate(data):
        packet = av.Packet(body)
        packet.pts = packet.dts = number
        pictures += decoder.decode(packet)
    pictures += decoder.flush()
    assert len(pictures) == len(data)
    assert [one.sequence for one in pictures] == shown
    timed = [place for place, one in enumerate(pictures) if math.isfinite(one.frame.captured_s)]
    assert 0 < len(timed) < len(data) / 2
    assert all(pictures[place].frame.captured_s == place for place in timed)


def test_an_instant_that_does_not_rise_is_none(tmp_path: Path) -> None:
    """Repeated, stepping back, or far ahead and back again: each picture that is not later than all before it."""
    codec, options = STREAMS["no B"]
    data, _marks, name, extradata = packets_of(write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=8))
    stamps = [0, 1, 1, 2, 6, 3, 7, 8]
    found = PictureDecoder(name, extradata, float)
    instants = []
    for body, stamp in zip(data, stamps, strict=True):
        packet = av.Packet(body)
        packet.pts = packet.dts = stamp
        instants += [picture.frame.captured_s for picture in found.decode(packet)]
    assert instants == pytest.approx([0, 1, math.nan, 2, 6, math.nan, 7, 8], nan_ok=True)
    found.begin_anew()
    packet = av.Packet(data[0])
    packet.pts = packet.dts = 3
    assert [picture.frame.captured_s for picture in found.decode(packet)] == [3], "the clock was set"


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_joining_at_any_keyframe_leaves_no_picture_after_it_without_an_instant(name: str, tmp_path: Path) -> None:
    """What was to be shown before the keyframe never comes out; the pictures after it must not wait for it."""
    codec, options = STREAMS[name]
    data, marks, name, extradata = packets_of(
        write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=60, size=(96, 64))
    )
    starts = [number for number, (_pts, _dts, key) in enumerate(marks) if key and number]
    found = decode(data[starts[0] :], marks[starts[0] :], name, extradata)
    shown = [picture for pts, picture in sorted(found.items()) if pts >= marks[starts[0]][0]]
    assert len(shown) >= 60 - starts[0] - 3
    assert all(math.isfinite(picture.frame.captured_s) and not picture.suspect for picture in shown)


@pytest.mark.parametrize("fps", [None, 5.0])
def test_a_stream_that_states_no_usable_rate_goes_by_its_container_s(tmp_path: Path, fps: float | None) -> None:
    """Some cameras leave the rate out, or write nonsense: then the session description or the container says it."""
    path = write_clip(tmp_path / "in.h264", rate=5, count=20, options={"bf": "0", "g": "10"})
    decoder = PictureDecoder("h264", None, float, fps)
    pictures = []
    with av.open(str(path)) as container:
        nonsense = BitStreamFilterContext("h264_metadata=tick_rate=1000000", container.streams.video[0])
        units = [p for packet in container.demux(video=0) if packet.size for p in nonsense.filter(packet)]
    for number, packet in enumerate(units):
        packet.pts, packet.time_base = number * 18_000, Fraction(1, 90_000)
        pictures += decoder.decode(packet)
    pictures += decoder.flush()
    assert decoder.stated_fps == 500_000
    assert sum(picture.suspect for picture in pictures) == (0 if fps else 9)


def test_decoders_side_by_side_do_not_disturb_each_other(tmp_path: Path) -> None:
    """The library keeps what goes through it by its address: equal numbers of two decoders were one, and gone with the first."""
    codec, options = STREAMS["b-pyramid"]
    data, marks, name, extradata = packets_of(write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=40))
    ahead, behind = (PictureDecoder(name, extradata, float) for _ in range(2))
    found = []
    for body, (pts, dts, key) in zip(data, marks, strict=True):
        for decoder, keeps in ((behind, True), (ahead, False)):
            packet = av.Packet(body)
            packet.pts, packet.dts, packet.is_keyframe = pts, dts, key
            pictures = decoder.decode(packet)
            found += pictures if keeps else []
        if pts == marks[20][0]:
            ahead.flush()
    found += behind.flush()
    assert len(found) == 40
    assert not any(picture.suspect or picture.sequence is None for picture in found)


def test_planes_are_views_that_cannot_be_written(tmp_path: Path) -> None:
    """They are the decoder's references: a burned one would smear grey over the street."""
    codec, options = STREAMS["no B"]
    data, marks, name, extradata = packets_of(write_clip(tmp_path / "in.mp4", codec=codec, options=options, count=2))
    picture = next(iter(decode(data, marks, name, extradata).values()))
    with pytest.raises(ValueError, match="read-only"):
        picture.frame.planes[0][0, 0] = 1


def test_an_unknown_codec_is_bad_input() -> None:
    """The message names it."""
    with pytest.raises(InvalidInput, match="no-such-codec"):
        PictureDecoder("no-such-codec", None, float)
