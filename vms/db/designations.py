"""Designations, and which of them a placement is under, when. What was decided is never changed: a decision can only be withdrawn."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from vms.db.tables import (
    designation,
    designation_assumption,
    designation_withdrawal,
    placement,
    placement_designation,
)
from vms.errors import Conflict, NotFound
from vms.law.permit import Decision
from vms.model import PlacementId

DESIGNATION_ENDING: Final = "designation-ending"
DESIGNATION_ENDED: Final = "designation-ended"
DESIGNATION_NOTICE: Final = timedelta(days=28)
"""How long before the end of a designation it is told: a mayor's decision is not renewed in a day."""


@dataclass(frozen=True, slots=True)
class Designation:
    """The mayor's decision that an area may have cameras, valid from..until (half-open)."""

    id: str
    area_id: str
    number: str
    legal_basis: str
    valid_from_at: datetime
    valid_until_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def ends_at(self) -> datetime:
        """From when it allows nothing any more."""
        return self.valid_until_at if self.withdrawn_at is None else self.withdrawn_at

    def ending_at(self, now: datetime) -> str | None:
        """Return `DESIGNATION_ENDED` or, in its last four weeks, `DESIGNATION_ENDING`; None while there is time."""
        if self.ends_at <= now:
            return DESIGNATION_ENDED
        return DESIGNATION_ENDING if self.ends_at - now <= DESIGNATION_NOTICE else None


def add(conn: Connection, new: Designation) -> None:
    """Add a designation, as it was decided."""
    conn.execute(
        insert(designation).values(
            id=new.id,
            area_id=new.area_id,
            number=new.number,
            legal_basis=new.legal_basis,
            valid_from_at=new.valid_from_at,
            valid_until_at=new.valid_until_at,
        )
    )


def is_assumed(conn: Connection, designation_id: str) -> bool:
    """Return whether an older version took its number or dates without being told."""
    query = select(designation_assumption.c.designation_id).where(
        designation_assumption.c.designation_id == designation_id
    )
    return conn.execute(query).first() is not None


def complete(conn: Connection, completed: Designation) -> None:
    """Enter the real dates and basis of a designation that an older version assumed them of. From then on it never changes.

    Raises:
        Conflict: nothing was assumed of it, or its withdrawal would lie outside these dates.
    """
    if not is_assumed(conn, completed.id):
        raise Conflict(f"designation {completed.id} is never changed", code="designation.final")
    known = find(conn, completed.id)
    withdrawn_at = None if known is None else known.withdrawn_at
    if withdrawn_at is not None and not completed.valid_from_at <= withdrawn_at < completed.valid_until_at:
        raise Conflict(
            f"designation {completed.number} was withdrawn on {withdrawn_at.isoformat()}: the dates must have that between them",
            code="designation.final",
        )
    conn.execute(
        update(designation)
        .where(designation.c.id == completed.id)
        .values(
            legal_basis=completed.legal_basis,
            valid_from_at=completed.valid_from_at,
            valid_until_at=completed.valid_until_at,
        )
    )
    conn.execute(delete(designation_assumption).where(designation_assumption.c.designation_id == completed.id))


def withdraw(conn: Connection, designation_id: str, *, withdrawn_at: datetime, entered_at: datetime) -> None:
    """End a designation before its time, for good.

    Raises:
        Conflict: it is withdrawn already, or the instant lies outside its validity (when the statement runs).
    """
    conn.execute(
        insert(designation_withdrawal).values(
            designation_id=designation_id, withdrawn_at=withdrawn_at, entered_at=entered_at
        )
    )


def find(conn: Connection, designation_id: str) -> Designation | None:
    """Return one designation, or None."""
    row = conn.execute(_query().where(designation.c.id == designation_id)).one_or_none()
    if row is None:
        return None
    return Designation(
        row.id,
        row.area_id,
        row.number,
        row.legal_basis,
        valid_from_at=row.valid_from_at,
        valid_until_at=row.valid_until_at,
        withdrawn_at=row.withdrawn_at,
    )


