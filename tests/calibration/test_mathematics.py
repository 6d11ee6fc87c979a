"""The mathematics of calibration on made-up stars: what is put in must come out, and what can't be known must be said."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from blanking.calibration import poses
from blanking.calibration.bounds import closeness, quantum_of
from blanking.calibration.dynamics import motor
from blanking.calibration.estimate import measure
from blanking.calibration.features import Features
from blanking.calibration.sight import Floats, Pose, Sight
from blanking.calibration.timing import timing
from blanking.calibration.values import Axis, Fit, Still
from blanking.calibration.verify import check, model_of
from blanking.plan_values import CameraModel
from blanking.pose import PoseSample
from vms.errors import InvalidInput

SIZE = (960, 540)
MODEL = CameraModel(
    zoom_hfov_deg=((0.0, 61.0), (0.25, 38.0), (0.5, 22.0), (0.75, 12.0), (1.0, 6.5)),
    zoom_k1=((0.0, -0.11), (0.25, -0.04), (0.5, 0.01), (1.0, 0.0)),
    principal_point_rel=(0.507, 0.489),
    tilt_scale=-0.992,
    pan_scale=-1.0,
    tilt_offset_deg=1.1,
    sensor_roll_deg=-0.9,
)
QUANTUM = 0.02
PAN, TILT = Axis(is_endless=True, quantum=QUANTUM), Axis(is_endless=False, quantum=QUANTUM)
REACH = poses.Reach(-25.0, 60.0)


class Sky:
    """Directions that can be recognised, and what a camera sees of them."""

    def __init__(self, model: CameraModel, noise_px: float = 0.2, liars: float = 0.1, *, in_base: bool = True) -> None:
        self._rng = np.random.default_rng(4)
        count = 40_000
        height = self._rng.uniform(-1, 1, count)
        turn = self._rng.uniform(0, 2 * math.pi, count)
        flat = np.sqrt(1 - height**2)
        self._stars = np.column_stack((flat * np.sin(turn), height, flat * np.cos(turn)))
        self._words = self._rng.integers(0, 256, (count, 128)).astype(np.uint8)
        self._sight = Sight(model, *SIZE, in_base=in_base)
        self._noise_px, self._liars = noise_px, liars

    def still(self, pose: Pose, stand: int) -> Still:
        """What is seen at a pose; the register rounds what it says, and some points are not where they should be."""
        pixels = self._sight.project(pose, self._stars)
        inside = np.all((pixels > 4) & (pixels < np.array(SIZE) - 4), axis=1)
        chosen = np.nonzero(inside)[0][:350]
        points = pixels[chosen] + self._rng.normal(0, self._noise_px, (len(chosen), 2))
        lies = self._rng.random(len(chosen)) < self._liars
        points[lies] += self._rng.uniform(-200, 200, (int(lies.sum()), 2))
        told = (round(pose[0] / QUANTUM) * QUANTUM, round(pose[1] / QUANTUM) * QUANTUM, round(pose[2], 3))
        return Still(told, Features(points, self._words[chosen]), stand)


def looked_around(sky: Sky, zooms: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)) -> list[Still]:
    """A grid and a zoom chain."""
    where = poses.grid((20.0, 8.0), 58.0, 34.0, REACH, 2)
    stills = [sky.still((*spot, 0.0), stand) for stand, spot in enumerate(where)]
    return stills + [sky.still((*where[0], zoom), 0) for zoom in zooms]


@pytest.fixture(scope="module")
def looked() -> tuple[Sky, list[Still], Fit]:
    """One measurement, for the tests that only read it."""
    sky = Sky(MODEL)
    stills = looked_around(sky)
    return sky, stills, measure(stills, SIZE, PAN, TILT)


def test_a_camera_is_found_again_from_what_it_sees(looked: tuple[Sky, list[Still], Fit]) -> None:
    """Focal lengths, distortion, principal point, roll, signs, scales and zero, with a tenth of the matches wrong."""
    fit = looked[2]
    found, truth = model_of(fit, *SIZE), Sight(MODEL, *SIZE)
    for zoom, log_focal in zip(fit.zooms, fit.log_focal, strict=True):
        assert math.exp(log_focal) == pytest.approx(truth.focal_px(float(zoom)), rel=2e-3)
    assert fit.k1[:2] == pytest.approx([-0.11, -0.04], abs=0.01)
    assert found.principal_point_rel == pytest.approx(MODEL.principal_point_rel, abs=1e-3)
    assert found.pan_scale == pytest.approx(-1.0, abs=1e-5)
    assert found.tilt_scale == pytest.approx(-0.992, abs=2e-3)
    assert found.tilt_offset_deg == pytest.approx(1.1, abs=0.1)
    assert found.sensor_roll_deg == pytest.approx(-0.9, abs=0.02)
    assert fit.rms_px < 0.4


def test_what_was_not_fitted_lies_within_what_is_stated(looked: tuple[Sky, list[Still], Fit]) -> None:
    """The bound comes from pictures that the fit never saw; one with another lens breaks it."""
    sky, stills, fit = looked
    model = model_of(fit, *SIZE)
    asked = [(23.0, 9.0, 0.12), (16.0, 6.0, 0.33), (21.0, 8.5, 0.61)]
    checks = [check(model, SIZE, stills, sky.still(pose, 99)) for pose in asked]
    assert all(checks)
    stated = closeness(fit, [one for one in checks if one], PAN, TILT, 0.001)
    assert stated.pan_tilt_deg < 0.2
    assert stated.zoom_rel < 0.02
    other = replace(MODEL, principal_point_rel=(0.53, 0.489))
    bad = check(model, SIZE, stills, Sky(other).still(asked[0], 99))
    assert bad is not None
    assert bad.shift_deg > stated.pan_tilt_deg


def test_without_detail_nothing_is_claimed() -> None:
    """At night the honest answer is that it can't be done."""
    sky = Sky(MODEL, liars=1.0)
    with pytest.raises(InvalidInput) as refused:
        measure(looked_around(sky, ())[:6], SIZE, PAN, TILT)
    assert refused.value.code.startswith("calibration.")


