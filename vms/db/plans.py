"""Blanking plans: drawn by one person, approved by another; at most one per placement counts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from vms.db.tables import placement, plan
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import PlacementId, PlanState, UserId


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """Version n of a placement's masks and camera model.

    Args:
        document: the PLAN.json of design section 11; None exactly when no dwelling is in sight, ever.
        sha256: of the document's canonical JSON (the word null when there is none).
    """

    placement_id: PlacementId
    version: int
    state: PlanState
    document: Mapping[str, Any] | None
    no_dwelling_in_sight: bool
    sha256: str
    reason: str
    drawn_by: UserId
    drawn_at: datetime
    approved_by: UserId | None
    approved_at: datetime | None


def add_draft(
    conn: Connection,
    placement_id: PlacementId,
    *,
    document: Mapping[str, Any] | None,
    reason: str,
    drawn_by: UserId,
    drawn_at: datetime,
) -> PlanVersion:
    """Store a draft under the placement's next version number.

    Args:
        document: the plan, or None to declare that no dwelling is in sight, ever.
        reason: why it is drawn or changed.

    Raises:
        NotFound: there is no such placement.
        InvalidInput: there is no reason.
    """
    if not reason.strip():
        raise InvalidInput("a plan needs a reason: say why it is drawn or changed", code="plan.reason")
    # The placement's row serialises the numbering (PostgreSQL).
    if conn.execute(select(placement.c.id).where(placement.c.id == placement_id).with_for_update()).first() is None:
        raise NotFound(f"there is no placement {placement_id}", code="placement.unknown")
    highest = conn.execute(select(func.max(plan.c.version)).where(plan.c.placement_id == placement_id)).scalar_one()
    version = (highest or 0) + 1
    conn.execute(
        insert(plan).values(
            placement_id=placement_id,
            version=version,
            state=PlanState.DRAFT.value,
            document=None if document is None else dict(document),
            no_dwelling_in_sight=document is None,
            sha256=digest(document),
            reason=reason,
            drawn_by=drawn_by,
            drawn_at=drawn_at,
        )
    )
    return get(conn, placement_id, version)


def approve(
    conn: Connection, placement_id: PlacementId, version: int, *, approved_by: UserId, approved_at: datetime
) -> PlanVersion:
    """Make a draft the plan that counts; the one that counted until now is withdrawn.

    Raises:
        NotFound: there is no such version.
        InvalidInput: the approver drew it.
        Conflict: it is no draft, or a newer version was approved meanwhile.
    """
    conn.execute(select(placement.c.id).where(placement.c.id == placement_id).with_for_update())
    draft = get(conn, placement_id, version)
    if draft.drawn_by == approved_by:
        raise InvalidInput(
            "a plan must be approved by another person than the one who drew it", code="plan.two-persons"
        )
    present = current(conn, placement_id)
    if draft.state is not PlanState.DRAFT or (present is not None and present.version > version):
        raise Conflict(f"version {version} of {placement_id} can't be approved any more", code="plan.moved-on")
    _withdraw_current(conn, placement_id)
    conn.execute(
        update(plan)
        .where(plan.c.placement_id == placement_id, plan.c.version == version)
        .values(state=PlanState.APPROVED.value, approved_by=approved_by, approved_at=approved_at)
    )
    return get(conn, placement_id, version)


def withdraw(conn: Connection, placement_id: PlacementId) -> None:
    """Let no plan count: the placement goes grey until another is approved.

    Raises:
        Conflict: none counted.
    """
    if _withdraw_current(conn, placement_id) == 0:
        raise Conflict(f"placement {placement_id} has no approved plan", code="plan.none")


def current(conn: Connection, placement_id: PlacementId) -> PlanVersion | None:
    """Return the plan that counts, or None: then everything is grey."""
    row = conn.execute(
        select(plan).where(plan.c.placement_id == placement_id, plan.c.state == PlanState.APPROVED.value)
    ).one_or_none()
    return None if row is None else _from_row(row)


def current_of_all(conn: Connection) -> dict[PlacementId, PlanVersion]:
    """Return the plans that count."""
    rows = conn.execute(select(plan).where(plan.c.state == PlanState.APPROVED.value))
    return {PlacementId(row.placement_id): _from_row(row) for row in rows}


def get(conn: Connection, placement_id: PlacementId, version: int) -> PlanVersion:
    """Return one version.

    Raises:
        NotFound: there is no such version.
    """
    row = conn.execute(select(plan).where(plan.c.placement_id == placement_id, plan.c.version == version)).one_or_none()
    if row is None:
        raise NotFound(f"placement {placement_id} has no plan version {version}", code="plan.unknown")
    return _from_row(row)


def list_versions(conn: Connection, placement_id: PlacementId) -> list[PlanVersion]:
    """Return all versions, newest first."""
    query = select(plan).where(plan.c.placement_id == placement_id).order_by(plan.c.version.desc())
    return [_from_row(row) for row in conn.execute(query)]


def digest(document: Mapping[str, Any] | None) -> str:
    """Return the SHA-256 (hexadecimal) of the document's JSON with sorted keys and no blanks."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _withdraw_current(conn: Connection, placement_id: PlacementId) -> int:
    statement = (
        update(plan)
        .where(plan.c.placement_id == placement_id, plan.c.state == PlanState.APPROVED.value)
        .values(state=PlanState.WITHDRAWN.value)
    )
    return conn.execute(statement).rowcount


def _from_row(row: Row[Any]) -> PlanVersion:
    return PlanVersion(
        placement_id=PlacementId(row.placement_id),
        version=row.version,
        state=PlanState(row.state),
        document=row.document,
        no_dwelling_in_sight=row.no_dwelling_in_sight,
        sha256=row.sha256,
        reason=row.reason,
        drawn_by=UserId(row.drawn_by),
        drawn_at=row.drawn_at,
        approved_by=None if row.approved_by is None else UserId(row.approved_by),
        approved_at=row.approved_at,
    )
