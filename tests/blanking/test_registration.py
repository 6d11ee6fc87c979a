"""Registration of rendered pictures: right to within what it states, or no answer."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from blanking.motion_fit import LensAt
from blanking.odometry import Glance, Likely, Odometer
from blanking.registration import Motion, Reference, corners_of, reduced, register, same_picture, shift_guess
from tests.blanking.painter import Lorry, Painter
from tests.blanking.truth import Pose, TrueCamera

WIDTH, HEIGHT = 640, 360
HFOV_DEG = 60.0
LENS = LensAt(WIDTH / 2 / math.tan(math.radians(HFOV_DEG / 2)), -0.1, (WIDTH / 2, HEIGHT / 2), (WIDTH, HEIGHT))


def painter_of(path: Callable[[float], Pose], **scene: object) -> Painter:
    """Return a painter of a camera that moves along a path; zoom 1 has half the field of view of zoom 0."""
    camera = TrueCamera(
        WIDTH, HEIGHT, lambda zoom: math.degrees(2 * math.atan(math.tan(math.radians(HFOV_DEG / 2)) / 2**zoom)), lambda _: -0.1,
        (0.5, 0.5), (0.0, 0.0, 0.0), (1.0, 1.0), path, 0.0,
    )  # fmt: skip
    return Painter(camera, 7, **scene)  # type: ignore[arg-type]  # named by each test


def registered(painter: Painter, guess: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Motion | None:
    """Register the picture at 1 s with that at 0 s."""
    first, second = reduced(painter.luma(0.0)), reduced(painter.luma(1.0))
    reference = Reference(first, corners_of(first), painter.camera.pose_at(0.0)[1], LENS)
    return register(reference, second, LENS, guess).motion


@pytest.mark.parametrize("tilt_deg", [-5.0, -60.0])
@pytest.mark.parametrize("moved", [(0.0, 0.0, 0.0), (1.5, -0.7, 0.0), (0.3, 0.2, 0.05), (-2.5, 1.0, -0.04)])
def test_a_movement_is_found_to_within_the_stated_error(moved: tuple[float, float, float], tilt_deg: float) -> None:
    """Pan, tilt and zoom at once, straight ahead and steeply down."""
    pan_deg, tilt_by_deg, zoom = moved
    truth = (pan_deg, tilt_by_deg, zoom * math.log(2.0))
    guess = (truth[0] * 0.7, truth[1] * 0.7, 0.0)
    found = registered(painter_of(lambda t: (t * pan_deg, tilt_deg + t * tilt_by_deg, t * zoom)), guess)
    assert found is not None
    for value, true, error in zip((found.pan_deg, found.tilt_deg, found.log_focal), truth, found.error, strict=True):
        assert abs(value - true) <= error


def test_a_guess_makes_large_movements_findable() -> None:
    """A fast pan moves the picture farther than corners are searched for."""
    painter = painter_of(lambda t: (12.0 * t, -5.0, 0.0))
    assert registered(painter) is None
    found = registered(painter, (11.4, 0.2, 0.0))
    assert found is not None
    assert abs(found.pan_deg - 12.0) <= found.error[0]


@pytest.mark.parametrize(
    "scene",
    [
        {"contrast": 0.0, "noise": 0.0},
        {"contrast": 0.0, "noise": 8.0},
        {"contrast": 0.0, "letters": True},
        {"lorries": (Lorry(0.5, 2.0, 0.5, 0.0, 0.2),)},
    ],
    ids=["sky", "night noise", "only letters", "lorry over half"],
)
def test_it_abstains_when_the_picture_does_not_tell(scene: dict[str, object]) -> None:
    """No answer is safe; a wrong one is not."""
    assert registered(painter_of(lambda t: (t, -5.0, 0.0), **scene)) is None


def test_without_any_guess_the_shift_of_the_whole_picture_is_one() -> None:
    """A camera that moves while its telemetry says it stands still must be found out, however fast it is."""
    painter = painter_of(lambda t: (7.0 * t, -5.0 - 2.0 * t, 0.0))
    first, second = reduced(painter.luma(0.0)), reduced(painter.luma(1.0))
    reference = Reference(first, corners_of(first), -5.0, LENS)
    found = register(reference, second, LENS, shift_guess(reference, second)).motion
    assert found is not None
    assert abs(found.pan_deg - 7.0) <= found.error[0]
    assert abs(found.tilt_deg + 2.0) <= found.error[1]


def test_two_crowds_are_no_answer() -> None:
    """A lorry that covers most of the view and pulls away slowly looks like a camera that turns: then nobody knows."""
    lorry = Lorry(0.0, 2.0, 0.7, 0.02, 0.15)
    assert registered(painter_of(lambda _: (0.0, -5.0, 0.0), lorries=(lorry,))) is None


@pytest.mark.parametrize("scene", [{"noise": 15.0}, {"rain": 150}, {"contrast": 0.2}, {"letters": True}])
def test_it_works_in_bad_weather(scene: dict[str, object]) -> None:
    """Noise, rain, haze and burned-in letters change little."""
    found = registered(painter_of(lambda t: (t, -5.0 + t, 0.0), **scene), (0.7, 1.2, 0.0))
    assert found is not None
    assert abs(found.pan_deg - 1.0) <= found.error[0]
    assert abs(found.tilt_deg - 1.0) <= found.error[1]


def test_what_may_not_be_used_is_not() -> None:
    """What is inside masks must not change what the outside sees: it would be a way out."""
    picture = reduced(painter_of(lambda _: (0.0, 0.0, 0.0)).luma(0.0))
    corners = corners_of(picture, lambda points: points[:, 0] > 300)
    assert len(corners)
    assert (corners[:, 0] > 300).all()


def test_a_repeated_picture_is_recognised() -> None:
    """A frozen video proves nothing about stillness."""
    painter = painter_of(lambda _: (0.0, 0.0, 0.0))
    first = painter.luma(0.0)
    assert same_picture(reduced(first), reduced(first.copy()))
    assert not same_picture(reduced(first), reduced(painter.luma(0.0)))


def test_pictures_of_any_size_are_reduced_by_a_whole_factor() -> None:
    """Positions in the small picture must be those of the large one, exactly."""
    for width, height in [(1920, 1080), (1280, 720), (327, 181), (3840, 2160), (1001, 777)]:
        small = reduced(np.zeros((height, width), np.uint8))
        assert small.luma.shape == (height // small.scale, width // small.scale)
        assert 320 <= small.luma.shape[1] <= 960


def walked(painter: Painter, frames: int, fps: float = 25.0) -> list[Glance | None]:
    """Send pictures through an odometer that knows the tilt only."""
    odometer = Odometer()
    out = []
    for number in range(frames):
        at_s = number / fps
        likely = Likely(
            painter.camera.pose_at(at_s)[1], LENS, 0.0, (0.0, 0.0, 0.0), lambda points: np.ones(len(points), bool)
        )
        out.append(odometer.see(at_s, reduced(painter.luma(at_s)), likely))
    return out


def test_a_long_way_adds_up_within_the_stated_error() -> None:
    """Errors add up per reference, and each is carried."""

    def path(at_s: float) -> Pose:
        return (25.0 * math.sin(at_s), -10.0 + 5.0 * math.sin(0.7 * at_s), 0.0)

    glances = walked(painter_of(path), 75)
    start = path(0.0)
    assert all(glance is not None and glance.chain == 1 for glance in glances)
    for number, glance in enumerate(glances):
        assert glance is not None
        for axis in (0, 1):
            error = glance.own_error[axis] + glance.base_error[axis] + 0.002 * abs(glance.place[axis])
            assert abs(glance.place[axis] - (path(number / 25.0)[axis] - start[axis])) <= error


def test_what_is_not_seen_breaks_the_chain() -> None:
    """After a moment without a picture that tells, nothing connects before and after."""
    lorry = Lorry(0.4, 1.2, 1.4, 0.3, -0.2)
    glances = walked(painter_of(lambda _: (0.0, -5.0, 0.0), lorries=(lorry,)), 50)
    first, last = glances[0], glances[-1]
    assert first is not None
    assert last is not None
    assert first.chain != last.chain


def test_burned_in_letters_are_not_followed() -> None:
    """What stays on the screen while the world moves is dirt or writing; its tiles are left out from then on."""
    painter = painter_of(lambda t: (50.0 * t, -5.0, 0.0), letters=True)
    odometer = Odometer()
    for number in range(90):
        at_s = number / 25.0
        likely = Likely(-5.0, LENS, 0.0, (0.0, 0.0, 0.0), lambda points: np.ones(len(points), bool))
        odometer.see(at_s, reduced(painter.luma(at_s)), likely)
    found = odometer.reference
    assert found is not None
    corners = found[0].corners_px
    on_letters = (corners[:, 0] > 20) & (corners[:, 0] < 200) & (corners[:, 1] > 8) & (corners[:, 1] < 22)
    assert on_letters.sum() <= 3
