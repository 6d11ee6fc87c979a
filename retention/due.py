"""What is due when, and how much one sweep may take. Pure: instants in, decisions out.

A sweep erases whole placement-hours where it can, so that the ledger gets one leaf per placement-hour and not one per segment; the first
segment of an hour then waits for the last, at most an hour, and never longer than half the margin that the retention leaves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from vms.model import RETENTION_CEILING, PlacementId

HOUR = timedelta(hours=1)
BRAKE_SLACK = timedelta(hours=1)
"""What a sweep may take beyond the time since the last good one, per placement."""

_USUAL_LENGTH = timedelta(seconds=60)


class DueSegment(Protocol):
    """What the policy needs of a segment."""

    @property
    def placement_id(self) -> PlacementId:
        """Whose footage."""

    @property
    def number(self) -> int:
        """The segment's number."""

    @property
    def start_at(self) -> datetime:
        """Instant of its first frame."""

    @property
    def end_at(self) -> datetime | None:
        """Instant after its last frame."""

    @property
    def due_at(self) -> datetime:
        """From when it is to be erased."""

    @property
    def hour_at(self) -> datetime:
        """The clock hour of its start."""


T = TypeVar("T", bound=DueSegment)


def claim_at(segment: DueSegment, margin: timedelta) -> datetime:
    """Return when a segment is claimed: with the last of its hour, but before half of its margin is used up."""
    hour_due_at = segment.hour_at + HOUR + (segment.due_at - segment.start_at)
    return min(hour_due_at, segment.due_at + margin / 2)


def hour_key_due_at(hour_at: datetime, keep_for: timedelta) -> datetime:
    """Return from when an hour's key is to die: when its last possible segment is due."""
    return hour_at + HOUR + keep_for


def breaches(start_at: datetime, now: datetime) -> bool:
    """Return whether footage is older than the law allows."""
    return now - start_at > RETENTION_CEILING


def length_of(segment: DueSegment) -> timedelta:
    """Return how much footage a segment is."""
    return segment.end_at - segment.start_at if segment.end_at is not None else _USUAL_LENGTH


@dataclass(frozen=True, slots=True)
class Brake:
    """How much newly due footage a sweep may take.

    Footage that was due at the last good sweep already (it was held then, or got its row late) is not counted: no clock made it due.

    Args:
        last_good_at: when the last good sweep ended; None: there was none.
        elapsed: trusted time since then.
        taken: by placement, what sweeps that were no good have claimed since.
    """

    last_good_at: datetime | None
    elapsed: timedelta
    taken: dict[PlacementId, timedelta]

    def allowance(self) -> timedelta:
        """Return what a placement may lose in this sweep, newly due."""
        return self.elapsed + BRAKE_SLACK


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """What a sweep claims, and the placements where the brake holds it back."""

    claimed: list[T]
    braked: list[PlacementId]


def choose(candidates: Iterable[T], now: datetime, margin: timedelta, brake: Brake) -> Choice[T]:
    """Return what to claim now, the longest due first.

    Args:
        candidates: due segments without a hold.
        now: trusted wall clock.
        margin: how long before the end of the retention segments become due.
        brake: see there.
    """
    ripe = sorted(
        (item for item in candidates if item.due_at <= now and claim_at(item, margin) <= now),
        key=lambda item: (item.due_at, item.placement_id, item.number),
    )
    spent = dict(brake.taken)
    claimed: list[T] = []
    braked: list[PlacementId] = []
    for item in ripe:
        if brake.last_good_at is None or item.due_at > brake.last_good_at:
            total = spent.get(item.placement_id, timedelta(0)) + length_of(item)
            if item.placement_id in braked or total > brake.allowance():
                braked.append(item.placement_id)
                continue
            spent[item.placement_id] = total
        claimed.append(item)
    return Choice(claimed, sorted(set(braked)))


def ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Return numbers as closed ranges: 1, 2, 3, 7 -> [[1, 3], [7, 7]]."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return found


def by_hour(segments: Sequence[T]) -> dict[tuple[PlacementId, datetime], list[T]]:
    """Return segments grouped by placement and hour, in order."""
    groups: dict[tuple[PlacementId, datetime], list[T]] = {}
    for item in sorted(segments, key=lambda item: (item.placement_id, item.hour_at, item.number)):
        groups.setdefault((item.placement_id, item.hour_at), []).append(item)
    return groups
