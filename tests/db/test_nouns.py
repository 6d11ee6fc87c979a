"""The functions per noun: what they give back, and what they refuse."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests import builders
from vms.db import (
    cameras,
    exports,
    holds,
    hour_keys,
    placements,
    plans,
    segments,
    sessions,
    sign_ins,
    sweeps,
    users,
    views,
)
from vms.db.engine import Database
from vms.db.holds import NewHold
from vms.db.placements import NewPlacement
from vms.db.segments import Gap, GreySpan
from vms.db.sweeps import ClockSample, SweepOutcome
from vms.db.users import RoleGrant
from vms.errors import Conflict, Fenced, InvalidInput, NotFound
from vms.model import (
    CameraId,
    ExportId,
    ExportState,
    GapCause,
    HoldId,
    HoldOutcome,
    HoldState,
    HourKeyState,
    PlacementId,
    PlanState,
    Role,
    SegmentMode,
    SegmentState,
    Span,
    UserId,
    hour_of,
)

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PLACE = PlacementId("place-1")
OTHER = PlacementId("place-2")


@pytest.fixture
def placed(database: Database) -> Database:
    """People, and two cameras placed with approved plans."""
    with database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, PLACE)
        builders.add_placement(conn, OTHER, plan=None)
    return database


def open_at(database: Database, epoch: int, start_at: datetime = START, placement_id: PlacementId = PLACE) -> int:
    """Open a segment."""
    with database.write() as conn:
        return segments.open_segment(
            conn,
            placement_id,
            epoch,
            start_at=start_at,
            due_at=start_at + timedelta(days=27),
            mode=SegmentMode.MASKED,
            plan_version=1,
            wrapped_key=b"key",
        )


def seal(database: Database, number: int, epoch: int, **changed: object) -> None:
    """Seal a segment of a minute."""
    fields: dict[str, object] = {
        "end_at": START + MINUTE,
        "size_bytes": 10,
        "sha256": "00",
        "blanking": {"margin_px": 8},
        "fragments": [(0, 10, 0)],
        "grey_spans": [],
    }
    with database.write() as conn:
        segments.seal_segment(conn, PLACE, number, epoch, **{**fields, **changed})  # type: ignore[arg-type]  # the test changes one field at a time


def test_cameras_come_back_as_they_went_in(database: Database) -> None:
    """The worker connects with exactly what the technician typed."""
    with database.write() as conn:
        builders.add_camera(conn, "cam-9", onvif_url="onvif:camera", sealed_password=b"\x00\xff")
        before = cameras.get(conn, CameraId("cam-9"))
        cameras.change(conn, replace(before, name="Neude", rtsp_transport="udp"))
    with database.write() as conn:
        assert cameras.get(conn, CameraId("cam-9")) == replace(before, name="Neude", rtsp_transport="udp")
        cameras.remove(conn, CameraId("cam-9"), START)
        assert cameras.list_all(conn) == []
        assert [camera.removed_at for camera in cameras.list_all(conn, removed=True)] == [START]
        for call in (
            lambda: cameras.get(conn, CameraId("none")),
            lambda: cameras.remove(conn, CameraId("cam-9"), START),
        ):
            with pytest.raises(NotFound):
                call()


def test_a_placement_knows_its_camera_area_and_designation(placed: Database) -> None:
    """One question gives the worker and the wall all they need."""
    with placed.read() as conn:
        place = placements.get(conn, PLACE)
        assert (place.camera.id, place.area.name, place.designation.number) == (
            "camera-of-place-1",
            "Centrum",
            "2026-0001",
        )
        assert (place.epoch, place.last_number, place.status) == (0, 0, None)
        assert placements.list_all(conn, at=builders.SPRING) != []
        assert placements.list_all(conn, at=builders.SPRING - MINUTE) == []
        assert placements.list_all(conn, at=builders.FAR) == []
        with pytest.raises(NotFound):
            placements.get(conn, PlacementId("none"))


def test_a_workers_status_is_stored_as_it_said_it(placed: Database) -> None:
    """The technician's page shows it while the worker is away, with its age."""
    with placed.write() as conn:
        placements.set_status(conn, PLACE, {"live": "grey", "reason": "pose-late", "fps": 12.5}, START)
    with placed.read() as conn:
        place = placements.get(conn, PLACE)
        assert place.status == {"live": "grey", "reason": "pose-late", "fps": 12.5}
        assert place.status_at == START


