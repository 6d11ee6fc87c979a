"""What a picture says of itself goes with it: range, colour, shape of its samples, and how it is turned."""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from blanking.frames import PLAIN, Fields, RawFrame, VideoSignal
from ingest.bitstream import split_nals
from ingest.blank_file import blank_file
from ingest.decoder import PictureDecoder
from ingest.encoder import EncodedPicture, PictureEncoder
from ingest.raw_picture import raw_frame
from tests.ingest.test_encoder import blanked

WIDTH, HEIGHT = 160, 96
RAMP = np.tile(np.arange(256, dtype=np.uint8)[16:236:2], (HEIGHT, 2))[:, :WIDTH]
"""Samples of the whole limited range, side by side."""


def turned(degrees: float, *, mirrored: bool = False) -> tuple[int, ...]:
    """Return a display matrix."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    side = -1 if mirrored else 1
    rows = (side * cosine, sine, 0.0, -side * sine, cosine, 0.0, 0.0, 0.0)
    return (*(round(value * 65536) for value in rows), 1 << 30)


BROADCAST = VideoSignal(matrix=1, primaries=1, transfer=1, aspect=(12, 11))
SIGNALS = {
    "HD": BROADCAST,
    "PAL": VideoSignal(matrix=5, primaries=5, transfer=6, aspect=(64, 45)),
    "wide gamut": VideoSignal(matrix=9, primaries=9, transfer=14),
    "interlaced": VideoSignal(fields=Fields.TOP_FIRST),
    "nothing told": PLAIN,
}


def clip(
    path: Path, signal: VideoSignal, *, pixel_format: str = "yuv420p", codec: str = "libx264", **more: Any
) -> Path:
    """Write ten pictures of a ramp that say this of themselves."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = (
            signal.matrix,
            signal.primaries,
            signal.transfer,
        )
        context.color_range = more.get("color_range", 0)
        params = more.get("x264") or ("tff=1" if signal.fields else "")
        context.options = (
            {"qp": "0", "bf": "0", "x264-params": params} if codec == "libx264" else more.get("options", {})
        )
        if signal.aspect is not None:
            context.sample_aspect_ratio = Fraction(*signal.aspect)
        if signal.orientation is not None:
            stream.set_display_matrix(signal.orientation)
        for number in range(10):
            frame = av.VideoFrame(WIDTH, HEIGHT, pixel_format)
            frame.color_range = more.get("color_range", 0)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            for index, plane in enumerate(frame.planes):
                kind = np.uint16 if "10" in pixel_format else np.uint8
                lines = np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // kind().itemsize)
                samples = np.full_like(RAMP, 128) if index else RAMP
                lines[: plane.height, : plane.width] = samples[: plane.height, : plane.width].astype(kind) * (
                    4 if kind is np.uint16 else 1
                )
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> list[RawFrame]:
    """Return what our decoder makes of a file."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        decoder = PictureDecoder(context, context.extradata, float, None, stream.sample_aspect_ratio)
        pictures = [picture for packet in container.demux(stream) if packet.size for picture in decoder.decode(packet)]
        return [picture.frame for picture in [*pictures, *decoder.flush()]]


def blank(source: Path) -> Path:
    """Blank a file by a plan with one mask in a corner."""
    plan = source.with_suffix(".plan.json")
    corner = [[0.0, 0.0], [0.1, 0.0], [0.1, 0.1], [0.0, 0.1]]
    document = {
        "kind": "image",
        "frame": {"width": WIDTH, "height": HEIGHT},
        "masks": [{"id": "m", "polygon_rel": corner}],
    }
    plan.write_text(json.dumps(document))
    out = source.with_name("out.mp4")
    assert blank_file(source, plan, None, out).wholly_grey == 0
    return out


def encoded(signal: VideoSignal, number: int = 0, encoder: PictureEncoder | None = None) -> EncodedPicture:
    """Return a blanked picture that says this of itself, encoded."""
    frame = blanked(number)
    frame.signal = signal
    (picture,) = (encoder or PictureEncoder()).encode(frame, number)
    return picture


def told(picture: EncodedPicture) -> VideoSignal:
    """Return what another decoder hears of it."""
    context: Any = av.CodecContext.create("h264", "r")
    (frame,) = [*context.decode(av.Packet(picture.data)), *context.decode(None)]
    return raw_frame(frame, float, context.sample_aspect_ratio).signal


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_the_encoder_says_what_the_picture_said(signal: VideoSignal) -> None:
    """Live and recorded pictures: wrong colours and a squeezed street are what a witness would remember."""
    assert told(encoded(signal)) == signal


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_stream_says_how_its_pictures_are_turned(degrees: int, *, mirrored: bool) -> None:
    """A camera on its head says so in its stream; a recorded segment has no other place for it."""
    orientation = turned(degrees, mirrored=mirrored)
    wanted = None if orientation == turned(0) else orientation
    assert told(encoded(VideoSignal(orientation=orientation))).orientation == wanted


def test_only_key_pictures_repeat_it_and_a_file_leaves_it_to_its_container() -> None:
    """Twice told, a player may turn twice."""
    signal, encoder = VideoSignal(orientation=turned(90)), PictureEncoder()
    first, second = encoded(signal, 0, encoder), encoded(signal, 1, encoder)
    assert [nal[0] & 0x1F for nal in split_nals(first.data)] == [7, 8, 6, 5]
    assert [nal[0] & 0x1F for nal in split_nals(second.data)] == [1]
    silent = encoded(signal, 0, PictureEncoder(states_orientation=False))
    assert [nal[0] & 0x1F for nal in split_nals(silent.data)] == [7, 8, 5]
    assert silent.orientation == turned(90)


def interlaced_clip(path: Path, order: str) -> Path:
    """Write ten interlaced pictures, coded by field (MBAFF)."""
    return clip(path, PLAIN, x264=f"{order}=1")


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_interlaced_pictures_say_so_and_which_field_came_first(tmp_path: Path, suffix: str, order: str) -> None:
    """A player that is not told shows combs, or, told the wrong order, people who walk back and forth."""
    source = interlaced_clip(tmp_path / f"in{suffix}", order)
    fields = Fields.TOP_FIRST if order == "tff" else Fields.BOTTOM_FIRST
    assert {frame.signal.fields for frame in decoded(source)} == {fields}
    out = blank(source)
    assert {frame.signal.fields for frame in decoded(out)} == {fields}
    with av.open(str(out)) as container:
        frames = list(container.decode(container.streams.video[0]))
    assert len(frames) == 10
    assert all(frame.interlaced_frame for frame in frames)


def test_cameras_that_mix_interlaced_and_whole_pictures_get_no_key_picture_for_it() -> None:
    """Some switch with each scene: each switch would cost a key picture."""
    encoder, halves = PictureEncoder(), VideoSignal(fields=Fields.TOP_FIRST)
    found = [encoded(signal, number, encoder) for number, signal in enumerate([PLAIN, halves, PLAIN, halves])]
    assert [picture.is_keyframe for picture in found] == [True, True, False, False]
    assert [6 in {nal[0] & 0x1F for nal in split_nals(picture.data)} for picture in found] == [False, True, True, True]
    context: Any = av.CodecContext.create("h264", "r")
    frames = [frame for picture in found[1:] for frame in context.decode(av.Packet(picture.data))]
    frames += context.decode(None)
    assert [frame.interlaced_frame for frame in frames] == [True, False, True]


def test_a_picture_that_says_something_else_begins_with_a_key_picture() -> None:
    """Parameter sets can't change in between."""
    encoder = PictureEncoder()
    found = [encoded(signal, number, encoder) for number, signal in enumerate([PLAIN, PLAIN, BROADCAST, BROADCAST])]
    assert [picture.is_keyframe for picture in found] == [True, False, True, False]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_a_file_keeps_what_it_says_of_its_pictures(tmp_path: Path, suffix: str, signal: VideoSignal) -> None:
    """Through decoder, blanking and encoder."""
    source = clip(tmp_path / f"in{suffix}", signal)
    before, after = decoded(source), decoded(blank(source))
    assert {frame.signal for frame in before} == {frame.signal for frame in after}
    assert before[0].signal.matrix == signal.matrix
    assert (before[0].signal.aspect or (1, 1)) == (signal.aspect or (1, 1))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_file_keeps_its_display_matrix(tmp_path: Path, degrees: int, *, mirrored: bool) -> None:
    """A phone's film came out lying on its side."""
    orientation = turned(degrees, mirrored=mirrored)
    source = clip(tmp_path / "in.mp4", VideoSignal(orientation=orientation))
    after = decoded(blank(source))
    wanted = None if orientation == turned(0) else orientation
    assert {frame.signal.orientation for frame in after} == {frame.signal.orientation for frame in decoded(source)}
    assert after[0].signal.orientation == wanted


