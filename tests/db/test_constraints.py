"""The database itself refuses what the law or the design forbids, whatever a program tries. Each rule is broken once, on both databases."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Table, insert, select, update

from tests import builders
from vms.db import placements, segments, sessions
from vms.db.engine import Database
from vms.db.segments import GreySpan
from vms.db.tables import (
    access_review,
    access_review_item,
    calibration,
    calibration_check,
    camera,
    clock_override,
    clock_sample,
    commissioning,
    commissioning_view,
    designation,
    edge_check,
    erasure,
    export,
    footage_clock,
    gap,
    grey_span,
    hold,
    hold_release,
    hold_segment,
    hour_key,
    landmark,
    metadata,
    panorama,
    placement,
    placement_designation,
    plan,
    plan_review,
    proof_signature,
    retention_proof,
    segment,
    service_report,
    sweep,
    user_account,
    view,
    view_statement,
)
from vms.errors import Conflict
from vms.model import GapCause, PlacementId, UserId, hour_of

START = datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC)
PLACE = PlacementId("place-1")
HOLD = {
    "id": "h-1",
    "request_id": "r-1",
    "state": "active",
    "case_number": "PL0900-2026-123456",
    "ground": "investigation",
    "reason": "robbery",
    "start_at": START,
    "end_at": START + timedelta(minutes=5),
    "review_on": START + timedelta(days=14),
    "requested_by": "u-investigator",
    "requested_at": START,
    "outcome": "accepted",
}
ASKED = {
    "id": "a-1",
    "state": "requested",
    "reason": "a good reason",
    "requested_by": "u-officer",
    "requested_as": "director",
    "requested_at": START,
    "lapses_at": START + timedelta(minutes=30),
}
COURT = {**ASKED, "ground": "order-of-court", "start_at": START - timedelta(hours=1), "end_at": START}
DECIDED = {"state": "approved", "decided_by": "u-investigator", "decided_as": "director", "decided_at": START}


def _two_persons(table: Table, more: dict[str, object]) -> list[tuple[str, Table, dict[str, object]]]:
    """Return what no table of requests takes."""
    wrong: dict[str, dict[str, object]] = {
        "approved by who asked": {**DECIDED, "decided_by": "u-officer"},
        "of an unknown state": {"state": "eternal"},
        "decided without a role": {**DECIDED, "decided_as": None},
        "approved by nobody": {"state": "approved"},
        "decided and undecided": {**DECIDED, "state": "requested"},
        "done without the instant": {**DECIDED, "state": "done"},
        "that lapses at once": {"lapses_at": START},
        "decided too late": {**DECIDED, "decided_at": START + timedelta(hours=1)},
    }
    return [(f"a {table.name} {name}", table, {**ASKED, **more, **values}) for name, values in wrong.items()]


REPORT = {
    "service": "retention",
    "reported_at": START,
    "silent_at": START + timedelta(minutes=5),
    "problems": [],
    "words": {},
}
CALIBRATION = {
    "placement_id": PLACE,
    "version": 1,
    "document": {},
    "sha256": "0",
    "method": "guided-1",
    "verdict": "good",
    "profile_token": "p",
    "width_px": 640,
    "height_px": 360,
    "rotation_deg": 0,
    "started_by": "u-officer",
    "started_at": START,
    "finished_at": START,
}
EXPORT = {
    "id": "e-1",
    "hold_id": "h-1",
    "state": "approved",
    "requested_by": "u-investigator",
    "requested_at": START,
    "receiver": "desk",
    "decided_by": "u-director",
    "decided_at": START,
}
LEAVE = {
    "id": "c-1",
    "placement_id": PLACE,
    "state": "approved",
    "reason": "new scaffolding",
    "minutes": 30,
    "requested_by": "u-officer",
    "requested_as": "blanking-officer",
    "requested_at": START,
    "decided_by": "u-director",
    "decided_as": "director",
    "decided_session": "s-director",
    "decided_at": START,
    "from_at": START,
    "until_at": START + timedelta(minutes=30),
}
PANORAMA = {
    "placement_id": PLACE,
    "plan_version": 1,
    "begun_at": START,
    "made_at": START,
    "due_at": START + timedelta(days=28),
    "hour_at": hour_of(START),
    "wrapped_key": b"w",
    "sealed": b"s",
}
LANDMARKS = {
    "placement_id": PLACE,
    "model": "m",
    "taken_at": START,
    "due_at": START + timedelta(days=28),
    "hour_at": hour_of(START),
    "wrapped_key": b"w",
    "sealed": b"s",
}
LOOK = {
    "id": "v-1",
    "commissioning_id": "c-1",
    "session_id": "s-officer",
    "opened_at": START,
    "seen_at": START,
}


@pytest.fixture
def filled(database: Database) -> Database:
    """A placement with a sealed segment that a hold keeps, and an export of it."""
    with database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn)
        number = builders.add_sealed_segment(
            conn, PLACE, START, grey_spans=(GreySpan(START, START + timedelta(seconds=5), "pose-late"),)
        )
        conn.execute(insert(hold).values(HOLD))
        conn.execute(
            insert(hold_segment).values(
                hold_id="h-1", placement_id=PLACE, number=number, outcome="accepted", wrapped_key=b"w"
            )
        )
        conn.execute(update(segment).values(holds=1))
        conn.execute(insert(export).values(EXPORT))
        segments.open_gap(conn, PLACE, START, GapCause.OVERLOAD)
        for name in ("officer", "director"):
            sessions.start(
                conn,
                f"token of {name}",
                session_id=f"s-{name}",
                user_id=UserId(f"u-{name}"),
                at=START,
                ends_at=START + timedelta(hours=8),
                origin="10.0.0.1",
            )
        conn.execute(insert(commissioning).values(LEAVE))
        conn.execute(insert(commissioning_view).values(LOOK))
        conn.execute(insert(panorama).values(PANORAMA))
        conn.execute(insert(service_report).values(REPORT))
        conn.execute(insert(calibration).values(CALIBRATION))
        conn.execute(
            insert(calibration_check).values(
                placement_id=PLACE, plan_version=1, model="m", checked_at=START, outcome="steady", document={}
            )
        )
        conn.execute(insert(landmark).values(LANDMARKS))
        conn.execute(
            insert(edge_check).values(
                placement_id=PLACE, asked_at=START, answered_at=START, state="recordings", document={}
            )
        )
        conn.execute(insert(sweep).values(started_at=START, outcome="running"))
        conn.execute(
            insert(footage_clock).values(placement_id=PLACE, from_number=1, boot_id="b", ahead_us=1, term_us=9)
        )
        conn.execute(insert(clock_sample).values(id=1, wall_at=START, boottime_us=1, boot_id="b"))
    return database


SECOND = timedelta(seconds=1)
CHANGES: list[tuple[str, Table, dict[str, Any]]] = [
    ("footage kept longer than 28 days", segment, {"due_at": START + timedelta(days=28, microseconds=1)}),
    ("footage due before it begins", segment, {"due_at": START}),
    ("a held segment claimed", segment, {"state": "expiring"}),
    ("a held segment erased", segment, {"state": "destroyed", "wrapped_key": None, "destroyed_at": START}),
    ("an erased segment that keeps its key", segment, {"state": "destroyed", "holds": 0, "destroyed_at": START}),
    ("an erased segment without the instant", segment, {"state": "destroyed", "holds": 0, "wrapped_key": None}),
    ("fewer than no holds", segment, {"holds": -1}),
    ("a sealed segment without a key", segment, {"wrapped_key": None}),
    ("a sealed segment without a hash", segment, {"sha256": None}),
    ("a sealed segment without an end", segment, {"end_at": None}),
    ("a segment that ends before it begins", segment, {"end_at": START}),
    ("a segment longer than the search looks back", segment, {"end_at": START + timedelta(hours=1, microseconds=1)}),
    ("a segment under the key of another hour", segment, {"hour_at": hour_of(START) - timedelta(hours=1)}),
    ("a segment number before the first", segment, {"number": 0}),
    ("a segment without a plan", segment, {"plan_version": 99}),
    ("an unknown state", segment, {"state": "forgotten"}),
    ("an unknown mode", segment, {"mode": "raw"}),
    ("a grey span that ends before it begins", grey_span, {"end_at": START}),
    ("a gap that ends before it begins", gap, {"end_at": START}),
    ("an hour key of an unknown state", hour_key, {"state": "copied"}),
    ("a destroyed hour key without the instant", hour_key, {"state": "destroyed"}),
    ("a plan approved by the person who drew it", plan, {"approved_by": "u-officer"}),
    ("an approved plan without an approver", plan, {"approved_by": None, "approved_at": None}),
    ("an approval without an instant", plan, {"approved_at": None}),
    ("a draft that somebody approved", plan, {"state": "draft"}),
    ("a plan without masks that does not say so", plan, {"document": None}),
    ("a plan with masks for a place without dwellings", plan, {"no_dwelling_in_sight": True}),
    ("an export decided by the person who asked", export, {"decided_by": "u-investigator"}),
    ("an export built without a decision", export, {"decided_by": None, "decided_at": None}),
    ("an export decided before it is asked for", export, {"state": "requested"}),
    ("a finished export without a hash", export, {"state": "ready", "size_bytes": 1, "ready_at": START}),
    ("an export of an unknown state", export, {"state": "leaked"}),
    ("a decision without an instant", export, {"decided_at": None}),
    ("a plan of an unknown state", plan, {"state": "imagined"}),
    ("a plan version before the first", plan, {"version": 0}),
    ("an approved plan drawn otherwise", plan, {"document": {}, "sha256": "0"}),
    ("a plan drawn for another reason", plan, {"reason": "rewritten"}),
    ("a plan whose masks come from elsewhere", plan, {"origins": {"m1": {}}}),
    ("a review of an unknown verdict", plan_review, {"verdict": "perhaps"}),
    ("a plan that masks less, approved without a reason", plan_review, {"loosens": True}),
    ("a refusal without a reason", plan_review, {"verdict": "refused"}),
    ("a review that is rewritten", plan_review, {"reason": "all is well"}),
    ("a hold of an unknown state", hold, {"state": "forgotten"}),
    ("a held segment of an unknown outcome", hold_segment, {"outcome": "maybe", "wrapped_key": None}),
    ("a hold that ends before it begins", hold, {"end_at": START}),
    ("a hold released without a reason", hold, {"state": "released", "released_at": START}),
    ("a hold of an unknown outcome", hold, {"outcome": "maybe"}),
    ("a segment that was too late but has a key", hold_segment, {"outcome": "too-late"}),
    ("a camera of an unknown kind", camera, {"kind": "drone"}),
    ("a camera over an unknown transport", camera, {"rtsp_transport": "carrier-pigeon"}),
    ("a designation that ends before it begins", designation, {"valid_until_at": builders.SPRING}),
    ("a placement that ends before it begins", placement, {"until_at": builders.SPRING}),
    ("a negative epoch", placement, {"epoch": -1}),
    ("a sweep that is over but running", sweep, {"finished_at": START}),
    ("a sweep of an unknown outcome", sweep, {"outcome": "perhaps", "finished_at": START}),
    ("a calibration of an unknown verdict", calibration, {"verdict": "splendid"}),
    ("a calibration of a picture without size", calibration, {"width_px": 0}),
    ("a calibration of a picture askew", calibration, {"rotation_deg": 45}),
    ("a calibration that ends before it begins", calibration, {"finished_at": START - timedelta(seconds=1)}),
    ("a calibration before the first", calibration, {"version": 0}),
    ("a re-check of an unknown outcome", calibration_check, {"outcome": "fine"}),
    ("a re-check of a plan that does not exist", calibration_check, {"plan_version": 7}),
    ("an answer of a camera of an unknown kind", edge_check, {"state": "fine"}),
    ("an answer without an instant", edge_check, {"answered_at": None}),
    ("a camera that neither answered nor failed to", edge_check, {"answered_at": None, "state": None}),
    ("an answer before the question", edge_check, {"answered_at": START + SECOND, "reason": "x"}),
    ("landmarks kept longer than 28 days", landmark, {"due_at": START + timedelta(days=28, microseconds=1)}),
    ("landmarks due before they were taken", landmark, {"due_at": START}),
    ("a term made longer", footage_clock, {"cut_us": -1}),
    ("a term made nothing", footage_clock, {"cut_us": 9}),
    ("a second clock sample", clock_sample, {"id": 2}),
    ("a leave approved by the person who asked", commissioning, {"decided_by": "u-officer"}),
    (
        "a leave a microsecond longer than 30 minutes",
        commissioning,
        {"until_at": START + timedelta(minutes=30, microseconds=1)},
    ),
    ("a leave that ends before it begins", commissioning, {"until_at": START}),
    ("a leave that begins later than its approval", commissioning, {"from_at": START + timedelta(microseconds=1)}),
    ("a leave for more than 30 minutes", commissioning, {"minutes": 31}),
    ("a leave without an end", commissioning, {"until_at": None}),
    ("a leave without its approver's role", commissioning, {"decided_as": None}),
    ("a leave without its approver's session", commissioning, {"decided_session": None}),
    ("an approved leave without a span", commissioning, {"from_at": None, "until_at": None}),
    ("a refused leave that counts", commissioning, {"state": "refused"}),
    ("a closed leave without the instant", commissioning, {"state": "closed"}),
    ("a leave of an unknown state", commissioning, {"state": "eternal"}),
    ("a report of a service that nobody knows", service_report, {"service": "kitchen"}),
    ("a report that is silent from its own instant on", service_report, {"silent_at": START}),
    ("a panorama kept longer than 28 days", panorama, {"due_at": START + timedelta(days=28, microseconds=1)}),
    ("a panorama made before it was begun", panorama, {"made_at": START - timedelta(seconds=1)}),
    ("a look seen before it was opened", commissioning_view, {"seen_at": START - timedelta(seconds=1)}),
    ("a placement of a designation that does not exist", placement, {"designation_id": "none"}),
]


def test_no_row_can_be_changed_into_what_is_forbidden(filled: Database) -> None:
    """The rules hold even against a program that forgot them."""
    for what, table, values in CHANGES:
        try:
            with filled.write() as conn:
                conn.execute(update(table).values(values))
        except Conflict:
            continue
        pytest.fail(f"the database accepted {what}")
    with filled.read() as conn:
        assert conn.execute(select(segment.c.state, segment.c.holds)).one() == ("sealed", 1)


def test_the_28_days_are_exact(filled: Database) -> None:
    """The ceiling itself is allowed, a microsecond more is not."""
    with filled.write() as conn:
        conn.execute(update(segment).values(due_at=START + timedelta(days=28)))


REVIEW: dict[str, Any] = {
    "id": "r-1",
    "drawn_by": "u-auditor",
    "drawn_at": START,
    "start_at": START - timedelta(days=1),
    "end_at": START,
    "seed": "4711",
    "sample": 5,
    "population": 9,
}
JUDGED: dict[str, Any] = {
    "review_id": "r-1",
    "seq": 0,
    "verdict": "finding",
    "remark": "off duty",
    "judged_at": START,
}
NO_DWELLING: dict[str, Any] = {
    "placement_id": PLACE,
    "version": 3,
    "state": "draft",
    "document": None,
    "no_dwelling_in_sight": True,
    "sha256": "x",
    "reason": "x",
    "drawn_by": "u-officer",
    "drawn_at": START,
    "look_again_at": START + timedelta(days=300),
}
PROOF: dict[str, Any] = {"month": "2026-10", "made_at": START, "result": "in-order", "sha256": "0" * 64, "report": "{}"}
ADDITIONS: list[tuple[str, Table, dict[str, Any]]] = [
    ("no dwelling in sight, for ever", plan, {**NO_DWELLING, "look_again_at": None}),
    ("masks with a date to look again", plan, {**NO_DWELLING, "document": {}, "no_dwelling_in_sight": False}),
    ("the same hold request twice", hold, {**HOLD, "id": "h-2"}),
    ("a hold for a complaint", hold, {**HOLD, "id": "h-2", "request_id": "r-2", "ground": "complaint"}),
    ("a hold by nobody", hold, {**HOLD, "id": "h-2", "request_id": "r-2", "requested_by": "u-nobody"}),
    (
        "a second approved plan",
        plan,
        {
            "placement_id": PLACE,
            "version": 2,
            "state": "approved",
            "document": None,
            "no_dwelling_in_sight": True,
            "sha256": "x",
            "reason": "x",
            "drawn_by": "u-officer",
            "drawn_at": START,
            "approved_by": "u-second-officer",
            "approved_at": START,
        },
    ),
    ("a second gap at once", gap, {"placement_id": PLACE, "start_at": START + SECOND, "cause": "overload"}),
    (
        "a camera at two places",
        placement,
        {"id": "place-2", "camera_id": "camera-of-place-1", "designation_id": "d-1", "name": "x", "from_at": START},
    ),
    (
        "two accounts of one name",
        user_account,
        {"id": "u-x", "username": "director", "display_name": "x", "password_hash": "x", "added_at": START},
    ),
    (
        "a designation before the first",
        placement_designation,
        {"placement_id": PLACE, "position": 0, "designation_id": "d-1", "from_at": START},
    ),
    ("an hour key twice", hour_key, {"hour_at": hour_of(START), "state": "live"}),
    (
        "a view of an unknown kind",
        view,
        {"id": "v", "session_id": "s", "placement_id": PLACE, "kind": "x", "opened_at": START, "seen_at": START},
    ),
    *_two_persons(clock_override, {}),
    *_two_persons(hold_release, {"hold_id": "h-1", "is_own": False}),
    *_two_persons(view_statement, {"placement_id": PLACE, "plan_version": 1}),
    *_two_persons(erasure, {"ground": "order-of-court", "start_at": START - timedelta(hours=1), "end_at": START}),
    (
        "an early erasure on no ground",
        erasure,
        {**COURT, "ground": "because"},
    ),
    (
        "an early erasure of the future",
        erasure,
        {**COURT, "end_at": START + timedelta(hours=1)},
    ),
    ("a second leave for a placement at once", commissioning, {**LEAVE, "id": "c-2"}),
    ("a second panorama of a placement", panorama, PANORAMA),
    ("second landmarks of a placement", landmark, LANDMARKS),
    ("a review of what is not over", access_review, {**REVIEW, "end_at": START + SECOND}),
    ("a review of nothing", access_review, {**REVIEW, "population": 0}),
    ("a review signed before it was drawn", access_review, {**REVIEW, "signed_at": START - SECOND}),
    ("a view judged in other words", access_review_item, {**JUDGED, "verdict": "fine"}),
    ("a view judged at no time", access_review_item, {**JUDGED, "judged_at": None}),
    ("a finding that does not say what", access_review_item, {**JUDGED, "remark": None}),
    ("a proof of an unknown outcome", retention_proof, {**PROOF, "result": "fine"}),
    ("a proof of a year", retention_proof, {**PROOF, "month": "2026"}),
    (
        "a signature under what is no digest",
        proof_signature,
        {"month": "2026-10", "sha256": "0", "signed_by": "u-officer", "signed_at": START},
    ),
    ("a second look under one leave at once", commissioning_view, {**LOOK, "id": "v-2"}),
]


def test_no_row_can_be_added_that_is_forbidden(filled: Database) -> None:
    """Uniqueness that the code relies on is kept by the database."""
    for what, table, values in ADDITIONS:
        try:
            with filled.write() as conn:
                conn.execute(insert(table).values(values))
        except Conflict:
            continue
        pytest.fail(f"the database accepted {what}")


def test_every_check_of_the_schema_refuses_one_of_these(filled: Database) -> None:
    """A rule that nothing here breaks would be believed, not known; one that another rule hides would be neither."""
    refused_by = set()
    for _, table, values in CHANGES:
        with pytest.raises(Conflict) as caught, filled.write() as conn:
            conn.execute(update(table).values(values))
        refused_by |= set(re.findall(r"ck_\w+", str(caught.value)))
    for _, table, values in ADDITIONS:
        with pytest.raises(Conflict) as caught, filled.write() as conn:
            conn.execute(insert(table).values(values))
        refused_by |= set(re.findall(r"ck_\w+", str(caught.value)))
    rules = {
        str(rule.name)
        for table in metadata.tables.values()
        for rule in table.constraints
        if isinstance(rule, CheckConstraint)
    }
    # The ledger's tables are attacked in tests/ledger.
    assert {rule for rule in rules - refused_by if not rule.startswith("ck_ledger_")} == set()


def test_an_ended_placement_frees_its_camera(filled: Database) -> None:
    """A flexible camera is moved; both placements stay in the books."""
    with filled.write() as conn:
        placements.end(conn, PLACE, START + timedelta(hours=1))
        builders.add_placement(conn, "place-2", camera_id=placements.CameraId("camera-of-place-1"))
    with filled.read() as conn:
        assert [place.id for place in placements.list_all(conn)] == ["place-1", "place-2"]
        assert [place.id for place in placements.list_all(conn, at=START + timedelta(hours=1))] == ["place-2"]


def test_nobody_reviews_the_own_plan_whatever_program_tries(filled: Database) -> None:
    """Two persons is the rule that everything else about masks stands on."""
    with filled.write() as conn:
        builders.add_placement(conn, "place-2", approved=False)
    review = {"placement_id": "place-2", "version": 1, "verdict": "refused", "loosens": False, "reason": "x"}
    with pytest.raises(Conflict), filled.write() as conn:
        conn.execute(insert(plan_review).values(**review, reviewed_by="u-officer", reviewed_at=START))
    with filled.write() as conn:
        conn.execute(insert(plan_review).values(**review, reviewed_by="u-second-officer", reviewed_at=START))


def test_no_version_of_a_plan_disappears_or_comes_back(filled: Database) -> None:
    """Footage names the version that it was blanked with: it must be there, and a withdrawn one must not count again."""
    with filled.write() as conn:
        conn.execute(update(plan).values(state="withdrawn"))
    for statement in (plan.delete(), plan_review.delete(), update(plan).values(state="approved")):
        with pytest.raises(Conflict), filled.write() as conn:
            conn.execute(statement)
