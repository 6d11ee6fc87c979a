"""The command line as an administrator meets it: a real database, clear words when something is wrong."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from config import load
from tests.accounts import settle
from vms.civil_time import CITY_ZONE
from vms.cli.acts import note_configuration, settings_digest
from vms.cli.main import app, run
from vms.cli.parts import build
from vms.cli.register_file import read_register
from vms.clock import SystemClock
from vms.db import edge, placements, plans, reports, users
from vms.db.edge import EdgeCheck, EdgeRecordings
from vms.db.engine import Database
from vms.db.reports import Report, Service
from vms.errors import InvalidInput
from vms.law.permit import permit
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Result
from vms.ledger.search import Filter, search
from vms.model import EdgeState, PlacementId

HOUR = timedelta(hours=1)
PASSWORD = "een heel lang wachtwoord 7"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


class CommandLine:
    """`vms` with its data in one folder, run in this process."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capture = capture
        self._patch = patch
        patch.setenv("VMS_DATA_DIR", str(folder / "data"))
        patch.setenv("COLUMNS", "200")

    def __call__(self, *arguments: str, typed: str = "") -> Done:
        """Run one command, with what is piped into it."""
        self._capture.readouterr()
        self._patch.setattr("sys.stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            run(arguments)
        printed = self._capture.readouterr()
        status = ended.value.code
        return Done(status if isinstance(status, int) else 0, printed.out, printed.err)


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line on an empty folder."""
    return CommandLine(tmp_path, capsys, monkeypatch)


@pytest.fixture
def vms(bare: CommandLine) -> CommandLine:
    """Return the command line with a migrated database."""
    assert bare("migrate").status == 0
    return bare


def people(vms: CommandLine, *names: str) -> None:
    """Add accounts."""
    for name in names:
        done = vms("user", "add", name, "--name", name.title(), typed=PASSWORD)
        assert done.status == 0, done.stderr


def test_a_password_typed_here_is_said_to_work_once(vms: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hands it over must know what happens with it, and later who has not chosen another."""
    monkeypatch.setenv("VMS_FIRST_PASSWORD_DAYS", "2")
    days = [datetime.now(CITY_ZONE) + timedelta(days=2)]
    added = vms("user", "add", "anna", "--name", "Anna", typed=PASSWORD)
    days.append(datetime.now(CITY_ZONE) + timedelta(days=2))
    assert "once" in added.stdout
    assert any(f"{day:%Y-%m-%d}" in added.stdout for day in days)
    assert "first password waits" in vms("user", "list").stdout
    parts = build(load(None))
    settle(parts.db, "anna")
    parts.db.dispose()
    assert vms("user", "list").stdout.rstrip().endswith("-")
    assert vms("user", "password", "anna", typed=PASSWORD + "8").status == 0
    assert "first password waits" in vms("user", "list").stdout
    assert "many people" in vms("user", "password", "anna", typed="Wachtwoord123!").stderr


def officers(vms: CommandLine, *names: str) -> None:
    """Add accounts of blanking officers."""
    people(vms, *names)
    for name in names:
        assert vms("user", "grant", name, "blanking-officer", "--until", "2090-01-01").status == 0


def camera(**changes: Any) -> dict[str, Any]:
    """Return a valid entry of a register file, changed."""
    return {
        "id": "utr-001",
        "name": "Oudegracht 12",
        "area": "Binnenstad",
        "designation": "2026-017",
        "legal_basis": "Gemeentewet art. 151c",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2090-01-01T00:00:00Z",
        "kind": "fixed",
        "rtsp_url": "rtsp://127.0.0.1:9/main",
        "username": "vms",
        "password": "geheim",
        "plan": {
            "frame": {"width": 640, "height": 360},
            "kind": "image",
            "masks": [{"id": "m1", "polygon_rel": [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5]]}],
        },
    } | changes


def register(vms: CommandLine, *cameras: dict[str, Any]) -> Path:
    """Write a register file."""
    path = vms.folder / "cameras.json"
    path.write_text(json.dumps({"cameras": cameras}), encoding="utf-8")
    return path


