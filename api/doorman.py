"""Signing in and out, and knowing who asks: opaque tokens in a cookie, everything else on the server."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from api.access import Subject
from api.acting import SERVICE, person, record, unknown_person
from api.errors import NotSignedIn
from api.parts import ApiParts
from api.throttle import LOCKED_FOR, Attempt, SignInThrottle
from vms.db import sessions, sign_ins, users
from vms.db.sessions import Session
from vms.db.users import Account
from vms.errors import Denied, Unavailable
from vms.ledger.acts import Act
from vms.ledger.entries import Result, Value

_TOKEN_BYTES: Final = 32
_WHYS: Final = {
    "auth.refused": "wrong-password",
    "auth.first-password-used": "first-password-used",
    "auth.first-password-over": "first-password-over",
}
_SEEN_EVERY: Final = timedelta(seconds=20)
"""How exactly the time of last activity is stored; every request writing a row would cost more than it tells."""


log = structlog.get_logger(__name__)


class Doorman:
    """Lets people in, recognises them, and lets them out."""

    def __init__(self, parts: ApiParts) -> None:
        self._parts = parts
        self._throttle = SignInThrottle(parts.db, parts.clock)
        self._idle = timedelta(seconds=parts.settings.session_idle_s)
        self._longest = timedelta(seconds=parts.settings.session_longest_s)

    def sign_in(
        self, username: str, password: str, origin: str, *, with_first_password: bool = True
    ) -> tuple[str, Subject]:
        """Check a name and a password and begin a session.

        Args:
            with_first_password: false where nobody can choose another one: then such a password is refused, and not used up.

        Returns:
            The cookie's value and the person.

        Raises:
            NotSignedIn: `auth.refused` (one answer for every reason), `auth.locked`; of a first password that is right,
                `auth.first-password-used` or `auth.first-password-over`.
            Denied: `password.first`, where a first password is not taken.
            Unavailable: too many at once.
        """
        name = username.strip().lower()
        with self._parts.db.read() as conn:
            account = users.by_username(conn, name)
        attempt = self._throttle.begin(name, account, origin)
        may_sign_in = account is not None and account.disabled_at is None
        try:
            verdict = self._parts.passwords.check(
                account.password_hash if account and may_sign_in else None,
                password,
                is_from_before=account is not None and account.is_from_before,
            )
        except Unavailable:
            # Nobody looked at the password: it counts for nothing.
            self._throttle.forget(attempt)
            raise
        if account is None or not verdict.ok:
            reason = "closed" if account and account.disabled_at else "wrong-password" if account else "unknown-name"
            self._refuse(account, attempt, origin, reason)
            raise _refused()
        if account.first_password is not None and not with_first_password:
            self._refuse(account, attempt, origin, "first-password")
            # It was right: it counts for no lock.
            self._throttle.forget(attempt)
            raise _first_password()
        try:
            return self._begin(account, verdict.fresh_hash, origin)
        except NotSignedIn as error:
            self._refuse(account, attempt, origin, _WHYS[error.code])
            raise

    def is_attacked(self) -> bool:
        """Return whether so many sign-ins failed lately that somebody must look."""
        with self._parts.db.read() as conn:
            return self._throttle.is_attacked(conn)

    def sign_out(self, subject: Subject) -> None:
        """End a session; its live pictures stop within seconds."""
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            if sessions.end(conn, subject.session_id, now):
                record(self._parts.ledger, conn, Act.AUTH_SIGN_OUT, person(subject), {"session": subject.session_id})

    def choose_language(self, subject: Subject, language: str) -> None:
        """Keep the language that somebody chose."""
        with self._parts.db.write() as conn:
            users.set_language(conn, subject.user_id, language)
            obj = {"user": subject.user_id, "what": "language", "language": language}
            record(self._parts.ledger, conn, Act.USER_CHANGE, person(subject), obj)

    def subject_of(self, token: str | None, origin: str, *, active: bool, with_first_password: bool = False) -> Subject:
        """Return who a cookie belongs to. Every route, page and socket knows people by this.

        Args:
            token: the cookie's value.
            origin: network address of the browser.
            active: whether this request counts as activity.
            with_first_password: also whoever must choose a password first; nothing but that and signing out is theirs.

        Raises:
            NotSignedIn: there is no such session, or it has ended, gone idle, or its account is closed.
            Denied: `password.first`: somebody else set the password.
        """
        if not token:
            raise _required()
        with self._parts.db.read() as conn:
            session = sessions.by_token(conn, token)
            account = users.get(conn, session.user_id) if session else None
        if session is None or account is None:
            raise _required()
        why = self._why_over(session, account)
        if why is not None:
            self._end(session, why)
            raise _required()
        subject = subject_with(account, session.id, origin)
        if subject.must_choose_password and not with_first_password:
            self._deny_first(subject)
        if active:
            self._note_active(session)
        return subject

    def still_in(self, session_id: str, *, active: bool = False) -> Subject | None:
        """Return the person of a session while it lasts, else None; used by what goes on after the request.

        Args:
            session_id: the session.
            active: what goes on is activity: somebody watches.
        """
        with self._parts.db.read() as conn:
            session = sessions.get(conn, session_id)
            account = users.get(conn, session.user_id) if session else None
        if session is None or account is None:
            return None
        why = self._why_over(session, account)
        if why is not None:
            self._end(session, why)
            return None
        if account.first_password is not None:
            # Nothing goes on for somebody who must choose a password first.
            return None
        if active:
            self._note_active(session)
        return subject_with(account, session.id, session.origin)

    def ends_at(self, session_id: str) -> tuple[datetime, datetime] | None:
        """Return when a session ends if nobody does anything more, and when it ends in any case; None: it has ended."""
        with self._parts.db.read() as conn:
            session = sessions.get(conn, session_id)
        if session is None or session.ended_at is not None:
            return None
        return session.seen_at + self._idle, session.ends_at

    def end_from_before(self) -> None:
        """End the sessions of people whose password is from before owners chose their own: they sign in again, and choose.

        Once, at the start of the interface: a page that an older version has left open knows only that it is signed out. Left
        in its session it would ask on and on for what `password.first` refuses.
        """
        with self._parts.db.read() as conn:
            lasting = sessions.list_lasting(conn)
            ending = [one for one in lasting if users.get(conn, one.user_id).is_from_before]
        for session in ending:
            self._end(session, "first-password")

    def _note_active(self, session: Session) -> None:
        now = self._parts.clock.now()
        if now - session.seen_at >= _SEEN_EVERY:
            with self._parts.db.write() as conn:
                sessions.note_seen(conn, session.id, now)

    def _why_over(self, session: Session, account: Account) -> str | None:
        """Return why a session does not count any more, or None."""
        now = self._parts.clock.now()
        if session.ended_at is not None:
            return "ended"
        if account.disabled_at is not None:
            return "account-closed"
        if now >= session.ends_at:
            return "too-long"
        return "idle" if now - session.seen_at >= self._idle else None

    def _end(self, session: Session, why: str) -> None:
        with self._parts.db.write() as conn:
            if sessions.end(conn, session.id, self._parts.clock.now()):
                obj = {"session": session.id, "user": session.user_id}
                record(self._parts.ledger, conn, Act.AUTH_EXPIRED, SERVICE, obj, why=why)

    def _deny_first(self, subject: Subject) -> None:
        with self._parts.db.write() as conn:
            obj: dict[str, Value] = {"session": subject.session_id}
            record(
                self._parts.ledger,
                conn,
                Act.POLICY_DENIED,
                person(subject),
                obj,
                result=Result.DENIED,
                why="first-password",
            )
        raise _first_password()

    def _refuse(self, account: Account | None, attempt: Attempt, origin: str, reason: str) -> None:
        """Write the failure down. A name without account is never written: it may be a password typed too early."""
        with self._parts.db.write() as conn:
            who = unknown_person(account.id if account else None, origin)
            record(
                self._parts.ledger, conn, Act.AUTH_REFUSED, who, {"origin": origin}, result=Result.DENIED, why=reason
            )
            if attempt.locks is not None:
                locked: dict[str, Value] = {"kind": attempt.locks, "minutes": int(LOCKED_FOR.total_seconds()) // 60}
                record(self._parts.ledger, conn, Act.AUTH_LOCKED, who, locked)
        if attempt.locks == "everywhere":
            log.error("sign_in.attacked", failures=attempt.counted.all, within_s=LOCKED_FOR.total_seconds())

    def _begin(self, account: Account, fresh_hash: str | None, origin: str) -> tuple[str, Subject]:
        """Begin a session of somebody whose password was right when it was looked at.

        Raises:
            NotSignedIn: it is not any more, or it was a first password that has signed in already or whose time is over.
        """
        now = self._parts.clock.now()
        with self._parts.db.write() as conn:
            present = users.locked(conn, account.id)
            first = present.first_password
            if present.password_hash != account.password_hash or present.disabled_at is not None:
                raise _refused()
            if first is not None and first.until_at is not None:
                _refuse_spent(is_used=first.used_at is not None, is_over=now >= first.until_at)
                users.use_first_password(conn, account.id, now)
            sign_ins.forget_name(conn, account.username, origin)
            if fresh_hash is not None:
                users.set_password_hash(conn, account.id, fresh_hash)
            token, subject = start_session(conn, present, now, now + self._longest, origin)
            record(self._parts.ledger, conn, Act.AUTH_SIGN_IN, person(subject), {"session": subject.session_id})
        return token, subject


def start_session(
    conn: Connection, account: Account, at: datetime, ends_at: datetime, origin: str
) -> tuple[str, Subject]:
    """Store a session; return the cookie's value, which is nowhere else, and the person."""
    token, session_id = secrets.token_urlsafe(_TOKEN_BYTES), f"s-{secrets.token_hex(8)}"
    sessions.start(conn, token, session_id=session_id, user_id=account.id, at=at, ends_at=ends_at, origin=origin)
    return token, subject_with(account, session_id, origin)


