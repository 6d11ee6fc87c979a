"""One scene per term of the bound: in each, that term alone keeps a dwelling hidden, and the camera uses it up to the last bit.

The random campaign draws everything at once and rarely hits a bound exactly; these scenes do, so that a term that is left out of the
code shows at once (tests/mutants leaves each of them out).
"""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from blanking.pose import PoseSample, stamped_sample
from tests.blanking.truth import Dwelling, Pose, TrueCamera
from tests.blanking.worlds import Tally, World, run_world

WIDTH, HEIGHT = 640, 360
SECONDS, FPS, RATE_HZ = 1.2, 7.3, 10.0
WIDE_DEG, TELE_DEG = 60.0, 6.0
ACCURACY = {
    "pan_tilt_deg": 0.01,
    "zoom_rel": 0.001,
    "time_s": 0.0,
    "exposure_s": 0.0,
    "max_speed_deg_s": 150.0,
    "max_acceleration_deg_s2": 40.0,
    "max_zoom_rate": 1.0,
    "max_zoom_acceleration": 0.5,
}


def parked(_at_s: float) -> Pose:
    """A camera that stands still."""
    return (0.0, 0.0, 0.0)


def panning(at_s: float) -> Pose:
    """A steady pan: 100 degrees a second, no acceleration."""
    return (100.0 * at_s - 60.0, 0.0, 0.0)


def hidden_swing(acceleration: float, gap_s: float) -> Callable[[float], float]:
    """A swing at full acceleration that is back at 0 whenever a sample is taken: no sample tells of it."""

    def at(at_s: float) -> float:
        index, rest_s = divmod(at_s, gap_s)
        return (-1.0 if int(index) % 2 else 1.0) * 0.5 * acceleration * rest_s * (gap_s - rest_s)

    return at


def lens(zoom: float) -> float:
    """Zoom to field of view, linear in the logarithm of the focal length."""
    wide, tele = (math.log(math.tan(math.radians(angle) / 2)) for angle in (WIDE_DEG, TELE_DEG))
    return math.degrees(2 * math.atan(math.exp(wide + zoom * (tele - wide))))


def told(pose_at: Callable[[float], Pose], *, shift_s: float = 0.0, stale_s: float = 0.0) -> list[PoseSample]:
    """What the camera says: stamped `shift_s` late, read from a register that is `stale_s` old."""
    out = []
    for number in range(-10, int((SECONDS + 1) * RATE_HZ)):
        at_s = number / RATE_HZ
        pan, tilt, zoom = pose_at(at_s - stale_s)
        out.append(stamped_sample(at_s + shift_s, at_s + 0.05, (math.remainder(pan, 360.0), tilt, zoom)))
    return out


def houses(
    pans_deg: tuple[float, float], size_deg: float = 1.5, count: int = 40, tilt_deg: float = 15.0
) -> list[Dwelling]:
    """Small dwellings all over a stretch of the street, so that some of them end just before a block does."""
    rng = random.Random(7)
    out = []
    for _ in range(count):
        azimuth, elevation = rng.uniform(*pans_deg), rng.uniform(-tilt_deg, tilt_deg)
        half = size_deg * rng.uniform(0.3, 1.0) / 2
        out.append(
            Dwelling(
                (
                    (azimuth - half, elevation - half),
                    (azimuth + half, elevation - half),
                    (azimuth + half, elevation + half),
                    (azimuth - half, elevation + half),
                )
            )
        )
    return out


