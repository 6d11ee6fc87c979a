"""No dwelling pixel is ever seen: random worlds with rendered pictures against an independent truth. `make leak-campaign` runs it long."""

import pytest

from tests.blanking.campaign import faults
from tests.blanking.worlds import MEASURED, REGIMES, Tally, make_world, run_world

SEEDS = range(1000, 1002)


@pytest.mark.parametrize("name", sorted(REGIMES))
def test_no_dwelling_pixel_leaks(name: str) -> None:
    """The bound is a promise, not a statistic: not one pixel of one frame."""
    tally = Tally()
    for seed in SEEDS:
        run_world(make_world(seed, REGIMES[name], 1.2, pictures=True), tally, stride_px=8)
    assert tally.frames > 0
    assert tally.leaked_px == 0, tally.leaks


def test_the_truth_finds_a_leak_when_nothing_is_blanked() -> None:
    """A check that cannot fail proves nothing: without masks in the plan the same world must show leaked pixels."""
    world = make_world(1000, REGIMES["tour"], seconds=1.0, pictures=True)
    world.plan_document["masks"] = []
    tally = Tally()
    run_world(world, tally, stride_px=4)
    assert tally.leaked_px > 0


def test_a_campaign_fails_on_leaks_and_on_too_much_grey() -> None:
    """Grey everything and nothing leaks: that is not the promise."""
    tallies = {name: Tally() for name in REGIMES}
    assert faults(tallies) == []
    tallies["wild"].leaks.append("t=1.0 3 px")
    tallies["parked"].over_rel.append(MEASURED["parked"] + 0.01)
    assert len(faults(tallies)) == 2
