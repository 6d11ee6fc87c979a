"""The encoder takes blanked frames only, and every key picture can start a stream."""

from typing import Any

import av
import numpy as np
import pytest

from blanking.burn import BufferPool, burn
from blanking.decision import Blank, BlockRectangle, PoseSource
from blanking.frames import BlankedFrame, RawFrame
from ingest.bitstream import split_nals
from ingest.encoder import EncodedPicture, PictureEncoder
from tests.ingest.video_clips import scene
from tests.ingest.watching import planes_of
from vms.errors import Unavailable


def blanked(number: int, *, width: int = 160, height: int = 96, pixel_format: str = "yuv420p") -> BlankedFrame:
    """Return a frame with one grey block."""
    frame = av.VideoFrame.from_ndarray(scene(number, width + width % 2, height + height % 2), "rgb24").reformat(
        format="yuv420p"
    )
    half = ((height + 1) // 2, (width + 1) // 2)
    views = [np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size) for p in frame.planes]
    raw = RawFrame(
        planes=(views[0][:height, :width], views[1][: half[0], : half[1]], views[2][: half[0], : half[1]]),
        width_px=width, height_px=height, pixel_format=pixel_format, captured_s=number / 25, pts=number, owner=frame,
    )  # fmt: skip
    return burn(raw, Blank((BlockRectangle(1, 1, 3, 3),), 4.0, PoseSource.FIXED), BufferPool())


def decoded(pictures: list[EncodedPicture]) -> list[Any]:
    """Return the pictures' frames."""
    context: Any = av.CodecContext.create("h264", "r")
    frames = []
    for picture in pictures:
        frames += context.decode(av.Packet(picture.data))
    return frames + context.decode(None)


def test_each_frame_comes_back_at_once_with_its_time_stamp() -> None:
    """Live pictures must not wait in the encoder."""
    encoder = PictureEncoder(gop_frames=5)
    out = []
    for number in range(12):
        (picture,) = encoder.encode(blanked(number), number * 3600)
        out.append(picture)
    assert [picture.pts for picture in out] == [n * 3600 for n in range(12)]
    assert [picture.captured_s for picture in out] == [n / 25 for n in range(12)]
    assert [n for n, picture in enumerate(out) if picture.is_keyframe] == [0, 5, 10]
    assert encoder.flush() == []
    assert len(decoded(out)) == 12


def test_a_key_picture_carries_its_parameter_sets_and_no_settings() -> None:
    """A file, a fragment or a viewer may start there; x264's comment about itself is dropped."""
    encoder = PictureEncoder(gop_frames=100)
    first = encoder.encode(blanked(0), 0)
    encoder.encode(blanked(1), 1)
    third = encoder.encode(blanked(2), 2, force_keyframe=True)
    for (picture,) in (first, third):
        kinds = [nal[0] & 0x1F for nal in split_nals(picture.data)]
        assert kinds == [7, 8, 5]
    assert len(decoded(third)) == 1


def test_the_grey_stays_grey_and_the_street_stays_the_street() -> None:
    """Quality by qp."""
    encoder = PictureEncoder(qp=18)
    pictures = [p for n in range(5) for p in encoder.encode(blanked(n), n)]
    for number, frame in enumerate(decoded(pictures)):
        y = frame.to_ndarray()[:96].astype(int)
        assert np.abs(y[18:46, 18:46] - 128).max() <= 3
        assert np.abs(y - blanked(number).buffer[:96]).mean() < 3


def test_another_qp_takes_effect_at_the_next_key_picture() -> None:
    """Anything earlier would break the stream."""
    encoder = PictureEncoder(qp=18, gop_frames=4)
    sizes = []
    for number in range(12):
        if number == 2:
            encoder.set_qp(44)
        sizes += [len(p.data) for p in encoder.encode(blanked(number), number)]
    assert sizes[4] * 2 < sizes[0], sizes
    assert max(sizes[5:8]) < min(sizes[1:4]), sizes


def test_another_size_opens_the_encoder_again() -> None:
    """An open encoder would silently rescale."""
    encoder = PictureEncoder()
    one = encoder.encode(blanked(0), 0)
    other = encoder.encode(blanked(1, width=96, height=64), 1)
    assert (other[-1].width_px, other[-1].height_px, other[-1].is_keyframe) == (96, 64, True)
    assert decoded([*one, *other])[-1].width == 96


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("width", [48, 50, 51, 62])
def test_every_size_comes_out_as_it_was_burned(width: int, pixel_format: str) -> None:
    """A library that takes two rows of luma for colour shows colour in the street and shifts what is grey: every height is tried."""
    for height in (*range(2, 67), 270):
        burned = blanked(3, width=width, height=height, pixel_format=pixel_format)
        (frame,) = decoded(PictureEncoder(qp=0).encode(burned, 0))
        assert (frame.width, frame.height) == (width, height)
        for shown, plane in zip(planes_of(frame), burned.planes, strict=True):
            assert np.array_equal(shown, plane), f"{width}x{height}"


def test_a_library_that_would_rescale_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it makes of a buffer in another release: no picture of another size is encoded."""
    monkeypatch.setattr("ingest.encoder._WRAPPED_ROWS", 2)
    with pytest.raises(Unavailable, match="50x54"):
        PictureEncoder().encode(blanked(0, width=50, height=54), 0)


@pytest.mark.parametrize(("width", "height"), [(161, 96), (160, 97), (161, 97)])
def test_odd_sizes_are_encoded_whole(width: int, height: int) -> None:
    """No row or column may be cut off, and none may be left unmasked."""
    (picture,) = PictureEncoder().encode(blanked(0, width=width, height=height), 0)
    (frame,) = decoded([picture])
    assert (frame.width, frame.height, frame.format.name) == (width, height, "yuv444p")


def test_full_range_stays_full_range() -> None:
    """Else shadows and lights clip."""
    (picture,) = PictureEncoder().encode(blanked(0, pixel_format="yuvj420p"), 0)
    assert decoded([picture])[0].format.name == "yuvj420p"


def test_a_raw_frame_is_refused() -> None:
    """The type checker says so too; this is for whoever silences it."""
    frame: Any = av.VideoFrame(16, 16, "yuv420p")
    with pytest.raises(TypeError):
        PictureEncoder().encode(frame, 0)
