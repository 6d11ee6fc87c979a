"""No dwelling pixel is ever seen: random worlds against an independent truth. `VMS_LEAK_SEEDS=200` makes it long."""

import os
import sys

import pytest

from tests.blanking.worlds import REGIMES, Tally, make_world, run_world

SEEDS = int(os.environ.get("VMS_LEAK_SEEDS", "1"))


@pytest.mark.timeout(0 if SEEDS > 1 else 300)
@pytest.mark.parametrize("name", sorted(REGIMES))
def test_no_dwelling_pixel_leaks(name: str) -> None:
    """The bound is a promise, not a statistic: not one pixel of one frame."""
    tally = Tally()
    for seed in range(1000, 1000 + SEEDS):
        run_world(
            make_world(seed, REGIMES[name], seconds=4.0 if SEEDS > 1 else 2.0), tally, stride_px=2 if SEEDS > 1 else 4
        )
    sys.stdout.write(tally.line(name) + "\n")
    assert tally.frames_with_dwelling > 0
    assert tally.leaked_px == 0, tally.leaks


def test_the_truth_finds_a_leak_when_nothing_is_blanked() -> None:
    """A check that cannot fail proves nothing: without masks in the plan the same world must show leaked pixels."""
    world = make_world(1000, REGIMES["patrol-10"], seconds=1.0)
    world.plan_document["masks"] = []
    tally = Tally()
    run_world(world, tally, stride_px=4)
    assert tally.leaked_px > 0
