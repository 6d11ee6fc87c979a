"""Blanking plans: drawn by one person, approved by another; at most one per placement counts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from vms.db.tables import placement, plan, plan_review
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import PlacementId, PlanState, UserId

LOOK_AGAIN_AFTER: Final = timedelta(days=365)
"""How long two signatures under "no dwelling in sight" count at most before somebody looks again."""
LOOK_AGAIN_NOTICE: Final = timedelta(days=28)
"""How long before that date it is told."""


@dataclass(frozen=True, slots=True)
class Review:
    """What another person decided about a draft.

    Args:
        approved: or refused.
        loosens: it shows something that the version before it hid.
        reason: never empty for a refusal and for what loosens.
    """

    approved: bool
    loosens: bool
    reason: str
    reviewed_by: UserId
    reviewed_at: datetime


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """Version n of a placement's masks and camera model. What was drawn never changes.

    Args:
        document: the PLAN.json of design section 11; None exactly when no dwelling is in sight, ever.
        sha256: of the document's canonical JSON (the word null when there is none).
        origins: mask id -> where the mask comes from; masks drawn by hand are not in it.
        look_again_at: by when two persons look again whether no dwelling is in sight; None for a plan with masks.
        review: None as long as nobody decided, and for versions from before reviews were kept.
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
    origins: Mapping[str, Mapping[str, Any]]
    look_again_at: datetime | None
    review: Review | None


def add_draft(
    conn: Connection,
    placement_id: PlacementId,
    *,
    document: Mapping[str, Any] | None,
    reason: str,
    drawn_by: UserId,
    drawn_at: datetime,
    origins: Mapping[str, Mapping[str, Any]] | None = None,
    look_again_at: datetime | None = None,
) -> PlanVersion:
    """Store a draft under the placement's next version number.

    Args:
        document: the plan, or None to declare that no dwelling is in sight, ever.
        reason: why it is drawn or changed.
        origins: mask id -> where the mask comes from.
        look_again_at: of "no dwelling in sight": by when two persons look again; None: after `LOOK_AGAIN_AFTER`.

    Raises:
        NotFound: there is no such placement.
        InvalidInput: there is no reason, or the date is past, too far ahead, or of a plan with masks.
    """
    look_again_at = _look_again_at(document, look_again_at, drawn_at)
    if not reason.strip():
        raise InvalidInput("a plan needs a reason: say why it is drawn or changed", code="plan.reason", least=1)
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
            origins=dict(origins) if origins else None,
            look_again_at=look_again_at,
        )
    )
    return get(conn, placement_id, version)


def approve(
    conn: Connection,
    placement_id: PlacementId,
    version: int,
    *,
    approved_by: UserId,
    approved_at: datetime,
    loosens: bool = False,
    reason: str = "",
) -> PlanVersion:
    """Make a draft the plan that counts; the one that counted until now is withdrawn.

    Args:
        loosens: it shows something that the plan that counts hides.
        reason: why that may be; needed then.

    Raises:
        NotFound: there is no such version.
        InvalidInput: the approver drew it, it loosens without a reason, or its date to look again has come.
        Conflict: it is no draft, or a newer version was approved meanwhile.
    """
    draft = _draft_for(conn, placement_id, version, approved_by)
    if draft.look_again_at is not None and draft.look_again_at <= approved_at:
        raise _look_again_refused()
    if loosens and not reason.strip():
        raise InvalidInput(
            "this plan masks less than the present one: say why that may be", code="plan.loosens", least=1
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
    _add_review(conn, draft, Review(True, loosens, reason.strip(), approved_by, approved_at))
    return get(conn, placement_id, version)


def refuse(
    conn: Connection, placement_id: PlacementId, version: int, *, refused_by: UserId, refused_at: datetime, reason: str
) -> PlanVersion:
    """Turn a draft down for good; whoever drew it draws another.

    Raises:
        NotFound: there is no such version.
        InvalidInput: the refuser drew it, or gives no reason.
        Conflict: it was decided already.
    """
    draft = _draft_for(conn, placement_id, version, refused_by)
    if not reason.strip():
        raise InvalidInput("a refusal needs a reason: say what is wrong with the plan", code="plan.refusal-reason")
    if draft.state is not PlanState.DRAFT:
        raise Conflict(f"version {version} of {placement_id} was decided already", code="plan.moved-on")
    _add_review(conn, draft, Review(False, False, reason.strip(), refused_by, refused_at))
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
    query = _query().where(plan.c.placement_id == placement_id, plan.c.state == PlanState.APPROVED.value)
    row = conn.execute(query).one_or_none()
    return None if row is None else _from_row(row)


def current_version(conn: Connection, placement_id: PlacementId) -> int | None:
    """Return the version that counts, or None: for those who ask often, without the document and its masks."""
    query = select(plan.c.version).where(plan.c.placement_id == placement_id, plan.c.state == PlanState.APPROVED.value)
    return conn.execute(query).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class PlanHead:
    """What lists show of a plan that counts."""

    version: int
    no_dwelling_in_sight: bool


def current_heads(conn: Connection) -> dict[PlacementId, PlanHead]:
    """Return what lists show of the plans that count: pages ask every few seconds, and documents are large."""
    query = select(plan.c.placement_id, plan.c.version, plan.c.no_dwelling_in_sight)
    rows = conn.execute(query.where(plan.c.state == PlanState.APPROVED.value))
    return {PlacementId(row.placement_id): PlanHead(row.version, row.no_dwelling_in_sight) for row in rows}


def current_of_all(conn: Connection) -> dict[PlacementId, PlanVersion]:
    """Return the plans that count."""
    rows = conn.execute(_query().where(plan.c.state == PlanState.APPROVED.value))
    return {PlacementId(row.placement_id): _from_row(row) for row in rows}


def waiting(conn: Connection) -> dict[PlacementId, list[PlanVersion]]:
    """Return the drafts that another person can still decide about, newest first: those newer than the plan that counts."""
    query = _query().where(plan.c.state == PlanState.DRAFT.value, plan_review.c.version.is_(None))
    counting = {
        row.placement_id: row.version
        for row in conn.execute(
            select(plan.c.placement_id, plan.c.version).where(plan.c.state == PlanState.APPROVED.value)
        )
    }
    found: dict[PlacementId, list[PlanVersion]] = {}
    for row in conn.execute(query.order_by(plan.c.placement_id, plan.c.version.desc())):
        if row.version > counting.get(row.placement_id, 0):
            found.setdefault(PlacementId(row.placement_id), []).append(_from_row(row))
    return found


def due_to_look_again(conn: Connection, now: datetime) -> list[PlanVersion]:
    """Return the statements in use that no dwelling is in sight and that must be looked at again soon, or should have been."""
    query = (
        _query()
        .join(placement, placement.c.id == plan.c.placement_id)
        .where(
            plan.c.state == PlanState.APPROVED.value,
            placement.c.until_at.is_(None),
            plan.c.look_again_at <= now + LOOK_AGAIN_NOTICE,
        )
    )
    return [_from_row(row) for row in conn.execute(query.order_by(plan.c.placement_id))]


def get(conn: Connection, placement_id: PlacementId, version: int) -> PlanVersion:
    """Return one version.

    Raises:
        NotFound: there is no such version.
    """
    query = _query().where(plan.c.placement_id == placement_id, plan.c.version == version)
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"placement {placement_id} has no plan version {version}", code="plan.unknown")
    return _from_row(row)


