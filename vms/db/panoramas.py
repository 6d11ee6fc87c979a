"""Panoramas: one a placement, as the worker last stored it; what is in it is encrypted."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from vms.db.tables import panorama
from vms.model import PlacementId


@dataclass(frozen=True, slots=True)
class StoredPanorama:
    """A panorama at rest.

    Args:
        plan_version: the plan whose masks are greyed in it.
        begun_at: the oldest picture that can be in it.
        hour_at: the clock hour whose key wraps its key.
        sealed: cipher text.
    """

    placement_id: PlacementId
    plan_version: int
    begun_at: datetime
    made_at: datetime
    due_at: datetime
    hour_at: datetime
    wrapped_key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


def store(conn: Connection, stored: StoredPanorama) -> None:
    """Put a panorama in place of the placement's present one."""
    drop(conn, stored.placement_id)
    conn.execute(
        insert(panorama).values(
            placement_id=stored.placement_id,
            plan_version=stored.plan_version,
            begun_at=stored.begun_at,
            made_at=stored.made_at,
            due_at=stored.due_at,
            hour_at=stored.hour_at,
            wrapped_key=stored.wrapped_key,
            sealed=stored.sealed,
        )
    )


def find(conn: Connection, placement_id: PlacementId) -> StoredPanorama | None:
    """Return a placement's panorama, or None."""
    row = conn.execute(select(panorama).where(panorama.c.placement_id == placement_id)).one_or_none()
    return None if row is None else _from_row(row)


def drop(conn: Connection, placement_id: PlacementId) -> bool:
    """Erase a placement's panorama; return whether there was one."""
    return conn.execute(delete(panorama).where(panorama.c.placement_id == placement_id)).rowcount == 1


def list_due(conn: Connection, now: datetime) -> list[PlacementId]:
    """Return the placements whose panorama is due."""
    query = select(panorama.c.placement_id).where(panorama.c.due_at <= now).order_by(panorama.c.placement_id)
    return [PlacementId(found) for found in conn.execute(query).scalars()]


def _from_row(row: Row[Any]) -> StoredPanorama:
    return StoredPanorama(
        placement_id=PlacementId(row.placement_id),
        plan_version=row.plan_version,
        begun_at=row.begun_at,
        made_at=row.made_at,
        due_at=row.due_at,
        hour_at=row.hour_at,
        wrapped_key=bytes(row.wrapped_key),
        sealed=bytes(row.sealed),
    )
