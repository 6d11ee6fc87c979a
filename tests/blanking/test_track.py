"""Which poses follow from which samples."""

import math

import pytest

from blanking.decision import GreyReason
from blanking.plan_values import Accuracy
from blanking.pose import PoseSample, stamped_sample
from blanking.track import Axes, PoseSweep, PoseTrack

ACCURACY = Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.0, exposure_s=0.0)
AXES = Axes(1.0, 1.0, 0.0, 1.0, 0.01)


def track_of(*samples: PoseSample, accuracy: Accuracy = ACCURACY) -> PoseTrack:
    """Return a track that has these samples."""
    track = PoseTrack(accuracy, AXES)
    for sample in samples:
        track.add(sample)
    return track


def at(
    instant_s: float | None, pan_deg: float | None, *, arrived_s: float = 99.0, tilt: float | None = 0.0
) -> PoseSample:
    """Return a sample."""
    return stamped_sample(instant_s, arrived_s, (pan_deg, tilt, 0.0))


def sweeps(track: PoseTrack, instant_s: float, half_s: float = 0.0) -> list[PoseSweep]:
    """Return the sweeps, which must exist."""
    found = track.sweeps((instant_s - half_s, instant_s + half_s), instant_s)
    assert isinstance(found, list), found
    return found


def reach(found: list[PoseSweep]) -> tuple[float, float]:
    """Return the least and the greatest pan."""
    return (
        min(min(s.start[0], s.end[0]) - s.spread[0] for s in found),
        max(max(s.start[0], s.end[0]) + s.spread[0] for s in found),
    )


def test_between_two_samples_the_bound_is_that_of_linear_interpolation() -> None:
    """The error a T^2 / 8 in the middle: reached by a camera that swings out and back, so it may not be less."""
    low, high = reach(sweeps(track_of(at(0.0, 10.0), at(0.1, 12.0)), 0.05))
    assert high - 11.0 == pytest.approx(600 * 0.1**2 / 8)
    assert 11.0 - low == pytest.approx(600 * 0.1**2 / 8)


def test_a_sample_at_the_very_instant_of_the_frame_is_its_pose() -> None:
    """With no uncertainty at all there is no pair of samples around the frame: an empty set would mask nothing."""
    track = track_of(*(at(0.1 * i, 5.0 * i) for i in range(5)))
    assert reach(sweeps(track, 0.2)) == pytest.approx((10.0, 10.0))


def test_time_uncertainty_widens_by_speed_and_by_acceleration() -> None:
    """A sample is an interval: the path covers what the camera did meanwhile."""
    accuracy = Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.02, exposure_s=0.0)
    (sweep,) = sweeps(track_of(at(0.0, 0.0), at(0.2, 20.0), accuracy=accuracy), 0.1)
    assert sweep.start[0] == pytest.approx(20 * 0.08 / 0.20)
    assert sweep.end[0] == pytest.approx(20 * 0.12 / 0.20)
    assert sweep.spread[0] == pytest.approx(0.5 * 600 * 0.12 * 0.12)


def test_staleness_counts_backwards_only() -> None:
    """A register is old when read, never from the future."""
    accuracy = Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.0, exposure_s=0.0, staleness_s=0.05)
    (sweep,) = sweeps(track_of(at(0.0, 0.0), at(0.25, 20.0), accuracy=accuracy), 0.1)
    assert sweep.start[0] == pytest.approx(20 * 0.1 / 0.25)
    assert sweep.end[0] == pytest.approx(20 * 0.15 / 0.25)


def test_pan_is_interpolated_over_the_seam_the_short_way() -> None:
    """From 179 to -179 is two degrees, not 358."""
    low, high = reach(sweeps(track_of(at(0.0, 179.0), at(0.1, -179.0)), 0.05))
    assert 178.0 < low < 180 < high < 182.0


def test_a_camera_without_endless_pan_does_not_wrap() -> None:
    """Its stops lie at the seam: what looks like a short way is a long one, and too fast."""
    track = PoseTrack(ACCURACY, Axes(1.01, 1.0, 0.0, 1.0, 0.01))
    track.add(at(0.0, 179.0))
    track.add(at(0.1, -179.0))
    assert track.sweeps((0.05, 0.05), 0.05) is GreyReason.OVER_SPEED


def test_beyond_the_last_sample_the_pose_set_grows_to_what_speed_allows() -> None:
    """Extrapolation is by the bounds, never by hope."""
    track = track_of(at(0.0, 0.0), at(0.1, 1.0))
    spans = [reach(sweeps(track, 0.1 + later)) for later in (0.02, 0.1, 0.3, 1.0)]
    widths = [high - low for low, high in spans]
    assert widths == sorted(widths)
    assert widths[-1] <= 2 * 150 * 1.0 + 1e-6


