"""The whole check: what the database's owner changes in old entries, or in the copies that searches go by, is found within a day."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.ledger.owner import change
from vms.clock import ManualClock
from vms.db.engine import Database
from vms.errors import IntegrityLost, Unavailable
from vms.ledger import outside, whole_check
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose
from vms.ledger.log import Ledger
from vms.ledger.signer import FileSigner
from vms.ledger.whole_check import CheckRecord, WholeCheck

NAME = "vms.test/audit-2026"
SIGNER = FileSigner(NAME, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ENTRIES = 1300
"""More than the start-up check reads, and more than one slice."""

OLD_ENTRY = "UPDATE ledger_entry SET body = (SELECT body FROM ledger_entry WHERE seq = 5) WHERE seq = 7"
HIDDEN = {
    "another act": "UPDATE ledger_entry SET act = 'system.start' WHERE seq = 7",
    "another person": "UPDATE ledger_entry SET actor = 'somebody-else' WHERE seq = 7",
    "another time": "UPDATE ledger_entry SET at = (SELECT at FROM ledger_entry WHERE seq = 1299) WHERE seq = 7",
    "no placement": "DELETE FROM ledger_placement WHERE seq = 7",
    "another placement": "UPDATE ledger_placement SET placement_id = 'p-9' WHERE seq = 7",
    "a placement too many": "INSERT INTO ledger_placement (placement_id, seq) VALUES ('p-9', 7)",
    "no case": "DELETE FROM ledger_subject WHERE seq = 7",
}


@pytest.fixture
def filled(database: Database, clock: ManualClock) -> Database:
    """A ledger whose old entries the start-up check does not read."""
    ledger = Ledger(NAME, clock)
    with database.write() as conn:
        for number in range(ENTRIES):
            entry = Entry(
                Act.REC_START,
                Actor.service("ingest"),
                Origin("vms/test"),
                {"placement_id": "p-1", "number": number},
                purpose=Purpose("case", f"PL0900-2026-{number:06}"),
            )
            ledger.append(conn, entry)
            clock.advance(timedelta(seconds=1))
            if number in {3, 900}:
                ledger.checkpoint(conn, SIGNER)
    return database


@pytest.fixture
def record(tmp_path: Path, clock: ManualClock) -> CheckRecord:
    """What the last check came to, in a folder that no database reaches."""
    return CheckRecord(tmp_path / "keys", clock)


def test_a_whole_ledger_is_whole_and_every_entry_was_read(filled: Database) -> None:
    """A check that cries wolf would be switched off; one that skips would be worth nothing."""
    read = [entry.seq for entry in whole_check.entries(filled, NAME, SIGNER.verifier)]
    assert read == list(range(ENTRIES))


def test_an_old_entry_that_start_up_does_not_read_is_found(filled: Database, clock: ManualClock) -> None:
    """Start-up hashes the newest thousand: an older view could be rewritten, and a new checkpoint was signed over it."""
    with filled.write() as conn:
        change(conn, OLD_ENTRY)
    ledger = Ledger(NAME, clock)
    with filled.read() as conn:
        assert ledger.verify_tail(conn, SIGNER.verifier) == ENTRIES, "start-up says: in order"
        with pytest.raises(IntegrityLost, match="entry 7 is not the one"):
            ledger.verify_all(conn)


@pytest.mark.parametrize("statement", HIDDEN.values(), ids=HIDDEN.keys())
def test_search_words_that_were_changed_are_found(filled: Database, clock: ManualClock, statement: str) -> None:
    """They lie outside the tree: a view hidden there vanishes from the log page, the search by case and the reviews."""
    with filled.write() as conn:
        change(conn, statement)
    with filled.read() as conn, pytest.raises(IntegrityLost, match="entry 7 can't be found"):
        Ledger(NAME, clock).verify_all(conn)


def test_a_checkpoint_that_was_changed_is_found(filled: Database, clock: ManualClock) -> None:
    """The roots are recomputed from the entries, for every checkpoint and not only the newest."""
    with filled.write() as conn:
        change(
            conn,
            "UPDATE ledger_checkpoint SET note = (SELECT note FROM ledger_checkpoint WHERE size = 901) WHERE size = 4",
        )
    with filled.read() as conn, pytest.raises(IntegrityLost, match="another ledger's"):
        Ledger(NAME, clock).verify_all(conn)


def test_entries_that_come_during_a_pass_are_the_next_one_s(filled: Database, clock: ManualClock) -> None:
    """A pass over a living ledger must neither fail nor run for ever."""
    with filled.read() as conn:
        walk = WholeCheck(conn, NAME, SIGNER.verifier)
        walk.advance(conn)
    with filled.write() as conn:
        Ledger(NAME, clock).append(
            conn, Entry(Act.REC_START, Actor.service("ingest"), Origin("vms/test"), {"number": 1})
        )
    with filled.read() as conn:
        while not walk.is_done:
            walk.advance(conn)
        assert walk.finish(conn) == Ledger(NAME, clock).root(conn, ENTRIES)
    assert walk.size == ENTRIES


def test_no_checkpoint_is_signed_over_a_changed_entry(
    filled: Database, clock: ManualClock, record: CheckRecord
) -> None:
    """A signature says that we stand behind all of it, not only behind what is new."""
    ledger = Ledger(NAME, clock, refuse_signing=whole_check.guard(record, NAME))
    with filled.write() as conn:
        assert ledger.checkpoint(conn, SIGNER)
        ledger.append(conn, Entry(Act.REC_START, Actor.service("ingest"), Origin("vms/test"), {"number": 1}))
    clock.advance(timedelta(days=3))
    with filled.write() as conn:
        change(conn, OLD_ENTRY)
    with pytest.raises(IntegrityLost), filled.write() as conn:
        ledger.checkpoint(conn, SIGNER)
    with pytest.raises(IntegrityLost, match="found the ledger changed"):
        record.refuse_changed()
    assert outside.contradicted(record.folder) == "entries ledger.broken"


def test_a_long_ledger_is_not_signed_on_an_old_check(
    filled: Database, clock: ManualClock, record: CheckRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checking millions of entries on the spot would hold up who signs; the daemon does it in slices."""
    monkeypatch.setattr(whole_check, "CHECKED_AT_ONCE", 1000)
    ledger = Ledger(NAME, clock, refuse_signing=whole_check.guard(record, NAME))
    with pytest.raises(Unavailable, match="vms check --whole"), filled.write() as conn:
        ledger.checkpoint(conn, SIGNER)
    with filled.read() as conn:
        record.passed(*ledger.verify_all(conn))
    with filled.write() as conn:
        assert ledger.checkpoint(conn, SIGNER)
        ledger.append(conn, Entry(Act.REC_START, Actor.service("ingest"), Origin("vms/test"), {"number": 1}))
    clock.advance(timedelta(days=2))
    with pytest.raises(Unavailable), filled.write() as conn:
        ledger.checkpoint(conn, SIGNER)


def test_a_record_that_can_not_be_read_vouches_for_nothing(record: CheckRecord, clock: ManualClock) -> None:
    """Who spoils the file must not win a checkpoint by it; nor who sets the clock back."""
    record.passed(5, bytes(32))
    assert not record.is_overdue()
    clock.step_wall_clock(-timedelta(days=1))
    assert record.is_overdue(), "a check from the future"
    clock.step_wall_clock(timedelta(days=1))
    (record.folder / outside.CHECK_FILE).write_text('{"at":"soon"}', encoding="utf-8")
    assert record.last() is None
    assert record.is_overdue()
