"""Tables with one row a placement that holds, encrypted, something derived from its footage; each knows when it is due."""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table, delete, insert, select

from vms.model import PlacementId

T = TypeVar("T")


class Shelf(Generic[T]):
    """One such table. The dataclass has a field for each column, by the same name, `placement_id` and `due_at` among them."""

    def __init__(self, table: Table, kind: Callable[..., T]) -> None:
        self._table = table
        self._kind = kind
        self._names = [one.name for one in fields(kind)]  # type: ignore[arg-type]  # a dataclass; its class is the callable

    def store(self, conn: Connection, stored: T) -> None:
        """Put what is given in place of what its placement has now."""
        values = {name: getattr(stored, name) for name in self._names}
        self.drop(conn, values["placement_id"])
        conn.execute(insert(self._table).values(values))

    def find(self, conn: Connection, placement_id: PlacementId) -> T | None:
        """Return what a placement has, or None."""
        row = conn.execute(select(self._table).where(self._of(placement_id))).one_or_none()
        if row is None:
            return None
        # One driver gives bytes, the other a memory view.
        return self._kind(**{name: _plain(getattr(row, name)) for name in self._names})

    def drop(self, conn: Connection, placement_id: PlacementId) -> bool:
        """Erase what a placement has; return whether there was anything."""
        return conn.execute(delete(self._table).where(self._of(placement_id))).rowcount == 1

    def list_due(self, conn: Connection, now: datetime) -> list[PlacementId]:
        """Return the placements whose row is due."""
        columns = self._table.c
        query = select(columns.placement_id).where(columns.due_at <= now).order_by(columns.placement_id)
        return [PlacementId(found) for found in conn.execute(query).scalars()]

    def _of(self, placement_id: PlacementId) -> Any:
        return self._table.c.placement_id == placement_id


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value