def test_one_sample_alone_bounds_by_speed() -> None:
    """There is no slope yet."""
    assert reach(sweeps(track_of(at(0.0, 5.0)), 0.1)) == pytest.approx((5 - 15, 5 + 15))


def test_a_sample_older_than_the_limit_is_stale() -> None:
    """Design section 11: at most 1.5 s."""
    track = track_of(at(0.0, 5.0))
    assert isinstance(track.sweeps((1.4, 1.4), 1.4), list)
    assert track.sweeps((1.6, 1.6), 1.6) is GreyReason.POSE_STALE


def test_before_the_first_sample_the_pose_is_missing() -> None:
    """Nothing says where the camera came from."""
    assert track_of().sweeps((0.0, 0.0), 0.0) is GreyReason.POSE_MISSING
    assert track_of(at(1.0, 5.0)).sweeps((0.5, 0.5), 0.5) is GreyReason.POSE_MISSING


BAD = [None, math.nan, math.inf, -math.inf, 400.0, 1e9]


@pytest.mark.parametrize("pan_deg", BAD)
def test_a_bad_sample_greys_from_neighbour_to_neighbour(pan_deg: float | None) -> None:
    """A camera that does not know where it looks is not to be interpolated over."""
    track = track_of(at(0.0, 0.0), at(0.1, 0.0), at(0.2, pan_deg), at(0.3, 0.0), at(0.4, 0.0))
    assert track.sweeps((0.15, 0.15), 0.15) is GreyReason.BAD_SAMPLE
    assert track.sweeps((0.25, 0.25), 0.25) is GreyReason.BAD_SAMPLE
    assert isinstance(track.sweeps((0.05, 0.05), 0.05), list)
    assert isinstance(track.sweeps((0.35, 0.35), 0.35), list)


@pytest.mark.parametrize(("tilt", "zoom"), [(200.0, 0.5), (0.0, 1.5), (0.0, -0.2), (0.0, math.nan), (None, 0.5)])
def test_a_bad_tilt_or_zoom_counts_too(tilt: float | None, zoom: float) -> None:
    """Every part of a pose matters."""
    track = track_of(at(0.0, 0.0), stamped_sample(0.1, 99.0, (0.0, tilt, zoom)), at(0.2, 0.0))
    assert track.sweeps((0.1, 0.1), 0.1) is GreyReason.BAD_SAMPLE


def test_over_speed_disproves_the_bounds() -> None:
    """Then nothing between the samples is bounded."""
    track = track_of(*(at(0.1 * i, 0.0 if i < 3 else 20.0) for i in range(8)))
    assert track.sweeps((0.25, 0.25), 0.25) is GreyReason.OVER_SPEED


def test_over_acceleration_disproves_the_bounds() -> None:
    """A jerk that the plan excludes shows in three samples."""
    pans = [0.0, 0.0, 0.0, 10.0, 20.0, 30.0]
    track = track_of(*(at(0.1 * i, pan) for i, pan in enumerate(pans)))
    assert track.sweeps((0.22, 0.22), 0.22) is GreyReason.OVER_ACCELERATION


def test_two_poses_at_one_instant_contradict_each_other() -> None:
    """One of them is a lie, and nobody knows which."""
    track = track_of(at(0.0, 0.0), at(0.1, 0.0), at(0.1, 3.0), at(0.2, 0.0))
    assert track.sweeps((0.1, 0.1), 0.1) is GreyReason.CONTRADICTION


def test_duplicates_and_order_of_arrival_change_nothing() -> None:
    """Networks repeat and reorder."""
    samples = [at(0.1 * i, 1.0 * i) for i in range(6)]
    plain = sweeps(track_of(*samples), 0.27)
    assert sweeps(track_of(*samples[::-1], *samples), 0.27) == plain


def test_a_sample_without_time_is_somewhere_in_the_second_before_it_came() -> None:
    """Then it brackets nothing for a second."""
    track = track_of(at(0.0, 0.0), at(None, 0.0, arrived_s=1.0))
    assert not track.is_bracketed((0.3, 0.3))
    low, high = reach(sweeps(track, 0.3))
    assert high - low > 30


def test_a_stamp_from_the_future_is_no_sample() -> None:
    """A reading cannot have been made after it arrived: the clocks differ by more than the plan says."""
    track = track_of(at(0.0, 0.0, arrived_s=0.05), at(0.5, 0.0, arrived_s=0.2), at(0.25, 0.0, arrived_s=0.3))
    assert track.sweeps((0.1, 0.1), 0.1) is GreyReason.CLOCK_UNSYNCHRONISED


def test_old_samples_are_forgotten_and_the_newest_kept() -> None:
    """A worker runs for months."""
    track = track_of(*(at(0.1 * i, 0.0) for i in range(300)))
    track.forget_before(29.0)
    assert len(list(track.instants())) < 100
    assert isinstance(track.sweeps((29.05, 29.05), 29.05), list)
