"""The picture as a witness: it narrows what telemetry allows, and where the two contradict each other everything is grey."""

import math
from typing import Any

import numpy as np
import pytest

from blanking.cover import MaskSphere
from blanking.decide import axes_of
from blanking.decision import Blank, BlankAll, GreyReason, PoseSource
from blanking.eyewitness import Eyewitness
from blanking.motion_fit import LensAt
from blanking.optics import Optics
from blanking.plan import DirectionPlan, parse_plan
from blanking.pose import PoseSample, stamped_sample
from blanking.stage import BlankingStage
from blanking.track import PoseSweep, PoseTrack
from tests.blanking.painter import Lorry
from tests.blanking.rendered import FPS, Path, honest, run, stop_and_go, street
from tests.blanking.truth import Pose
from tests.blanking.worlds import play

CONTRADICTION = str(GreyReason.CONTRADICTION)
SEEN = {str(source) for source in PoseSource}
GO = stop_and_go(20.0, 1.5, 3.5)


def parked(_at_s: float) -> Pose:
    """Stand still."""
    return (-5.0, -1.0, 0.1)


def swinging(at_s: float) -> Pose:
    """Turn to and fro without ever standing still for long."""
    return (10.0 * math.sin(1.5 * at_s), -1.0, 0.1)


def register_frozen_from(path: Path, instant_s: float, until_s: float = math.inf) -> Any:
    """Return telemetry that repeats one pose for a while."""
    return lambda at_s: stamped_sample(at_s, at_s + 0.1, path(instant_s if instant_s < at_s < until_s else at_s))


def test_a_parked_camera_shows_more_with_its_picture_than_without() -> None:
    """The static gate: what cannot have happened unseen need not be greyed."""
    world = street(parked, lambda at_s: stamped_sample(at_s, at_s + 0.05, parked(at_s)), rate_hz=5.0, seconds=2.0)
    with_picture, without = run(world), run(world, sighted=False)
    assert set(with_picture.between(1.0, 2.0)) == {"static"}
    assert set(without.states) == {"interpolated"}
    over, over_without = (sum(one.tally.over_rel[-20:]) for one in (with_picture, without))
    assert over < 0.6 * over_without
    assert with_picture.tally.leaked_px == without.tally.leaked_px == 0


def test_a_turn_that_began_from_standstill_is_followed_by_the_picture() -> None:
    """Dead reckoning from a sample taken while the picture stood still."""
    outcome = run(street(GO, rate_hz=5.0))
    assert outcome.between(1.7, 3.3).count("anchored") > 30
    assert outcome.tally.leaked_px == 0


def test_a_camera_that_never_stands_still_is_blanked_by_telemetry() -> None:
    """Without an anchor the picture says nothing about where the camera looks."""
    outcome = run(street(lambda at_s: (25.0 * at_s - 50.0, -1.0, 0.1), seconds=2.0))
    assert set(outcome.states) == {"interpolated"}


HONEST = {
    "lorry over half of the view": {"lorries": (Lorry(0.8, 4.5, 0.5, 0.25, -0.45),)},
    "lorry that follows": {"lorries": (Lorry(0.8, 4.5, 0.65, 0.0, 0.1),)},
    "lorry that creeps": {"lorries": (Lorry(0.8, 4.5, 0.65, 0.02, 0.1),)},
    "night noise": {"noise": 15.0},
    "rain": {"rain": 300},
    "fog": {"contrast": 0.0},
    "burned-in letters": {"letters": True},
    "letters in fog": {"letters": True, "contrast": 0.0},
}


@pytest.mark.parametrize("scene", HONEST.values(), ids=HONEST.keys())
def test_no_weather_and_no_lorry_is_a_contradiction_or_a_leak(scene: dict[str, Any]) -> None:
    """An alarm that traffic sets off is switched off; a picture that fools the witness leaks."""
    outcome = run(street(GO, seconds=3.2, **scene))
    assert CONTRADICTION not in outcome.states
    assert outcome.tally.leaked_px == 0


