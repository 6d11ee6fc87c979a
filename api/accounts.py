"""Accounts and roles as use cases: checked, in one transaction with their ledger entry. The command line and the pages call these."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from api.acting import Who, record
from api.passwords import Passwords
from config.policy import Policy
from vms.clock import Clock
from vms.db import sessions, sign_ins, users
from vms.db.engine import Database
from vms.db.users import Account, FirstPassword, RoleGrant
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
        first_password_lasts: how long a password that is set here signs in. It does so once: its owner then chooses another.
    """

    db: Database
    ledger: Ledger
    clock: Clock
    policy: Policy
    passwords: Passwords
    first_password_lasts: timedelta = timedelta(days=7)

    def add_user(
        self,
        who: Who,
        *,
        username: str,
        display_name: str,
        password: str,
        language: str = "nl",
    ) -> UserId:
        """Add an account; it may do nothing until it gets a role, and its owner has chosen another password.

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
        password_hash = self.passwords.hash(password, (name, shown))
        user_id = UserId(f"u-{secrets.token_hex(6)}")
        now = self.clock.now()
        until_at = now + self.first_password_lasts
        account = Account(user_id, name, shown, password_hash, language, now, first_password=FirstPassword(until_at))
        with self.db.write() as conn:
            if users.by_username(conn, name) is not None:
                raise Conflict(f"there is an account {name} already", code="user.taken", username=name)
            users.add(conn, account)
            # The name is a person's: it stands beside the tree, where it can be erased later.
            about: dict[str, Value] = {"user": user_id, "username": Private(name), "password_until": until_at}
            record(self.ledger, conn, Act.USER_ADD, who, about)
        return user_id

    def set_password(self, who: Who, username: str, password: str) -> list[str]:
        """Give an account a new first password, lift its lock, and end its sessions.

        Returns:
            The ids of the sessions that ended.

        Raises:
            NotFound: there is no such account.
            InvalidInput: the password is not acceptable.
        """
        with self.db.read() as conn:
            known = users.by_username(conn, username.strip().lower())
        password_hash = self.passwords.hash(password, (known.username, known.display_name) if known else ())
        until_at = self.clock.now() + self.first_password_lasts

        def change(conn: Connection, account: Account) -> list[str]:
            users.set_first_password(conn, account.id, password_hash, until_at)
            sign_ins.forget_name(conn, account.username)
            return sessions.end_all_of(conn, account.id, self.clock.now())

        about: dict[str, Value] = {"what": "password", "password_until": until_at}
        return self._change(who, username, Act.USER_CHANGE, about, change)

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
            # Whoever signs in or chooses a password at this moment does so before all of this, or after it.
            account = users.locked(conn, account.id)
            ended = change(conn, account)
            record(self.ledger, conn, act, who, {"user": account.id, **obj})
            if ended:
                record(self.ledger, conn, Act.AUTH_REVOKED, who, {"user": account.id, "sessions": len(ended)})
        return ended
