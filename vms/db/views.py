"""Views: who is watching which placement, live or played back, opened and closed by the server."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from vms.db.tables import view
from vms.errors import NotFound
from vms.model import PlacementId, Span

ViewKind = Literal["live", "playback"]


@dataclass(frozen=True, slots=True)
class View:
    """One continuous look.

    Args:
        seen_at: the server's last heartbeat for it.
        span: what a playback view may read.
    """

    id: str
    session_id: str
    placement_id: PlacementId
    kind: ViewKind
    opened_at: datetime
    seen_at: datetime
    closed_at: datetime | None
    span: Span | None


def open_view(
    conn: Connection,
    view_id: str,
    *,
    session_id: str,
    placement_id: PlacementId,
    kind: ViewKind,
    at: datetime,
    span: Span | None = None,
) -> View:
    """Store that a view begins."""
    conn.execute(
        insert(view).values(
            id=view_id,
            session_id=session_id,
            placement_id=placement_id,
            kind=kind,
            opened_at=at,
            seen_at=at,
            span_start_at=None if span is None else span.start_at,
            span_end_at=None if span is None else span.end_at,
        )
    )
    return View(view_id, session_id, placement_id, kind, at, at, None, span)


def note_seen(conn: Connection, view_id: str, at: datetime) -> None:
    """Store the server's heartbeat for a view; never moves back, never wakes a closed one."""
    conn.execute(
        update(view).where(view.c.id == view_id, view.c.closed_at.is_(None), view.c.seen_at < at).values(seen_at=at)
    )


def close_view(conn: Connection, view_id: str, at: datetime) -> bool:
    """Store that a view is over.

    Returns:
        Whether this call closed it.
    """
    statement = update(view).where(view.c.id == view_id, view.c.closed_at.is_(None)).values(closed_at=at)
    return conn.execute(statement).rowcount == 1


def get(conn: Connection, view_id: str) -> View:
    """Return one view.

    Raises:
        NotFound: there is no such view.
    """
    row = conn.execute(select(view).where(view.c.id == view_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no view {view_id}", code="view.unknown")
    return _from_row(row)


def list_open(conn: Connection, *, session_id: str | None = None) -> list[View]:
    """Return the views that nobody has closed, of one session or of all, oldest first."""
    query = select(view).where(view.c.closed_at.is_(None)).order_by(view.c.opened_at, view.c.id)
    if session_id is not None:
        query = query.where(view.c.session_id == session_id)
    return [_from_row(row) for row in conn.execute(query)]


def _from_row(row: Row[Any]) -> View:
    return View(
        id=row.id,
        session_id=row.session_id,
        placement_id=PlacementId(row.placement_id),
        kind=row.kind,
        opened_at=row.opened_at,
        seen_at=row.seen_at,
        closed_at=row.closed_at,
        span=None if row.span_start_at is None else Span(row.span_start_at, row.span_end_at),
    )
