"""The whole check of the ledger in the daemon: once a day, a few seconds of work a round, so that sweeps never wait for it."""

from typing import Final

import structlog

from retention.parts import RetentionParts
from vms.db.engine import Database
from vms.errors import IntegrityLost
from vms.ledger.notes import Verifier
from vms.ledger.whole_check import CheckRecord, WholeCheck

_log = structlog.get_logger()
BUDGET_S: Final = 5.0
"""Of one round. Some 100,000 entries a second are checked: ten million in twenty rounds."""


class LedgerCheck:
    """Checks all entries, slice by slice.

    Args:
        parts: database, ledger, clock.
        record: where the outcome is kept.
        verifier: of the checkpoints' signatures.
    """

    def __init__(self, parts: RetentionParts, record: CheckRecord, verifier: Verifier) -> None:
        self._parts = parts
        self._record = record
        self._verifier = verifier
        self._pass: WholeCheck | None = None

    def work(self) -> None:
        """Begin a pass when one is due, and go on with it within the round's budget.

        Raises:
            IntegrityLost: the ledger was changed; it counts as contradicted from now on.
        """
        db, clock = self._parts.db, self._parts.clock
        if self._pass is None:
            if not self._record.is_due():
                return
            with db.read() as conn:
                self._pass = WholeCheck(conn, self._parts.ledger.origin, self._verifier)
        until_s = clock.monotonic_s() + BUDGET_S
        try:
            while not self._pass.is_done and clock.monotonic_s() < until_s:
                with db.read() as conn:
                    self._pass.advance(conn)
            if self._pass.is_done:
                self._end(db, self._pass)
        except IntegrityLost as error:
            self._pass = None
            self._record.failed(error)
            raise

    def _end(self, db: Database, done: WholeCheck) -> None:
        with db.read() as conn:
            root = done.finish(conn)
        self._pass = None
        self._record.passed(done.size, root)
        _log.info("retention.ledger-checked", entries=done.size)
