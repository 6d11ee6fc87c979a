"""The daemon checks the whole ledger every day, signs nothing on a changed one, and says when the checkpoint outside is gone."""

import threading
from datetime import timedelta

import pytest

from retention.daemon import RetentionDaemon
from tests.auditor.bundles import signer_of
from tests.ledger.owner import change
from tests.retention.town import LIMITS, Town
from vms.db import reports
from vms.db.reports import CHECKPOINT_MISSING, LEDGER_CONTRADICTED, LEDGER_UNCHECKED, Service
from vms.ledger import outside
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.log import newest_checkpoint
from vms.ledger.search import Filter, search
from vms.ledger.standing import Checkpoints
from vms.ledger.whole_check import CHECK_LASTS, CheckRecord
from vms.model import PlacementId

P0 = PlacementId("p0")
DAY = timedelta(days=1)


@pytest.fixture
def daemon(town: Town) -> RetentionDaemon:
    """A daemon whose ledger has an entry and a checkpoint."""
    made = RetentionDaemon(
        town.parts, LIMITS, Checkpoints(signer_of(town), town.folder / "keys"), sweep_every_s=60, stop=threading.Event()
    )
    town.record(P0)
    for _ in range(3):
        made.run_once()
        town.clock.advance(timedelta(hours=2))
    return made


def problems(town: Town) -> tuple[str, ...]:
    """Return what the page says of erasing."""
    with town.db.read() as conn:
        [found] = [one for one in reports.conditions(conn, town.clock.now()) if one.service is Service.RETENTION]
    return found.problems


def test_a_changed_entry_is_found_within_a_day_and_nothing_is_signed_or_erased(
    town: Town, daemon: RetentionDaemon
) -> None:
    """Start-up, page and proof said "in order" of it, and the next checkpoint was signed over it."""
    assert daemon.status()["ledger_checked_at"] is not None
    with town.db.write() as conn:
        change(conn, "UPDATE ledger_entry SET actor = 'somebody-else' WHERE seq = 0")
        signed = newest_checkpoint(conn)
    town.clock.advance(DAY)
    daemon.run_once()
    assert LEDGER_CONTRADICTED in problems(town)
    with town.db.read() as conn:
        assert newest_checkpoint(conn) == signed
        [entry] = search(conn, Filter(acts=(Act.INTEGRITY_LOST,)))
    assert entry.document["why"] == "ledger.contradicted"
    town.clock.advance(DAY)
    daemon.run_once()
    assert LEDGER_CONTRADICTED in problems(town), "it does not end by itself"


def test_a_check_that_is_two_days_old_is_a_problem(
    town: Town, daemon: RetentionDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because a check that silently stopped would look like one that finds nothing; so would one whose record is gone."""
    town.clock.advance(DAY)
    daemon.run_once()
    with monkeypatch.context() as stopped:
        stopped.setattr(daemon._ledger_check, "work", lambda: None)
        town.clock.advance(CHECK_LASTS - timedelta(seconds=1))
        daemon.run_once()
        assert LEDGER_UNCHECKED not in problems(town)
        town.clock.advance(timedelta(seconds=1))
        daemon.run_once()
        assert LEDGER_UNCHECKED in problems(town)
    daemon.run_once()
    assert LEDGER_UNCHECKED not in problems(town), "the next round checks"
    (town.folder / "keys" / outside.CHECK_FILE).unlink()
    assert daemon.status()["is_unchecked"]
    daemon.run_once()
    assert LEDGER_UNCHECKED not in problems(town)
    assert CheckRecord(town.folder / "keys", town.clock).last() is not None


def test_a_missing_checkpoint_outside_is_an_alarm_until_a_person_compared(town: Town, daemon: RetentionDaemon) -> None:
    """Who puts back an older database takes this file away first; making it anew by itself would hide that."""
    with town.db.write() as conn:
        for number in range(2):
            entry = Entry(Act.REC_START, Actor.service("ingest"), Origin("vms/test"), {"number": number})
            town.parts.ledger.append(conn, entry)
            town.parts.ledger.checkpoint(conn, signer_of(town))
    (town.folder / "keys" / outside.FILE_NAME).unlink()
    for _ in range(3):
        town.clock.advance(timedelta(hours=2))
        daemon.run_once()
        assert CHECKPOINT_MISSING in problems(town)
    assert outside.kept(town.folder / "keys") is None
    with town.db.write() as conn:
        note = town.parts.ledger.checkpoint(conn, signer_of(town))
    outside.keep(town.folder / "keys", note)  # vms checkpoint --keep
    daemon.run_once()
    assert CHECKPOINT_MISSING not in problems(town)
