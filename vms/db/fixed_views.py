"""Cameras that do not turn: whether one was found moved under its plan, and two persons' word that the plan fits again.

What the worker finds and what persons say stands in `calibration_check`, by a model that names the plan's version.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from vms.db import plans, rechecks
from vms.db.asking import VIEW_STATEMENTS, Asked, from_row
from vms.db.rechecks import Check
from vms.db.tables import calibration_check, view_statement
from vms.errors import Conflict
from vms.model import AskedState, CheckOutcome, PlacementId, Role, UserId, ViewStatementId


@dataclass(frozen=True, slots=True)
class ViewStanding:
    """What is known of the view under a plan.

    Args:
        moved: it was found moved, and no two persons have said since that the plan fits.
        confirmed_at: when two persons said so last.
        has_landmarks: landmarks were taken since then, or since the plan was approved.
        moved_at: when it was found moved.
    """

    moved: bool
    confirmed_at: datetime | None
    has_landmarks: bool
    moved_at: datetime | None = None

    def key(self, version: int) -> str:
        """Name the landmarks: those from before persons looked count no more."""
        return f"{model_of(version)}:{'' if self.confirmed_at is None else self.confirmed_at.isoformat()}"


def model_of(version: int) -> str:
    """Return what the checks of a plan's view are filed under."""
    return f"view:{version}"


def standing(conn: Connection, placement_id: PlacementId, version: int) -> ViewStanding:
    """Return how the view under a plan stands."""
    columns = calibration_check.c
    query = select(columns.checked_at, columns.outcome).where(
        columns.placement_id == placement_id, columns.model == model_of(version)
    )
    moved_at = confirmed_at = None
    has_landmarks = False
    for checked_at, outcome in conn.execute(query.order_by(columns.checked_at)):
        if outcome == CheckOutcome.STEADY.value:
            moved_at, confirmed_at, has_landmarks = None, checked_at, False
        elif outcome == CheckOutcome.DRIFTED.value:
            moved_at = checked_at
        else:
            has_landmarks = True
    return ViewStanding(moved_at is not None, confirmed_at, has_landmarks, moved_at)


def add_finding(
    conn: Connection,
    placement_id: PlacementId,
    version: int,
    *,
    outcome: CheckOutcome,
    document: dict[str, Any],
    at: datetime,
) -> None:
    """Store what was found, or what two persons said: the last word.

    It is stored as later than what is there, whatever the clocks say that the worker and the API go by: what was found after two persons
    had looked must not count as found before.
    """
    columns = calibration_check.c
    newest = conn.execute(select(func.max(columns.checked_at)).where(columns.placement_id == placement_id)).scalar()
    if newest is not None:
        at = max(at, newest + timedelta(microseconds=1))
    rechecks.add_check(conn, Check(placement_id, at, version, model_of(version), outcome, document))


def ask(
    conn: Connection,
    statement_id: ViewStatementId,
    *,
    placement_id: PlacementId,
    reason: str,
    by: UserId,
    role: Role,
    at: datetime,
) -> Asked:
    """Store one person's word that the plan that counts fits what the camera shows now.

    Raises:
        Conflict: there is no such plan, or somebody's word waits for a second person already.
        InvalidInput: the reason is too short.
    """
    current = plans.current(conn, placement_id)
    if current is None:
        raise Conflict(f"{placement_id} has no approved plan", code="view.no-plan")
    if any(one.state is AskedState.REQUESTED and at < one.lapses_at for one in list_newest(conn, placement_id)):
        raise Conflict("a statement about this camera waits for a second person already", code="view.waits")
    values = {"placement_id": placement_id, "plan_version": current.version}
    return VIEW_STATEMENTS.ask(conn, statement_id, reason=reason, by=by, role=role, at=at, **values)


def decide(
    conn: Connection, statement_id: ViewStatementId, *, refusal: str | None, by: UserId, role: Role, at: datetime
) -> tuple[Asked, PlacementId, int]:
    """Let a second person say so too, or refuse; from then on the plan counts again, and landmarks are taken anew.

    Raises:
        VmsError: as `Desk.decide` says.
        Conflict: another plan counts now.
    """
    asked = VIEW_STATEMENTS.decide(conn, statement_id, refusal=refusal, by=by, role=role, at=at)
    row = conn.execute(select(view_statement).where(view_statement.c.id == statement_id)).one()
    placement_id, version = PlacementId(row.placement_id), int(row.plan_version)
    if refusal is None:
        current = plans.current(conn, placement_id)
        if current is None or current.version != version:
            raise Conflict("another plan counts now: this statement is about an older one", code="view.other-plan")
        document = {"statement_id": statement_id, "grey": False}
        add_finding(conn, placement_id, version, outcome=CheckOutcome.STEADY, document=document, at=at)
        VIEW_STATEMENTS.finish(conn, statement_id, at)
        asked = VIEW_STATEMENTS.get(conn, statement_id)
    return asked, placement_id, version


def list_newest(conn: Connection, placement_id: PlacementId, most: int = 10) -> list[Asked]:
    """Return the newest statements about a placement, newest first."""
    query = select(view_statement).where(view_statement.c.placement_id == placement_id)
    rows = conn.execute(query.order_by(view_statement.c.requested_at.desc(), view_statement.c.id).limit(most))
    return [from_row(row) for row in rows]
