"""How values look in JSON, and how instants and spans come in."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from api.errors import ODD_CHARACTERS
from vms.errors import InvalidInput
from vms.model import Span, odd_character, refuse_odd_texts

LONGEST_SPAN = timedelta(days=32)
"""More than anything is kept for without a hold."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Instants outside are typing errors, and the calendar's own ends can't be turned into UTC."""


LONGEST_SHORT: Final = 200
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})"
)


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text holds no NUL: not every database can store it")
    return text


def _written_out(value: object) -> object:
    # A number would be taken as seconds since 1970: `from=0.5` is a typing error, and would show the wrong night.
    if not isinstance(value, datetime) and not (isinstance(value, str) and _INSTANT.fullmatch(value)):
        raise ValueError("an instant is written like 2026-11-24T22:14:05Z, with its time zone")
    return value


def _in_our_time(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError("an instant lies between 1970 and 2200")
    return at


def _one_line(text: str) -> str:
    _refuse_odd(odd_character(text))
    return text


def _lines(text: str) -> str:
    plain = text.replace("\r\n", "\n")
    _refuse_odd(odd_character(plain, has_lines=True))
    return plain


def _refuse_odd(odd: str | None) -> None:
    if odd is not None:
        raise PydanticCustomError(ODD_CHARACTERS, "leave out {odd}", {"odd": odd})


def plain_document(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document as it is, whose texts are lines of plain text.

    Raises:
        PydanticCustomError: one is not.
    """
    try:
        refuse_odd_texts(document, "it")
    except InvalidInput as error:
        raise PydanticCustomError(ODD_CHARACTERS, "{why}", {"why": str(error)}) from error
    return document


StorableText = Annotated[str, AfterValidator(_without_nul)]
ShortText = Annotated[str, Field(max_length=LONGEST_SHORT), AfterValidator(_one_line)]
"""One line that looks everywhere like what was typed."""
LongText = Annotated[str, Field(max_length=2000), AfterValidator(_lines)]
"""The same, and line ends are allowed."""
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_our_time)]
SegmentNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Body(BaseModel):
    """A JSON body: unknown fields are an error, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def handed_over(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Declare what a route hands over that is no JSON of ours."""
    return {
        200: {
            "description": "The file.",
            "content": {kind.split(";")[0]: {"schema": {"type": "string", "format": "binary"}} for kind in media_types},
        }
    }


def attachment(name: str) -> dict[str, str]:
    """Return the headers of a file to keep; a name that headers can't carry as it is goes along in both forms (RFC 6266)."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    both = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return {"Content-Disposition": f'attachment; filename="{plain}"{both}', "Cache-Control": "no-store"}


def instant(at: datetime | None) -> str | None:
    """Return an instant as the pages get it: ISO 8601, UTC, `Z`, microseconds."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def span_of(from_at: datetime, to_at: datetime, longest: timedelta = LONGEST_SPAN) -> Span:
    """Return a span that was sent.

    Raises:
        InvalidInput: it ends before it begins, or is longer than allowed.
    """
    span = Span(from_at.astimezone(UTC), to_at.astimezone(UTC))
    if span.end_at - span.start_at > longest:
        raise InvalidInput(
            f"a span is at most {longest.total_seconds() / 3600:.0f} hours",
            code="span.too-long",
            hours=round(longest.total_seconds() / 3600),
        )
    return span
