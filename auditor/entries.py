"""What an entry looks like, and reading the ones that a check needs."""

import json
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from auditor.bundle import Bundle, lines_of, parse_object
from auditor.report import Report

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FIELDS = frozenset({"v", "ts", "act", "cat", "actor", "obj", "res", "why", "purpose", "basis", "recipient", "origin"})
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_HEAD = b'{"act":"'
_HEAD_BYTES = len(_HEAD)
_BEFORE_STAMP = b'"ts":"'
_STAMP_LENGTH = len("2026-01-01T00:00:00.000000Z")


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was read, as far as every entry has it.

    Args:
        words: the whole document.
        obj: what was acted upon.
    """

    seq: int
    at: datetime
    stamp: str
    act: str
    words: dict[str, Any]
    obj: dict[str, Any]

    def text(self, name: str) -> str | None:
        """Return a text of the object, None when it has none of that name."""
        value = self.obj.get(name)
        return value if isinstance(value, str) else None

    def instant(self, name: str) -> datetime | None:
        """Return an instant of the object."""
        return instant(self.obj.get(name))

    def actor(self, name: str = "id") -> str:
        """Return a word about who acted, empty for none."""
        return str(self.words["actor"].get(name) or "")


def stamp(at: datetime) -> str:
    """Return an instant as the ledger writes it; stamps are in the order of their instants."""
    return at.strftime(_FORMAT)


def instant(text: object) -> datetime | None:
    """Return the instant of a stamp as the ledger writes them, None for anything else."""
    if not isinstance(text, str) or not _STAMP.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_shaped(line: bytes) -> bool:
    """Return whether a line is an entry: JSON with the fields of version 1."""
    words = parse_object(line)
    return (
        words is not None
        and words.keys() == _FIELDS
        and words["v"] == 1
        and instant(words["ts"]) is not None
        and isinstance(words["act"], str)
        and isinstance(words["obj"], dict)
        and isinstance(words["actor"], dict)
    )


def is_canonical(line: bytes) -> bool:
    """Return whether a line is an entry whose bytes are the only ones that it could have."""
    if not is_shaped(line):
        return False
    words = json.loads(line)
    try:
        again = json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return again == line and not _has_float(words)


def _has_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_float(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_float(item) for item in value)
    return isinstance(value, float)


def read(
    bundle: Bundle,
    report: Report,
    acts: Collection[str] | None = None,
    until: str | None = None,
    stamped: Callable[[int, str], None] | None = None,
) -> Iterator[Entry]:
    """Yield the entries of some acts, or all, in order; one that can't be read is a finding.

    Args:
        until: stamps after this are left out.
        stamped: is told number and stamp of every entry, whatever its act and stamp, before it is yielded.
    """
    wanted = None if acts is None else {act.encode() for act in acts}
    for first, packed in bundle.manifest.entry_files():
        lines = lines_of(bundle.checked(packed, report))
        for seq, line in enumerate(lines, first):
            if stamped is not None:
                stamped(seq, _stamp_in(line))
            is_wanted = wanted is None or line[_HEAD_BYTES : line.find(b'"', _HEAD_BYTES)] in wanted
            if not is_wanted and line.startswith(_HEAD):
                continue
            entry = parse(seq, line)
            if entry is None:
                report.find("entry-shape", seq=seq)
            elif is_wanted and (until is None or entry.stamp <= until):
                yield entry


def first_at(bundle: Bundle) -> datetime | None:
    """Return the instant of the bundle's first entry, None when there is none that can be read."""
    for _, packed in bundle.manifest.entry_files():
        for block in bundle.blocks(packed.name):
            first = parse(0, block.split(b"\n", 1)[0])
            return None if first is None else first.at
    return None


def _stamp_in(line: bytes) -> str:
    """Return the stamp of an entry without reading the rest: the keys are sorted, so it stands near the end."""
    found = line.rfind(_BEFORE_STAMP) + len(_BEFORE_STAMP)
    return line[found : found + _STAMP_LENGTH].decode("ascii", "replace")


def parse(seq: int, line: bytes) -> Entry | None:
    """Return an entry, None when it is none."""
    if not is_shaped(line):
        return None
    words = json.loads(line)
    at = instant(words["ts"])
    assert at is not None, "an entry has a stamp"
    return Entry(seq, at, words["ts"], words["act"], words, words["obj"])


def microseconds(at: datetime) -> int:
    """Return an instant as microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


def days(span: timedelta) -> str:
    """Return a length in days."""
    return f"{span.total_seconds() / 86400:.3f}"