def test_a_fresh_database_passes_the_check_after_migrate(vms: CommandLine) -> None:
    """`vms check` is what an administrator runs first."""
    done = vms("check")
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.startswith("In order")


def test_without_migration_every_command_says_what_to_run(bare: CommandLine) -> None:
    """An old schema must stop the process, with the cure in the message."""
    done = bare("camera", "list")
    assert done.status == 2
    assert "vms migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_camera_is_registered_with_its_plan_by_two_people(vms: CommandLine) -> None:
    """The whole file is one act of two persons."""
    officers(vms, "mulder", "groot")
    path = register(vms, camera())
    done = vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot")
    assert done.status == 0, done.stderr
    assert "plan 1" in vms("camera", "list").stdout
    # The same file again changes nothing.
    assert vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot").status == 0
    assert "plan 1" in vms("camera", "list").stdout


def test_one_person_alone_can_not_register_a_plan(vms: CommandLine) -> None:
    """Two persons stand behind a plan, or it does not count."""
    officers(vms, "mulder")
    path = register(vms, camera())
    done = vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "mulder")
    assert done.status == 2
    assert "another person" in done.stderr
    assert vms("camera", "list").stdout == ""


def test_a_fixed_camera_is_registered_before_its_masks_are_drawn(vms: CommandLine) -> None:
    """Because a first plan is drawn on the pages, by two persons who look at the picture; until then the camera is grey."""
    planless = camera(to_be_drawn=True)
    del planless["plan"]
    done = vms("camera", "import", str(register(vms, planless)))
    assert done.status == 0, done.stderr
    assert "plan -" in vms("camera", "list").stdout
    with_plan = vms("camera", "import", str(register(vms, camera())))
    assert with_plan.status == 2
    assert "--drawn-by" in with_plan.stderr


CROSSING = [[0.1, 0.1], [0.5, 0.5], [0.5, 0.1], [0.1, 0.5]]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kind": "dome"}, "kind"),
        ({"rtsp_url": "rtsp://u:p@127.0.0.1/x"}, "rtsp_url"),
        ({"rtsp_url": "http://127.0.0.1/x"}, "rtsp_url"),
        ({"kind": "ptz"}, "onvif_url"),
        ({"no_dwelling_in_sight": True}, "no_dwelling_in_sight"),
        ({"to_be_drawn": True}, "to_be_drawn"),
        ({"to_be_calibrated": True}, "to_be_calibrated"),
        ({"password": ""}, "password"),
        ({"valid_from": "morgen"}, "valid_from"),
        ({"valid_until": "2020-01-01"}, "valid_until"),
        ({"valid_from": None}, "valid_from"),
        ({"valid_until": None}, "valid_until"),
        ({"designation": None}, "designation"),
        ({"legal_basis": ""}, "legal_basis"),
        ({"withdrawn": "2099-01-01"}, "withdrawn"),
        ({"id": "exports"}, "exports"),
        ({"id": "utr-000"}, "twice"),
        ({"placement": "utr-000"}, "twice"),
        ({"placement": "a/b"}, "placement"),
        ({"legal_basis": "Gemeentewet art. 174"}, "a decision has one"),
        (
            {
                "plan": {
                    "frame": {"width": 640, "height": 360},
                    "kind": "image",
                    "masks": [{"id": "m1", "polygon_rel": CROSSING}],
                }
            },
            "m1",
        ),
        ({"plan": {"frame": {"width": 640, "height": 360}, "kind": "image", "masks": [], "extra": 1}}, "extra"),
    ],
)
def test_a_wrong_entry_is_refused_by_name_and_nothing_is_changed(
    vms: CommandLine, wrong: dict[str, Any], named: str
) -> None:
    """Half a register would be worse than none: the good camera before the wrong one is not added either."""
    officers(vms, "mulder", "groot")
    path = register(vms, camera(id="utr-000"), camera(**wrong))
    done = vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot")
    assert done.status == 2
    assert named in done.stderr
    assert "camera 2" in done.stderr
    assert "Traceback" not in done.stderr
    assert vms("camera", "list").stdout == ""


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"cameras": null}', '{"cameras": {"id": 1}}', '{"cameras": ["utr-001"]}']
)
def test_a_file_that_is_no_register_is_refused_in_words(vms: CommandLine, content: str) -> None:
    """Somebody who exports the wrong sheet must not read a traceback."""
    officers(vms, "mulder", "groot")
    path = vms.folder / "cameras.json"
    path.write_text(content, encoding="utf-8")
    done = vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot")
    assert done.status == 2
    assert "cameras.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_withheld_camera_is_listed_and_cleared_by_an_officer_with_a_reason(vms: CommandLine) -> None:
    """Who lets a camera be seen again says who looked at it, and what was wrong."""
    officers(vms, "mulder", "groot")
    people(vms, "jansen")
    path = register(vms, camera())
    assert vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot").status == 0
    assert vms("selftest", "--list").stdout == "Nothing is withheld.\n"
    parts = build(load(None))
    words = {"placement_id": "utr-001", "path": "live", "problem": "shows-dwelling", "tested_px": 900, "shown_px": 800}
    with parts.db.write() as conn:
        entry = Entry(
            Act.SELFTEST_FAILED, Actor.service("selftest"), Origin("t"), words, Result.FAILED, why="shows-dwelling"
        )
        parts.ledger.append(conn, entry)
    assert "utr-001" in vms("selftest", "--list").stdout
    assert "shows-dwelling" in vms("selftest", "--list").stdout
    clear = ("selftest", "--clear", "utr-001")
    assert "--reason" in vms(*clear).stderr
    assert "--reason" in vms(*clear, "--by", "mulder", "--reason", "ok").stderr
    why = ("--reason", "burned again after the new driver")
    assert "jansen is no blanking-officer" in vms(*clear, "--by", "jansen", *why).stderr
    assert vms("selftest", "--list").stdout != "Nothing is withheld.\n"
    assert vms(*clear, "--by", "mulder", *why).status == 0
    assert vms("selftest", "--list").stdout == "Nothing is withheld.\n"
    assert "nothing of utr-001" in vms(*clear, "--by", "mulder", *why).stderr
    parts.db.dispose()


