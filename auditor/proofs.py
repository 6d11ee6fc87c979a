"""`prove`, `verify-proof`, `check-old-checkpoint`, `verify-export`: one entry, one sheet of paper, one evidence package against the log."""

import base64
import binascii
import hashlib
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor import entries, notes
from auditor.bundle import Bundle, listed, parse_object
from auditor.notes import Key
from auditor.report import CannotVerifyError, Report
from auditor.tree import leaf_hash, root_by_path
from auditor.verify_log import Log

EXPORT_FORMAT = "vms-export/1"
_PROOF_HEAD = "c2sp.org/tlog-proof@v1"
_PROOF = re.compile(
    re.escape(_PROOF_HEAD)
    + r"\nextra (?P<extra>[A-Za-z0-9+/=]+)\nindex (?P<index>0|[1-9][0-9]{0,15})(?P<path>(?:\n[A-Za-z0-9+/]{43}=)*)"
)
_PIECE_BYTES = 1 << 20


def prove(bundle: Bundle, report: Report, seq: int, output: Path) -> None:
    """Write the proof that an entry is in the log, and beside it the entry itself.

    Source: C2SP tlog-proof: head, extra (the entry), index, hashes, blank line, checkpoint.
    """
    if not 0 <= seq < bundle.manifest.size:
        raise CannotVerifyError("entry-unknown", seq=seq, entries=bundle.manifest.size)
    last = [line for line in bundle.read("checkpoints.jsonl").split(b"\n") if line][-1:]
    words = parse_object(last[0]) if last else None
    text = words.get("note") if words is not None else None
    note = notes.parse(text) if isinstance(text, str) else None
    log = Log(bundle, report, [bundle.manifest.size], index=seq)
    if note is None or note.size != log.size:
        raise CannotVerifyError("no-checkpoint")
    if note.root != log.root(log.size):
        report.find("checkpoint-root", size=note.size)
        return
    path, body = log.path(), log.body()
    if root_by_path(seq, log.size, leaf_hash(body), path) != note.root:
        report.find("proof-wrong", seq=seq)
        return
    hashes = [base64.b64encode(one).decode() for one in path]
    lines = [_PROOF_HEAD, f"extra {base64.b64encode(body).decode()}", f"index {seq}", *hashes, "", str(text)]
    try:
        output.write_text("\n".join(lines), encoding="utf-8")
        output.with_name(output.name + ".entry.json").write_bytes(body)
    except OSError as error:
        raise CannotVerifyError("input-unreadable", name=str(output), why=str(error.strerror)) from error
    report.facts |= {"seq": seq, "hashes": len(path), "written": str(output)}


def verify_proof(text: str, report: Report, key: Key | None, witnesses: Sequence[Key] = ()) -> None:
    """Check that an entry is under a signed checkpoint, from its `.tlog-proof` alone, and show the entry."""
    head, _, note_text = text.replace("\r\n", "\n").partition("\n\n")
    match, note = _PROOF.fullmatch(head), notes.parse(note_text)
    if match is None or note is None:
        raise CannotVerifyError("proof-unreadable")
    seq = int(match["index"])
    try:
        body = base64.b64decode(match["extra"], validate=True)
        path = [base64.b64decode(line, validate=True) for line in match["path"].split()]
    except binascii.Error as error:
        raise CannotVerifyError("proof-unreadable") from error
    report.facts |= {"origin": note.origin, "seq": seq, "entries": note.size}
    if root_by_path(seq, note.size, leaf_hash(body), path) != note.root:
        report.find("proof-wrong", seq=seq)
        return
    if key is None:
        report.doubt("no-vkey")
    elif not note.is_signed_by(key):
        report.find("checkpoint-signature", size=note.size)
        return
    for witness in witnesses:
        if note.cosigned_at(witness) is None:
            report.find("proof-no-witness", name=witness.name, size=note.size)
    entry = entries.parse(seq, body) if entries.is_canonical(body) else None
    if entry is None:
        report.find("entry-shape", seq=seq)
        return
    report.facts |= {
        "entry_at": entry.stamp,
        "entry_act": entry.act,
        "entry_actor": entry.actor(),
        "entry": body.decode(),
    }


