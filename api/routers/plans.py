"""Blanking plans: drawn by one person, decided about by another. Polygons only: no route here gives a picture."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AfterValidator, Field

from api import planning, proposals
from api.access import Asker
from api.gate import Allow, writes
from api.parts import ApiParts
from api.planning import Checked, Draft
from api.routers.shapes import Body, Identifier, LongText, Moment, ShortText, instant, plain_document
from api.running import running_of
from config.policy import Action
from vms.db import calibrations, placements, plans, users
from vms.db.calibrations import Calibration
from vms.db.plans import PlanVersion
from vms.ledger.acts import Act
from vms.model import CameraKind, PlacementId
from vms.plan_review import PlanComparison, PlanProblem

router = APIRouter(prefix="/api", tags=["plans"])

Viewer = Annotated[Asker, Depends(Allow(Action.PLAN_VIEW))]
Reviewer = Annotated[Asker, Depends(Allow(Action.PLAN_APPROVE))]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
Figure = Annotated[float, Field(allow_inf_nan=False)]
Origins = Annotated[dict[ShortText, dict[ShortText, ShortText | Figure | None]], Field(max_length=2000)]


Json = Annotated[dict[str, Any], AfterValidator(plain_document)]


class Drawn(Body):
    """A draft: a plan, or the statement that no dwelling is in sight, ever."""

    document: Json | None = None
    no_dwelling_in_sight: bool = False
    features: Json | None = None
    origins: Origins = Field(default_factory=dict)
    reason: LongText = ""
    look_again_at: Moment | None = None
    only_check: bool = False


class Approval(Body):
    """The second person's yes; `compared_with` is the version that counted when that person looked."""

    compared_with: Annotated[int, Field(ge=1, le=2**31 - 1)] | None
    confirms_loosening: bool = False
    reason: LongText = ""


class Refusal(Body):
    """The second person's no."""

    reason: LongText


@router.get("/plans", openapi_extra=writes())
def overview(asker: Viewer, request: Request) -> list[dict[str, Any]]:
    """List the placements with the plan that counts and the drafts that wait for another person."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = placements.list_all(conn)
        counting, drafts = plans.current_of_all(conn), plans.waiting(conn)
        measured = {item.id: calibrations.newest(conn, item.id) for item in found if item.camera.kind is CameraKind.PTZ}
        names = _names(conn)
    now = parts.clock.now()
    return [
        {
            "id": item.id,
            "name": item.name,
            "area": {"id": item.area.id, "name": item.area.name},
            "camera": {"id": item.camera.id, "kind": item.camera.kind},
            "ended": item.until_at is not None and item.until_at <= now,
            "frame": _frame(item.status),
            "tilt_range_deg": (item.status or {}).get("tilt_range_deg"),
            "plan": _head(counting[item.id], names) if item.id in counting else None,
            "drafts": [_head(draft, names) for draft in drafts.get(item.id, [])],
            "calibration": _calibration(measured.get(item.id), counting.get(item.id)),
        }
        for item in found
    ]


@router.get("/placements/{placement_id}/plans", openapi_extra=writes())
def list_plans(placement_id: Identifier, asker: Viewer, request: Request) -> list[dict[str, Any]]:
    """List the versions of a placement's blanking plan, newest first, with who drew, decided and why."""
    del asker
    with running_of(request).parts.db.read() as conn:
        placements.get(conn, PlacementId(placement_id))
        versions = plans.list_versions(conn, PlacementId(placement_id))
        names = _names(conn)
    return [_head(version, names) for version in versions]


@router.get("/placements/{placement_id}/plans/{version}", openapi_extra=writes())
def show(placement_id: Identifier, version: Version, asker: Viewer, request: Request) -> dict[str, Any]:
    """Show one version with its masks and where they come from."""
    del asker
    with running_of(request).parts.db.read() as conn:
        found = plans.get(conn, PlacementId(placement_id), version)
        names = _names(conn)
    return {**_head(found, names), "document": found.document, "origins": found.origins}


