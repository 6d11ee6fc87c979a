"""Which months of sign-ins still have to be reviewed: every month that is over and in which somebody signed in, or tried to.

Months are the city's. Asked at every look at the system's health, so it goes by an index over the ledger's search columns. Who hides
sign-ins there makes a month look empty here, and the ledger contradicted at the next whole check.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from vms.civil_time import month_of, next_month, signing_ends, span_of_month
from vms.db.reviews import ReviewKind
from vms.db.tables import access_review, ledger_entry, review_duty
from vms.db.tables.log import SIGN_INS
from vms.model import Span

FIRST_MONTH: Final = "2025-01"
"""No ledger began earlier: what is stamped before it was stamped by a clock that was never set, and its month is nobody's to review."""

LAST_MONTH: Final = "2199-11"
"""The last whose end can be written (`vms/civil_time.py`): a clock that is centuries ahead must not break the system's health."""


@dataclass(frozen=True, slots=True)
class OwedMonth:
    """A month whose sign-ins nobody has reviewed and signed.

    Args:
        month: `2026-10`.
        due_at: from when on it is late to sign, and somebody is alarmed: the 15th of the month after is over in the city.
    """

    month: str
    period: Span
    due_at: datetime


def owed_months(conn: Connection, now: datetime) -> list[OwedMonth]:
    """Return the months that are over, had sign-ins, and have no signed review; oldest first."""
    reviewed = {
        Span(row.start_at, row.end_at)
        for row in conn.execute(
            select(access_review.c.start_at, access_review.c.end_at).where(
                access_review.c.kind == ReviewKind.SIGN_INS.value, access_review.c.signed_at.is_not(None)
            )
        )
    }
    return [
        OwedMonth(month, period, signing_ends(month))
        for month, period in _months_over(conn, now)
        if period not in reviewed and _has_sign_ins(conn, period)
    ]


def since(conn: Connection) -> datetime | None:
    """Return the instant of the upgrade from which on reviews of sign-ins are owed; None when the database is new, and all are."""
    duty = select(review_duty.c.since_at).where(review_duty.c.kind == ReviewKind.SIGN_INS.value)
    return conn.execute(duty).scalar_one_or_none()


def _months_over(conn: Connection, now: datetime) -> Iterator[tuple[str, Span]]:
    first_at = conn.execute(select(func.min(ledger_entry.c.at)).where(SIGN_INS)).scalar_one()
    if first_at is None or first_at > now:
        return
    since_at = since(conn)
    # An upgrade in the future was stamped by a wrong clock. Waiting for that day would mean that nobody reviews: all months are owed.
    begin_at = first_at if since_at is None or since_at > now else max(first_at, since_at)
    month = max(month_of(begin_at), FIRST_MONTH)
    while month <= LAST_MONTH and (period := span_of_month(month)).end_at <= now:
        yield month, period
        month = next_month(month)


def _has_sign_ins(conn: Connection, period: Span) -> bool:
    own = ledger_entry.c
    query = select(own.at).where(SIGN_INS, own.at >= period.start_at, own.at < period.end_at)
    return conn.execute(query.limit(1)).first() is not None
