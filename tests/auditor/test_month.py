"""A month of a town is in order, and whatever is planted in it afterwards is found: by a process of its own, with status 1.

Short form here: 3 cameras whose footage is kept for a week. Long form, 100 cameras and 28 days:
`VMS_LONG_MONTH=1 pytest tests/auditor/test_month.py`.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retention import early
from tests.auditor.bundles import Outcome, rewrite, signer_of, vms_audit
from tests.auditor.month import HOUR, ROOM, SEED, Case, Month, live_a_month
from tests.footage.scene import INVESTIGATOR
from tests.retention.asking import ASKER, DECIDER, ask_early, confirm_clock
from tests.retention.town import Recorded
from vms.clock import ManualClock
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, Result, Value
from vms.ledger.notes import Checkpoint
from vms.ledger.search import Filter, search
from vms.model import PlacementId, Span, hour_of

IS_LONG = bool(os.environ.get("VMS_LONG_MONTH"))
CAMERAS, KEPT = (100, timedelta(days=28)) if IS_LONG else (3, timedelta(days=7))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if IS_LONG else 900)]


@pytest.fixture(scope="module")
def month(_sqlite_template: Path) -> Iterator[Month]:
    """The month, lived once."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder below it is ours alone
    folder = Path(tempfile.mkdtemp(prefix="vms-month-", dir=memory if memory.is_dir() else None))
    shutil.copyfile(_sqlite_template, folder / "vms.sqlite")
    clock = ManualClock(datetime(2026, 10, 10, 6, 0, tzinfo=UTC))
    yield live_a_month(f"sqlite:///{folder / 'vms.sqlite'}", folder, clock, CAMERAS, KEPT)
    shutil.rmtree(folder)


@pytest.fixture
def case(month: Month) -> Iterator[Case]:
    """A copy of it to plant something in."""
    folder = Path(tempfile.mkdtemp(prefix="vms-case-", dir=month.folder.parent))
    found = Case(month, folder)
    yield found
    found.town.db.dispose()
    shutil.rmtree(folder)


def test_an_honest_month_is_in_order(case: Case) -> None:
    """Every segment is erased, held or young, everything fits, and the old paper is a prefix."""
    bundle = case.bundle()
    paper = case.folder / "paper.txt"
    paper.write_text("Van: vms@utrecht\n\n> " + case.month.paper.replace("\n", "\n> "), encoding="utf-8")
    for outcome in (
        case.audit("verify-log", "--thorough", bundle=bundle),
        case.audit("completeness", bundle=bundle),
        case.audit("holds", bundle=bundle),
        case.audit("access", "--sample", 5, "--seed", SEED, bundle=bundle),
        case.audit("check-old-checkpoint", paper, bundle=bundle),
        case.look_at_disk(bundle),
    ):
        assert (outcome.status, outcome.report["findings"]) == (0, []), outcome.report["command"]
    row = case.audit("completeness", bundle=bundle).report["rows"][0]
    assert row["recorded"] == case.month.hours - 3, "two hours it was away, and the last is not listed yet"
    assert row["erased"] > 20
    assert float(row["oldest"]) < KEPT.days


def test_a_file_put_back_is_found(case: Case) -> None:
    """1: an erased segment is restored from a copy."""
    name, data = case.month.put_aside
    path = case.folder / "footage" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    outcome = case.look_at_disk()
    assert (outcome.status, outcome.codes) == (1, {"file-back"})
    assert outcome.report["findings"][0]["number"] == case.month.erased.ref.number


def test_a_deleted_row_is_found(case: Case) -> None:
    """2: a segment's row is taken out of the database."""
    number = case.month.hours - 40
    assert case.town.sql("DELETE FROM segment WHERE number = :number AND placement_id = 'p0'", number=number) == 1
    outcome = case.audit("completeness")
    assert (outcome.status, outcome.codes) == (1, {"segments-missing", "hole"})
    assert outcome.report["findings"][0]["numbers"] == str(number)


