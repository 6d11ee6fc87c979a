"""Comparing plans: what is called loosened must be so, and nothing that shows more may pass as the same."""

import math
from typing import Any

import pytest

from blanking.review import BlankingReview
from vms.errors import InvalidInput
from vms.plan_review import AreaUnit, Loosening, MaskChange

REVIEW = BlankingReview()
SQUARE = [[10.0, -5.0], [14.0, -5.0], [14.0, -1.0], [10.0, -1.0]]


def sky(*masks: tuple[str, list[list[float]]], **accuracy: float) -> dict[str, Any]:
    """Return a plan in directions with these masks."""
    bounds = {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.02, "exposure_s": 0.01}
    return {
        "frame": {"width": 1280, "height": 720},
        "kind": "directions",
        "camera_model": {"zoom": [[0.0, 62.8], [1.0, 2.3]], "k1": [[0.0, -0.1], [1.0, 0.0]]},
        "accuracy": {**bounds, **accuracy},
        "masks": [{"id": name, "polygon_deg": outline} for name, outline in masks],
    }


def picture(*masks: tuple[str, list[list[float]]]) -> dict[str, Any]:
    """Return a plan in image fractions with these masks."""
    return {
        "frame": {"width": 1280, "height": 720},
        "kind": "image",
        "masks": [{"id": name, "polygon_rel": outline} for name, outline in masks],
    }


def moved(outline: list[list[float]], by: float) -> list[list[float]]:
    """Return an outline further to the right."""
    return [[x + by, y] for x, y in outline]


def band_deg2(azimuth_deg: float, low_deg: float, high_deg: float) -> float:
    """Return the area of a strip between two parallels, from the integral; the truth for long edges cut into short ones."""
    sines = math.sin(math.radians(high_deg)) - math.sin(math.radians(low_deg))
    return math.radians(azimuth_deg) * sines * (180 / math.pi) ** 2


def parallels(west: float, east: float, low: float, high: float) -> list[list[float]]:
    """Return a strip whose edges follow the parallels closely."""
    steps = [west + (east - west) * i / 24 for i in range(25)]
    return [[a, low] for a in steps] + [[a, high] for a in reversed(steps)]


@pytest.mark.parametrize(("west", "east", "low", "high"), [(-20, 30, -10, 5), (150, 210, -40, -20), (0, 40, -85, -70)])
def test_areas_are_those_of_the_sphere(west: float, east: float, low: float, high: float) -> None:
    """An approver who reads 12 square degrees must be able to rely on it, across the seam and near the nadir too."""
    found = REVIEW.compare(None, sky(("m1", parallels(west, east, low, high))))
    assert found.unit is AreaUnit.SQUARE_DEGREES
    assert found.gained == pytest.approx(band_deg2(east - west, low, high), rel=5e-3)
    assert found.lost == 0.0
    assert found.loosened == ()


@pytest.mark.parametrize(
    ("outline", "change", "loosened"),
    [
        (SQUARE, MaskChange.UNCHANGED, ()),
        ([*SQUARE[:2], [14.0, 0.0], [10.0, 0.0]], MaskChange.ENLARGED, ()),
        ([*SQUARE[:2], [14.0, -2.0], [10.0, -2.0]], MaskChange.REDUCED, (Loosening.LESS_MASKED,)),
        (moved(SQUARE, 1.0), MaskChange.MOVED, (Loosening.LESS_MASKED,)),
        ([*reversed(SQUARE)], MaskChange.UNCHANGED, ()),
        (moved(SQUARE, 360.0 - 720.0), MaskChange.UNCHANGED, ()),
    ],
)
def test_a_changed_mask_is_called_by_what_happened_to_it(
    outline: list[list[float]], change: MaskChange, loosened: tuple[Loosening, ...]
) -> None:
    """Winding, and azimuths a turn apart, are no change; a mask that lets go of anything is."""
    found = REVIEW.compare(sky(("m1", SQUARE)), sky(("m1", outline)))
    assert [mask.change for mask in found.masks] == [change]
    assert found.loosened == loosened
    assert bool(found.lost_outlines) is bool(loosened)


