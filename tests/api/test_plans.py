"""Blanking plans through the API: two persons, nothing loosened by one click, everything in the ledger."""

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from api.accounts import COMMAND_LINE
from api.routers.shapes import instant
from tests import builders
from tests.api.site import COPIED, DOME, FIXED, Person, Site
from tests.builders import FIXED_PLAN
from vms.db import calibrations, placements
from vms.db.calibrations import NewCalibration
from vms.errors import VmsError
from vms.model import CalibrationVerdict, Role

PLANS = f"/api/placements/{FIXED}/plans"
REASON = "the new balcony is to be masked"


def drawn(change: Callable[[dict[str, Any]], object] = lambda document: None) -> dict[str, Any]:
    """Return the body of a draft of the fixed camera's plan, changed somehow."""
    document = copy.deepcopy(FIXED_PLAN)
    change(document)
    return {"document": document, "reason": REASON}


def larger(document: dict[str, Any]) -> None:
    """Mask more."""
    document["masks"].append({"id": "m2", "polygon_rel": [[0.6, 0.1], [0.9, 0.1], [0.9, 0.5]]})


def smaller(document: dict[str, Any]) -> None:
    """Mask less."""
    document["masks"][0]["polygon_rel"] = [[0.1, 0.1], [0.3, 0.1], [0.3, 0.5], [0.1, 0.5]]


@pytest.fixture
def officer(site: Site) -> Person:
    """Who draws."""
    return site.sign_in(Role.BLANKING_OFFICER)


@pytest.fixture
def second(site: Site) -> Person:
    """Who decides about what the other one drew."""
    site.admit("tweede", "T. Weede")
    site.people.grant_role(COMMAND_LINE, "tweede", Role.BLANKING_OFFICER, site.clock.now() + timedelta(days=30))
    return site.sign_in("tweede")


def test_a_plan_is_drawn_by_one_and_approved_by_another(site: Site, officer: Person, second: Person) -> None:
    """The whole way, and what the ledger says of it."""
    made = officer.post(PLANS, drawn(larger) | {"origins": {"m2": {"register_id": "0344100000012345"}, "gone": {}}})
    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["state"], made.json()["masks"]) == (2, "draft", 2)
    assert [item["drafts"] for item in second.get("/api/plans").json() if item["id"] == FIXED] == [[made.json()]]
    own = officer.post(f"{PLANS}/2/approve", {"compared_with": 1})
    assert (own.status_code, own.json()["error"]["code"]) == (422, "plan.two-persons")
    done = second.post(f"{PLANS}/2/approve", {"compared_with": 1})
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "approved"
    assert done.json()["review"]["by"]["name"] == "T. Weede"
    assert [(row["version"], row["state"]) for row in officer.get(PLANS).json()] == [(2, "approved"), (1, "withdrawn")]
    shown = officer.get(f"{PLANS}/2").json()
    assert shown["document"] == drawn(larger)["document"]
    assert shown["origins"] == {"m2": {"register_id": "0344100000012345"}}
    assert [item["drafts"] for item in second.get("/api/plans").json() if item["id"] == FIXED] == [[]]
    draft, approval = site.ledger("plan.draft", "plan.approve")[-2:]
    assert draft.document["obj"]["sha256"] == approval.document["obj"]["sha256"] == shown["sha256"]
    assert approval.document["obj"] | {"reason": None} == {
        "placement_id": FIXED,
        "version": 2,
        "sha256": shown["sha256"],
        "replaces": 1,
        "loosens": [],
        "reason": None,
    }
    assert REASON not in str(draft.document)


PROPOSED = {"id": "0344100000012345", "polygon_rel": [[0.6, 0.1], [0.9, 0.1], [0.9, 0.5]]}


def proposed_again(officer: Person) -> dict[str, Any]:
    """Open a file with one proposal, and return what the editor is told of it."""
    closed = [*PROPOSED["polygon_rel"], PROPOSED["polygon_rel"][0]]
    feature = {
        "type": "Feature",
        "properties": {"name": PROPOSED["id"], "register_id": PROPOSED["id"]},
        "geometry": {"type": "Polygon", "coordinates": [closed]},
    }
    features = {"type": "FeatureCollection", "vms_plan": {"kind": "image"}, "features": [feature]}
    told = officer.post(PLANS, drawn() | {"features": features, "only_check": True})
    assert told.status_code == 200, told.text
    found: dict[str, Any] = told.json()["proposals"][PROPOSED["id"]]
    return found