def list_versions(conn: Connection, placement_id: PlacementId) -> list[PlanVersion]:
    """Return all versions, newest first."""
    query = _query().where(plan.c.placement_id == placement_id).order_by(plan.c.version.desc())
    return [_from_row(row) for row in conn.execute(query)]


def digest(document: Mapping[str, Any] | None) -> str:
    """Return the SHA-256 (hexadecimal) of the document's JSON with sorted keys and no blanks."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _look_again_at(
    document: Mapping[str, Any] | None, asked_at: datetime | None, drawn_at: datetime
) -> datetime | None:
    latest_at = drawn_at + LOOK_AGAIN_AFTER
    if document is None and asked_at is None:
        return latest_at
    if asked_at is not None and (document is not None or not drawn_at < asked_at <= latest_at):
        raise _look_again_refused()
    return asked_at


def _look_again_refused() -> InvalidInput:
    return InvalidInput(
        f'"no dwelling in sight" is looked at again within {LOOK_AGAIN_AFTER.days} days: give a day in that time',
        code="plan.look-again",
        days=LOOK_AGAIN_AFTER.days,
    )


def _draft_for(conn: Connection, placement_id: PlacementId, version: int, reviewer: UserId) -> PlanVersion:
    """Return a version for somebody's decision, with the placement's row locked: decisions come one after another."""
    conn.execute(select(placement.c.id).where(placement.c.id == placement_id).with_for_update())
    draft = get(conn, placement_id, version)
    if draft.drawn_by == reviewer:
        raise InvalidInput(
            "a plan must be approved by another person than the one who drew it", code="plan.two-persons"
        )
    return draft


def _add_review(conn: Connection, draft: PlanVersion, review: Review) -> None:
    conn.execute(
        insert(plan_review).values(
            placement_id=draft.placement_id,
            version=draft.version,
            verdict="approved" if review.approved else "refused",
            loosens=review.loosens,
            reason=review.reason,
            reviewed_by=review.reviewed_by,
            reviewed_at=review.reviewed_at,
        )
    )


def _query() -> Select[Any]:
    return select(
        plan,
        plan_review.c.verdict,
        plan_review.c.loosens,
        plan_review.c.reason.label("review_reason"),
        plan_review.c.reviewed_by,
        plan_review.c.reviewed_at,
    ).outerjoin(
        plan_review, (plan_review.c.placement_id == plan.c.placement_id) & (plan_review.c.version == plan.c.version)
    )


def _withdraw_current(conn: Connection, placement_id: PlacementId) -> int:
    statement = (
        update(plan)
        .where(plan.c.placement_id == placement_id, plan.c.state == PlanState.APPROVED.value)
        .values(state=PlanState.WITHDRAWN.value)
    )
    return conn.execute(statement).rowcount


def _from_row(row: Row[Any]) -> PlanVersion:
    review = None
    if row.verdict is not None:
        review = Review(
            row.verdict == "approved", row.loosens, row.review_reason, UserId(row.reviewed_by), row.reviewed_at
        )
    return PlanVersion(
        placement_id=PlacementId(row.placement_id),
        version=row.version,
        state=PlanState.REFUSED if row.verdict == "refused" else PlanState(row.state),
        document=row.document,
        no_dwelling_in_sight=row.no_dwelling_in_sight,
        sha256=row.sha256,
        reason=row.reason,
        drawn_by=UserId(row.drawn_by),
        drawn_at=row.drawn_at,
        approved_by=None if row.approved_by is None else UserId(row.approved_by),
        approved_at=row.approved_at,
        origins=row.origins or {},
        look_again_at=row.look_again_at,
        review=review,
    )