def test_a_changed_entry_is_found(case: Case) -> None:
    """3: who watched is changed in the log."""
    statement = (
        "UPDATE ledger_entry SET body = replace(body, 'u-investigates', 'u-somebody-els') WHERE act = 'playback.open'"
    )
    assert case.town.sql(
        statement.replace("replace(body,", "CAST(replace(CAST(body AS TEXT),").replace("els')", "els') AS BLOB)")
    )
    outcome = case.audit("verify-log")
    assert outcome.status == 1
    assert outcome.codes == {"checkpoint-root", "copies-differ"}


def test_a_dropped_hold_is_found_before_and_after_its_footage_is_gone(case: Case) -> None:
    """4: a hold and what it keeps are deleted from the database; the sweep then erases what was held."""
    for table in ("hold_segment", "hold_placement", "hold"):
        column = "id" if table == "hold" else "hold_id"
        case.town.sql(f"DELETE FROM {table} WHERE {column} = '{case.month.hold_id}'")  # noqa: S608 - a forger's own SQL
    assert "hold-dropped" in case.audit("completeness").codes
    case.town.sql("UPDATE segment SET holds = 0")
    case.town.live(2)
    outcome = case.audit("completeness")
    assert outcome.status == 1
    assert "erased-in-hold" in outcome.codes


def test_a_camera_that_keeps_pictures_itself_is_listed_until_it_answers_otherwise(case: Case) -> None:
    """A card in a camera is footage that nothing here blanks or erases: no month with one is in order."""
    town, origin = case.town, Origin("vms-ingest")
    places = list(case.month.placements)

    def told(act: Act, placement_id: str, why: str | None = None, **words: object) -> None:
        result = Result.OK if why is None else Result.FAILED
        about = {"placement_id": placement_id, **words}
        town.note(Entry(act, Actor.service("ingest"), origin, about, result, why=why))  # type: ignore[arg-type]  # words are plain

    for placement_id in places[:2]:
        told(Act.EDGE_FOUND, placement_id, state="recordings", oldest=town.clock.now() - 40 * HOUR, active_jobs=1)
    told(Act.EDGE_CHECKED, places[0], "camera.unreachable")
    outcome = case.audit("completeness")
    assert (outcome.status, outcome.codes) == (1, {"edge-recordings"})
    assert [one["camera"] for one in outcome.report["findings"]] == places[:2]
    notes = {(one["code"], one.get("camera")) for one in outcome.report["notes"]}
    assert {("edge-silent", places[0]), ("edge-unasked", places[2])} <= notes
    for placement_id in places[:2]:
        told(Act.EDGE_CHECKED, placement_id, state="empty", active_jobs=0)
    assert case.audit("completeness").status == 0


def test_late_erasing_is_found(case: Case) -> None:
    """5: erasing stands still for a day and a half, and then goes on as if nothing had happened."""
    for _ in range(36):
        for placement_id in case.town.epochs:
            case.town.record(placement_id, HOUR)
        case.clock.advance(HOUR)
    case.town.live(3)
    outcome = case.audit("completeness")
    assert outcome.status == 1
    assert {"erased-late", "key-late"} <= outcome.codes


def test_a_gap_without_a_cause_is_found(case: Case) -> None:
    """6: a camera records nothing for three hours, and nothing tells why."""
    silent = case.month.placements[0]
    case.town.live(3, silent=frozenset({silent}))
    case.town.live(4)
    outcome = case.audit("completeness")
    assert (outcome.status, outcome.codes) == (1, {"hole"})
    [finding] = outcome.report["findings"]
    assert (finding["camera"], finding["seconds"]) == (silent, 3 * 3600)


