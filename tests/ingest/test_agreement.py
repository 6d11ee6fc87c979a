"""Pictures and poses must be on one clock, or the mask is painted where the camera looked some time ago."""

import random

import pytest

from ingest.agreement import ClockAgreement

AHEAD_S = 1_000_000.0


class Camera:
    """A camera seen through its sender reports and its status answers, 20 pictures and 20 answers a second."""

    def __init__(self) -> None:
        self.agreement = ClockAgreement(0.01, 0.01)
        self.now_s = 50.0
        self.pose_clock_s = AHEAD_S
        self.video_clock_s = AHEAD_S
        self.reports = True
        self.answers = True
        self.rng = random.Random(3)

    def run(self, seconds: float) -> list[bool]:
        """Let time pass; return whether the clocks agreed at each picture."""
        out = []
        for _ in range(round(seconds * 20)):
            self.now_s += 0.05
            taken_s = self.now_s - self.rng.uniform(0.08, 0.12)
            camera_s = taken_s + self.video_clock_s if self.reports else None
            self.agreement.see_picture(taken_s, camera_s, self.now_s)
            if self.answers:
                took_s = self.rng.uniform(0.01, 0.03)
                stamped_s = self.now_s - self.rng.uniform(0, took_s) + self.pose_clock_s
                self.agreement.see_pose(stamped_s - self.now_s, stamped_s + 0.001 - (self.now_s - took_s), self.now_s)
            out.append(self.agreement.agreed())
        return out


def test_nothing_agrees_before_the_first_report() -> None:
    """Without it nobody knows when a picture was taken."""
    camera = Camera()
    camera.reports = False
    assert not any(camera.run(2))


def test_a_camera_in_order_agrees_from_the_first_report_on() -> None:
    """Grey has to end as soon as it may."""
    camera = Camera()
    assert all(camera.run(30)[1:])


def test_a_step_is_grey_from_the_first_new_pose_until_the_pictures_follow() -> None:
    """A camera that gets its time stamps poses anew at once, pictures only from the next sender report on."""
    for step_s in (0.2, -0.2, 5.0, -3600.0):
        camera = Camera()
        camera.run(5)
        camera.pose_clock_s += step_s
        assert not any(camera.run(4))
        camera.video_clock_s += step_s
        after = camera.run(5)
        assert after[-1]
        assert not any(after[:10])


def test_pictures_that_step_first_are_grey_until_the_poses_follow() -> None:
    """The report may be quicker than the next poll."""
    camera = Camera()
    camera.run(5)
    camera.video_clock_s += 0.3
    assert not any(camera.run(2))
    camera.pose_clock_s += 0.3
    assert camera.run(5)[-1]


def test_a_step_that_only_one_side_makes_stays_grey() -> None:
    """One of the two is now wrong, and nobody can tell which."""
    camera = Camera()
    camera.run(5)
    camera.video_clock_s += 0.1
    assert not any(camera.run(30))
    assert camera.agreement.unresolved_since_s == pytest.approx(55.05)


def test_a_new_session_learns_the_pictures_clock_anew() -> None:
    """That is how a step that does not resolve is resolved."""
    camera = Camera()
    camera.run(5)
    camera.video_clock_s += 0.1
    camera.run(5)
    camera.agreement.forget_pictures()
    assert camera.run(3)[-1]


def test_clocks_hours_apart_never_agree() -> None:
    """A camera that stamps poses with local time is off by a zone, not by a delay."""
    camera = Camera()
    camera.pose_clock_s += 7200.0
    assert not any(camera.run(5))


def test_slow_drift_is_no_step() -> None:
    """Two quartzes part by tens of microseconds a second, for ever."""
    camera = Camera()
    camera.run(2)
    for _ in range(600):
        camera.pose_clock_s += 1e-5
        camera.video_clock_s += 1e-5
        assert all(camera.run(0.1))


def test_poses_without_time_stamps_need_only_the_pictures_clock() -> None:
    """Their samples' intervals are honest by themselves."""
    camera = Camera()
    camera.answers = False
    camera.agreement.see_unstamped_pose(camera.now_s)
    assert all(camera.run(2))
