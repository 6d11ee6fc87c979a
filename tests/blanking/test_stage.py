"""The stage: each frame once, in order, in time, and grey when in doubt."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from blanking.decision import Blank, BlankAll, GreyReason, PoseSource
from blanking.plan import ImagePlan, parse_plan
from blanking.pose import PoseSample, stamped_sample
from blanking.stage import BlankingStage, Released
from tests.blanking.conftest import raw_frame


def still(at_s: float, arrived_s: float | None = None, pan_deg: float | None = 0.0) -> PoseSample:
    """Return a sample of a parked camera."""
    return stamped_sample(at_s, at_s + 0.1 if arrived_s is None else arrived_s, (pan_deg, 0.0, 0.0))


@pytest.fixture
def stage(plan_document: dict[str, Any]) -> BlankingStage:
    """Return a stage with samples every tenth of a second that arrive a tenth later."""
    made = BlankingStage(parse_plan(plan_document))
    for i in range(-5, 30):
        made.add_sample(still(i / 10))
    return made


def reason_of(released: Released) -> GreyReason | None:
    """Return why a frame is grey."""
    return released.decision.reason if isinstance(released.decision, BlankAll) else None


def test_a_frame_waits_for_a_sample_from_after_it(stage: BlankingStage) -> None:
    """Not for long, and not shorter."""
    stage.add_frame(raw_frame(0.05), 0.05)
    assert stage.release(0.15) == []
    (released,) = stage.release(0.2)
    assert isinstance(released.decision, Blank)
    assert released.released_s == 0.2
    assert 0 < released.grey_rel < 0.3


def test_the_middle_of_a_dwelling_straight_ahead_is_grey(stage: BlankingStage) -> None:
    """The plan's mask surrounds the axis."""
    stage.add_frame(raw_frame(1.0), 1.0)
    (released,) = stage.release(1.25)
    assert released.frame.buffer[180, 320] == 128
    assert released.frame.buffer[5, 5] == 235


def test_at_its_deadline_a_frame_leaves_without_telemetry(plan_document: dict[str, Any]) -> None:
    """The hold is bounded; what is unknown is then grey."""
    stage = BlankingStage(parse_plan(plan_document), max_delay_s=0.3)
    stage.add_frame(raw_frame(0.0), 0.0)
    assert stage.next_deadline_s() == 0.3
    assert stage.release(0.29) == []
    (released,) = stage.release(0.3)
    assert reason_of(released) is GreyReason.POSE_MISSING
    assert (released.frame.buffer == 128).all()
    assert stage.next_deadline_s() is None


def test_a_sample_that_has_not_arrived_does_not_count(plan_document: dict[str, Any]) -> None:
    """Knowing the future would make tests pass and cameras leak."""
    stage = BlankingStage(parse_plan(plan_document))
    stage.add_sample(still(0.0, arrived_s=0.05))
    stage.add_sample(still(0.1, arrived_s=5.0))
    stage.add_frame(raw_frame(0.05), 0.05)
    assert stage.release(0.3) == []
    (released,) = stage.release(0.35)
    assert released.released_s == 0.35
    late = released.margin_px if isinstance(released.decision, Blank) else float("inf")
    stage.add_frame(raw_frame(0.05), 0.05)
    (again,) = stage.release(5.0)
    assert again.margin_px < late


@pytest.mark.parametrize("told_in_shares", [True, False])
def test_a_plan_for_degrees_is_no_plan_for_shares(plan_document: dict[str, Any], *, told_in_shares: bool) -> None:
    """The same number means another direction: a camera that was set to other units must not be blanked by the old scales."""
    if not told_in_shares:
        plan_document["camera_model"] |= {"register": "shares", "pan_scale": 1.0, "tilt_scale": 0.5}
    stage = BlankingStage(parse_plan(plan_document))
    for i in range(-5, 30):
        stage.add_sample(replace(still(i / 10), in_shares=told_in_shares))
    stage.add_frame(raw_frame(1.0), 1.0)
    (released,) = stage.release(1.3)
    assert reason_of(released) is GreyReason.REGISTER_MISMATCH
    for i in range(30, 50):
        stage.add_sample(replace(still(i / 10), in_shares=not told_in_shares))
    stage.add_frame(raw_frame(4.0), 4.0)
    (again,) = stage.release(4.3)
    assert isinstance(again.decision, Blank)


@pytest.mark.parametrize(
    ("tilt_deg", "reason"), [(-89.0, None), (-89.97, "e-flip"), (-95.0, "e-flip"), (95.0, "e-flip")]
)
def test_past_straight_down_or_up_nobody_knows_which_way_the_picture_stands(
    plan_document: dict[str, Any], tilt_deg: float, reason: str | None
) -> None:
    """Cameras turn it around there (e-flip) when that is switched on: masks would lie on the other side."""
    stage = BlankingStage(parse_plan(plan_document))
    for i in range(-5, 30):
        stage.add_sample(replace(still(i / 10), tilt_deg=tilt_deg))
    stage.add_frame(raw_frame(1.0), 1.0)
    (released,) = stage.release(1.3)
    assert reason_of(released) == reason