@pytest.mark.parametrize("name", ["lorry that follows", "lorry that creeps"])
def test_nor_are_they_while_the_camera_swings(name: str) -> None:
    """What fills most of the view and does not move with it must not be taken for the world."""
    outcome = run(street(swinging, seconds=3.2, **HONEST[name]))
    assert CONTRADICTION not in outcome.states
    assert outcome.tally.leaked_px == 0


@pytest.mark.parametrize("speed_deg_s", [4.0, 60.0])
def test_a_frozen_register_is_grey_before_anything_leaks(speed_deg_s: float) -> None:
    """Telemetry repeats itself while the camera turns: without the picture dwellings would show."""
    path = stop_and_go(speed_deg_s, 1.0, 3.5)
    world = street(path, register_frozen_from(path, 0.8), seconds=3.2)
    outcome = run(world)
    assert outcome.tally.leaked_px == 0
    assert set(outcome.between(2.2, 3.2)) == {CONTRADICTION}
    assert outcome.stage.counts[CONTRADICTION] >= 25
    assert run(world, sighted=False).tally.leaked_px > 0


def test_a_register_frozen_in_mid_turn_is_found_out() -> None:
    """There is no standstill to compare with, but what samples say about the way of the picture disagrees."""
    outcome = run(street(swinging, register_frozen_from(swinging, 1.5), seconds=3.2))
    assert set(outcome.between(2.4, 3.2)) == {CONTRADICTION}


@pytest.mark.parametrize(
    ("path", "bias_s"), [(GO, 0.08), (GO, -0.08), (swinging, 0.15)], ids=["behind", "ahead", "swinging"]
)
def test_a_clock_bias_beyond_the_bound_is_grey_as_soon_as_the_camera_turns(path: Path, bias_s: float) -> None:
    """The plan says 5 ms; telemetry alone cannot show more."""

    def told(at_s: float) -> PoseSample:
        return stamped_sample(at_s, at_s + 0.2, path(at_s - bias_s))

    outcome = run(street(path, told, seconds=2.8))
    assert set(outcome.between(2.0, 2.8)) == {CONTRADICTION}


def test_a_frozen_video_is_grey_as_soon_as_telemetry_turns() -> None:
    """Old pictures under new time stamps show dwellings where no mask is any more."""
    outcome = run(street(GO, frozen_s=(1.0, 3.5), seconds=4.0))
    assert set(outcome.between(2.0, 4.0)) == {CONTRADICTION}
    assert outcome.tally.leaked_px == 0


def test_a_zoom_that_telemetry_does_not_tell_is_grey() -> None:
    """Magnification moves a dwelling's outline as surely as turning does."""

    def path(at_s: float) -> Pose:
        return (-5.0, -1.0, 0.1 + 0.15 * min(max(at_s - 1.5, 0.0), 1.5))

    outcome = run(street(path, lambda at_s: stamped_sample(at_s, at_s + 0.1, (-5.0, -1.0, 0.1))))
    assert set(outcome.between(3.5, 5.0)) == {CONTRADICTION}
    assert outcome.tally.leaked_px == 0


def test_a_contradiction_is_resolved_when_both_move_alike_for_a_while() -> None:
    """Grey protects; but a register that works again must be believed again, once it has shown that it does."""

    def path(at_s: float) -> Pose:
        return (-5.0 if at_s < 1.5 else -5.0 + 12.0 * math.sin(at_s - 1.5), -1.0, 0.1)

    outcome = run(street(path, register_frozen_from(path, 1.4, 2.2), seconds=8.0))
    assert CONTRADICTION in outcome.between(1.7, 2.2)
    assert CONTRADICTION not in outcome.between(6.5, 8.0)
    assert outcome.tally.leaked_px == 0


def rocking(at_s: float) -> Pose:
    """Stand until 1.4 s, then turn to and fro, by at most 20 degrees a second."""
    return (-5.0 if at_s < 1.4 else -5.0 + 8.0 * (1.0 - math.cos(2.5 * (at_s - 1.4))), -1.0, 0.1)


