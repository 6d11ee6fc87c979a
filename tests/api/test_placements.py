"""The list of placements: what lasts, what is to come and why it shows nothing, and what is over only when asked for."""

from datetime import timedelta
from typing import Any

from tests import builders
from tests.api.site import FIXED, Site
from vms.db import designations, placements
from vms.db.designations import Designation
from vms.db.placements import NewPlacement
from vms.model import PlacementId, Role

DAY = timedelta(days=1)


def listed(site: Site, **query: Any) -> dict[str, dict[str, Any]]:
    """Return the state of each placement that an observer sees."""
    found = site.sign_in(Role.OBSERVER).get("/api/placements", **query).json()
    return {one["id"]: one["state"] for one in found}


def test_a_placement_that_has_ended_leaves_the_wall_and_stays_for_its_footage(site: Site) -> None:
    """A dark tile for ever teaches people to overlook dark tiles; what was recorded there is still looked for."""
    with site.parts.db.write() as conn:
        placements.end(conn, FIXED, site.clock.now())
    assert FIXED not in listed(site)
    assert listed(site, ended="true")[FIXED]["reason"] == "placement-ended"


def test_a_placement_that_may_not_record_says_why(site: Site) -> None:
    """`Recorder not reachable` sends a technician to a camera whose decision has not begun."""
    now = site.clock.now()
    spans = {
        "designation-not-begun": (now + DAY, now + 2 * DAY),
        "designation-ended": (now - 2 * DAY, now - DAY),
        "designation-withdrawn": (now - DAY, now + DAY),
    }
    with site.parts.db.write() as conn:
        area_id = placements.get(conn, FIXED).area.id
        for name, (from_at, until_at) in spans.items():
            designations.add(conn, Designation(name, area_id, name, "basis", from_at, until_at))
            camera_id = builders.add_camera(conn, f"camera-{name}")
            placements.add(conn, NewPlacement(PlacementId(name), camera_id, name, name, now - 2 * DAY))
        designations.withdraw(conn, "designation-withdrawn", withdrawn_at=now, entered_at=now)
        camera_id = builders.add_camera(conn, "camera-later")
        placements.add(conn, NewPlacement(PlacementId("later"), camera_id, "d-1", "later", now + DAY))
    found = listed(site)
    for name in spans:
        assert (found[name]["live"], found[name]["reason"]) == ("offline", name)
    assert found["later"]["reason"] == "placement-not-begun"


def test_a_complaint_is_no_ground_for_a_hold(site: Site) -> None:
    """Only the investigation of an offence allows more than 28 days."""
    start_at = site.record(FIXED, 5)
    body = {
        "request_id": "r-1",
        "case_number": "PL0900-2026-123456",
        "ground": "complaint",
        "reason": "klacht over het optreden",
        "placement_ids": [FIXED],
        "from": start_at.isoformat(),
        "to": (start_at + timedelta(seconds=5)).isoformat(),
        "review_on": (start_at + 14 * DAY).isoformat(),
    }
    person = site.sign_in(Role.INVESTIGATOR)
    assert person.post("/api/holds", body).status_code == 422
    assert person.post("/api/holds", body | {"ground": "prosecutor"}).status_code == 201