def test_a_frame_says_where_its_pose_came_from(plan_document: dict[str, Any]) -> None:
    """The blanking record of a segment tells it, so it must be true."""
    stage = BlankingStage(parse_plan(plan_document))
    for at_s in (-0.2, 0.0, 0.1):
        stage.add_sample(still(at_s))
    stage.add_frame(raw_frame(0.05), 0.05)
    stage.add_frame(raw_frame(0.15), 0.15)
    stage.add_frame(raw_frame(9.0), 9.0)
    decisions = [one.decision for one in stage.flush(9.0)]
    assert [getattr(one, "source", None) for one in decisions] == [
        PoseSource.INTERPOLATED,
        PoseSource.EXTRAPOLATED,
        None,
    ]
    assert stage.sources == {"interpolated": 1, "extrapolated": 1}


def test_frames_leave_in_order_and_once(stage: BlankingStage) -> None:
    """Players and files need that."""
    for i in range(20):
        stage.add_frame(raw_frame(i / 25), i / 25)
    out = [one.frame.captured_s for now in range(20) for one in stage.release(now / 10)]
    assert out == [i / 25 for i in range(20)]
    assert stage.flush(9.0) == []
    assert stage.counts == {"blank": 20}


def test_without_a_plan_everything_is_grey() -> None:
    """No plan, no picture."""
    stage = BlankingStage(None)
    stage.add_frame(raw_frame(0.0), 0.0)
    (released,) = stage.release(0.0)
    assert reason_of(released) is GreyReason.PLAN_MISSING


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (raw_frame(0.0, width=320, height=180), GreyReason.SIZE_MISMATCH),
        (raw_frame(0.0, pixel_format="yuv422p10le"), GreyReason.PIXEL_FORMAT),
        (raw_frame(float("nan")), GreyReason.CLOCK_UNSYNCHRONISED),
    ],
    ids=["size", "format", "instant"],
)
def test_an_unsuitable_frame_is_grey_in_the_plan_s_size(stage: BlankingStage, frame: Any, reason: GreyReason) -> None:
    """Each condition has its own reason."""
    stage.add_frame(frame, 0.0)
    (released,) = stage.flush(0.5)
    assert reason_of(released) is reason
    assert (released.frame.width_px, released.frame.height_px) == (640, 360)
    assert stage.counts == {reason: 1}


def test_masks_fixed_in_the_picture_hold_at_any_instant() -> None:
    """A fixed camera whose pictures have no usable instants is masked as ever."""
    stage = BlankingStage(ImagePlan(640, 360, ()))
    stage.add_frame(raw_frame(float("nan")), 0.0)
    (released,) = stage.release(0.0)
    assert released.decision == Blank((), 0.0, PoseSource.FIXED)


def test_a_reason_from_outside_greys_at_once(stage: BlankingStage) -> None:
    """A lost picture needs no telemetry to be grey."""
    stage.add_frame(raw_frame(0.0), 0.0, GreyReason.LOST_PICTURE)
    (released,) = stage.release(0.0)
    assert reason_of(released) is GreyReason.LOST_PICTURE


def test_an_error_while_blanking_greys_the_frame(stage: BlankingStage) -> None:
    """Whatever raises, nothing leaks and the camera goes on."""
    broken = raw_frame(0.0)
    broken.planes = (broken.planes[0], broken.planes[1], np.zeros((3, 3), np.uint8))
    stage.add_frame(broken, 0.0)
    stage.add_frame(raw_frame(0.04), 0.04)
    first, second = stage.flush(0.5)
    assert reason_of(first) is GreyReason.ERROR
    assert (first.frame.buffer == 128).all()
    assert isinstance(second.decision, Blank)


def test_a_full_queue_greys_the_oldest(plan_document: dict[str, Any]) -> None:
    """Memory is bounded, and so is what a stuck telemetry can cost."""
    stage = BlankingStage(parse_plan(plan_document), max_delay_s=60.0, most_waiting=3)
    for i in range(5):
        stage.add_frame(raw_frame(i / 25), i / 25)
    assert [reason_of(one) for one in stage.release(0.2)] == [GreyReason.QUEUE_OVERFLOW] * 2


def test_after_an_outage_the_picture_is_back_within_two_seconds(plan_document: dict[str, Any]) -> None:
    """Grey protects the dwellings; too much of it blinds the street."""
    stage = BlankingStage(parse_plan(plan_document))
    for i in range(100):
        if not 20 <= i < 60:
            stage.add_sample(still(i / 10))
    states = []
    for i in range(100):
        stage.add_frame(raw_frame(i / 10), i / 10)
        states += [(one.frame.captured_s, reason_of(one)) for one in stage.release(i / 10)]
    grey = [captured_s for captured_s, reason in states if reason is not None]
    assert any(3.5 < captured_s < 5.9 for captured_s in grey)
    assert all(captured_s < 6.0 + 0.5 for captured_s in grey)


def test_a_fixed_camera_is_blanked_at_once() -> None:
    """There is no pose to wait for."""
    document = {
        "frame": {"width": 640, "height": 360},
        "kind": "image",
        "masks": [{"id": "a", "polygon_rel": [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.5, 0.4], [0.25, 0.75]]}],
    }
    stage = BlankingStage(parse_plan(document))
    stage.add_frame(raw_frame(0.0), 0.0)
    (released,) = stage.release(0.0)
    luma = released.frame.buffer[:360]
    assert (luma[90:145, 160:480] == 128).all()
    assert luma[260, 320] == 235
    assert luma[0, 0] == 235