def test_segment_numbers_are_gap_free_per_placement(placed: Database) -> None:
    """Completeness is interval arithmetic over them."""
    epochs = {}
    for placement_id in (PLACE, OTHER):
        with placed.write() as conn:
            epochs[placement_id] = placements.take_over(conn, placement_id)
    numbers = [open_at(placed, epochs[PLACE], START + n * MINUTE) for n in range(3)]
    assert numbers == [1, 2, 3]
    assert open_at(placed, epochs[OTHER], placement_id=OTHER) == 1


def test_a_number_of_a_failed_opening_is_given_out_again(placed: Database) -> None:
    """A gap in the numbers would read as lost footage."""
    with placed.write() as conn:
        epoch = placements.take_over(conn, PLACE)
    with pytest.raises(Conflict), placed.write() as conn:
        segments.open_segment(
            conn,
            PLACE,
            epoch,
            start_at=START,
            due_at=START + timedelta(days=29),
            mode=SegmentMode.MASKED,
            plan_version=1,
            wrapped_key=b"k",
        )
    assert open_at(placed, epoch) == 1


def test_an_overtaken_recorder_can_write_nothing_more(placed: Database) -> None:
    """Two recorders of one camera would both believe in their footage."""
    with placed.write() as conn:
        old = placements.take_over(conn, PLACE)
    number = open_at(placed, old)
    with placed.write() as conn:
        new = placements.take_over(conn, PLACE)
    assert new == old + 1
    with pytest.raises(Fenced):
        open_at(placed, old)
    with pytest.raises(Fenced):
        seal(placed, number, old)
    with pytest.raises(Fenced), placed.write() as conn:
        segments.mark_lost(conn, PLACE, number, old)
    seal(placed, number, new)
    with placed.read() as conn:
        repaired = segments.get(conn, PLACE, number)
    assert (repaired.epoch, repaired.state) == (old, SegmentState.SEALED)


def test_ending_a_placement_fences_its_recorder(placed: Database) -> None:
    """Outside the designation nothing may be recorded, whatever still runs."""
    with placed.write() as conn:
        epoch = placements.take_over(conn, PLACE)
        placements.end(conn, PLACE, START)
    with pytest.raises(Fenced):
        open_at(placed, epoch)
    with pytest.raises(Conflict), placed.write() as conn:
        placements.end(conn, PLACE, START)


def test_nothing_is_written_under_a_key_that_is_dying(placed: Database) -> None:
    """Footage under a destroyed key is lost at once."""
    with placed.write() as conn:
        epoch = placements.take_over(conn, PLACE)
        hour_keys.require_live(conn, hour_of(START))
        conn.exec_driver_sql("UPDATE hour_key SET state = 'dying'")
    with pytest.raises(Conflict, match="dying"):
        open_at(placed, epoch)
    with placed.read() as conn:
        assert [key.hour_at for key in hour_keys.list_in(conn, HourKeyState.DYING)] == [hour_of(START)]
        assert hour_keys.get(conn, hour_of(START) + timedelta(hours=1)) is None


def test_a_sealed_segment_says_all_that_playback_needs(placed: Database) -> None:
    """Index, grey spans and blanking record come back exactly."""
    with placed.write() as conn:
        epoch = placements.take_over(conn, PLACE)
    number = open_at(placed, epoch)
    grey = GreySpan(START + timedelta(seconds=1), START + timedelta(seconds=2), "pose-late")
    seal(placed, number, epoch, grey_spans=[grey], fragments=[(0, 7, 0), (7, 3, 1000)], wrapped_key=b"new")
    with placed.read() as conn:
        found = segments.get(conn, PLACE, number)
        assert found.fragments == ((0, 7, 0), (7, 3, 1000))
        assert found.blanking == {"margin_px": 8}
        assert (found.wrapped_key, found.hour_at) == (b"new", hour_of(START))
        assert segments.list_grey_spans(conn, PLACE, Span(START, START + MINUTE)) == [grey]
        assert segments.list_open(conn) == []
    with pytest.raises(Conflict):
        seal(placed, number, epoch)


