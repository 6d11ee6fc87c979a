"""Proposals for cameras that do not turn: what a picture shows of a dwelling lies in its proposal, within the stated errors."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from typer.testing import CliRunner

from blanking.register import Stand, propose
from blanking.register_file import read_buildings
from blanking.register_image import FixedView, ImageProposal, in_picture
from blanking.review import BlankingReview
from tests.blanking.test_register import EXTRACT, SPOT, extract, pand, rectangle, wall_points
from vms.cli.main import app

VIEW = FixedView(1920, 1080, hfov_deg=66.0, tilt_deg=-3.0, roll_deg=1.0)


def shown_at(point: tuple[float, float, float], stand: Stand, view: FixedView) -> tuple[float, float] | None:
    """Return where a point (metres east, north, above the ground) is in a picture, by trigonometry of our own; None when outside of it."""
    east, north, up = point
    heading = math.radians(stand.heading_deg)
    right = east * math.cos(heading) - north * math.sin(heading)
    ahead = east * math.sin(heading) + north * math.cos(heading)
    above = up - stand.height_m
    tilt, roll = math.radians(view.tilt_deg), math.radians(view.roll_deg)
    depth = ahead * math.cos(tilt) + above * math.sin(tilt)
    rise = above * math.cos(tilt) - ahead * math.sin(tilt)
    if depth <= 0:
        return None
    focal = view.width_px / 2 / math.tan(math.radians(view.hfov_deg) / 2)
    x, y = focal * right / depth, -focal * rise / depth
    u = x * math.cos(roll) - y * math.sin(roll) + view.width_px / 2
    v = x * math.sin(roll) + y * math.cos(roll) + view.height_px / 2
    return (u, v) if 0 <= u <= view.width_px and 0 <= v <= view.height_px else None


def covers(found: list[ImageProposal], u: float, v: float) -> bool:
    """Tell whether a pixel lies in any mask."""
    spot = shapely.Point(u / VIEW.width_px, v / VIEW.height_px)
    return any(shapely.Polygon(one.polygon_rel).covers(spot) for one in found)


def test_every_point_of_a_wall_is_in_its_mask_for_any_error_within_the_bounds() -> None:
    """The true camera stands, looks and sees a little otherwise than was said."""
    assert sum(map(points_within, range(16))) > 300


def points_within(seed: int) -> int:
    """Look at one building under random errors; return how many of its points were in the picture."""
    rng = np.random.default_rng(seed)
    ring = rectangle(*rng.uniform((-25, 12), (25, 60)), *rng.uniform(5, 25, 2), rng.uniform(0, 90))
    buildings = read_buildings(extract(pand("1", ring, hoogte=float(rng.uniform(3, 14)))))
    said = Stand(*SPOT, height_m=6.0, heading_deg=0.0)
    found = in_picture(propose(buildings, said), VIEW)
    within = 0
    for point in wall_points(buildings[0], rng, 150):
        off = rng.uniform(-1, 1, 5)
        true = Stand(*SPOT, height_m=6.0, heading_deg=float(off[0]) * said.heading_error_deg)
        view = FixedView(
            VIEW.width_px,
            VIEW.height_px,
            math.degrees(
                2 * math.atan(math.tan(math.radians(VIEW.hfov_deg) / 2) * (1 + VIEW.hfov_error_rel) ** off[1])
            ),
            VIEW.tilt_deg + off[2],
            VIEW.roll_deg + off[3],
        )
        east, north, up = point
        seen = shown_at((east - SPOT[0], north - SPOT[1], up), true, view)
        if seen is None or not facing(buildings[0].footprint, point):
            continue
        within += 1
        assert covers(found, *seen), (point, seen)
    return within


def facing(footprint: Any, point: tuple[float, float, float]) -> bool:
    """Tell whether the line of sight to a wall point meets the building there first."""
    sight = shapely.LineString([SPOT, point[:2]])
    return float((sight & footprint).length) < 1e-6 * max(1.0, sight.length)


def test_what_is_behind_or_beside_the_camera_is_not_proposed() -> None:
    """It would be a mask over something else."""
    behind = read_buildings(extract(pand("1", rectangle(0, -30, 10, 10), hoogte=9.0)))
    beside = read_buildings(extract(pand("2", rectangle(60, 5, 10, 10), hoogte=9.0)))
    stand = Stand(*SPOT, height_m=6.0, heading_deg=0.0)
    assert in_picture(propose([*behind, *beside], stand), VIEW) == []


def test_a_file_for_a_fixed_camera_is_a_usable_plan(tmp_path: Path) -> None:
    """The editor opens it as it opens any collection of masks; a plan for a moving camera must refuse it."""
    out = tmp_path / "proposals.json"
    spot = ["--x", str(SPOT[0]), "--y", str(SPOT[1]), "--height", "6", "--heading", "25"]
    done = CliRunner().invoke(
        app, ["masks", "propose", str(EXTRACT), "--out", str(out), *spot, "--hfov", "66", "--tilt", "-3"]
    )
    assert done.exit_code == 0, done.output
    features = json.loads(out.read_text())
    empty = {"frame": {"width": 1920, "height": 1080}, "kind": "image", "masks": []}
    read = BlankingReview().from_features(features, empty)
    assert read.document["masks"]
    assert BlankingReview().problems(read.document) == ()
    assert all(origin["source"] == "register" for origin in read.origins.values())
