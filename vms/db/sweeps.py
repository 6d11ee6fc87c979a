"""Sweeps, and the clock sample that outlives a restart: what the clock guard and the brake compare with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from vms.db.tables import clock_sample, sweep
from vms.db.upsert import put
from vms.errors import Conflict
from vms.model import Span


class SweepOutcome(StrEnum):
    """How a sweep ended: GOOD did all that was due; STOPPED doubted the clock, hit the brake or an error."""

    RUNNING = "running"
    GOOD = "good"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One round of erasing; `doubts` are the words of the clock guard and the brake."""

    id: int
    started_at: datetime
    finished_at: datetime | None
    outcome: SweepOutcome
    claimed: int
    destroyed: int
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClockSample:
    """Wall clock and boot-time clock, read together."""

    wall_at: datetime
    boottime_us: int
    boot_id: str


def begin(conn: Connection, started_at: datetime) -> int:
    """Store that a sweep begins; return its id."""
    statement = insert(sweep).values(started_at=started_at, outcome=SweepOutcome.RUNNING.value).returning(sweep.c.id)
    return int(conn.execute(statement).scalar_one())


def finish(
    conn: Connection,
    sweep_id: int,
    *,
    finished_at: datetime,
    outcome: SweepOutcome,
    claimed: int,
    destroyed: int,
    doubts: Sequence[str] = (),
) -> None:
    """Store how a sweep ended.

    Raises:
        Conflict: it is not running.
    """
    statement = (
        update(sweep)
        .where(sweep.c.id == sweep_id, sweep.c.outcome == SweepOutcome.RUNNING.value)
        .values(
            finished_at=finished_at, outcome=outcome.value, claimed=claimed, destroyed=destroyed, doubts=list(doubts)
        )
    )
    if conn.execute(statement).rowcount == 0:
        raise Conflict(f"sweep {sweep_id} is not running", code="sweep.not-running")


def last_good(conn: Connection) -> Sweep | None:
    """Return the newest sweep that did all that was due, or None."""
    query = select(sweep).where(sweep.c.outcome == SweepOutcome.GOOD.value).order_by(sweep.c.id.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None else _from_row(row)


def list_newest(conn: Connection, limit: int = 50) -> list[Sweep]:
    """Return the newest sweeps, newest first."""
    return [_from_row(row) for row in conn.execute(select(sweep).order_by(sweep.c.id.desc()).limit(limit))]


def list_finished(conn: Connection, span: Span) -> list[Sweep]:
    """Return the sweeps that ended within a span, oldest first."""
    query = select(sweep).where(sweep.c.finished_at >= span.start_at, sweep.c.finished_at < span.end_at)
    return [_from_row(row) for row in conn.execute(query.order_by(sweep.c.id))]


def get_clock_sample(conn: Connection) -> ClockSample | None:
    """Return the sample stored last, or None."""
    row = conn.execute(select(clock_sample)).one_or_none()
    return None if row is None else ClockSample(row.wall_at, row.boottime_us, row.boot_id)


def set_clock_sample(conn: Connection, sample: ClockSample) -> None:
    """Replace the stored sample."""
    values = {"wall_at": sample.wall_at, "boottime_us": sample.boottime_us, "boot_id": sample.boot_id}
    # Two daemons may store the first one at once.
    put(conn, clock_sample, {"id": 1}, values)


def _from_row(row: Row[Any]) -> Sweep:
    return Sweep(
        id=row.id,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=SweepOutcome(row.outcome),
        claimed=row.claimed,
        destroyed=row.destroyed,
        doubts=tuple(row.doubts or ()),
    )
