"""Reading a blanking plan from its document (design section 11), with errors that name the place and what to do."""

import math
from collections.abc import Callable, Iterable
from dataclasses import fields
from itertools import pairwise

from blanking.optics import folds_inside_picture
from blanking.plan_values import (
    SHIFT_MARGIN_REL,
    Accuracy,
    CameraModel,
    DirectionMask,
    DirectionPlan,
    ImageMask,
    ImagePlan,
    Plan,
    Point,
)
from blanking.polygons import Fault, check_direction_polygon, check_image_polygon
from vms.errors import InvalidInput

__all__ = [
    "Accuracy",
    "CameraModel",
    "DirectionMask",
    "DirectionPlan",
    "ImageMask",
    "ImagePlan",
    "Plan",
    "parse_plan",
]

_MAX_SIZE_PX = 16384
_MAX_VERTICES = 1000
_MAX_MASKS = 2000
_SHIFT_MARGINS_REL = (0.004, 0.1)
"""Less is not measured surely; of more, nobody could say what the masks hide."""
_REQUIRED_ACCURACY = ("pan_tilt_deg", "zoom_rel", "time_s", "exposure_s")


def parse_plan(document: object) -> Plan:
    """Return the plan that the document describes.

    Args:
        document: what `json.loads` made of a plan file.

    Raises:
        InvalidInput: the document is not a valid plan; the message names the place and what to do.
    """
    plan = _object(
        document, "plan", required=("frame", "kind", "masks"), optional=("camera_model", "accuracy", "shift_margin_rel")
    )
    frame = _object(plan["frame"], "frame", required=("width", "height"))
    width_px = _size(frame["width"], "frame.width")
    height_px = _size(frame["height"], "frame.height")
    masks = _list(plan["masks"], "masks", 0, _MAX_MASKS)
    if plan["kind"] == "directions":
        for key in ("camera_model", "accuracy"):
            if key not in plan:
                raise _bad(key, "is missing", "a plan of kind 'directions' needs it; calibrate the camera first")
        model = _camera_model(plan["camera_model"])
        if (zoom := folds_inside_picture(model, width_px, height_px)) is not None:
            raise _bad(
                "camera_model.k1",
                f"folds the picture back inside the frame at zoom {zoom:g}, so that pixels there have no direction",
                "use a k1 nearer to 0 or a narrower field of view",
            )
        if "shift_margin_rel" in plan:
            raise _bad("shift_margin_rel", "has no meaning in a plan of kind 'directions'", "remove it")
        direction_masks = tuple(direction_mask(mask, f"masks[{i}]") for i, mask in enumerate(masks))
        _refuse_same_ids(mask.id for mask in direction_masks)
        return DirectionPlan(width_px, height_px, model, _accuracy(plan["accuracy"]), direction_masks)
    if plan["kind"] == "image":
        for key in ("camera_model", "accuracy"):
            if key in plan:
                raise _bad(key, "has no meaning in a plan of kind 'image'", "remove it, or use kind 'directions'")
        image_masks = tuple(image_mask(mask, f"masks[{i}]", width_px, height_px) for i, mask in enumerate(masks))
        _refuse_same_ids(mask.id for mask in image_masks)
        margin_rel = _number(plan.get("shift_margin_rel", SHIFT_MARGIN_REL), "shift_margin_rel", *_SHIFT_MARGINS_REL)
        return ImagePlan(width_px, height_px, image_masks, margin_rel)
    raise _bad("kind", f"is {plan['kind']!r}", "use 'directions' (PTZ camera) or 'image' (fixed camera)")


