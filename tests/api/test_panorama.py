"""The panorama through the API: under the plan that counts only, and each reading in the ledger."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.api.site import DOME, Person, Site
from vms.db import hour_keys, panoramas
from vms.db.tables import plan as plans
from vms.footage.panorama import PlainPanorama, sealed_panorama
from vms.model import Role, hour_of


@pytest.fixture
def officer(site: Site) -> Person:
    """Who draws masks."""
    return site.sign_in(Role.BLANKING_OFFICER)


def keep(site: Site, plan_version: int = 1) -> None:
    """Store a panorama of two cells, as a worker does."""
    now = site.clock.now()
    with site.parts.db.write() as conn:
        hour_keys.require_live(conn, hour_of(now))
        row = sealed_panorama(
            site.parts.keys,
            PlainPanorama(2, 1, 0.5, -180.0, 30.0, b"abcdef", b"\1\0"),
            placement_id=DOME,
            plan_version=plan_version,
            begun_at=now,
            made_at=now,
            due_at=now + timedelta(days=27),
        )
        panoramas.store(conn, row)


def test_it_is_shown_with_its_geometry_and_written_down(site: Site, officer: Person) -> None:
    """A picture made of footage: whoever looks at it is in the log."""
    keep(site)
    answer = officer.get(f"/api/placements/{DOME}/panorama")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    length = int.from_bytes(answer.content[:4], "big")
    head = json.loads(answer.content[4 : 4 + length])
    assert {name: head[name] for name in ("columns", "rows", "step_deg", "left_deg", "top_deg", "plan_version")} == {
        "columns": 2,
        "rows": 1,
        "step_deg": 0.5,
        "left_deg": -180.0,
        "top_deg": 30.0,
        "plan_version": 1,
    }
    assert answer.content[4 + length :] == b"abcdef"
    [entry] = site.ledger("panorama.view")
    assert (entry.document["obj"]["placement_id"], entry.document["purpose"]["code"]) == (DOME, "blanking")


def test_nothing_is_shown_without_one_or_of_another_plan_or_past_its_time(site: Site, officer: Person) -> None:
    """A new plan may hide what the panorama shows; until it is greyed by that plan, nobody sees it."""
    path = f"/api/placements/{DOME}/panorama"
    answer = officer.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "panorama.none")
    keep(site, plan_version=2)
    answer = officer.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "panorama.stale")
    keep(site)
    with site.parts.db.write() as conn:
        conn.execute(update(plans).where(plans.c.placement_id == DOME).values(state="withdrawn"))
    assert officer.get(path).status_code == 409
    site.clock.advance(timedelta(days=27))
    answer = site.sign_in(Role.BLANKING_OFFICER).get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "panorama.none")
    assert site.ledger("panorama.view") == []
