"""Commands become movements, and silence becomes a stop."""

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from blanking.plan import parse_plan
from blanking.plan_values import DirectionPlan
from ingest.aim import pose_for_point
from ingest.ptz_control import PtzControl
from ingest.ptz_space import Preset
from vms.bus.commands import (
    PtzAbsolute,
    PtzContinuous,
    PtzGotoPreset,
    PtzPresets,
    PtzRelativeView,
    PtzStop,
    StatusQuery,
)
from vms.clock import ManualClock
from vms.errors import InvalidInput, Unavailable

PLAN = parse_plan(
    {
        "frame": {"width": 1280, "height": 720},
        "kind": "directions",
        "camera_model": {"zoom": [[0.0, 62.8], [1.0, 3.0]], "k1": [[0.0, -0.13], [1.0, 0.0]]},
        "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.02, "exposure_s": 0.01},
        "masks": [{"id": "m1", "polygon_deg": [[10, 0], [14, 0], [14, 3], [10, 3]]}],
    }
)


class FakeDevice:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.fails = 0

    def _tell(self, *what: Any) -> None:
        if self.fails:
            self.fails -= 1
            raise Unavailable("away")
        self.told.append(what)

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Note a move."""
        self._tell("move", pan, tilt, zoom)

    def stop(self) -> None:
        """Note a stop."""
        self._tell("stop")

    def go_to(self, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Note a pose."""
        self._tell("go_to", round(pan_deg, 3), round(tilt_deg, 3), zoom)

    def presets(self) -> list[Preset]:
        """List one."""
        return [Preset("1", "Plein")]

    def go_to_preset(self, preset_id: str) -> None:
        """Note a preset."""
        self._tell("preset", preset_id)


class Bench:
    """A control with everything around it."""

    def __init__(self, *, can_move: bool = True) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.device = FakeDevice()
        self.pose: Any = ((20.0, -4.0, 0.0), 0.1)
        self.plan: object = PLAN
        self.control = PtzControl(
            self.device if can_move else None,
            lambda: self.pose,
            lambda: self.plan,
            lambda: {"state": "live"},
            self.clock,
        )

    def wait(self, seconds: float) -> None:
        """Let time pass with looks in between."""
        for _ in range(round(seconds / 0.05)):
            self.clock.sleep(0.05)
            self.control.look()


def test_a_move_that_is_not_repeated_is_stopped_within_half_a_second() -> None:
    """A closed laptop must not leave a camera turning."""
    bench = Bench()
    bench.control.obey(PtzContinuous(0.5, 0, 0))
    bench.wait(0.4)
    assert bench.device.told == [("move", 0.5, 0, 0)]
    bench.wait(0.2)
    assert bench.device.told[-1] == ("stop",)
    bench.wait(5)
    assert len(bench.device.told) == 2


def test_a_repeated_move_goes_on() -> None:
    """As long as the key is held."""
    bench = Bench()
    for _ in range(5):
        bench.control.obey(PtzContinuous(0.5, 0, 0))
        bench.wait(0.3)
    assert ("stop",) not in bench.device.told


def test_a_stop_that_fails_is_tried_again() -> None:
    """A lost packet must not leave a camera turning either."""
    bench = Bench()
    bench.control.obey(PtzContinuous(0.5, 0, 0))
    bench.device.fails = 2
    bench.wait(3)
    assert bench.device.told[-1] == ("stop",)


def test_a_move_whose_answer_is_lost_is_stopped_all_the_same() -> None:
    """It may have set the camera moving."""
    bench = Bench()
    bench.device.fails = 1
    with pytest.raises(Unavailable):
        bench.control.obey(PtzContinuous(0.5, 0, 0))
    bench.wait(1)
    assert bench.device.told == [("stop",)]


def test_speed_zero_is_a_stop() -> None:
    """Some firmware takes a velocity of zero for full speed."""
    bench = Bench()
    bench.control.obey(PtzContinuous(0, 0, 0))
    assert bench.device.told == [("stop",)]


def test_commands_reach_the_camera_and_tell_the_pose() -> None:
    """The page shows where the camera looks."""
    bench = Bench()
    told = {"pose": {"pan_deg": 20.0, "tilt_deg": -4.0, "zoom": 0.0}}
    assert bench.control.obey(PtzStop()) == told
    assert bench.control.obey(PtzAbsolute(1, 2, 0.5)) == told
    assert bench.control.obey(PtzGotoPreset("1")) == told
    assert bench.control.obey(PtzPresets()) == {"presets": [{"id": "1", "name": "Plein"}]}
    assert bench.control.obey(StatusQuery()) == {"state": "live"}
    assert bench.device.told == [("stop",), ("go_to", 1, 2, 0.5), ("preset", "1")]


def test_a_fixed_camera_says_that_it_cannot_move_but_tells_its_status() -> None:
    """A clear word instead of a failing SOAP call."""
    bench = Bench(can_move=False)
    with pytest.raises(InvalidInput, match="can't be moved"):
        bench.control.obey(PtzStop())
    assert bench.control.obey(StatusQuery()) == {"state": "live"}


def test_a_click_needs_a_model_and_a_fresh_pose() -> None:
    """Turning somewhere by guess is worse than not turning."""
    bench = Bench()
    bench.plan = None
    with pytest.raises(InvalidInput, match="camera model"):
        bench.control.obey(PtzRelativeView(0.1, 0.1))
    bench.plan, bench.pose = PLAN, ((20.0, -4.0, 0.0), 5.0)
    with pytest.raises(Unavailable, match="where it looks"):
        bench.control.obey(PtzRelativeView(0.1, 0.1))


def test_a_click_in_the_middle_stays_where_it_is() -> None:
    """The identity, first."""
    bench = Bench()
    bench.control.obey(PtzRelativeView(0.0, 0.0))
    assert bench.device.told == [("go_to", 20.0, -4.0, 0.0)]


@pytest.mark.parametrize("pose", [(20.0, -4.0, 0.0), (179.0, -35.0, 0.3), (-120.0, 15.0, 1.0)])
@pytest.mark.parametrize("point", [(0.3, 0.2), (-0.45, 0.4), (0.1, -0.3)])
def test_the_point_that_was_clicked_comes_to_the_middle(
    pose: tuple[float, float, float], point: tuple[float, float]
) -> None:
    """Checked by projecting forwards with the equations of the design, section 11."""
    assert isinstance(PLAN, DirectionPlan)
    pan_deg, tilt_deg = pose_for_point(PLAN, pose, *point)
    a, e = math.radians(pan_deg), math.radians(tilt_deg)
    direction = np.array([math.cos(e) * math.sin(a), -math.sin(e), math.cos(e) * math.cos(a)])
    p, t = math.radians(pose[0]), math.radians(pose[1])
    ry = np.array([[math.cos(p), 0, -math.sin(p)], [0, 1, 0], [math.sin(p), 0, math.cos(p)]])
    rx = np.array([[1, 0, 0], [0, math.cos(t), math.sin(t)], [0, -math.sin(t), math.cos(t)]])
    x, y, z = rx @ ry @ direction
    table = PLAN.camera_model.zoom_hfov_deg
    logs = [-math.log(math.tan(math.radians(hfov) / 2)) for _, hfov in table]
    focal_px = 640 * math.exp(np.interp(pose[2], [row[0] for row in table], logs))
    k1 = float(np.interp(pose[2], [0.0, 1.0], [-0.13, 0.0]))
    scale = 1 + k1 * ((x / z) ** 2 + (y / z) ** 2)
    assert (focal_px * x / z * scale / 1280, focal_px * y / z * scale / 720) == pytest.approx(point, abs=2e-4)