def test_lost_and_damaged_segments_keep_their_numbers(placed: Database) -> None:
    """A number that vanishes would hide a loss."""
    with placed.write() as conn:
        epoch = placements.take_over(conn, PLACE)
    lost, damaged = open_at(placed, epoch), open_at(placed, epoch)
    seal(placed, damaged, epoch)
    with placed.write() as conn:
        segments.mark_lost(conn, PLACE, lost, epoch)
        assert segments.mark_damaged(conn, PLACE, damaged)
        assert not segments.mark_damaged(conn, PLACE, damaged)
        assert [segments.get(conn, PLACE, n).state for n in (lost, damaged)] == [
            SegmentState.LOST,
            SegmentState.DAMAGED,
        ]
        assert segments.get(conn, PLACE, lost).wrapped_key is None
        with pytest.raises(NotFound):
            segments.get(conn, PLACE, 99)


@pytest.mark.parametrize(
    ("from_s", "to_s", "numbers"),
    [
        (0, 60, [1]),
        (59, 61, [1, 2]),
        (60, 61, [2]),
        (-10, 0, []),
        (180, 200, []),
        (-10, 500, [1, 2, 3]),
        (179, 180, [3]),
    ],
)
def test_spans_are_half_open(placed: Database, from_s: int, to_s: int, numbers: list[int]) -> None:
    """A segment that ends at the asked instant is not part of the answer; no instant is in two."""
    with placed.write() as conn:
        epoch = placements.take_over(conn, PLACE)
        for minute in range(3):
            builders.add_sealed_segment(conn, PLACE, START + minute * MINUTE, epoch=epoch)
        builders.add_sealed_segment(conn, OTHER, START)
    span = Span(START + timedelta(seconds=from_s), START + timedelta(seconds=to_s))
    with placed.read() as conn:
        assert [segment.number for segment in segments.covering(conn, PLACE, span)] == numbers
        assert [piece.number for piece in segments.coverage(conn, PLACE, span)] == numbers


def test_the_timeline_shows_open_segments_too(placed: Database) -> None:
    """The last minute is being written; the timeline must not end before it."""
    with placed.write() as conn:
        epoch = placements.take_over(conn, PLACE)
    open_at(placed, epoch)
    with placed.read() as conn:
        (piece,) = segments.coverage(conn, PLACE, Span(START + 5 * MINUTE, START + 6 * MINUTE))
        assert (piece.state, piece.end_at, piece.held) == (SegmentState.OPEN, None, False)
        assert segments.covering(conn, PLACE, Span(START, START + MINUTE)) == []


def test_a_gap_keeps_its_first_cause_until_it_closes(placed: Database) -> None:
    """Each gap has one cause: what began it."""
    later = START + MINUTE
    with placed.write() as conn:
        assert segments.open_gap(conn, PLACE, START, GapCause.CAMERA_UNREACHABLE)
        assert not segments.open_gap(conn, PLACE, later, GapCause.CAMERA_REFUSED)
        assert segments.list_gaps(conn, PLACE, Span(later, later + MINUTE)) == [
            Gap(START, None, GapCause.CAMERA_UNREACHABLE)
        ]
        assert segments.close_gap(conn, PLACE, later) == Gap(START, later, GapCause.CAMERA_UNREACHABLE)
        assert segments.close_gap(conn, PLACE, later) is None
        assert segments.list_gaps(conn, PLACE, Span(later, later + MINUTE)) == []


def test_a_gap_in_which_nothing_was_missed_is_forgotten(placed: Database) -> None:
    """A restart that loses no frame must not show as a gap of negative length."""
    with placed.write() as conn:
        segments.open_gap(conn, PLACE, START, GapCause.WORKER_STOPPED)
        assert segments.close_gap(conn, PLACE, START - MINUTE) is None
        assert segments.list_gaps(conn, PLACE, Span(START - MINUTE, START + MINUTE)) == []


