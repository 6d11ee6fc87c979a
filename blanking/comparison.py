"""What changes from one plan to another: mask by mask, and above all whether the later one may show more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Protocol, TypeVar

import shapely

from blanking import regions
from blanking.plan_values import Accuracy, DirectionPlan, ImagePlan, Plan, Point
from blanking.regions import Faces
from vms.plan_review import AreaUnit, Loosening, MaskChange, MaskDifference, PlanComparison

Region = TypeVar("Region")
Version_contra = TypeVar("Version_contra", bound=DirectionPlan | ImagePlan, contravariant=True)
_Flat = Any
"""A shapely geometry: its operators carry no types."""
_Outlines = tuple[tuple[Point, ...], ...]


@dataclass(frozen=True, slots=True)
class _Masks(Generic[Region]):
    """Masks of one version by name, as outlines and as regions."""

    outlines: dict[str, tuple[Point, ...]]
    regions: dict[str, Region]


class _Space(Protocol[Version_contra, Region]):
    """Arithmetic of what masks cover."""

    unit: AreaUnit

    def masks(self, plan: Version_contra | None) -> _Masks[Region]:
        """Return a plan's masks; without a plan nothing is masked."""

    def union(self, parts: Sequence[Region]) -> Region:
        """Return what any of the parts covers."""

    def difference(self, one: Region, other: Region) -> Region:
        """Return what only the first covers."""

    def area(self, region: Region) -> float:
        """Return an area; 0 for what is only rounding."""

    def outlines(self, region: Region) -> _Outlines:
        """Return rings that together cover a region."""


class _Sky:
    """Arithmetic of regions of directions, in square degrees."""

    unit = AreaUnit.SQUARE_DEGREES

    def masks(self, plan: DirectionPlan | None) -> _Masks[Faces]:
        """Return a plan's masks; without a plan nothing is masked."""
        outlines = {mask.id: mask.polygon_deg for mask in plan.masks} if plan else {}
        return _Masks(outlines, {name: regions.mask_region(outline) for name, outline in outlines.items()})

    def union(self, parts: Sequence[Faces]) -> Faces:
        return regions.union(parts)

    def difference(self, one: Faces, other: Faces) -> Faces:
        return regions.difference(one, other)

    def area(self, region: Faces) -> float:
        return regions.square_deg(region)

    def outlines(self, region: Faces) -> _Outlines:
        return regions.outlines_deg(region)


class _Picture:
    """Arithmetic of regions of a fixed camera's picture, as shares of it; what lies outside of the picture does not count."""

    unit = AreaUnit.PICTURE
    _FRAME = shapely.box(0.0, 0.0, 1.0, 1.0)
    _NOTHING = 1e-7  # a fifth of a pixel of 1080p

    def masks(self, plan: ImagePlan | None) -> _Masks[_Flat]:
        """Return a plan's masks; without a plan nothing is masked."""
        outlines = {mask.id: mask.polygon_rel for mask in plan.masks} if plan else {}
        return _Masks(outlines, {name: shapely.Polygon(outline) & self._FRAME for name, outline in outlines.items()})

    def union(self, parts: Sequence[_Flat]) -> _Flat:
        return shapely.union_all(list(parts))

    def difference(self, one: _Flat, other: _Flat) -> _Flat:
        return one - other

    def area(self, region: _Flat) -> float:
        area = float(region.area)
        return area if area > self._NOTHING else 0.0

    def outlines(self, region: _Flat) -> _Outlines:
        found: list[tuple[Point, ...]] = []
        for part in shapely.get_parts(region):
            if part.geom_type == "Polygon" and part.area > self._NOTHING:
                whole = shapely.get_parts(shapely.constrained_delaunay_triangles(part)) if part.interiors else [part]
                found.extend(tuple((round(x, 6), round(y, 6)) for x, y in cell.exterior.coords[:-1]) for cell in whole)
        return tuple(found)


def compare_plans(before: Plan | None, after: Plan | None) -> PlanComparison:
    """Compare two versions; None is a version that says that no dwelling is in sight."""
    if isinstance(before, DirectionPlan) and isinstance(after, ImagePlan):
        return _of_two_kinds(_compared(_Sky(), before, None), _compared(_Picture(), None, after))
    if isinstance(before, ImagePlan) and isinstance(after, DirectionPlan):
        return _of_two_kinds(_compared(_Picture(), before, None), _compared(_Sky(), None, after))
    if isinstance(before, ImagePlan) or isinstance(after, ImagePlan):
        assert not isinstance(before, DirectionPlan)
        assert not isinstance(after, DirectionPlan)
        return _compared(_Picture(), before, after)
    return _compared(_Sky(), before, after)


