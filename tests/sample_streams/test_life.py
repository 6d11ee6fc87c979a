"""Who moves through the city: there at the right time, gone when it is over, the same for the same seed."""

import pytest
from numpy.random import default_rng

from sample_streams.roster import roster
from sample_streams.scene.actors import Actor, Actors, Views
from sample_streams.scene.cast import INCIDENT_EVERY_S, Cast
from sample_streams.scene.light import LIGHTS, TimeOfDay
from sample_streams.scene.place import Place
from sample_streams.scene.routes import Drive, Route, Script, Step
from sample_streams.scene.shelf import painted_place


def _place(camera_id: str) -> Place:
    return painted_place(roster()[camera_id].place, 1, TimeOfDay.DUSK, camera_id)


def _incidents(place: Place) -> list[Actor]:
    return [actor for actor in place.actors.everybody if isinstance(actor.way, Script)]


def test_a_route_is_gone_to_and_fro() -> None:
    """Passers-by must stay in the place, and face the way they go."""
    route = Route(((0.0, 10.0), (4.0, 10.0)), 1.0, 0.0)
    there, back = route.at(1.0), route.at(7.0)
    assert there is not None
    assert back is not None
    assert (there.x, back.x) == (1.0, 1.0)
    assert (there.is_left, back.is_left) == (False, True)


def test_a_car_drives_one_way_and_is_away_for_a_while() -> None:
    """A car that drove backwards, or stood at the end of its road, would be noticed at once."""
    drive = Drive(((0.0, 50.0), (0.0, 10.0)), 10.0, 0.0, away_m=20.0)
    early, late = drive.at(1.0), drive.at(3.0)
    assert early is not None
    assert late is not None
    assert (early.z, late.z) == (40.0, 20.0)
    assert early.away == pytest.approx(-1.0)
    assert drive.at(5.0) is None
    assert drive.at(6.5) is not None


def test_a_part_in_an_incident_comes_back_every_period() -> None:
    """An incident now and then: not there before, there in between, not there afterwards, and again."""
    script = Script((Step(10.0, 0.0, 5.0), Step(20.0, 10.0, 5.0)), 60.0)
    assert script.at(9.9) is None
    halfway, again = script.at(15.0), script.at(75.0)
    assert halfway == again
    assert halfway is not None
    assert halfway.x == pytest.approx(5.0)
    assert script.at(20.0) is None


def test_what_comes_and_goes_is_seen_from_the_front_and_the_back() -> None:
    """A car that comes straight at the camera has no side."""
    cast = Cast(LIGHTS[TimeOfDay.DAY], default_rng(1))
    (car,) = cast.driving([[(0.0, 60.0), (0.0, 10.0)]], 1)
    assert isinstance(car.look, Views)
    spots = [spot for second in range(60) if (spot := car.way.at(float(second))) is not None]
    assert spots
    assert {id(car.sprite(spot)) for spot in spots} == {id(car.look.coming)}


@pytest.mark.parametrize("camera_id", list(roster()))
def test_each_camera_has_an_incident_now_and_then(camera_id: str) -> None:
    """Whoever watches for two minutes must see something happen, and most of the time nothing."""
    incidents = _incidents(_place(camera_id))
    assert incidents
    busy = [
        second
        for second in range(int(INCIDENT_EVERY_S))
        if any(actor.way.at(float(second)) is not None for actor in incidents)
    ]
    assert 10 <= len(busy) <= 0.85 * INCIDENT_EVERY_S


@pytest.mark.parametrize("camera_id", ["lindestraat", "havensteeg", "vredenmarkt", "spoorplein"])
def test_cars_come_by(camera_id: str) -> None:
    """A street without a car for minutes is no street."""
    cars = [actor for actor in _place(camera_id).actors.everybody if isinstance(actor.way, Drive)]
    assert any(actor.way.at(second / 2) is not None for actor in cars for second in range(120))


def test_nobody_who_is_away_is_drawn_and_an_empty_place_is_no_fault() -> None:
    """While everybody is away there is nothing to project."""
    from sample_streams.device.mechanics import Pose
    from sample_streams.scene.stage import canvas

    cast = Cast(LIGHTS[TimeOfDay.DAY], default_rng(1))
    actors = Actors(cast.chase([(0.0, 10.0), (0.0, 20.0)]), 5.0)
    spec = roster()["lindestraat"]
    empty, drawn = (canvas(spec.optics.width_px, spec.optics.height_px) for _ in range(2))
    actors.draw(drawn, spec.optics, Pose(0.0, 0.0, 0.0), 1.0)
    assert (drawn.luma == empty.luma).all()
    actors.draw(drawn, spec.optics, Pose(0.0, 0.0, 0.0), 21.0)
    assert (drawn.luma != empty.luma).any()