def test_only_blanking_officers_draw_and_approve_plans(vms: CommandLine) -> None:
    """The command line is no way around the policy matrix: a role counts only where somebody has given it."""
    officers(vms, "mulder")
    people(vms, "jansen")
    path = register(vms, camera())
    done = vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "jansen")
    assert done.status == 2
    assert "jansen is no blanking-officer" in done.stderr
    assert vms("camera", "list").stdout == ""


def test_a_camera_that_was_taken_out_of_use_does_not_come_back_by_itself(vms: CommandLine) -> None:
    """Its placement is over for good: a camera that is put up again starts with nothing approved, under another id."""
    officers(vms, "mulder", "groot")
    path = register(vms, camera())
    vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot")
    assert vms("camera", "remove", "utr-001").status == 0
    done = vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot")
    assert done.status == 2
    assert "another id" in done.stderr


def imported(vms: CommandLine, *cameras: dict[str, Any]) -> Done:
    """Import a register file of these cameras by two officers."""
    path = register(vms, *cameras)
    return vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot")


def ledger_of(vms: CommandLine, *acts: Act) -> list[dict[str, Any]]:
    """Return the objects of these acts, oldest first."""
    database = Database(f"sqlite:///{vms.folder / 'data' / 'vms.sqlite'}")
    with database.read() as conn:
        found = [dict(entry.object) for entry in search(conn, Filter(acts=acts))]
    database.dispose()
    return found[::-1]


def test_a_file_again_brings_name_area_and_designation_up_to_date(vms: CommandLine) -> None:
    """What the file says and the system does must be the same; plan and footage stay with the placement."""
    officers(vms, "mulder", "groot")
    assert imported(vms, camera()).status == 0
    done = imported(vms, camera(name="Oudegracht 14", area="Centrum", designation="2026-018"))
    assert done.status == 0, done.stderr
    [listed] = vms("camera", "list").stdout.splitlines()
    assert listed.split("\t")[2:5] == ["Centrum", "Oudegracht 14", "plan 1"]
    [change] = ledger_of(vms, Act.PLACEMENT_CHANGE)
    assert (change["designation"], change["was"]["designation"]) == ("centrum/2026-018", "binnenstad/2026-017")
    assert change["was"]["name"] == "Oudegracht 12"
    assert imported(vms, camera(name="Oudegracht 14", area="Centrum", designation="2026-018")).stdout.endswith(
        "as it was\n"
    )