def test_views_that_are_not_right_are_found(case: Case) -> None:
    """7: without a purpose, from a foreign workstation, without a sign-in."""
    person = Actor.person(INVESTIGATOR, role="investigator", session_id="s-9")
    case.town.note(Entry(Act.AUTH_SIGN_IN, person, ROOM, {"session": "s-9"}))
    view = Entry(Act.PLAYBACK_OPEN, person, ROOM, {"placement_id": "p0", "view": "v-9"}, purpose=Purpose("incident"))
    bare = case.town.forge(
        view, lambda body: body.replace(b'"purpose":{"case":null,"code":"incident","text":null}', b'"purpose":null')
    )
    case.town.watch("s-3", origin=Origin("vms-api/test", "LAPTOP", "192.168.1.9"))
    case.town.watch("s-4", signs_in=False)
    outcome = case.audit("access", "--sample", "100", "--seed", SEED)
    assert outcome.status == 1
    assert outcome.codes == {"view-no-purpose", "view-elsewhere", "view-no-session"}
    assert bare in {one["seq"] for one in outcome.report["findings"]}
    assert bare in {row["seq"] for row in outcome.report["rows"]}, "the whole sample holds the view"
    assert case.audit("verify-log").status == 0, "the tree itself is right: only `access` can find it"


def test_a_key_kept_alive_is_found(case: Case) -> None:
    """8: an hour whose key was destroyed has one in the keyring."""
    gone = hour_of(case.month.erased.span.start_at)
    assert not case.town.keys.has_hour(gone)
    case.town.keys.new_segment_key(gone)
    outcome = case.audit("completeness")
    assert (outcome.status, outcome.codes) == (1, {"key-alive"})


def test_a_forked_checkpoint_is_found(case: Case) -> None:
    """9: a checkpoint over another past, signed with the right key."""
    with case.town.db.read() as conn:
        origin = case.town.parts.ledger.origin
        size = case.town.parts.ledger.size(conn) // 2
    fork = Checkpoint(origin, size, hashlib.sha256(b"another past").digest()).signed(signer_of(case.town))
    case.town.sql("DELETE FROM ledger_checkpoint WHERE size = :size", size=size)
    case.town.sql("INSERT INTO ledger_checkpoint (size, note, at) VALUES (:size, :note, 0)", size=size, note=fork)
    outcome = case.audit("verify-log")
    assert (outcome.status, outcome.codes) == (1, {"checkpoint-root"})
    assert [one["size"] for one in outcome.report["findings"]] == [size]


def test_early_erasing_without_a_reason_is_found(case: Case) -> None:
    """10: somebody makes footage of yesterday due at once."""
    statement = "UPDATE segment SET due_at = start_at + 1 WHERE number BETWEEN :first AND :last AND placement_id = 'p0'"
    first = case.month.hours - 40
    assert case.town.sql(statement, first=first, last=first + 3) == 4
    case.town.live(3)
    outcome = case.audit("completeness")
    assert outcome.status == 1
    assert "erased-early" in outcome.codes


def live_through_a_clock_ahead(case: Case) -> list[Recorded]:
    """A boot begins a day ahead, and two persons put it right five hours later; return what is a day older than it says."""
    town, day = case.town, timedelta(days=1)
    town.clock.reboot()
    town.clock.step_wall_clock(day)
    town.live(5)
    wrong = town.recorded[:]
    town.clock.step_wall_clock(-day)
    for placement_id in town.epochs:
        town.note_gap(placement_id, 5 * HOUR)
    town.live(1)
    confirm_clock(town)
    town.live(2)
    return wrong


def late_of(outcome: Outcome) -> set[str]:
    """Return the numbers of p0 that were erased late."""
    found = (one for one in outcome.report["findings"] if one["code"] == "erased-late")
    return {one["numbers"] for one in found if one["camera"] == "p0"}


