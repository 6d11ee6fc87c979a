"""Anchors of the ledger outside the house, once a day: what somebody who rules this house can't take back. None of them stops erasing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from retention import acts
from retention.parts import RetentionParts
from vms.db import reports
from vms.errors import VmsError
from vms.ledger import cosignatures, mailing, notes, stamps
from vms.ledger.log import newest_note
from vms.ledger.mailing import Mailed, Post
from vms.ledger.notes import Verifier
from vms.ledger.stamps import Authority

_log = structlog.get_logger()
EVERY = timedelta(days=1)
TRY_AGAIN_AFTER = timedelta(hours=1)
_MISSING_AFTER = 2 * EVERY


@dataclass(frozen=True, slots=True)
class Anchorage:
    """Where the ledger is anchored; None: not there."""

    authority: Authority | None = None
    post: Post | None = None


NOWHERE = Anchorage()


class Anchors:
    """Has checkpoints stamped and mailed; says what is amiss with that.

    Args:
        parts: database, ledger, clock.
        anchorage: where to.
        key: the ledger's, for the mail.
    """

    def __init__(self, parts: RetentionParts, anchorage: Anchorage, key: Verifier) -> None:
        self._parts = parts
        self._key = key
        self._anchorage = anchorage
        self._began_at = parts.clock.now()
        self._tried_at: dict[str, datetime] = {}

    def cast(self) -> None:
        """Do what is due today; what fails is logged, told in `problems`, and tried again in an hour."""
        if self._anchorage.authority is not None:
            self._try("stamp", self._stamped_at(), self._stamp)
        if self._anchorage.post is not None:
            mailed = self._mailed()
            self._try("mail", None if mailed is None else mailed.mailed_at, self._mail)

    def status(self) -> dict[str, Any]:
        """Return what the report of retention says: when last stamped and mailed."""
        mailed = self._mailed()
        return {"stamped_at": self._stamped_at(), "mailed_at": None if mailed is None else mailed.mailed_at}

    def problems(self) -> tuple[str, ...]:
        """Return the codes of what a person has to look at."""
        found = []
        if self._anchorage.authority is not None:
            if self._is_late(self._stamped_at()):
                found.append(reports.STAMP_MISSING)
            with self._parts.db.read() as conn:
                newest = stamps.newest(conn)
            if newest is not None and newest.why is not None:
                found.append(reports.STAMP_REFUSED)
        if self._anchorage.post is not None:
            mailed = self._mailed()
            if self._is_late(None if mailed is None else mailed.mailed_at) or (mailed is not None and mailed.refused):
                found.append(reports.MAIL_MISSING)
        return tuple(found)

    def _is_late(self, done_at: datetime | None) -> bool:
        return self._parts.clock.now() - (done_at or self._began_at) > _MISSING_AFTER

    def _try(self, name: str, done_at: datetime | None, work: Callable[[], None]) -> None:
        now = self._parts.clock.now()
        tried_at = self._tried_at.get(name)
        if tried_at is not None and timedelta(0) <= now - tried_at < TRY_AGAIN_AFTER:
            return
        if done_at is not None and timedelta(0) <= now - done_at < EVERY:
            return
        self._tried_at[name] = now
        try:
            work()
        except VmsError as error:
            _log.warning("retention.anchor-failed", anchor=name, code=error.code, why=str(error))

    def _stamped_at(self) -> datetime | None:
        with self._parts.db.read() as conn:
            found = stamps.newest(conn, good=True)
        return None if found is None else found.received_at

    def _stamp(self) -> None:
        assert self._anchorage.authority is not None  # cast() has asked
        found = stamps.ask(self._parts.db, self._anchorage.authority, self._parts.clock)
        if found is None:
            return
        with self._parts.db.write() as conn:
            if stamps.keep(conn, found):
                self._parts.ledger.append(conn, acts.stamped(found))
        if found.why is not None:
            _log.error("retention.stamp-refused", size=found.size, why=found.why)

    def _mailed(self) -> Mailed | None:
        with self._parts.db.read() as conn:
            return mailing.newest(conn)

    def _mail(self) -> None:
        post = self._anchorage.post
        assert post is not None  # cast() has asked
        with self._parts.db.read() as conn:
            note = newest_note(conn)
            before = mailing.newest(conn)
            if note is None or (before is not None and before.size >= notes.parse(note).size):
                return
            whole = cosignatures.with_lines(conn, note)
        now = self._parts.clock.now()
        refused = mailing.send(post, mailing.letter(post, whole, self._key, now))
        mailed = Mailed(notes.parse(note).size, now, len(post.recipients), refused)
        with self._parts.db.write() as conn:
            mailing.keep(conn, mailed)
            self._parts.ledger.append(conn, acts.mailed(mailed.size, mailed.recipients, mailed.refused))
        if refused:
            _log.warning("retention.recipients-refused", refused=refused, recipients=mailed.recipients)