def test_a_register_that_has_worked_for_less_than_a_second_is_not_believed_yet() -> None:
    """Both agree at several speeds after half a second; a register that freezes time and again agrees so long each time."""
    outcome = run(street(rocking, register_frozen_from(rocking, 1.3, 2.2), seconds=4.6))
    assert not set(outcome.between(1.6, 3.1)) & SEEN
    assert set(outcome.between(3.5, 4.6)) <= SEEN
    assert outcome.tally.leaked_px == 0


def halting(at_s: float) -> Pose:
    """Stand until 1.3 s, turn by 12 degrees until 2.3, and stand again."""
    share = min(max(at_s - 1.3, 0.0), 1.0)
    return (-5.0 + 12.0 * share * share * (3.0 - 2.0 * share), -1.0, 0.1)


@pytest.mark.parametrize("path", [swinging, halting], ids=["swinging", "halting"])
def test_a_register_that_works_again_is_believed_within_two_seconds(path: Path) -> None:
    """By the pictures' own time. A freeze that ends costs less than 3 % of a minute beyond itself."""
    thaws_s = 2.0
    outcome = run(street(path, register_frozen_from(path, 1.4, thaws_s), seconds=4.6))
    assert CONTRADICTION in outcome.between(1.5, thaws_s)
    after = [state for state in outcome.between(thaws_s, 4.6) if state not in SEEN]
    assert 0 < len(after) / FPS <= 0.03 * 60.0
    assert set(outcome.between(thaws_s + 2.0, 4.6)) <= SEEN
    assert outcome.tally.leaked_px == 0


def test_a_clock_that_is_off_is_not_believed_for_turning_at_one_speed() -> None:
    """Then it shifts all samples alike, so that they agree with the pictures: only another speed shows that it is right."""
    path = stop_and_go(20.0, 0.8, 4.6, start_deg=-40.0)
    outcome = run(street(path, lambda at_s: stamped_sample(at_s, at_s + 0.2, path(at_s - 0.08)), seconds=4.6))
    assert set(outcome.between(1.3, 4.6)) == {CONTRADICTION}
    assert outcome.tally.leaked_px == 0


def test_standing_still_together_resolves_nothing() -> None:
    """A frozen register agrees with every parked camera: masks would lie where the camera looked long ago."""
    outcome = run(street(GO, register_frozen_from(GO, 1.2), seconds=8.0))
    assert set(outcome.between(2.5, 8.0)) == {CONTRADICTION}


def test_a_look_back_that_does_not_fit_resolves_nothing() -> None:
    """The picture from before is recognised, but nearly a degree aside: the register still lies."""
    path = stop_and_go(4.0, 1.5, 1.75)
    outcome = run(street(path, register_frozen_from(path, 1.2), seconds=6.0))
    assert set(outcome.between(3.0, 6.0)) == {CONTRADICTION}


def test_looking_again_where_it_looked_before_resolves_a_contradiction() -> None:
    """A bus that filled the view and drove off sets off the alarm; the picture from before says that all is well."""

    def told(at_s: float) -> PoseSample:
        return stamped_sample(at_s, at_s + 0.1, (-5.0 if not 1.5 < at_s < 2.0 else -3.0, -1.0, 0.1))

    outcome = run(street(parked, told, seconds=8.0))
    assert CONTRADICTION in outcome.between(1.5, 2.5)
    assert CONTRADICTION not in outcome.between(6.0, 8.0)


def test_a_new_process_in_mid_turn_knows_no_anchor_and_leaks_nothing() -> None:
    """A restart forgets; what it does not know it must not claim."""
    world = street(GO)
    late = [instant_s for instant_s in world.frames_s if instant_s >= 2.0]
    world.frames_s = late
    outcome = run(world)
    assert set(outcome.states[:30]) <= {"interpolated", "extrapolated", "pose-late"}
    assert outcome.tally.leaked_px == 0


