"""Accounts and roles. Passwords come as hashes; who may hold which roles together is the policy's business."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update

from vms.db.tables import user_account, user_role
from vms.db.tables.columns import Instant
from vms.errors import NotFound
from vms.model import Role, UserId


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role, and until when the person's screening and training for it are valid."""

    role: Role
    valid_until_at: datetime


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """A password that somebody else set: it signs in once, to choose another.

    Args:
        until_at: from when on it signs in no more; None for one from before there was an end, which works until another is chosen.
        used_at: when it signed somebody in.
    """

    until_at: datetime | None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in.

    Args:
        language: `nl` or `en`.
        grants: every role ever granted and not revoked, valid or expired.
        first_password: what is said about a password that somebody else set; None: the owner chose it.
    """

    id: UserId
    username: str
    display_name: str
    password_hash: str
    language: str
    added_at: datetime
    disabled_at: datetime | None = None
    grants: tuple[RoleGrant, ...] = ()
    first_password: FirstPassword | None = None

    @property
    def is_from_before(self) -> bool:
        """Return whether its password was set before owners chose their own."""
        return self.first_password is not None and self.first_password.until_at is None

    def roles_at(self, instant: datetime) -> frozenset[Role]:
        """Return the roles that work at an instant; none once the account is disabled."""
        if self.disabled_at is not None and self.disabled_at <= instant:
            return frozenset()
        return frozenset(grant.role for grant in self.grants if grant.valid_until_at > instant)


def add(conn: Connection, new: Account) -> None:
    """Add an account with its grants.

    Raises:
        Conflict: the id or the username is taken (when the statement runs).
    """
    conn.execute(
        insert(user_account).values(
            id=new.id,
            username=new.username,
            display_name=new.display_name,
            password_hash=new.password_hash,
            language=new.language,
            added_at=new.added_at,
            disabled_at=new.disabled_at,
            **_whose(new.first_password),
        )
    )
    for given in new.grants:
        grant(conn, new.id, given)


def get(conn: Connection, user_id: UserId) -> Account:
    """Return one account.

    Raises:
        NotFound: there is no such account.
    """
    row = conn.execute(select(user_account).where(user_account.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no account {user_id}", code="user.unknown")
    return _value(row, _grants(conn, user_id))


def locked(conn: Connection, user_id: UserId) -> Account:
    """Return one account, and let nobody else change it before this transaction ends.

    Raises:
        NotFound: there is no such account.
    """
    conn.execute(select(user_account.c.id).where(user_account.c.id == user_id).with_for_update())
    return get(conn, user_id)


def by_username(conn: Connection, username: str) -> Account | None:
    """Return the account with this name (exact), or None."""
    row = conn.execute(select(user_account).where(user_account.c.username == username)).one_or_none()
    return None if row is None else _value(row, _grants(conn, UserId(row.id)))


def list_all(conn: Connection) -> list[Account]:
    """Return all accounts, by username."""
    grants: dict[str, list[RoleGrant]] = {}
    for row in conn.execute(select(user_role).order_by(user_role.c.role)):
        grants.setdefault(row.user_id, []).append(RoleGrant(Role(row.role), row.valid_until_at))
    rows = conn.execute(select(user_account).order_by(user_account.c.username))
    return [_value(row, tuple(grants.get(row.id, ()))) for row in rows]


def grant(conn: Connection, user_id: UserId, given: RoleGrant) -> None:
    """Give a role, or change until when it is valid."""
    revoke(conn, user_id, given.role)
    conn.execute(insert(user_role).values(user_id=user_id, role=given.role.value, valid_until_at=given.valid_until_at))


def revoke(conn: Connection, user_id: UserId, role: Role) -> bool:
    """Take a role away.

    Returns:
        Whether the person had it.
    """
    statement = delete(user_role).where(user_role.c.user_id == user_id, user_role.c.role == role.value)
    return conn.execute(statement).rowcount == 1


def disable(conn: Connection, user_id: UserId, at: datetime) -> None:
    """Let an account sign in no more; a later call keeps the first instant."""
    _update(conn, user_id, disabled_at=func.coalesce(user_account.c.disabled_at, literal(at, Instant())))


def set_language(conn: Connection, user_id: UserId, language: str) -> None:
    """Store the language that the person chose."""
    _update(conn, user_id, language=language)


def set_password_hash(conn: Connection, user_id: UserId, password_hash: str) -> None:
    """Store a stronger hash of the same password."""
    _update(conn, user_id, password_hash=password_hash)


def set_first_password(conn: Connection, user_id: UserId, password_hash: str, until_at: datetime) -> None:
    """Store a password that somebody else set."""
    _update(conn, user_id, password_hash=password_hash, **_whose(FirstPassword(until_at)))


def set_own_password(conn: Connection, user_id: UserId, password_hash: str) -> None:
    """Store the password that the owner chose."""
    _update(conn, user_id, password_hash=password_hash, **_whose(None))


def use_first_password(conn: Connection, user_id: UserId, at: datetime) -> None:
    """Store that a first password signed somebody in."""
    _update(conn, user_id, first_password_used_at=at)


def _update(conn: Connection, user_id: UserId, **values: object) -> None:
    if conn.execute(update(user_account).where(user_account.c.id == user_id).values(**values)).rowcount == 0:
        raise NotFound(f"there is no account {user_id}", code="user.unknown")


def _whose(first: FirstPassword | None) -> dict[str, object]:
    return {
        "password_is_own": first is None,
        "first_password_until_at": None if first is None else first.until_at,
        "first_password_used_at": None if first is None else first.used_at,
    }


def _grants(conn: Connection, user_id: UserId) -> tuple[RoleGrant, ...]:
    query = select(user_role).where(user_role.c.user_id == user_id).order_by(user_role.c.role)
    return tuple(RoleGrant(Role(row.role), row.valid_until_at) for row in conn.execute(query))


def _value(row: Row[Any], grants: tuple[RoleGrant, ...]) -> Account:
    return Account(
        id=UserId(row.id),
        username=row.username,
        display_name=row.display_name,
        password_hash=row.password_hash,
        language=row.language,
        added_at=row.added_at,
        disabled_at=row.disabled_at,
        grants=grants,
        first_password=None
        if row.password_is_own
        else FirstPassword(row.first_password_until_at, row.first_password_used_at),
    )
