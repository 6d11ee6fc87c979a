"""Plans: what is read, and what is refused with which words."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from blanking.plan import DirectionPlan, ImagePlan, parse_plan
from vms.errors import InvalidInput

Change = Callable[[dict[str, Any]], object]


def test_a_plan_of_directions_is_read_with_its_defaults(plan_document: dict[str, Any]) -> None:
    """The optional bounds have the documented defaults."""
    plan = parse_plan(plan_document)
    assert isinstance(plan, DirectionPlan)
    assert plan.accuracy.max_speed_deg_s == 150
    assert plan.accuracy.max_acceleration_deg_s2 == 600
    assert plan.accuracy.staleness_s == 0
    assert plan.masks[0].polygon_deg[1] == (3.0, -2.0)


def test_an_image_plan_is_read() -> None:
    """Fixed cameras have no model."""
    plan = parse_plan(
        {
            "frame": {"width": 64, "height": 48},
            "kind": "image",
            "masks": [{"id": "a", "polygon_rel": [[0, 0], [1, 0], [1, 1]]}],
        }
    )
    assert isinstance(plan, ImagePlan)


CHANGES: list[tuple[str, Change, str]] = [
    ("unknown key at the top", lambda d: d.update(extra=1), "extra"),
    ("unknown key in accuracy", lambda d: d["accuracy"].update(slack=1), "slack"),
    ("unknown key in a mask", lambda d: d["masks"][0].update(colour="red"), "colour"),
    ("missing accuracy", lambda d: d.pop("accuracy"), "accuracy"),
    ("missing bound", lambda d: d["accuracy"].pop("time_s"), "time_s"),
    ("other kind", lambda d: d.update(kind="sphere"), "kind"),
    ("bool as number", lambda d: d["accuracy"].update(time_s=True), "time_s"),
    ("NaN", lambda d: d["accuracy"].update(pan_tilt_deg=float("nan")), "pan_tilt_deg"),
    ("negative bound", lambda d: d["accuracy"].update(zoom_rel=-0.1), "zoom_rel"),
    ("text as number", lambda d: d["camera_model"].update(pan_scale="1"), "pan_scale"),
    ("zero scale", lambda d: d["camera_model"].update(tilt_scale=0), "tilt_scale"),
    ("float frame", lambda d: d["frame"].update(width=640.0), "frame.width"),
    ("tiny frame", lambda d: d["frame"].update(height=0), "frame.height"),
    ("zoom not ascending", lambda d: d["camera_model"].update(zoom=[[0.5, 60], [0.0, 10]]), "camera_model.zoom"),
    ("empty zoom table", lambda d: d["camera_model"].update(zoom=[]), "camera_model.zoom"),
    ("lens folds", lambda d: d["camera_model"].update(k1=[[0.0, -0.9], [1.0, 0.0]]), "k1"),
    ("two corners", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [1, 1]]), "polygon_deg"),
    ("no corners", lambda d: d["masks"][0].update(polygon_deg=[]), "polygon_deg"),
    ("bow tie", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [4, 4], [4, 0], [0, 4]]), "crosses"),
    ("spike", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [4, 0], [2, 0]]), "masks[0]"),
    ("a line", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [0, 4], [0, 8], [0, 2]]), "masks[0]"),
    ("no area", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [1e-4, 0], [0, 1e-4]]), "no area"),
    (
        "doubled corner",
        lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [4, 0], [2, 2], [4, 4], [0, 4], [2, 2]]),
        "twice",
    ),
    (
        "elevation beyond the zenith",
        lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [4, 95], [4, 0]]),
        "polygon_deg[1]",
    ),
    ("NaN corner", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [float("nan"), 4], [4, 0]]), "polygon_deg[1]"),
    ("half the sphere", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [90, 0], [180, 0], [270, 0]]), "half"),
    ("opposite corners", lambda d: d["masks"][0].update(polygon_deg=[[0, 0], [180, 0], [90, 40]]), "opposite"),
    ("same id", lambda d: d["masks"].append(copy.deepcopy(d["masks"][0])), "twice"),
    ("no id", lambda d: d["masks"][0].update(id=""), "id"),
    ("masks as object", lambda d: d.update(masks={}), "masks"),
]


@pytest.mark.parametrize(("change", "word"), [(c, w) for _, c, w in CHANGES], ids=[name for name, _, _ in CHANGES])
def test_a_broken_plan_is_refused_with_its_place(plan_document: dict[str, Any], change: Change, word: str) -> None:
    """Whoever draws a plan must be told which part is wrong; a plan that is guessed at could leave a dwelling open."""
    change(plan_document)
    with pytest.raises(InvalidInput, match=r"Blanking plan: .*; .+\.$") as caught:
        parse_plan(plan_document)
    assert word in str(caught.value)


@pytest.mark.parametrize("document", [None, [], 3, "x", {}, {"frame": 3}])
def test_anything_that_is_no_plan_is_refused(document: object) -> None:
    """The parser is the boundary: it meets anything that JSON can hold."""
    with pytest.raises(InvalidInput):
        parse_plan(document)


def test_a_crossing_image_polygon_is_refused() -> None:
    """The same words for fixed cameras."""
    document = {
        "frame": {"width": 64, "height": 48},
        "kind": "image",
        "masks": [{"id": "a", "polygon_rel": [[0, 0], [1, 1], [1, 0], [0, 1]]}],
    }
    with pytest.raises(InvalidInput, match="crosses"):
        parse_plan(json.loads(json.dumps(document)))
