"""Acts that one person asks for and another decides: the statements that every such table shares. Nothing here commits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, insert, select, update

from vms.db.tables import clock_override, erasure, hold_release, view_statement
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import AskedState, Role, UserId, checked_text

LEAST_REASON: Final = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for, and what became of it.

    Args:
        requested_as, decided_as: the roles under which both acted.
        lapses_at: from then on it can't be approved.
        ended_at: when it was carried out or lapsed.
    """

    id: str
    state: AskedState
    reason: str
    requested_by: UserId
    requested_as: Role
    requested_at: datetime
    lapses_at: datetime
    decided_by: UserId | None
    decided_as: Role | None
    decided_at: datetime | None
    ended_at: datetime | None


class Desk:
    """Takes requests of one kind and the decisions about them.

    Args:
        table: has the columns of `vms.db.tables.deciding`.
        lapses_after: how long a request waits for its decision.
    """

    def __init__(self, table: Table, lapses_after: timedelta) -> None:
        self._table = table
        self.lapses_after = lapses_after

    def ask(
        self, conn: Connection, asked_id: str, *, reason: str, by: UserId, role: Role, at: datetime, **values: object
    ) -> Asked:
        """Store a request.

        Raises:
            InvalidInput: the reason is too short.
        """
        reason = checked_text(reason, "a reason")
        if len(reason) < LEAST_REASON:
            raise InvalidInput(
                f"say in at least {LEAST_REASON} characters why", code="asking.reason", least=LEAST_REASON
            )
        conn.execute(
            insert(self._table).values(
                id=asked_id,
                state=AskedState.REQUESTED.value,
                reason=reason,
                requested_by=by,
                requested_as=role.value,
                requested_at=at,
                lapses_at=at + self.lapses_after,
                **values,
            )
        )
        return self.get(conn, asked_id)

    def decide(
        self, conn: Connection, asked_id: str, *, refusal: str | None, by: UserId, role: Role, at: datetime
    ) -> Asked:
        """REQUESTED -> APPROVED, or REFUSED with a reason.

        Raises:
            NotFound: there is no such request.
            InvalidInput: the decider asked for it, or refuses without a reason.
            Conflict: it is decided or lapsed.
        """
        if refusal is not None and len(checked_text(refusal, "a reason")) < LEAST_REASON:
            raise InvalidInput("say why it is refused", code="asking.reason", least=LEAST_REASON)
        asked = self.get(conn, asked_id)
        if asked.requested_by == by:
            raise InvalidInput(
                f"{asked_id} must be decided by another person than the one who asked", code="asking.two-persons"
            )
        if asked.state is not AskedState.REQUESTED:
            raise Conflict(f"{asked_id} is {asked.state} already", code="asking.moved-on")
        if not asked.requested_at <= at < asked.lapses_at:
            raise Conflict(f"{asked_id} has waited for too long: ask anew", code="asking.lapsed")
        after = AskedState.APPROVED if refusal is None else AskedState.REFUSED
        decision = {"decided_by": by, "decided_as": role.value, "decided_at": at}
        if not self._move(conn, asked_id, AskedState.REQUESTED, after, **decision):
            raise Conflict(f"{asked_id} is decided already", code="asking.moved-on")
        return self.get(conn, asked_id)

    def approve_alone(self, conn: Connection, asked_id: str) -> Asked:
        """REQUESTED -> APPROVED without a second person; the table says of which requests that may be."""
        if not self._move(conn, asked_id, AskedState.REQUESTED, AskedState.APPROVED):
            raise Conflict(f"{asked_id} is decided already", code="asking.moved-on")
        return self.get(conn, asked_id)

    def withdraw(self, conn: Connection, asked: Asked, at: datetime) -> bool:
        """Take back what is not carried out yet; return whether this call did it."""
        return self._move(conn, asked.id, asked.state, AskedState.WITHDRAWN, ended_at=at)

    def finish(self, conn: Connection, asked_id: str, at: datetime) -> bool:
        """APPROVED -> DONE; return whether this call did it."""
        return self._move(conn, asked_id, AskedState.APPROVED, AskedState.DONE, ended_at=at)

    def expire(self, conn: Connection, asked: Asked, at: datetime) -> bool:
        """End what was not decided, or not carried out, in time; return whether this call did it."""
        return self._move(conn, asked.id, asked.state, AskedState.EXPIRED, ended_at=at)

    def expire_undecided(self, conn: Connection, now: datetime) -> list[Asked]:
        """End the requests that nobody decided in time; return those that this call ended, as they were."""
        return [
            asked
            for asked in self.list_in(conn, AskedState.REQUESTED)
            if now >= asked.lapses_at and self.expire(conn, asked, now)
        ]

    def get(self, conn: Connection, asked_id: str) -> Asked:
        """Return one request.

        Raises:
            NotFound: there is no such request.
        """
        row = conn.execute(select(self._table).where(self._table.c.id == asked_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no request {asked_id}", code="asking.unknown")
        return from_row(row)

    def list_in(self, conn: Connection, state: AskedState) -> list[Asked]:
        """Return the requests in a state, in the order in which they were made."""
        query = select(self._table).where(self._table.c.state == state.value)
        return [from_row(row) for row in conn.execute(query.order_by(self._table.c.requested_at, self._table.c.id))]

    def list_newest(self, conn: Connection, limit: int = 100) -> list[Asked]:
        """Return the newest requests, newest first."""
        query = select(self._table).order_by(self._table.c.requested_at.desc(), self._table.c.id).limit(limit)
        return [from_row(row) for row in conn.execute(query)]

    def _move(self, conn: Connection, asked_id: str, before: AskedState, after: AskedState, **values: object) -> bool:
        statement = (
            update(self._table)
            .where(self._table.c.id == asked_id, self._table.c.state == before.value)
            .values(state=after.value, **values)
        )
        return conn.execute(statement).rowcount == 1


def from_row(row: Row[Any]) -> Asked:
    """Return what a row says of a request."""
    return Asked(
        id=row.id,
        state=AskedState(row.state),
        reason=row.reason,
        requested_by=UserId(row.requested_by),
        requested_as=Role(row.requested_as),
        requested_at=row.requested_at,
        lapses_at=row.lapses_at,
        decided_by=None if row.decided_by is None else UserId(row.decided_by),
        decided_as=None if row.decided_as is None else Role(row.decided_as),
        decided_at=row.decided_at,
        ended_at=row.ended_at,
    )


OVERRIDES: Final = Desk(clock_override, timedelta(minutes=30))
"""Requests to take two persons' word that the clock is right."""

ERASURES: Final = Desk(erasure, timedelta(hours=24))
"""Requests to erase footage before its time."""

VIEW_STATEMENTS: Final = Desk(view_statement, timedelta(hours=24))
"""Requests to take two persons' word that the plan of a fixed camera fits what it shows now."""

HOLD_RELEASES: Final = Desk(hold_release, timedelta(days=7))
"""Requests to let go of a hold."""