def test_what_another_mask_takes_over_is_not_lost() -> None:
    """Cutting a mask into two that overlap shows nothing new."""
    left, right = [[9, -6], [12.5, -6], [12.5, 0], [9, 0]], [[12, -6], [15, -6], [15, 0], [12, 0]]
    found = REVIEW.compare(sky(("m1", SQUARE)), sky(("left", left), ("right", right)))
    assert {mask.mask_id: mask.change for mask in found.masks} == {
        "left": MaskChange.ADDED,
        "right": MaskChange.ADDED,
        "m1": MaskChange.REMOVED,
    }
    assert found.lost == 0.0
    assert found.loosened == ()


def test_a_gap_between_two_masks_is_found_and_shown() -> None:
    """A strip of a tenth of a degree between two new masks is a window that one can look into."""
    left, right = [[9, -6], [11.9, -6], [11.9, 0], [9, 0]], [[12, -6], [15, -6], [15, 0], [12, 0]]
    found = REVIEW.compare(sky(("m1", SQUARE)), sky(("left", left), ("right", right)))
    assert found.lost == pytest.approx(band_deg2(0.1, -5, -1), rel=0.02)
    for azimuth, elevation in (point for ring in found.lost_outlines for point in ring):
        assert 11.89 < azimuth < 12.01
        assert -5.1 < elevation < -0.9


def test_another_name_for_the_same_outline_is_a_new_name_only() -> None:
    """Names are for people; the drawing decides."""
    found = REVIEW.compare(sky(("m1", SQUARE)), sky(("Korte Jansstraat 1", SQUARE)))
    assert [(mask.mask_id, mask.change) for mask in found.masks] == [("Korte Jansstraat 1", MaskChange.RENAMED)]
    assert found.loosened == ()


def test_smaller_bounds_and_other_optics_count_as_loosened() -> None:
    """Masks are grown by the bounds and land where the optics say: changing either can show what was hidden."""
    before = sky(("m1", SQUARE))
    assert REVIEW.compare(before, sky(("m1", SQUARE), pan_tilt_deg=0.05)).loosened == (Loosening.ACCURACY,)
    assert REVIEW.compare(before, sky(("m1", SQUARE), pan_tilt_deg=0.2)).loosened == ()
    other = sky(("m1", SQUARE))
    other["camera_model"]["zoom"] = [[0.0, 60.0], [1.0, 2.3]]
    assert REVIEW.compare(before, other).loosened == (Loosening.CAMERA_MODEL,)
    assert REVIEW.compare(before, picture(("m1", [[0, 0], [1, 0], [1, 1]]))).loosened == (Loosening.KIND,)
    assert REVIEW.compare(before, None).loosened == (Loosening.LESS_MASKED, Loosening.NOTHING_MASKED)


def test_a_fixed_cameras_areas_are_shares_of_its_picture() -> None:
    """What lies outside of the picture covers nothing."""
    before, after = [[0.5, 0], [1.5, 0], [1.5, 1], [0.5, 1]], [[0.75, 0], [1.5, 0], [1.5, 1], [0.75, 1]]
    found = REVIEW.compare(picture(("m1", before)), picture(("m1", after)))
    assert found.unit is AreaUnit.PICTURE
    assert (found.masks[0].area_before, found.masks[0].area_after) == (pytest.approx(0.5), pytest.approx(0.25))
    assert found.masks[0].change is MaskChange.REDUCED
    assert found.lost == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("outline", "code", "point"),
    [
        ([[0, 0], [4, 4], [4, 0], [0, 4]], "crosses", 0),
        ([[0, 0], [4, 0]], "few-points", None),
        ([[0, 0], [0.0001, 0], [0, 0.0001]], "too-small", None),
        ([[0, 0], [4, 0], [4, 4], [0, 0], [-4, 2]], "doubled", None),
        ([[0, 0], [4, 0], ["x", 4]], "format", None),
    ],
)
def test_every_wrong_mask_is_named_with_its_fault(outline: Any, code: str, point: int | None) -> None:
    """The officer corrects what is marked; a message that stops at the first mask sends people round in circles."""
    found = REVIEW.problems(sky(("good", SQUARE), ("bad", outline), ("worse", outline)))
    assert [(problem.code, problem.mask_id, problem.point) for problem in found] == [
        (code, "bad", point),
        (code, "worse", point),
    ]
    assert all(problem.place.startswith("masks[") for problem in found)