def test_a_new_plan_replaces_the_old_one_only_when_another_person_approves(placed: Database) -> None:
    """Masks are a two-person matter (design section 4)."""
    with placed.write() as conn:
        draft = plans.add_draft(
            conn, PLACE, document={"kind": "image"}, reason="new window", drawn_by=UserId("u-officer"), drawn_at=START
        )
        present = plans.current(conn, PLACE)
        assert draft.version == 2
        assert present is not None
        assert present.version == 1
        with pytest.raises(InvalidInput):
            plans.approve(conn, PLACE, 2, approved_by=UserId("u-officer"), approved_at=START)
        approved = plans.approve(conn, PLACE, 2, approved_by=UserId("u-second-officer"), approved_at=START)
        assert plans.current(conn, PLACE) == approved
        assert [version.state for version in plans.list_versions(conn, PLACE)] == [
            PlanState.APPROVED,
            PlanState.WITHDRAWN,
        ]
        with pytest.raises(Conflict):
            plans.approve(conn, PLACE, 1, approved_by=UserId("u-second-officer"), approved_at=START)


def test_an_older_draft_can_not_overtake_a_newer_plan(placed: Database) -> None:
    """The approver of a forgotten draft must look again."""
    with placed.write() as conn:
        for _ in range(2):
            plans.add_draft(conn, PLACE, document=None, reason="r", drawn_by=UserId("u-officer"), drawn_at=START)
        plans.approve(conn, PLACE, 3, approved_by=UserId("u-second-officer"), approved_at=START)
        with pytest.raises(Conflict):
            plans.approve(conn, PLACE, 2, approved_by=UserId("u-second-officer"), approved_at=START)


def test_a_refused_draft_stays_refused_and_says_why(placed: Database) -> None:
    """Whoever drew it must learn what is wrong, and nobody may approve it by mistake later."""
    second = UserId("u-second-officer")
    with placed.write() as conn:
        for _ in range(2):
            plans.add_draft(
                conn, PLACE, document=None, reason="r", drawn_by=UserId("u-officer"), drawn_at=START, origins={"m": {}}
            )
        assert [draft.version for draft in plans.waiting(conn)[PLACE]] == [3, 2]
        refused = plans.refuse(conn, PLACE, 2, refused_by=second, refused_at=START, reason=" the attic is missing ")
        assert (refused.state, refused.approved_by, refused.origins) == (PlanState.REFUSED, None, {"m": {}})
        assert refused.review == plans.Review(False, False, "the attic is missing", second, START)
        assert [draft.version for draft in plans.waiting(conn)[PLACE]] == [3]
        with pytest.raises(Conflict):
            plans.approve(conn, PLACE, 2, approved_by=second, approved_at=START)
        with pytest.raises(InvalidInput):
            plans.refuse(conn, PLACE, 3, refused_by=UserId("u-officer"), refused_at=START, reason="x")
        with pytest.raises(InvalidInput):
            plans.refuse(conn, PLACE, 3, refused_by=second, refused_at=START, reason=" ")


def test_a_plan_that_masks_less_is_approved_with_a_reason_only(placed: Database) -> None:
    """The one act that can show what was hidden must never happen by one click."""
    second = UserId("u-second-officer")
    with placed.write() as conn:
        plans.add_draft(conn, PLACE, document=None, reason="r", drawn_by=UserId("u-officer"), drawn_at=START)
        with pytest.raises(InvalidInput):
            plans.approve(conn, PLACE, 2, approved_by=second, approved_at=START, loosens=True, reason=" ")
        done = plans.approve(conn, PLACE, 2, approved_by=second, approved_at=START, loosens=True, reason="torn down")
        assert done.review == plans.Review(True, True, "torn down", second, START)
        assert plans.waiting(conn) == {}


