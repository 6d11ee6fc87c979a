"""The monthly proof of erasing: made once for each month, drawn by what nobody can choose, and worth nothing if it can't fail."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from retention import acts
from retention.books import Books
from retention.proof import draw, prove_months
from tests.auditor.bundles import make_bundle, rewrite, signer_of, vms_audit
from tests.auditor.month import HOUR, LivingTown
from tests.ledger.owner import without_rules
from vms.clock import ManualClock
from vms.db import proofs, reports
from vms.db.engine import Database
from vms.db.proofs import Proof, ProofResult
from vms.db.reports import PROOF_FINDINGS, Service
from vms.db.tables import retention_proof
from vms.errors import Conflict
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Private
from vms.ledger.notes import Checkpoint
from vms.ledger.search import Filter, StoredEntry, search
from vms.model import PlacementId, Span

P0 = PlacementId("p0")
OCTOBER = Span(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))


class HastyTown(LivingTown):
    """Footage lives for a day, so that a month's end shows erasing after few hours."""

    kept = timedelta(days=1)


@pytest.fixture
def town(quick_database: Database, quick_folder: Path) -> HastyTown:
    """A town two days before the end of October."""
    town = HastyTown(quick_database, ManualClock(datetime(2026, 10, 30, tzinfo=UTC)), quick_folder)
    town.wake()
    return town


def told(town: LivingTown) -> list[StoredEntry]:
    """Return the entries about proofs, oldest first."""
    with town.db.read() as conn:
        return list(reversed(search(conn, Filter(acts=(Act.RETENTION_PROVED,)))))


def report(town: LivingTown, month: str = "2026-10") -> dict[str, Any]:
    """Return a stored report."""
    with town.db.read() as conn:
        proof = proofs.get(conn, month)
    assert hashlib.sha256(proof.report.encode()).hexdigest() == proof.sha256
    found: dict[str, Any] = json.loads(proof.report)
    return found


def test_a_month_that_is_over_is_proved_once(town: HastyTown) -> None:
    """With figures that follow from what was recorded, and the report's digest in the ledger."""
    town.live(47)
    assert told(town) == []
    town.live(6)
    [entry] = told(town)
    words = report(town)
    with town.db.read() as conn:
        assert entry.object["sha256"] == proofs.get(conn, "2026-10").sha256
    assert entry.object["outcome"] == words["result"] == "in-order"
    [row, _] = words["placements"]
    assert row["recorded"] == row["erased"] + row["young"] + row["held"] + row["lost"]
    assert row["erased_in_month"] > 20
    assert (
        words["sample"]["population"]
        == entry.object["erased"]
        == sum(one["erased_in_month"] for one in words["placements"])
    )
    assert len(words["sample"]["segments"]) == entry.object["sampled"] > 20
    assert words["sweeps"]["good"] >= 47
    assert 20 <= words["keys"]["hours"] <= 25


def test_missed_months_are_made_up_one_a_round(town: HastyTown) -> None:
    """The daemon was away for two months' ends; what it says then it says of each."""
    town.live(3)
    town.clock.advance(timedelta(days=40))
    town.live(3)
    assert [entry.object["month"] for entry in told(town)] == ["2026-10", "2026-11"]
    assert prove_months(town.parts, town.clock.now()) is None


