"""Entries of the ledger as people read them: on the page, and as rows to take along (CSV for a spreadsheet, JSON for a program)."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from api.pages.texts import act_text
from api.routers.shapes import instant
from vms.db.engine import Database
from vms.ledger import search
from vms.ledger.search import Filter, StoredEntry
from vms.model import UserId

MOST_ROWS: Final = 100_000
"""More is for the audit bundle, which can be checked as well."""

_FORMAT: Final = "vms-ledger-rows/1"
_AT_ONCE: Final = 500
_COLUMNS: Final = (
    "seq", "at", "act", "act_text", "category", "actor_id", "actor_name", "actor_kind", "role", "session", "result", "why",
    "purpose", "case", "purpose_text", "recipient", "app", "workstation", "ip", "object",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Form(StrEnum):
    """As what rows are taken along."""

    CSV = "csv"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """Its name in HTTP."""
        return "text/csv; charset=utf-8" if self is Form.CSV else "application/json"


@dataclass(frozen=True, slots=True)
class Reading:
    """What an entry is read with: the names behind the accounts, and the reader's language."""

    names: Mapping[UserId, str]
    language: str


def entry_shown(entry: StoredEntry, reading: Reading) -> dict[str, Any]:
    """Return an entry with its texts in place and names for ids."""
    actor = entry.document["actor"]
    purpose = entry.revealed("purpose")
    return {
        "seq": entry.seq,
        "at": instant(entry.at),
        "act": entry.act.value,
        "act_text": act_text(reading.language, entry.act.value),
        "category": entry.category.value,
        "actor": {
            "id": actor["id"],
            "name": reading.names.get(actor["id"], actor["id"]),
            "kind": actor["kind"],
            "role": actor["role"],
            "session": actor["sess"],
        },
        "object": entry.object,
        "people": {
            found: reading.names[UserId(found)] for found in sorted(_texts_in(entry.object)) if found in reading.names
        },
        "object_text": _in_words(entry.object),
        "result": entry.document["res"],
        "why": entry.document["why"],
        "purpose": purpose,
        "recipient": entry.revealed("recipient"),
        "origin": entry.document["origin"],
    }


def rows_in(form: Form, db: Database, wanted: Filter, reading: Reading) -> Iterator[bytes]:
    """Yield what the search finds, newest first, piece by piece; its `before_seq` leaves out what is appended meanwhile.

    Raises:
        IntegrityLost: a text does not fit the commitment under which it is kept; what was yielded is not whole.
    """
    return (_csv if form is Form.CSV else _json)(_shown(db, wanted, reading))


def _shown(db: Database, wanted: Filter, reading: Reading) -> Iterator[dict[str, Any]]:
    while True:
        # The ledger only grows at its end: pages fit together without one long transaction.
        with db.read() as conn:
            page = search.search(conn, wanted, limit=_AT_ONCE)
        yield from (entry_shown(entry, reading) for entry in page)
        if len(page) < _AT_ONCE:
            return
        wanted = replace(wanted, before_seq=page[-1].seq)


def _json(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield f'{{"format": "{_FORMAT}", "entries": ['.encode()
    for number, entry in enumerate(entries):
        yield (b",\n" if number else b"\n") + json.dumps(entry, ensure_ascii=False).encode()
    yield b"\n]}\n"


def _csv(entries: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    # With the mark and the semicolons, a Dutch spreadsheet opens it in columns and with its accents.
    yield "\ufeff".encode()
    yield _line(_COLUMNS)
    for entry in entries:
        yield _line(_cells(entry))


def _cells(entry: Mapping[str, Any]) -> Iterator[str]:
    actor, purpose, origin = entry["actor"], entry["purpose"] or {}, entry["origin"]
    told = json.dumps(entry["object"], ensure_ascii=False)
    values = (
        entry["seq"], entry["at"], entry["act"], entry["act_text"], entry["category"], actor["id"], actor["name"], actor["kind"],
        actor["role"], actor["session"], entry["result"], entry["why"], purpose.get("code"), purpose.get("case"), purpose.get("text"),
        entry["recipient"], origin["app"], origin["ws"], origin["ip"], told,
    )  # fmt: skip
    for value in values:
        text = "" if value is None else str(value)
        # What people typed must not become a formula in somebody's spreadsheet.
        yield f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterator[str] | tuple[str, ...]) -> bytes:
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerow(cells)
    return written.getvalue().encode()


def _texts_in(value: Any) -> set[str]:
    """Return all texts in an object: an id of somebody may stand anywhere."""
    if isinstance(value, dict):
        return {text for item in value.values() for text in _texts_in(item)}
    if isinstance(value, list):
        return {text for item in value for text in _texts_in(item)}
    return {value} if isinstance(value, str) else set()


def _in_words(value: Any) -> str:
    """Return an object as one line: for reading where the page has no sentence of its own."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(item)}" for name, item in value.items() if item not in (None, [], ""))
    if isinstance(value, list):
        return " ".join(_in_words(item) for item in value)
    return str(value)
