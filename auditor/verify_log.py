"""`verify-log`: every entry hashed again, every checkpoint against the root it should have, signatures, co-signatures, stamps, clock."""

import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

from auditor import entries, notes, stamps
from auditor.bundle import Bundle, Packed, lines_of
from auditor.notes import Key, Note
from auditor.report import CannotVerifyError, Report
from auditor.search_copies import CopyCheck, Problem
from auditor.tree import EMPTY_ROOT, Rows, leaf_hash

CLOCK_TOLERANCE = timedelta(seconds=2)
"""How far one entry may seem older than the one before it: clocks are corrected a little all the time."""

WITNESS_TOLERANCE_S = 60
_TOLD_WITHIN = timedelta(hours=1)
_TAIL = re.compile(rb'"ts":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","v":1,"why":(?:null|"[^"\n]*")\}\n')
"""The end of every line; a quotation mark within a text has a backslash before it, so nothing else looks like it."""

_HEAD = b'{"act":"'
_DOUBT = b'{"act":"clock.'
_MOST_PROBLEMS = 50


@dataclass(slots=True)
class Run:
    """What hashing one file of entries gave.

    Args:
        roots: number of its first entries -> root over these; always of all of them.
        last_at: number of its first entries -> the last one's stamp, where roots were asked for.
        path: of the entry that was asked for.
        stamps: of its first and last entry; empty for no entries.
        backwards: (entry, stamp before, stamp) where time went back.
        doubts: stamps of entries in which the log itself doubts the clock.
        copies: search copies that are not what the entries say.
    """

    count: int
    ends_with_line: bool
    roots: dict[int, bytes] = field(default_factory=dict)
    last_at: dict[int, str] = field(default_factory=dict)
    path: list[bytes] = field(default_factory=list)
    body: bytes = b""
    stamps: tuple[str, str] = ("", "")
    backwards: list[tuple[int, str, str]] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    problems: list[tuple[str, int]] = field(default_factory=list)
    copies: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of one file of entries.

    Args:
        sizes: numbers of first entries of which the root is needed.
        index: an entry of which the audit path is needed, within the file.
        thorough: parse every entry and encode it again.
        copies: the file with their search copies, if the bundle has one.
        count: how many entries there should be.
    """

    first: int
    packed: Packed
    sizes: tuple[int, ...]
    index: int | None = None
    thorough: bool = False
    copies: Packed | None = None
    count: int = 0


class Log:
    """The ledger of a bundle, hashed: roots of any number of its first entries that was asked for beforehand."""

    def __init__(
        self, bundle: Bundle, report: Report, sizes: Sequence[int], *, index: int | None = None, thorough: bool = False
    ) -> None:
        self.bundle = bundle
        self.size = bundle.manifest.size
        run = bundle.manifest.run
        wanted = [
            Wanted(
                first,
                packed,
                tuple(sorted({size - first for size in sizes if first < size <= first + run})),
                index - first if index is not None and first <= index < first + run else None,
                thorough,
                bundle.manifest.files.get(f"copies/{first:012}.jsonl"),
                min(run, self.size - first),
            )
            for first, packed in bundle.manifest.entry_files()
        ]
        self.runs: list[Run] = []
        self.asked = next((one for one in wanted if one.index is not None), None)
        for one, found in zip(wanted, _hashed(bundle.path, wanted), strict=True):
            self.runs.append(found)
            _tell(report, one, found)
        self._run = run
        self._whole = Rows([found.roots[found.count] for found in self.runs])

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` entries, one of the sizes asked for, or all."""
        if size == 0:
            return EMPTY_ROOT
        whole, rest = divmod(size, self._run)
        if rest == 0:
            return self._whole.root(whole)
        upper = [*self._whole.rows[0][:whole], self.runs[whole].roots[min(rest, self.runs[whole].count)]]
        return Rows(upper).root(len(upper))

    def at(self, size: int) -> str:
        """Return the stamp of the last of the first `size` entries, one of the sizes asked for; empty when it is not known."""
        whole, rest = divmod(max(size - 1, 0), self._run)
        return self.runs[whole].last_at.get(rest + 1, "") if whole < len(self.runs) else ""

    def path(self) -> list[bytes]:
        """Return the audit path of the entry asked for, among all."""
        assert self.asked is not None, "an entry was asked for"
        place = self.asked.first // self._run
        return [*self.runs[place].path, *self._whole.path(place, len(self.runs))]

    def body(self) -> bytes:
        """Return the entry asked for."""
        assert self.asked is not None, "an entry was asked for"
        return self.runs[self.asked.first // self._run].body

    @property
    def first_at(self) -> str:
        """The first entry's stamp."""
        return next((run.stamps[0] for run in self.runs if run.stamps[0]), "")

    @property
    def last_at(self) -> str:
        """The last entry's stamp."""
        return next((run.stamps[1] for run in reversed(self.runs) if run.stamps[1]), "")


def verify_log(
    bundle: Bundle,
    report: Report,
    *,
    key: Key | None,
    witnesses: Sequence[Key] = (),
    tsa_ca: Path | None = None,
    thorough: bool = False,
) -> Log:
    """Check the whole log; say what was found in the report."""
    bundle.compare_files(report)
    origin = bundle.manifest.origin
    if key is None:
        report.doubt("no-vkey")
    elif key.name != origin:
        report.find("other-log", key=key.name, origin=origin)
    checkpoints = _checkpoints(bundle, report)
    log = Log(bundle, report, [note.size for note in checkpoints], thorough=thorough)
    _tell_of_copies(bundle, report)
    _clock(log, report)
    for note in checkpoints:
        if note.root != log.root(note.size):
            report.find("checkpoint-root", size=note.size)
        if key is not None and not note.is_signed_by(key):
            report.find("checkpoint-signature", size=note.size)
    signed = checkpoints[-1].size if checkpoints else 0
    if not checkpoints:
        report.find("no-checkpoint")
    if signed < log.size:
        report.find("tail-unsigned", count=log.size - signed)
    for witness in witnesses:
        _witness(log, checkpoints, witness, report)
    _stamps(log, checkpoints, tsa_ca, report)
    report.facts |= {
        "entries": log.size,
        "root": log.root(log.size).hex(),
        "checkpoints": len(checkpoints),
        "first_at": log.first_at,
        "last_at": log.last_at,
    }
    return log


def _tell_of_copies(bundle: Bundle, report: Report) -> None:
    """Say which entries' search copies were compared: all, or none of a bundle that was made before they were packed."""
    packed = {one.name.removeprefix("copies/") for one in bundle.manifest.named("copies")}
    if not packed:
        report.note("no-copies")
        return
    for _, entry_file in bundle.manifest.entry_files():
        name = entry_file.name.removeprefix("entries/")
        if name not in packed:
            report.find("file-missing", name=f"copies/{name}")


def _checkpoints(bundle: Bundle, report: Report) -> list[Note]:
    """Return the readable checkpoints, smallest first."""
    packed = bundle.manifest.files.get("checkpoints.jsonl")
    if packed is None:
        raise CannotVerifyError("file-missing", name="checkpoints.jsonl")
    found: list[Note] = []
    for words in bundle.documents(packed, report):
        text, size = words.get("note"), words.get("size")
        note = notes.parse(text) if isinstance(text, str) else None
        if note is None or note.size != size:
            report.find("checkpoint-unreadable", size=str(size)[:20])
        elif note.origin != bundle.manifest.origin:
            report.find("checkpoint-other", size=note.size, origin=note.origin)
        elif note.size > bundle.manifest.size:
            report.find("checkpoint-beyond", size=note.size, entries=bundle.manifest.size)
        elif found and found[-1].size >= note.size:
            report.find("checkpoint-order", size=note.size)
        else:
            found.append(note)
    return found


def _hashed(path: Path, wanted: Sequence[Wanted]) -> Iterator[Run]:
    """Yield the runs in order; several processes work at once where there is enough to do."""
    work = partial(hash_run, path)
    if len(wanted) < 3:
        yield from map(work, wanted)
        return
    with ProcessPoolExecutor() as pool:
        yield from pool.map(work, wanted)


def hash_run(path: Path, wanted: Wanted) -> Run:
    """Hash one file of entries. Runs in a process of its own."""
    run = Run(0, ends_with_line=True)
    leaves: list[bytes] = []
    stamps: list[bytes] = []
    bundle = Bundle(path)
    copies = None if wanted.copies is None else _copies(bundle, wanted, wanted.copies)
    # Not compared with the manifest: the leaves are hashed anyway, and a second time would be a third of the work.
    for block in bundle.blocks(wanted.packed.name):
        lines = block.split(b"\n")
        run.ends_with_line = lines.pop() == b""
        if wanted.index is not None and len(leaves) <= wanted.index < len(leaves) + len(lines):
            run.body = lines[wanted.index - len(leaves)]
        stamps += _looked_at(run, block, lines, wanted.first + len(leaves), thorough=wanted.thorough)
        leaves += map(leaf_hash, lines)
        if copies is not None:
            copies.feed(lines)
    run.copies = [] if copies is None else copies.finish()
    run.count = len(leaves)
    rows = Rows(leaves)
    for size in (*wanted.sizes, run.count):
        run.roots[size] = rows.root(min(size, run.count))
        # Were a line without a stamp among them, places would not be numbers; that line is a finding already.
        if len(stamps) == run.count >= size > 0:
            run.last_at[size] = stamps[size - 1].decode()
    if wanted.index is not None and wanted.index < run.count:
        run.path = rows.path(wanted.index, run.count)
    if stamps:
        run.stamps = (stamps[0].decode(), stamps[-1].decode())
    # Comparing with the sorted list is one pass in C when all is well.
    if sorted(stamps) != stamps:
        backwards = [
            (place, before.decode(), after.decode())
            for place, (before, after) in enumerate(pairwise(stamps), wanted.first + 1)
            if after < before
        ]
        run.backwards = backwards[:_MOST_PROBLEMS]
    return run


def _copies(bundle: Bundle, wanted: Wanted, packed: Packed) -> CopyCheck:
    return CopyCheck(wanted.first, wanted.count, packed.name, lines_of(bundle.read(packed.name)))


def _looked_at(run: Run, block: bytes, lines: list[bytes], first: int, *, thorough: bool) -> list[bytes]:
    """Look at the form of a block of entries, the first of which is number `first`; return their stamps."""
    stamps = _TAIL.findall(block)
    if len(stamps) != len(lines) or block.count(b"\n" + _HEAD) + block.startswith(_HEAD) != len(lines):
        run.problems += [
            ("entry-shape", first + place) for place, line in enumerate(lines) if not entries.is_shaped(line)
        ]
    if thorough:
        run.problems += [
            ("entry-canonical", first + place) for place, line in enumerate(lines) if not entries.is_canonical(line)
        ]
    del run.problems[_MOST_PROBLEMS:]
    if b"\n" + _DOUBT in block or block.startswith(_DOUBT):
        doubting = [entries.parse(0, line) for line in lines if line.startswith(_DOUBT)]
        run.doubts += [entry.stamp for entry in doubting if entry is not None]
    return stamps


def _tell(report: Report, wanted: Wanted, found: Run) -> None:
    if not found.ends_with_line or found.count != wanted.count:
        report.find("entries-count", name=wanted.packed.name, found=found.count, wanted=wanted.count)
    for code, seq in found.problems:
        report.find(code, seq=seq)
    for code, values in found.copies:
        report.find(code, **values)


def _clock(log: Log, report: Report) -> None:
    """Time never goes back; where it does, the log must tell of it."""
    backwards = [one for run in log.runs for one in run.backwards]
    seq = 0
    for before, after in pairwise(log.runs):
        seq += before.count
        if before.stamps[1] and after.stamps[0] and after.stamps[0] < before.stamps[1]:
            backwards.append((seq, before.stamps[1], after.stamps[0]))
    told = [at for run in log.runs for text in run.doubts if (at := entries.instant(text)) is not None]
    for place, earlier, later in sorted(backwards):
        was, now = entries.instant(earlier), entries.instant(later)
        if was is None or now is None or was - now <= CLOCK_TOLERANCE:
            continue
        is_told = any(now - _TOLD_WITHIN <= at <= was + _TOLD_WITHIN for at in told)
        seconds = round((was - now).total_seconds())
        if is_told:
            report.note("clock-back-told", seq=place, seconds=seconds, at=later)
        else:
            report.find("clock-back", seq=place, seconds=seconds, at=later)


def _witness(log: Log, checkpoints: Sequence[Note], witness: Key, report: Report) -> None:
    """Check one witness' co-signatures, and its clock against the entries under them."""
    cosigned: list[Note] = []
    for note in checkpoints:
        if not note.names(witness):
            continue
        seconds = note.cosigned_at(witness)
        if seconds is None:
            report.find("witness-signature", name=witness.name, size=note.size)
            continue
        cosigned.append(note)
        newest = entries.instant(log.last_at) if note.size == log.size else None
        if newest is not None and newest.timestamp() - seconds > WITNESS_TOLERANCE_S:
            at = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
            lag = round(newest.timestamp() - seconds)
            report.find("witness-clock", name=witness.name, size=note.size, at=at, seconds=lag)
    if not cosigned:
        report.find("witness-none", name=witness.name)
    elif log.size > cosigned[-1].size:
        report.note("witness-behind", name=witness.name, count=log.size - cosigned[-1].size)
    report.facts["cosigned"] = len(cosigned)


def _stamps(log: Log, checkpoints: Sequence[Note], tsa_ca: Path | None, report: Report) -> None:
    """Check the time stamps with openssl: a second program, that is not ours. No entry below one is of a later time."""
    bundle = log.bundle
    stamped = bundle.manifest.named("tsr")
    openssl = shutil.which("openssl")
    if not stamped:
        if tsa_ca is not None:
            report.doubt("tsr-none")
        return
    if tsa_ca is None:
        report.note("tsr-no-ca", count=len(stamped))
        return
    if openssl is None:
        report.doubt("tsr-no-openssl")
        return
    by_size = {f"tsr/{note.size}.tsr": note for note in checkpoints}
    good = 0
    for packed in stamped:
        data = bundle.checked(packed, report)
        note = by_size.get(packed.name)
        if note is None:
            report.find("tsr-no-note", name=packed.name)
            continue
        at, newest = stamps.time_in(openssl, data), entries.instant(log.at(note.size))
        why = stamps.why_wrong(openssl, tsa_ca, data, note.text.encode(), at)
        if why is not None:
            report.find("tsr-wrong", name=packed.name, why=why)
            continue
        good += 1
        if at is None:
            report.find("tsr-no-time", name=packed.name)
        elif newest is not None and newest - at > timedelta(seconds=WITNESS_TOLERANCE_S):
            seconds = round((newest - at).total_seconds())
            report.find("tsr-clock", name=packed.name, at=f"{at:%Y-%m-%dT%H:%M:%SZ}", seconds=seconds)
    report.facts["stamped"] = good