def test_a_usable_plan_has_no_problems_and_an_empty_one_has() -> None:
    """A plan without a mask is an oversight, unless two persons say that there is no dwelling."""
    assert REVIEW.problems(sky(("m1", SQUARE))) == ()
    assert REVIEW.problems(picture(("m1", [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]))) == ()
    assert [problem.code for problem in REVIEW.problems(sky())] == ["empty"]
    assert [problem.code for problem in REVIEW.problems(sky(("m1", SQUARE), ("m1", SQUARE)))] == ["format"]
    crossed = picture(("m1", [[0.1, 0.1], [0.3, 0.3], [0.3, 0.1], [0.1, 0.3]]))
    assert [(problem.code, problem.point) for problem in REVIEW.problems(crossed)] == [("crosses", 0)]
    assert [problem.mask_id for problem in REVIEW.problems({"kind": "image"})] == [None]


@pytest.mark.parametrize("plan", [sky(("m 1", SQUARE)), picture(("m 1", [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]]))])
def test_masks_survive_export_and_import_with_their_origins(plan: dict[str, Any]) -> None:
    """Nothing may be lost or shifted on the way through a file."""
    origins = {"m 1": {"register_id": "0344100000012345"}}
    collection = REVIEW.to_features(plan, origins)
    ring = collection["features"][0]["geometry"]["coordinates"][0]
    assert ring[0] == ring[-1]
    back = REVIEW.from_features(collection, {**plan, "masks": []})
    assert back.document == plan
    assert back.origins == origins


@pytest.mark.parametrize(
    ("collection", "says"),
    [
        ([], "FeatureCollection"),
        ({"type": "FeatureCollection", "features": []}, "vms_plan"),
        ({"type": "FeatureCollection", "vms_plan": {"kind": "image"}, "features": []}, "mean nothing"),
        ({"type": "FeatureCollection", "vms_plan": {"kind": "directions"}, "features": [{}]}, r"features\[0\]"),
        (
            {
                "type": "FeatureCollection",
                "vms_plan": {"kind": "directions"},
                "features": [{"geometry": {"type": "Polygon", "coordinates": [[[0, 0]], [[1, 1]]]}}],
            },
            "one ring",
        ),
    ],
)
def test_a_file_that_is_no_export_of_such_a_plan_is_refused(collection: Any, says: str) -> None:
    """Longitude and latitude taken for directions would mask the sky and show the windows."""
    with pytest.raises(InvalidInput, match=says):
        REVIEW.from_features(collection, sky(("m1", SQUARE)))


@pytest.mark.parametrize("flat", [False, True], ids=["directions", "picture"])
def test_what_a_mask_newly_hides_adds_up_to_what_is_newly_hidden(*, flat: bool) -> None:
    """Because "newly hidden: 0.0" over a line that says 9.0 teaches the approver to read neither."""
    large = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]]
    within = [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4]]
    beside = [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]]
    plan = picture if flat else sky
    found = REVIEW.compare(plan(("m1", large)), plan(("m1", large), ("m2", within), ("m3", beside)))
    hidden = {mask.mask_id: mask.newly_hidden for mask in found.masks}
    assert hidden["m1"] == hidden["m2"] == 0.0
    assert hidden["m3"] == pytest.approx(found.gained, rel=1e-6)
    assert found.gained > 0.0
    back = REVIEW.compare(plan(("m1", large), ("m2", within), ("m3", beside)), plan(("m1", large)))
    shown = {mask.mask_id: mask.newly_shown for mask in back.masks}
    assert shown["m2"] == 0.0
    assert shown["m3"] == pytest.approx(back.lost, rel=1e-6)
