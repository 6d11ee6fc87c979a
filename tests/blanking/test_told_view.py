"""A plan of another profile shows in the field of view that the camera tells."""

from dataclasses import replace

import pytest

from blanking.decide import DirectionDecider
from blanking.decision import BlankAll, GreyReason
from blanking.plan_values import Accuracy, CameraModel, DirectionPlan
from blanking.pose import PoseSample
from blanking.told_view import ToldView

PLAN = DirectionPlan(
    640,
    360,
    CameraModel(((0.0, 60.0), (1.0, 6.0)), zoom_k1=((0.0, -0.12), (1.0, 0.0))),
    Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.01, exposure_s=0.01),
    (),
)


def sample(
    at_s: float, hfov_deg: float | None, *, zoom: float = 0.0, source: str = "poll", step: float = 0.1
) -> PoseSample:
    """A camera that stands still."""
    return PoseSample(at_s, at_s, at_s, 0.0, 0.0, zoom, False, source, hfov_deg, step)


@pytest.mark.parametrize(
    ("hfov_deg", "misfits"),
    [
        (60.0, False),
        (None, False),
        (64.5, False),
        (56.0, False),
        (80.0, True),
        (45.0, True),
        (0.0, True),
        (float("nan"), False),
    ],
)
def test_only_a_clear_difference_counts(hfov_deg: float | None, misfits: bool) -> None:  # noqa: FBT001 - a table
    """Makers state nominal figures; a crop or another sensor mode changes them by a third."""
    view = ToldView(PLAN)
    for at_s in (0.0, 0.1):
        view.see(sample(at_s, hfov_deg))
    assert view.misfits == misfits


def test_a_number_rounded_to_whole_degrees_is_given_its_room() -> None:
    """At the far end of the zoom a degree is much."""
    view = ToldView(PLAN)
    for at_s in (0.0, 0.1):
        view.see(sample(at_s, 5.0, zoom=1.0, step=0.5))
    assert not view.misfits


def test_a_lens_on_its_way_is_not_judged_and_one_that_fits_again_is_believed() -> None:
    """Zoom and field of view may be read one after the other."""
    view = ToldView(PLAN)
    for zoom in (0.0, 0.2, 0.4, 0.6):
        view.see(sample(zoom, 60.0, zoom=zoom))
    assert not view.misfits
    view.see(sample(1.0, 60.0, zoom=0.6))
    assert view.misfits
    for at_s in (1.1, 1.2):
        view.see(sample(at_s, 60.0))
    assert not view.misfits


def test_one_source_that_fits_does_not_clear_another() -> None:
    """In doubt grey."""
    view = ToldView(PLAN)
    for at_s in (0.0, 0.1):
        view.see(sample(at_s, 30.0, source="stream"))
        view.see(sample(at_s, 60.0))
    assert view.misfits


def test_everything_is_grey_under_a_plan_of_another_profile() -> None:
    """Its masks lie elsewhere."""
    decider = DirectionDecider(PLAN)
    for at_s in (0.0, 0.1, 0.2):
        decider.add(sample(at_s, 60.0))
    assert not isinstance(decider.decide(0.1), BlankAll)
    other = DirectionDecider(
        replace(PLAN, camera_model=replace(PLAN.camera_model, zoom_hfov_deg=((0.0, 40.0), (1.0, 4.0))))
    )
    for at_s in (0.0, 0.1, 0.2):
        other.add(sample(at_s, 60.0))
    assert other.decide(0.1) == BlankAll(GreyReason.PLAN_MISMATCH)