def test_without_an_approved_plan_there_is_none(placed: Database) -> None:
    """None means grey; a draft or a withdrawn plan must never count."""
    with placed.write() as conn:
        builders.add_placement(conn, "place-3", approved=False)
        assert plans.current(conn, PlacementId("place-3")) is None
        plans.withdraw(conn, PLACE)
        assert plans.current(conn, PLACE) is None
        assert set(plans.current_of_all(conn)) == {OTHER}
        assert set(plans.current_heads(conn)) == {OTHER}
        with pytest.raises(Conflict):
            plans.withdraw(conn, PLACE)
        with pytest.raises(InvalidInput):
            plans.add_draft(conn, PLACE, document=None, reason=" ", drawn_by=UserId("u-officer"), drawn_at=START)
        with pytest.raises(NotFound):
            plans.add_draft(
                conn, PlacementId("none"), document=None, reason="r", drawn_by=UserId("u-officer"), drawn_at=START
            )


def new_hold(name: str = "h-1", minutes: tuple[int, int] = (0, 5)) -> NewHold:
    """Return a hold on both placements."""
    return NewHold(
        id=HoldId(name),
        request_id=f"request-{name}",
        case_number="PL0900-2026-123456",
        ground="investigation",
        reason="robbery",
        span=Span(START + minutes[0] * MINUTE, START + minutes[1] * MINUTE),
        placement_ids=(OTHER, PLACE),
        review_on=START + timedelta(days=14),
        requested_by=UserId("u-investigator"),
        requested_at=START,
    )


def test_a_hold_goes_its_way_once(placed: Database) -> None:
    """PENDING, ACTIVE, RELEASING, RELEASED: each step lets one caller through."""
    hold_id = HoldId("h-1")
    with placed.write() as conn:
        holds.add(conn, new_hold())
        with pytest.raises(Conflict):
            holds.begin_release(conn, hold_id, released_by=None, released_at=START, reason="r")
        holds.activate(conn, hold_id, HoldOutcome.PARTLY)
        with pytest.raises(Conflict):
            holds.activate(conn, hold_id, HoldOutcome.ACCEPTED)
        with pytest.raises(Conflict):
            holds.abort(conn, hold_id)
        found = holds.by_request(conn, "request-h-1")
        assert found is not None
        assert (found.state, found.outcome, found.placement_ids) == (
            HoldState.ACTIVE,
            HoldOutcome.PARTLY,
            (PLACE, OTHER),
        )
        holds.begin_release(conn, hold_id, released_by=UserId("u-investigator"), released_at=START, reason="over")
        with pytest.raises(Conflict):
            holds.begin_release(conn, hold_id, released_by=None, released_at=START, reason="r")
        holds.finish_release(conn, hold_id)
        assert holds.get(conn, hold_id).state is HoldState.RELEASED
        with pytest.raises(NotFound):
            holds.get(conn, HoldId("none"))


def test_holds_are_found_by_placement_and_span(placed: Database) -> None:
    """A segment that seals now must find every hold that wants it."""
    with placed.write() as conn:
        holds.add(conn, new_hold("h-1", (0, 5)))
        holds.add(conn, new_hold("h-2", (5, 9)))
        holds.add(conn, new_hold("h-3", (0, 9)))
        holds.abort(conn, HoldId("h-3"))

        def found(start: int, end: int) -> list[str]:
            return [
                hold.id for hold in holds.overlapping(conn, PLACE, Span(START + start * MINUTE, START + end * MINUTE))
            ]

        assert found(4, 5) == ["h-1"]
        assert found(4, 6) == ["h-1", "h-2"]
        assert found(9, 10) == []
        assert len(holds.list_in(conn)) == 3
        assert [hold.id for hold in holds.list_in(conn, {HoldState.ABORTED})] == ["h-3"]