def test_a_renewal_that_is_entered_ahead_keeps_the_cameras_recording(vms: CommandLine) -> None:
    """Recording stops at the end of the designation; the next decision, entered before, takes over at its own begin."""
    officers(vms, "mulder", "groot")
    soon, later = (SystemClock().now() + timedelta(days=days) for days in (20, 900))
    first = camera(valid_until=soon.isoformat())
    assert imported(vms, first).status == 0
    assert "2026-017 of Binnenstad ends" in vms("check").stderr
    renewal = {"designation": "2026-099", "valid_from": soon.isoformat(), "valid_until": later.isoformat()}
    assert imported(vms, camera(**renewal)).status == 0
    assert vms("check").stderr == ""
    assert f"until {later:%Y-%m-%d}" in vms("camera", "list").stdout
    parts = build(load(None))
    with parts.db.read() as conn:
        law = placements.law(conn, PlacementId("utr-001"))
    parts.db.dispose()
    numbers = [permit(law, at).decision for at in (SystemClock().now(), soon - timedelta(seconds=1), soon)]
    assert [one and one.number for one in numbers] == ["2026-017", "2026-017", "2026-099"]
    # The old file, imported once more, does not put the camera back under what is about to end.
    assert imported(vms, first).status == 0
    assert f"until {later:%Y-%m-%d}" in vms("camera", "list").stdout


def test_the_end_of_a_decision_is_not_moved_and_a_withdrawal_is_final(vms: CommandLine) -> None:
    """A mayor's decision that a file can prolong needs no mayor."""
    officers(vms, "mulder", "groot")
    assert imported(vms, camera()).status == 0
    for change in ({"valid_until": "2091-01-01T00:00:00Z"}, {"legal_basis": "APV"}, {"valid_until": "2080-01-01"}):
        refused = imported(vms, camera(**change))
        assert refused.status == 2
        assert "never changed" in refused.stderr
    withdrawn = camera(withdrawn="2089-01-01T00:00:00Z")
    assert imported(vms, withdrawn).status == 0
    assert imported(vms, withdrawn).status == 0
    assert imported(vms, camera(withdrawn="2089-06-01T00:00:00Z")).status == 2
    assert imported(vms, camera()).status == 0, "a file that does not know of it changes nothing"
    assert "until 2089-01-01" in vms("camera", "list").stdout
    [change] = ledger_of(vms, Act.DESIGNATION_CHANGE)
    assert change["withdrawn"] == "2089-01-01T00:00:00.000000Z"


OTHER_PLAN = {
    "frame": {"width": 640, "height": 360},
    "kind": "image",
    "masks": [{"id": "m2", "polygon_rel": [[0.5, 0.5], [0.9, 0.5], [0.9, 0.9]]}],
}


def test_a_moved_camera_gets_a_new_placement_with_the_new_plan_only(vms: CommandLine) -> None:
    """The old masks are those of another street; what was recorded there keeps them."""
    officers(vms, "mulder", "groot")
    assert imported(vms, camera()).status == 0
    assert imported(vms, camera(placement="utr-001-b", name="Neude", plan=OTHER_PLAN)).status == 0
    parts = build(load(None))
    with parts.db.read() as conn:
        places = {item.id: item for item in placements.list_all(conn)}
        running = [item.id for item in placements.list_all(conn, at=SystemClock().now())]
        [old], [new] = (plans.list_versions(conn, PlacementId(name)) for name in ("utr-001", "utr-001-b"))
    parts.db.dispose()
    assert running == ["utr-001-b"]
    assert (places[PlacementId("utr-001")].name, places[PlacementId("utr-001-b")].name) == ("Oudegracht 12", "Neude")
    assert ((old.document or {})["masks"][0]["id"], (new.document or {})["masks"][0]["id"]) == ("m1", "m2")
    assert [entry.get("moved_to") for entry in ledger_of(vms, Act.PLACEMENT_END)] == ["utr-001-b"]
    # The old file would put the camera back, under the masks of the old street.
    back = imported(vms, camera())
    assert back.status == 2
    assert "placement utr-001 ended" in back.stderr
    taken = imported(vms, camera(id="utr-002", placement="utr-001-b"))
    assert taken.status == 2
    assert "utr-001-b is camera utr-001's" in taken.stderr


