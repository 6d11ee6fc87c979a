"""`verify-absence`, on the server: what the log says is erased is not there; what is there, the log has; what is kept is what was sealed.

Reads names and lengths in the footage folder, the bytes of a sample, and in the key folder the list of files and the public head of the
keyring. Never a key.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from auditor import entries
from auditor.books import Books
from auditor.bundle import Bundle
from auditor.ranges import Ranges
from auditor.report import CannotVerifyError, Report
from auditor.sample import Sample
from auditor.terms import Terms

EXPORTS = "exports"
_NAME = re.compile(
    r"(?P<start>[0-9]{1,17})-(?:(?P<number>[0-9]{1,15})-)?(?P<epoch>[0-9]{1,15})\.(?P<kind>part|note|note\.part|mend|vseg)"
)
_ROOT_KEY = re.compile(r"root-[0-9a-f]+\.key")
_RING_MAGIC = b"VMSKEYS1"
_ROOT_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Found:
    """A file in the footage folder."""

    path: Path
    placement_id: str
    number: int | None
    start_at: datetime


def verify_absence(
    bundle: Bundle, report: Report, terms: Terms, root: Path, *, keys_dir: Path | None, sample: Sample
) -> None:
    """Look at the folders."""
    if not root.is_dir():
        raise CannotVerifyError("input-unreadable", name=str(root), why="no folder")
    books = Books(bundle, Report(""), terms)
    stored: list[Found] = []
    count = 0
    for path in _files(root):
        count += 1
        found = _placed(root, path)
        if found is None:
            _strange(bundle, root, path, report)
            continue
        stored.append(found)
        _judge(books, found, report)
    _sample_erased(books, stored, report, sample)
    _sample_kept(bundle, books, stored, report, sample)
    if keys_dir is not None:
        _keys(keys_dir, report)
    report.facts |= {"files": count, "seed": sample.seed}


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            yield Path(folder) / name


def _placed(root: Path, path: Path) -> Found | None:
    match = _NAME.fullmatch(path.name)
    parts = path.relative_to(root).parts
    if match is None or len(parts) != 5 or parts[0] == EXPORTS:
        return None
    number = None if match["number"] is None else int(match["number"])
    if (match["kind"] == "vseg") != (number is not None):
        return None
    return Found(path, parts[0], number, entries.EPOCH + timedelta(microseconds=int(match["start"])))


def _judge(books: Books, found: Found, report: Report) -> None:
    """Judge one file by the log."""
    age = books.terms.at - found.start_at
    camera = books.cameras.get(found.placement_id)
    name, number = str(found.path), found.number
    if number is None:
        if age > books.terms.longest:
            report.find("file-too-old", name=name, age=f"{age.total_seconds() / 86400:.3f}")
        return
    if camera is not None and number in camera.destroyed:
        report.find("file-back", name=name, camera=found.placement_id, number=number)
    elif camera is not None and number < camera.next_number and number not in camera.live:
        report.find("file-unknown", name=name)
    elif age > books.terms.longest and number not in books.held(found.placement_id) and not _was_freed(books, found):
        report.find("file-too-old", name=name, age=f"{age.total_seconds() / 86400:.3f}")


def _was_freed(books: Books, found: Found) -> bool:
    """Return whether a hold on it ended so lately that it may still be there."""
    camera = books.cameras.get(found.placement_id)
    if camera is None or found.number is None:
        return False
    number = found.number
    return any(number in numbers and books.terms.at - at <= books.terms.release_grace for at, numbers in camera.freed)


def _strange(bundle: Bundle, root: Path, path: Path, report: Report) -> None:
    parts = path.relative_to(root).parts
    if parts[0] != EXPORTS:
        report.find("file-strange", name=str(path))
        return
    erased = {
        entry.text("export_id")
        for entry in entries.read(bundle, Report(""), {"export.erased"})
        if entry.text("export_id")
    }
    if any(path.name.startswith(str(export_id)) for export_id in erased):
        report.find("export-back", name=str(path))


def _sample_erased(books: Books, stored: list[Found], report: Report, sample: Sample) -> None:
    """Draw erased segments and say of each that it is not there; the report is the record of what was looked for."""
    there = {(one.placement_id, one.number) for one in stored}
    erased = [(name, number) for name in sorted(books.cameras) for number in _numbers(books.cameras[name].destroyed)]
    report.columns = ("camera", "segment", "state")
    for name, number in sample.drawn(erased, _name):
        report.rows.append((name, number, "PRESENT" if (name, number) in there else "absent"))
    report.facts["erased"] = len(erased)


def _sample_kept(bundle: Bundle, books: Books, stored: list[Found], report: Report, sample: Sample) -> None:
    """Draw files and compare their SHA-256 with the list in the log."""
    sealed: dict[tuple[str, int], str] = {}
    for packed in bundle.manifest.named("segments"):
        for line in bundle.documents(packed, report):
            for leaf in line.get("leaves") or []:
                parts = str(leaf).split("|")
                if len(parts) >= 5 and parts[0].isdecimal():
                    sealed[str(line.get("placement_id")), int(parts[0])] = parts[4]
    known = {(one.placement_id, one.number): one.path for one in stored if one.number is not None}
    chosen = sample.drawn(sorted(set(sealed) & set(known)), _name)
    for name, number in chosen:
        if not sealed[name, number]:
            continue
        try:
            with known[name, number].open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            report.doubt("input-unreadable", name=str(known[name, number]), why=str(error.strerror))
            continue
        if digest != sealed[name, number]:
            report.find("file-other", name=str(known[name, number]))
    if bundle.manifest.is_current:
        for name, camera in sorted(books.cameras.items()):
            gone = _lasting(books, name).without(camera.damaged)
            for placement_id, number in known:
                if placement_id == name:
                    gone.remove(number, number)
            if gone:
                report.find("file-gone", camera=name, numbers=str(gone))
    report.facts["compared"] = len(chosen)


def _lasting(books: Books, name: str) -> Ranges:
    """Return what must still be there some hours after the bundle was made: held, or a day from being due."""
    camera, held = books.cameras[name], books.held(name)
    found = held.shared(camera.live)
    for hour in camera.hours.values():
        if books.terms.at - hour.start_at < books.terms.kept - timedelta(days=1):
            for first, last in camera.live.within(hour.first, hour.last):
                found.add(first, last)
    return found


def _keys(keys_dir: Path, report: Report) -> None:
    """Look whether an old root key lies beside the one that the keyring names."""
    try:
        with (keys_dir / "keyring").open("rb") as file:
            head = file.read(len(_RING_MAGIC) + _ROOT_ID_BYTES)
        roots = sorted(path.name for path in keys_dir.iterdir() if path.name.startswith("root-"))
    except OSError as error:
        report.doubt("input-unreadable", name=str(keys_dir), why=str(error.strerror))
        return
    named = f"root-{head[len(_RING_MAGIC) :].hex()}.key"
    for name in roots:
        if name != named or not _ROOT_KEY.fullmatch(name):
            report.find("root-key-left", name=name)


def _name(segment: tuple[str, int]) -> str:
    return f"{segment[0]}|{segment[1]}"


def _numbers(ranges: Ranges) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1)