def subject_with(account: Account, session_id: str, origin: str) -> Subject:
    """Return the person of an account, in a session."""
    return Subject(
        user_id=account.id,
        username=account.username,
        display_name=account.display_name,
        language=account.language,
        grants=account.grants,
        session_id=session_id,
        origin=origin,
        must_choose_password=account.first_password is not None,
    )


def csrf_of(token: str) -> str:
    """Return the word that every write must carry: only a page of ours, which asked /api/me, knows it."""
    return hmac.new(token.encode(), b"vms-csrf", hashlib.sha256).hexdigest()


def _required() -> NotSignedIn:
    return NotSignedIn("nobody is signed in", code="auth.required")


def _refused() -> NotSignedIn:
    return NotSignedIn("the name or the password is wrong", code="auth.refused")


def _first_password() -> Denied:
    return Denied(
        "somebody else set this password: sign in on the pages and choose your own, before anything else",
        code="password.first",
    )


def _refuse_spent(*, is_used: bool, is_over: bool) -> None:
    if is_used:
        raise NotSignedIn(
            "this first password has signed in already: ask for a new one (`vms user password`)",
            code="auth.first-password-used",
        )
    if is_over:
        raise NotSignedIn(
            "the time of this first password is over: ask for a new one (`vms user password`)",
            code="auth.first-password-over",
        )
