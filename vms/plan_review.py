"""What is found out about a blanking plan before people decide about it: what is wrong in it, and what it changes.

The values and the port. Geometry is worked out by `blanking`; the API, which may not know `blanking`, is handed a `PlanReview` by the
composition root.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

Document = Mapping[str, Any]
"""A PLAN.json of design section 11."""


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """One thing that makes a plan unusable.

    Args:
        code: the pages have a sentence for it, e.g. `crosses`.
        place: where in the document, e.g. `masks[3].polygon_deg`.
        mask_id: the mask that is wrong, if it is one.
        point: index of the vertex where it is wrong, if it is one.
        message: one English sentence for logs and the command line.
    """

    code: str
    place: str
    mask_id: str | None
    point: int | None
    message: str


class MaskChange(StrEnum):
    """What became of a mask from one version to another."""

    ADDED = "added"
    REMOVED = "removed"
    ENLARGED = "enlarged"
    REDUCED = "reduced"
    MOVED = "moved"
    RENAMED = "renamed"
    UNCHANGED = "unchanged"


class Loosening(StrEnum):
    """Why a version may show something that the other one hid."""

    LESS_MASKED = "less-masked"
    NOTHING_MASKED = "nothing-masked"
    ACCURACY = "accuracy"
    CAMERA_MODEL = "camera-model"
    KIND = "kind"


class AreaUnit(StrEnum):
    """What areas are measured in: square degrees of directions, or the share of a fixed camera's picture."""

    SQUARE_DEGREES = "deg2"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class MaskDifference:
    """One mask in two versions.

    Args:
        mask_id: its name in the later version (in the earlier one when it was removed).
        area_before, area_after: 0 where it does not exist.
        lost, gained: area that only the earlier, only the later one covers.
        newly_shown, newly_hidden: the part of it that no mask of the later, of the earlier version covers: what changes in the picture.
    """

    mask_id: str
    change: MaskChange
    area_before: float
    area_after: float
    lost: float
    gained: float
    newly_shown: float = 0.0
    newly_hidden: float = 0.0


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """What changes from one version to another.

    Args:
        unit: of all areas.
        masks: those of both versions, in the later one's order, then the removed ones.
        lost: area that some mask of the earlier version covered and none of the later one does.
        gained: the other way round.
        lost_outlines: what is lost, as rings in the plan's own coordinates, to be drawn.
        loosened: why the later version may show more; empty when it can't.
    """

    unit: AreaUnit
    masks: tuple[MaskDifference, ...]
    lost: float
    gained: float
    lost_outlines: tuple[tuple[tuple[float, float], ...], ...]
    loosened: tuple[Loosening, ...]


@dataclass(frozen=True, slots=True)
class Features:
    """Masks as they were read from a collection of features.

    Args:
        document: the plan that they were put into.
        origins: mask id -> where it comes from (what the feature's properties said).
    """

    document: Document
    origins: Mapping[str, Mapping[str, Any]]


class PlanReview(Protocol):
    """Work out what people need to know about plans; touches no file, clock or network."""

    def problems(self, document: Document) -> tuple[PlanProblem, ...]:
        """Return everything that is wrong in a plan, mask by mask; empty when it can be used."""

    def compare(self, before: Document | None, after: Document | None) -> PlanComparison:
        """Compare two usable plans; None is a plan that says that no dwelling is in sight."""

    def to_features(self, document: Document, origins: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return a plan's masks as a GeoJSON-like collection of features."""

    def from_features(self, collection: object, document: Document) -> Features:
        """Return the plan with its masks replaced by those of a collection.

        Raises:
            InvalidInput: it is no such collection, or one of another kind of plan; says which feature and what to do.
        """
