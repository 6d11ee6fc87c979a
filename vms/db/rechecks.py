"""Re-checks of what a plan says about its camera, and the landmarks that they go by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from vms.db.derived import Shelf
from vms.db.tables import calibration_check, landmark
from vms.model import CheckOutcome, PlacementId


@dataclass(frozen=True, slots=True)
class Check:
    """A re-check.

    Args:
        plan_version: of the plan whose camera model was held against the street.
        model: digest of that model.
        document: what was found, and the bounds it was held against (docs/calibration.md).
    """

    placement_id: PlacementId
    checked_at: datetime
    plan_version: int
    model: str
    outcome: CheckOutcome
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredLandmarks:
    """Landmarks at rest.

    Args:
        model: digest of the camera model by which they were taken.
        hour_at: the clock hour whose key wraps their key.
        sealed: cipher text.
    """

    placement_id: PlacementId
    model: str
    taken_at: datetime
    due_at: datetime
    hour_at: datetime
    wrapped_key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


LANDMARKS = Shelf(landmark, StoredLandmarks)


def add_check(conn: Connection, check: Check) -> None:
    """Store a re-check."""
    conn.execute(
        insert(calibration_check).values(
            placement_id=check.placement_id,
            checked_at=check.checked_at,
            plan_version=check.plan_version,
            model=check.model,
            outcome=check.outcome.value,
            document=dict(check.document),
        )
    )


def list_checks(conn: Connection, placement_id: PlacementId, most: int = 30) -> list[Check]:
    """Return the last re-checks, newest first."""
    query = select(calibration_check).where(calibration_check.c.placement_id == placement_id)
    rows = conn.execute(query.order_by(calibration_check.c.checked_at.desc()).limit(most))
    return [_check(row) for row in rows]


def last_found(conn: Connection, placement_id: PlacementId, model: str) -> Check | None:
    """Return the last re-check of a camera model that found something, None when there is none."""
    query = select(calibration_check).where(
        calibration_check.c.placement_id == placement_id,
        calibration_check.c.model == model,
        calibration_check.c.outcome != CheckOutcome.NOT_POSSIBLE.value,
    )
    row = conn.execute(query.order_by(calibration_check.c.checked_at.desc()).limit(1)).one_or_none()
    return None if row is None else _check(row)


def _check(row: Row[Any]) -> Check:
    return Check(
        placement_id=PlacementId(row.placement_id),
        checked_at=row.checked_at,
        plan_version=row.plan_version,
        model=row.model,
        outcome=CheckOutcome(row.outcome),
        document=row.document,
    )
