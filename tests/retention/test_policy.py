"""The pure parts: what is due, what the brake allows, what the clock guard believes."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.clockguard import LONGEST_ABSENCE, Doubt, Readings, Sample, judge
from retention.due import BRAKE_SLACK, Brake, choose, claim_at, ranges
from vms.ledger.merkle import leaf_hash, node_hash
from vms.ledger.segments import list_root
from vms.model import RETENTION_CEILING, PlacementId, hour_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
TOLERANCE = timedelta(minutes=2)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
P0 = PlacementId("p0")
OPEN_BRAKE = Brake(None, timedelta(days=400), {})


@dataclass(frozen=True)
class Piece:
    """A segment as the policy sees it."""

    placement_id: PlacementId
    number: int
    start_at: datetime
    end_at: datetime | None
    due_at: datetime
    hour_at: datetime


def piece(number: int, start_at: datetime, keep_for: timedelta = RETENTION_CEILING - 2 * HOUR) -> Piece:
    """Return a minute of footage."""
    return Piece(P0, number, start_at, start_at + MINUTE, start_at + keep_for, hour_of(start_at))


@given(
    minute=st.integers(0, 59),
    keep_h=st.integers(24, 28 * 24 - 1),
    margin_s=st.integers(60, 86_400),
)
def test_nothing_is_claimed_before_it_is_due_nor_after_its_margin(minute: int, keep_h: int, margin_s: int) -> None:
    """Because waiting for the rest of the hour must never cost the law."""
    keep_for, margin = timedelta(hours=keep_h), timedelta(seconds=margin_s)
    item = piece(1, NOON + minute * MINUTE, keep_for)
    assert item.due_at <= claim_at(item, margin) <= item.due_at + margin / 2


def test_an_hour_is_claimed_as_a_whole() -> None:
    """Because the ledger gets one leaf per claim."""
    items = [piece(number, NOON + number * MINUTE) for number in range(60)]
    last_due_at = NOON + HOUR + RETENTION_CEILING - 2 * HOUR
    assert choose(items, last_due_at - MINUTE, 2 * HOUR, OPEN_BRAKE).claimed == []
    assert len(choose(items, last_due_at, 2 * HOUR, OPEN_BRAKE).claimed) == 60


def test_the_brake_counts_newly_due_footage_only() -> None:
    """Because what a released hold lets go was due long ago: no clock made it so."""
    old = [piece(number, NOON - timedelta(days=9) + number * HOUR) for number in range(100)]
    new = [replace(piece(200 + number, NOON), end_at=NOON + HOUR) for number in range(5)]
    now = NOON + RETENTION_CEILING
    brake = Brake(last_good_at=now - 3 * HOUR, elapsed=2 * HOUR, taken={P0: HOUR})
    choice = choose([*old, *new], now, 2 * HOUR, brake)
    assert len([item for item in choice.claimed if item.number < 200]) == 100
    assert len([item for item in choice.claimed if item.number >= 200]) == 2  # two hours and one, less one taken
    assert choice.braked == [P0]
    assert BRAKE_SLACK == HOUR


@given(st.sets(st.integers(1, 60)))
def test_ranges_say_exactly_which_numbers(numbers: set[int]) -> None:
    """Because the auditor subtracts them."""
    found = ranges(numbers)
    assert {number for first, last in found for number in range(first, last + 1)} == numbers
    assert all(before[1] + 1 < after[0] for before, after in zip(found, found[1:], strict=False))  # noqa: RUF007 - as it reads


def readings(wall_at: datetime, boottime_s: float, boot_id: str = "a", **others: datetime | None) -> Readings:
    """Return readings; the other clocks agree unless told."""
    newest_at = others.get("newest_footage_at")
    ends_at = () if newest_at is None else (newest_at,)
    return Readings(wall_at, boottime_s, boot_id, others.get("database_at", wall_at), ends_at)


SAMPLE = Sample(NOON, 1000.0, "a")


@pytest.mark.parametrize(
    ("now", "doubts"),
    [
        (readings(NOON + HOUR, 4600.0), ()),
        (readings(NOON + HOUR + timedelta(minutes=5), 4600.0), (Doubt.STEPPED,)),
        (readings(NOON - HOUR, 1060.0), (Doubt.BACKWARDS,)),
        (readings(NOON + timedelta(days=3), 10.0, "b"), ()),
        (readings(NOON + LONGEST_ABSENCE + HOUR, 10.0, "b"), (Doubt.LONG_ABSENCE,)),
        (readings(NOON - HOUR, 10.0, "b"), (Doubt.BACKWARDS,)),
        (readings(NOON + HOUR, 4600.0, database_at=NOON), (Doubt.DATABASE_DISAGREES,)),
        (readings(NOON + HOUR, 4600.0, newest_footage_at=NOON + 2 * HOUR), (Doubt.FOOTAGE_FROM_FUTURE,)),
    ],
)
def test_each_lie_of_a_clock_has_its_doubt(now: Readings, doubts: tuple[Doubt, ...]) -> None:
    """Because a doubt without a name can't be acted on."""
    assert judge(now, SAMPLE, TOLERANCE).doubts == doubts


