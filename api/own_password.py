"""Choosing one's own password: the old and the new one, other sessions end, this one goes on under a new cookie."""

from dataclasses import dataclass
from typing import NoReturn

from api.access import Subject
from api.acting import person, record
from api.doorman import Doorman, start_session
from api.errors import NotSignedIn
from api.parts import ApiParts
from api.password_rules import prepared, refuse_weak
from api.throttle import LOCKED_FOR, Attempt, SignInThrottle
from vms.db import sessions, sign_ins, users
from vms.db.users import Account
from vms.errors import Conflict, Denied, InvalidInput, Unavailable
from vms.ledger.acts import Act
from vms.ledger.entries import Result, Value


@dataclass(frozen=True, slots=True)
class Chosen:
    """A password that was chosen.

    Args:
        token: the new cookie's value.
        subject: the person, in the session that goes on.
        ended: the ids of the sessions that are over, the one that asked among them.
    """

    token: str
    subject: Subject
    ended: list[str]


class OwnPasswords:
    """Lets people who are signed in choose their password."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._throttle = SignInThrottle(parts.db, parts.clock)

    def choose(self, subject: Subject, old: str, new: str, origin: str) -> Chosen:
        """Replace the own password.

        Raises:
            InvalidInput: `password.old`: the old one is wrong; `password.same`, or what `api.password_rules` refuses.
            Denied: `auth.locked`: too many wrong ones; they count together with failed sign-ins.
            NotSignedIn: the session ended meanwhile.
            Conflict: `password.meanwhile`: the password was changed while this waited.
            Unavailable: too many at once.
        """
        with self._parts.db.read() as conn:
            account = users.get(conn, subject.user_id)
        self._refuse_unfit(subject, account, old, new)
        attempt = self._begin(subject, account, origin)
        try:
            is_right = self._parts.passwords.check(account.password_hash, old, is_from_before=account.is_from_before).ok
            new_hash = self._parts.passwords.hash(new) if is_right else None
        except Unavailable:
            self._throttle.forget(attempt)
            raise
        if new_hash is None:
            self._refuse(subject, "wrong-password", attempt)
            raise InvalidInput("the old password is wrong", code="password.old")
        try:
            return self._replace(subject, account, new_hash, origin)
        except (Conflict, NotSignedIn) as error:
            self._refuse(subject, error.code)
            # It was right: it counts for no lock.
            self._throttle.forget(attempt)
            raise

    def _refuse_unfit(self, subject: Subject, account: Account, old: str, new: str) -> None:
        try:
            _refuse_same(old, new)
            refuse_weak(prepared(new), (account.username, account.display_name))
        except InvalidInput as error:
            self._refuse(subject, error.code)
            raise

    def _begin(self, subject: Subject, account: Account, origin: str) -> Attempt:
        try:
            return self._throttle.begin(account.username, account, origin)
        except NotSignedIn as error:
            # Signed in they are: the pages must not send them away.
            self._refuse(subject, "locked")
            raise Denied(str(error), code=error.code, **error.details) from error

    def _refuse(self, subject: Subject, why: str, attempt: Attempt | None = None) -> None:
        with self._parts.db.write() as conn:
            ledger, who = self._parts.ledger, person(subject)
            obj: dict[str, Value] = {"user": subject.user_id, "what": "own-password"}
            record(ledger, conn, Act.USER_CHANGE, who, obj, result=Result.DENIED, why=why)
            if attempt is not None and attempt.locks is not None:
                locked: dict[str, Value] = {"kind": attempt.locks, "minutes": int(LOCKED_FOR.total_seconds()) // 60}
                record(ledger, conn, Act.AUTH_LOCKED, who, locked)

    def _replace(self, subject: Subject, account: Account, new_hash: str, origin: str) -> Chosen:
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            present = users.locked(conn, subject.user_id)
            session = sessions.get(conn, subject.session_id)
            if present.password_hash != account.password_hash:
                _refuse_late()
            if session is None or session.ended_at is not None or present.disabled_at is not None:
                raise NotSignedIn("nobody is signed in", code="auth.required")
            users.set_own_password(conn, account.id, new_hash)
            sign_ins.forget_name(conn, account.username, origin)
            ended = sessions.end_all_of(conn, account.id, now)
            # Not longer than the session would have lasted: a new password is no new shift.
            token, going_on = start_session(conn, users.get(conn, account.id), now, session.ends_at, origin)
            obj: dict[str, Value] = {
                "user": account.id,
                "what": "own-password",
                "session": going_on.session_id,
            }
            record(self._parts.ledger, conn, Act.USER_CHANGE, person(subject), obj)
            if len(ended) > 1:
                revoked: dict[str, Value] = {"user": account.id, "sessions": len(ended) - 1}
                record(self._parts.ledger, conn, Act.AUTH_REVOKED, person(subject), revoked)
        return Chosen(token, going_on, ended)


def take_over(parts: ApiParts, username: str, first: str, password: str, origin: str) -> None:
    """Sign in with a first password, choose another and sign out, as its owner does on the pages: for the made-up people of demo and bench.

    Raises:
        NotSignedIn, InvalidInput, Unavailable: as for anybody else.
    """
    doorman = Doorman(parts)
    _, subject = doorman.sign_in(username, first, origin)
    doorman.sign_out(OwnPasswords(parts).choose(subject, first, password, origin).subject)


def _refuse_same(old: str, new: str) -> None:
    if prepared(new) == prepared(old):
        raise InvalidInput("the new password is the old one", code="password.same")


def _refuse_late() -> NoReturn:
    raise Conflict("the password was changed meanwhile: sign in with the new one", code="password.meanwhile")
