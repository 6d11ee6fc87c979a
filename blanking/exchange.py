"""Masks as a GeoJSON-like collection of features, to move them between systems and to draw them elsewhere.

The geometry is that of RFC 7946 (Polygon, closed ring, one ring a feature), but the coordinates are those of the plan: azimuth and
elevation in degrees, or fractions of a fixed camera's picture. The foreign member `vms_plan` says which, so that no map program's
longitude and latitude is ever taken for a direction.
"""

from collections.abc import Mapping
from typing import Any, Final

from vms.errors import InvalidInput
from vms.plan_review import Document, Features

MEMBER: Final = "vms_plan"
_OUTLINE: Final = {"directions": "polygon_deg", "image": "polygon_rel"}


def to_features(document: Document, origins: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return a plan's masks as a collection.

    Args:
        document: a usable plan.
        origins: mask id -> properties that go along, e.g. the register's number.
    """
    key = _OUTLINE[document["kind"]]
    return {
        "type": "FeatureCollection",
        MEMBER: {"kind": document["kind"], "frame": dict(document["frame"])},
        "features": [
            {
                "type": "Feature",
                "id": mask["id"],
                "properties": {**origins.get(mask["id"], {}), "name": mask["id"]},
                "geometry": {"type": "Polygon", "coordinates": [[*mask[key], mask[key][0]]]},
            }
            for mask in document["masks"]
        ],
    }


def from_features(collection: object, document: Document) -> Features:
    """Return the plan with its masks replaced by those of a collection; whether the masks are usable is checked elsewhere.

    Raises:
        InvalidInput: it is no such collection, or one of another kind of plan; says which feature and what to do.
    """
    if not isinstance(collection, Mapping) or collection.get("type") != "FeatureCollection":
        raise _bad("the file", "is no FeatureCollection; export a plan to see what one looks like")
    about = collection.get(MEMBER)
    kind = about.get("kind") if isinstance(about, Mapping) else None
    if kind != document["kind"]:
        raise _bad(
            MEMBER,
            f"says {kind!r}, the plan is of kind {document['kind']!r}; coordinates of one mean nothing in the other",
        )
    features = collection.get("features")
    if not isinstance(features, list):
        raise _bad("features", "is not a list")
    key = _OUTLINE[document["kind"]]
    masks, origins = [], {}
    for i, feature in enumerate(features):
        place = f"features[{i}]"
        properties = feature.get("properties") if isinstance(feature, Mapping) else None
        known = dict(properties) if isinstance(properties, Mapping) else {}
        name = known.pop("name", None) or (feature.get("id") if isinstance(feature, Mapping) else None) or f"m{i + 1}"
        masks.append({"id": str(name), key: _ring(feature, place)})
        if known:
            origins[str(name)] = known
    return Features({**document, "masks": masks}, origins)


def _ring(feature: object, place: str) -> list[list[Any]]:
    geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
    if not isinstance(geometry, Mapping) or geometry.get("type") != "Polygon":
        raise _bad(place, "has no Polygon; split several polygons into features of their own")
    rings = geometry.get("coordinates")
    if not isinstance(rings, list) or len(rings) != 1 or not isinstance(rings[0], list):
        raise _bad(place, "must have exactly one ring: a mask has no holes")
    ring = rings[0]
    if any(not isinstance(point, list) or len(point) < 2 for point in ring):
        raise _bad(place, "has a point that is not [x, y]")
    closed = len(ring) > 1 and ring[0] == ring[-1]
    return [point[:2] for point in (ring[:-1] if closed else ring)]


def _bad(place: str, what: str) -> InvalidInput:
    return InvalidInput(f"Import of masks: {place} {what}.", code="plan.features", place=place)
