"""The city's own time: months, days and hours as the people who work there know them. Summer time is part of the zone."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from vms.errors import InvalidInput
from vms.model import Span

CITY_ZONE: Final = ZoneInfo("Europe/Amsterdam")
SIGN_BY_DAY: Final = 15
"""Of the month after: what a month leaves to be signed is in time until this day ends in the city, and late from then on."""
_MONTH: Final = re.compile(r"(20[0-9]{2}|21[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class OddHours:
    """The hours of a local day in which a sign-in is unusual; they may pass midnight, and none are odd when both are the same.

    Args:
        from_hour: the first odd hour, 0 to 23.
        until_hour: the hour from which it is usual again, 0 to 23.
    """

    from_hour: int
    until_hour: int

    def contain(self, at: datetime) -> bool:
        """Return whether an instant lies in an odd hour of the city."""
        hour = at.astimezone(CITY_ZONE).hour
        if self.from_hour <= self.until_hour:
            return self.from_hour <= hour < self.until_hour
        return hour >= self.from_hour or hour < self.until_hour


def month_of(at: datetime) -> str:
    """Return the month of an instant in the city, `2026-10`."""
    return f"{at.astimezone(CITY_ZONE):%Y-%m}"


def next_month(month: str) -> str:
    """Return the month after a month."""
    year, number = _parsed(month)
    return f"{year + number // 12}-{number % 12 + 1:02}"


def span_of_month(month: str) -> Span:
    """Return the instants at which a month begins and ends in the city.

    Raises:
        InvalidInput: it is no month like `2026-10`.
    """
    return Span(day_of_month(month, 1), day_of_month(next_month(month), 1))


def day_of_month(month: str, day: int) -> datetime:
    """Return the instant, UTC, at which a day of a month begins in the city.

    Raises:
        InvalidInput: it is no month like `2026-10`.
    """
    year, number = _parsed(month)
    return datetime(year, number, day, tzinfo=CITY_ZONE).astimezone(UTC)


def end_of_day(at: datetime, days: int = 0) -> datetime:
    """Return the instant, UTC, at which the city's day of an instant ends, or that so many days later."""
    begin = at.astimezone(CITY_ZONE).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return (begin + timedelta(days=days + 1)).astimezone(UTC)


def signing_ends(month: str) -> datetime:
    """Return the instant, UTC, from which on it is late to sign what a month left: the 15th of the next is over in the city."""
    return end_of_day(day_of_month(next_month(month), SIGN_BY_DAY))


def _parsed(month: str) -> tuple[int, int]:
    found = _MONTH.fullmatch(month)
    if found is None:
        raise InvalidInput(f"{month!r} is no month: write it like 2026-10", code="month.format")
    return int(found[1]), int(found[2])
