"""Passwords: Argon2id, a bounded number at a time, and the same work for people who don't exist."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY

from api.password_rules import LONGEST_PASSWORD, prepared, refuse_weak
from vms.errors import Unavailable

_QUEUE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password was right.

    Args:
        ok: it was.
        fresh_hash: to store instead of the old hash, when that was made with weaker settings.
    """

    ok: bool
    fresh_hash: str | None = None


class Passwords:
    """Hash and check passwords (RFC 9106, second recommended profile: 64 MiB, 3 passes, 4 lanes).

    Args:
        at_once: how many hashes may be computed at the same time; more callers wait a few seconds, so that a flood of sign-ins takes
            neither all memory nor all processors.
        cheap: the least work that the library knows, for tests.
    """

    def __init__(self, at_once: int = 2, *, cheap: bool = False) -> None:
        self._hasher = PasswordHasher.from_parameters(CHEAPEST if cheap else RFC_9106_LOW_MEMORY)
        self._slots = threading.BoundedSemaphore(at_once)
        self._hash_of_nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str, names: Iterable[str] = ()) -> str:
        """Return the hash to store of a new password.

        Args:
            password: as typed.
            names: what its owner is called; must be little of it.

        Raises:
            InvalidInput: others would guess it (`api.password_rules`).
            Unavailable: too many at once.
        """
        new = prepared(password)
        refuse_weak(new, names)
        with self._slot():
            return self._hasher.hash(_encoded(new))

    def check(self, stored: str | None, password: str, *, is_from_before: bool = False) -> Verdict:
        """Compare a password with a stored hash.

        Args:
            stored: None for somebody who doesn't exist or may not sign in: the same work is done, the answer is no.
            password: as typed.
            is_from_before: the hash may be older than `prepared`, and of the password as it was typed.

        Raises:
            Unavailable: too many at once.
        """
        typed = prepared(password)
        with self._slot():
            found = self._matches(stored, typed)
            if typed != password:
                # Worked out for everybody: how long it takes does not say whose hash is old.
                as_typed = self._matches(stored, password)
                found = found or (is_from_before and as_typed)
            if not found or stored is None:
                return Verdict(ok=False)
            stale = self._hasher.check_needs_rehash(stored)
            return Verdict(ok=True, fresh_hash=self._hasher.hash(_encoded(typed)) if stale else None)

    def _matches(self, stored: str | None, typed: str) -> bool:
        try:
            # Of one that is too long only a part is hashed: the same work, and no password that anybody has.
            self._hasher.verify(stored or self._hash_of_nobody, _encoded(typed[:LONGEST_PASSWORD]))
        except (VerificationError, InvalidHashError):
            return False
        return len(typed) <= LONGEST_PASSWORD

    def _slot(self) -> "_Slot":
        return _Slot(self._slots)


def _encoded(password: str) -> bytes:
    # What a pipe brings that is no UTF-8 is a wrong password, not a crash.
    return password.encode("utf-8", "surrogatepass")


class _Slot:
    """A place among those that may compute now."""

    def __init__(self, slots: threading.BoundedSemaphore) -> None:
        self._slots = slots

    def __enter__(self) -> None:
        if not self._slots.acquire(timeout=_QUEUE_S):
            raise Unavailable("too many people sign in at the same time: try again", code="auth.busy")

    def __exit__(self, *_: object) -> None:
        self._slots.release()
