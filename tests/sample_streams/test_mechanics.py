"""The motors obey their limits, whatever they are told."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from sample_streams.device.mechanics import STEP_S, AxisLimits, Limits, Mechanics, Pose

speeds = st.floats(-120, 120)
commands = st.lists(
    st.one_of(
        st.tuples(st.just("run"), speeds, speeds, st.floats(-1, 1)),
        st.tuples(st.just("go"), st.floats(-179, 179), st.floats(-60, 25), st.floats(0, 1)),
        st.tuples(st.just("stop"), st.just(0.0), st.just(0.0), st.just(0.0)),
    ),
    min_size=1,
    max_size=6,
)


def _carry_out(mechanics: Mechanics, now_s: float, command: tuple[str, float, float, float]) -> None:
    kind, pan, tilt, zoom = command
    if kind == "run":
        mechanics.run(now_s, pan, tilt, zoom)
    elif kind == "go":
        mechanics.move_to(now_s, pan, tilt, zoom)
    else:
        mechanics.stop(now_s)


@settings(max_examples=40, deadline=None)
@given(commands=commands, gap_steps=st.integers(1, 300))
def test_speed_and_acceleration_stay_within_their_limits(
    commands: list[tuple[str, float, float, float]], gap_steps: int
) -> None:
    """The plan states bounds of speed and acceleration; masks are only as safe as those are true."""
    limits = Limits()
    mechanics = Mechanics(limits, Pose(0, 0, 0.2), 0.0)
    now, before = 0.0, mechanics.speeds()
    for command in commands:
        _carry_out(mechanics, now, command)
        for _ in range(gap_steps):
            now += STEP_S
            mechanics.advance(now)
            after = mechanics.speeds()
            for axis, a, b in zip((limits.pan, limits.tilt, limits.zoom), before, after, strict=True):
                assert abs(b) <= axis.top_speed + 1e-9
                assert abs(b - a) <= 2 * axis.acceleration * STEP_S + 1e-6  # an advance may hold two steps
            before = after


@settings(max_examples=40, deadline=None)
@given(commands=commands)
def test_soft_limits_are_never_passed(commands: list[tuple[str, float, float, float]]) -> None:
    """A camera that runs into its end stop would report what is not true."""
    limits = Limits()
    mechanics = Mechanics(limits, Pose(0, 0, 0.2), 0.0)
    now = 0.0
    for command in commands:
        _carry_out(mechanics, now, command)
        for _ in range(40):
            now += 0.05
            pose = mechanics.pose_at(now)
            assert limits.tilt.low - 0.01 <= pose.tilt_deg <= limits.tilt.high + 0.01
            assert -0.0005 <= pose.zoom <= 1.0005
            assert -180 <= pose.pan_deg < 180


@settings(max_examples=60, deadline=None)
@given(pan=st.floats(-180, 179.9), tilt=st.floats(-60, 25), zoom=st.floats(0, 1))
def test_an_absolute_move_ends_at_its_target(pan: float, tilt: float, zoom: float) -> None:
    """A preset that stops beside its target would show something else than what was approved."""
    mechanics = Mechanics(Limits(), Pose(10, -10, 0.5), 0.0)
    mechanics.move_to(0.0, pan, tilt, zoom)
    pose = mechanics.pose_at(12.0)
    assert abs((pose.pan_deg - pan + 180) % 360 - 180) < 1e-6
    assert math.isclose(pose.tilt_deg, tilt, abs_tol=1e-6)
    assert math.isclose(pose.zoom, zoom, abs_tol=1e-6)
    assert mechanics.is_moving() == (False, False)


def test_the_shorter_way_is_taken_across_the_back() -> None:
    """An endless camera that turns the long way round would surprise whoever sent it to a preset."""
    mechanics = Mechanics(Limits(), Pose(170, 0, 0), 0.0)
    mechanics.move_to(0.0, -170, None, None)
    on_the_way = [mechanics.pose_at(0.1 * i).pan_deg for i in range(1, 30)]
    assert all(abs(pan) >= 169.9 for pan in on_the_way)
    assert abs(mechanics.pose_at(5.0).pan_deg + 170) < 1e-6


def test_a_timeout_stops_a_continuous_move() -> None:
    """A client that dies while the camera pans must not leave it panning."""
    mechanics = Mechanics(Limits(), Pose(0, 0, 0), 0.0)
    mechanics.run(0.0, 40.0, None, None, timeout_s=1.0)
    assert mechanics.pose_at(0.9).pan_deg > 20
    resting = mechanics.pose_at(3.0).pan_deg
    assert mechanics.pose_at(5.0).pan_deg == resting
    assert 35 < resting < 50


def test_the_past_can_be_asked_for() -> None:
    """Exposure start and telemetry lag are both about a moment that has gone."""
    mechanics = Mechanics(Limits(pan=AxisLimits(-180, 180, 50, 1e6, is_endless=True)), Pose(0, 0, 0), 0.0)
    mechanics.run(0.0, 50.0, None, None)
    mechanics.advance(2.0)
    assert math.isclose(mechanics.pose_at(1.0).pan_deg, 50.0, abs_tol=0.2)
    assert math.isclose(mechanics.pose_at(1.5).pan_deg - mechanics.pose_at(1.0).pan_deg, 25.0, abs_tol=0.01)
