"""Search copies in the bundle: an entry that was hidden from searches, or filed under other words, is named by the auditor's tool."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from auditor.search_copies import CopyCheck, row_texts
from tests.auditor.bundles import Outcome, make_bundle, rewrite, signer_of, vms_audit
from tests.ledger.owner import without_rules
from tests.retention.town import Town
from vms.ledger import canonical
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, Value, copies_of, leaf_of

CASE = "PL0900-2026-123456"
VIEWS = 600
"""Entries of more than two slices."""


@pytest.fixture
def watched(town: Town) -> Town:
    """A town whose ledger has nothing but views for a case, numbered from 0."""
    person = Actor.person("u-observer", role="observer", session_id="s-1")
    purpose = Purpose("case", CASE, None)
    with town.db.write() as conn:
        assert town.parts.ledger.size(conn) == 0
        for number in range(VIEWS):
            about = {"placement_id": f"p{number % 2}", "view": f"v-{number}"}
            town.parts.ledger.append(conn, Entry(Act.LIVE_OPEN, person, Origin("test"), about, purpose=purpose))
    return town


def owns(town: Town, *statements: str) -> None:
    """Change what the triggers refuse, as the database's owner can."""
    with town.db.write() as conn:
        without_rules(conn)
        _unchained(conn)
        for statement in statements:
            assert conn.execute(text(statement)).rowcount >= 1, statement