def test_an_old_file_does_not_bring_an_old_plan_back(vms: CommandLine) -> None:
    """Masks that were drawn since, in the browser or by another file, must not be lost by an extension of the designation."""
    officers(vms, "mulder", "groot")
    assert imported(vms, camera()).status == 0
    assert imported(vms, camera(plan=OTHER_PLAN)).status == 0
    again = imported(vms, camera(name="Oudegracht 14"))
    assert again.status == 0
    assert "version 2" in again.stderr
    assert "plan 2" in vms("camera", "list").stdout


def test_areas_designations_and_the_ends_of_placements_are_in_the_ledger(vms: CommandLine) -> None:
    """Every act is: the mayor's decision and the day a camera went are what a citizen asks for first."""
    officers(vms, "mulder", "groot")
    path = register(vms, camera())
    vms("camera", "import", str(path), "--drawn-by", "mulder", "--approved-by", "groot")
    vms("camera", "remove", "utr-001")
    database = Database(f"sqlite:///{vms.folder / 'data' / 'vms.sqlite'}")
    wanted = (
        Act.AREA_ADD,
        Act.DESIGNATION_ADD,
        Act.PLACEMENT_ADD,
        Act.CAMERA_ADD,
        Act.PLACEMENT_END,
        Act.CAMERA_REMOVE,
    )
    with database.read() as conn:
        found = [entry.act for entry in search(conn, Filter(acts=wanted))]
    database.dispose()
    assert tuple(reversed(found)) == wanted


def test_a_camera_that_is_removed_with_pictures_on_its_card_is_not_just_carried_away(vms: CommandLine) -> None:
    """Nobody asks it again: the last moment to say so is when it is taken out of use."""
    officers(vms, "mulder", "groot")
    imported(vms, camera())
    database = Database(f"sqlite:///{vms.folder / 'data' / 'vms.sqlite'}")
    at, place = datetime(2026, 11, 25, tzinfo=UTC), PlacementId("utr-001")
    with database.write() as conn:
        edge.store(conn, EdgeCheck(place, at, None, at, EdgeRecordings(EdgeState.RECORDINGS, recordings=1)))
    database.dispose()
    listed = vms("camera", "edge")
    assert (listed.status, "RECORDINGS: 1" in listed.stdout) == (1, True)
    assert vms("camera", "edge", "--switch-off").status == 2, "of which camera?"
    done = vms("camera", "remove", "utr-001")
    assert done.status == 0
    assert "wipe or destroy its card" in done.stderr


def test_an_unknown_role_is_refused_with_the_list_of_roles(vms: CommandLine) -> None:
    """A person who mistypes a role must see what there is."""
    people(vms, "jansen")
    done = vms("user", "grant", "jansen", "kijker", "--until", "2030-01-01")
    assert done.status == 2
    assert "observer" in done.stderr
    assert vms("user", "grant", "jansen", "observer", "--until", "2030-01-01").status == 0
    assert "observer until 2030-01-01" in vms("user", "list").stdout


def test_roles_that_defeat_the_split_are_refused(vms: CommandLine) -> None:
    """Nobody asks for an export and approves it."""
    people(vms, "jansen")
    assert vms("user", "grant", "jansen", "investigator", "--until", "2030-01-01").status == 0
    done = vms("user", "grant", "jansen", "director", "--until", "2030-01-01")
    assert done.status == 2
    assert "director" in done.stderr


