"""Review of blanking plans for people: every problem at once, comparison, and exchange as features. Implements `vms.plan_review`."""

from collections.abc import Mapping
from typing import Any

from blanking import exchange
from blanking.comparison import compare_plans
from blanking.plan import direction_mask, image_mask, parse_plan
from vms.errors import InvalidInput
from vms.plan_review import Document, Features, PlanComparison, PlanProblem


class BlankingReview:
    """The `PlanReview` of the product."""

    def problems(self, document: Document) -> tuple[PlanProblem, ...]:
        """Return everything that is wrong in a plan, mask by mask; empty when it can be used."""
        masks = document.get("masks") if isinstance(document, Mapping) else None
        if not isinstance(masks, list):
            return _caught(document)
        whole = _caught({**document, "masks": []})
        if whole:
            return whole
        if not masks:
            return (
                PlanProblem("empty", "masks", None, None, "Blanking plan: masks is empty; draw at least one mask."),
            )
        found = [problem for i, mask in enumerate(masks) for problem in _of_mask(document, mask, f"masks[{i}]")]
        # Doubled names and too many masks only show in the plan as a whole.
        return tuple(found) or _caught(document)

    def compare(self, before: Document | None, after: Document | None) -> PlanComparison:
        """Compare two usable plans; None is a plan that says that no dwelling is in sight."""
        return compare_plans(*(None if document is None else parse_plan(document) for document in (before, after)))

    def to_features(self, document: Document, origins: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return a plan's masks as a GeoJSON-like collection of features."""
        return exchange.to_features(document, origins)

    def from_features(self, collection: object, document: Document) -> Features:
        """Return the plan with its masks replaced by those of a collection."""
        return exchange.from_features(collection, document)


def _of_mask(document: Document, mask: object, place: str) -> tuple[PlanProblem, ...]:
    try:
        if document["kind"] == "image":
            image_mask(mask, place, document["frame"]["width"], document["frame"]["height"])
        else:
            direction_mask(mask, place)
    except InvalidInput as error:
        return (_problem(error, mask),)
    return ()


def _caught(document: object) -> tuple[PlanProblem, ...]:
    try:
        parse_plan(document)
    except InvalidInput as error:
        return (_problem(error, None),)
    return ()


def _problem(error: InvalidInput, mask: object) -> PlanProblem:
    name = mask.get("id") if isinstance(mask, Mapping) else None
    outline = next(
        (mask[key] for key in ("polygon_deg", "polygon_rel") if isinstance(mask, Mapping) and key in mask), None
    )
    is_short = isinstance(outline, list) and len(outline) < 3
    point = error.details.get("point")
    return PlanProblem(
        code="few-points" if is_short else str(error.details.get("fault", "format")),
        place=str(error.details.get("place", "plan")),
        mask_id=name if isinstance(name, str) else None,
        point=None if point is None else int(point),
        message=str(error),
    )
