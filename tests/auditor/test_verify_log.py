"""`vms-audit verify-log`: what was changed is found, by whoever and however carefully it was changed."""

import hashlib
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auditor import bundle as bundle_module
from auditor.bundle import Bundle
from auditor.report import CannotVerifyError
from auditor.tree import leaf_hash, root_by_path, root_of
from auditor.verify_log import Wanted, hash_run
from retention.batches import write_batches
from tests.auditor.bundles import make_bundle, rewrite, signer_of, vms_audit
from tests.retention.town import Town
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.notes import Verifier, parse


@pytest.fixture
def bundle(town: Town, tmp_path: Path) -> Path:
    """A bundle of some hours with three checkpoints."""
    signer = signer_of(town)
    for _ in range(3):
        for placement_id in town.epochs:
            town.record(placement_id)
        town.clock.advance(timedelta(hours=2))
        write_batches(town.parts)
        with town.db.write() as conn:
            town.parts.ledger.checkpoint(conn, signer)
    return make_bundle(town, tmp_path / "bundle.zip")


@pytest.fixture
def vkey(town: Town) -> str:
    """The town's public key, as on paper."""
    return signer_of(town).verifier.text


def test_an_honest_log_is_in_order(town: Town, bundle: Path, vkey: str) -> None:
    """Whoever cries wolf is not believed."""
    outcome = vms_audit("verify-log", bundle, "--vkey", vkey, "--thorough")
    assert (outcome.status, outcome.report["findings"], outcome.report["unchecked"]) == (0, [], [])
    with town.db.read() as conn:
        assert outcome.report["facts"]["root"] == town.parts.ledger.root(conn).hex()
        assert outcome.report["facts"]["entries"] == town.parts.ledger.size(conn)
    assert outcome.report["facts"]["checkpoints"] == 4


def test_without_the_key_from_paper_nothing_is_verified(bundle: Path) -> None:
    """A key out of the bundle proves nothing: the forger packs it too."""
    outcome = vms_audit("verify-log", bundle)
    assert outcome.status == 2
    assert [one["code"] for one in outcome.report["unchecked"]] == ["no-vkey"]


def test_another_installation_s_key_is_refused(bundle: Path) -> None:
    """A bundle signed with a new key is another log."""
    key = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    other = Verifier("test.example/log", key).text
    outcome = vms_audit("verify-log", bundle, "--vkey", other)
    assert outcome.status == 1
    assert outcome.codes == {"checkpoint-signature"}


def test_a_changed_entry_is_found_by_every_later_checkpoint(bundle: Path, vkey: str, tmp_path: Path) -> None:
    """The heart of the matter, even when manifest and form are right."""

    def change(name: str, data: bytes) -> bytes:
        return data.replace(b'"count":1', b'"count":2', 1) if name.startswith("entries/") else data

    outcome = vms_audit("verify-log", rewrite(bundle, tmp_path / "forged.zip", change), "--vkey", vkey)
    assert outcome.status == 1
    assert outcome.codes == {"checkpoint-root"}
    assert len(outcome.report["findings"]) == 4


def test_a_forged_checkpoint_is_found(town: Town, bundle: Path, vkey: str, tmp_path: Path) -> None:
    """Signed with the right key over another past: a fork."""
    signer = signer_of(town)

    def change(name: str, data: bytes) -> bytes:
        if name != "checkpoints.jsonl":
            return data
        rows = [json.loads(line) for line in data.splitlines()]
        fork = parse(rows[1]["note"])
        forged = type(fork)(fork.origin, fork.size, hashlib.sha256(b"another past").digest())
        rows[1]["note"] = forged.signed(signer)
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    outcome = vms_audit("verify-log", rewrite(bundle, tmp_path / "forged.zip", change), "--vkey", vkey)
    assert outcome.status == 1
    assert [one["code"] for one in outcome.report["findings"]] == ["checkpoint-root"]


def test_files_that_differ_from_the_manifest_are_found(bundle: Path, vkey: str, tmp_path: Path) -> None:
    """Damage on the way is told apart from forgery, but never passed over."""
    changed = rewrite(
        bundle, tmp_path / "1.zip", lambda name, data: data + b" " if name == "log.vkey" else data, relist=False
    )
    assert vms_audit("verify-log", changed, "--vkey", vkey).codes == {"file-changed"}
    added = rewrite(bundle, tmp_path / "2.zip", lambda name, data: None if name == "log.vkey" else data, relist=False)
    assert vms_audit("verify-log", added, "--vkey", vkey).codes == {"file-missing"}


