"""Reviews of who watched what: a sample drawn by an auditor's seed, a judgement of each view, and a signature."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from vms.db.tables import access_review, access_review_item
from vms.errors import Conflict, NotFound
from vms.model import Span, UserId


class Verdict(StrEnum):
    """What an auditor says of a view."""

    IN_ORDER = "in-order"
    FINDING = "finding"


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the sample, and what was said of it so far."""

    seq: int
    verdict: Verdict | None
    remark: str | None
    judged_at: datetime | None


@dataclass(frozen=True, slots=True)
class Review:
    """A review.

    Args:
        sample: how many were asked for.
        population: from how many they were drawn.
        drawn, judged, findings: how many there are of each.
    """

    id: str
    drawn_by: UserId
    drawn_at: datetime
    period: Span
    seed: str
    sample: int
    population: int
    remark: str | None
    signed_at: datetime | None
    drawn: int
    judged: int
    findings: int


@dataclass(frozen=True, slots=True)
class NewReview:
    """A review that begins; `seqs` are the entries drawn."""

    id: str
    drawn_by: UserId
    drawn_at: datetime
    period: Span
    seed: str
    sample: int
    population: int
    seqs: Sequence[int]


def add(conn: Connection, new: NewReview) -> None:
    """Store a draw."""
    conn.execute(
        insert(access_review).values(
            id=new.id,
            drawn_by=new.drawn_by,
            drawn_at=new.drawn_at,
            start_at=new.period.start_at,
            end_at=new.period.end_at,
            seed=new.seed,
            sample=new.sample,
            population=new.population,
        )
    )
    conn.execute(insert(access_review_item), [{"review_id": new.id, "seq": seq} for seq in new.seqs])


def judge(conn: Connection, review_id: str, item: Item) -> None:
    """Store what is said of a view; it may be said anew until the review is signed.

    Raises:
        NotFound: the entry is not in the sample.
        Conflict: the review is signed.
    """
    statement = (
        update(access_review_item)
        .where(access_review_item.c.review_id == review_id, access_review_item.c.seq == item.seq)
        .values(verdict=item.verdict, remark=item.remark, judged_at=item.judged_at)
    )
    if get(conn, review_id).signed_at is not None:
        raise Conflict(f"review {review_id} is signed", code="review.signed")
    if conn.execute(statement).rowcount == 0:
        raise NotFound(f"entry {item.seq} is not in review {review_id}", code="review.unknown")


def sign(conn: Connection, review_id: str, remark: str | None, at: datetime) -> None:
    """Sign a review; nothing of it can be changed from then on.

    Raises:
        Conflict: it is signed, or something in it was not judged.
    """
    found = get(conn, review_id)
    if found.signed_at is not None:
        raise Conflict(f"review {review_id} is signed", code="review.signed")
    if found.judged < found.drawn:
        raise Conflict(
            f"{found.drawn - found.judged} of the sample are not judged",
            code="review.unjudged",
            count=found.drawn - found.judged,
        )
    conn.execute(update(access_review).where(access_review.c.id == review_id).values(remark=remark, signed_at=at))


def get(conn: Connection, review_id: str) -> Review:
    """Return a review.

    Raises:
        NotFound: there is none.
    """
    row = conn.execute(_counted().where(access_review.c.id == review_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no review {review_id}", code="review.unknown")
    return _from_row(row)


def list_all(conn: Connection) -> list[Review]:
    """Return all reviews, newest first."""
    return [_from_row(row) for row in conn.execute(_counted().order_by(access_review.c.drawn_at.desc()))]


def last_signed(conn: Connection) -> Review | None:
    """Return the review that was signed last, or None."""
    query = _counted().where(access_review.c.signed_at.is_not(None)).order_by(access_review.c.signed_at.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None else _from_row(row)


def items(conn: Connection, review_id: str) -> list[Item]:
    """Return a review's sample, in the ledger's order."""
    query = select(access_review_item).where(access_review_item.c.review_id == review_id)
    return [
        Item(row.seq, None if row.verdict is None else Verdict(row.verdict), row.remark, row.judged_at)
        for row in conn.execute(query.order_by(access_review_item.c.seq))
    ]


def _counted() -> Any:
    own = access_review_item.c
    counts = (
        select(
            own.review_id,
            func.count().label("drawn"),
            func.count(own.verdict).label("judged"),
            func.count().filter(own.verdict == Verdict.FINDING.value).label("findings"),
        )
        .group_by(own.review_id)
        .subquery()
    )
    return select(access_review, counts.c.drawn, counts.c.judged, counts.c.findings).join(
        counts, counts.c.review_id == access_review.c.id
    )


def _from_row(row: Row[Any]) -> Review:
    return Review(
        row.id,
        row.drawn_by,
        row.drawn_at,
        Span(row.start_at, row.end_at),
        row.seed,
        row.sample,
        row.population,
        row.remark,
        row.signed_at,
        row.drawn,
        row.judged,
        row.findings,
    )