def scene(
    pose_at: Callable[[float], Pose] = parked,
    dwellings: list[Dwelling] | None = None,
    *,
    samples: list[PoseSample] | None = None,
    accuracy: dict[str, float] | None = None,
    model: dict[str, Any] | None = None,
    true: dict[str, Any] | None = None,
    drawn: list[Dwelling] | None = None,
) -> World:
    """Return a world.

    Args:
        pose_at: what the camera does.
        samples: what it says; the truth, exactly, if not given.
        accuracy: what the plan allows beyond next to nothing.
        model: what the plan's camera model says beyond the plain camera.
        true: how the camera differs from the plain one (fields of `TrueCamera`).
        drawn: the masks, where they are not exactly the dwellings.
    """
    found = houses((-25.0, 25.0)) if dwellings is None else dwellings
    camera = TrueCamera(WIDTH, HEIGHT, lens, lambda _zoom: 0.0, (0.5, 0.5), (0.0, 0.0, 0.0), (1.0, 1.0), pose_at, 0.0)
    plan: dict[str, object] = {
        "frame": {"width": WIDTH, "height": HEIGHT},
        "kind": "directions",
        "camera_model": {"zoom": [[0.0, WIDE_DEG], [1.0, TELE_DEG]]} | (model or {}),
        "accuracy": ACCURACY | (accuracy or {}),
        "masks": [
            {"id": f"m{i}", "polygon_deg": [list(p) for p in d.polygon_deg]} for i, d in enumerate(drawn or found)
        ],
    }
    frames_s = [number / FPS for number in range(int(SECONDS * FPS))]
    return World(plan, replace(camera, **(true or {})), found, frames_s, samples or told(pose_at), 0.3)


def exposure() -> World:
    """A long exposure during a fast pan: the dwelling is smeared over four degrees."""
    return scene(panning, houses((-90.0, 90.0), count=60), accuracy={"exposure_s": 0.04}, true={"exposure_s": 0.04})


def late_stamps() -> World:
    """Samples stamped as late as the plan allows, during a fast pan."""
    samples = told(panning, shift_s=0.03)
    return scene(panning, houses((-90.0, 90.0), count=60), samples=samples, accuracy={"time_s": 0.03})


def early_stamps() -> World:
    """Samples stamped as early as the plan allows."""
    samples = told(panning, shift_s=-0.03)
    return scene(panning, houses((-90.0, 90.0), count=60), samples=samples, accuracy={"time_s": 0.03})


def stale_register() -> World:
    """A register as old as the plan allows, during a fast pan."""
    samples = told(panning, stale_s=0.05)
    return scene(panning, houses((-90.0, 90.0), count=60), samples=samples, accuracy={"staleness_s": 0.05})


def swing_in_pan() -> World:
    """Back and forth between two samples, by the plan's own acceleration."""
    swing = hidden_swing(1500.0, 1 / RATE_HZ)
    return scene(lambda t: (swing(t), 0.0, 0.0), accuracy={"max_acceleration_deg_s2": 1500.0})


def swing_in_zoom() -> World:
    """In and out between two samples."""
    swing = hidden_swing(60.0, 1 / RATE_HZ)
    return scene(
        lambda t: (0.0, 0.0, 0.5 + swing(t)),
        houses((-12.0, 12.0), size_deg=0.6, count=80, tilt_deg=7.0),
        accuracy={"max_zoom_acceleration": 60.0, "max_zoom_rate": 4.0},
    )


def shifted_axes() -> World:
    """Calibration off by all that the plan allows."""
    return scene(accuracy={"pan_tilt_deg": 2.0}, true={"pose_at": lambda _t: (1.35, 1.35, 0.0)}, samples=told(parked))


def stretched_picture() -> World:
    """A focal length off by all that the plan allows."""
    tight = {"hfov_deg": lambda zoom: 2 * math.degrees(math.atan(math.tan(math.radians(lens(zoom)) / 2) / 1.099))}
    return scene(accuracy={"zoom_rel": 0.1}, true=tight)


def outlines_beside() -> World:
    """Masks drawn as far beside their dwellings, and a lens as far off its axes, as the plan allows."""
    found = houses((-25.0, 25.0))
    lower = [Dwelling(tuple((azimuth, elevation - 1.99) for azimuth, elevation in one.polygon_deg)) for one in found]
    return scene(dwellings=found, drawn=lower, accuracy={"drawing_deg": 1.0, "parallax_deg": 1.0})


def bent_picture() -> World:
    """A lens that draws in its corners."""
    return scene(
        dwellings=houses((-33.0, 33.0), count=80, tilt_deg=19.0),
        model={"k1": [[0.0, -0.25]]},
        true={"k1": lambda _zoom: -0.25},
    )


