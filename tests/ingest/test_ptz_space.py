"""What a camera's numbers mean is read from the camera; where it can't be known, the camera is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ptz_space import GENERIC_URI, SPHERICAL_URI, PositionSpace, Range, chosen_spaces, zoom_numbers
from vms.errors import InvalidInput

SPHERICAL = PositionSpace(SPHERICAL_URI, Range(-170, 170), Range(-90, 20))
GENERIC = PositionSpace(GENERIC_URI, Range(-1, 1), Range(-1, 1))
ZOOM = Range(0, 1)


def test_degrees_are_degrees() -> None:
    """The common case."""
    spaces = chosen_spaces([SPHERICAL], ZOOM)
    assert spaces.pan_tilt_deg(12.5, -3.0, SPHERICAL_URI) == (12.5, -3.0)
    assert spaces.pan_tilt_deg(12.5, -3.0, None) == (12.5, -3.0)


def test_shares_become_degrees_where_the_camera_tells_both_ranges() -> None:
    """Some report generic positions although they know degrees."""
    spaces = chosen_spaces([GENERIC, SPHERICAL], ZOOM)
    assert spaces.pan_tilt_deg(1.0, -1.0, GENERIC_URI) == pytest.approx((170.0, -90.0))
    assert spaces.pan_tilt_deg(0.0, 0.0, GENERIC_URI) == pytest.approx((0.0, -35.0))
    assert spaces.pan_tilt_deg(0.0, 0.0, None) is None
    assert spaces.pan_tilt_deg(0.0, 0.0, "urn:other") is None


def test_shares_alone_are_read_as_shares_and_never_called_degrees() -> None:
    """What they are worth only a plan for this register knows; an end stop is no seam, so that both ends stay apart."""
    spaces = chosen_spaces([GENERIC], ZOOM)
    assert spaces.shares == GENERIC
    assert spaces.pan_tilt_deg(0.5, -0.5, GENERIC_URI) == spaces.pan_tilt_deg(0.5, -0.5, None) == (90.0, -45.0)
    assert spaces.pan_tilt_deg(1.0, 1.0, GENERIC_URI) == (180.0, 90.0)
    assert spaces.pan_tilt_deg(-1.0, -1.0, GENERIC_URI) == (-180.0, -90.0)
    assert spaces.pan_tilt_deg(1.1, 0.0, GENERIC_URI) is None
    assert spaces.pan_tilt_deg(0.0, 0.0, "urn:other") is None
    assert spaces.raw_position(90.0, -45.0, 0.5) == (0.5, -0.5, 0.5)
    assert spaces.asked_in.uri == GENERIC_URI
    assert chosen_spaces([SPHERICAL], ZOOM).shares is None


def test_a_camera_without_absolute_positions_is_refused() -> None:
    """Nothing can follow it."""
    with pytest.raises(InvalidInput) as raised:
        chosen_spaces([], ZOOM)
    assert raised.value.code == "ptz.position-unknown"


def test_a_generic_range_of_degrees_is_read_as_degrees() -> None:
    """onvif_simple_server: 0..360 and 0..90 under the generic name."""
    spaces = chosen_spaces([PositionSpace(GENERIC_URI, Range(0, 360), Range(0, 90))], Range(1, 30))
    assert spaces.pan_tilt_deg(350.0, 10.0, GENERIC_URI) == pytest.approx((-10.0, 10.0))
    assert spaces.zoom_share(1) == 0.0
    assert spaces.zoom_share(30) == 1.0
    assert spaces.raw_position(-10.0, 10.0, 1.0) == pytest.approx((350.0, 10.0, 30.0))


def test_a_camera_without_zoom_numbers_is_refused() -> None:
    """Without them no mask has a size."""
    with pytest.raises(InvalidInput) as raised:
        chosen_spaces([SPHERICAL], None)
    assert raised.value.code == "ptz.zoom-unknown"


def test_a_zoom_of_one_number_is_a_fixed_lens() -> None:
    """A turning camera without zoom says 1..1, or says nothing in its answers; its field of view is known all the same."""
    spaces = chosen_spaces([SPHERICAL], zoom_numbers(1.0, 1.0))
    assert spaces.zoom_share(1.0) == 0.0
    assert spaces.zoom_share(None) == 0.0
    assert spaces.raw_position(10.0, -5.0, 0.7) == (10.0, -5.0, 1.0)


@pytest.mark.parametrize("raw", [0.0, 1.5, float("nan")])
def test_a_fixed_lens_that_tells_another_zoom_is_not_believed(raw: float) -> None:
    """It zooms after all: no mask has a known size, so that the picture must be grey."""
    assert chosen_spaces([SPHERICAL], zoom_numbers(1.0, 1.0)).zoom_share(raw) is None


def test_a_zoom_range_upside_down_is_refused() -> None:
    """Which end is wide can't be guessed."""
    with pytest.raises(InvalidInput, match="empty range"):
        zoom_numbers(1.0, 0.0)


@given(st.integers(-720, 720), st.floats(-1, 1))
def test_pan_wraps_at_half_a_turn_whatever_a_camera_counts(turns_deg: int, rest_deg: float) -> None:
    """Cameras count 0..360, -180..180, or on and on: a direction has one name here."""
    spaces = chosen_spaces([PositionSpace(SPHERICAL_URI, Range(-720, 720), Range(-90, 20))], ZOOM)
    told = spaces.pan_tilt_deg(turns_deg + rest_deg, 0.0, SPHERICAL_URI)
    assert told is not None
    assert -180 <= told[0] < 180
    assert (told[0] - turns_deg - rest_deg) / 360 == pytest.approx(round((told[0] - turns_deg - rest_deg) / 360))


@given(st.floats(-1000, 1000), st.floats(-200, 200), st.floats(0, 1))
def test_what_is_asked_of_a_camera_lies_within_its_ranges(pan_deg: float, tilt_deg: float, zoom: float) -> None:
    """Beyond them cameras refuse, or run into their stops."""
    x, y, raw_zoom = chosen_spaces([SPHERICAL], Range(1, 30)).raw_position(pan_deg, tilt_deg, zoom)
    assert -170 <= x <= 170
    assert -90 <= y <= 20
    assert 1 <= raw_zoom <= 30


@pytest.mark.parametrize("value", [1e308, -1e308, 1.7976931348623157e308])
def test_numbers_too_large_to_reckon_with_are_no_pose(value: float) -> None:
    """A camera's 1e308 became a pan of nan and a tilt of infinity; pages could not read the messages that held them."""
    spaces = chosen_spaces([GENERIC, SPHERICAL], ZOOM)
    assert spaces.pan_tilt_deg(value, value, GENERIC_URI) is None
    assert spaces.pan_tilt_deg(value, value, None) is None
    assert chosen_spaces([SPHERICAL], zoom_numbers(0, 5e-324)).zoom_share(value) is None
    with pytest.raises(InvalidInput, match="endless"):
        zoom_numbers(-1e308, 1e308)
