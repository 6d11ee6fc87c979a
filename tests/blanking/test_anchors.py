"""What follows from a sample and the way of the pictures, and how far it may be off."""

import math
from collections.abc import Callable

import pytest

from blanking.anchors import LONGEST_ANCHOR_S, LONGEST_UNCHANGED_S, Anchors, Bounds
from blanking.odometry import Glance, Triple

ERROR = 0.02
BOUNDS = Bounds((300.0, 300.0, 4.0), exposure_s=0.02, pan_tilt_deg=0.1, zoom_rel=0.01, endless=True)
STEP_S = 0.04
LOG_FOCAL = -0.2
Way = Callable[[float], float]


def still(at_s: float) -> float:
    """Stand still."""
    del at_s
    return 0.0


def late_turn(at_s: float) -> float:
    """Stand for a second, then turn at 20 degrees a second."""
    return 20.0 * max(0.0, at_s - 1.0)


def glance(
    at_s: float,
    pan_deg: float,
    chain: int = 0,
    began_s: float = 0.0,
    fresh_s: float | None = None,
    error: float = ERROR,
) -> Glance:
    """A registered picture."""
    return Glance(
        at_s=at_s,
        chain=chain,
        began_s=began_s,
        place=(pan_deg, 0.0, 0.0),
        own_error=(error, error, 0.002),
        base_error=(0.0, 0.0, 0.0),
        path_deg=abs(pan_deg),
        fresh_s=at_s if fresh_s is None else fresh_s,
        reference=0,
    )


def watched(way: Way, until_s: float, samples_s: tuple[float, ...], error: float = ERROR) -> Anchors:
    """Let pictures and true samples come."""
    anchors = Anchors(BOUNDS)
    for at_s in samples_s:
        anchors.add_sample(at_s - 0.005, at_s + 0.005, pose(way(at_s)))
    for index in range(round(until_s / STEP_S) + 1):
        anchors.add_glance(glance(index * STEP_S, way(index * STEP_S), error=error))
    return anchors


def pose(pan_deg: float) -> Triple:
    """A sample's pose."""
    return (10.0 + pan_deg, -5.0, LOG_FOCAL)


def test_only_a_sample_of_a_standing_picture_is_an_anchor() -> None:
    """A sample of a turning camera is as wrong as its time."""
    anchors = watched(lambda at_s: 20.0 * at_s, 2.0, (1.0,))
    assert anchors.bearing(2.0, anchored=False) is not None
    assert anchors.bearing(2.0, anchored=True) is None
    stood = watched(late_turn, 2.0, (0.5,)).bearing(2.0, anchored=True)
    assert stood is not None
    assert stood.pose[0] == pytest.approx(30.0, abs=stood.spread[0])


def test_the_way_from_the_anchor_makes_it_less_certain() -> None:
    """By the error of the focal length over the way, at least."""
    anchors = watched(late_turn, 3.0, (0.5,))
    near, far = anchors.bearing(1.0, anchored=True), anchors.bearing(3.0, anchored=True)
    assert near is not None
    assert far is not None
    assert far.spread[0] - near.spread[0] >= BOUNDS.zoom_rel * 40.0


def test_the_errors_of_both_pictures_are_in_the_spread() -> None:
    """The one beside the sample, and the one that is asked about."""
    sharp, dull = (watched(still, 2.0, (1.0,), error).bearing(2.0, anchored=True) for error in (ERROR, 10 * ERROR))
    assert sharp is not None
    assert dull is not None
    assert dull.spread[0] - sharp.spread[0] >= 2 * 9 * ERROR
    assert sharp.sweep == (0.0, 0.0, 0.0)


def test_a_turning_camera_turns_during_the_exposure_too() -> None:
    """A frame shows all poses of its exposure."""
    found = watched(late_turn, 3.0, (0.5,)).bearing(2.0, anchored=True)
    assert found is not None
    assert found.sweep[0] == pytest.approx(0.75 * BOUNDS.exposure_s * 20.0, rel=0.1)
    assert found.spread[0] >= 2 * ERROR + BOUNDS.exposure_s * 0.75 * BOUNDS.accelerations[0] * STEP_S / 2


def test_a_picture_that_does_not_change_proves_nothing() -> None:
    """The camera's encoder may hang."""
    anchors = Anchors(BOUNDS)
    anchors.add_sample(0.5, 0.51, pose(0.0))
    for index in range(100):
        at_s = index * STEP_S
        anchors.add_glance(glance(at_s, 0.0, fresh_s=min(at_s, 1.0)))
    assert anchors.bearing(round(1.0 / STEP_S) * STEP_S, anchored=True) is not None
    assert anchors.bearing(math.ceil((1.1 + LONGEST_UNCHANGED_S) / STEP_S) * STEP_S, anchored=True) is None


def test_back_where_it_was_is_not_the_same_as_never_gone() -> None:
    """What was passed on the way was not standing."""
    away = watched(lambda at_s: 5.0 if 1.0 < at_s < 1.5 else 0.0, 2.0, (0.5,))
    assert not away.is_static(away.offsets[0], 2.0)
    stayed = watched(still, 2.0, (0.5,))
    assert stayed.is_static(stayed.offsets[0], 2.0)


def test_an_old_anchor_is_let_go() -> None:
    """Errors that nobody has named add up slowly."""
    assert LONGEST_ANCHOR_S <= 12.0
    anchors = watched(still, 14.0, (1.0,))
    assert anchors.bearing(350 * STEP_S, anchored=True) is None


def test_a_broken_chain_has_no_anchor() -> None:
    """Nobody knows how far the camera turned in between."""
    anchors = watched(still, 1.0, (0.5,))
    for index in range(26, 50):
        anchors.add_glance(glance(index * STEP_S, 0.0, chain=1, began_s=26 * STEP_S))
    assert anchors.bearing(49 * STEP_S, anchored=True) is None
    assert not anchors.offsets


@pytest.mark.parametrize(
    ("told_deg", "disagrees"), [(0.0, False), (0.1, False), (5.0, True), (365.0, True), (360.0, False)]
)
def test_a_sample_that_moves_while_the_picture_stands_disagrees(told_deg: float, disagrees: bool) -> None:  # noqa: FBT001 - a table
    """Pan wraps: a whole turn is none."""
    anchors = watched(still, 3.0, (0.5,))
    (offset,) = anchors.add_sample(2.0, 2.01, pose(told_deg))
    assert anchors.disagrees(offset) == disagrees


@pytest.mark.parametrize(
    ("way", "agrees"),
    [
        (lambda at_s: 20.0 * at_s, False),
        (late_turn, True),
        (lambda at_s: 20.0 * min(at_s, 1.0), True),
        (lambda at_s: 20.0 * abs(at_s - 1.0), True),
        (lambda at_s: 20.0 * at_s + 2.0 * at_s * at_s, False),
        (still, False),
    ],
    ids=["one speed", "starts", "stops", "turns back", "hardly faster", "stands"],
)
def test_agreement_counts_only_where_a_clock_that_is_off_would_have_shown(way: Way, agrees: bool) -> None:  # noqa: FBT001 - a table
    """At one speed every sample of such a clock is shifted alike."""
    anchors = watched(way, 2.0, (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8))
    assert anchors.agrees_in_motion() == agrees