def test_many_small_steps_do_not_add_up_unseen() -> None:
    """Because a clock that gains a minute every minute passes every single comparison."""
    sample, wall_at, boottime_s = SAMPLE, NOON, 1000.0
    for _ in range(10):
        boottime_s += 60
        wall_at += timedelta(seconds=60 + 100)
        verdict = judge(readings(wall_at, boottime_s), sample, TOLERANCE)
        if not verdict.is_trusted:
            break
        sample = verdict.next_sample
    assert not verdict.is_trusted
    assert wall_at - NOON < timedelta(minutes=10)


def test_a_slow_drift_is_followed() -> None:
    """Because a machine without time server still has to erase."""
    sample, wall_at, boottime_s = SAMPLE, NOON, 1000.0
    for _ in range(24 * 28):
        boottime_s += 3600
        wall_at += timedelta(seconds=3600 * 1.0001)
        verdict = judge(readings(wall_at, boottime_s), sample, TOLERANCE)
        assert verdict.is_trusted
        sample = verdict.next_sample


def test_one_camera_whose_clock_is_ahead_does_not_stop_all_erasing() -> None:
    """Because a cheap camera's clock would else keep the whole city's footage too long."""
    now = NOON + HOUR
    ends_at = (now + timedelta(days=1), now - MINUTE, now)
    assert judge(Readings(now, 4600.0, "a", now, ends_at), SAMPLE, TOLERANCE).is_trusted
    ended_long_ago = (now - timedelta(days=100),) * 5
    behind = Readings(now, 4600.0, "a", now, (now + HOUR, now + HOUR, now, *ended_long_ago))
    assert judge(behind, SAMPLE, TOLERANCE).doubts == (Doubt.FOOTAGE_FROM_FUTURE,)


def test_a_first_start_with_footage_of_long_ago_is_doubted() -> None:
    """Because a lost clock sample must not be a way around the guard."""
    late = readings(NOON, 1.0, newest_footage_at=NOON - LONGEST_ABSENCE - HOUR)
    assert judge(late, None, TOLERANCE).doubts == (Doubt.LONG_ABSENCE,)
    assert judge(readings(NOON, 1.0), None, TOLERANCE).is_trusted


def test_the_root_over_a_batch_is_that_of_rfc_6962() -> None:
    """Because an auditor computes it with other software."""
    leaves = [bytes([number]) for number in range(5)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    left = node_hash(node_hash(hashes[0], hashes[1]), node_hash(hashes[2], hashes[3]))
    assert list_root(leaves) == node_hash(left, hashes[4])
    assert list_root(leaves[:1]) == hashes[0]