def test_dropped_and_added_entries_are_found(bundle: Path, vkey: str, tmp_path: Path) -> None:
    """A log that is short, or long, is not the one that was signed."""

    def short(name: str, data: bytes) -> bytes:
        return b"".join(data.splitlines(keepends=True)[:-1]) if name.startswith("entries/") else data

    def double(name: str, data: bytes) -> bytes:
        return data + data.splitlines(keepends=True)[-1] if name.startswith("entries/") else data

    for number, change in enumerate((short, double)):
        outcome = vms_audit("verify-log", rewrite(bundle, tmp_path / f"{number}.zip", change), "--vkey", vkey)
        assert outcome.status == 1
        assert "entries-count" in outcome.codes


def test_a_clock_that_went_back_is_found_unless_the_log_tells_of_it(town: Town, tmp_path: Path, vkey: str) -> None:
    """Entries can be written under a wrong clock; that must not pass for the truth."""

    def write(act: Act) -> None:
        with town.db.write() as conn:
            town.parts.ledger.append(conn, Entry(act, Actor.service("test"), Origin("test"), {"placement_id": "p0"}))

    write(Act.REC_START)
    town.clock.advance(timedelta(minutes=-40))
    write(Act.REC_STOP)
    outcome = vms_audit("verify-log", make_bundle(town, tmp_path / "1.zip"), "--vkey", vkey)
    assert outcome.codes == {"clock-back"}
    write(Act.CLOCK_DOUBT)
    town.clock.advance(timedelta(minutes=80))
    outcome = vms_audit("verify-log", make_bundle(town, tmp_path / "2.zip"), "--vkey", vkey)
    assert (outcome.status, [one["code"] for one in outcome.report["notes"]]) == (0, ["clock-back-told"])


def _line(number: int, act: str = "live.open") -> str:
    words = dict.fromkeys(("cat", "res", "why", "purpose", "basis", "recipient"))
    words |= {"act": act, "v": 1, "ts": f"2026-11-01T12:00:{number % 60:02}.000000Z"}
    words |= {"actor": {}, "obj": {"n": number}, "origin": {}}
    return json.dumps(words, sort_keys=True, separators=(",", ":"))


_FILE = "\n".join(
    [*map(_line, range(70)), _line(10, "clock.doubt"), "no entry", "", *map(_line, range(70, 200)), "no line end"]
).encode()


def _packed(folder: Path, data: bytes) -> Path:
    """Return a bundle with one file of bytes in place of entries."""
    words = {
        "format": "vms-audit-bundle/1", "origin": "o", "from": "", "to": "", "made_at": "", "entries_per_file": 1 << 16,
        "size": 1, "files": [{"name": "entries/000000000000.jsonl", "size_bytes": len(data), "sha256": ""}],
    }  # fmt: skip
    path = folder / "blocks.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("audit/manifest.json", json.dumps(words))
        bundle.writestr("audit/entries/000000000000.jsonl", data)
    return path


@pytest.mark.parametrize("block_bytes", [1, 7, 83, 84, 1000, 1 << 14])
def test_where_a_file_is_cut_into_blocks_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int
) -> None:
    """Lines that lie across two blocks are hashed, numbered and looked at as in one piece."""
    path = _packed(tmp_path, _FILE)
    [(first, packed)] = Bundle(path).manifest.entry_files()
    wanted = Wanted(first, packed, (1, 64, 150), index=130, thorough=True)
    whole = hash_run(path, wanted)
    lines = _FILE.split(b"\n")[:-1]
    assert (whole.count, whole.ends_with_line) == (len(lines), False)
    assert whole.roots[len(lines)] == root_of(lines)
    assert whole.body == lines[130]
    assert root_by_path(130, len(lines), leaf_hash(lines[130]), whole.path) == whole.roots[len(lines)]
    assert whole.doubts == ["2026-11-01T12:00:10.000000Z"]
    assert len(whole.backwards) == 3, "at each full minute; from 9 to 10 it goes forward"
    assert set(whole.problems) == {(code, place) for code in ("entry-shape", "entry-canonical") for place in (71, 72)}
    monkeypatch.setattr(bundle_module, "_BLOCK_BYTES", block_bytes)
    cut = hash_run(path, wanted)
    assert replace(cut, problems=sorted(cut.problems)) == replace(whole, problems=sorted(whole.problems))


def test_a_file_that_unpacks_to_more_than_allowed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bomb in the bundle must not fill the auditor's memory, not even as one endless line."""
    monkeypatch.setattr(bundle_module, "LARGEST_FILE_BYTES", 1 << 20)
    with pytest.raises(CannotVerifyError) as refused:
        list(Bundle(_packed(tmp_path, b"x" * ((1 << 20) + 1))).blocks("entries/000000000000.jsonl"))
    assert refused.value.code == "file-too-large"
