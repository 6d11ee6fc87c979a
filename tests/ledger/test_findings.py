"""Open findings: which there are, and that asking for them every two seconds costs the same however long the ledger has become."""

from tests.ledger.test_log import HERE
from vms.clock import ManualClock
from vms.db.engine import Database
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Value
from vms.ledger.findings import is_withheld, open_findings
from vms.ledger.log import Ledger
from vms.model import PlacementId

ACTOR = Actor.service("selftest")
ONE, OTHER = PlacementId("one"), PlacementId("other")


def write(database: Database, ledger: Ledger, act: Act, placement_id: PlacementId, times: int = 1) -> None:
    """Add entries about a placement."""
    words: dict[str, Value] = {"placement_id": placement_id}
    with database.write() as conn:
        for _ in range(times):
            ledger.append(conn, Entry(act, ACTOR, HERE, words))


def steps_to_ask(database: Database) -> int:
    """Return how many hundreds of steps SQLite takes to tell whether a placement is withheld."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with database.read() as conn:
        raw = conn.connection.driver_connection
        assert raw is not None
        raw.set_progress_handler(count, 100)
        assert not is_withheld(conn, ONE)
        raw.set_progress_handler(None, 0)
    return steps


def test_a_finding_is_open_until_its_placement_is_cleared(database: Database, clock: ManualClock) -> None:
    """By whichever entry is newer, for that placement only; newest first."""
    ledger = Ledger("vms.test/audit", clock)
    write(database, ledger, Act.SELFTEST_FAILED, ONE, times=2)
    write(database, ledger, Act.SELFTEST_FAILED, OTHER)
    write(database, ledger, Act.SELFTEST_CLEARED, OTHER)
    with database.read() as conn:
        assert {name: [one.seq for one in found] for name, found in open_findings(conn).items()} == {ONE: [1, 0]}
    write(database, ledger, Act.SELFTEST_CLEARED, ONE)
    write(database, ledger, Act.SELFTEST_FAILED, OTHER)
    with database.read() as conn:
        assert {name: [one.seq for one in found] for name, found in open_findings(conn).items()} == {OTHER: [5]}
        assert not is_withheld(conn, ONE)
        assert is_withheld(conn, OTHER)


def test_asking_costs_the_same_in_a_long_ledger(sqlite_database: Database, clock: ManualClock) -> None:
    """Each worker asks every two seconds: a walk through all entries grew with every act of everybody."""
    ledger = Ledger("vms.test/audit", clock)
    write(sqlite_database, ledger, Act.SYSTEM_START, ONE)
    short = steps_to_ask(sqlite_database)
    write(sqlite_database, ledger, Act.SYSTEM_START, ONE, times=2_000)
    assert steps_to_ask(sqlite_database) <= short + 1
