"""Masks from the building register: what can be seen of a dwelling lies in its proposal, checked by rays of our own."""

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

from blanking.register import Proposal, Stand, propose, too_near
from blanking.register_file import Building, read_buildings
from blanking.review import BlankingReview
from blanking.rijksdriehoek import to_rd
from tests.blanking.test_comparison import sky
from vms.cli.main import app
from vms.errors import InvalidInput

Floats = NDArray[np.float64]
EXTRACT = Path(__file__).with_name("bag_extract.json")
SPOT = (136_800.0, 455_900.0)
STAND = Stand(*SPOT, height_m=6.0, heading_deg=25.0)


def rectangle(east: float, north: float, wide: float, deep: float, turn_deg: float = 0.0) -> list[list[float]]:
    """Return a closed ring in RD New around a spot east and north of the camera."""
    c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    corners = [(-wide / 2, -deep / 2), (wide / 2, -deep / 2), (wide / 2, deep / 2), (-wide / 2, deep / 2)]
    ring = [[SPOT[0] + east + c * x - s * y, SPOT[1] + north + s * x + c * y] for x, y in corners]
    return [*ring, ring[0]]


def pand(number: str, ring: list[list[float]], **properties: Any) -> dict[str, Any]:
    """Return a building as the register gives it."""
    return {
        "type": "Feature",
        "properties": {"identificatie": f"0344100000{number}", "gebruiksdoel": "woonfunctie", **properties},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def extract(*features: dict[str, Any], crs: str | None = "urn:ogc:def:crs:EPSG::28992") -> dict[str, Any]:
    """Return a collection of buildings."""
    named = {} if crs is None else {"crs": {"type": "name", "properties": {"name": crs}}}
    return {"type": "FeatureCollection", **named, "features": list(features)}


def winding(ring: Floats, ray: Floats) -> float:
    """Return the angle that a ring turns around a ray, in turns: near +-1 inside, near 0 outside."""
    beside = ring - np.outer(ring @ ray, ray)
    right = np.cross(ray, [0.1234, 0.987, -0.1])
    right /= np.linalg.norm(right)
    angles = np.arctan2(beside @ np.cross(ray, right), beside @ right)
    steps = (np.diff(np.append(angles, angles[0])) + math.pi) % (2 * math.pi) - math.pi
    return float(steps.sum() / (2 * math.pi))


def ring_of(mask: Proposal) -> Floats:
    """Return a mask's corners as unit vectors: x right, y up, z forward at azimuth 0."""
    angles = np.radians(mask.polygon_deg)
    flat = np.cos(angles[:, 1])
    return np.column_stack((flat * np.sin(angles[:, 0]), np.sin(angles[:, 1]), flat * np.cos(angles[:, 0])))


def is_masked(masks: list[Proposal], azimuth_deg: float, elevation_deg: float) -> bool:
    """Tell whether a direction lies in any mask."""
    a, e = math.radians(azimuth_deg), math.radians(elevation_deg)
    ray = np.array([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
    return any(abs(winding(ring, ray)) > 0.5 for ring in map(ring_of, masks) if float((ring @ ray).max()) > 0.2)


def wall_points(building: Building, rng: np.random.Generator, count: int) -> list[tuple[float, float, float]]:
    """Return random points on a building's walls, feet and eaves among them: east, north, up."""
    corners = list(building.footprint.exterior.coords)
    found = []
    for _ in range(count):
        (ax, ay), (bx, by) = list(pairwise(corners))[rng.integers(len(corners) - 1)]
        along, up = rng.choice([0.0, 1.0, rng.random()]), rng.choice([0.0, 1.0, rng.random()])
        found.append((ax + along * (bx - ax), ay + along * (by - ay), up * building.height_m))
    return found


def direction_of(
    point: tuple[float, float, float], eye: tuple[float, float, float], heading_deg: float
) -> tuple[float, float]:
    """Return azimuth and elevation of a point from an eye."""
    east, north, up = (point[i] - eye[i] for i in range(3))
    return math.degrees(math.atan2(east, north)) - heading_deg, math.degrees(math.atan2(up, math.hypot(east, north)))


def is_visible(
    point: tuple[float, float, float], own: Building, eye: tuple[float, float, float], buildings: list[Building]
) -> bool:
    """Walk along the sight line in steps of 20 cm and ask whether it runs through a building."""
    away = math.dist(point[:2], eye[:2])
    shares = np.arange(0.0, max(away - 0.05, 0.1), 0.2)[:, None] / away
    line = np.array(eye) + shares * (np.array(point) - np.array(eye))
    for building in buildings:
        height = building.height_m if building is own else building.sure_height_m or 0.0
        if np.any(_contains(building, line[:, 0], line[:, 1]) & (line[:, 2] < height)):
            return False
    return True


def _contains(building: Building, x: Floats, y: Floats) -> NDArray[np.bool_]:
    inside = np.zeros(len(x), dtype=bool)
    for (ax, ay), (bx, by) in pairwise(building.footprint.exterior.coords):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside


def town() -> list[Building]:
    """Return the made-up extract: a street with houses, a church, a tower block, shops, one L-shaped and one close by."""
    return read_buildings(json.loads(EXTRACT.read_text(encoding="utf-8")))


@pytest.mark.parametrize("seed", range(4))
def test_every_point_of_a_wall_that_can_be_seen_is_masked(seed: int) -> None:
    """With the camera anywhere within its stated errors: a proposal that misses an attic would be believed."""
    rng = np.random.default_rng(seed)
    buildings = town()
    masks = propose(buildings, STAND)
    off, bearing = rng.uniform(0, STAND.position_error_m), rng.uniform(0, 2 * math.pi)
    eye = (SPOT[0] + off * math.sin(bearing), SPOT[1] + off * math.cos(bearing), STAND.height_m)
    heading_deg = STAND.heading_deg + rng.uniform(-1, 1) * STAND.heading_error_deg
    seen = 0
    for building in buildings:
        if not building.is_dwelling or building.footprint.distance(_point()) > STAND.range_m:
            continue
        for point in wall_points(building, rng, 12):
            if is_visible(point, building, eye, buildings):
                seen += 1
                assert is_masked(masks, *direction_of(point, eye, heading_deg)), (building.id, point)
    assert seen > 40


def _point() -> Any:
    import shapely

    return shapely.Point(*SPOT)


def test_proposals_are_usable_masks_with_their_origin() -> None:
    """Each can be accepted as it is, and says which building it is of and how its height is known."""
    masks = propose(town(), STAND)
    plan = sky(*((mask.name, [list(point) for point in mask.polygon_deg]) for mask in masks))
    assert BlankingReview().problems(plan) == ()
    assert {mask.origin["height_from"] for mask in masks} == {"register", "storeys", "assumed"}
    assert all(mask.origin["register_id"].startswith("0344100000") for mask in masks)
    assert max(len(mask.polygon_deg) for mask in masks) <= 24


def test_a_proposal_is_not_much_larger_than_the_house() -> None:
    """The street in front of it must stay in sight: within twice the stated errors of the true outline."""
    [building] = read_buildings(extract(pand("000001", rectangle(0, 40, 10, 8), hoogte=9.0)))
    [mask] = propose([building], Stand(*SPOT, height_m=6.0, heading_deg=0.0))
    azimuths, elevations = zip(*mask.polygon_deg, strict=True)
    half_deg = math.degrees(math.atan2(5, 36))
    margin_deg = 1.0 + math.degrees(math.atan2(1.0, 36))
    assert half_deg + margin_deg <= max(azimuths) <= half_deg + 2 * margin_deg
    top_deg = math.degrees(math.atan2(3.0, 36))
    assert top_deg + margin_deg <= max(elevations) <= top_deg + 2 * margin_deg
    assert min(elevations) >= math.degrees(math.atan2(-6.5, 36)) - 2 * margin_deg


def test_what_is_surely_hidden_is_not_proposed_and_in_doubt_it_is() -> None:
    """A house right behind a tall church needs no mask; behind a church of unknown height, or one that leaves a gap, it does."""
    house = pand("000002", rectangle(0, 80, 10, 8), hoogte=9.0)

    def proposed(*others: dict[str, Any]) -> bool:
        return bool(propose(read_buildings(extract(house, *others)), STAND))

    church = {"gebruiksdoel": "bijeenkomstfunctie"}
    assert not proposed(pand("000003", rectangle(0, 40, 40, 10), hoogte=30.0, **church))
    assert proposed(pand("000003", rectangle(0, 40, 40, 10), **church))
    assert proposed(pand("000003", rectangle(0, 40, 40, 10), hoogte=7.0, **church))
    assert proposed(pand("000003", rectangle(20, 40, 40, 10), hoogte=30.0, **church))
    assert proposed(pand("000003", rectangle(0, 120, 80, 10), hoogte=60.0, **church))


@pytest.mark.parametrize(
    ("properties", "is_dwelling"),
    [
        ({"gebruiksdoel": "woonfunctie"}, True),
        ({"gebruiksdoel": "winkelfunctie,woonfunctie"}, True),
        ({"gebruiksdoel": "winkelfunctie"}, False),
        (
            {
                "gebruiksdoel": None,
                "verblijfsobjecten": [{"gebruiksdoel": ["kantoorfunctie"]}, {"gebruiksdoel": "woonfunctie"}],
            },
            True,
        ),
        ({"gebruiksdoel": None}, True),
    ],
)
def test_a_dwelling_is_what_somebody_may_live_in(properties: dict[str, Any], is_dwelling: bool) -> None:  # noqa: FBT001 - a table
    """A flat above a shop is a dwelling; a building of which nothing is said may be one."""
    [building] = read_buildings(extract(pand("000004", rectangle(0, 40, 10, 8), **properties)))
    assert building.is_dwelling is is_dwelling


def test_dwellings_beyond_the_range_are_left_out_and_a_wall_beside_the_camera_is_not() -> None:
    """A mask of a tenth of a degree a kilometre off helps nobody; a facade at arm's length spans half the view."""
    far, beside = pand("000005", rectangle(0, 400, 10, 8)), pand("000006", rectangle(11, 0, 10, 60), hoogte=12.0)
    masks = propose(read_buildings(extract(far, beside)), STAND)
    assert {mask.origin["register_id"] for mask in masks} == {"0344100000000006"}
    assert len(masks) >= 3
    for bearing_deg in (20.0, 60.0, 90.0, 120.0, 160.0):
        assert is_masked(masks, bearing_deg - STAND.heading_deg, 0.0)


def test_a_dwelling_beside_the_camera_is_named_not_guessed() -> None:
    """Where the spot's own error is as large as the distance a proposal would be anything: a person draws it."""
    buildings = read_buildings(extract(pand("000007", rectangle(7, 0, 10, 10), hoogte=12.0)))
    assert propose(buildings, STAND) == []
    assert too_near(buildings, STAND) == ["0344100000000007"]


@pytest.mark.parametrize(
    ("place", "rd"),
    [
        ((52.15517440, 5.38720621), (155_000.0, 463_000.0)),
        ((52.37453253, 4.88352559), (120_700.723, 487_525.501)),
        ((53.21938317, 6.56820053), (233_883.131, 582_065.167)),
    ],
)
def test_wgs84_becomes_the_dutch_grid(place: tuple[float, float], rd: tuple[float, float]) -> None:
    """Three church towers whose coordinates are published."""
    assert to_rd(*place) == pytest.approx(rd, abs=0.5)


@pytest.mark.parametrize(
    ("collection", "says"),
    [
        ({"type": "Feature"}, "FeatureCollection"),
        (extract(pand("1", [[5.1, 52.1], [5.2, 52.1], [5.2, 52.2]])), "Dutch grid"),
        (extract(pand("1", [[52.1, 5.1], [52.1, 5.2], [52.2, 5.2]]), crs=None), "longitude first"),
        (extract(pand("1", rectangle(0, 9, 1, 1)), crs="EPSG:31370"), "RD New"),
        (extract({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}), "polygons"),
    ],
)
def test_an_extract_that_can_not_be_read_says_where(collection: dict[str, Any], says: str) -> None:
    """Swapped or unnamed coordinates would put the masks into the wrong street."""
    with pytest.raises(InvalidInput, match=says):
        read_buildings(collection)


def test_the_command_writes_what_the_editor_reads(tmp_path: Path) -> None:
    """From the register's extract to masks in a plan, through files only."""
    out = tmp_path / "proposals.json"
    arguments = ["masks", "propose", str(EXTRACT), "--out", str(out), "--x", str(SPOT[0]), "--y", str(SPOT[1])]
    done = CliRunner().invoke(app, [*arguments, "--height", "6", "--heading", "25"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    read = BlankingReview().from_features(json.loads(out.read_text(encoding="utf-8")), sky())
    assert len(read.document["masks"]) == len(propose(town(), STAND))
    assert BlankingReview().problems(read.document) == ()
    assert all(origin["source"] == "register" for origin in read.origins.values())
