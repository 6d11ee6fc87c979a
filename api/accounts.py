"""Accounts and roles as use cases: checked, in one transaction with their ledger entry. The command line and the pages call these."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from api.acting import Who, record
from api.passwords import Passwords
from config.policy import Policy
from vms.clock import Clock
from vms.db import sessions, sign_ins, users
from vms.db.engine import Database
from vms.db.users import Account, RoleGrant
from vms.errors import Conflict, InvalidInput, NotFound
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Private, Value
from vms.ledger.log import Ledger
from vms.model import Role, UserId, checked_label

LANGUAGES: Final = ("nl", "en")
_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")

COMMAND_LINE: Final = Who(Actor.service("command-line"))
"""Somebody at the machine's own console, whom the operating system knows and we don't."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Adds people, gives and takes roles.

    Args:
        policy: knows which roles nobody may combine.
    """

    db: Database
    ledger: Ledger
    clock: Clock
    policy: Policy
    passwords: Passwords

    def add_user(
        self,
        who: Who,
        *,
        username: str,
        display_name: str,
        password: str,
        language: str = "nl",
    ) -> UserId:
        """Add an account; it may do nothing until it gets a role.

        Raises:
            InvalidInput: the name, the language or the password is not acceptable.
            Conflict: the name is taken.
        """
        name = username.strip().lower()
        if not _USERNAME.fullmatch(name):
            raise InvalidInput(
                "a user name has 2 to 64 small letters, digits, dots, dashes or underscores", code="user.name"
            )
        shown = checked_label(display_name, "a display name", code="user.display-name")
        if language not in LANGUAGES:
            raise InvalidInput(f"language is one of {', '.join(LANGUAGES)}", code="user.language")
        password_hash = self.passwords.hash(password)
        user_id = UserId(f"u-{secrets.token_hex(6)}")
        account = Account(user_id, name, shown, password_hash, language, self.clock.now())
        with self.db.write() as conn:
            if users.by_username(conn, name) is not None:
                raise Conflict(f"there is an account {name} already", code="user.taken", username=name)
            users.add(conn, account)
            # The name is a person's: it stands beside the tree, where it can be erased later.
            record(self.ledger, conn, Act.USER_ADD, who, {"user": user_id, "username": Private(name)})
        return user_id

    def set_password(self, who: Who, username: str, password: str) -> list[str]:
        """Give an account a new password, lift its lock, and end its sessions.

        Returns:
            The ids of the sessions that ended.

        Raises:
            NotFound: there is no such account.
            InvalidInput: the password is not acceptable.
        """
        password_hash = self.passwords.hash(password)

        def change(conn: Connection, account: Account) -> list[str]:
            users.set_password_hash(conn, account.id, password_hash)
            sign_ins.forget_name(conn, account.username)
            return sessions.end_all_of(conn, account.id, self.clock.now())

        return self._change(who, username, Act.USER_CHANGE, {"what": "password"}, change)

    def unlock(self, who: Who, username: str) -> None:
        """Let somebody sign in again before the lock runs out.

        Raises:
            NotFound: there is no such account.
        """

        def change(conn: Connection, account: Account) -> list[str]:
            sign_ins.forget_name(conn, account.username)
            return []

        self._change(who, username, Act.USER_CHANGE, {"what": "unlock"}, change)

    def grant_role(self, who: Who, username: str, role: Role, valid_until_at: datetime) -> None:
        """Give a role for as long as screening and training are valid.

        Raises:
            NotFound: there is no such account.
            InvalidInput: the date has passed.
            Conflict: the person has a role that may not be combined with it; the text says why.
        """
        now = self.clock.now()
        if valid_until_at <= now:
            raise InvalidInput("a role must be valid until a moment in the future", code="role.valid-until")

        def change(conn: Connection, account: Account) -> list[str]:
            pair = self.policy.clash({*account.roles_at(now), role})
            if pair is not None:
                raise Conflict(
                    f"{account.username} can't be {role}: {pair.reason['en']}",
                    code="role.clash",
                    reason=pair.reason.get(account.language, pair.reason["en"]),
                )
            users.grant(conn, account.id, RoleGrant(role, valid_until_at))
            return []

        self._change(who, username, Act.ROLE_GRANT, {"role": role.value, "valid_until": valid_until_at}, change)

    def revoke_role(self, who: Who, username: str, role: Role) -> None:
        """Take a role away; what it had open stops within seconds.

        Raises:
            NotFound: there is no such account, or it does not have the role.
        """

        def change(conn: Connection, account: Account) -> list[str]:
            if not users.revoke(conn, account.id, role):
                raise NotFound(f"{account.username} does not have the role {role}", code="role.unknown")
            return []

        self._change(who, username, Act.ROLE_REVOKE, {"role": role.value}, change)

    def disable_user(self, who: Who, username: str) -> list[str]:
        """Close an account and end its sessions.

        Returns:
            The ids of the sessions that ended.

        Raises:
            NotFound: there is no such account.
        """

        def change(conn: Connection, account: Account) -> list[str]:
            now = self.clock.now()
            users.disable(conn, account.id, now)
            return sessions.end_all_of(conn, account.id, now)

        return self._change(who, username, Act.USER_DISABLE, {}, change)

    def _change(
        self,
        who: Who,
        username: str,
        act: Act,
        obj: dict[str, Value],
        change: Callable[[Connection, Account], list[str]],
    ) -> list[str]:
        with self.db.write() as conn:
            account = users.by_username(conn, username.strip().lower())
            if account is None:
                raise NotFound(f"there is no account {username}", code="user.unknown")
            ended = change(conn, account)
            record(self.ledger, conn, act, who, {"user": account.id, **obj})
            if ended:
                record(self.ledger, conn, Act.AUTH_REVOKED, who, {"user": account.id, "sessions": len(ended)})
        return ended
