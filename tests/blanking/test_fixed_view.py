"""Is a fixed camera that was moved found within two seconds, and does the weather leave it unsuspected?"""

from dataclasses import replace

import numpy as np
import pytest

from blanking.decision import GreyReason
from blanking.fixed_view.measure import displacement_rel
from blanking.fixed_view.reduced_view import hidden_part, landmarks_of, reduced_luma, reduced_view
from blanking.fixed_view.watch import FixedViewWatch, Reference, ViewState, WatchLimits
from blanking.image_cover import image_cover
from blanking.plan import parse_plan
from blanking.plan_values import ImageMask, ImagePlan
from tests.blanking.moved_campaign import (
    DAY,
    DUSK,
    GREY_WITHIN_S,
    KNOCKS,
    MARGIN_REL,
    WEATHERS,
    Count,
    knocked,
    through,
    watch_of,
)
from tests.blanking.weathered import Knock, Weather, WeatheredCamera
from vms.errors import InvalidInput

CAMERA = "spoorplein"


@pytest.fixture
def camera() -> WeatheredCamera:
    """The camera of the station square."""
    return WeatheredCamera(CAMERA)


def settled(camera: WeatheredCamera, **limits: object) -> FixedViewWatch:
    """A watch that has its landmarks."""
    watch = watch_of(camera, **limits)
    assert not any(grey for _, grey in through(watch, camera, DAY, 0.0, 4.0))
    assert watch.report().state is ViewState.IN_PLACE
    return watch


@pytest.mark.parametrize("knock", sorted(KNOCKS))
def test_a_camera_that_was_moved_is_grey_within_two_seconds(camera: WeatheredCamera, knock: str) -> None:
    """Turned, re-aimed, zoomed, cropped, mirrored or stood on its head: its masks lie where no dwelling is any more."""
    watch = settled(camera)
    camera.knock = KNOCKS[knock]
    assert camera.true_shift_rel() > MARGIN_REL
    looks = through(watch, camera, DAY, 5.0, 4.0)
    assert min(at_s for at_s, grey in looks if grey) - 5.0 <= GREY_WITHIN_S
    assert watch.grey is not None


@pytest.mark.parametrize("weather", ["snow", "leaves"])
def test_a_knock_is_found_through_falling_snow_and_moving_leaves(camera: WeatheredCamera, weather: str) -> None:
    """No single picture shows enough of the street, but the median of three does."""
    watch, shown = settled(camera), WEATHERS[weather]
    assert not any(grey for _, grey in through(watch, camera, shown, 5.0, 4.0))
    camera.knock = KNOCKS["pan 5"]
    looks = through(watch, camera, shown, 9.0, 3.0)
    assert min(at_s for at_s, grey in looks if grey) - 9.0 <= GREY_WITHIN_S
    assert watch.grey is not None


def test_a_knock_is_found_in_time_although_snow_hides_most_of_the_street() -> None:
    """Four medians decide, and each needs another picture: they must follow each other closely enough."""
    count = Count()
    knocked(WeatheredCamera("havensteeg", 2), "snow", "pan 15", count)
    assert (count.knocks, count.misses) == (1, 0)


def test_thick_fog_hides_neither_the_street_nor_a_knock() -> None:
    """A fifteenth of the contrast is left, which stands as still as a strange scene would: it must be known for what it is."""
    camera, fog = WeatheredCamera("wevergracht"), WEATHERS["thick fog"]
    watch = settled(camera)
    assert not any(grey for _, grey in through(watch, camera, fog, 6.0, 4.0))
    assert watch.report().unseen_s < 1.0
    camera.knock = KNOCKS["pan 5"]
    looks = through(watch, camera, fog, 10.0, 3.0)
    assert min(at_s for at_s, grey in looks if grey) - 10.0 <= GREY_WITHIN_S


def test_a_moved_camera_stays_grey_when_it_is_put_back(camera: WeatheredCamera) -> None:
    """Nobody knows what it showed meanwhile, nor whether it is quite where it was: persons must look."""
    watch = settled(camera)
    camera.knock = KNOCKS["pan 1.5"]
    through(watch, camera, DAY, 5.0, 3.0)
    camera.knock = Knock()
    through(watch, camera, DAY, 9.0, 20.0)
    assert watch.moved
    assert watch.grey is GreyReason.CAMERA_MOVED


def test_a_small_shift_widens_the_masks_by_more_than_it_is(camera: WeatheredCamera) -> None:
    """Within the margin that the plan states the camera goes on, and no dwelling comes out at a mask's edge."""
    watch = settled(camera)
    camera.knock = Knock(pan_deg=0.25)
    through(watch, camera, DAY, 5.0, 5.0)
    assert watch.grey is None
    assert watch.report().state is ViewState.WIDER
    assert camera.true_shift_rel() < watch.widen_rel < 2 * MARGIN_REL


@pytest.mark.parametrize(
    "weather",
    [
        replace(DAY, rain=1.0, brightness=0.7),
        replace(DAY, snow=1.0, lying_snow=0.3),
        replace(DAY, leaves=1.0),
        replace(DAY, lorry=0.45),
        replace(DAY, fog=1.0),
        replace(DAY, covered=True),
        replace(DUSK, headlights=1.0),
    ],
    ids=["rain", "snow", "leaves", "lorry", "fog", "covered", "headlights"],
)
def test_weather_traffic_and_a_covered_lens_make_nothing_grey(camera: WeatheredCamera, weather: Weather) -> None:
    """Footage is there when it is needed: most of all in bad weather."""
    watch = settled(camera)
    through(
        watch, camera, replace(weather, rain=0.0, snow=0.0, headlights=0.0, lorry=0.0, fog=0.0, covered=False), 5.0, 8.0
    )
    assert not any(grey for _, grey in through(watch, camera, weather, 80.0, 10.0))


