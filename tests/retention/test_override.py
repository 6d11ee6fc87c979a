"""Two persons' word that the clock is right: in time, once, and never against the witness."""

from datetime import timedelta

import pytest

from retention import override
from retention.clockguard import Doubt
from retention.sweep import Witnessed, run_sweep
from tests.retention.asking import ASKER, DECIDER, REASON, confirm_clock
from tests.retention.test_early import entries_of
from tests.retention.town import LIMITS, PERSON, Town
from vms.db.asking import OVERRIDES, Asked
from vms.errors import Conflict, InvalidInput
from vms.ledger.acts import Act
from vms.model import AskedState, OverrideId, PlacementId

P0 = PlacementId("p0")


def asked_in_doubt(town: Town) -> Asked:
    """Let the clock be in doubt, and one person say that it is right."""
    town.record(P0)
    run_sweep(town.parts, LIMITS)
    town.clock.reboot()
    town.clock.step_wall_clock(timedelta(days=40))
    assert run_sweep(town.parts, LIMITS).doubts == (Doubt.LONG_ABSENCE,)
    return override.ask(town.parts, REASON, ASKER)


def test_one_person_is_not_enough(any_town: Town) -> None:
    """Neither by asking, nor by approving what the same account asked."""
    asked = asked_in_doubt(any_town)
    with pytest.raises(InvalidInput, match="another person"):
        override.decide(any_town.parts, OverrideId(asked.id), ASKER, refusal=None)
    assert override.carry_out(any_town.parts) == 0
    assert run_sweep(any_town.parts, LIMITS).doubts
    assert any_town.readable(any_town.recorded[0])


def test_two_persons_are_and_the_ledger_names_both(any_town: Town) -> None:
    """The deed's entry stands for itself."""
    asked = asked_in_doubt(any_town)
    override.decide(any_town.parts, OverrideId(asked.id), DECIDER, refusal=None)
    assert override.carry_out(any_town.parts) == 1
    assert override.carry_out(any_town.parts) == 0, "it is carried out once"
    assert not run_sweep(any_town.parts, LIMITS).doubts
    words = entries_of(any_town, Act.CLOCK_CONFIRM)[0].object
    assert (words["requested_by"], words["approved_by"]) == (ASKER.actor.id, DECIDER.actor.id)


def test_an_approval_comes_within_half_an_hour_or_not_at_all(town: Town) -> None:
    """The clock that both looked at is the clock of now."""
    asked = asked_in_doubt(town)
    town.clock.advance(OVERRIDES.lapses_after)
    with pytest.raises(Conflict, match="too long"):
        override.decide(town.parts, OverrideId(asked.id), DECIDER, refusal=None)
    assert override.expire(town.parts) == 1
    assert len(entries_of(town, Act.CLOCK_EXPIRE)) == 1


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_moves_after_the_approval_is_not_the_one_they_meant(town: Town, days: int) -> None:
    """A time server that goes wrong a second time finds no open door."""
    asked = asked_in_doubt(town)
    override.decide(town.parts, OverrideId(asked.id), DECIDER, refusal=None)
    town.clock.step_wall_clock(timedelta(days=days))
    assert override.carry_out(town.parts) == 0
    assert override.expire(town.parts) == 1
    with town.db.read() as conn:
        assert OVERRIDES.get(conn, asked.id).state is AskedState.EXPIRED
    assert run_sweep(town.parts, LIMITS).doubts


def test_no_word_ends_what_the_witness_says_of_the_ledger(town: Town) -> None:
    """A ledger set back may have forgotten holds: that is no matter of clocks."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    town.clock.advance(timedelta(days=28))
    confirm_clock(town)
    contradicted = Witnessed(contradicts=True)
    assert Doubt.LEDGER_CONTRADICTED in run_sweep(town.parts, LIMITS, contradicted).doubts
    assert town.readable(item)


def test_it_takes_persons_and_reasons(town: Town) -> None:
    """No service and no silence can be one of the two."""
    with pytest.raises(InvalidInput, match="characters"):
        override.ask(town.parts, "is right", ASKER)
    asked = override.ask(town.parts, REASON, ASKER)
    with pytest.raises(InvalidInput, match="why"):
        override.decide(town.parts, OverrideId(asked.id), DECIDER, refusal="")
    override.decide(town.parts, OverrideId(asked.id), PERSON, refusal="the time server is wrong")
    with pytest.raises(Conflict, match="already"):
        override.decide(town.parts, OverrideId(asked.id), DECIDER, refusal=None)
    assert override.carry_out(town.parts) == 0
