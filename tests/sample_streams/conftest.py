"""One running city for the tests of this room that only look, and one of its own for those that break things."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sample_streams.city import City, CityCamera, running_city


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The city that all tests share: whoever disturbs a camera sets it right again."""
    out: Path = tmp_path_factory.mktemp("city")
    with running_city(out, ("wevergracht", "lindestraat", "vredenmarkt", "havensteeg")) as running:
        yield running


@pytest.fixture
def havensteeg(city: City) -> Iterator[CityCamera]:
    """The camera that misbehaves on command; every fault is taken back afterwards."""
    camera = city.camera("havensteeg")
    yield camera
    camera.wait_until(lambda state: not state["is_away"], within_s=60)
    camera.order(fault="none")


@pytest.fixture
def vredenmarkt(city: City) -> Iterator[CityCamera]:
    """The PTZ camera, standing still at its start; put back there afterwards."""
    camera = city.camera("vredenmarkt")
    camera.order(do="autopilot", pattern="off")
    camera.order(do="pose", pan_deg=20.0, tilt_deg=-4.0, zoom=0.1)
    yield camera
    camera.order(fault="none")
    camera.order(do="truth_colours", on=False)