def test_what_is_older_than_it_says_is_erased_in_time_and_told(case: Case) -> None:
    """It is not erased early, as the log tells why; and nothing else is late meanwhile."""
    wrong = live_through_a_clock_ahead(case)
    assert case.audit("completeness").codes == {"erased-late", "key-late"}, "while the false instants are in the future"
    case.town.live(round(case.month.kept / HOUR))
    assert not any(case.town.readable(item) for item in wrong)
    outcome = case.audit("completeness")
    # By the wrong clock's word a day had passed in which nothing was erased: that is told, as after any day off.
    assert outcome.codes == {"erased-late", "key-late"}
    assert late_of(outcome).isdisjoint(str(one.ref.number) for one in wrong)
    told = [one for one in outcome.report["notes"] if one["code"] == "term-shortened"]
    assert [one["camera"] for one in told] == sorted(case.town.epochs)
    assert {int(one["seconds"]) for one in told} <= {86_400, 86_401}
    at = wrong[0].span.start_at + HOUR / 2
    story = case.audit("story", "--placement", wrong[0].ref.placement_id, "--at", f"{at:%Y-%m-%dT%H:%M:%SZ}")
    assert "term.shorten" in {row["act"] for row in story.report["rows"]}


def test_what_is_older_than_it_says_and_kept_on_is_found(case: Case) -> None:
    """Somebody makes the terms as long as before."""
    wrong = live_through_a_clock_ahead(case)
    statement = (
        "UPDATE segment SET due_at = due_at + :day WHERE placement_id = 'p0' AND number BETWEEN :first AND :last"
    )
    numbers = [one.ref.number or 0 for one in wrong if one.ref.placement_id == "p0"]
    day_us = 86_400_000_000
    assert case.town.sql(statement, day=day_us, first=numbers[0], last=numbers[-1]) == len(numbers) == 5
    case.town.live(round(case.month.kept / HOUR) + 24)
    outcome = case.audit("completeness")
    assert outcome.status == 1
    assert set(map(str, numbers)) <= late_of(outcome)


def test_an_early_erasure_without_a_second_person_is_found(case: Case) -> None:
    """10b: a changed program claims for a request that nobody, or only its asker, approved; or takes more than was approved."""
    town = case.town
    number = case.month.hours - 40
    span = Span(town.clock.now() - 41 * HOUR, town.clock.now() - 38 * HOUR)
    request = ask_early(town, span, PlacementId("p0"))

    def erase(number: int, early_id: str) -> None:
        about: dict[str, Value] = {"placement_id": "p0", "segments": [[number, number]], "early_id": early_id}
        for act in (Act.DESTROY_INTENT, Act.DESTROY_DONE):
            town.note(Entry(act, Actor.service("retention"), Origin("vms-retention"), about))

    erase(number, request.id)
    erase(number + 1, "er-nobody")
    alone = {"early_id": request.id, "placement_ids": ["p0"], "from": span.start_at, "to": span.end_at}
    town.note(Entry(Act.EARLY_APPROVE, ASKER.actor, ASKER.origin, alone))
    erase(number + 2, request.id)
    other = ask_early(town, Span(span.start_at - HOUR, span.end_at), PlacementId("p0"))
    early.decide(town.parts, other.id, DECIDER, refusal=None)
    erase(number - 20, other.id)
    refused = ask_early(town, Span(span.start_at - 2 * HOUR, span.end_at), PlacementId("p0"))
    early.decide(town.parts, refused.id, DECIDER, refusal="not before the hearing")
    again = alone | {"early_id": refused.id, "from": refused.span.start_at}
    town.note(Entry(Act.EARLY_APPROVE, DECIDER.actor, DECIDER.origin, again))
    erase(number - 1, refused.id)
    outcome = case.audit("completeness")
    assert outcome.status == 1
    found = {one["numbers"]: one.get("why") for one in outcome.report["findings"] if one["code"].startswith("early-")}
    assert found == {
        str(number): "approval",
        str(number + 1): "request",
        str(number + 2): "second-person",
        str(number - 20): None,
        str(number - 1): "open-request",
    }