def test_an_export_is_decided_once_and_by_another_person(placed: Database) -> None:
    """Handing footage out takes two."""
    export_id = ExportId("e-1")
    asker, decider = UserId("u-investigator"), UserId("u-director")
    with placed.write() as conn:
        holds.add(conn, new_hold())
        exports.request(conn, export_id, hold_id=HoldId("h-1"), requested_by=asker, requested_at=START, receiver="desk")
        with pytest.raises(InvalidInput):
            exports.decide(conn, export_id, approved=True, decided_by=asker, decided_at=START)
        with pytest.raises(Conflict):
            exports.begin_building(conn, export_id, total=3)
        exports.decide(conn, export_id, approved=True, decided_by=decider, decided_at=START)
        with pytest.raises(Conflict):
            exports.decide(conn, export_id, approved=False, decided_by=decider, decided_at=START)
        exports.begin_building(conn, export_id, total=3, wrapped_key=b"k")
        with pytest.raises(Conflict):
            exports.begin_building(conn, export_id, total=3)
        exports.set_progress(conn, export_id, 2)
        exports.rebuild(conn, export_id)
        exports.begin_building(conn, export_id, total=4, wrapped_key=b"k")
        exports.finish(conn, export_id, size_bytes=9, sha256="00", manifest={"files": []}, ready_at=START)
        done = exports.get(conn, export_id)
        assert (done.state, done.progress_done, done.progress_total) == (ExportState.READY, 4, 4)
        exports.note_erased(conn, export_id, START)
        assert exports.list_in(conn, {ExportState.READY}, hold_id=HoldId("h-1"))[0].wrapped_key is None
        with pytest.raises(NotFound):
            exports.get(conn, ExportId("none"))


def test_a_failed_export_says_why(placed: Database) -> None:
    """The asker must know whether to ask again."""
    with placed.write() as conn:
        holds.add(conn, new_hold())
        exports.request(
            conn,
            ExportId("e"),
            hold_id=HoldId("h-1"),
            requested_by=UserId("u-investigator"),
            requested_at=START,
            receiver="desk",
        )
        exports.decide(conn, ExportId("e"), approved=True, decided_by=UserId("u-director"), decided_at=START)
        exports.begin_building(conn, ExportId("e"), total=1)
        exports.fail(conn, ExportId("e"), "disk full")
        assert exports.get(conn, ExportId("e")).failure == "disk full"


def test_roles_work_until_they_run_out_or_the_account_is_disabled(database: Database) -> None:
    """Screening and training expire; a leaver is out at once."""
    with database.write() as conn:
        user_id = builders.add_user(conn, "anna", Role.OBSERVER)
        users.grant(conn, user_id, RoleGrant(Role.DIRECTOR, START))
        anna = users.get(conn, user_id)
        assert anna.roles_at(START - MINUTE) == {Role.OBSERVER, Role.DIRECTOR}
        assert anna.roles_at(START) == {Role.OBSERVER}
        users.grant(conn, user_id, RoleGrant(Role.DIRECTOR, START + MINUTE))
        assert users.get(conn, user_id).roles_at(START) == {Role.OBSERVER, Role.DIRECTOR}
        assert users.revoke(conn, user_id, Role.DIRECTOR)
        assert not users.revoke(conn, user_id, Role.DIRECTOR)
        users.disable(conn, user_id, START)
        users.disable(conn, user_id, START + MINUTE)
        anna = users.get(conn, user_id)
        assert anna.disabled_at == START
        assert anna.roles_at(START) == frozenset()
        assert anna.roles_at(START - MINUTE) == {Role.OBSERVER}
        assert users.by_username(conn, "anna") == anna
        assert users.list_all(conn) == [anna]
        assert users.by_username(conn, "ANNA") is None
        with pytest.raises(NotFound):
            users.set_language(conn, UserId("none"), "en")


def test_attempts_to_sign_in_are_counted_by_name_origin_and_all(database: Database) -> None:
    """A lock by account and origin needs a count that no race loses, and that holds nothing of what was typed."""
    with database.write() as conn:
        numbers = [
            sign_ins.add(conn, name, origin, START) for name, origin in (("anna", "a"), ("anna", "b"), ("bob", "a"))
        ]
        assert sign_ins.count(conn, "anna", "a", START - MINUTE) == sign_ins.Attempts(1, 2, 3)
        assert sign_ins.count(conn, "bob", "a", START - MINUTE, up_to=numbers[1]) == sign_ins.Attempts(0, 1, 2)
        assert sign_ins.count(conn, "anna", "a", START) == sign_ins.Attempts(0, 0, 0)
        assert len(sign_ins.name_key("anna")) == 4
        sign_ins.forget(conn, numbers[2])
        sign_ins.forget_name(conn, "anna", "b")
        assert sign_ins.count_all(conn, START - MINUTE) == 1
        sign_ins.forget_before(conn, START)
        assert sign_ins.count_all(conn, START - MINUTE) == 0