@pytest.mark.parametrize(
    ("codec", "suffix", "pixel_format", "color_range", "is_full"),
    [
        ("libx265", ".mp4", "gray", 1, False),
        ("libx265", ".mp4", "gray", 0, False),
        ("libx265", ".mp4", "gray", 2, True),
        ("libx265", ".mp4", "gray10le", 1, False),
        ("ffv1", ".mkv", "gray", 0, True),
        ("ffv1", ".mkv", "gray", 1, False),
        ("ffv1", ".mkv", "gray10le", 1, False),
        ("ffv1", ".mkv", "yuv422p", 1, False),
        ("ffv1", ".mkv", "yuv422p", 2, True),
        ("ffv1", ".mkv", "yuv420p10le", 1, False),
        ("ffv1", ".mkv", "yuv420p10le", 2, True),
        ("ffv1", ".mkv", "yuv420p", 2, True),
        ("libx264", ".mp4", "yuv420p", 2, True),
        ("libx264", ".mp4", "yuvj420p", 2, True),
    ],
)
def test_samples_keep_their_values_and_their_range(
    tmp_path: Path, codec: str, suffix: str, pixel_format: str, color_range: int, *, is_full: bool
) -> None:
    """Brightness alone of limited range became 30 to 218 of 16 to 235: a dark coat is not grey."""
    source = clip(
        tmp_path / f"in{suffix}",
        PLAIN,
        pixel_format=pixel_format,
        codec=codec,
        color_range=color_range,
        options={"x265-params": "lossless=1:log-level=none"} if codec == "libx265" else {},
    )
    for frame in (decoded(source)[0], decoded(blank(source))[0]):
        assert frame.full_range == is_full
        shown = frame.planes[0][32:, 32:].astype(int)
        assert np.abs(shown - RAMP[32:, 32:]).max() <= 4
        assert all(np.abs(plane.astype(int) - 128).max() <= 2 for plane in frame.planes[1:])