def crooked_mount() -> World:
    """A base that leans and is turned."""
    mount = {"pan": 20.0, "tilt": 6.0, "roll": -9.0}
    return scene(
        dwellings=houses((-45.0, 5.0)),
        model={"mount_deg": {"pan": 20.0, "tilt": 6.0, "roll": -9.0}},
        true={"mount_deg": tuple(mount.values())},
    )


def shifted_centre() -> World:
    """An optical axis beside the middle of the picture."""
    return scene(model={"principal_point": [0.42, 0.57]}, true={"centre_rel": (0.42, 0.57)})


def scaled_axes() -> World:
    """Axes whose degrees are not degrees."""
    pose_at = lambda t: (30.0 * t, 5.0 * t, 0.0)  # noqa: E731 - one line says it best
    return scene(
        pose_at,
        houses((-25.0, 70.0), count=90),
        model={"pan_scale": 1.3, "tilt_scale": 0.8},
        true={"scales": (1.3, 0.8)},
    )


def turned_sensor() -> World:
    """A sensor that is turned in the camera, and a tilt axis whose zero is not level."""
    return scene(
        lambda t: (8.0 * t, 0.0, 0.0),
        model={"sensor_roll_deg": 7.0, "tilt_offset_deg": -5.0},
        true={"offset_and_roll_deg": (-5.0, 7.0)},
    )


def over_the_seam() -> World:
    """A pan over the seam of the axis, past dwellings that lie on it."""
    return scene(lambda t: (150.0 + 60.0 * t, 0.0, 0.0), houses((130.0, 230.0), count=60))


def around_the_camera() -> World:
    """Dwellings that begin in the view and end behind the camera: dividing by depth before clipping turns them inside out."""
    strip = Dwelling(((22.0, -12.0), (150.0, -30.0), (150.0, 40.0), (22.0, 9.0)))
    other = Dwelling(((-21.0, -14.0), (-21.0, 3.0), (-140.0, 55.0), (-120.0, -45.0)))
    return scene(lambda t: (9.0 * t - 5.0, -4.0 * t, 0.0), [strip, other])


def straight_down() -> World:
    """Under the camera, a little pan turns everything."""
    ring = Dwelling(tuple((azimuth, -83.0) for azimuth in range(0, 360, 60)))
    return scene(lambda t: (70.0 * t, -84.0, 0.0), [ring, *houses((-180.0, 180.0), size_deg=4.0, count=60)])


def fast_and_close() -> World:
    """A fast pan at long zoom: what is outside of the view at both ends of a step crosses it in between."""
    return scene(
        lambda t: (80.0 * t - 40.0, 0.0, 0.8),
        houses((-60.0, 60.0), size_deg=0.5, count=120, tilt_deg=1.5),
        accuracy={"exposure_s": 0.04},
        true={"exposure_s": 0.04},
    )


HAZARDS: dict[str, Callable[[], World]] = {
    make.__name__: make
    for make in (
        exposure,
        late_stamps,
        early_stamps,
        stale_register,
        swing_in_pan,
        swing_in_zoom,
        shifted_axes,
        stretched_picture,
        outlines_beside,
        bent_picture,
        crooked_mount,
        shifted_centre,
        scaled_axes,
        turned_sensor,
        over_the_seam,
        around_the_camera,
        straight_down,
        fast_and_close,
    )
}


@pytest.mark.parametrize("name", HAZARDS)
def test_the_dwelling_stays_hidden_when_a_bound_is_used_up(name: str) -> None:
    """Each term of the bound for itself; and no term may be bought with a wholly grey picture."""
    tally = Tally()
    run_world(HAZARDS[name](), tally, stride_px=5)
    assert tally.leaked_px == 0, tally.leaks
    assert tally.frames_with_dwelling >= 5
    assert tally.grey_frames <= 2, tally.reasons


def test_a_scene_shows_its_dwellings_when_nothing_is_masked() -> None:
    """A scene without a visible dwelling would pass whatever is left out."""
    for make in HAZARDS.values():
        world = make()
        world.plan_document["masks"] = []
        tally = Tally()
        run_world(world, tally, stride_px=12)
        assert np.count_nonzero(tally.leaked_px) > 0, make.__name__
