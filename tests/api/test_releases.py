"""Releases of holds: two persons for somebody else's, a time of grace for all, and taking back by anybody who may release."""

from datetime import timedelta

import pytest

from api.retaining import retention_of
from retention import releases
from tests.api.site import COPIED, Person, Site
from tests.api.test_footage_flows import place
from vms.db import holds
from vms.db.asking import HOLD_RELEASES
from vms.model import HoldId, HoldState, Role

REASON = {"reason": "zaak geseponeerd door OM"}


@pytest.fixture
def held(any_site: Site) -> tuple[Site, Person, Person, str]:
    """A site, an investigator with a hold, a director, and the hold's address."""
    start_at = any_site.record(COPIED, 5)
    investigator, director = any_site.sign_in(Role.INVESTIGATOR), any_site.sign_in(Role.DIRECTOR)
    hold_id = place(investigator, start_at, 5).json()["hold"]["id"]
    return any_site, investigator, director, f"/api/holds/{hold_id}"


def state(site: Site, path: str) -> HoldState:
    """Return the state of the hold."""
    with site.parts.db.read() as conn:
        return holds.get(conn, HoldId(path.rsplit("/", 1)[1])).state


def test_one_person_alone_does_not_release_a_colleagues_hold(held: tuple[Site, Person, Person, str]) -> None:
    """Any investigator alone, with ten letters as a reason, had a colleague's footage erased at once."""
    site, investigator, director, path = held
    assert director.post(f"{path}/release", REASON).json()["release"]["state"] == "requested"
    assert director.post(f"{path}/release/approve").json()["error"]["code"] == "asking.two-persons"
    assert site.end_grace() == 0
    assert state(site, path) is HoldState.ACTIVE
    approved = investigator.post(f"{path}/release/approve").json()["release"]
    assert (approved["state"], approved["released_from"] is not None) == ("approved", True)
    assert site.end_grace() == 1
    assert state(site, path) is HoldState.RELEASED
    [entry] = site.ledger("hold.release")
    assert (entry.object["requested_by"], entry.object["approved_by"]) == tuple(
        site.ledger(act)[0].actor_id for act in ("release.request", "release.approve")
    )


def test_an_own_hold_is_released_alone_and_keeps_its_footage_for_the_time_of_grace(
    held: tuple[Site, Person, Person, str],
) -> None:
    """A slip must be undone in time; nothing is claimed before."""
    site, investigator, director, path = held
    asked = investigator.post(f"{path}/release", REASON).json()
    assert (asked["state"], asked["release"]["state"]) == ("active", "approved")
    assert investigator.post(f"{path}/release", REASON).json()["error"]["code"] == "release.open"
    kept = director.post(f"{path}/release/take-back", {"reason": "toch nodig voor het hoger beroep"})
    assert kept.json()["release"] is None
    assert site.end_grace() == 0
    assert state(site, path) is HoldState.ACTIVE
    assert investigator.post(f"{path}/release", REASON).status_code == 200, "and may be asked for again"
    assert site.end_grace() == 1
    assert state(site, path) is HoldState.RELEASED
    assert director.post(f"{path}/release/take-back", REASON).status_code == 404


def test_a_refused_release_leaves_the_hold_as_it_was(held: tuple[Site, Person, Person, str]) -> None:
    """With a reason, and for ever in the log."""
    site, investigator, director, path = held
    director.post(f"{path}/release", REASON)
    assert investigator.post(f"{path}/release/refuse", {"reason": "nee"}).status_code == 422
    assert investigator.post(f"{path}/release/refuse", {"reason": "de zaak loopt nog"}).json()["release"] is None
    assert site.end_grace() == 0
    assert state(site, path) is HoldState.ACTIVE
    assert [entry.act.value for entry in site.ledger("release.request", "release.refuse")] == [
        "release.request",
        "release.refuse",
    ]


def test_a_release_that_nobody_decides_in_time_ends_and_is_asked_for_again(
    held: tuple[Site, Person, Person, str],
) -> None:
    """A request of last month must not be approved by a slip; and the hold keeps its footage."""
    site, investigator, director, path = held
    director.post(f"{path}/release", REASON)
    daemon = retention_of(site.parts)
    site.clock.advance(HOLD_RELEASES.lapses_after - timedelta(seconds=1))
    assert releases.expire(daemon) == 0
    site.clock.advance(timedelta(seconds=1))
    investigator, director = site.sign_in(Role.INVESTIGATOR), site.sign_in(Role.DIRECTOR)
    assert investigator.post(f"{path}/release/approve").status_code == 409, "also before the daemon has looked"
    assert (releases.expire(daemon), releases.expire(daemon)) == (1, 0)
    [entry] = site.ledger("release.expire")
    assert entry.object["hold_id"] == path.rsplit("/", 1)[1]
    assert (site.end_grace(), state(site, path)) == (0, HoldState.ACTIVE)
    assert director.post(f"{path}/release", REASON).json()["release"]["state"] == "requested"