def check_old_checkpoint(bundle: Bundle, report: Report, text: str, key: Key | None) -> None:
    """Check that a checkpoint that somebody kept is of a prefix of today's log."""
    note = notes.find(text, bundle.manifest.origin)
    if note is None:
        raise CannotVerifyError("paper-unreadable", origin=bundle.manifest.origin)
    report.facts |= {"paper_size": note.size, "paper_root": note.root.hex()}
    if key is None:
        report.note("paper-no-key")
    elif not note.names(key):
        report.note("paper-unsigned")
    elif not note.is_signed_by(key):
        report.find("checkpoint-signature", size=note.size)
    if note.size > bundle.manifest.size:
        if bundle.manifest.is_current:
            report.find("paper-more", size=note.size, entries=bundle.manifest.size, made_at=bundle.manifest.made_at)
        else:
            report.doubt("paper-later", size=note.size, entries=bundle.manifest.size)
        return
    if Log(bundle, report, [note.size]).root(note.size) != note.root:
        report.find("paper-other", size=note.size)


def verify_export(folder: Path, report: Report, key: Key | None, log: Bundle | None = None) -> None:
    """Check an evidence package, as a folder or as the ZIP: digests of its files, and each segment's way to the signed log.

    Args:
        log: a bundle that was checked and made after the package: its log has the digest of the manifest, and so of every file.
    """
    root = _package(folder)
    manifest = parse_object(_bytes(root / "manifest.json"))
    if manifest is None or manifest.get("format") != EXPORT_FORMAT:
        raise CannotVerifyError("export-format", name=str(folder))
    files = [one for one in listed(manifest, "files") if isinstance(one, dict)]
    for one in files:
        name = str(one.get("name"))
        if ".." in Path(name).parts or Path(name).is_absolute() or _digest(root / name) != one.get("sha256"):
            report.find("export-file", name=name)
    _sums(root, report)
    for name in sorted(_names(root) - {str(one.get("name")) for one in files} - {"manifest.json", "SHA256SUMS"}):
        report.find("export-stray", name=name)
    note = _export_note(manifest, report, key)
    batches = _batches(manifest, report, note)
    proven = pending = 0
    for camera in listed(manifest, "cameras"):
        for segment in listed(camera, "segments"):
            state = segment.get("proof", {}).get("state") if isinstance(segment, dict) else None
            if state == "pending":
                pending += 1
                report.note("export-pending", number=str(segment.get("number")))
            elif state == "proven" and _is_proven(camera, segment, batches):
                proven += 1
            else:
                report.find("export-segment", number=str(segment.get("number") if isinstance(segment, dict) else "?"))
    report.facts |= {"files": len(files), "proven": proven, "pending": pending}
    if log is None:
        report.note("export-no-signature")
    else:
        _in_log(root, manifest, log, report)


def _in_log(root: Path | zipfile.Path, manifest: dict[str, Any], log: Bundle, report: Report) -> None:
    """Compare the manifest with what the log says that was made."""
    about = manifest.get("export")
    export_id = about.get("id") if isinstance(about, dict) else None
    made = [one for one in entries.read(log, report, {"export.ready"}) if one.text("export_id") == export_id]
    digest = _digest(root / "manifest.json")
    if not made:
        report.find("export-not-in-log", export=str(export_id))
    elif digest not in {one.text("manifest_sha256") for one in made}:
        report.find("export-other", export=str(export_id), seq=made[-1].seq)


def _export_note(manifest: dict[str, Any], report: Report, key: Key | None) -> notes.Note:
    ledger = manifest.get("ledger")
    text = ledger.get("checkpoint") if isinstance(ledger, dict) else None
    note = notes.parse(text) if isinstance(text, str) else None
    if note is None:
        raise CannotVerifyError("export-no-note")
    report.facts |= {"origin": note.origin, "entries": note.size}
    if key is None:
        report.doubt("no-vkey")
    elif not note.is_signed_by(key):
        report.find("checkpoint-signature", size=note.size)
    return note