def test_a_rejected_proposal_comes_back_as_one_that_was_rejected(site: Site, officer: Person, second: Person) -> None:
    """Who proposes again must see what somebody has looked at before, and why it was no mask; an outline that changed is new."""
    assert proposed_again(officer)["rejected"] is None
    path = f"/api/placements/{FIXED}/proposals/reject"
    body = {"mask": PROPOSED["id"], "outline": PROPOSED["polygon_rel"], "register_id": PROPOSED["id"]}
    empty = officer.post(path, body | {"reason": " "})
    assert (empty.status_code, empty.json()["error"]["code"]) == (422, "proposal.reason")
    assert officer.post(path, body | {"reason": "a garage, nobody lives there"}).status_code == 204
    told = proposed_again(second)["rejected"]
    assert told["reason"] == "a garage, nobody lives there"
    assert told["same_outline"] is True
    assert told["by"]["id"] == site.ledger("proposal.reject")[-1].actor_id
    assert "garage" not in str(site.ledger("proposal.reject")[-1].document)
    assert (
        officer.post(path, body | {"outline": [[0, 0], [1, 0], [1, 1]], "reason": "still a garage"}).status_code == 204
    )
    assert proposed_again(officer)["rejected"]["same_outline"] is False
    observer = site.sign_in(Role.OBSERVER)
    assert observer.post(path, body | {"reason": "because I can"}).status_code == 403


def test_the_log_says_which_proposals_a_draft_took_over_and_which_were_edited(site: Site, officer: Person) -> None:
    """A mask that a person moved is that person's, not the register's."""
    origin = {"register_id": PROPOSED["id"], "proposed": proposed_again(officer)["sha256"]}
    moved = {"id": "moved", "polygon_rel": [[0.6, 0.1], [0.95, 0.1], [0.9, 0.5]]}
    body = drawn(lambda document: document["masks"].extend([PROPOSED, moved]))
    made = officer.post(PLANS, body | {"origins": {PROPOSED["id"]: origin, "moved": origin}})
    assert made.status_code == 201, made.text
    assert site.ledger("plan.draft")[-1].object["proposals"] == {"accepted": [PROPOSED["id"]], "edited": ["moved"]}


def test_a_plan_that_masks_less_needs_a_confirmation_and_a_reason(site: Site, officer: Person, second: Person) -> None:
    """Neither alone will do; then the ledger says that it loosened."""
    officer.post(PLANS, drawn(smaller))
    shown = second.get(f"{PLANS}/2/comparison", before=1).json()["comparison"]
    assert shown["loosened"] == ["less-masked"]
    assert shown["lost"] == pytest.approx(0.1 * 0.4)
    assert shown["lost_outlines"]
    for body in ({}, {"confirms_loosening": True}, {"reason": "the house was pulled down"}):
        refused = second.post(f"{PLANS}/2/approve", {"compared_with": 1, **body})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "plan.loosens")
    body = {"compared_with": 1, "confirms_loosening": True, "reason": "the house was pulled down"}
    assert second.post(f"{PLANS}/2/approve", body).json()["review"]["loosens"] is True
    assert site.ledger("plan.approve")[-1].document["obj"]["loosens"] == ["less-masked"]


def test_who_looked_at_an_older_state_of_things_looks_again(officer: Person, second: Person) -> None:
    """Two drafts: approving one changes what the other one is compared with."""
    officer.post(PLANS, drawn(larger))
    officer.post(PLANS, drawn(smaller))
    assert second.post(f"{PLANS}/2/approve", {"compared_with": 1}).status_code == 200
    late = second.post(f"{PLANS}/3/approve", {"compared_with": 1, "confirms_loosening": True, "reason": REASON})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "plan.moved-on")


def test_a_refused_draft_says_why_and_stays_refused(site: Site, officer: Person, second: Person) -> None:
    """Whoever drew it reads what to change; the refusal is in the ledger."""
    officer.post(PLANS, drawn(larger))
    assert second.post(f"{PLANS}/2/refuse", {"reason": " "}).json()["error"]["code"] == "plan.refusal-reason"
    refused = second.post(f"{PLANS}/2/refuse", {"reason": "the attic is missing"}).json()
    assert (refused["state"], refused["review"]["reason"]) == ("refused", "the attic is missing")
    assert second.post(f"{PLANS}/2/approve", {"compared_with": 1}).status_code == 409
    assert len(site.ledger("plan.refuse")) == 1
    assert officer.get("/api/plans").json()[0]["drafts"] == []


