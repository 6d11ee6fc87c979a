"""When each packet of a file is shown, where the container does not say it: instants follow the order of display."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class PacketTimes:
    """What a container says of one packet, in its time base.

    Args:
        pts: when it is shown.
        dts: when it is decoded.
    """

    pts: int | None
    dts: int | None
    is_keyframe: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a packet's picture is shown.

    Args:
        ticks: in the container's time base; rises in the order of display.
        is_sure: False: it is a guess, by which no mask may be placed.
    """

    ticks: int
    is_sure: bool


def order_contradicts(times: Sequence[PacketTimes], shown: Sequence[int]) -> bool:
    """Return whether the container's presentation times are missing somewhere, or contradict the order of display."""
    stamps = [times[number].pts for number in shown]
    whole = [stamp for stamp in stamps if stamp is not None]
    return len(whole) < len(stamps) or any(b <= a for a, b in itertools.pairwise(whole))


def display_stamps(times: Sequence[PacketTimes], shown: Sequence[int], step: int, *, counts_until: int) -> list[Stamp]:
    """Return a stamp for each packet of a file whose presentation times can't be used as they are.

    Times that are missing here and there are filled in between those that are told. Where none can be used, the packets of each closed
    group take the group's decoding times (or numbers at the stream's rate) in the order in which their pictures are shown.

    Args:
        times: of each packet, in decoding order.
        shown: numbers of the packets whose pictures came out of a decoder, in the order in which they did.
        step: ticks from one picture to the next.
        counts_until: the first packet that can't be timed by counting packets, since some may be missing before it; 0 if nothing states
            the stream's rate.
    """
    told = [times[number].pts for number in shown]
    whole = [stamp for stamp in told if stamp is not None]
    if whole and len(whole) < len(told) and all(b > a for a, b in itertools.pairwise(whole)):
        return _with_gaps_filled(times, shown, step)
    return _by_rank(times, shown, step, counts_until)


def _with_gaps_filled(times: Sequence[PacketTimes], shown: Sequence[int], step: int) -> list[Stamp]:
    """Fill in what is not told: it must fit between its neighbours at the stream's pace."""
    places = [place for place, number in enumerate(shown) if times[number].pts is not None]
    ticks_at = [times[shown[place]].pts or 0 for place in places]
    out = [Stamp(one.pts or 0, is_sure=False) for one in times]
    for place, number in enumerate(shown):
        after = int(np.searchsorted(places, place))
        if after < len(places) and places[after] == place:
            out[number] = Stamp(ticks_at[after], is_sure=True)
        elif after == 0:
            out[number] = Stamp(ticks_at[0] - (places[0] - place) * step, is_sure=True)
        elif after == len(places):
            out[number] = Stamp(ticks_at[-1] + (place - places[-1]) * step, is_sure=True)
        else:
            first, last = after - 1, after
            span, count = ticks_at[last] - ticks_at[first], places[last] - places[first]
            fits = abs(span - count * step) <= step / 2
            ticks = ticks_at[first] + round(span * (place - places[first]) / count)
            out[number] = Stamp(ticks, is_sure=fits)
    return out


def _by_rank(times: Sequence[PacketTimes], shown: Sequence[int], step: int, counts_until: int) -> list[Stamp]:
    decoded = [one.dts for one in times]
    counted = [dts for dts in decoded if dts is not None]
    is_told = len(counted) == len(times) and all(b > a for a, b in itertools.pairwise(counted))
    ticks = counted if is_told else [number * step for number in range(len(times))]
    out = [Stamp(at, is_sure=False) for at in ticks]
    place_of = {number: place for place, number in enumerate(shown)}
    starts = _closed_starts(times, place_of)
    ends = [*starts[1:], len(times)]
    complete = [all(number in place_of for number in range(a, b)) for a, b in zip(starts, ends, strict=True)]
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        # One that is missing after a keyframe may be one that is shown before it: the group before it counts too.
        is_sure = (is_told or end <= counts_until) and complete[index] and all(complete[index + 1 : index + 2])
        group = sorted((number for number in range(start, end) if number in place_of), key=place_of.__getitem__)
        for number, at in zip(group, ticks[start:end], strict=False):
            out[number] = Stamp(at, is_sure=is_sure)
    return out


def _closed_starts(times: Sequence[PacketTimes], place_of: dict[int, int]) -> list[int]:
    """Return the keyframes that part what is shown as they part what is decoded; the first packet is one of them."""
    places = [place_of.get(number) for number in range(len(times))]
    latest_before = [-1]
    for place in places:
        latest_before.append(max(latest_before[-1], -1 if place is None else place))
    earliest = math.inf
    starts = []
    for number in range(len(times) - 1, 0, -1):
        place = places[number]
        earliest = min(earliest, math.inf if place is None else place)
        if times[number].is_keyframe and latest_before[number] < earliest:
            starts.append(number)
    return [0, *reversed(starts)]
