"""Accounts of tests, past the first password: how that goes is tests/api/test_own_password.py's."""

from vms.db import users
from vms.db.engine import Database


def settle(db: Database, *usernames: str) -> None:
    """Make the passwords of these accounts, or of all, their owners' own, as if each had chosen it."""
    with db.write() as conn:
        for account in users.list_all(conn):
            if not usernames or account.username in usernames:
                users.set_own_password(conn, account.id, account.password_hash)