@pytest.mark.parametrize(
    ("change", "code", "fault"),
    [
        (
            lambda d: d["masks"][0].update(polygon_rel=[[0, 0], [0.4, 0.4], [0.4, 0], [0, 0.4]]),
            "plan.invalid",
            "crosses",
        ),
        (lambda d: d["masks"][0].update(polygon_rel=[[0, 0], [0.4, 0.4]]), "plan.invalid", "few-points"),
        (lambda d: d["masks"].clear(), "plan.invalid", "empty"),
        (lambda d: d.update(kind="directions"), "plan.kind", None),
    ],
)
def test_what_can_not_be_a_plan_is_refused_with_mask_and_place(
    site: Site, officer: Person, change: Callable[[dict[str, Any]], object], code: str, fault: str | None
) -> None:
    """Nothing unusable is ever stored: it would grey the camera, or wait for an approver in vain."""
    answer = officer.post(PLANS, drawn(change))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert answer.json()["error"]["details"].get("fault") == fault
    assert len(officer.get(PLANS).json()) == 1
    assert len(site.ledger("plan.draft")) == 0


def test_checking_says_everything_and_stores_nothing(site: Site, officer: Person) -> None:
    """The editor asks while somebody draws: all problems at once, and what the draft would change."""
    crossed = [[0, 0], [0.4, 0.4], [0.4, 0], [0, 0.4]]
    body = drawn(lambda d: d["masks"].extend({"id": name, "polygon_rel": crossed} for name in ("a", "b")))
    answer = officer.post(PLANS, body | {"only_check": True, "reason": ""})
    assert answer.status_code == 200
    assert answer.json()["problems"] == [
        {"code": "crosses", "place": f"masks[{i}].polygon_rel", "mask": name, "point": 0}
        for i, name in ((1, "a"), (2, "b"))
    ]
    assert answer.json()["comparison"] is None
    good = officer.post(PLANS, drawn(larger) | {"only_check": True}).json()
    assert [(mask["mask"], mask["change"]) for mask in good["comparison"]["masks"]] == [
        ("m1", "unchanged"),
        ("m2", "added"),
    ]
    assert len(officer.get(PLANS).json()) == 1
    assert site.ledger("plan.draft") == []


def test_masks_go_out_and_come_back_as_features(officer: Person) -> None:
    """What was exported is what is imported, into a draft that is checked like any other."""
    features = officer.get(f"{PLANS}/1/features").json()
    features["features"][0]["properties"]["name"] = "Korte Jansstraat 1"
    body = drawn(lambda d: d["masks"].clear()) | {"features": features, "only_check": True}
    read = officer.post(PLANS, body).json()
    assert read["problems"] == []
    assert [mask["change"] for mask in read["comparison"]["masks"]] == ["renamed"]
    wrong = officer.post(PLANS, body | {"features": {"type": "Feature"}})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "plan.features")


def test_no_dwelling_in_sight_is_a_plan_of_fixed_cameras_only(officer: Person, second: Person) -> None:
    """It is copied without blanking: as loose as a plan can be. A camera that turns can always see a window."""
    statement = {"no_dwelling_in_sight": True, "reason": "a wall on all sides"}
    assert officer.post(f"/api/placements/{DOME}/plans", statement).json()["error"]["code"] == "plan.ptz-needs-masks"
    assert officer.post(PLANS, statement).json()["no_dwelling_in_sight"] is True
    refused = second.post(f"{PLANS}/2/approve", {"compared_with": 1})
    assert refused.json()["error"]["code"] == "plan.loosens"
    masks = officer.post(f"/api/placements/{COPIED}/plans", drawn(larger) | {"only_check": True}).json()
    assert masks["comparison"]["loosened"] == []


def test_two_signatures_under_no_dwelling_have_a_date_by_which_they_are_looked_at_again(
    site: Site, officer: Person, second: Person
) -> None:
    """A plan without masks is right until somebody builds a house: the date is shown to who signs, and moves only by two persons."""
    path = f"/api/placements/{COPIED}/plans"

    def told() -> dict[str, Any]:
        [item] = [one for one in officer.get("/api/plans").json() if one["id"] == COPIED]
        plan: dict[str, Any] = item["plan"]
        return plan

    assert told()["look_again_at"] == instant(builders.SPRING + timedelta(days=365))
    statement = {"no_dwelling_in_sight": True, "reason": "still a wall on all sides"}
    for wrong_at in (site.clock.now() - timedelta(days=1), site.clock.now() + timedelta(days=800)):
        refused = officer.post(path, statement | {"look_again_at": instant(wrong_at)})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "plan.look-again")
    again_at = site.clock.now() + timedelta(days=100)
    drawn_again = officer.post(path, statement | {"look_again_at": instant(again_at)}).json()
    assert drawn_again["look_again_at"] == instant(again_at)
    assert told()["version"] == 1
    assert second.post(f"{path}/2/approve", {"compared_with": 1}).status_code == 200
    assert (told()["version"], told()["look_again_at"]) == (2, instant(again_at))
    assert site.ledger("plan.draft")[-1].document["obj"]["look_again_at"] == instant(again_at)
    masks = officer.post(PLANS, drawn(larger) | {"look_again_at": instant(again_at)})
    assert masks.json()["error"]["code"] == "plan.look-again"


