"""Whether the system files its entries under what they say: the columns that its searches go by lie outside of the tree.

A bundle has a digest of them per 256 entries, and the rows themselves where the system saw that they do not fit. Here they are worked out
from the entries alone. A row is `[number, stamp, act, actor, [placements], [subjects]]`.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from auditor.bundle import parse_object
from auditor.report import Value

SLICE = 256
_MOST_PROBLEMS = 10_000
_FIELDS = ("instant", "act", "actor")

_TEXT = rb'"[^"\\]*"'
_PLAIN = re.compile(
    rb'^\{"act":"([^"\\]*)","actor":\{"id":"([^"\\]*)","kind":%(text)s,"role":(?:null|%(text)s),"sess":(?:null|%(text)s)\},'
    rb'"basis":%(text)s,"cat":%(text)s,"obj":\{([^{}]*)\},"origin":\{[^{}]*\},'
    rb'"purpose":(?:null|\{"case":(null|%(text)s),[^{}]*\}),"recipient":(?:null|%(text)s),"res":%(text)s,'
    rb'"ts":"([^"\\]*)","v":1,"why":(?:null|%(text)s)\}$' % {b"text": _TEXT},
    re.MULTILINE,
)
"""An entry as the ledger writes it, without objects in its object and without escapes in what rows have."""

_FILED = re.compile(rb'"(placement_ids?|hold_id|pending_hold_ids|export_id)":("[^"\\]*"|null|)')
_NO_TEXT = {b"", b"null"}
_LISTS = {b"placement_ids", b"pending_hold_ids"}

Row: TypeAlias = list[Any]
Problem: TypeAlias = tuple[str, dict[str, Value]]

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class CopyCheck:
    """Compares one file of entries with what the bundle says of its search copies.

    Args:
        first: number of the first entry.
        count: how many entries the file should have.
        name, lines: of the file of copies.
    """

    def __init__(self, first: int, count: int, name: str, lines: Sequence[bytes]) -> None:
        self._first = first
        self._count = count
        self._given: dict[int, dict[str, Any]] = {}
        self._unreadable: list[Problem] = []
        self._problems: list[Problem] = []
        self._next = first
        self._waiting: list[bytes] = []
        for number, line in enumerate(lines, 1):
            words = parse_object(line)
            if words is None or type(words.get("first")) is not int or not isinstance(words.get("sha256"), str):
                self._unreadable.append(("line-unreadable", {"name": name, "line": number}))
            else:
                self._given[words["first"]] = words

    def feed(self, lines: Sequence[bytes]) -> None:
        """Take the next entries."""
        self._waiting += lines
        while len(self._waiting) >= SLICE:
            self._end_slice()

    def finish(self) -> list[Problem]:
        """Return what does not fit: a code and the values of its sentence."""
        if self._waiting:
            self._end_slice()
        if self._next - self._first != self._count:
            # Entries are missing, and what follows has other numbers than it should: only who is missing can be said.
            self._problems = list(self._missing())
        return [*self._unreadable, *self._problems][:_MOST_PROBLEMS]

    def _end_slice(self) -> None:
        first, lines = self._next, self._waiting[:SLICE]
        del self._waiting[:SLICE]
        self._next += len(lines)
        given = self._given.get(first)
        texts = row_texts(first, lines)
        if given is not None and hashlib.sha256(texts).hexdigest() == given["sha256"]:
            return
        if len(self._problems) < _MOST_PROBLEMS:
            wanted = [_row_of(seq, line) for seq, line in enumerate(lines, first)]
            self._problems += _compared(first, wanted, given)

    def _missing(self) -> Iterator[Problem]:
        for first, given in self._given.items():
            rows = _rows_in(given)
            if rows is not None:
                there = {row[0] for row in rows}
                numbers = range(first, min(first + SLICE, self._first + self._count))
                for seq in numbers:
                    if seq not in there:
                        yield "copies-row-missing", {"seq": seq}


def _compared(first: int, wanted: Sequence[Row | None], given: dict[str, Any] | None) -> Iterator[Problem]:
    last = first + len(wanted) - 1
    if given is None:
        yield "copies-absent", {"first": first, "last": last}
        return
    # An entry that is none is a finding already; what it should be filed under can't be said.
    known = {row[0]: row for row in wanted if row is not None}
    if len(known) == len(wanted) and _digest(list(known.values())) == given["sha256"]:
        return
    rows = _rows_in(given)
    if rows is None:
        yield "copies-slice", {"first": first, "last": last}
        return
    stored = {row[0]: row for row in rows}
    for seq, row in known.items():
        if seq in stored:
            yield from _differences(seq, stored[seq], row)
        else:
            yield "copies-row-missing", {"seq": seq}
    for seq in stored.keys() - set(range(first, last + 1)):
        yield "copies-stray", {"seq": seq}


def _differences(seq: int, stored: Row, wanted: Row) -> Iterator[Problem]:
    for place, name in enumerate(_FIELDS, 1):
        if stored[place] != wanted[place]:
            yield "copies-differ", {"seq": seq, "why": name, "found": str(stored[place])[:80], "said": wanted[place]}
    for place in (4, 5):
        for word in sorted(set(wanted[place]) - set(stored[place])):
            yield "copies-missing", {"seq": seq, "word": word}
        for word in sorted(set(stored[place]) - set(wanted[place])):
            yield "copies-extra", {"seq": seq, "word": word}


def _rows_in(given: dict[str, Any]) -> list[Row] | None:
    """Return the rows of a slice, None when there are none or they are not those of its digest."""
    rows = given.get("rows")
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows) or _digest(rows) != given["sha256"]:
        return None
    return rows


def _is_row(row: object) -> bool:
    if not isinstance(row, list) or len(row) != 6 or type(row[0]) is not int:
        return False
    lists = row[4:]
    return all(isinstance(word, str) for word in row[1:4]) and all(
        isinstance(words, list) and all(isinstance(word, str) for word in words) for words in lists
    )


def _digest(rows: Sequence[Row]) -> str:
    return hashlib.sha256(b"".join(map(_text_of, rows))).hexdigest()


def _text_of(row: Row) -> bytes:
    return (_encode(row) + "\n").encode("utf-8", "surrogatepass")


def row_texts(first: int, lines: Sequence[bytes]) -> bytes:
    """Return the rows of a slice of entries as text; nothing for what is no entry.

    Entries without an object in their object are taken apart by their bytes, all at once: their names are sorted, and a quotation mark
    within a text has a backslash before it. That is several times faster than parsing them; the others are parsed.
    """
    plain = _PLAIN.findall(b"\n".join(lines))
    if len(plain) != len(lines):
        plain = [found[0] if (found := _PLAIN.findall(line)) else None for line in lines]
    texts = []
    for seq, parts in enumerate(plain, first):
        text = None if parts is None else _plain_row(seq, parts)
        texts.append(_parsed_row(seq, lines[seq - first]) if text is None else text)
    return b"".join(texts)


def _plain_row(seq: int, parts: tuple[bytes, ...]) -> bytes | None:
    """Return a row as text; None where the entry has to be parsed."""
    act, actor, about, case_number, at = parts
    filed = _FILED.findall(about)
    if len(filed) == 1 and case_number in _NO_TEXT and filed[0][0] == b"placement_id" and filed[0][1] not in _NO_TEXT:
        return b'[%d,"%s","%s","%s",[%s],[]]\n' % (seq, at, act, actor, filed[0][1])
    words = dict(filed)
    if len(words) != len(filed) or words.keys() & _LISTS or b"" in words.values():
        return None
    placement = words.pop(b"placement_id", b"null")
    subjects = {*words.values(), case_number or b"null"} - {b"null"}
    placed = b"" if placement == b"null" else placement
    return b'[%d,"%s","%s","%s",[%s],[%s]]\n' % (seq, at, act, actor, placed, b",".join(sorted(subjects)))


def _parsed_row(seq: int, line: bytes) -> bytes:
    row = _row_of(seq, line)
    return b"" if row is None else _text_of(row)


def _row_of(seq: int, line: bytes) -> Row | None:
    """Return under what an entry should be filed; None when it is no entry."""
    try:
        words = json.loads(line)
        about = words["obj"]
        case_number = (words["purpose"] or {}).get("case")
        subjects = _texts(about, "hold_id", "pending_hold_ids", "export_id")
        if case_number is not None:
            subjects.add(case_number)
        placements = _texts(about, "placement_id", "placement_ids")
        return [seq, words["ts"], words["act"], words["actor"]["id"], sorted(placements), sorted(subjects)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _texts(about: dict[str, Any], *names: str) -> set[str]:
    found: set[str] = set()
    for name in names:
        value = about.get(name)
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, list):
            found.update(item for item in value if isinstance(item, str))
    return found
