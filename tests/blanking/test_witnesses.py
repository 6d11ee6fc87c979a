"""Two sources of one camera's position that cannot both be right make grey, and honest ones never do."""

import random
from collections.abc import Callable

import pytest

from blanking.decide import DirectionDecider
from blanking.decision import Blank, BlankAll, GreyReason
from blanking.plan import parse_plan
from blanking.plan_values import Accuracy, DirectionPlan
from blanking.pose import PoseSample
from blanking.track import Axes
from blanking.witnesses import Witnesses

ACCURACY = Accuracy(0.15, 0.01, 0.008, 0.01, max_speed_deg_s=108.0, max_acceleration_deg_s2=308.0)
AXES = Axes(1.0, 1.0, 0.0, 1.0, 0.01)
Motion = Callable[[float], float]


def sample(source: str, at_s: float, pan_deg: float, *, late_s: float = 0.03) -> PoseSample:
    """One sample of a source."""
    return PoseSample(at_s - 0.001, at_s + 0.001, at_s + late_s, (pan_deg + 180) % 360 - 180, -4.0, 0.2, True, source)


def doubts(true: Motion, streamed: Motion, seconds: float = 4.0, *, noise_s: float = 0.0) -> list[float]:
    """Let a stream speak 20 times and a poll ask 5 times a second; return the instants of contradictions."""
    rng, witnesses, found = random.Random(4), Witnesses(ACCURACY, AXES), []
    samples = []
    for step in range(round(seconds * 20)):
        at_s = 100.0 + step * 0.05
        told_s = at_s + rng.uniform(-noise_s, noise_s)
        samples.append(sample("stream", told_s, streamed(at_s - 100.0), late_s=0.02))
        if step % 4 == 1:
            samples.append(sample("poll", at_s + 0.02, true(at_s + 0.02 - 100.0)))
    for one in sorted(samples, key=lambda one: one.arrived_s):
        found += [one.at_lo_s - 100.0 for doubt in witnesses.see(one) if doubt.reason is GreyReason.CONTRADICTION]
    return found


@pytest.mark.parametrize("speed_deg_s", [0.0, 3.0, 30.0, 100.0, -60.0])
def test_two_honest_sources_agree_at_any_speed_and_across_the_wrap(speed_deg_s: float) -> None:
    """A false alarm would grey a healthy camera."""

    def true(t_s: float) -> float:
        return 170.0 + speed_deg_s * t_s + 0.1 * ((t_s * 977) % 1 - 0.5)

    assert doubts(true, true, noise_s=0.005) == []


@pytest.mark.parametrize("speed_deg_s", [3.0, 10.0, 60.0])
def test_a_stream_that_freezes_while_the_camera_turns_is_found_at_once(speed_deg_s: float) -> None:
    """The bounds on speed and acceleration alone would let a slow turn pass unseen."""
    found = doubts(lambda t_s: speed_deg_s * t_s, lambda t_s: speed_deg_s * min(t_s, 1.0))
    assert found
    assert found[0] <= 1.0 + 0.4 + 1.0 / speed_deg_s


def test_a_source_whose_scale_is_wrong_contradicts() -> None:
    """Some streams tell other numbers than the answers do."""
    assert doubts(lambda t_s: 40.0, lambda t_s: 38.0)


def test_one_source_contradicts_nobody() -> None:
    """Most cameras have only one."""
    witnesses = Witnesses(ACCURACY, AXES)
    assert not [d for step in range(50) for d in witnesses.see(sample("poll", step * 0.1, 5.0 * (step % 2)))]


@pytest.mark.parametrize("lies_in_poll", [False, True], ids=["stream", "poll"])
def test_a_contradiction_is_grey_and_over_two_seconds_after_both_agree_again(*, lies_in_poll: bool) -> None:
    """In doubt grey; but not from when somebody noticed: from the last sample that was wrong."""
    document = {
        "frame": {"width": 320, "height": 240},
        "kind": "directions",
        "camera_model": {"zoom": [[0.0, 60.0], [1.0, 10.0]]},
        "accuracy": {"pan_tilt_deg": 0.15, "zoom_rel": 0.01, "time_s": 0.008, "exposure_s": 0.01},
        "masks": [{"id": "m1", "polygon_deg": [[5, -5], [20, -5], [20, 5], [5, 5]]}],
    }
    plan = parse_plan(document)
    assert isinstance(plan, DirectionPlan)
    decider = DirectionDecider(plan)
    decided = {}
    for step in range(200):
        at_s, asks = 100.0 + step * 0.05, step % (10 if lies_in_poll else 4) == 1
        told_deg = 8.0 if 40 <= step < 60 else 5.0
        decider.add(sample("stream", at_s, 5.0 if lies_in_poll else told_deg))
        if asks:
            decider.add(sample("poll", at_s + 0.02, told_deg if lies_in_poll else 5.0))
        decided[at_s - 0.1] = decider.decide(at_s - 0.1)
    agree_from_s = 100.0 + 60 * 0.05
    grey_s = [at_s for at_s, one in decided.items() if one == BlankAll(GreyReason.CONTRADICTION)]
    assert all(isinstance(one, Blank) for at_s, one in decided.items() if 100.1 < at_s < 101.4)
    assert all(isinstance(one, BlankAll) for at_s, one in decided.items() if 102.7 < at_s < agree_from_s + 0.8)
    assert agree_from_s < max(grey_s) <= agree_from_s + 2.0
    assert all(isinstance(one, Blank) for at_s, one in decided.items() if at_s > max(grey_s))