def put_under(conn: Connection, placement_id: PlacementId, designation_id: str, at: datetime) -> None:
    """Let a designation count for a placement, from now on or from its own begin, whichever is later.

    Args:
        at: now, or when the placement begins.

    Raises:
        NotFound: there is no such designation.
        Conflict: it has ended, and the placement is or was under another one, which would go on counting.
    """
    found = find(conn, designation_id)
    if found is None:
        raise NotFound(f"there is no designation {designation_id}", code="designation.unknown")
    from_at = max(at, found.valid_from_at)
    last = select(func.coalesce(func.max(placement_designation.c.position), 0)).where(
        placement_designation.c.placement_id == placement_id
    )
    before = conn.execute(last).scalar_one()
    if before and from_at >= found.valid_until_at:
        raise Conflict(
            f"designation {found.number} ended on {found.valid_until_at.isoformat()}: enter the decision that follows it",
            code="designation.ended",
        )
    conn.execute(
        insert(placement_designation).values(
            placement_id=placement_id,
            position=before + 1,
            designation_id=designation_id,
            # The only one of a placement allows nothing once it has ended, whenever it began to apply.
            from_at=from_at if from_at < found.valid_until_at else found.valid_from_at,
        )
    )


def decisions_of(conn: Connection, placement_id: PlacementId) -> tuple[Decision, ...]:
    """Return the decisions that a placement is or was under, in the order in which they were entered."""
    query = _decisions().where(placement_designation.c.placement_id == placement_id)
    return tuple(_decision(row) for row in conn.execute(query))


def decisions_of_all(
    conn: Connection, placement_ids: Collection[str] | None = None
) -> dict[PlacementId, tuple[Decision, ...]]:
    """Return the decisions of each placement, or of each of some."""
    found: dict[PlacementId, list[Decision]] = defaultdict(list)
    query = _decisions()
    if placement_ids is not None:
        query = query.where(placement_designation.c.placement_id.in_(placement_ids))
    for row in conn.execute(query):
        found[PlacementId(row.placement_id)].append(_decision(row))
    return {placement_id: tuple(decisions) for placement_id, decisions in found.items()}


def in_force(placement_id: ColumnElement[str], at: datetime) -> ColumnElement[bool]:
    """Return the condition that a placement may record at an instant, as `vms.law.permit` decides it."""
    later = placement_designation.alias("later")
    counts_later = exists().where(
        later.c.placement_id == placement_designation.c.placement_id,
        later.c.from_at <= at,
        or_(
            later.c.from_at > placement_designation.c.from_at,
            and_(
                later.c.from_at == placement_designation.c.from_at,
                later.c.position > placement_designation.c.position,
            ),
        ),
    )
    # An alias: the condition may stand in a statement about the placement itself.
    place = placement.alias("place")
    return (
        select(designation.c.id)
        .select_from(placement_designation)
        .join(place, place.c.id == placement_designation.c.placement_id)
        .join(designation, designation.c.id == placement_designation.c.designation_id)
        .outerjoin(designation_withdrawal, designation_withdrawal.c.designation_id == designation.c.id)
        .where(
            placement_designation.c.placement_id == placement_id,
            place.c.from_at <= at,
            or_(place.c.until_at.is_(None), place.c.until_at > at),
            placement_designation.c.from_at <= at,
            designation.c.valid_from_at <= at,
            func.coalesce(designation_withdrawal.c.withdrawn_at, designation.c.valid_until_at) > at,
            ~counts_later,
        )
        .exists()
    )


def _query() -> Select[tuple[str, str, str, str, datetime, datetime, datetime | None]]:
    return select(designation, designation_withdrawal.c.withdrawn_at).outerjoin(
        designation_withdrawal, designation_withdrawal.c.designation_id == designation.c.id
    )


def _decisions() -> Select[tuple[str, datetime, str, str, str, datetime, datetime, datetime | None]]:
    return (
        select(
            placement_designation.c.placement_id,
            placement_designation.c.from_at,
            designation.c.id,
            designation.c.number,
            designation.c.legal_basis,
            designation.c.valid_from_at,
            designation.c.valid_until_at,
            designation_withdrawal.c.withdrawn_at,
        )
        .select_from(placement_designation)
        .join(designation, designation.c.id == placement_designation.c.designation_id)
        .outerjoin(designation_withdrawal, designation_withdrawal.c.designation_id == designation.c.id)
        .order_by(placement_designation.c.placement_id, placement_designation.c.position)
    )


def _decision(row: Row[tuple[str, datetime, str, str, str, datetime, datetime, datetime | None]]) -> Decision:
    return Decision(
        id=row.id,
        number=row.number,
        legal_basis=row.legal_basis,
        valid_from_at=row.valid_from_at,
        valid_until_at=row.valid_until_at,
        applies_from_at=row.from_at,
        withdrawn_at=row.withdrawn_at,
    )