def _bad(place: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(f"Blanking plan: {place} {what}; {remedy}.", code="plan.invalid", place=place)


def _bad_polygon(place: str, name: str, fault: Fault) -> InvalidInput:
    details: dict[str, str | float] = {"place": place, "fault": fault.code, "mask": name}
    if fault.point is not None:
        details["point"] = fault.point
    return InvalidInput(
        f"Blanking plan: {place} (mask {name!r}) {fault.what}; {fault.remedy}.", code="plan.invalid", **details
    )


def _object(
    value: object, place: str, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _bad(place, "is not a JSON object", f"give an object with {', '.join(required + optional)}")
    for key in required:
        if key not in value:
            raise _bad(f"{place}.{key}" if place != "plan" else key, "is missing", "add it")
    for key in value:
        if key not in required and key not in optional:
            raise _bad(place, f"has the unknown key {key!r}", f"known are: {', '.join(required + optional)}")
    return value


def _list(value: object, place: str, least: int, most: int) -> list[object]:
    if not isinstance(value, list):
        raise _bad(place, "is not a list", "give a JSON list")
    if not least <= len(value) <= most:
        raise _bad(place, f"has {len(value)} entries", f"give {least} to {most}")
    return value


def _number(value: object, place: str, least: float, most: float, *, above: float | None = None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad(place, f"is {value!r}, not a number", f"give a number from {least:g} to {most:g}")
    if not math.isfinite(value) or not least <= value <= most or (above is not None and value <= above):
        limits = f"from {least:g} to {most:g}" if above is None else f"above {above:g} and up to {most:g}"
        raise _bad(place, f"is {value!r}", f"give a number {limits}")
    return float(value)


def _size(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 16 <= value <= _MAX_SIZE_PX:
        raise _bad(place, f"is {value!r}", f"give a whole number of pixels from 16 to {_MAX_SIZE_PX}")
    return value


def _pairs(value: object, place: str, least: int, check: Callable[[object, object, str], Point]) -> tuple[Point, ...]:
    points = []
    for i, entry in enumerate(_list(value, place, least, _MAX_VERTICES)):
        here = f"{place}[{i}]"
        pair = _list(entry, here, 2, 2)
        points.append(check(pair[0], pair[1], here))
    return tuple(points)


def _camera_model(value: object) -> CameraModel:
    place = "camera_model"
    keys = (
        "k1",
        "principal_point",
        "mount_deg",
        "pan_scale",
        "tilt_scale",
        "tilt_offset_deg",
        "sensor_roll_deg",
        "register",
    )
    model = _object(value, place, required=("zoom",), optional=keys)
    zoom = _table(model["zoom"], f"{place}.zoom", 0.1, 170.0)
    k1 = _table(model["k1"], f"{place}.k1", -2.0, 2.0) if "k1" in model else ((0.0, 0.0),)
    centre = _list(model.get("principal_point", [0.5, 0.5]), f"{place}.principal_point", 2, 2)
    mount_value = model.get("mount_deg", {})
    mount = _object(mount_value, f"{place}.mount_deg", required=(), optional=("pan", "tilt", "roll"))
    return CameraModel(
        zoom_hfov_deg=zoom,
        zoom_k1=k1,
        principal_point_rel=(
            _number(centre[0], f"{place}.principal_point[0]", 0.0, 1.0),
            _number(centre[1], f"{place}.principal_point[1]", 0.0, 1.0),
        ),
        mount_pan_deg=_number(mount.get("pan", 0.0), f"{place}.mount_deg.pan", -360.0, 360.0),
        mount_tilt_deg=_number(mount.get("tilt", 0.0), f"{place}.mount_deg.tilt", -180.0, 180.0),
        mount_roll_deg=_number(mount.get("roll", 0.0), f"{place}.mount_deg.roll", -180.0, 180.0),
        pan_scale=_scale(model.get("pan_scale", 1.0), f"{place}.pan_scale"),
        tilt_scale=_scale(model.get("tilt_scale", 1.0), f"{place}.tilt_scale"),
        tilt_offset_deg=_number(model.get("tilt_offset_deg", 0.0), f"{place}.tilt_offset_deg", -180.0, 180.0),
        sensor_roll_deg=_number(model.get("sensor_roll_deg", 0.0), f"{place}.sensor_roll_deg", -180.0, 180.0),
        of_shares=_of_shares(model, place),
    )


def _of_shares(model: dict[str, object], place: str) -> bool:
    register = model.get("register", "degrees")
    if register not in {"degrees", "shares"}:
        raise _bad(f"{place}.register", f"is {register!r}", "use 'degrees', or 'shares' for a camera that tells -1..1")
    if register == "shares":
        for key in ("pan_scale", "tilt_scale"):
            if key not in model:
                raise _bad(
                    f"{place}.{key}",
                    "is missing",
                    "with 'shares' give true degrees per share x 180 (pan) and x 90 (tilt)",
                )
    return register == "shares"


def _scale(value: object, place: str) -> float:
    scale = _number(value, place, -10.0, 10.0)
    if abs(scale) < 0.01:
        raise _bad(place, f"is {scale:g}", "give true degrees per reported degree, near 1")
    return scale


def _table(value: object, place: str, least: float, most: float) -> tuple[Point, ...]:
    rows = _pairs(
        value,
        place,
        1,
        lambda zoom, entry, here: (_number(zoom, f"{here}[0]", 0.0, 1.0), _number(entry, f"{here}[1]", least, most)),
    )
    for before, after in pairwise(rows):
        if after[0] <= before[0]:
            raise _bad(place, f"does not ascend at zoom {after[0]:g}", "sort the rows by zoom, each zoom once")
    return rows


def _accuracy(value: object) -> Accuracy:
    place = "accuracy"
    optional = tuple(field.name for field in fields(Accuracy) if field.name not in _REQUIRED_ACCURACY)
    given = _object(value, place, required=_REQUIRED_ACCURACY, optional=optional)
    limits = {
        "pan_tilt_deg": (0.0, 30.0),
        "zoom_rel": (0.0, 0.5),
        "time_s": (0.0, 5.0),
        "exposure_s": (0.0, 1.0),
        "staleness_s": (0.0, 5.0),
        "max_speed_deg_s": (0.0, 2000.0),
        "max_acceleration_deg_s2": (0.0, 100_000.0),
        "max_zoom_rate": (0.0, 1000.0),
        "max_zoom_acceleration": (0.0, 100_000.0),
        "drawing_deg": (0.0, 10.0),
        "parallax_deg": (0.0, 10.0),
    }
    return Accuracy(**{key: _number(given[key], f"{place}.{key}", *limits[key]) for key in given})


def _mask_id(value: object, place: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _bad(f"{place}.id", f"is {value!r}", "give each mask a text that names it")
    return value


def direction_mask(value: object, place: str) -> DirectionMask:
    """Return one mask of a plan in directions.

    Raises:
        InvalidInput: it is no valid mask; its details have `fault`, `mask` and `point` where a polygon is wrong.
    """
    mask = _object(value, place, required=("id", "polygon_deg"))
    name = _mask_id(mask["id"], place)
    here = f"{place}.polygon_deg"
    polygon = _pairs(
        mask["polygon_deg"],
        here,
        3,
        lambda azimuth, elevation, at: (
            _number(azimuth, f"{at}[0]", -360.0, 360.0),
            _number(elevation, f"{at}[1]", -90.0, 90.0),
        ),
    )
    if (fault := check_direction_polygon(polygon)) is not None:
        raise _bad_polygon(here, name, fault)
    return DirectionMask(name, polygon)


def image_mask(value: object, place: str, width_px: int, height_px: int) -> ImageMask:
    """Return one mask of a plan in image fractions; raises as `direction_mask` does."""
    mask = _object(value, place, required=("id", "polygon_rel"))
    name = _mask_id(mask["id"], place)
    here = f"{place}.polygon_rel"
    polygon = _pairs(
        mask["polygon_rel"],
        here,
        3,
        lambda x, y, at: (_number(x, f"{at}[0]", -1.0, 2.0), _number(y, f"{at}[1]", -1.0, 2.0)),
    )
    if (fault := check_image_polygon(polygon, width_px, height_px)) is not None:
        raise _bad_polygon(here, name, fault)
    return ImageMask(name, polygon)


def _refuse_same_ids(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise _bad("masks", f"has the id {name!r} twice", "give each mask its own id")
        seen.add(name)
