"""The frame number in the picture survives what happens to pictures."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_streams.device.encoder import plane_view
from sample_streams.timecode import Corner, burn_code, read_code

numbers = st.integers(0, (1 << 24) - 1)


def _planes(height: int = 360, width: int = 640) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    small = rng.integers(40, 200, (height // 20, width // 20), dtype=np.uint8)
    return (
        small.repeat(20, 0).repeat(20, 1),
        np.full((height // 2, width // 2), 110, np.uint8),
        np.full((height // 2, width // 2), 140, np.uint8),
    )


@given(number=numbers, corner=st.sampled_from(list(Corner)))
def test_every_number_is_read_back_from_every_corner(number: int, corner: Corner) -> None:
    """Tests match pictures to truth by this number alone."""
    y, u, v = _planes()
    burn_code(y, u, v, number, [corner])
    assert read_code(y) == number


@given(number=numbers, block=st.integers(0, 31))
def test_one_flipped_square_makes_the_code_unreadable_not_wrong(number: int, block: int) -> None:
    """A wrong number would match a picture to the wrong truth."""
    y, u, v = _planes()
    burn_code(y, u, v, number, [Corner.TOP_LEFT])
    square = y[0:8, block * 8 : block * 8 + 8]
    square[:] = 251 - square
    assert read_code(y) is None


def test_a_grey_strip_is_no_code() -> None:
    """A blanked corner must read as nothing, or blanked pictures would be matched at random."""
    assert read_code(np.full((360, 640), 128, np.uint8)) is None
    assert read_code(np.zeros((360, 640), np.uint8)) is None


@pytest.mark.parametrize("qp", [24, 28, 34])
def test_the_code_survives_two_lossy_encodings(qp: int) -> None:
    """A recorded picture was encoded by the camera and again by the product."""
    for number in (0, 1, 77_777, (1 << 24) - 1):
        y, u, v = _planes()
        burn_code(y, u, v, number, [Corner.BOTTOM_RIGHT])
        y, u, v = _through_x264(_through_x264((y, u, v), qp), qp)
        assert read_code(y) == number


def _through_x264(planes: tuple[np.ndarray, ...], qp: int) -> tuple[np.ndarray, ...]:
    height, width = planes[0].shape
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": f"qp={qp}"}
    decoder = av.CodecContext.create("h264", "r")
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, values in zip(frame.planes, planes, strict=True):
        plane_view(plane)[:] = values
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoded = [one for packet in [*packets, None] for one in decoder.decode(packet)]
    return tuple(plane_view(plane).copy() for plane in decoded[0].planes)