def test_digital_zoom_is_not_taken_for_a_lens(looked: tuple[Sky, list[Still], Fit]) -> None:
    """Pictures that no camera of this kind can have made are refused."""
    stills = looked[1][:5]
    rng = np.random.default_rng(1)
    for index in range(1, len(stills)):
        points = stills[index].features.points_px
        bent = points + 14.0 * np.sin(points[:, ::-1] / 60.0 + rng.uniform(0, 6))
        stills[index] = replace(stills[index], features=Features(bent, stills[index].features.descriptors))
    with pytest.raises(InvalidInput):
        measure(stills, SIZE, PAN, TILT)


def _gone(top: float, ramp: float, length: float) -> Callable[[Floats], Floats]:
    def at(seconds: Floats) -> Floats:
        up = np.clip(seconds, 0, None)
        down = np.clip(seconds - length, 0, None)
        acceleration = top / ramp
        part = [np.where(t < ramp, 0.5 * acceleration * t * t, top * (t - ramp / 2)) for t in (up, down)]
        return np.asarray(part[0] - part[1])

    return at


@pytest.mark.parametrize(("rate_hz", "stale_s"), [(20.0, 0.0), (10.0, 0.0), (20.0, 0.1)])
def test_a_motor_is_bounded_from_above_by_what_its_register_said(rate_hz: float, stale_s: float) -> None:
    """A bound that is too low greys the picture in every quick turn, one far too high greys the street."""
    top, ramp = 88.0, 0.4
    times = np.arange(0.0, 3.5, 1 / rate_hz)
    read = np.floor(times / stale_s) * stale_s if stale_s else times
    moves = [(times, np.round((10.0 + way * _gone(top, ramp, 1.4)(read - 0.6)) / 0.05) * 0.05) for way in (1.0, -1.0)]
    found = motor(moves)
    assert top <= found.speed_bound <= 1.6 * top
    assert top / ramp <= found.acceleration_bound <= 6.0 * top / ramp


def test_a_motor_that_does_not_move_is_no_motor() -> None:
    """A camera that ignores its commands must not get a bound of zero."""
    times = np.arange(0.0, 3.0, 0.1)
    with pytest.raises(InvalidInput, match="speed"):
        motor([(times, np.full(len(times), 5.0))])


def _swings(lag_s: float, refresh_s: float) -> tuple[Floats, list[PoseSample]]:
    def pan(at_s: float) -> float:
        phase = at_s % 2.0
        return 18.0 * (phase if phase < 1.0 else 2.0 - phase)

    track = np.array([(t, pan(t)) for t in np.arange(0.0, 8.0, 1 / 15)])
    samples = []
    for at_s in np.arange(0.5, 7.5, 0.05):
        read_s = at_s - lag_s
        read_s = math.floor(read_s / refresh_s) * refresh_s if refresh_s else read_s
        samples.append(PoseSample(at_s - 0.001, at_s + 0.001, at_s + 0.03, round(pan(read_s) / 0.02) * 0.02, 0.0, 0.0))
    return track, samples


@pytest.mark.parametrize(("lag_s", "refresh_s"), [(0.0, 0.0), (0.06, 0.0), (0.03, 0.1)])
def test_lag_and_refresh_of_the_register_are_covered(lag_s: float, refresh_s: float) -> None:
    """Hidden staleness leaks: the bound must hold it all, and not much more."""
    found = timing(*_swings(lag_s, refresh_s), 0.02)
    assert lag_s + refresh_s - 0.006 <= found.staleness_s + found.time_s <= 1.5 * (lag_s + refresh_s) + 0.03
    assert found.lag_s == pytest.approx(lag_s + refresh_s / 2, abs=0.02)


def test_a_picture_recognised_in_the_wrong_place_does_not_spoil_the_timing() -> None:
    """One bad match in a hundred must not make the whole street grey."""
    track, samples = _swings(0.04, 0.0)
    track[50, 1] += 4.0
    assert timing(track, samples, 0.02).staleness_s < 0.1


def test_too_few_recognised_pictures_are_no_timing() -> None:
    """No guess takes the place of a measurement."""
    track, samples = _swings(0.04, 0.0)
    with pytest.raises(InvalidInput, match="too few pictures"):
        timing(track[:4], samples, 0.02)


def test_the_rounding_of_a_register_is_seen_in_what_it_says() -> None:
    """It bounds every direction from below."""
    assert quantum_of([round(v / 0.05) * 0.05 for v in np.linspace(0, 7, 200)], 1.0) == pytest.approx(0.05)
    assert quantum_of([3.0, 3.0], 0.1) == 0.1


def test_the_poses_stay_where_the_camera_can_go() -> None:
    """A command outside of its range is refused by the camera, and the run would fail."""
    reach = poses.Reach(-20.0, 5.0, -90.0, 90.0, is_endless=False)
    where = poses.grid((85.0, 4.0), 60.0, 35.0, reach, 3)
    assert len(where) >= 8
    assert all(-90.0 <= pan <= 90.0 and -20.0 <= tilt <= 5.0 for pan, tilt in where)
