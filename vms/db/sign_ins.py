"""Attempts to sign in of the last minutes, written before the password is looked at: who tries too often waits, in every process alike.

A name is kept as 16 bits of its digest only. That is enough to count by, whether or not it has an account, and tells nobody what was
typed, which may be a password in the wrong field. Whoever shares the bits and the origin shares the count. An origin is an IPv4 address
or a /64 network of IPv6 (`vms.origins`): whoever has one such network has more addresses in it than any count can hold.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, text

from vms.db.tables import session, sign_in_attempt
from vms.model import UserId
from vms.origins import counted_as

_LOCK_KEY = 0x564D_5353_4947_4E49
"""The advisory lock of whoever adds an attempt: the bytes `VMSSIGNI`."""
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often somebody tried within a span, and did not get in.

    Args:
        pair: with this name from this origin.
        origin: with any name from this origin.
        all: anybody, from anywhere.
    """

    pair: int
    origin: int
    all: int


def name_key(username: str) -> str:
    """Return what is stored of a name."""
    return hashlib.sha256(username.encode()).hexdigest()[:4]


def add(conn: Connection, username: str, origin: str, at: datetime) -> int:
    """Store an attempt, after all that were begun before it; return its number.

    Whoever counts up to it afterwards finds each earlier one: on PostgreSQL writers wait for each other here until they commit, on
    SQLite they do anyway. Without that two at once would each count themselves alone.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_LOCK, {"key": _LOCK_KEY})
    statement = insert(sign_in_attempt).values(name_key=name_key(username), origin=counted_as(origin), tried_at=at)
    return int(conn.execute(statement.returning(sign_in_attempt.c.id)).scalar_one())


def forget_before(conn: Connection, at: datetime) -> None:
    """Delete the attempts that no limit looks at any more."""
    conn.execute(delete(sign_in_attempt).where(sign_in_attempt.c.tried_at <= at))


def count(conn: Connection, username: str, origin: str, since_at: datetime, *, up_to: int | None = None) -> Attempts:
    """Count the attempts since an instant.

    Args:
        up_to: number of an attempt; later ones don't count.
    """
    table = sign_in_attempt.c
    from_here: ColumnElement[bool] = table.origin == counted_as(origin)
    query = select(
        func.count().filter(from_here & (table.name_key == name_key(username))),
        func.count().filter(from_here),
        func.count(),
    ).where(table.tried_at > since_at)
    if up_to is not None:
        query = query.where(table.id <= up_to)
    pair, of_origin, all_of_them = conn.execute(query).one()
    return Attempts(pair, of_origin, all_of_them)


def count_all(conn: Connection, since_at: datetime) -> int:
    """Count everybody's attempts since an instant."""
    query = select(func.count()).select_from(sign_in_attempt).where(sign_in_attempt.c.tried_at > since_at)
    return int(conn.execute(query).scalar_one())


def forget(conn: Connection, attempt: int) -> None:
    """Delete one attempt: it never came to a password."""
    conn.execute(delete(sign_in_attempt).where(sign_in_attempt.c.id == attempt))


def forget_name(conn: Connection, username: str, origin: str | None = None) -> None:
    """Delete the attempts with a name, from one origin or from all."""
    statement = delete(sign_in_attempt).where(sign_in_attempt.c.name_key == name_key(username))
    conn.execute(statement if origin is None else statement.where(sign_in_attempt.c.origin == counted_as(origin)))


def has_been_here(conn: Connection, user_id: UserId, origin: str, since_at: datetime) -> bool:
    """Return whether the account has signed in from this origin since an instant."""
    query = select(session.c.origin).distinct().where(session.c.user_id == user_id, session.c.started_at > since_at)
    return counted_as(origin) in {counted_as(one) for one in conn.execute(query).scalars()}