def test_a_view_that_is_not_recognised_for_long_is_told_and_grey_where_that_is_set(camera: WeatheredCamera) -> None:
    """A lens that was covered proves nothing; but nobody would know whether it was moved under the cover."""
    covered = replace(DAY, covered=True)
    for grey_unrecognised, reason in ((False, None), (True, GreyReason.CAMERA_NOT_RECOGNISED)):
        watch = settled(camera, unrecognised_after_s=12.0, grey_unrecognised=grey_unrecognised)
        through(watch, camera, covered, 5.0, 5.0)
        assert watch.report().state is ViewState.IN_PLACE
        through(watch, camera, covered, 10.0, 8.0)
        assert watch.report().state is ViewState.NOT_RECOGNISED
        assert watch.grey is reason
        through(watch, camera, DAY, 20.0, 3.0)
        assert watch.report().state is ViewState.IN_PLACE
        assert watch.grey is None


def test_landmarks_of_other_lights_follow_and_carry_the_shift_along(camera: WeatheredCamera) -> None:
    """A camera must not creep away while day becomes night and its landmarks are taken anew."""
    watch = settled(camera)
    camera.knock = Knock(pan_deg=0.25)
    through(watch, camera, DAY, 5.0, 5.0)
    watch.refresh()
    through(watch, camera, DAY, 70.0, 6.0)
    newest = max(watch.references, key=lambda one: one.generation)
    assert newest.generation == 1
    shape = newest.marks.view.luma.shape
    assert displacement_rel(newest.moved, shape) == pytest.approx(camera.true_shift_rel(), rel=0.5)
    only = Reference(newest.marks, newest.moved, newest.generation, newest.token)
    limits = WatchLimits(MARGIN_REL, 600.0, grey_unrecognised=False)
    again = FixedViewWatch(hidden_part(camera.plan, MARGIN_REL), limits, [only], is_new=False, at_s=90.0)
    through(again, camera, DAY, 90.0, 4.0)
    assert again.report().state is ViewState.WIDER


def test_a_watch_whose_landmarks_are_gone_is_grey_until_persons_look(camera: WeatheredCamera) -> None:
    """Nothing says any more that the camera is where it was."""
    limits = WatchLimits(MARGIN_REL, 600.0, grey_unrecognised=False)
    watch = FixedViewWatch(hidden_part(camera.plan, MARGIN_REL), limits, [], is_new=False, at_s=0.0)
    through(watch, camera, DAY, 0.0, 4.0)
    assert watch.grey is GreyReason.CAMERA_NOT_RECOGNISED


def test_landmarks_that_are_erased_are_taken_anew_only_in_a_camera_seen_in_its_place_just_now(
    camera: WeatheredCamera,
) -> None:
    """Early erasure takes landmarks along; the camera goes on, and carries on what it was off by."""
    watch = settled(camera)
    watch.forget_references(4.0)
    through(watch, camera, DAY, 4.2, 3.0)
    assert watch.report().state is ViewState.IN_PLACE
    watch.forget_references(60.0)
    through(watch, camera, DAY, 61.0, 3.0)
    assert watch.grey is GreyReason.CAMERA_NOT_RECOGNISED


def test_no_landmark_holds_a_pixel_of_a_mask() -> None:
    """What is inside masks must neither be kept nor change what is outside."""
    plan = ImagePlan(960, 540, (ImageMask("m", ((0.1, 0.2), (0.55, 0.2), (0.55, 0.8), (0.1, 0.8))),))
    hidden = hidden_part(plan, MARGIN_REL)
    rng = np.random.default_rng(5)
    one = np.kron(rng.integers(0, 256, (108, 192)).astype(np.uint8), np.ones((5, 5), np.uint8))
    inside = np.kron(image_cover(plan, MARGIN_REL), np.ones((16, 16), bool))[:540, :960]
    other = np.where(inside, rng.integers(0, 256, one.shape), one).astype(np.uint8)
    views = [reduced_view(reduced_luma(luma, 270), hidden) for luma in (one, other)]
    assert np.array_equal(views[0].luma, views[1].luma)
    marks = landmarks_of(views[0], hidden)
    assert len(marks) > 50
    for x, y in marks.points_px:
        assert not hidden.beside[int(y), int(x)]


def test_a_plan_states_by_how_much_its_picture_may_shift() -> None:
    """Whoever draws a plan knows how near its dwellings are, and how its mast sways."""
    document = {"frame": {"width": 640, "height": 360}, "kind": "image", "masks": []}
    plan = parse_plan({**document, "shift_margin_rel": 0.02})
    assert isinstance(plan, ImagePlan)
    assert plan.shift_margin_rel == 0.02
    for wrong in (0.0, 0.5, "wide"):
        with pytest.raises(InvalidInput):
            parse_plan({**document, "shift_margin_rel": wrong})


def test_wider_masks_cover_all_that_they_covered_and_the_shift() -> None:
    """In every direction: nobody asks which way the camera was turned."""
    plan = ImagePlan(640, 360, (ImageMask("m", ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))),))
    stated, wider = image_cover(plan), image_cover(replace(plan, widened_rel=0.05))
    assert wider[stated].all()
    for rows, columns in ((2, 0), (-2, 0), (0, 2), (0, -2)):
        assert wider[np.roll(stated, (rows, columns), (0, 1))].all()