def test_more_of_an_hour_than_two_persons_approved_is_found(case: Case) -> None:
    """10b, narrower: ten minutes are approved, and a changed program takes the hour; without the hour's list it is told as not seen."""
    town, begin = case.town, case.clock.now()
    numbers = []
    for _ in range(6):
        numbers.append(town.record(PlacementId("p0"), HOUR / 6).ref.number)
        case.clock.advance(HOUR / 6)
    town.live(3)
    span = Span(begin + HOUR / 6, begin + HOUR / 3)
    lawful = early.decide(town.parts, ask_early(town, span, PlacementId("p0")).id, DECIDER, refusal=None)
    town.live(1)
    assert case.audit("completeness").codes == {"hole"}, (
        "nobody recorded the other cameras meanwhile, here; what was approved is in order"
    )
    wide = early.decide(
        town.parts, ask_early(town, Span(begin, begin + HOUR / 12), PlacementId("p0")).id, DECIDER, refusal=None
    )
    about: dict[str, Value] = {
        "placement_id": "p0",
        "segments": [[numbers[0], numbers[0]], [numbers[3], numbers[4]]],
        "early_id": wide.id,
    }
    for act in (Act.DESTROY_INTENT, Act.DESTROY_DONE):
        town.note(Entry(act, Actor.service("retention"), Origin("vms-retention"), about))
    bundle = case.bundle()
    outcome = case.audit("completeness", bundle=bundle)
    found = [(one["request"], one["numbers"]) for one in outcome.report["findings"] if one["code"] == "early-outside"]
    assert found == [(wide.id, f"{numbers[3]}-{numbers[4]}")]
    bare = rewrite(bundle, case.folder / "bare.zip", lambda n, data: None if n.startswith("segments/") else data)
    notes = [one for one in case.audit("completeness", bundle=bare).report["notes"] if one["code"] == "early-by-hour"]
    assert [one["request"] for one in notes] == [lawful.id, wide.id]


def test_a_lawful_early_erasure_is_told_in_the_story_of_its_moment(case: Case) -> None:
    """Who asked, who approved, on what ground; and until when the hour's key lives."""
    at = case.month.wanted_gone.span.start_at + HOUR / 2
    outcome = case.audit("story", "--placement", case.month.wanted_gone.ref.placement_id, "--at", at.isoformat())
    told = {row["act"]: row["what"] for row in outcome.report["rows"]}
    assert {"early.request", "early.approve", "early.done", "destroy.intent", "destroy.done"} <= told.keys()
    assert f"{ASKER.actor.id} {DECIDER.actor.id}" in told["destroy.done"]
    assert "unlawful-recording" in told["early.approve"]


def test_a_clock_declared_right_by_one_person_is_found(case: Case) -> None:
    """10c: as the command line could until version 12 of the database."""
    about = {"wall": case.town.clock.now()}
    case.town.note(Entry(Act.CLOCK_CONFIRM, Actor.service("command-line"), Origin("vms-cli"), about))
    confirm_clock(case.town)
    outcome = case.audit("completeness")
    assert [(one["code"], one["why"]) for one in outcome.report["findings"]] == [("clock-alone", "request")]


def test_a_clock_declared_right_twice_by_one_approval_is_found(case: Case) -> None:
    """10d: what two persons said of a clock holds once, then."""
    confirm_clock(case.town)
    with case.town.db.read() as conn:
        [confirmed] = search(conn, Filter(acts=(Act.CLOCK_CONFIRM,)))
    about = {"override_id": confirmed.object["override_id"], "wall": case.town.clock.now()}
    case.town.note(Entry(Act.CLOCK_CONFIRM, Actor.service("retention"), Origin("vms-retention"), about))
    outcome = case.audit("completeness")
    assert [(one["code"], one["why"]) for one in outcome.report["findings"]] == [("clock-alone", "open-request")]


