"""Blanking plans as people work on them: drafts, reviews by another person, comparison. Each act and its entry in one transaction.

"Never loosened retroactively": a version is immutable, counts for frames from its approval on, and footage names the version that it
was blanked with. A version that masks less than the one that counts is approved only by a person who confirms just that, with a reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.access import Asker
from api.acting import person, record
from api.parts import ApiParts
from api.proposals import decided
from vms.db import placements, plans
from vms.db.plans import PlanVersion
from vms.errors import Conflict, InvalidInput
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Value
from vms.model import CameraKind, PlacementId
from vms.plan_review import Document, PlanComparison, PlanProblem

LEAST_REASON = 10
_KIND_OF = {CameraKind.PTZ: "directions", CameraKind.FIXED: "image"}


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody has drawn.

    Args:
        document: the plan; None declares that no dwelling is in sight, ever.
        features: masks that replace the document's, as they were imported.
        origins: mask id -> where it comes from.
        look_again_at: of the statement that no dwelling is in sight: by when two persons look again.
    """

    document: Document | None
    features: Mapping[str, Any] | None
    origins: Mapping[str, Mapping[str, Any]]
    look_again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft as it would be stored, what is wrong with it, and what it changes.

    Args:
        comparison: with the plan that counts; None where there is none, or where the draft can't be used.
    """

    document: Document | None
    origins: Mapping[str, Mapping[str, Any]]
    problems: tuple[PlanProblem, ...]
    comparison: PlanComparison | None


def check(parts: ApiParts, placement_id: PlacementId, draft: Draft) -> Checked:
    """Look at a draft without storing it.

    Raises:
        NotFound: there is no such placement.
        InvalidInput: it can't be a plan of this camera, or what was imported is no collection of masks.
    """
    with parts.db.read() as conn:
        kind = placements.get(conn, placement_id).camera.kind
        present = plans.current(conn, placement_id)
    document, origins = draft.document, dict(draft.origins)
    if document is None:
        if kind is CameraKind.PTZ:
            raise InvalidInput("a camera that moves can always see a dwelling: draw masks", code="plan.ptz-needs-masks")
        return Checked(None, {}, (), _compared(parts, present, None))
    if document.get("kind") != _KIND_OF[kind]:
        raise InvalidInput(
            f"a {kind} camera's plan is of kind {_KIND_OF[kind]!r}, not {document.get('kind')!r}", code="plan.kind"
        )
    if draft.features is not None:
        read = parts.plan_review.from_features(draft.features, document)
        document, origins = read.document, {**origins, **read.origins}
    problems = parts.plan_review.problems(document)
    names = {mask.get("id") for mask in document.get("masks", ()) if isinstance(mask, Mapping)}
    origins = {name: origin for name, origin in origins.items() if name in names}
    return Checked(document, origins, problems, None if problems else _compared(parts, present, document))


def save(parts: ApiParts, placement_id: PlacementId, draft: Draft, reason: str, asker: Asker) -> PlanVersion:
    """Store a draft that can be used.

    Raises:
        NotFound: there is no such placement.
        InvalidInput: there is no reason, or something is wrong with it: names the first mask and the place.
    """
    if len(reason.strip()) < LEAST_REASON:
        raise InvalidInput("say why the plan is drawn or changed", code="plan.reason", least=LEAST_REASON)
    checked = check(parts, placement_id, draft)
    if checked.problems:
        first = checked.problems[0]
        raise InvalidInput(
            first.message,
            code="plan.invalid",
            fault=first.code,
            place=first.place,
            mask=first.mask_id or first.place,
        )
    with parts.db.write() as conn:
        stored = plans.add_draft(
            conn,
            placement_id,
            document=checked.document,
            reason=reason.strip(),
            drawn_by=asker.subject.user_id,
            drawn_at=parts.clock.now(),
            origins=checked.origins,
            look_again_at=draft.look_again_at,
        )
        obj = _object(stored) | {"reason": Private(stored.reason)} | decided(checked.document, checked.origins)
        record(parts.ledger, conn, Act.PLAN_DRAFT, person(asker.subject, asker.decision), obj)
    return stored


def approve(
    parts: ApiParts,
    placement_id: PlacementId,
    version: int,
    *,
    compared_with: int | None,
    confirms_loosening: bool,
    reason: str,
    asker: Asker,
) -> PlanVersion:
    """Make a draft of somebody else the plan that counts from now on.

    Args:
        compared_with: the version that counted when the approver looked.
        confirms_loosening: the approver has seen in red what would be shown again.
        reason: needed when it loosens.

    Raises:
        NotFound: there is no such version.
        InvalidInput: the approver drew it, it can't be used, or it loosens without confirmation and reason.
        Conflict: it was decided already, or another version counts meanwhile.
    """
    with parts.db.read() as conn:
        draft = plans.get(conn, placement_id, version)
        present = plans.current(conn, placement_id)
    moved_on = Conflict(f"another plan of {placement_id} counts meanwhile", code="plan.moved-on")
    if (present.version if present else None) != compared_with:
        raise moved_on
    comparison = _compared(parts, present, draft.document)
    loosens = comparison is not None and bool(comparison.loosened)
    if loosens and not (confirms_loosening and len(reason.strip()) >= LEAST_REASON):
        raise InvalidInput(
            "this plan masks less than the present one: confirm it and say why that may be",
            code="plan.loosens",
            least=LEAST_REASON,
        )
    with parts.db.write() as conn:
        # The geometry took its time: what counts must still be what was compared.
        counting = plans.current(conn, placement_id)
        if (counting.version if counting else None) != compared_with:
            raise moved_on
        approved = plans.approve(
            conn,
            placement_id,
            version,
            approved_by=asker.subject.user_id,
            approved_at=parts.clock.now(),
            loosens=loosens,
            reason=reason,
        )
        obj = _object(approved) | {
            "replaces": compared_with,
            "loosens": sorted(comparison.loosened) if comparison else [],
            "reason": Private(reason.strip()) if reason.strip() else None,
        }
        record(parts.ledger, conn, Act.PLAN_APPROVE, person(asker.subject, asker.decision), obj)
    return approved


def refuse(parts: ApiParts, placement_id: PlacementId, version: int, reason: str, asker: Asker) -> PlanVersion:
    """Turn somebody else's draft down.

    Raises:
        NotFound: there is no such version.
        InvalidInput: the refuser drew it, or gives no reason.
        Conflict: it was decided already.
    """
    with parts.db.write() as conn:
        refused = plans.refuse(
            conn,
            placement_id,
            version,
            refused_by=asker.subject.user_id,
            refused_at=parts.clock.now(),
            reason=reason,
        )
        obj = _object(refused) | {"reason": Private(reason.strip())}
        record(parts.ledger, conn, Act.PLAN_REFUSE, person(asker.subject, asker.decision), obj)
    return refused


def compare(parts: ApiParts, placement_id: PlacementId, before: int | None, after: int) -> PlanComparison | None:
    """Compare two versions; None when there is no earlier one: then all was grey.

    Raises:
        NotFound: there is no such version.
        InvalidInput: one of them can't be read (any more).
    """
    with parts.db.read() as conn:
        later = plans.get(conn, placement_id, after)
        earlier = None if before is None else plans.get(conn, placement_id, before)
    return _compared(parts, earlier, later.document)


def _compared(parts: ApiParts, before: PlanVersion | None, document: Document | None) -> PlanComparison | None:
    return None if before is None else parts.plan_review.compare(before.document, document)


def _object(version: PlanVersion) -> dict[str, Value]:
    found: dict[str, Value] = {
        "placement_id": version.placement_id,
        "version": version.version,
        "sha256": version.sha256,
    }
    return found | ({"look_again_at": version.look_again_at} if version.look_again_at is not None else {})