def test_a_session_is_found_by_its_token_only_and_ends_once(database: Database) -> None:
    """A copy of the database signs nobody in."""
    with database.write() as conn:
        user_id = builders.add_user(conn, "anna")
        for name in ("one", "two"):
            sessions.start(
                conn,
                f"token-{name}",
                session_id=name,
                user_id=user_id,
                at=START,
                ends_at=START + timedelta(hours=10),
                origin="ws",
            )
        sessions.note_seen(conn, "one", START + MINUTE)
        sessions.note_seen(conn, "one", START)
        found = sessions.by_token(conn, "token-one")
        assert found is not None
        assert (found.id, found.seen_at) == ("one", START + MINUTE)
        assert sessions.by_token(conn, sessions.token_digest("token-one")) is None
        assert sessions.end(conn, "one", START)
        assert not sessions.end(conn, "one", START)
        assert sessions.end_all_of(conn, user_id, START) == ["two"]
        assert sessions.list_lasting(conn) == []
        assert sessions.get(conn, "none") is None


def test_a_view_closes_once_and_its_heartbeat_never_wakes_it(placed: Database) -> None:
    """The ledger's close entry is written by whoever closes the row, exactly once."""
    with placed.write() as conn:
        sessions.start(
            conn,
            "t",
            session_id="s",
            user_id=UserId("u-director"),
            at=START,
            ends_at=START + timedelta(hours=1),
            origin="ws",
        )
        span = Span(START, START + MINUTE)
        views.open_view(conn, "v", session_id="s", placement_id=PLACE, kind="playback", at=START, span=span)
        views.note_seen(conn, "v", START + MINUTE)
        (view,) = views.list_open(conn, session_id="s")
        assert (view.seen_at, view.span) == (START + MINUTE, span)
        assert views.close_view(conn, "v", START)
        assert not views.close_view(conn, "v", START)
        views.note_seen(conn, "v", START + 5 * MINUTE)
        assert views.get(conn, "v").seen_at == START + MINUTE
        assert views.list_open(conn) == []
        with pytest.raises(NotFound):
            views.get(conn, "none")


def test_the_brake_finds_the_last_good_sweep(database: Database) -> None:
    """Neither a stopped nor a running sweep may widen what the next one claims."""
    with database.write() as conn:
        assert sweeps.last_good(conn) is None
        good = sweeps.begin(conn, START)
        sweeps.finish(conn, good, finished_at=START, outcome=SweepOutcome.GOOD, claimed=3, destroyed=3)
        stopped = sweeps.begin(conn, START + MINUTE)
        sweeps.finish(
            conn, stopped, finished_at=START, outcome=SweepOutcome.STOPPED, claimed=0, destroyed=0, doubts=["wall-jump"]
        )
        sweeps.begin(conn, START + 2 * MINUTE)
        last = sweeps.last_good(conn)
        assert last is not None
        assert (last.id, last.claimed) == (good, 3)
        assert [sweep.doubts for sweep in sweeps.list_newest(conn, 2)] == [(), ("wall-jump",)]
        with pytest.raises(Conflict):
            sweeps.finish(conn, good, finished_at=START, outcome=SweepOutcome.GOOD, claimed=0, destroyed=0)


def test_the_clock_sample_is_one_row_that_is_replaced(database: Database) -> None:
    """The guard compares with the sample before, never with an older one."""
    with database.write() as conn:
        assert sweeps.get_clock_sample(conn) is None
        for boottime_us in (1, 2):
            sweeps.set_clock_sample(conn, ClockSample(START, boottime_us, "boot"))
        assert sweeps.get_clock_sample(conn) == ClockSample(START, 2, "boot")


def test_a_camera_can_stand_at_one_place_only(placed: Database) -> None:
    """Two placements of one camera would record the same street under two plans."""
    second = NewPlacement(PlacementId("p-9"), CameraId("camera-of-place-1"), "d-1", "p-9", from_at=START)
    with pytest.raises(Conflict), placed.write() as conn:
        placements.add(conn, second)
