"""Packets by their numbers: each once, in order, every gap noticed and counted to the packet."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtsp.rtp import RtpPacket
from ingest.rtsp.sequence import InOrder, SequenceTracker

DEPTH, WAIT_S = 8, 0.1


def packet(number: int, at_s: float = 0.0, *, ssrc: int = 1, content: bytes | None = None) -> RtpPacket:
    """A packet whose content is its number."""
    data = str(number).encode() if content is None else content
    return RtpPacket(number % 65536, number * 10 % 2**32, ssrc, 96, marker=False, payload=data, arrived_s=at_s)


def run(numbers: list[int]) -> tuple[list[int], list[int], SequenceTracker]:
    """Feed numbers; return what came out, where it was broken, and the tracker."""
    tracker = SequenceTracker(DEPTH, WAIT_S)
    out: list[InOrder] = []
    for number in numbers:
        out += tracker.add(packet(number))
    out += tracker.release(WAIT_S)
    return [int(one.packet.payload) for one in out], [int(one.packet.payload) for one in out if one.broken], tracker


@given(st.integers(0, 65535), st.integers(1, 400), st.randoms(use_true_random=False))
def test_doubled_and_shuffled_packets_come_out_once_and_in_order(first: int, count: int, rng: random.Random) -> None:
    """Whatever a network does within the depth: nothing is lost, nothing comes twice, nothing is suspect."""
    numbers = [first + n for n in range(count)]
    places = [(n + rng.random() * (DEPTH / 2), number) for n, number in enumerate(numbers)]
    places[0] = (-1.0, first)
    places += [(place + 20 * rng.random(), number) for place, number in places if rng.random() < 0.5]
    came, broken, tracker = run([number for _, number in sorted(places)])
    assert came == numbers
    assert broken == []
    assert tracker.counts.duplicates == len(places) - count
    assert tracker.counts.missed == 0


@given(st.integers(0, 65535), st.sets(st.integers(1, 298), min_size=1, max_size=40), st.sampled_from([1, 2]))
def test_every_gap_is_told_at_the_packet_behind_it_and_counted(first: int, gone: set[int], times: int) -> None:
    """Also where every packet comes twice, and where the numbers go round."""
    numbers = [first + n for n in range(300) if n not in gone for _ in range(times)]
    came, broken, tracker = run(numbers)
    assert came == [first + n for n in range(300) if n not in gone]
    assert broken == [first + n for n in range(1, 300) if n not in gone and n - 1 in gone]
    assert tracker.counts.missed == len(gone)


def test_a_gap_is_told_of_in_time_when_nothing_more_comes() -> None:
    """A camera of one picture a second must not keep it back until the next."""
    tracker = SequenceTracker(DEPTH, WAIT_S)
    tracker.add(packet(1, 0.0))
    assert tracker.add(packet(3, 1.0)) == []
    assert tracker.waits
    assert tracker.release(1.05) == []
    (late,) = tracker.release(1.11)
    assert late.broken
    assert not tracker.waits


def test_the_same_number_with_other_content_is_told_of() -> None:
    """Whether it is over already or still waits."""
    for before in ([1, 2, 3], [1, 3]):
        tracker = SequenceTracker(DEPTH, WAIT_S)
        for number in before:
            tracker.add(packet(number))
        assert tracker.add(packet(3, content=b"other")) == []
        assert tracker.counts.contradicting == 1
        assert (tracker.add(packet(2)) + tracker.add(packet(4)))[0].broken


def test_a_packet_that_comes_too_late_is_no_duplicate() -> None:
    """It has been counted as missed, and what follows may lack it: never a quiet end."""
    numbers = [1, *range(3, 3 + DEPTH + 2), 2, 20]
    came, broken, tracker = run(numbers)
    assert 2 not in came
    assert broken == [3, 20]
    assert tracker.counts.duplicates == 0


@pytest.mark.parametrize("new", [30_000, 50_000])
def test_a_sender_that_counts_anew_is_followed_and_told_of(new: int) -> None:
    """An encoder that restarts within the session; one stray number alone moves nothing."""
    came, broken, _ = run([10, 11, new + 7000, 12, 13, new, new + 1, new + 2, new + 3])
    assert came == [10, 11, 12, 13, new + 1, new + 2, new + 3]
    assert broken == [12, new + 1]


def test_a_second_source_is_not_mixed_in() -> None:
    """Packets of another sender are none of ours, until ours has gone and it alone sends."""
    tracker = SequenceTracker(DEPTH, WAIT_S)
    tracker.add(packet(1))
    for number in range(2, 40):
        assert tracker.add(packet(500 + number, ssrc=2)) == []
        assert [one.broken for one in tracker.add(packet(number))] == [False]
    came = [one for number in range(600, 640) for one in tracker.add(packet(number, ssrc=2))]
    assert len(came) > 20
    assert [one.broken for one in came] == [True] + [False] * (len(came) - 1)