def _unchained(conn: Connection) -> None:
    """Let rows go that others refer to."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SET session_replication_role = replica"))


def audit(town: Town, path: Path) -> Outcome:
    """Run `vms-audit verify-log` on a bundle."""
    return vms_audit("verify-log", path, "--vkey", signer_of(town).verifier.text)


def found(outcome: Outcome) -> set[tuple[Any, ...]]:
    """Return what was found of the search copies."""
    names = ("seq", "why", "found", "word", "first", "last")
    return {
        (one["code"], *(one[name] for name in names if name in one))
        for one in outcome.report["findings"]
        if one["code"].startswith("copies")
    }


def test_each_entry_that_is_filed_otherwise_than_it_says_is_named(watched: Town, tmp_path: Path) -> None:
    """Also in the middle of a slice, and in the last one, which is not full."""
    owns(
        watched,
        "UPDATE ledger_entry SET act = 'system.start' WHERE seq = 3",
        "UPDATE ledger_entry SET actor = 'u-nobody' WHERE seq = 255",
        "UPDATE ledger_entry SET at = at - 86400000000 WHERE seq = 256",
        "DELETE FROM ledger_placement WHERE seq = 300",
        "DELETE FROM ledger_subject WHERE seq = 301",
        "INSERT INTO ledger_placement (placement_id, seq) VALUES ('p9', 598)",
        "INSERT INTO ledger_subject (subject, seq) VALUES ('h-9', 599)",
    )
    outcome = audit(watched, make_bundle(watched, tmp_path / "b.zip"))
    at = next(one["found"] for one in outcome.report["findings"] if one.get("why") == "instant")
    assert found(outcome) == {
        ("copies-differ", 3, "act", "system.start"),
        ("copies-differ", 255, "actor", "u-nobody"),
        ("copies-differ", 256, "instant", at),
        ("copies-missing", 300, "p0"),
        ("copies-missing", 301, CASE),
        ("copies-extra", 598, "p9"),
        ("copies-extra", 599, "h-9"),
    }
    assert outcome.status == 1
    assert {one["code"] for one in outcome.report["notes"]} == set()


def test_an_entry_that_was_deleted_is_named(watched: Town, tmp_path: Path) -> None:
    """What follows it has other places in the bundle; that is no finding of its own."""
    whole = make_bundle(watched, tmp_path / "whole.zip")
    owns(
        watched,
        "DELETE FROM ledger_placement WHERE seq = 300",
        "DELETE FROM ledger_subject WHERE seq = 300",
        "DELETE FROM ledger_entry WHERE seq = 300",
    )
    assert found(audit(watched, make_bundle(watched, tmp_path / "b.zip"))) == {("copies-row-missing", 300)}
    assert found(audit(watched, whole)) == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda line: {"first": line["first"], "sha256": line["sha256"]}, ("copies-slice", 256, 511)),
        (lambda line: {**line, "rows": line["rows"][:-1]}, ("copies-slice", 256, 511)),
        (lambda line: {**line, "rows": [[1]]}, ("copies-slice", 256, 511)),
        (lambda _: None, ("copies-absent", 256, 511)),
        (lambda _: 7, ("copies-absent", 256, 511)),
    ],
    ids=["no rows", "too few rows", "no row", "no line", "another line"],
)
def test_rows_that_a_bundle_keeps_back_are_a_finding(
    watched: Town, tmp_path: Path, change: Callable[[dict[str, Any]], object], expected: tuple[Any, ...]
) -> None:
    """A maker of bundles who hides where the difference lies has not hidden that there is one."""
    owns(watched, "UPDATE ledger_entry SET act = 'system.start' WHERE seq = 300")
    bundle = make_bundle(watched, tmp_path / "b.zip")
    copies, entries = packed(bundle, "copies/000000000000.jsonl"), packed(bundle, "entries/000000000000.jsonl")
    changed = [json.dumps(new).encode() for one in copies if (new := _changed(json.loads(one), change)) is not None]
    check = CopyCheck(0, len(entries), "copies", changed)
    check.feed(entries)
    codes = [
        (code, *(values[name] for name in ("first", "last"))) for code, values in check.finish() if "first" in values
    ]
    assert codes == [expected]


def _changed(line: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> object:
    return change(line) if line["first"] == 256 else line


def packed(bundle: Path, name: str) -> list[bytes]:
    """Return the lines of a file in a bundle."""
    kept: list[bytes] = []

    def keep(one: str, data: bytes) -> bytes:
        kept.extend(data.splitlines() if one == name else [])
        return data

    rewrite(bundle, bundle.with_suffix(".again"), keep)
    return kept


def test_a_bundle_from_before_is_read_and_says_what_it_lacks(watched: Town, tmp_path: Path) -> None:
    """Auditors keep bundles for years."""
    new = make_bundle(watched, tmp_path / "b.zip")
    old = rewrite(new, tmp_path / "old.zip", lambda name, data: None if name.startswith("copies/") else data)
    outcome = audit(watched, old)
    assert (outcome.status, [one["code"] for one in outcome.report["notes"]]) == (0, ["no-copies"])
    assert "carries no search copies" in outcome.report["notes"][0]["text"]


def test_what_is_taken_apart_by_its_bytes_is_what_a_parser_reads() -> None:
    """Else an entry could be written so that its search row seems to fit."""
    at, person = datetime(2026, 11, 1, tzinfo=UTC), Actor.person("u-1", role="observer", session_id="s-1")
    objects: list[tuple[Act, dict[str, Value]]] = [
        (Act.LIVE_CLOSE, {"placement_id": "p0", "view": "v"}),
        (Act.PTZ_MOVE, {"placement_id": "caf\u00e9", "x": 1}),
        (Act.BATCH_RECORDED, {"placement_id": "p0", "lost": [[1, 2]]}),
        (Act.HOLD_PLACE, {"hold_id": "h", "placement_ids": ["p1", "p0"], "segments": {"p0": [[1, 2]]}}),
        (Act.EXPORT_READY, {"hold_id": "h", "export_id": "e", "pending_hold_ids": ["a"]}),
        (Act.EXPORT_READY, {"hold_id": None, "export_id": "e"}),
        (Act.USER_ADD, {"user": 'x","placement_id":"p9"'}),
        (Act.USER_ADD, {"user": "{", "hold_id": 'a"b'}),
        (Act.USER_ADD, {"user": "\\", "was": {"placement_id": "p9"}}),
    ]
    bodies = [
        leaf_of(Entry(act, person, Origin("t"), about, purpose=purpose), at).body
        for act, about in objects
        for purpose in (None, Purpose("case", CASE), Purpose("check", None, "x"))
    ]
    doubled = bodies[0].replace(b'"placement_id":"p0"', b'"placement_id":"p0","placement_id":"p1"')
    for number, body in enumerate([*bodies, doubled]):
        copies = copies_of(json.loads(body))
        row = [number, copies.stamp, copies.act, copies.actor, sorted(copies.placement_ids), sorted(copies.subjects)]
        assert row_texts(number, [body]) == canonical.encode(row) + b"\n"
    assert len(row_texts(0, bodies).splitlines()) == len(bodies)
    assert row_texts(0, [b"{}", b"[]", b"", b"\xff"]) == b""


def test_a_bundle_that_keeps_back_one_file_of_copies_is_found(watched: Town, tmp_path: Path) -> None:
    """It is no bundle from before: those have none at all."""
    kept_back = "copies/000000000000.jsonl"
    with zipfile.ZipFile(make_bundle(watched, tmp_path / "b.zip")) as whole:
        files = {name.replace(kept_back, "copies/000000065536.jsonl"): whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(tmp_path / "moved.zip", "w") as moved:
        for name, data in files.items():
            moved.writestr(name, data)
    outcome = audit(watched, rewrite(tmp_path / "moved.zip", tmp_path / "listed.zip", lambda _, data: data))
    assert [one["name"] for one in outcome.report["findings"] if one["code"] == "file-missing"] == [kept_back]
    assert outcome.status == 1
