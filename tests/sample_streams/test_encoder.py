"""The camera's encoder on a busy machine: pictures are left out, keyframes are not."""

import pytest

from sample_streams.device.encoder import Encoder, EncoderSettings
from sample_streams.wire.nal import Codec


def _keyframes(numbers: list[int], interval: int) -> list[int]:
    encoder = Encoder(EncoderSettings(Codec.H264, 64, 64, 15.0, 30, interval))
    return [number for number in numbers if encoder.encode(number, force_keyframe=False).is_keyframe]


def test_keyframes_fall_on_multiples_while_no_picture_is_left_out() -> None:
    """Two runs have them at the same frames, whatever the frame at which somebody began to watch."""
    assert _keyframes(list(range(10, 36)), 15) == [10, 15, 30]


@pytest.mark.parametrize("left_out", [{15}, {14, 15, 16}, set(range(12, 29))])
def test_a_keyframe_whose_turn_was_left_out_comes_with_the_next_picture(left_out: set[int]) -> None:
    """A receiver that doubts a picture waits for a keyframe: left out with its frame, it kept the demo grey for seconds."""
    numbers = [number for number in range(10, 36) if number not in left_out]
    late = min(number for number in numbers if number > 15)
    assert _keyframes(numbers, 15) == [10, late, 30]


def test_a_long_group_stays_long() -> None:
    """Cameras with hardly any keyframes are to be had on command."""
    assert _keyframes([1, 2, 40, 41, 700], 100_000) == [1]
