"""What the database knows of the hour keys: that they exist, live, die, or are destroyed. The keys themselves are elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects import postgresql, sqlite

from vms.db.tables import hour_key
from vms.errors import Conflict
from vms.model import HourKeyState


@dataclass(frozen=True, slots=True)
class HourKey:
    """The state of the key of one clock hour (UTC)."""

    hour_at: datetime
    state: HourKeyState
    destroyed_at: datetime | None


def require_live(conn: Connection, hour_at: datetime) -> None:
    """Make sure that the hour has a live key, and that it stays so until the end of this transaction.

    Raises:
        Conflict: the key is dying or destroyed.
    """
    # Two recorders may be the first of an hour at once. Same statement, two builders: SQLAlchemy has no common one.
    maker = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(
        maker(hour_key)
        .values(hour_at=hour_at, state=HourKeyState.LIVE.value)
        .on_conflict_do_nothing(index_elements=["hour_at"])
    )
    query = select(hour_key.c.state).where(hour_key.c.hour_at == hour_at).with_for_update(read=True)
    state = conn.execute(query).scalar_one()
    if state != HourKeyState.LIVE.value:
        raise Conflict(f"the key of the hour {hour_at.isoformat()} is {state}", code="hour-key.not-live")


def get(conn: Connection, hour_at: datetime) -> HourKey | None:
    """Return what is known of the hour's key, or None when nothing was recorded in that hour."""
    row = conn.execute(select(hour_key).where(hour_key.c.hour_at == hour_at)).one_or_none()
    return None if row is None else from_row(row)


def list_in(conn: Connection, state: HourKeyState) -> list[HourKey]:
    """Return the keys in a state, oldest hour first."""
    query = select(hour_key).where(hour_key.c.state == state.value).order_by(hour_key.c.hour_at)
    return [from_row(row) for row in conn.execute(query)]


def from_row(row: Row[Any]) -> HourKey:
    """Return the value of a row of `hour_key`."""
    return HourKey(row.hour_at, HourKeyState(row.state), row.destroyed_at)
