"""Early erasure and the clock through the API: who may ask, who may decide, and that it takes two accounts."""

from datetime import timedelta
from typing import Any

import pytest

from api.routers.shapes import instant
from retention import early, override
from retention.parts import RetentionParts
from tests.api.site import COPIED, Person, Site
from vms.model import Role

REASON = "a bedroom window was recorded unmasked"


def wanted(site: Site, seconds: float = 10.0) -> dict[str, Any]:
    """Record something; return the request to erase it."""
    start_at = site.record(COPIED, seconds)
    site.clock.advance(timedelta(minutes=1))
    return {
        "ground": "unlawful-recording",
        "reason": REASON,
        "placement_ids": [COPIED],
        "from": instant(start_at),
        "to": instant(start_at + timedelta(seconds=seconds)),
    }


def retaining(site: Site) -> RetentionParts:
    """What the daemon works on."""
    return RetentionParts(site.parts.db, site.parts.keys, site.parts.store, site.parts.ledger, site.clock)


def preview(person: Person, body: dict[str, Any]) -> Any:
    """Ask what would go."""
    query = {"placement_id": body["placement_ids"], "from": body["from"], "to": body["to"]}
    return person.get("/api/erasures/preview", **query)


def test_one_asks_another_approves_and_the_daemon_erases(site: Site) -> None:
    """A blanking officer finds it, a director decides, and everybody is told exactly what goes."""
    body = wanted(site)
    officer = site.sign_in(Role.BLANKING_OFFICER)
    assert preview(officer, body).json() == [
        {"placement_id": COPIED, "erasable": 1, "held": 0, "case_numbers": [], "writing": 0, "gone": 0}
    ]
    asked = officer.post("/api/erasures", body)
    assert asked.status_code == 201, asked.text
    path = f"/api/erasures/{asked.json()['id']}"
    assert officer.post(f"{path}/approve").status_code == 403
    director = site.sign_in(Role.DIRECTOR)
    assert director.get(path).json()["placements"][0]["erasable"] == 1
    approved = director.post(f"{path}/approve")
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert early.carry_out(retaining(site)) == 1
    shown = director.get("/api/erasures").json()[0]
    assert (shown["state"], shown["erased"]) == ("done", 1)
    acts = [
        entry.act.value for entry in site.ledger("early.request", "early.approve", "destroy.intent", "destroy.done")
    ]
    assert acts == ["early.request", "early.approve", "destroy.intent", "destroy.done"]
    texts = [str(entry.document["obj"]) for entry in site.ledger("early.request")]
    assert REASON not in texts[0], "the reason is free text and stands as a commitment only"


def test_nobody_decides_about_an_own_request(site: Site) -> None:
    """A director may ask and may decide, but not both at once."""
    director = site.sign_in(Role.DIRECTOR)
    asked = director.post("/api/erasures", wanted(site)).json()
    answer = director.post(f"/api/erasures/{asked['id']}/approve")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "asking.two-persons")
    said = director.post("/api/clock", {"reason": "checked against the radio clock"}).json()
    answer = director.post(f"/api/clock/{said['id']}/approve")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "asking.two-persons")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reason": "short"}, "asking.reason"),
        ({"ground": "because"}, "input.field"),
        ({"placement_ids": []}, "input.field"),
        ({"placement_ids": ["nowhere"]}, "placement.unknown"),
        ({"to": "2199-01-01T00:00:00Z"}, "span.too-long"),
    ],
)
def test_a_request_that_is_wrong_says_what(site: Site, change: dict[str, Any], code: str) -> None:
    """And nothing of it is stored."""
    director = site.sign_in(Role.DIRECTOR)
    answer = director.post("/api/erasures", wanted(site) | change)
    assert answer.json()["error"]["code"] == code, answer.text
    assert director.get("/api/erasures").json() == []


def test_a_refusal_says_why(site: Site) -> None:
    """And is final."""
    officer = site.sign_in(Role.BLANKING_OFFICER)
    path = f"/api/erasures/{officer.post('/api/erasures', wanted(site)).json()['id']}"
    director = site.sign_in(Role.DIRECTOR)
    assert director.post(f"{path}/refuse", {"reason": "no"}).json()["error"]["code"] == "asking.reason"
    assert director.post(f"{path}/refuse", {"reason": "it is the street, no dwelling"}).json()["state"] == "refused"
    assert director.post(f"{path}/approve").json()["error"]["code"] == "asking.moved-on"


def test_city_and_police_say_together_that_the_clock_is_right(site: Site) -> None:
    """A technician knows the clock, a director knows what hangs on it."""
    technician = site.sign_in(Role.TECHNICIAN)
    asked = technician.post("/api/clock", {"reason": "the time server was replaced"})
    assert asked.status_code == 201, asked.text
    path = f"/api/clock/{asked.json()['id']}"
    assert technician.post(f"{path}/approve").status_code == 403
    director = site.sign_in(Role.DIRECTOR)
    assert director.post(f"{path}/approve").json()["state"] == "approved"
    assert override.carry_out(retaining(site)) == 1
    auditor = site.sign_in(Role.AUDITOR)
    assert auditor.get("/api/clock").json()[0]["state"] == "done"
    assert auditor.post("/api/clock", {"reason": "the time server was replaced"}).status_code == 403
    late = director.post(f"{path}/refuse", {"reason": "changed my mind about it"})
    assert late.json()["error"]["code"] == "asking.moved-on"
