"""Where a set of poses lies to others, and what is greyed because of it."""

import pytest

from blanking.blocks import rectangles_of
from blanking.decide import DirectionDecider
from blanking.plan_values import Accuracy, CameraModel, DirectionMask, DirectionPlan
from blanking.pose_sets import Lies, holds, lies
from blanking.track import PoseSweep

APART = (0.2, 0.2, 0.05)
MASKS = tuple(
    DirectionMask(f"m{n}", ((x, -8.0), (x + 6.0, -8.0), (x + 6.0, 4.0), (x, 4.0)))
    for n, x in enumerate((-24.0, -4.0, 16.0))
)
PLAN = DirectionPlan(640, 360, CameraModel(((0.0, 60.0), (1.0, 6.0))), Accuracy(0.05, 0.002, 0.0, 0.0), MASKS)


def at(
    pan_deg: float, tilt_deg: float = 0.0, spread: float = 0.1, *, to: tuple[float, float] | None = None
) -> PoseSweep:
    """A set around a pose, or around the way from one to another."""
    end = (pan_deg, tilt_deg) if to is None else to
    return PoseSweep((pan_deg, tilt_deg, 0.2), (*end, 0.2), (spread, spread, 0.01), 0.05)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (at(5.0, spread=0.1), Lies.INSIDE),
        (at(5.8, spread=0.3), Lies.INSIDE),
        (at(10.4, spread=0.3), Lies.ACROSS),
        (at(9.0, to=(12.6, 0.0)), Lies.DOUBTFUL),
        (at(9.0, to=(11.9, 0.0), spread=0.3), Lies.ACROSS),
        (at(10.65, spread=0.1), Lies.DOUBTFUL),
        (at(11.0, spread=0.1), Lies.APART),
        (at(5.0, 3.0, spread=0.1), Lies.APART),
    ],
)
def test_a_set_is_inside_across_doubtful_or_apart(one: PoseSweep, expected: Lies) -> None:
    """Of a way from 0 to 10 degrees, give or take half a degree."""
    way = at(0.0, to=(10.0, 0.0), spread=0.5)
    assert lies(one, [at(90.0), way], endless=True, apart=APART) is expected


def test_both_ends_must_be_inside() -> None:
    """A way that leaves is not inside because it begins there."""
    assert lies(at(5.0, to=(5.6, 1.0)), [at(5.0, spread=0.5)], endless=True, apart=APART) is not Lies.INSIDE


def test_all_axes_are_held_by_the_same_part_of_the_way() -> None:
    """Beside a diagonal way, within its extent on each axis, is outside of it."""
    diagonal = at(0.0, 0.0, to=(10.0, 10.0), spread=0.5)
    assert lies(at(8.0, 2.0), [diagonal], endless=True, apart=APART) is Lies.APART
    assert lies(at(5.0, 5.0), [diagonal], endless=True, apart=APART) is Lies.INSIDE


def test_the_seam_of_pan_is_no_distance_where_it_turns_for_ever() -> None:
    """-179.9 and 179.9 are neighbours."""
    over = at(179.0, to=(181.0, 0.0), spread=0.5)
    assert lies(at(-179.5), [over], endless=True, apart=APART) is Lies.INSIDE
    assert lies(at(-179.5), [over], endless=False, apart=APART) is Lies.APART


def test_a_set_with_a_smaller_error_of_directions_does_not_hold_one_with_a_larger() -> None:
    """Its masks were grown by less."""
    larger = PoseSweep((0.0, 0.0, 0.2), (0.0, 0.0, 0.2), (0.1, 0.1, 0.01), 0.06)
    assert holds(at(0.0, spread=0.2), at(0.0, spread=0.1))
    assert not holds(at(0.0, spread=0.2), larger)
    assert not holds(at(0.0, spread=0.1), at(0.0, spread=0.2))


def test_picture_and_telemetry_are_both_believed_when_they_overlap_and_neither_alone_in_doubt() -> None:
    """Grey is what both allow; in doubt what either allows."""
    decider = DirectionDecider(PLAN)
    picture, telemetry = at(3.0, spread=0.4), at(0.0, spread=1.2)
    by_picture, by_telemetry = (decider._sphere.cover([one]) for one in (picture, telemetry))
    assert by_picture is not None
    assert by_telemetry is not None
    across, doubtful = (decider._narrowed(picture, how, [telemetry]) for how in (Lies.ACROSS, Lies.DOUBTFUL))
    assert across is not None
    assert doubtful is not None
    assert (by_picture.mask & ~by_telemetry.mask).any()
    assert (by_telemetry.mask & ~by_picture.mask).any()
    # The picture's set is drawn a little larger than asked for, so that the next frame's fits into it.
    assert not (by_picture.mask & by_telemetry.mask & ~across.mask).any()
    assert not (across.mask & ~by_telemetry.mask).any()
    assert not ((by_picture.mask | by_telemetry.mask) & ~doubtful.mask).any()


def test_a_drawn_set_stands_for_another_only_when_it_holds_it() -> None:
    """A camera that turns slowly asks for nearly the same set with every frame, and for none of them again."""
    decider = DirectionDecider(PLAN)
    first = decider._drawn(at(0.0, spread=0.3))
    assert first is not None
    assert decider._drawn(at(0.0, spread=0.3)) is first
    moved = at(0.2, spread=0.3)
    again, own = decider._drawn(moved), decider._sphere.cover([moved])
    assert again is not None
    assert own is not None
    assert not (own.mask & ~again.mask).any()
    assert rectangles_of(again.mask) != rectangles_of(first.mask)