def test_a_folder_that_can_not_be_made_is_named(bare: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commonest fault of a first installation."""
    (bare.folder / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("VMS_DATA_DIR", str(bare.folder / "file" / "data"))
    for command in ("migrate", "check"):
        done = bare(command)
        assert done.status == 2
        assert "file/data" in done.stderr


def test_a_health_check_fails_until_the_service_reports(vms: CommandLine) -> None:
    """The status is all that a container engine looks at."""
    assert vms("health", "retention").status == 1
    now = SystemClock().now()
    database = Database(f"sqlite:///{vms.folder / 'data' / 'vms.sqlite'}")
    with database.write() as conn:
        reports.store(conn, Report(Service.RETENTION, now, now + HOUR, (), {}))
        reports.store(conn, Report(Service.INGEST, now - HOUR, now - HOUR / 2, (), {}))
    assert vms("health", "retention").status == 0
    assert vms("health", "ingest").status == 1
    done = vms("check")
    assert done.status == 2
    assert "ingest has not reported since" in done.stderr


def test_a_check_says_what_came_from_a_camera_that_gives_no_position(vms: CommandLine) -> None:
    """A technician at the shell learns more than "grey": which address answers what."""
    officers(vms, "mulder", "groot")
    assert imported(vms, camera()).status == 0
    (placement,) = (line.split("\t")[0] for line in vms("camera", "list").stdout.splitlines())
    status = {"telemetry_problem": "camera.onvif", "telemetry_problem_said": 'HTTP 200, text/html, "Login"'}
    with Database(f"sqlite:///{vms.folder / 'data' / 'vms.sqlite'}").write() as conn:
        placements.set_status(conn, PlacementId(placement), status, SystemClock().now())
    assert 'no position from its ONVIF service, camera.onvif: HTTP 200, text/html, "Login"' in vms("check").stderr


def test_a_check_names_cameras_and_storage_by_which_footage_is_missing(vms: CommandLine) -> None:
    """It said "in order" while the volume was full or the only camera dead; a new start of the process would help neither."""
    assert vms("health", "ingest").status == 1
    now = SystemClock().now()
    words = {"cameras": {"camera-away": ["markt"]}, "hours_until_full": 3.5}
    database = Database(f"sqlite:///{vms.folder / 'data' / 'vms.sqlite'}")
    with database.write() as conn:
        reports.store(conn, Report(Service.RETENTION, now, now + HOUR, (), {}))
        reports.store(conn, Report(Service.INGEST, now, now + HOUR, ("camera-away", "storage-low"), words))
    health = vms("health", "ingest")
    assert health.status == 0
    assert "camera-away: markt" in health.stdout
    assert "full in 3.5 hours" in health.stdout
    done = vms("check")
    assert done.status == 2
    assert "camera-away (markt); storage-low (full in 3.5 hours)" in done.stderr
    assert "In order" not in done.stdout


def test_a_role_counts_on_its_last_day_until_midnight_in_amsterdam(vms: CommandLine) -> None:
    """Who reads "until 30 June" works on 30 June."""
    people(vms, "smit")
    done = vms("user", "grant", "smit", "observer", "--until", "2037-06-30")
    assert "until the end of 2037-06-30 in Amsterdam" in done.stdout
    with Database(f"sqlite:///{vms.folder / 'data' / 'vms.sqlite'}").read() as conn:
        [account] = users.list_all(conn)
    assert account.grants[0].valid_until_at == datetime(2037, 6, 30, 22, tzinfo=UTC)


def test_a_start_with_other_settings_is_written_down(vms: CommandLine) -> None:
    """Retention that was made longer overnight must stand in the log; a password must not."""
    parts = build(load(None))
    changed = parts.settings.model_copy(update={"retention_days": 14})
    with parts.db.write() as conn:
        for settings in (parts.settings, parts.settings, changed):
            note_configuration(conn, parts.ledger, settings, "policy", "api")
    with parts.db.read() as conn:
        assert len(search(conn, Filter(acts=(Act.CONFIG_START,)))) == 3
        [entry] = search(conn, Filter(acts=(Act.CONFIG_CHANGE,)))
    assert entry.object["changed"] == ["settings_sha256"]
    urls = (f"postgresql+psycopg://vms:{word}@database/vms" for word in ("one", "two"))
    one, two = (settings_digest(parts.settings.model_copy(update={"database_url": url})) for url in urls)
    assert one == two


def test_the_root_key_is_shown_moved_and_never_claimed_to_be_more_than_it_is(
    bare: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because an administrator reads the level to an auditor."""
    shown = bare("keys", "status").stdout
    assert "store    file" in shown
    assert "level    file" in shown
    monkeypatch.setenv("VMS_ROOT_STORE", "credential")
    refused = bare("keys", "status")
    assert (refused.status, "LoadCredentialEncrypted" in refused.stderr) == (2, True)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(bare.folder))
    (bare.folder / "vms-root").write_bytes(b"s" * 32)
    assert "vms keys move" in bare("keys", "status").stderr
    assert "from file to credential" in bare("keys", "move", "--from", "file").stdout
    assert "store    credential" in bare("keys", "status").stdout
    assert "credential" in bare("keys", "move", "--from", "credential").stderr
    assert "one of file, credential, pkcs11, tpm" in bare("keys", "move", "--from", "cloud").stderr
    monkeypatch.setenv("VMS_ROOT_STORE", "pkcs11")
    assert "pkcs11_module" in bare("keys", "status").stderr
    assert "keys_socket" in bare("keys", "serve").stderr


