"""How values look in JSON, and how instants and spans come in."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vms.errors import InvalidInput
from vms.model import PlacementId, Span

LONGEST_SPAN = timedelta(days=32)
"""More than anything is kept for without a hold."""

ShortText = Annotated[str, Field(max_length=200)]
LongText = Annotated[str, Field(max_length=2000)]
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Moment = AwareDatetime


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


def span_json(span: Span) -> dict[str, Any]:
    """Return a span as the pages get it."""
    return {"start_at": instant(span.start_at), "end_at": instant(span.end_at)}


def placement(identifier: str) -> PlacementId:
    """Return a placement's id that was sent; whether it exists is found out by the use case."""
    return PlacementId(identifier)
