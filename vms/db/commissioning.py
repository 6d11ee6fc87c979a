"""Leave to see a placement unblanked: asked for by one person, approved by another, short; and the looks taken under it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from vms.db.tables import commissioning, commissioning_view, placement, session, user_account, user_role
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import COMMISSIONING_CEILING, CommissioningId, CommissioningState, PlacementId, Role, UserId

REQUEST_LAPSES_AFTER = timedelta(hours=1)
"""A request that nobody decided for so long can't be approved any more: whoever asked has gone on to something else."""


@dataclass(frozen=True, slots=True)
class Commissioning:
    """Leave to see one placement unblanked.

    Args:
        minutes: for how long it was asked.
        requested_as, decided_as: the roles under which both acted.
        from_at, until_at: when it counts; set by the approval.
        closed_why: a word for the ledger.
    """

    id: CommissioningId
    placement_id: PlacementId
    state: CommissioningState
    reason: str
    minutes: int
    requested_by: UserId
    requested_as: Role
    requested_at: datetime
    decided_by: UserId | None
    decided_as: Role | None
    decided_session: str | None
    decided_at: datetime | None
    from_at: datetime | None
    until_at: datetime | None
    closed_at: datetime | None
    closed_why: str | None


@dataclass(frozen=True, slots=True)
class CommissioningView:
    """One continuous look.

    Args:
        seen_at: up to here the ledger has it.
    """

    id: str
    commissioning_id: CommissioningId
    session_id: str
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a worker needs to know before it shows anything: a leave that counts and the look that is open under it.

    Args:
        until_at: the earliest end of all that it hangs on: the leave itself, both persons' roles and sessions, the placement.
        seen_at: up to here the ledger has the look.
        epoch: the placement's recorder that counts.
    """

    commissioning_id: CommissioningId
    view_id: str
    placement_id: PlacementId
    from_at: datetime
    until_at: datetime
    seen_at: datetime
    epoch: int


def request(
    conn: Connection,
    commissioning_id: CommissioningId,
    *,
    placement_id: PlacementId,
    reason: str,
    minutes: int,
    requested_by: UserId,
    requested_as: Role,
    at: datetime,
) -> Commissioning:
    """Store that somebody asks to see a placement unblanked.

    Raises:
        InvalidInput: it is longer than the ceiling, or has no reason.
    """
    longest = int(COMMISSIONING_CEILING.total_seconds()) // 60
    if not 1 <= minutes <= longest:
        raise InvalidInput(
            f"a commissioning view lasts 1 to {longest} minutes", code="commissioning.minutes", most=longest
        )
    if not reason.strip():
        raise InvalidInput("a commissioning view needs a reason", code="commissioning.reason", least=1)
    conn.execute(
        insert(commissioning).values(
            id=commissioning_id,
            placement_id=placement_id,
            state=CommissioningState.REQUESTED.value,
            reason=reason,
            minutes=minutes,
            requested_by=requested_by,
            requested_as=requested_as.value,
            requested_at=at,
        )
    )
    return get(conn, commissioning_id)


def approve(
    conn: Connection, commissioning_id: CommissioningId, *, by: UserId, role: Role, session_id: str, at: datetime
) -> Commissioning:
    """REQUESTED -> APPROVED; the time runs from now.

    Raises:
        NotFound: there is no such request.
        InvalidInput: the approver asked for it.
        Conflict: it is decided or lapsed, or another leave for this placement counts.
    """
    asked = _undecided(conn, commissioning_id, by, at)
    # The placement's row serialises approvals (PostgreSQL); the index refuses a second one in any case.
    conn.execute(select(placement.c.id).where(placement.c.id == asked.placement_id).with_for_update())
    other = select(commissioning.c.id).where(
        commissioning.c.placement_id == asked.placement_id, commissioning.c.state == CommissioningState.APPROVED.value
    )
    if conn.execute(other).first() is not None:
        raise Conflict(
            f"another commissioning view of {asked.placement_id} is approved; end it first", code="commissioning.busy"
        )
    until_at = at + min(timedelta(minutes=asked.minutes), COMMISSIONING_CEILING)
    _move(
        conn,
        asked,
        CommissioningState.APPROVED,
        decided_by=by,
        decided_as=role.value,
        decided_session=session_id,
        decided_at=at,
        from_at=at,
        until_at=until_at,
    )
    return get(conn, commissioning_id)


def refuse(
    conn: Connection, commissioning_id: CommissioningId, *, by: UserId, role: Role, session_id: str, at: datetime
) -> Commissioning:
    """REQUESTED -> REFUSED.

    Raises:
        NotFound: there is no such request.
        InvalidInput: the decider asked for it.
        Conflict: it is decided or lapsed.
    """
    asked = _undecided(conn, commissioning_id, by, at)
    _move(
        conn,
        asked,
        CommissioningState.REFUSED,
        decided_by=by,
        decided_as=role.value,
        decided_session=session_id,
        decided_at=at,
    )
    return get(conn, commissioning_id)


def close(conn: Connection, commissioning_id: CommissioningId, why: str, at: datetime) -> bool:
    """REQUESTED or APPROVED -> CLOSED.

    Returns:
        Whether this call closed it.
    """
    statement = (
        update(commissioning)
        .where(
            commissioning.c.id == commissioning_id,
            commissioning.c.state.in_([CommissioningState.REQUESTED.value, CommissioningState.APPROVED.value]),
        )
        .values(state=CommissioningState.CLOSED.value, closed_at=at, closed_why=why)
    )
    return conn.execute(statement).rowcount == 1


def get(conn: Connection, commissioning_id: CommissioningId) -> Commissioning:
    """Return one leave.

    Raises:
        NotFound: there is no such leave.
    """
    row = conn.execute(select(commissioning).where(commissioning.c.id == commissioning_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no commissioning view {commissioning_id}", code="commissioning.unknown")
    return _from_row(row)


def list_since(conn: Connection, at: datetime) -> list[Commissioning]:
    """Return what was asked for since an instant, and all that is not over; newest first."""
    lasting = commissioning.c.state.in_([CommissioningState.REQUESTED.value, CommissioningState.APPROVED.value])
    query = (
        select(commissioning)
        .where(lasting | (commissioning.c.requested_at >= at))
        .order_by(commissioning.c.requested_at.desc(), commissioning.c.id)
    )
    return [_from_row(row) for row in conn.execute(query)]


def approved(conn: Connection) -> dict[PlacementId, Commissioning]:
    """Return the leaves that are approved and not closed, by placement."""
    rows = conn.execute(select(commissioning).where(commissioning.c.state == CommissioningState.APPROVED.value))
    return {PlacementId(row.placement_id): _from_row(row) for row in rows}


def open_view(
    conn: Connection, view_id: str, commissioning_id: CommissioningId, session_id: str, at: datetime
) -> CommissioningView:
    """Store that a look begins.

    Raises:
        Conflict: another look is open under this leave (when the statement runs).
    """
    conn.execute(
        insert(commissioning_view).values(
            id=view_id, commissioning_id=commissioning_id, session_id=session_id, opened_at=at, seen_at=at
        )
    )
    return CommissioningView(view_id, commissioning_id, session_id, at, at, None)


def note_seen(conn: Connection, view_id: str, at: datetime) -> bool:
    """Store that the ledger has a look up to an instant; False when it is closed."""
    view = commissioning_view
    statement = (
        update(view).where(view.c.id == view_id, view.c.closed_at.is_(None), view.c.seen_at <= at).values(seen_at=at)
    )
    return conn.execute(statement).rowcount == 1


def close_view(conn: Connection, view_id: str, at: datetime) -> bool:
    """Store that a look is over.

    Returns:
        Whether this call closed it.
    """
    view = commissioning_view
    statement = update(view).where(view.c.id == view_id, view.c.closed_at.is_(None)).values(closed_at=at)
    return conn.execute(statement).rowcount == 1


def open_views(conn: Connection) -> list[CommissioningView]:
    """Return the looks that nobody has closed."""
    view = commissioning_view
    rows = conn.execute(select(view).where(view.c.closed_at.is_(None)).order_by(view.c.opened_at, view.c.id))
    return [
        CommissioningView(
            row.id,
            CommissioningId(row.commissioning_id),
            row.session_id,
            opened_at=row.opened_at,
            seen_at=row.seen_at,
            closed_at=row.closed_at,
        )
        for row in rows
    ]


def standing(conn: Connection, placement_id: PlacementId) -> Standing | None:
    """Return the leave that counts for a placement with the look that is open under it; None when anything is missing.

    The database decides, not the one who asks: approved and not closed; a look open; both persons' accounts, roles and
    sessions still there. The caller compares the instants with its own clock.
    """
    view, leave = commissioning_view, commissioning
    query = (
        select(
            leave,
            view.c.id.label("view_id"),
            view.c.session_id,
            view.c.seen_at,
            placement.c.epoch,
            placement.c.until_at.label("placement_until_at"),
        )
        .join(view, and_(view.c.commissioning_id == leave.c.id, view.c.closed_at.is_(None)))
        .join(placement, placement.c.id == leave.c.placement_id)
        .where(leave.c.placement_id == placement_id, leave.c.state == CommissioningState.APPROVED.value)
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    ends = [
        row.until_at,
        _person_ends_at(conn, row.requested_by, row.requested_as, row.session_id),
        _person_ends_at(conn, row.decided_by, row.decided_as, row.decided_session),
    ]
    if None in ends:
        return None
    if row.placement_until_at is not None:
        ends.append(row.placement_until_at)
    return Standing(
        CommissioningId(row.id),
        row.view_id,
        placement_id,
        from_at=row.from_at,
        until_at=min(ends),
        seen_at=row.seen_at,
        epoch=row.epoch,
    )


def _person_ends_at(conn: Connection, user_id: str, role: str, session_id: str) -> datetime | None:
    """Return until when somebody may take part; None when it is over."""
    query = (
        select(user_role.c.valid_until_at, session.c.ends_at)
        .join(user_account, user_account.c.id == user_role.c.user_id)
        .join(session, session.c.user_id == user_account.c.id)
        .where(
            user_role.c.user_id == user_id,
            user_role.c.role == role,
            user_account.c.disabled_at.is_(None),
            session.c.id == session_id,
            session.c.ended_at.is_(None),
        )
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else min(row.valid_until_at, row.ends_at)


def _undecided(conn: Connection, commissioning_id: CommissioningId, by: UserId, at: datetime) -> Commissioning:
    asked = get(conn, commissioning_id)
    if asked.requested_by == by:
        raise InvalidInput(
            "a commissioning view must be decided by another person than the one who asked",
            code="commissioning.two-persons",
        )
    if asked.state is not CommissioningState.REQUESTED or at - asked.requested_at >= REQUEST_LAPSES_AFTER:
        raise Conflict(
            f"commissioning view {commissioning_id} can't be decided any more", code="commissioning.moved-on"
        )
    return asked


def _move(conn: Connection, asked: Commissioning, after: CommissioningState, **values: object) -> None:
    statement = (
        update(commissioning)
        .where(commissioning.c.id == asked.id, commissioning.c.state == asked.state.value)
        .values(state=after.value, **values)
    )
    if conn.execute(statement).rowcount != 1:
        raise Conflict(f"commissioning view {asked.id} was decided by somebody else", code="commissioning.moved-on")


def _from_row(row: Row[Any]) -> Commissioning:
    return Commissioning(
        id=CommissioningId(row.id),
        placement_id=PlacementId(row.placement_id),
        state=CommissioningState(row.state),
        reason=row.reason,
        minutes=row.minutes,
        requested_by=UserId(row.requested_by),
        requested_as=Role(row.requested_as),
        requested_at=row.requested_at,
        decided_by=None if row.decided_by is None else UserId(row.decided_by),
        decided_as=None if row.decided_as is None else Role(row.decided_as),
        decided_session=row.decided_session,
        decided_at=row.decided_at,
        from_at=row.from_at,
        until_at=row.until_at,
        closed_at=row.closed_at,
        closed_why=row.closed_why,
    )