def _of_two_kinds(gone: PlanComparison, come: PlanComparison) -> PlanComparison:
    """Return the comparison of a plan in directions with one in image fractions: all masks go, all others come."""
    return PlanComparison(
        unit=come.unit,
        masks=come.masks + gone.masks,
        lost=0.0,
        gained=come.gained,
        lost_outlines=(),
        loosened=(Loosening.KIND,),
    )


def _compared(
    space: _Space[Version_contra, Region], before: Version_contra | None, after: Version_contra | None
) -> PlanComparison:
    old, new = space.masks(before), space.masks(after)
    renamed = _renamed(old.outlines, new.outlines)
    masks = [_difference(space, old, new, name, renamed) for name in new.outlines]
    taken = set(renamed.values())
    masks += [
        _difference(space, old, new, name, renamed)
        for name in old.outlines
        if name not in new.outlines and name not in taken
    ]
    # What stayed as it is can't be lost; leaving it out keeps the comparison of long plans quick and free of rounding.
    stayed = set(new.outlines.values()) & set(old.outlines.values())
    old_all = space.union([region for name, region in old.regions.items() if old.outlines[name] not in stayed])
    new_all = space.union([region for name, region in new.regions.items() if new.outlines[name] not in stayed])
    staying = space.union([region for name, region in new.regions.items() if new.outlines[name] in stayed])
    lost = space.difference(space.difference(old_all, new_all), staying)
    gained = space.difference(space.difference(new_all, old_all), staying)

    def _in_the_picture(found: Sequence[MaskDifference]) -> Iterator[MaskDifference]:
        for one in found:
            if one.lost == 0.0 and one.gained == 0.0:
                yield one
                continue
            earlier, later = old.regions.get(renamed.get(one.mask_id, one.mask_id)), new.regions.get(one.mask_id)
            shown = _left_of(earlier, new_all)
            hidden = _left_of(later, old_all)
            yield replace(one, newly_shown=shown, newly_hidden=hidden)

    def _left_of(region: Region | None, covered: Region) -> float:
        if region is None:
            return 0.0
        return space.area(space.difference(space.difference(region, covered), staying))

    return PlanComparison(
        unit=space.unit,
        masks=tuple(_in_the_picture(masks)),
        lost=space.area(lost),
        gained=space.area(gained),
        lost_outlines=space.outlines(lost) if space.area(lost) > 0 else (),
        loosened=tuple(_loosenings(before, after, lost=space.area(lost))),
    )


def _renamed(old: dict[str, tuple[Point, ...]], new: dict[str, tuple[Point, ...]]) -> dict[str, str]:
    """Return new name -> old name of masks that have kept their outline under another name."""
    gone = {outline: name for name, outline in old.items() if name not in new}
    return {name: gone[outline] for name, outline in new.items() if name not in old and outline in gone}


def _difference(
    space: _Space[Version_contra, Region], old: _Masks[Region], new: _Masks[Region], name: str, renamed: dict[str, str]
) -> MaskDifference:
    earlier = renamed.get(name, name)
    one, other = old.regions.get(earlier), new.regions.get(name)
    before, after = (0.0 if region is None else space.area(region) for region in (one, other))
    if one is None or other is None:
        change = MaskChange.ADDED if one is None else MaskChange.REMOVED
        return MaskDifference(name, change, before, after, lost=before, gained=after)
    if old.outlines[earlier] == new.outlines[name]:
        change = MaskChange.UNCHANGED if earlier == name else MaskChange.RENAMED
        return MaskDifference(name, change, before, after, lost=0.0, gained=0.0)
    lost, gained = space.area(space.difference(one, other)), space.area(space.difference(other, one))
    if lost == 0.0:
        change = MaskChange.ENLARGED if gained > 0.0 else MaskChange.UNCHANGED
    else:
        change = MaskChange.REDUCED if gained == 0.0 else MaskChange.MOVED
    return MaskDifference(name, change, before, after, lost, gained)


def _loosenings(
    before: DirectionPlan | ImagePlan | None, after: DirectionPlan | ImagePlan | None, *, lost: float
) -> list[Loosening]:
    found = [Loosening.LESS_MASKED] if lost > 0.0 else []
    if before is not None and after is None:
        found.append(Loosening.NOTHING_MASKED)
    if before is None or after is None:
        return found
    if (before.width_px, before.height_px) != (after.width_px, after.height_px):
        found.append(Loosening.CAMERA_MODEL)
    if isinstance(before, DirectionPlan) and isinstance(after, DirectionPlan):
        if before.camera_model != after.camera_model and not found.count(Loosening.CAMERA_MODEL):
            found.append(Loosening.CAMERA_MODEL)
        bounds = [field.name for field in fields(Accuracy)]
        if any(getattr(after.accuracy, name) < getattr(before.accuracy, name) for name in bounds):
            found.append(Loosening.ACCURACY)
    return found