def test_lines_that_run_upwards_are_turned_round() -> None:
    """Some decoders hand pictures over from the last line on; a mask would lie on the wrong half."""
    context: Any = av.CodecContext.create("rawvideo", "r")
    context.width, context.height, context.pix_fmt, context.extradata = WIDTH, HEIGHT, "gray", b"BottomUp\0"
    picture = np.arange(HEIGHT, dtype=np.uint8)[:, None].repeat(WIDTH, 1)
    packet = av.Packet(picture.tobytes())
    packet.pts = 0
    (frame,) = context.decode(packet)
    assert frame.planes[0].line_size < 0
    raw = raw_frame(frame, float)
    assert raw.planes[0].shape == (HEIGHT, WIDTH)
    assert np.array_equal(raw.planes[0], picture[::-1])
    assert not raw.planes[0].flags.writeable


def test_red_green_and_blue_become_colours_that_say_by_which_matrix() -> None:
    """They have none; without a word a large picture's colours are taken for another matrix's."""
    rgb = np.full((HEIGHT, WIDTH, 3), (200, 40, 40), np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
    frame.pts = 0
    raw = raw_frame(frame, float)
    assert (raw.pixel_format, raw.signal.matrix, raw.full_range) == ("yuv420p", 6, False)
    back = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    back.colorspace, back.color_range = 6, 1
    for plane, samples in zip(back.planes, raw.planes, strict=True):
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width] = samples
    assert np.abs(back.to_ndarray(format="rgb24").astype(int) - rgb).max() <= 3
