"""Sessions of signed-in people. The cookie's value is never stored, only its SHA-256."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from vms.db.tables import session
from vms.model import UserId


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in.

    Args:
        id: what the ledger calls it; opens nothing.
        seen_at: the last request that counts as activity.
        ends_at: when it ends in any case.
        origin: network address or workstation.
    """

    id: str
    user_id: UserId
    started_at: datetime
    seen_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    origin: str


def token_digest(token: str) -> str:
    """Return what is stored of a cookie's value."""
    return hashlib.sha256(token.encode()).hexdigest()


def start(
    conn: Connection, token: str, *, session_id: str, user_id: UserId, at: datetime, ends_at: datetime, origin: str
) -> Session:
    """Store a new session under its cookie's value."""
    conn.execute(
        insert(session).values(
            token_sha256=token_digest(token),
            id=session_id,
            user_id=user_id,
            started_at=at,
            seen_at=at,
            ends_at=ends_at,
            origin=origin,
        )
    )
    return Session(session_id, user_id, at, at, ends_at, None, origin)


def by_token(conn: Connection, token: str) -> Session | None:
    """Return the session of a cookie's value, ended or not, or None."""
    row = conn.execute(select(session).where(session.c.token_sha256 == token_digest(token))).one_or_none()
    return None if row is None else _from_row(row)


def get(conn: Connection, session_id: str) -> Session | None:
    """Return one session, ended or not, or None."""
    row = conn.execute(select(session).where(session.c.id == session_id)).one_or_none()
    return None if row is None else _from_row(row)


def note_seen(conn: Connection, session_id: str, at: datetime) -> None:
    """Store that the session was active; never moves back, never wakes an ended one."""
    conn.execute(
        update(session)
        .where(session.c.id == session_id, session.c.ended_at.is_(None), session.c.seen_at < at)
        .values(seen_at=at)
    )


def end(conn: Connection, session_id: str, at: datetime) -> bool:
    """End a session.

    Returns:
        Whether this call ended it.
    """
    statement = update(session).where(session.c.id == session_id, session.c.ended_at.is_(None)).values(ended_at=at)
    return conn.execute(statement).rowcount == 1


def end_all_of(conn: Connection, user_id: UserId, at: datetime) -> list[str]:
    """End every session of a person.

    Returns:
        The ids of those that this call ended.
    """
    statement = (
        update(session)
        .where(session.c.user_id == user_id, session.c.ended_at.is_(None))
        .values(ended_at=at)
        .returning(session.c.id)
    )
    return sorted(conn.execute(statement).scalars())


def list_lasting(conn: Connection) -> list[Session]:
    """Return the sessions that nobody has ended, oldest first."""
    query = select(session).where(session.c.ended_at.is_(None)).order_by(session.c.started_at, session.c.id)
    return [_from_row(row) for row in conn.execute(query)]


def _from_row(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        user_id=UserId(row.user_id),
        started_at=row.started_at,
        seen_at=row.seen_at,
        ends_at=row.ends_at,
        ended_at=row.ended_at,
        origin=row.origin,
    )
