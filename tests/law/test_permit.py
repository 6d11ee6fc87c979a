"""The gate: which decision counts at an instant, and until when its answer holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.errors import InvalidInput
from vms.law.permit import Decision, PlaceLaw, Reason, permit

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = Decision("d1", "2026-1", "gw-151c", START, START + 10 * DAY, applies_from_at=START)
RENEWAL = Decision("d2", "2026-2", "gw-151c", START + 10 * DAY, START + 20 * DAY, applies_from_at=START + 10 * DAY)


def place(*decisions: Decision) -> PlaceLaw:
    """Return a placement that has lasted since the start."""
    return PlaceLaw(START, None, decisions)


def test_a_decision_allows_recording_from_its_first_instant_to_the_one_before_its_end() -> None:
    """Because a minute too long is a minute without a legal ground."""
    law = place(FIRST)
    assert permit(law, START).may_record
    assert permit(law, FIRST.ends_at - TICK).may_record
    assert permit(law, FIRST.ends_at).refusal is Reason.DECISION_ENDED
    assert permit(law, START).until_at == FIRST.ends_at
    assert permit(law, FIRST.ends_at).until_at is None


def test_without_a_decision_nothing_is_recorded() -> None:
    """In doubt the answer is no."""
    assert permit(place(), START).refusal is Reason.NO_DECISION


def test_a_decision_that_is_still_to_come_allows_nothing_and_says_when_to_ask_again() -> None:
    """Because a renewal is entered weeks before it begins."""
    answer = permit(PlaceLaw(START - DAY, None, (FIRST,)), START - TICK)
    assert (answer.refusal, answer.until_at) == (Reason.DECISION_NOT_BEGUN, START)


def test_a_renewal_goes_on_where_the_last_decision_ends() -> None:
    """Because recording must not stop for a moment between two decisions that touch."""
    law = place(FIRST, RENEWAL)
    assert permit(law, FIRST.ends_at - TICK).decision == FIRST
    assert permit(law, FIRST.ends_at).decision == RENEWAL
    assert permit(law, FIRST.ends_at).may_record


def test_a_withdrawn_decision_allows_nothing_from_then_on() -> None:
    """Because a withdrawal is the one change that a published decision can have, and it only shortens."""
    withdrawn = replace(FIRST, withdrawn_at=START + DAY)
    assert permit(place(withdrawn), START + DAY - TICK).may_record
    assert permit(place(withdrawn), START + DAY).refusal is Reason.DECISION_WITHDRAWN
    assert permit(place(withdrawn), START).until_at == START + DAY
    for at in (START - TICK, FIRST.valid_until_at):
        with pytest.raises(InvalidInput):
            replace(FIRST, withdrawn_at=at)


def test_a_later_decision_takes_the_place_of_an_earlier_one_for_good() -> None:
    """Because a wrong four years must not come back when the right half year is over."""
    short = Decision("d2", "2026-2", "gw-151c", START, START + 3 * DAY, applies_from_at=START + DAY)
    law = place(FIRST, short)
    assert permit(law, START + DAY - TICK).decision == FIRST
    assert permit(law, START + DAY).decision == short
    assert permit(law, START + 3 * DAY).refusal is Reason.DECISION_ENDED


def test_one_that_applies_but_has_not_begun_allows_nothing_until_it_begins() -> None:
    """Because the database ranks by when a decision applies: dates completed afterwards must not make the two answer differently."""
    later = replace(FIRST, valid_from_at=START + 2 * DAY, applies_from_at=START + DAY)
    law = place(replace(FIRST, id="d0"), later)
    assert permit(law, START + DAY - TICK).may_record
    assert permit(law, START + DAY).refusal is Reason.DECISION_NOT_BEGUN
    assert permit(law, START + DAY).until_at == START + 2 * DAY
    assert permit(law, START + 2 * DAY).decision == later


def test_a_placement_bounds_its_decisions() -> None:
    """Because a camera that was taken down, or not yet hung, has nothing to record."""
    law = PlaceLaw(START + DAY, START + 2 * DAY, (FIRST,))
    assert permit(law, START).refusal is Reason.PLACEMENT_NOT_BEGUN
    assert permit(law, START + DAY).may_record
    assert permit(law, START + DAY).until_at == START + 2 * DAY
    assert permit(law, START + 2 * DAY).refusal is Reason.PLACEMENT_ENDED


hours = st.integers(0, 300)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Make a decision within a fortnight."""
    first, length = draw(hours), draw(st.integers(1, 200))
    withdrawn = draw(st.none() | st.integers(0, length - 1))
    from_at = START + timedelta(hours=first)
    return Decision(
        f"d{draw(st.integers(0, 3))}",
        "n",
        "gw-151c",
        from_at,
        from_at + timedelta(hours=length),
        applies_from_at=START + timedelta(hours=draw(hours)),
        withdrawn_at=None if withdrawn is None else from_at + timedelta(hours=withdrawn),
    )


@given(st.lists(decisions(), max_size=4), st.none() | st.integers(1, 300), hours, st.floats(0, 1))
def test_an_answer_holds_until_the_instant_that_it_names(
    made: list[Decision], ends: int | None, asked: int, share: float
) -> None:
    """Because the worker asks once and goes by the answer while the database is away."""
    law = PlaceLaw(START, None if ends is None else START + timedelta(hours=ends), tuple(made))
    at = START + timedelta(hours=asked)
    answer = permit(law, at)
    horizon_at = answer.until_at or at + timedelta(days=365)
    between_at = min(at + share * (horizon_at - at), horizon_at - TICK)
    assert permit(law, between_at) == answer
