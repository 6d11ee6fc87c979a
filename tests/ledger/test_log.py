"""The ledger on both databases: whole, gap-free, searchable, and unable to forget unnoticed."""

import contextlib
import multiprocessing
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from tests.ledger import naive
from vms.clock import ManualClock, SystemClock
from vms.db.engine import Database
from vms.errors import Conflict, IntegrityLost, InvalidInput, NotFound
from vms.ledger import merkle, notes, search
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Private, Purpose
from vms.ledger.log import Ledger
from vms.ledger.search import Filter
from vms.ledger.signer import FileSigner
from vms.model import PlacementId

NAME = "vms.test/audit-2026"
SIGNER = FileSigner(NAME, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HERE = Origin("vms/test", workstation="WS-01", ip="127.0.0.1")


REFUSED = [
    "UPDATE ledger_entry SET actor = 'somebody-else' WHERE seq = 1",
    "DELETE FROM ledger_entry WHERE seq = 2",
    "DELETE FROM ledger_entry",
    "INSERT INTO ledger_entry (seq, body, at, act, actor) SELECT 7, body, at, act, actor FROM ledger_entry WHERE seq = 0",
    "INSERT INTO ledger_entry (seq, body, at, act, actor) SELECT -1, body, at, act, actor FROM ledger_entry WHERE seq = 0",
    "DELETE FROM ledger_tile",
    "UPDATE ledger_tile SET level = 1",
    "UPDATE ledger_tile SET hashes = substr(hashes, 1, 32)",
    "UPDATE ledger_tile SET hashes = hashes",
    "UPDATE ledger_checkpoint SET note = 'x'",
    "DELETE FROM ledger_checkpoint",
    "UPDATE ledger_placement SET placement_id = 'x'",
    "DELETE FROM ledger_placement",
    "UPDATE ledger_text SET text = 'x'",
]
TAMPERED = [
    "UPDATE ledger_entry SET body = (SELECT body FROM ledger_entry WHERE seq = 5) WHERE seq = 290",
    "DELETE FROM ledger_entry WHERE seq = 299",
    "DELETE FROM ledger_entry WHERE seq = 295",
    "DELETE FROM ledger_tile WHERE level = 0 AND number = 1",
    "DELETE FROM ledger_tile WHERE level = 1",
    "UPDATE ledger_tile SET hashes = (SELECT hashes FROM ledger_tile WHERE level = 1) WHERE level = 0 AND number = 1",
]


class FailedActError(Exception):
    """What an act raises whose entry was already written."""


def fail_if(wanted: bool) -> None:  # noqa: FBT001 - reads as a sentence
    """Fail, if that is wanted."""
    if wanted:
        raise FailedActError


@pytest.fixture
def ledger(clock: ManualClock) -> Ledger:
    """A ledger whose clock stands still until turned."""
    return Ledger(NAME, clock)


def recorded(number: int, placement: str = "p-1") -> Entry:
    """Return an entry by one of our own processes."""
    return Entry(Act.REC_START, Actor.service("ingest"), HERE, {"placement_id": placement, "number": number})


def fill(database: Database, ledger: Ledger, count: int) -> None:
    """Append so many entries, in one transaction."""
    with database.write() as conn:
        for number in range(count):
            ledger.append(conn, recorded(number))


def without_triggers(conn: Connection) -> None:
    """Do what the database's owner can: switch the append-only rules off."""
    if conn.dialect.name == "postgresql":
        for table in ("ledger_entry", "ledger_tile", "ledger_text", "ledger_checkpoint"):
            conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        conn.execute(text("ALTER TABLE ledger_placement DROP CONSTRAINT fk_ledger_placement_seq"))
        return
    for (name,) in conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        conn.execute(text(f"DROP TRIGGER {name}"))
    conn.execute(text("DELETE FROM ledger_placement"))


def test_the_root_is_that_of_the_standard_over_the_bodies(database: Database, ledger: Ledger) -> None:
    """The auditor computes it from the bodies alone; 300 entries pass a tile's edge."""
    fill(database, ledger, 300)
    with database.read() as conn:
        bodies = [entry.body for entry in search.run(conn, 0, 300)]
        assert ledger.size(conn) == len(bodies) == 300
        for size in (0, 1, 255, 256, 257, 300):
            assert ledger.root(conn, size) == naive.mth(bodies[:size])
        assert ledger.verify_all(conn) == (300, naive.mth(bodies))


def test_proofs_out_of_the_database_lead_to_the_root(database: Database, ledger: Ledger) -> None:
    """They go into export packages and are checked by others."""
    fill(database, ledger, 300)
    with database.read() as conn:
        root = ledger.root(conn)
        for seq in (0, 1, 255, 256, 299):
            leaf = merkle.leaf_hash(search.get(conn, seq).body)
            proof = ledger.inclusion_proof(conn, seq)
            assert merkle.root_from_inclusion(seq, 300, leaf, proof) == root
        old_root = ledger.root(conn, 123)
        assert merkle.roots_from_consistency(123, 300, old_root, ledger.consistency_proof(conn, 123)) == (
            old_root,
            root,
        )
        with pytest.raises(NotFound):
            ledger.inclusion_proof(conn, 300)
        with pytest.raises(NotFound):
            ledger.root(conn, 301)
        with pytest.raises(InvalidInput):
            ledger.consistency_proof(conn, 0)


def test_an_entry_of_a_failed_act_leaves_no_gap(database: Database, ledger: Ledger) -> None:
    """The entry is there exactly when the act is; the next one takes its number."""
    fill(database, ledger, 3)

    def act_and_fail() -> None:
        with database.write() as conn:
            ledger.append(conn, recorded(99))
            raise RuntimeError("the act failed after its entry was written")

    with pytest.raises(RuntimeError):
        act_and_fail()
    with database.write() as conn:
        assert ledger.append(conn, recorded(3)) == 3
    with database.read() as conn:
        assert ledger.verify_all(conn)[0] == 4


def test_an_entry_that_can_not_be_encoded_writes_nothing(database: Database, ledger: Ledger) -> None:
    """The caller may go on in the same transaction, for instance to log the failure."""
    bad = Entry(Act.REC_START, Actor.service("ingest"), HERE, {"zoom": 0.5})  # type: ignore[dict-item]  # that is the point
    with database.write() as conn:
        with pytest.raises(InvalidInput):
            ledger.append(conn, bad)
        assert ledger.append(conn, recorded(1)) == 0
    with database.read() as conn:
        assert ledger.verify_all(conn)[0] == 1


def test_the_database_refuses_to_change_what_is_written(database: Database, ledger: Ledger) -> None:
    """An accident, a script or a careless administrator must not get through (BIO 8.15.05)."""
    with database.write() as conn:
        for number in range(3):
            ledger.append(conn, recorded(number))
        ledger.append(conn, Entry(Act.AREA_ADD, Actor.service("x"), HERE, {"note": Private("n")}))
        ledger.checkpoint(conn, SIGNER)
    for statement in REFUSED:
        with pytest.raises(Conflict, match="append-only"), database.write() as conn:
            conn.execute(text(statement))
    with database.read() as conn:
        assert ledger.verify_tail(conn, SIGNER.verifier) == 4


def test_postgresql_refuses_to_empty_the_ledger(database: Database, ledger: Ledger) -> None:
    """TRUNCATE fires no row triggers; SQLite has no such statement."""
    if not database.is_postgresql:
        with pytest.raises(sqlite3.OperationalError):
            sqlite3.connect(":memory:").execute("TRUNCATE ledger_entry")
        return
    fill(database, ledger, 1)
    for table in ("ledger_entry", "ledger_tile", "ledger_checkpoint", "ledger_placement", "ledger_subject"):
        with pytest.raises(Conflict), database.write() as conn:
            conn.execute(text(f"TRUNCATE {table} CASCADE"))


def test_sqlite_refuses_to_replace_an_entry(sqlite_database: Database, ledger: Ledger) -> None:
    """INSERT OR REPLACE deletes without firing the delete trigger."""
    fill(sqlite_database, ledger, 2)
    for statement in (
        "INSERT OR REPLACE INTO ledger_entry (seq, body, at, act, actor) SELECT 0, x'00', at, act, actor FROM ledger_entry WHERE seq = 1",
        "INSERT OR REPLACE INTO ledger_tile (level, number, hashes) VALUES (0, 0, zeroblob(32))",
    ):
        with pytest.raises(Conflict), sqlite_database.write() as conn:
            conn.execute(text(statement))


def test_start_up_finds_what_the_owner_of_the_database_changed(database: Database, ledger: Ledger) -> None:
    """Triggers don't stop the owner; the signed checkpoint and the hashes do."""
    fill(database, ledger, 300)
    with database.write() as conn:
        ledger.checkpoint(conn, SIGNER)
    for statement in TAMPERED:
        with contextlib.suppress(FailedActError), database.write() as conn:
            without_triggers(conn)
            conn.execute(text(statement))
            with pytest.raises(IntegrityLost):
                ledger.verify_tail(conn, SIGNER.verifier)
            with pytest.raises(IntegrityLost):
                ledger.verify_all(conn)
            fail_if(wanted=True)  # undo
    with database.read() as conn:
        assert ledger.verify_tail(conn, SIGNER.verifier) == ledger.verify_all(conn)[0] == 300


def test_an_old_entry_rewritten_together_with_its_tiles_is_found_by_the_checkpoint(
    database: Database, ledger: Ledger
) -> None:
    """The attacker recomputes everything in the database; the signed root stays out of reach."""
    fill(database, ledger, 3)
    with database.write() as conn:
        ledger.checkpoint(conn, SIGNER)
    with database.write() as conn:
        without_triggers(conn)
        leaves = [merkle.leaf_hash(entry.body) for entry in search.run(conn, 0, 3)]
        forged = b'{"act":"rec.start"}'
        conn.execute(text("UPDATE ledger_entry SET body = :body WHERE seq = 1"), {"body": forged})
        tile = leaves[0] + merkle.leaf_hash(forged) + leaves[2]
        conn.execute(text("UPDATE ledger_tile SET hashes = :tile"), {"tile": tile})
    with database.read() as conn, pytest.raises(IntegrityLost, match="not those that were signed"):
        ledger.verify_tail(conn)
    fill(database, ledger, 1)
    with pytest.raises(IntegrityLost), database.write() as conn:
        ledger.checkpoint(conn, SIGNER)


def test_a_restored_older_database_is_found_by_the_checkpoint_kept_outside(database: Database, ledger: Ledger) -> None:
    """Within itself an old copy is whole; only something outside knows that there was more."""
    fill(database, ledger, 5)
    with database.read() as conn:
        root_of_another_life = ledger.root(conn)
    note = notes.Checkpoint(NAME, 6, root_of_another_life).signed(SIGNER)
    with database.read() as conn:
        assert ledger.verify_tail(conn, SIGNER.verifier) == 5
        with pytest.raises(IntegrityLost, match="older copy"):
            ledger.verify_tail(conn, SIGNER.verifier, note)


def test_a_checkpoint_of_another_ledger_is_refused(database: Database, ledger: Ledger) -> None:
    """A mixed-up folder of keys must be noticed, not accepted."""
    fill(database, ledger, 1)
    with database.read() as conn:
        foreign = notes.Checkpoint("elsewhere.example/log", 1, ledger.root(conn)).signed(SIGNER)
        with pytest.raises(IntegrityLost, match="elsewhere"):
            ledger.verify_tail(conn, None, foreign)


def test_a_checkpoint_says_size_and_root_and_comes_once_per_size(database: Database, ledger: Ledger) -> None:
    """Two notes for one size would look like two histories."""
    fill(database, ledger, 10)
    with database.write() as conn:
        note = ledger.checkpoint(conn, SIGNER)
        assert ledger.checkpoint(conn, SIGNER) == note
        assert notes.verify(note, SIGNER.verifier) == notes.Checkpoint(NAME, 10, ledger.root(conn))
        ledger.append(conn, recorded(10))
        assert ledger.checkpoint(conn, SIGNER) != note


def test_a_checkpoint_is_due_after_enough_entries_or_enough_time(
    database: Database, ledger: Ledger, clock: ManualClock
) -> None:
    """Few notes when nothing happens, and never an hour unsigned when something did."""
    due = {"entries": 5, "age": timedelta(hours=1)}
    with database.write() as conn:
        assert ledger.checkpoint_if_due(conn, SIGNER, **due) is None  # type: ignore[arg-type]  # a dict of both arguments
    fill(database, ledger, 1)
    with database.write() as conn:
        assert ledger.checkpoint_if_due(conn, SIGNER, **due) is not None  # type: ignore[arg-type]  # as above
    fill(database, ledger, 4)
    with database.write() as conn:
        assert ledger.checkpoint_if_due(conn, SIGNER, **due) is None  # type: ignore[arg-type]  # as above
    fill(database, ledger, 1)
    with database.write() as conn:
        assert ledger.checkpoint_if_due(conn, SIGNER, **due) is not None  # type: ignore[arg-type]  # as above
    fill(database, ledger, 1)
    clock.advance(timedelta(hours=1))
    with database.write() as conn:
        assert ledger.checkpoint_if_due(conn, SIGNER, **due) is not None  # type: ignore[arg-type]  # as above
    clock.advance(timedelta(hours=5))
    with database.write() as conn:
        assert ledger.checkpoint_if_due(conn, SIGNER, **due) is None  # type: ignore[arg-type]  # as above


def test_search_filters_and_pages_newest_first(database: Database, ledger: Ledger, clock: ManualClock) -> None:
    """The log page asks by time, act, person and placement, a page at a time."""
    start = clock.now()
    person = Actor.person("u-1", role="observer", session_id="s-1")
    with database.write() as conn:
        for number in range(6):
            ledger.append(conn, recorded(number, f"p-{number % 2}"))
            clock.advance(timedelta(minutes=1))
        ledger.append(conn, Entry(Act.LIVE_OPEN, person, HERE, {"placement_id": "p-1"}, purpose=Purpose("watch")))
        ledger.append(conn, Entry(Act.HOLD_PLACE, person, HERE, {"hold_id": "h", "placement_ids": ["p-0", "p-1"]}))

    def seqs(wanted: Filter, limit: int = 100) -> list[int]:
        with database.read() as conn:
            return [entry.seq for entry in search.search(conn, wanted, limit=limit)]

    assert seqs(Filter()) == [7, 6, 5, 4, 3, 2, 1, 0]
    assert seqs(Filter(), limit=3) == [7, 6, 5]
    assert seqs(Filter(before_seq=5), limit=3) == [4, 3, 2]
    assert seqs(Filter(placement_id=PlacementId("p-1"))) == [7, 6, 5, 3, 1]
    assert seqs(Filter(acts={Act.LIVE_OPEN, Act.HOLD_PLACE})) == [7, 6]
    assert seqs(Filter(actors=["u-1"], acts=[Act.LIVE_OPEN])) == [6]
    assert seqs(Filter(from_at=start + timedelta(minutes=1), until_at=start + timedelta(minutes=3))) == [2, 1]
    assert seqs(Filter(actors=["nobody"])) == []


def test_texts_are_shown_until_they_are_erased_and_the_tree_stays_whole(database: Database, ledger: Ledger) -> None:
    """Personal data in the log has an end too; the proof that something was said has not."""
    entry = Entry(
        Act.EXPORT_REQUEST,
        Actor.person("u-1", role="investigator", session_id="s"),
        HERE,
        {"hold_id": "h-1", "notes": [Private("first"), "plain"]},
        purpose=Purpose("case", "PL0900-2026-123456", text="because"),
        recipient="Officier K. Klaassen",
    )
    with database.write() as conn:
        ledger.append(conn, entry)
        root = ledger.root(conn)
    with database.write() as conn:
        found = search.get(conn, 0)
        assert found.object == {"hold_id": "h-1", "notes": ["first", "plain"]}
        assert found.revealed("purpose") == {"code": "case", "case": "PL0900-2026-123456", "text": "because"}
        assert found.revealed("recipient") == "Officier K. Klaassen"
        assert search.erase_texts(conn, found.texts) == 3
    with database.read() as conn:
        found = search.get(conn, 0)
        assert found.object["notes"] == [search.ERASED, "plain"]
        assert found.revealed("recipient") == search.ERASED
        assert ledger.verify_all(conn) == (1, root)


def test_a_text_that_was_swapped_is_an_incident(database: Database, ledger: Ledger) -> None:
    """The text on the page must be the one that was committed to."""
    with database.write() as conn:
        ledger.append(conn, Entry(Act.AREA_ADD, Actor.service("x"), HERE, {"note": Private("true")}))
    with database.write() as conn:
        without_triggers(conn)
        conn.execute(text("UPDATE ledger_text SET text = 'false'"))
    with database.read() as conn, pytest.raises(IntegrityLost):
        search.get(conn, 0)


def append_in_a_process(url: str, worker: int, count: int) -> None:
    """Run in several processes at once: append, each entry in a transaction of its own, every fifth rolled back."""
    database = Database(url)
    ledger = Ledger(NAME, SystemClock())
    for number in range(count):
        with contextlib.suppress(FailedActError), database.write() as conn:
            ledger.append(conn, recorded(number, f"worker-{worker}"))
            fail_if(number % 5 == 4)
    database.dispose()


@pytest.mark.processes
def test_processes_that_append_at_once_make_one_whole_ledger(database: Database) -> None:
    """API, ingest and retention all write; numbers must have no gap and no two writers the same one."""
    workers, count = 3, 50
    context = multiprocessing.get_context("spawn")
    started = [
        context.Process(target=append_in_a_process, args=(database.url, worker, count)) for worker in range(workers)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    assert [process.exitcode for process in started] == [0] * workers
    ledger = Ledger(NAME, SystemClock())
    expected = workers * count * 4 // 5
    with database.read() as conn:
        size, root = ledger.verify_all(conn)
        entries = search.run(conn, 0, size)
    assert size == expected
    assert root == naive.mth([entry.body for entry in entries])
    for worker in range(workers):
        own = [
            entry.document["obj"]["number"] for entry in entries if entry.object["placement_id"] == f"worker-{worker}"
        ]
        assert own == [number for number in range(count) if number % 5 != 4]


def test_the_ledger_survives_a_restart(sqlite_url: str, tmp_path: Path) -> None:
    """What was committed is there when the next process opens the file."""
    ledger = Ledger(NAME, SystemClock())
    for number in range(3):
        database = Database(sqlite_url)
        with database.write() as conn:
            assert ledger.append(conn, recorded(number)) == number
        database.dispose()
