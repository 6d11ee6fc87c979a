"""The pace of a stream: what it states at first, what it shows later, and room for a whole burst in between."""

from fractions import Fraction

import pytest

from ingest.pace import PaceWatch

TICK = Fraction(1, 90_000)
LEAST_COUNTER = 16
"""Pictures after which a frame_num of 4 bits begins again."""


def decoding_order(depth: int, groups: int) -> list[int]:
    """Return the numbers of pictures in decoding order: a reference picture, then the `depth` ones shown before it."""
    out = [0]
    for group in range(groups):
        first = group * (depth + 1)
        out += [first + depth + 1, *range(first + 1, first + depth + 1)]
    return out


def rooms(watch: PaceWatch, numbers: list[int], fps: float) -> list[float]:
    """Return the room before each picture."""
    return [watch.room(round(number * 90_000 / fps), TICK) for number in numbers]


@pytest.mark.parametrize("fps", [0.5, 1, 5, 7.5, 12.5, 25, 50])
@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4, 5, 6])
def test_no_picture_of_a_stream_that_states_its_rate_has_room_for_a_burst(fps: float, depth: int) -> None:
    """A whole first group was grey at 7.5 pictures a second, and with three B pictures at any rate."""
    watch = PaceWatch()
    watch.expect(fps)
    found = rooms(watch, decoding_order(depth, 12), fps)
    assert max(found) == pytest.approx(depth + 1, rel=0.01)
    assert max(found) < LEAST_COUNTER / 2


@pytest.mark.parametrize("stated", [None, 0.0, 1e6, 25.0, 12.5])
@pytest.mark.parametrize("after", range(1, 30))
def test_a_burst_as_long_as_the_counter_has_room_whatever_is_stated(stated: float | None, after: int) -> None:
    """Also where half the rate is stated, as some encoders do that count fields."""
    watch = PaceWatch()
    watch.expect(stated)
    numbers = [*range(after), after + LEAST_COUNTER]
    assert rooms(watch, numbers, 25.0)[-1] >= LEAST_COUNTER / 2


@pytest.mark.parametrize("after", range(3, 30))
def test_a_rate_stated_far_too_low_is_believed_for_two_pictures_only(after: int) -> None:
    """A lying parameter set must not hide a burst."""
    watch = PaceWatch()
    watch.expect(1.0)
    assert rooms(watch, [*range(after), after + LEAST_COUNTER], 25.0)[-1] >= LEAST_COUNTER / 2


def test_a_stream_that_states_nothing_is_taken_for_the_fastest() -> None:
    """In doubt a picture was lost."""
    assert rooms(PaceWatch(), [0, 1], 7.5)[-1] == pytest.approx(8.0, rel=0.01)


def test_a_picture_without_a_time_stamp_has_no_room() -> None:
    """The bit stream's own counter has to do."""
    assert PaceWatch().room(None, TICK) == 0.0