def test_repeated_pictures_prove_no_stillness_for_long() -> None:
    """A camera whose video froze before it was ever seen to change may look anywhere."""
    outcome = run(street(parked, frozen_s=(0.0, 9.0), seconds=3.5))
    assert set(outcome.between(3.0, 3.5)) == {"interpolated"}


def test_a_picture_that_cannot_be_looked_at_is_grey_and_the_camera_goes_on() -> None:
    """The witness is part of the stage: whatever it raises, nothing leaks."""
    world = street(parked, seconds=1.0)
    stage = BlankingStage(parse_plan(world.plan_document))
    decider: Any = stage._decider
    whole = decider.see
    decider.see = lambda frame: 1 / 0 if 0.3 < frame.captured_s < 0.5 else whole(frame)
    for sample in world.samples:
        stage.add_sample(sample)
    decisions = {round(one.frame.captured_s, 2): one.decision for one in play(stage, world)}
    assert decisions[0.4] == BlankAll(GreyReason.ERROR)
    assert isinstance(decisions[0.8], Blank)


def test_a_bearing_apart_from_all_that_telemetry_allows_is_a_contradiction_and_no_testimony() -> None:
    """Masks drawn where both agree would be none at all."""
    world = street(parked, seconds=2.0)
    stage = BlankingStage(parse_plan(world.plan_document))
    for sample in world.samples:
        stage.add_sample(sample)
    play(stage, world)
    decider: Any = stage._decider
    eyewitness: Eyewitness = decider._eyewitness
    here, away = (PoseSweep(at, at, (0.2, 0.2, 0.02), 0.1) for at in (parked(0.0), (25.0, -1.0, 0.1)))
    assert eyewitness.testify(world.frames_s[-1], [here]) is not None
    assert not eyewitness.contradicts
    assert eyewitness.testify(world.frames_s[-1], [away]) is None
    assert eyewitness.contradicts


def test_what_happens_inside_a_mask_is_not_looked_at() -> None:
    """A curtain that moves must not move masks: corners are sought outside of them only, with room for the stated error."""
    plan = parse_plan(street(parked).plan_document)
    assert isinstance(plan, DirectionPlan)
    axes = axes_of(plan.camera_model, plan.accuracy, plan.width_px, plan.height_px)
    eyewitness = Eyewitness(plan, MaskSphere(plan), PoseTrack(plan.accuracy, axes))
    pose = (-5.0, -1.0, 0.1)
    optics = Optics(plan.camera_model, plan.width_px, plan.height_px)
    lens = LensAt(
        optics.focal_px(pose[2]),
        optics.k1_at(pose[2]),
        optics.centre_px,
        (plan.width_px, plan.height_px),
        eyewitness._roll,
    )
    cover = MaskSphere(plan).cover([PoseSweep(pose, pose, (0.0, 0.0, 0.0), 0.0)])
    assert cover is not None
    rows, columns = np.mgrid[8 : plan.height_px : 16, 8 : plan.width_px : 16]
    points = np.column_stack((columns.ravel(), rows.ravel())).astype(np.float64)
    inner = cover.mask.copy()
    for axis in (0, 1):
        for way in (-1, 1):
            inner &= np.roll(cover.mask, way, axis)
    masked = inner[rows.ravel() // 16, columns.ravel() // 16]
    kept = eyewitness._keeper(lens, pose)(points)
    assert masked.sum() > 20
    assert not kept[masked].any()
    assert kept[~cover.mask[rows.ravel() // 16, columns.ravel() // 16]].sum() > 20


def test_honest_telemetry_at_twenty_per_second_and_fast_turns_is_no_contradiction() -> None:
    """The alarm must not depend on the camera being slow."""

    def path(at_s: float) -> Pose:
        return (35.0 * math.sin(2.5 * at_s), -1.0 + 6.0 * math.sin(1.9 * at_s), 0.15 + 0.1 * math.sin(1.3 * at_s))

    outcome = run(street(path, lambda at_s: honest(path, at_s), rate_hz=20.0, seconds=3.0))
    assert CONTRADICTION not in outcome.states
    assert outcome.tally.leaked_px == 0
