"""Looking around for the panorama: all of the range, one pose after the other, and never against a person's hand."""

import math
import threading
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from blanking.panorama import TOP_DEG
from blanking.plan import parse_plan
from blanking.plan_values import DirectionPlan
from ingest.panorama_scan import MOST_MISSED, PanoramaScanner, poses
from ingest.ptz_control import STEERED_S, PtzControl
from ingest.ptz_space import GENERIC_URI, SPHERICAL_URI, PositionSpace, PtzSpaces, Range, chosen_spaces
from tests.ingest.test_ptz_control import PLAN, FakeDevice
from vms.bus.commands import PanoramaScan, PanoramaScanCancel, PanoramaScanStatus, PtzContinuous, PtzPresets
from vms.clock import ManualClock, SystemClock
from vms.errors import Conflict, InvalidInput

DOME = chosen_spaces([PositionSpace(SPHERICAL_URI, Range(-180, 180), Range(-90, 25))], Range(0, 1))


class FakeCamera(FakeDevice):
    """A camera that is at once where it is sent, unless it is stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.at = (20.0, -4.0, 0.3)
        self.is_stuck = False

    def go_to(self, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Be there."""
        super().go_to(pan_deg, tilt_deg, zoom)
        if not self.is_stuck:
            self.at = (pan_deg, tilt_deg, zoom)

    def spaces(self) -> PtzSpaces:
        """Return what the numbers mean."""
        return DOME


class EagerPanorama:
    """Takes a picture whenever one looks whether it has."""

    def __init__(self) -> None:
        self._taken = 0
        self.stored = 0

    @property
    def taken(self) -> int:
        """Return one more each time."""
        self._taken += 1
        return self._taken

    def store_soon(self) -> None:
        """Count."""
        self.stored += 1


class Bench:
    """A scanner behind the control that operators use; its pace is a clock's that only the test's thread or the scan's waits turn."""

    def __init__(self, plan: object = PLAN) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.camera, self.panorama = FakeCamera(), EagerPanorama()
        self.gate = threading.Event()
        self.gate.set()
        self.scanner = PanoramaScanner(self.camera, self.pose, lambda: plan, self.panorama, self.clock)
        self.control = PtzControl(self.camera, self.pose, lambda: plan, dict, self.clock, scanner=self.scanner)
        self.clock.sleep(STEERED_S)

    def pose(self) -> tuple[tuple[float, float, float], float]:
        """Return where the camera is; holds the scan up while the gate is shut."""
        if threading.current_thread().name == "panorama-scan":
            assert self.gate.wait(20)
        return self.camera.at, 0.05

    def ended(self) -> dict[str, Any]:
        """Wait for the end of the scan, and return how it ended."""
        give_up_s = SystemClock().monotonic_s() + 30
        while self.scanner.running:
            assert SystemClock().monotonic_s() < give_up_s
            SystemClock().sleep(0.01)
        return self.control.obey(PanoramaScanStatus())

    @property
    def went(self) -> list[tuple[float, float, float]]:
        """Where the camera was sent."""
        return [told[1:] for told in self.camera.told if told[0] == "go_to"]


def test_it_looks_everywhere_and_goes_back() -> None:
    """A panorama with holes leads people to believe that nothing is there."""
    bench = Bench()
    bench.gate.clear()
    assert bench.control.obey(PanoramaScan("u-1"))["state"] == "running"
    bench.gate.set()
    assert bench.ended()["state"] == "done"
    assert isinstance(PLAN, DirectionPlan)
    assert len(bench.went) == len(poses(PLAN, DOME)) + 1
    assert bench.went[-1] == (20.0, -4.0, 0.3)
    assert bench.panorama.stored == 1


