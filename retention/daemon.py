"""The retention daemon: sweeps, ledger leaves, checkpoints, reconciliation, reminders; one loop, one thread."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from retention import acts, early, override, releases
from retention.anchors import NOWHERE, Anchorage, Anchors
from retention.batches import write_batches
from retention.clockguard import Doubt
from retention.derived import erase_due_derivatives
from retention.due import breaches
from retention.ledger_check import LedgerCheck
from retention.parts import RetentionParts
from retention.proof import prove_months
from retention.reconcile import Findings, erase_overdue, reconcile
from retention.sweep import SweepLimits, SweepReport, Witnessed, run_sweep
from vms.db import holds, inventory, reports, sweeps
from vms.db.reports import Report, Service
from vms.errors import IntegrityLost, Unavailable, VmsError
from vms.ledger import cosignatures, notes, outside, standing
from vms.ledger.log import newest_note
from vms.ledger.standing import Checkpoints
from vms.ledger.whole_check import CheckRecord
from vms.model import HoldId, HoldState

_log = structlog.get_logger()
_BATCHES_EVERY = timedelta(minutes=10)
_RECONCILE_EVERY = timedelta(hours=24)
_OVERDUE_EVERY = timedelta(minutes=30)
"""At most; with a small margin more often, so that nothing without a row outlives its term."""
_BREACH_EVERY = timedelta(hours=1)
_STUCK_AFTER = timedelta(minutes=10)
"""A hold whose placing has not ended by then keeps failing."""
_ROUND_LASTS = timedelta(minutes=10)
"""A round may erase a lot; who has said nothing for longer, and three more sweeps, is away."""
_WITNESS_AWAY = 2 * cosignatures.ASK_AGAIN_AFTER
_CHECKPOINT_ENTRIES = 1000
_CHECKPOINT_AGE = timedelta(hours=1)


class RetentionDaemon:
    """Erases what is due, for as long as it runs.

    Args:
        parts: database, keys, files, ledger, clock.
        limits: what a sweep goes by.
        checkpoints: how the ledger is signed.
        sweep_every_s: seconds between two sweeps.
        stop: ends the loop after the round that runs.
        anchorage: where checkpoints are stamped and mailed.
    """

    def __init__(
        self,
        parts: RetentionParts,
        limits: SweepLimits,
        checkpoints: Checkpoints,
        *,
        sweep_every_s: float,
        stop: threading.Event,
        anchorage: Anchorage = NOWHERE,
    ) -> None:
        self._parts = parts
        self._limits = limits
        self._checkpoints = checkpoints
        self._sweep_every_s = sweep_every_s
        self._stop = stop
        self._last_run_at: dict[str, datetime] = {}
        self._reminded: set[HoldId] = set()
        self._errors: dict[str, str] = {}
        self._report: SweepReport | None = None
        self._findings: Findings | None = None
        self._witnessed = Witnessed(contradicts=outside.contradicted(checkpoints.folder) is not None)
        self._erased_early = 0
        self._is_compared = False
        self._began_at = parts.clock.now()
        self._anchors = Anchors(parts, anchorage, checkpoints.signer.verifier)
        self._check_record = CheckRecord(checkpoints.folder, parts.clock)
        self._ledger_check = LedgerCheck(parts, self._check_record, checkpoints.signer.verifier)

    def run(self) -> None:
        """Work until told to stop. The first sweep finishes what an earlier process had begun."""
        while not self._stop.is_set():
            self.run_once()
            self._parts.clock.wait(self._stop, self._sweep_every_s)

    def run_once(self) -> None:
        """Do one round; what fails is logged, shown in the status, and tried again in the next."""
        # Asked first: what it says of the clock and of the ledger decides whether anything is erased.
        self._is_compared = False
        self._attempt("ledger-check", timedelta(0), self._ledger_check.work)
        self._attempt("witness", timedelta(0), self._compare_ledger)
        if self._witnessed.contradicts or not self._is_compared:
            # A database that was changed or set back may have forgotten holds: nothing is erased, added or signed by its word.
            self._report = None
            self._attempt("report", timedelta(0), self._say)
            return
        self._attempt("clock", timedelta(0), self._take_the_word)
        self._attempt("sweep", timedelta(0), self._sweep)
        self._attempt("early", timedelta(0), self._erase_early)
        report = self._report
        if report is not None and not report.doubts:
            self._attempt(
                "overdue", min(_OVERDUE_EVERY, self._limits.margin / 4), lambda: self._erase_overdue(report.at)
            )
            self._attempt("reconcile", _RECONCILE_EVERY, lambda: self._reconcile(report.at))
            self._attempt("derivatives", _BATCHES_EVERY, lambda: erase_due_derivatives(self._parts, report.at))
            self._attempt("proof", _BATCHES_EVERY, lambda: prove_months(self._parts, report.at))
            self._attempt(
                "releases",
                timedelta(0),
                lambda: releases.carry_out(self._parts, self._limits.release_grace, report.at),
            )
        self._attempt("lapsed-releases", _BATCHES_EVERY, lambda: releases.expire(self._parts))
        self._attempt("batches", _BATCHES_EVERY, lambda: write_batches(self._parts))
        self._attempt("reviews", _BATCHES_EVERY, self._remind)
        self._attempt("breach", _BREACH_EVERY, self._look_for_breach)
        self._attempt("checkpoint", timedelta(0), self._checkpoint)
        self._attempt("anchors", timedelta(0), self._anchors.cast)
        self._attempt("report", timedelta(0), self._say)

    def status(self) -> dict[str, Any]:
        """Return what the health page shows: last sweep, doubts, oldest unheld footage, errors, findings."""
        with self._parts.db.read() as conn:
            oldest_at = inventory.oldest_unheld_at(conn)
            last_good = sweeps.last_good(conn)
            pending = holds.list_in(conn, {HoldState.PENDING})
            link = self._checkpoints.witness
            cosigned = None if link is None else cosignatures.newest(conn, link.verifier)
            is_missing = standing.is_checkpoint_missing(conn, self._checkpoints.folder)
        checked = self._check_record.last()
        now = self._parts.clock.now()
        report, findings = self._report, self._findings
        late = timedelta(0) if oldest_at is None else now - oldest_at - self._limits.keep_for
        return {
            "swept_at": self._last_run_at.get("sweep"),
            "last_good_at": last_good.finished_at if last_good else None,
            "doubts": self._doubts(),
            "claimed": report.claimed if report else 0,
            "oldest_unheld_at": oldest_at,
            "overdue_s": max(0, round(late.total_seconds())),
            "is_late": late > self._limits.margin * 3 / 4,
            "is_breach": oldest_at is not None and breaches(oldest_at, now),
            "errors": dict(self._errors),
            "reconciled_at": self._last_run_at.get("reconcile"),
            "is_reconciled": findings is None or findings.is_clean,
            "reviews_due": sorted(self._reminded),
            "cosigned_at": cosigned.received_at if cosigned else None,
            "is_unwitnessed": link is not None
            and now - (self._began_at if cosigned is None else cosigned.received_at) > _WITNESS_AWAY,
            "is_contradicted": self._witnessed.contradicts,
            "ledger_checked_at": None if checked is None else checked.checked_at,
            "is_unchecked": self._check_record.is_overdue(),
            "is_checkpoint_missing": is_missing,
            **self._anchors.status(),
            "stuck_holds": sorted(hold.id for hold in pending if now - hold.requested_at > _STUCK_AFTER),
        }

    def _doubts(self) -> list[str]:
        if self._witnessed.contradicts:
            return [Doubt.LEDGER_CONTRADICTED.value]
        return [doubt.value for doubt in self._report.doubts] if self._report else []

    def _say(self) -> None:
        """Leave the status where the API, `vms health` and `vms check` read it."""
        status = self.status()
        found = {
            "sweep-stopped": bool(status["doubts"]),
            "failed": bool(
                status["errors"].keys() - ({"witness", "ledger-check"} if status["is_contradicted"] else set())
            ),
            reports.WITNESS_AWAY: status["is_unwitnessed"] and not status["is_contradicted"],
            reports.LEDGER_CONTRADICTED: status["is_contradicted"],
            reports.LEDGER_UNCHECKED: status["is_unchecked"],
            reports.CHECKPOINT_MISSING: status["is_checkpoint_missing"],
            "late": status["is_late"],
            "breach": status["is_breach"],
            "unreconciled": not status["is_reconciled"],
            "hold-stuck": bool(status["stuck_holds"]),
        } | dict.fromkeys(self._anchors.problems(), True)
        words = {
            name: f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else value
            for name, value in status.items()
        }
        now = self._parts.clock.now()
        silent_at = now + timedelta(seconds=3 * self._sweep_every_s) + _ROUND_LASTS
        problems = tuple(name for name, is_so in found.items() if is_so)
        with self._parts.db.write() as conn:
            reports.store(conn, Report(Service.RETENTION, now, silent_at, problems, words))

    def _attempt(self, name: str, every: timedelta, work: Callable[[], object]) -> None:
        now = self._parts.clock.now()
        last_at = self._last_run_at.get(name)
        if last_at is not None and timedelta(0) <= now - last_at < every:
            return
        try:
            work()
        except VmsError as error:
            self._errors[name] = str(error.code)
            _log.exception("retention.failed", part=name, code=error.code)
        else:
            self._errors.pop(name, None)
            self._last_run_at[name] = now

    def _compare_ledger(self) -> None:
        """Compare the ledger with what stands outside the database, and have the newest checkpoint co-signed when that is due."""
        try:
            found = standing.agree(
                self._parts.db, self._parts.ledger, self._parts.clock, self._checkpoints, asks=self._asks_witness
            )
        except IntegrityLost as error:
            is_new = not self._witnessed.contradicts
            # First of all: whatever fails after this, nothing is erased.
            self._witnessed = Witnessed(self._witnessed.ahead, contradicts=True)
            if is_new:
                with self._parts.db.write() as conn:
                    self._parts.ledger.append(conn, acts.ledger_contradicted(str(error.code)))
            raise
        except Unavailable as error:
            if not error.code.startswith("witness."):
                raise  # nothing is erased by a database that was not compared
            _log.warning("retention.witness-away", why=str(error))
        else:
            self._witnessed = Witnessed(self._witnessed.ahead if found is None else found.ahead)
        self._is_compared = True

    def _asks_witness(self) -> bool:
        """Return whether there is something new to sign, an hour has passed, or the last answer was none to go by."""
        link = self._checkpoints.witness
        if link is None:
            return False
        now, ahead = self._parts.clock.now(), self._witnessed.ahead
        if self._witnessed.contradicts or ahead is None or abs(ahead) > self._limits.clock_tolerance:
            return True
        with self._parts.db.read() as conn:
            known, note = cosignatures.newest(conn, link.verifier), newest_note(conn)
        return (
            known is None
            or note is None
            or notes.parse(note).size != known.size
            or not timedelta(0) <= now - known.received_at < cosignatures.ASK_AGAIN_AFTER
        )

    def _sweep(self) -> None:
        # A sweep that fails leaves no report: nothing is erased by the word of an earlier one.
        self._report = None
        report = run_sweep(self._parts, self._limits, self._witnessed)
        self._report = report
        if report.doubts:
            _log.error("retention.in-doubt", doubts=[doubt.value for doubt in report.doubts])
        if report.claimed or report.finished or report.ended_keys:
            _log.info("retention.swept", claimed=report.claimed, finished=report.finished, hours=report.ended_keys)
            # Erased keys must not linger in SQLite's write-ahead log.
            self._parts.db.checkpoint_wal()

    def _take_the_word(self) -> None:
        """Take two persons' word that the clock is right."""
        override.carry_out(self._parts)
        override.expire(self._parts)

    def _erase_early(self) -> None:
        """Erase what two persons want gone before its time."""
        self._erased_early = 0
        early.expire(self._parts)
        trusted = self._report is not None and not self._report.doubts
        self._erased_early = early.carry_out(self._parts, clock_is_trusted=trusted)
        if self._erased_early:
            _log.info("retention.erased-early", segments=self._erased_early)
            self._parts.db.checkpoint_wal()

    def _erase_overdue(self, at: datetime) -> None:
        erase_overdue(self._parts, self._limits.keep_for, at)

    def _reconcile(self, at: datetime) -> None:
        self._findings = reconcile(self._parts, self._limits.keep_for, at)

    def _remind(self) -> None:
        """Say once per hold and process that its review is due."""
        now = self._parts.clock.now()
        with self._parts.db.read() as conn:
            active = holds.list_in(conn, {HoldState.ACTIVE})
        due = [hold for hold in active if hold.review_on <= now]
        for hold in due:
            if hold.id not in self._reminded:
                _log.warning("retention.hold-review-due", hold_id=hold.id)
                with self._parts.db.write() as conn:
                    self._parts.ledger.append(conn, acts.hold_review_due(hold))
        self._reminded = {hold.id for hold in due}

    def _look_for_breach(self) -> None:
        with self._parts.db.read() as conn:
            oldest_at = inventory.oldest_unheld_at(conn)
        if oldest_at is not None and breaches(oldest_at, self._parts.clock.now()):
            _log.error("retention.breach", oldest_at=oldest_at.isoformat())
            with self._parts.db.write() as conn:
                self._parts.ledger.append(conn, acts.breach(oldest_at))

    def _checkpoint(self) -> None:
        swept = self._report is not None and (self._report.claimed or self._report.ended_keys)
        erased = swept or self._erased_early
        with self._parts.db.write() as conn:
            note = self._parts.ledger.checkpoint_if_due(
                conn,
                self._checkpoints.signer,
                entries=1 if erased else _CHECKPOINT_ENTRIES,
                age=_CHECKPOINT_AGE,
            )
            is_missing = standing.is_checkpoint_missing(conn, self._checkpoints.folder)
        if note is not None and not is_missing:
            outside.keep(self._checkpoints.folder, note)
