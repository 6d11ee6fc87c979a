"""An entry carries the legal basis of the decision that its act happened under."""

from datetime import datetime, timedelta

from tests import builders
from vms.clock import ManualClock
from vms.db import designations, placements
from vms.db.designations import Designation
from vms.db.engine import Database
from vms.ledger.acts import Act
from vms.ledger.entries import DEFAULT_BASIS, Actor, Entry, Origin, Value
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search
from vms.model import PlacementId

DAY = timedelta(days=1)


def test_the_basis_is_that_of_the_designation_in_force_then(database: Database, clock: ManualClock) -> None:
    """A constant proves nothing: under which decision somebody watched is what the law wants to know."""
    now = clock.now()
    with database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn)
        builders.add_placement(conn, "place-2")
        designations.add(conn, Designation("d-2", "centre", "2", "Pw 3", now + DAY, now + 2 * DAY))
        placements.change(conn, PlacementId("place-2"), name="x", designation_id="d-2", at=now)
    ledger = Ledger("test.example/log", clock)

    def basis(at: datetime, **about: Value) -> str:
        clock.advance(at - clock.now())
        with database.write() as conn:
            ledger.append(conn, Entry(Act.KEY_INTENT, Actor.service("test"), Origin("test"), about))
        with database.read() as conn:
            [entry] = search(conn, Filter(), limit=1)
        return str(entry.document["basis"])

    assert basis(now, placement_id="place-2") == "Gemeentewet 151c", "the renewal has not begun"
    assert basis(now + DAY, placement_id="place-2") == "Pw 3"
    assert basis(now + DAY, placement_ids=["place-1", "place-2"]) == "Gemeentewet 151c; Pw 3"
    assert basis(now + 3 * DAY, placement_id="place-2") == "Pw 3", "acts on footage stand on the decision of then"
    assert basis(now + 3 * DAY, hold_id="h-1") == DEFAULT_BASIS