@pytest.mark.parametrize("shares", [False, True])
def test_every_direction_in_reach_is_in_some_picture(*, shares: bool) -> None:
    """By trigonometry of our own: an upright camera's picture holds what is within half its angles, axis by axis, with some to spare."""
    model: dict[str, Any] = {"zoom": [[0.0, 60.0], [1.0, 3.0]]}
    spaces = DOME
    if shares:
        spaces = chosen_spaces([PositionSpace(GENERIC_URI, Range(-1, 1), Range(-1, 1))], Range(0, 1))
        model |= {"register": "shares", "pan_scale": -1.0, "tilt_scale": 57.5 / 90, "tilt_offset_deg": -32.5}
    plan = parse_plan(
        {
            "frame": {"width": 1280, "height": 720},
            "kind": "directions",
            "camera_model": model,
            "accuracy": {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.02, "exposure_s": 0.01},
            "masks": [],
        }
    )
    assert isinstance(plan, DirectionPlan)
    true = [
        (plan.camera_model.pan_scale * pan, plan.camera_model.tilt_scale * tilt + plan.camera_model.tilt_offset_deg)
        for pan, tilt, _ in poses(plan, spaces)
    ]
    half_x, half_y = math.tan(math.radians(30)), math.tan(math.radians(30)) * 720 / 1280
    rng = np.random.default_rng(1)
    for azimuth, elevation in zip(rng.uniform(-180, 180, 600), rng.uniform(-85, TOP_DEG - 8, 600), strict=True):
        assert any(_in_view(azimuth, elevation, pose, half_x, half_y) for pose in true), (azimuth, elevation)
    assert len(true) < 60


def _in_view(azimuth: float, elevation: float, pose: tuple[float, float], half_x: float, half_y: float) -> bool:
    turn, e, tilt = math.radians(azimuth - pose[0]), math.radians(elevation), math.radians(pose[1])
    right, ahead, up = math.cos(e) * math.sin(turn), math.cos(e) * math.cos(turn), math.sin(e)
    depth, rise = ahead * math.cos(tilt) + up * math.sin(tilt), up * math.cos(tilt) - ahead * math.sin(tilt)
    return depth > 0 and abs(right / depth) <= half_x and abs(rise / depth) <= half_y


def test_whoever_steers_ends_it_and_keeps_the_camera() -> None:
    """An operator follows something: the camera must not run away, now or when the scan thinks it is over."""
    bench = Bench()
    bench.gate.clear()
    bench.control.obey(PanoramaScan("u-1"))
    bench.control.obey(PtzContinuous(0.5, 0.0, 0.0))
    sent = len(bench.went)
    bench.gate.set()
    assert bench.ended()["state"] == "steered"
    assert len(bench.went) == sent
    with pytest.raises(Conflict) as raised:
        bench.control.obey(PanoramaScan("u-1"))
    assert raised.value.code == "panorama.steered"
    bench.clock.sleep(STEERED_S)
    bench.control.obey(PanoramaScan("u-1"))
    bench.control.obey(PtzPresets())
    assert bench.ended()["state"] == "done"


def test_a_scan_that_is_cancelled_goes_back() -> None:
    """Whoever ends it by the button wants the camera where it was."""
    bench = Bench()
    bench.gate.clear()
    bench.control.obey(PanoramaScan("u-1"))
    with pytest.raises(Conflict):
        bench.control.obey(PanoramaScan("u-2"))
    assert bench.control.obey(PanoramaScanCancel())["state"] == "cancelled"
    bench.gate.set()
    assert bench.ended()["state"] == "cancelled"
    assert bench.went[-1] == (20.0, -4.0, 0.3)


def test_a_camera_that_does_not_get_there_ends_it() -> None:
    """It is stuck, or patrols by itself: it would take minutes to find nothing."""
    bench = Bench()
    bench.camera.is_stuck = True
    bench.control.obey(PanoramaScan("u-1"))
    ended = bench.ended()
    assert (ended["state"], ended["code"]) == ("failed", "panorama.not-there")
    assert len(bench.went) <= MOST_MISSED + 1


def test_without_a_plan_or_motors_there_is_nothing_to_look_at() -> None:
    """Everything would be grey."""
    with pytest.raises(InvalidInput) as raised:
        Bench(plan=None).control.obey(PanoramaScan("u-1"))
    assert raised.value.code == "ptz.no-model"
    fixed = PtzControl(None, lambda: None, lambda: None, dict, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(InvalidInput):
        fixed.obey(PanoramaScan("u-1"))
