"""How often somebody may try to sign in: counted in the database before a password is looked at, so that all processes agree.

- A name is locked *from one origin*: whoever knows a colleague's name can't keep the colleague out from another workstation.
- An origin is locked after many failures with any names.
- When very many attempts come from everywhere, they are let through a few at a time, and somebody is alarmed; who has signed in
  from an origin lately goes on there as always.

Names with and without an account count the same way, so that nobody learns which names exist.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from api.errors import NotSignedIn
from vms.clock import Clock
from vms.db import sign_ins
from vms.db.engine import Database
from vms.db.users import Account
from vms.errors import Unavailable

FAILURES_PER_NAME: Final = 5
FAILURES_PER_ORIGIN: Final = 20
"""More than for a name: a viewing room shares one address."""
LOCKED_FOR: Final = timedelta(minutes=15)
ATTACKED_FROM: Final = 100
"""Failures of everybody within the same time from which on it is an attack."""
SLOWED: Final = 5
SLOWED_WITHIN: Final = timedelta(seconds=10)
"""During an attack so many attempts of people who were not here before are let through in so long."""
REMEMBERED_FOR: Final = timedelta(days=30)
"""How long somebody counts as known at an origin."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that may look at a password.

    Args:
        id: its number.
        counted: how many there are now, with it; what locks if it fails.
    """

    id: int
    counted: sign_ins.Attempts

    @property
    def locks(self) -> str | None:
        """What this attempt locks if it fails: `account` (a name from here), `origin`, `everywhere` (the alarm), or None."""
        if self.counted.pair == FAILURES_PER_NAME:
            return "account"
        if self.counted.origin == FAILURES_PER_ORIGIN:
            return "origin"
        return "everywhere" if self.counted.all == ATTACKED_FROM else None


class SignInThrottle:
    """Lets attempts through, or not."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def begin(self, name: str, account: Account | None, origin: str) -> Attempt:
        """Count an attempt.

        Raises:
            NotSignedIn: `auth.locked`.
            Unavailable: too many at once from everywhere.
        """
        now = self._clock.now()
        since_at = now - LOCKED_FOR
        with self._db.read() as conn:
            counted = sign_ins.count(conn, name, origin, since_at)
            # Locked ones cost a look and no write: a flood must not keep recorders from the database.
            self._refuse(counted, most=1)
            if counted.all >= ATTACKED_FROM and not self._is_known(conn, account, origin):
                recent = sign_ins.count_all(conn, now - SLOWED_WITHIN)
                if recent >= SLOWED:
                    raise Unavailable("too many people sign in at the same time: try again", code="auth.busy")
        with self._db.write() as conn:
            sign_ins.forget_before(conn, since_at)
            attempt = sign_ins.add(conn, name, origin, now)
        # Committed before it is counted: of any number at once, no more than the limit get to the password.
        with self._db.read() as conn:
            counted = sign_ins.count(conn, name, origin, since_at, up_to=attempt)
        self._refuse(counted, most=0)
        return Attempt(attempt, counted)

    def forget(self, attempt: Attempt) -> None:
        """Count an attempt no more: nobody looked at its password, or it was right."""
        with self._db.write() as conn:
            sign_ins.forget(conn, attempt.id)

    def is_attacked(self, conn: Connection) -> bool:
        """Return whether so many attempts failed lately that somebody must look."""
        return sign_ins.count_all(conn, self._clock.now() - LOCKED_FOR) >= ATTACKED_FROM

    def _is_known(self, conn: Connection, account: Account | None, origin: str) -> bool:
        since_at = self._clock.now() - REMEMBERED_FOR
        return account is not None and sign_ins.has_been_here(conn, account.id, origin, since_at)

    @staticmethod
    def _refuse(counted: sign_ins.Attempts, most: int) -> None:
        if counted.pair + most > FAILURES_PER_NAME or counted.origin + most > FAILURES_PER_ORIGIN:
            raise NotSignedIn(
                "too many failed sign-ins: wait 15 minutes",
                code="auth.locked",
                minutes=LOCKED_FOR.total_seconds() // 60,
            )