@router.get("/placements/{placement_id}/plans/{version}/comparison", openapi_extra=writes())
def compare(
    placement_id: Identifier,
    version: Version,
    asker: Viewer,
    request: Request,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> dict[str, Any]:
    """Say what a version changes against another one, mask by mask, and whether it may show more."""
    del asker
    found = planning.compare(running_of(request).parts, PlacementId(placement_id), before, version)
    return {"before": before, "after": version, "comparison": _comparison(found)}


@router.get("/placements/{placement_id}/plans/{version}/features", openapi_extra=writes())
def export(placement_id: Identifier, version: Version, asker: Viewer, request: Request) -> dict[str, Any]:
    """Return the masks of a version as a GeoJSON-like collection, to keep or to take elsewhere."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = plans.get(conn, PlacementId(placement_id), version)
    if found.document is None:
        return {"type": "FeatureCollection", "features": []}
    return parts.plan_review.to_features(found.document, found.origins)


@router.post("/placements/{placement_id}/plans", openapi_extra=writes(Act.PLAN_DRAFT), status_code=201)
def draft(
    placement_id: Identifier,
    body: Drawn,
    asker: Annotated[Asker, Depends(Allow(Action.PLAN_DRAFT))],
    request: Request,
    response: Response,
) -> dict[str, Any]:
    """Store a draft, or with `only_check` say what is wrong with it and what it would change."""
    parts = running_of(request).parts
    drawn = Draft(
        None if body.no_dwelling_in_sight else body.document or {}, body.features, body.origins, body.look_again_at
    )
    if body.only_check:
        response.status_code = 200
        checked = planning.check(parts, PlacementId(placement_id), drawn)
        return {
            "document": checked.document,
            "origins": checked.origins,
            "problems": [_problem(problem) for problem in checked.problems],
            "comparison": _comparison(checked.comparison),
            "proposals": _proposals(parts, PlacementId(placement_id), checked) if body.features is not None else {},
        }
    return _shown(parts, planning.save(parts, PlacementId(placement_id), drawn, body.reason, asker))


@router.post("/placements/{placement_id}/plans/{version}/approve", openapi_extra=writes(Act.PLAN_APPROVE))
def approve(
    placement_id: Identifier, version: Version, body: Approval, asker: Reviewer, request: Request
) -> dict[str, Any]:
    """Make somebody else's draft the plan that counts from now on; one that masks less only with confirmation and reason."""
    parts = running_of(request).parts
    approved = planning.approve(
        parts,
        PlacementId(placement_id),
        version,
        compared_with=body.compared_with,
        confirms_loosening=body.confirms_loosening,
        reason=body.reason,
        asker=asker,
    )
    return _shown(parts, approved)


@router.post("/placements/{placement_id}/plans/{version}/refuse", openapi_extra=writes(Act.PLAN_REFUSE))
def refuse(
    placement_id: Identifier, version: Version, body: Refusal, asker: Reviewer, request: Request
) -> dict[str, Any]:
    """Turn somebody else's draft down for good, with a reason."""
    parts = running_of(request).parts
    return _shown(parts, planning.refuse(parts, PlacementId(placement_id), version, body.reason, asker))


def _proposals(parts: ApiParts, placement_id: PlacementId, checked: Checked) -> dict[str, Any]:
    """Say of each imported mask how it is recognised later, and whether it was rejected before."""
    before = proposals.rejections(parts, placement_id)
    with parts.db.read() as conn:
        names = _names(conn)
    return {
        mask: {
            "sha256": sha256,
            "rejected": None
            if (found := before.get(mask)) is None
            else {
                "by": _person(found.by, names),
                "at": instant(found.at),
                "reason": found.reason,
                "same_outline": found.sha256 == sha256,
            },
        }
        for mask, sha256 in proposals.outlines_of(checked.document).items()
    }


def _names(conn: Any) -> Mapping[str, str]:
    return {account.id: account.display_name for account in users.list_all(conn)}


def _shown(parts: ApiParts, version: PlanVersion) -> dict[str, Any]:
    with parts.db.read() as conn:
        return _head(version, _names(conn))


def _frame(status: Mapping[str, Any] | None) -> dict[str, int] | None:
    """Return the picture's size as its worker last saw it, to begin a first plan with."""
    width, height = (status or {}).get("width"), (status or {}).get("height")
    return {"width": width, "height": height} if isinstance(width, int) and isinstance(height, int) else None


def _calibration(measured: Calibration | None, counting: PlanVersion | None) -> dict[str, Any] | None:
    """Return the last calibration: a plan to draw by, and which masks of the plan that counts no longer fit its optics."""
    if measured is None:
        return None
    template = calibrations.plan_document(measured.measured, [])
    model = (counting.document or {}).get("camera_model") if counting is not None else None
    return {
        "version": measured.version,
        "verdict": measured.measured.verdict,
        "finished_at": instant(measured.measured.finished_at),
        "is_drawn_by": model == template["camera_model"],
        "redraw": [mask["id"] for mask in measured.measured.masks or () if mask.get("redraw")],
        "template": template,
    }


def _head(version: PlanVersion, names: Mapping[str, str]) -> dict[str, Any]:
    review = version.review
    return {
        "version": version.version,
        "state": version.state,
        "no_dwelling_in_sight": version.no_dwelling_in_sight,
        "kind": None if version.document is None else version.document.get("kind"),
        "masks": 0 if version.document is None else len(version.document.get("masks", ())),
        "sha256": version.sha256,
        "reason": version.reason,
        "drawn_by": _person(version.drawn_by, names),
        "drawn_at": instant(version.drawn_at),
        "approved_by": None if version.approved_by is None else _person(version.approved_by, names),
        "approved_at": instant(version.approved_at),
        "look_again_at": instant(version.look_again_at),
        "review": None
        if review is None
        else {
            "approved": review.approved,
            "loosens": review.loosens,
            "reason": review.reason,
            "by": _person(review.reviewed_by, names),
            "at": instant(review.reviewed_at),
        },
    }


def _person(user_id: str, names: Mapping[str, str]) -> dict[str, str]:
    return {"id": user_id, "name": names.get(user_id, user_id)}


def _problem(problem: PlanProblem) -> dict[str, Any]:
    return {"code": problem.code, "place": problem.place, "mask": problem.mask_id, "point": problem.point}


def _comparison(found: PlanComparison | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "unit": found.unit,
        "lost": found.lost,
        "gained": found.gained,
        "lost_outlines": found.lost_outlines,
        "loosened": list(found.loosened),
        "masks": [
            {
                "mask": mask.mask_id,
                "change": mask.change,
                "area_before": mask.area_before,
                "area_after": mask.area_after,
                "lost": mask.lost,
                "gained": mask.gained,
                "newly_shown": mask.newly_shown,
                "newly_hidden": mask.newly_hidden,
            }
            for mask in found.masks
        ],
    }