@pytest.mark.parametrize(
    ("changed", "about"),
    [
        ({"name": "Oudegracht\nutr-002"}, "name"),
        ({"name": "Oudegracht \u202e21"}, "name"),
        ({"name": "x" * 5_000}, "name"),
        ({"area": "Binnenstad\u2028Oost"}, "area"),
        ({"rtsp_url": "rtsp://127.0.0.1:99999/main"}, "rtsp_url"),
        ({"rtsp_url": "rtsp://127.0.0.1:0/main"}, "rtsp_url"),
        ({"rtsp_url": "rtsp:///main"}, "rtsp_url"),
        ({"rtsp_url": "rtsp://127.0.0.1/ma in"}, "rtsp_url"),
        ({"rtsp_url": "rtsp://127.0.0.1/live/geheim/1"}, "password"),
        ({"rtsp_url": "rtsp://127.0.0.1/user=admin_password=tlJwpbo6_channel=1.sdp"}, "password"),
        ({"rtsp_url": "rtsp://127.0.0.1/cam?user=vms&pwd=anders"}, "password"),
        ({"rtsp_url": "rtsp://127.0.0.1/cam?user=vms&x=g%65heim"}, "password"),
        ({"onvif_url": "http://vms:geheim@127.0.0.1/onvif"}, "password"),
        ({"onvif_url": "http://127.0.0.1:99999/onvif"}, "onvif_url"),
        ({"onvif_url": "gopher://127.0.0.1/onvif"}, "onvif_url"),
    ],
)
def test_a_camera_with_an_odd_name_or_address_is_refused(tmp_path: Path, changed: dict[str, Any], about: str) -> None:
    """Names are shown in lists, logs and papers; addresses are stored unsealed, so that no password may be in one."""
    path = tmp_path / "cameras.json"
    path.write_text(json.dumps({"cameras": [camera()]}), encoding="utf-8")
    assert len(read_register(path)) == 1
    path.write_text(json.dumps({"cameras": [camera(**changed)]}), encoding="utf-8")
    with pytest.raises(InvalidInput, match=about) as refused:
        read_register(path)
    assert "geheim" not in str(refused.value)


def test_a_mask_with_an_odd_name_is_refused(tmp_path: Path) -> None:
    """Two people tell masks apart by their names."""
    path = tmp_path / "cameras.json"
    wanted = camera()
    wanted["plan"]["masks"][0]["id"] = "m\u202e1"
    path.write_text(json.dumps({"cameras": [wanted]}), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"U\+202E"):
        read_register(path)


def test_no_command_takes_a_password_as_an_argument(vms: CommandLine) -> None:
    """Every account of the machine can read the arguments of every process, and shells keep them."""

    def options(command: click.Command) -> Iterator[str]:
        for inner in command.commands.values() if isinstance(command, click.Group) else ():
            yield from options(inner)
        for parameter in command.params:
            yield from parameter.opts

    found = {one for one in options(typer.main.get_command(app)) if "password" in one or "pin" in one.split("-")}
    assert found == set()
    assert vms("user", "add", "jan", "--name", "Jan", typed="\n").status == 2
