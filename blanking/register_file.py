"""Reading an extract of the building register: BAG-style GeoJSON, in RD New or WGS84."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import shapely
import shapely.affinity
import shapely.geometry

from blanking.rijksdriehoek import to_rd
from vms.errors import InvalidInput

DWELLING: Final = "woonfunctie"
_STOREY_HIGH_M, _ROOF_M = 3.5, 4.0
_STOREY_LOW_M = 2.4
_ASSUMED_M = 15.0
_ID_KEYS: Final = ("identificatie", "pand_identificatie", "id")
_HEIGHT_KEYS: Final = ("hoogte", "hoogte_m", "height")
_STOREY_KEYS: Final = ("bouwlagen", "aantal_bouwlagen", "storeys")


@dataclass(frozen=True, slots=True)
class Building:
    """A building of the register.

    Args:
        id: the register's number.
        footprint: in RD New, metres.
        is_dwelling: somebody may live in it: a purpose says so, or no purpose is given at all.
        height_m: at most, above the ground.
        height_from: `register`, `storeys` or `assumed`.
        sure_height_m: at least; None where nothing is known.
    """

    id: str
    footprint: shapely.Polygon
    is_dwelling: bool
    height_m: float
    height_from: str
    sure_height_m: float | None


def read_buildings(collection: object) -> list[Building]:
    """Return the buildings of a collection; multipolygons become one building a part.

    Raises:
        InvalidInput: it is no such collection; says which feature and what to do.
    """
    if not isinstance(collection, Mapping) or collection.get("type") != "FeatureCollection":
        raise _bad("the file", "is no GeoJSON FeatureCollection of buildings")
    is_rd = _is_rd(collection)
    found = []
    for i, feature in enumerate(collection.get("features") or ()):
        try:
            shape = shapely.geometry.shape(feature["geometry"])
            properties = feature.get("properties") or {}
        except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
            raise _bad(f"features[{i}]", "has no geometry that can be read") from error
        if shape.geom_type not in {"Polygon", "MultiPolygon"}:
            raise _bad(f"features[{i}]", f"is a {shape.geom_type}; give buildings as polygons")
        for part in shapely.get_parts(shape):
            outline = _in_rd(part, f"features[{i}]", is_rd=is_rd)
            found.append(_building(_id(feature, properties, i), outline, properties))
    return found


def _building(identifier: str, outline: shapely.Polygon, properties: Mapping[str, Any]) -> Building:
    height, storeys = _first(properties, _HEIGHT_KEYS), _first(properties, _STOREY_KEYS)
    if height is not None and height > 0:
        return Building(identifier, outline, _is_dwelling(properties), height, "register", height)
    if storeys is not None and storeys > 0:
        tall = storeys * _STOREY_HIGH_M + _ROOF_M
        return Building(identifier, outline, _is_dwelling(properties), tall, "storeys", storeys * _STOREY_LOW_M)
    return Building(identifier, outline, _is_dwelling(properties), _ASSUMED_M, "assumed", None)


def _is_dwelling(properties: Mapping[str, Any]) -> bool:
    """Read the purposes of the building or of its addressable units; a building without any may be lived in."""
    units = properties.get("verblijfsobjecten")
    sources = (
        [properties, *(unit for unit in units if isinstance(unit, Mapping))]
        if isinstance(units, list)
        else [properties]
    )
    purposes: list[str] = []
    for source in sources:
        said = source.get("gebruiksdoel") or source.get("gebruiksdoelen") or []
        purposes += said.split(",") if isinstance(said, str) else [str(one) for one in said]
    return not purposes or any(purpose.strip().casefold() == DWELLING for purpose in purposes)


def _first(properties: Mapping[str, Any], keys: tuple[str, ...]) -> float | None:
    value = next((properties[key] for key in keys if properties.get(key) is not None), None)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _id(feature: Mapping[str, Any], properties: Mapping[str, Any], number: int) -> str:
    return str(
        next((properties[key] for key in _ID_KEYS if properties.get(key)), feature.get("id") or f"pand-{number + 1}")
    )


def _is_rd(collection: Mapping[str, Any]) -> bool:
    crs = collection.get("crs")
    if crs is None:
        return False
    name = str(crs.get("properties", {}).get("name", "")) if isinstance(crs, Mapping) else ""
    if name.endswith("28992"):
        return True
    if name.endswith(("4326", "CRS84", "4258")):
        return False
    raise _bad("crs", f"is {name!r}; give RD New (EPSG:28992) or WGS84")


def _in_rd(part: shapely.Polygon, place: str, *, is_rd: bool) -> shapely.Polygon:
    points = shapely.get_coordinates(part.exterior)
    corners = [(float(x), float(y)) if is_rd else to_rd(float(y), float(x)) for x, y in points]
    if is_rd and not all(-7000 <= x <= 300_000 and 289_000 <= y <= 629_000 for x, y in corners):
        raise _bad(place, "lies outside of the Dutch grid; say in `crs` what its coordinates are")
    outline = shapely.Polygon(corners)
    if outline.is_valid:
        return outline
    hull = outline.convex_hull
    if not isinstance(hull, shapely.Polygon):
        raise _bad(place, "has no area")
    return hull


def _bad(place: str, what: str) -> InvalidInput:
    return InvalidInput(f"Building register: {place} {what}.", code="register.file")
