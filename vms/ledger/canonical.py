"""Canonical JSON: the one byte sequence of a value, so that a hash taken today can be taken again in ten years.

The rules of RFC 8785 for what we allow: objects with plain ASCII names, sorted; arrays; strings; integers that every
JSON reader holds exactly; booleans; null. No floats, no blanks, UTF-8.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from vms.errors import InvalidInput

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LARGEST_EXACT = 2**53 - 1


def encode(value: Json) -> bytes:
    """Return the canonical bytes.

    Raises:
        InvalidInput: a float, an inexact integer, a name that is not lower-case ASCII, or half of a surrogate pair.
    """
    _check(value, "$")
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise InvalidInput("a text in the ledger is no valid Unicode", code="ledger.value") from error


def instant(at: datetime) -> str:
    """Return an instant as the ledger writes it: UTC, always six digits of microseconds, `Z`.

    Raises:
        InvalidInput: the instant is naive.
    """
    if at.tzinfo is None:
        raise InvalidInput("an instant in the ledger needs a time zone", code="ledger.value")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check(value: object, place: str) -> None:
    if value is None or isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if abs(value) > _LARGEST_EXACT:
            raise InvalidInput(f"the integer at {place} is too large for JSON", code="ledger.value", place=place)
        return
    if isinstance(value, list):
        for position, item in enumerate(value):
            _check(item, f"{place}[{position}]")
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise InvalidInput(
                    f"the name {name!r} at {place} is not lower-case ASCII", code="ledger.value", place=place
                )
            _check(item, f"{place}.{name}")
        return
    raise InvalidInput(
        f"{type(value).__name__} at {place} can't stand in the ledger; use integers with a unit, or text",
        code="ledger.value",
        place=place,
    )
