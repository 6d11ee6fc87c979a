"""The look at the approved plan that each worker takes every two seconds: it must not grow with the plan's masks."""

import pytest

from ingest.plan_watch import NO_PLAN, WITHHELD, PlanWatch
from tests import builders
from vms.clock import ManualClock
from vms.db import plans
from vms.db.engine import Database
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.findings import is_withheld
from vms.ledger.log import Ledger
from vms.model import PlacementId

HERE = PlacementId("place-1")


def test_a_plan_is_read_once_a_version(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of masks were fetched and parsed as JSON every two seconds, to learn that nothing had changed."""
    with sqlite_database.write() as conn:
        people = builders.add_people(conn)
        builders.add_placement(conn, HERE)
    read: list[int | None] = []
    current = plans.current

    def counted(conn: object, placement_id: PlacementId) -> object:
        found = current(conn, placement_id)  # type: ignore[arg-type]  # whatever it is, it is handed on
        read.append(None if found is None else found.version)
        return found

    monkeypatch.setattr("ingest.plan_watch.plans.current", counted)
    watch = PlanWatch(sqlite_database, HERE)
    first = watch.look()
    assert first is not None
    assert [watch.look() for _ in range(3)] == [None] * 3
    assert read == [first.version]
    with sqlite_database.write() as conn:
        plans.withdraw(conn, HERE)
    assert watch.look() == NO_PLAN
    assert read == [first.version, None]
    with sqlite_database.write() as conn:
        drawn = plans.add_draft(
            conn, HERE, document=builders.FIXED_PLAN, reason="t", drawn_by=people.officer, drawn_at=builders.SPRING
        )
        plans.approve(conn, HERE, drawn.version, approved_by=people.second_officer, approved_at=builders.SPRING)
    read.clear()
    second = watch.look()
    assert second is not None
    assert second.version == drawn.version
    assert read == [second.version]


def test_findings_are_read_when_there_are_new_ones(
    sqlite_database: Database, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finding greys within one look, and its clearing ends that; in between nothing is searched for."""
    ledger = Ledger("vms.test/audit", clock)
    with sqlite_database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, HERE)
    looked: list[bool] = []

    def counted(conn: object, placement_id: PlacementId) -> bool:
        looked.append(is_withheld(conn, placement_id))  # type: ignore[arg-type]  # whatever it is, it is handed on
        return looked[-1]

    def write(act: Act, placement_id: str) -> None:
        with sqlite_database.write() as conn:
            words = {"placement_id": placement_id}
            ledger.append(conn, Entry(act, Actor.service("selftest"), Origin("vms/test"), words))

    monkeypatch.setattr("ingest.plan_watch.is_withheld", counted)
    watch = PlanWatch(sqlite_database, HERE)
    assert watch.look() != WITHHELD
    write(Act.SYSTEM_START, HERE)
    write(Act.SELFTEST_FAILED, "another")
    assert [watch.look() for _ in range(3)] == [None] * 3
    write(Act.SELFTEST_FAILED, HERE)
    assert watch.look() == WITHHELD
    assert watch.look() is None
    write(Act.SELFTEST_CLEARED, HERE)
    assert watch.look() not in {None, WITHHELD}
    assert looked == [False, False, True, False]