def test_a_restored_older_database_is_found_by_paper(case: Case) -> None:
    """11: the log is rewound to before something; what was mailed in the meantime knows more entries."""
    case.town.live(2)
    later = (case.folder / "keys" / "ledger-checkpoint.txt").read_text(encoding="utf-8")
    paper = case.folder / "paper.txt"
    paper.write_text(later, encoding="utf-8")
    shutil.copyfile(case.month.folder / "vms.sqlite", case.folder / "older.sqlite")
    case.town.db.dispose()
    for name in ("vms.sqlite-wal", "vms.sqlite-shm"):
        (case.folder / name).unlink(missing_ok=True)
    shutil.copyfile(case.folder / "older.sqlite", case.folder / "vms.sqlite")
    outcome = case.audit("check-old-checkpoint", paper)
    assert outcome.status == 1
    assert outcome.codes == {"paper-more"}


def test_a_swapped_file_is_found(case: Case) -> None:
    """12: a young segment's file is replaced by another of the same length."""
    path = next(
        path
        for path in sorted((case.folder / "footage" / "p1").rglob("*.vseg"))
        if f"-{case.month.hours - 40}-" in path.name
    )
    path.write_bytes(bytes(reversed(path.read_bytes())))
    outcome = case.look_at_disk()
    assert (outcome.status, outcome.codes) == (1, {"file-other"})


def test_a_moment_has_its_story_and_every_entry_its_proof(case: Case) -> None:
    """What an auditor asks for most: what became of the pictures of that evening."""
    bundle, segment = case.bundle(), case.month.held
    at = (segment.span.start_at + timedelta(minutes=20)).isoformat()
    outcome = case.audit("story", "--placement", segment.ref.placement_id, "--at", at, bundle=bundle)
    assert outcome.status == 0
    told = [row["act"] for row in outcome.report["rows"]]
    assert told[0] in {"batch.recorded", "hold.place"}
    assert {"batch.recorded", "hold.place", "key.destroyed"} <= set(told)
    assert "destroy.done" not in told, "it is held"
    gone = case.month.erased
    at = (gone.span.start_at + timedelta(minutes=20)).isoformat()
    outcome = case.audit("story", "--placement", gone.ref.placement_id, "--at", at, bundle=bundle)
    assert {"batch.recorded", "playback.open", "destroy.intent", "destroy.done", "key.destroyed"} <= {
        row["act"] for row in outcome.report["rows"]
    }
    seq = next(row["seq"] for row in outcome.report["rows"] if row["act"] == "destroy.done")
    proof = case.folder / "x.tlog-proof"
    assert case.audit("prove", seq, "-o", proof, bundle=bundle).status == 0
    lines = proof.read_text(encoding="utf-8").splitlines()
    assert (lines[0], lines[2]) == ("c2sp.org/tlog-proof@v1", f"index {seq}")
    body = json.loads((case.folder / "x.tlog-proof.entry.json").read_bytes())
    assert body["act"] == "destroy.done"
    checked = case.audit("verify-proof", bundle=proof)
    assert (checked.status, checked.report["facts"]["entry_act"]) == (0, "destroy.done")
    at = (case.month.now.now() - timedelta(minutes=30)).isoformat()
    outcome = case.audit("story", "--placement", gone.ref.placement_id, "--at", at, bundle=bundle)
    assert (outcome.status, [one["code"] for one in outcome.report["unchecked"]]) == (2, ["moment-not-listed"])


def test_the_sample_follows_from_the_seed(case: Case) -> None:
    """The audited can't choose it, and a second auditor draws the same."""
    bundle = case.bundle()
    draws = [
        [
            row["segment"]
            for row in vms_audit(
                "verify-absence", bundle, "--root", case.folder / "footage", "--sample", 10, "--seed", seed
            ).report["rows"]
        ]
        for seed in ("1", "1", "2")
    ]
    assert draws[0] == draws[1] != draws[2]