def test_a_statement_that_lay_about_until_its_date_is_not_approved(site: Site, officer: Person, second: Person) -> None:
    """What would be due for another look at once was not looked at."""
    again_at = site.clock.now() + timedelta(minutes=5)
    path = f"/api/placements/{COPIED}/plans"
    statement = {"no_dwelling_in_sight": True, "reason": "still a wall on all sides"}
    assert officer.post(path, statement | {"look_again_at": instant(again_at)}).status_code == 201
    site.clock.advance(timedelta(minutes=6))
    late = second.post(f"{path}/2/approve", {"compared_with": 1})
    assert (late.status_code, late.json()["error"]["code"]) == (422, "plan.look-again")


def test_what_no_database_can_store_is_refused_in_words(officer: Person) -> None:
    """A NUL in a name, a number that JSON does not know, a version beyond every column."""
    for body, code in (
        (drawn(lambda d: d["masks"][0].update(id="a\x00b")), "input.characters"),
        (drawn() | {"origins": {"m1": {"height_m": 1e999}}}, "input.field"),
    ):
        answer = officer.site.client.post(
            PLANS, content=json.dumps(body), headers=officer.headers | {"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert officer.get(f"{PLANS}/{2**40}").status_code == 422
    assert officer.get(f"{PLANS}/1/comparison", before=2**40).status_code == 422


def test_a_draft_without_a_reason_is_not_stored(officer: Person) -> None:
    """Years later somebody asks why a window was or was not masked."""
    answer = officer.post(PLANS, drawn(larger) | {"reason": "because"})
    assert (answer.status_code, answer.json()["error"]["details"]["least"]) == (422, 10)


def test_an_entry_that_can_not_be_written_undoes_the_approval(
    site: Site, officer: Person, second: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry, no act: the draft stays a draft."""
    officer.post(PLANS, drawn(larger))

    def full(*_args: object) -> int:
        raise VmsError("the ledger can't be written")

    with monkeypatch.context() as broken:
        broken.setattr(type(site.parts.ledger), "append", full)
        assert second.post(f"{PLANS}/2/approve", {"compared_with": 1}).status_code >= 400
    assert [row["state"] for row in officer.get(PLANS).json()] == ["draft", "approved"]


def test_a_newer_calibration_says_which_masks_to_draw_again(site: Site, officer: Person) -> None:
    """Measured optics are what a first plan of a moving camera is drawn by, and what an older plan is held against."""
    measured = NewCalibration(
        placement_id=DOME,
        document={"frame": {"width": 1280, "height": 720}, "camera_model": {"zoom": [[0.0, 60.0]]}, "accuracy": {}},
        method="guided-1",
        verdict=CalibrationVerdict.GOOD,
        profile_token="p",
        width_px=1280,
        height_px=720,
        rotation_deg=0,
        started_by="u-officer",
        started_at=site.clock.now(),
        finished_at=site.clock.now(),
        masks=[{"id": "m1", "redraw": True}, {"id": "m2", "redraw": False}],
    )
    with site.parts.db.write() as conn:
        calibrations.add(conn, measured)
        placements.set_status(conn, DOME, {"width": 1280, "height": 720, "tilt_range_deg": [-90, 20]}, site.clock.now())
    rows = {item["id"]: item for item in officer.get("/api/plans").json()}
    assert rows[FIXED]["calibration"] is None
    assert (rows[DOME]["frame"], rows[DOME]["tilt_range_deg"]) == ({"width": 1280, "height": 720}, [-90, 20])
    assert rows[DOME]["calibration"] | {"finished_at": None} == {
        "version": 1,
        "verdict": "good",
        "finished_at": None,
        "is_drawn_by": False,
        "redraw": ["m1"],
        "template": {
            **measured.document,
            "accuracy": {"drawing_deg": 0.125, "parallax_deg": 0.14},
            "kind": "directions",
            "masks": [],
        },
    }


def test_plans_work_the_same_on_both_databases(any_site: Site) -> None:
    """PostgreSQL keeps JSON and locks rows in its own way."""
    officer = any_site.sign_in(Role.BLANKING_OFFICER)
    assert officer.post(PLANS, drawn(smaller)).status_code == 201
    any_site.admit("tweede", "T. Weede")
    until_at = any_site.clock.now() + timedelta(days=30)
    any_site.people.grant_role(COMMAND_LINE, "tweede", Role.BLANKING_OFFICER, until_at)
    body = {"compared_with": 1, "confirms_loosening": True, "reason": "the house was pulled down"}
    assert any_site.sign_in("tweede").post(f"{PLANS}/2/approve", body).json()["state"] == "approved"