def _batches(manifest: dict[str, Any], report: Report, note: notes.Note) -> dict[int, dict[str, Any]]:
    """Return the objects of the entries that are proven to be in the log."""
    found: dict[int, dict[str, Any]] = {}
    for one in listed(manifest["ledger"], "batches"):
        seq, body = (one.get("seq"), one.get("body")) if isinstance(one, dict) else (None, None)
        path = _hashes(one.get("path")) if isinstance(one, dict) else None
        document = parse_object(body.encode("utf-8", "replace")) if isinstance(body, str) else None
        obj = document.get("obj") if document is not None else None
        if type(seq) is not int or path is None or not isinstance(body, str) or not isinstance(obj, dict):
            report.find("export-entry", seq=str(seq))
        elif root_by_path(seq, note.size, leaf_hash(body.encode("utf-8", "replace")), path) != note.root:
            report.find("export-entry", seq=seq)
        else:
            found[seq] = obj
    return found


def _is_proven(camera: dict[str, Any], segment: dict[str, Any], batches: dict[int, dict[str, Any]]) -> bool:
    """Return whether a segment's leaf is in its entry's root, and says what the manifest says of it."""
    proof = segment["proof"]
    batch, path, leaf = batches.get(proof.get("entry")), _hashes(proof.get("path")), proof.get("leaf")
    index, count = proof.get("index"), proof.get("count")
    if batch is None or path is None or not isinstance(leaf, str) or type(index) is not int or type(count) is not int:
        return False
    root = root_by_path(index, count, leaf_hash(leaf.encode("utf-8", "replace")), path)
    parts = leaf.split("|")
    record = segment.get("blanking")
    is_record = len(parts) < 6 or parts[5] in {"", _record_digest(record)}
    said = [
        str(segment.get("number")),
        segment.get("start_at"),
        segment.get("end_at"),
        str(segment.get("recorded_size_bytes")),
        segment.get("recorded_sha256"),
    ]
    placement = camera.get("placement")
    is_here = isinstance(placement, dict) and placement.get("id") == batch.get("placement_id")
    return root is not None and root.hex() == batch.get("root") and parts[:5] == said and is_record and is_here


def _record_digest(record: object) -> str:
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _hashes(value: object) -> list[bytes] | None:
    try:
        return [bytes.fromhex(one) for one in value] if isinstance(value, list) else None
    except (ValueError, TypeError):
        return None


def _package(path: Path) -> Path | zipfile.Path:
    """Return the folder with the manifest: the path itself, or the one folder in the ZIP."""
    try:
        root: Path | zipfile.Path = path if path.is_dir() else zipfile.Path(path)
        inside = [one for one in root.iterdir() if one.is_dir() and (one / "manifest.json").exists()]
        if (root / "manifest.json").exists():
            return root
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise CannotVerifyError("bundle-unreadable", name=str(path), why=str(error)) from error
    if len(inside) != 1:
        raise CannotVerifyError("export-format", name=str(path))
    return inside[0]


def _names(folder: Path | zipfile.Path, above: str = "") -> set[str]:
    """Return the files below a folder."""
    found: set[str] = set()
    for one in folder.iterdir():
        name = f"{above}{one.name}"
        found |= _names(one, f"{name}/") if one.is_dir() else {name}
    return found


def _bytes(path: Path | zipfile.Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CannotVerifyError("file-unreadable", name=str(path), why=str(error)) from error


def _digest(path: Path | zipfile.Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece if isinstance(piece, bytes) else piece.encode())
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return ""
    return digest.hexdigest()


def _sums(root: Path | zipfile.Path, report: Report) -> None:
    for line in _bytes(root / "SHA256SUMS").decode("utf-8", "replace").splitlines():
        wanted, _, name = line.partition("  ")
        if not name or ".." in Path(name).parts or Path(name).is_absolute() or _digest(root / name) != wanted:
            report.find("export-file", name=name or line[:80])
