"""How values look in JSON, and how instants and spans come in."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from vms.errors import InvalidInput
from vms.model import Span

LONGEST_SPAN = timedelta(days=32)
"""More than anything is kept for without a hold."""

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Instants outside are typing errors, and the calendar's own ends can't be turned into UTC."""


def _without_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a text holds no NUL: not every database can store it")
    return text


def _in_our_time(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError("an instant lies between 1970 and 2200")
    return at


StorableText = Annotated[str, AfterValidator(_without_nul)]
ShortText = Annotated[StorableText, Field(max_length=200)]
LongText = Annotated[StorableText, Field(max_length=2000)]
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
SegmentNumber = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Body(BaseModel):
    """A JSON body: unknown fields are an error, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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