def test_a_file_that_came_back_and_a_row_that_was_changed_are_found(town: HastyTown) -> None:
    """Because the sample looks where the footage was, not at what the sweep believes."""
    town.live(40)
    gone = [item for item in town.recorded if item.ref.placement_id == P0][:20]
    for item in gone:
        path = town.store.path(item.ref, "vseg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"back again")
    town.clock.advance(timedelta(hours=8, minutes=1))
    assert prove_months(town.parts, town.clock.now()) == "2026-10"
    [entry] = told(town)
    assert (entry.object["outcome"], entry.document["res"], entry.document["why"]) == ("findings", "failed", "findings")
    assert "sample-file" in {one["code"] for one in report(town)["findings"]}
    with town.db.read() as conn:
        [condition] = [one for one in reports.conditions(conn, town.clock.now()) if one.service is Service.RETENTION]
    assert PROOF_FINDINGS in condition.problems


@pytest.mark.parametrize(
    "said", [b'"segments":[[1,9007199254740991]]', b'"segments":7', b'"segments":[[3,1]]', b'"other":1']
)
def test_an_entry_that_somebody_changed_is_found_and_stops_nothing(town: HastyTown, said: bytes) -> None:
    """A forger must neither hide behind the proof nor end the daemon that erases, nor fill its memory."""
    town.live(3)
    entry = Entry(Act.DESTROY_DONE, Actor.service("retention"), Origin("test"), erased((1, 1)))
    town.forge(entry, lambda body: body.replace(b'"segments":[[1,1]]', said))
    town.clock.advance(timedelta(days=3))
    assert prove_months(town.parts, town.clock.now()) == "2026-10"
    assert "unreadable" in {one["code"] for one in report(town)["findings"]}


def test_a_report_is_never_changed_nor_made_twice(town: HastyTown) -> None:
    """By no program; the ledger has its digest against whoever owns the database."""
    proof = Proof("2026-10", town.clock.now(), ProofResult.IN_ORDER, "0" * 64, "{}")
    with town.db.write() as conn:
        proofs.store(conn, proof)
    for statement in ("UPDATE retention_proof SET result = 'findings'", "DELETE FROM retention_proof"):
        with pytest.raises(Conflict), town.db.write() as conn:
            conn.exec_driver_sql(statement)
    with pytest.raises(Conflict), town.db.write() as conn:
        proofs.store(conn, proof)


def test_the_sample_is_drawn_by_the_checkpoint_and_anybody_can_draw_it_again() -> None:
    """Each number of the population can be drawn, and another ledger draws others."""
    erased = [("p0", 5, 9), ("p1", 1, 1), ("p0", 20, 23)]
    everything = {("p0", n) for n in (*range(5, 10), *range(20, 24))} | {("p1", 1)}
    one = draw(erased, Checkpoint("o", 7, b"\1" * 32), 200)
    assert set(one.segments) == everything
    few = draw(erased, Checkpoint("o", 7, b"\1" * 32), 3).segments
    assert few == one.segments[: len(few)]
    assert few != draw(erased, Checkpoint("o", 7, b"\2" * 32), 3).segments
    assert draw([], Checkpoint("o", 7, b"\1" * 32), 3).segments == []


def batch(first: int, last: int, at: datetime) -> dict[str, Any]:
    """Return the words of an hour."""
    return {
        "placement_id": "p0", "from_number": first, "to_number": last, "lost": [],
        "from": at.isoformat(), "hour": at.replace(minute=0).isoformat(),
    }  # fmt: skip


def older(hours: int, pair: tuple[int, int]) -> dict[str, Any]:
    """Words about footage that is older than its stamps say."""
    return {"placement_id": "p0", "segments": [list(pair)], "by_s": hours * 3600}


def gone(hours: int) -> list[tuple[int, Act, dict[str, Any]]]:
    """All three are erased as they should."""
    return [(hours, Act.DESTROY_INTENT, erased((1, 3))), (hours, Act.DESTROY_DONE, erased((1, 3)))]


def erased(*pairs: tuple[int, int]) -> dict[str, Any]:
    """Return the words of an erasing."""
    return {"placement_id": "p0", "segments": [list(pair) for pair in pairs]}


@pytest.mark.parametrize(
    ("acts", "expected"),
    [
        ([(0, Act.DESTROY_INTENT, erased((1, 3))), (0, Act.DESTROY_DONE, erased((1, 3)))], {}),
        ([(0, Act.DESTROY_DONE, erased((1, 3)))], {"not-announced": 1}),
        ([(0, Act.DESTROY_INTENT, erased((1, 3)))], {"not-done": 1, "too-old": 1}),
        ([(0, Act.DESTROY_INTENT, erased((1, 3))), (2, Act.DESTROY_DONE, erased((1, 3)))], {"slow": 1}),
        ([(0, Act.DESTROY_INTENT, erased((1, 3))), (0, Act.DESTROY_DONE, erased((1, 2)))], {"not-done": 1, "too-old": 1}),
        (
            [(0, Act.DESTROY_INTENT, erased((1, 3))), (0, Act.DESTROY_DONE, erased((1, 3))), (1, Act.DESTROY_DONE, erased((2, 2)))],
            {"twice": 1},
        ),
        ([(0, Act.HOLD_PLACE, {"hold_id": "h", "segments": {"p0": [[2, 2]]}}), (1, Act.DESTROY_INTENT, erased((1, 3))),
          (1, Act.DESTROY_DONE, erased((1, 3)))], {"in-hold": 1}),
        ([(30, Act.DESTROY_INTENT, erased((1, 3))), (30, Act.DESTROY_DONE, erased((1, 3)))], {"late": 1}),
        ([(0, Act.TERM_SHORTEN, older(24, (1, 3))), *gone(0)], {"late": 1}),
        ([(0, Act.TERM_SHORTEN, older(24, (1, 3))), (0, Act.TERM_RESTORE, older(24, (1, 3))), *gone(0)], {}),
        ([(0, Act.TERM_SHORTEN, older(2, (1, 2))), (0, Act.TERM_SHORTEN, older(2, (3, 3))), *gone(0)], {}),
        ([(0, Act.TERM_SHORTEN, older(48, (2, 2)))], {"too-old": 1}),
        ([(0, Act.BATCH_RECORDED, batch(9, 9, OCTOBER.start_at + timedelta(days=28)))], {"numbers": 1, "too-old": 1}),
        ([(0, Act.RETENTION_BREACH, {"oldest": "x"}), (0, Act.DESTROY_INTENT, erased((1, 3))), (0, Act.DESTROY_DONE, erased((1, 3)))],
         {"breach": 1}),
    ],
)  # fmt: skip
def test_the_arithmetic_finds_each_disorder_and_nothing_else(
    acts: list[tuple[int, Act, dict[str, Any]]], expected: dict[str, int]
) -> None:
    """Three segments of the first of October, erased 27 days and 20 hours later, or not as they should."""
    books = Books(OCTOBER)
    books.take(OCTOBER.start_at, Act.BATCH_RECORDED, batch(1, 3, OCTOBER.start_at))
    begin = OCTOBER.start_at + timedelta(days=27, hours=20)
    for hours, act, words in acts:
        books.take(begin + hours * HOUR, act, words)
    books.take(begin, Act.KEY_DESTROYED, {"hour": OCTOBER.start_at.isoformat()})
    books.judge(OCTOBER.end_at, frozenset())
    assert dict(books.counts) == expected


@pytest.mark.parametrize(
    "words", [{"segments": [["a", "b"]]}, {"segments": [[3, 1]]}, {"by_s": -1}, {"by_s": "1"}, {"by_s": True}]
)
def test_words_about_terms_that_say_nothing_are_refused_at_once(words: dict[str, Any]) -> None:
    """Later they would stop the whole proof."""
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Books(OCTOBER).take(OCTOBER.start_at, Act.TERM_SHORTEN, older(24, (1, 3)) | words)


def test_what_was_wrong_in_another_month_is_for_its_proof(town: HastyTown) -> None:
    """So that one mistake does not make every later month's proof fail."""
    books = Books(OCTOBER)
    books.take(OCTOBER.start_at, Act.BATCH_RECORDED, batch(1, 3, OCTOBER.start_at))
    books.take(OCTOBER.end_at, Act.DESTROY_DONE, erased((1, 3)))
    books.take(OCTOBER.end_at, Act.KEY_DESTROYED, {"hour": OCTOBER.start_at.isoformat()})
    books.judge(OCTOBER.end_at, frozenset())
    assert books.counts == {}


def test_a_key_that_should_be_gone_is_found() -> None:
    """An hour's key opens whatever copy of its footage somebody kept."""
    books = Books(OCTOBER)
    books.take(OCTOBER.start_at, Act.KEY_DESTROYED, {"hour": OCTOBER.start_at.isoformat()})
    books.judge(OCTOBER.start_at + HOUR, frozenset({OCTOBER.start_at, OCTOBER.start_at - timedelta(days=29)}))
    assert dict(books.counts) == {"key-alive": 2}


def test_the_auditor_holds_each_report_against_the_log(town: HastyTown, tmp_path: Path) -> None:
    """One for each month, and each the one that was proved; a changed, a missing and a strange one are found."""
    town.live(102)
    bundle = make_bundle(town, tmp_path / "b.zip")
    key = signer_of(town).verifier.text

    def audit(change: Any, *more: str) -> set[str]:
        path = rewrite(bundle, tmp_path / "c.zip", change)
        return vms_audit("completeness", path, "--vkey", key, "--kept-days", "1", "--days", "1.2", *more).codes

    name = "proofs/2026-10.json"
    assert not {code for code in audit(lambda _, data: data) if code.startswith("proof")}
    before = ("--at", "2026-10-31T23:00")
    for change in (lambda n, data: data + b" " if n == name else data, lambda n, data: None if n == name else data):
        assert not {code for code in audit(change, *before) if code.startswith("proof")}, "it was made later"
    assert "proof-changed" in audit(lambda n, data: data.replace(b'"young":', b'"Young":') if n == name else data)
    assert "proof-absent" in audit(lambda n, data: None if n == name else data)
    later = vms_audit("completeness", bundle, "--at", "2026-12-09T00:00", "--kept-days", "1").codes
    assert "proof-missing" in later


@pytest.mark.parametrize(
    ("after", "said", "expected"),
    [
        (timedelta(days=3), {}, set()),
        (timedelta(0), {}, {"proof-early", "proof-missing"}),
        (timedelta(days=3), {"month": "2026-09"}, {"proof-differs"}),
        (timedelta(days=3), {"result": "findings"}, {"proof-differs"}),
    ],
)
def test_a_proof_that_a_changed_program_wrote_is_found(
    town: HastyTown, tmp_path: Path, after: timedelta, said: dict[str, str], expected: set[str]
) -> None:
    """Made before the month was over, or with a report about something else: the digest fits all the same."""
    town.live(1)
    town.clock.advance(after)
    text = json.dumps({"month": "2026-10", "result": "in-order", "findings": [], **said})
    proof = Proof("2026-10", town.clock.now(), ProofResult.IN_ORDER, hashlib.sha256(text.encode()).hexdigest(), text)
    with town.db.write() as conn:
        proofs.store(conn, proof)
        town.parts.ledger.append(conn, acts.retention_proved(proof, {"findings": 0}))
    bundle = make_bundle(town, tmp_path / "b.zip")
    key = signer_of(town).verifier.text
    outcome = vms_audit("completeness", bundle, "--vkey", key, "--at", "2026-11-04T00:00")
    assert {code for code in outcome.codes if code.startswith("proof")} == expected


def signs(town: HastyTown, sha256: str, remark: str | None = "seen", role: str = "director") -> None:
    """Sign October's proof over a digest."""
    words = {
        "month": "2026-10",
        "sha256": sha256,
        "outcome": "x",
        "remark": None if remark is None else Private(remark),
    }
    person = Actor.person("u-director", role=role, session_id="s-1")
    with town.db.write() as conn:
        town.parts.ledger.append(conn, Entry(Act.PROOF_SIGN, person, Origin("test"), words))


def proves(
    town: HastyTown, result: ProofResult = ProofResult.IN_ORDER, software: str = "1", *, again: bool = False
) -> str:
    """Write October's proof into the ledger, or one in its place; return its digest."""
    text = json.dumps({"month": "2026-10", "result": result.value, "findings": [], "software": software})
    proof = Proof("2026-10", town.clock.now(), result, hashlib.sha256(text.encode()).hexdigest(), text)
    with town.db.write() as conn:
        if again:
            without_rules(conn, "retention_proof")
            conn.execute(delete(retention_proof))
        proofs.store(conn, proof)
        town.parts.ledger.append(conn, acts.retention_proved(proof, {"findings": 0}))
    return proof.sha256


def _in_time(town: HastyTown) -> None:
    signs(town, proves(town))


def _unsigned(town: HastyTown) -> None:
    proves(town)


def _made_again(town: HastyTown) -> None:
    signs(town, proves(town))
    proves(town, software="2", again=True)


def _made_again_and_signed_again(town: HastyTown) -> None:
    _made_again(town)
    signs(town, proves(town, software="3", again=True))


def _by_a_technician(town: HastyTown) -> None:
    signs(town, proves(town), role="technician")


def _unexplained(town: HastyTown) -> None:
    signs(town, proves(town, ProofResult.FINDINGS), None)


def _another_report(town: HastyTown) -> None:
    proves(town)
    signs(town, "0" * 64)


def _before_it_was_made(town: HastyTown) -> None:
    sha256 = proves(town)
    signs(town, sha256)
    proves(town, again=True)


@pytest.mark.parametrize(
    ("live", "at", "found", "noted"),
    [
        (_in_time, "2026-11-20", set(), {"proof-signed"}),
        (_unsigned, "2026-11-14", set(), {"proof-not-signed-yet"}),
        # The product's instant (proofs.sign_by): the 15th ends in the city an hour before it does in UTC.
        (_unsigned, "2026-11-15T22:59", set(), {"proof-not-signed-yet"}),
        (_unsigned, "2026-11-15T23:00", {"proof-unsigned"}, set()),
        (_made_again, "2026-11-16", {"proof-twice", "proof-signed-other", "proof-unsigned"}, set()),
        (_made_again_and_signed_again, "2026-11-16", {"proof-twice", "proof-signed-other"}, {"proof-signed"}),
        (_by_a_technician, "2026-11-16", {"proof-signer"}, {"proof-signed"}),
        (_unexplained, "2026-11-16", {"proof-findings", "proof-unexplained"}, {"proof-signed"}),
        (_another_report, "2026-11-16", {"proof-signed-other", "proof-unsigned"}, set()),
        (_before_it_was_made, "2026-11-16", {"proof-twice", "proof-signed-other", "proof-unsigned"}, set()),
    ],
)
def test_the_auditor_says_who_signed_each_proof_and_whether_it_is_that_very_one(
    town: HastyTown, tmp_path: Path, live: Callable[[HastyTown], None], at: str, found: set[str], noted: set[str]
) -> None:
    """A signature under another report, by another role or without a word about findings is worth nothing."""
    town.clock.advance(timedelta(days=3))
    with town.db.write() as conn:
        town.parts.ledger.append(conn, Entry(Act.SYSTEM_START, Actor.service("test"), Origin("test"), {"program": "x"}))
    live(town)
    key = signer_of(town).verifier.text
    outcome = vms_audit(
        "completeness", make_bundle(town, tmp_path / "b.zip"), "--vkey", key, "--at", at if "T" in at else f"{at}T00:00"
    )
    assert {code for code in outcome.codes if code.startswith("proof")} == found
    notes = {one["code"]: one for one in outcome.report["notes"] if one["code"].startswith("proof")}
    assert notes.keys() == noted
    unsigned = [
        one
        for one in (*outcome.report["findings"], *notes.values())
        if one["code"].startswith(("proof-unsigned", "proof-not"))
    ]
    assert {one["due"] for one in unsigned} <= {"2026-11-15"}
    if noted == {"proof-signed"}:
        assert (notes["proof-signed"]["by"], notes["proof-signed"]["month"]) == ("u-director", "2026-10")
