"""Exports: a hold's footage, packaged for a receiver. Asked for by one person, decided by another."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from vms.db.tables import export
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import ExportId, ExportState, HoldId, UserId


@dataclass(frozen=True, slots=True)
class Export:
    """An export as the database knows it.

    Args:
        progress_done: of `progress_total`; the unit is the builder's.
        wrapped_key: the package's key, wrapped by the hold's key.
        failure: why building failed, for logs and the page.
        erased_at: when the package was erased, or None.
    """

    id: ExportId
    hold_id: HoldId
    state: ExportState
    requested_by: UserId
    requested_at: datetime
    receiver: str
    decided_by: UserId | None
    decided_at: datetime | None
    progress_done: int
    progress_total: int
    wrapped_key: bytes | None
    size_bytes: int | None
    sha256: str | None
    manifest: Mapping[str, Any] | None
    failure: str | None
    ready_at: datetime | None
    erased_at: datetime | None


def request(
    conn: Connection,
    export_id: ExportId,
    *,
    hold_id: HoldId,
    requested_by: UserId,
    requested_at: datetime,
    receiver: str,
) -> Export:
    """Store that somebody asks for an export.

    Raises:
        Conflict: the hold or the person does not exist (when the statement runs).
    """
    conn.execute(
        insert(export).values(
            id=export_id,
            hold_id=hold_id,
            state=ExportState.REQUESTED.value,
            requested_by=requested_by,
            requested_at=requested_at,
            receiver=receiver,
        )
    )
    return get(conn, export_id)


def decide(
    conn: Connection, export_id: ExportId, *, approved: bool, decided_by: UserId, decided_at: datetime
) -> Export:
    """REQUESTED -> APPROVED or REFUSED.

    Raises:
        NotFound: there is no such export.
        InvalidInput: the decider asked for it.
        Conflict: it is decided already.
    """
    asked = get(conn, export_id)
    if asked.requested_by == decided_by:
        raise InvalidInput(
            "an export must be decided by another person than the one who asked", code="export.two-persons"
        )
    after = ExportState.APPROVED if approved else ExportState.REFUSED
    _move(conn, export_id, ExportState.REQUESTED, after, decided_by=decided_by, decided_at=decided_at)
    return get(conn, export_id)


def begin_building(conn: Connection, export_id: ExportId, *, total: int, wrapped_key: bytes | None = None) -> None:
    """APPROVED -> BUILDING; exactly one builder gets through.

    Raises:
        Conflict: it is not approved, or somebody builds it.
    """
    _move(
        conn,
        export_id,
        ExportState.APPROVED,
        ExportState.BUILDING,
        progress_total=total,
        progress_done=0,
        wrapped_key=wrapped_key,
    )


def set_progress(conn: Connection, export_id: ExportId, done: int) -> None:
    """Store how far building is."""
    _move(conn, export_id, ExportState.BUILDING, ExportState.BUILDING, progress_done=done)


def finish(
    conn: Connection,
    export_id: ExportId,
    *,
    size_bytes: int,
    sha256: str,
    manifest: Mapping[str, Any],
    ready_at: datetime,
) -> None:
    """BUILDING -> READY.

    Raises:
        Conflict: it is not being built.
    """
    _move(
        conn,
        export_id,
        ExportState.BUILDING,
        ExportState.READY,
        progress_done=export.c.progress_total,
        size_bytes=size_bytes,
        sha256=sha256,
        manifest=dict(manifest),
        ready_at=ready_at,
    )


def fail(conn: Connection, export_id: ExportId, failure: str) -> None:
    """BUILDING -> FAILED.

    Raises:
        Conflict: it is not being built.
    """
    _move(conn, export_id, ExportState.BUILDING, ExportState.FAILED, failure=failure)


def rebuild(conn: Connection, export_id: ExportId) -> None:
    """BUILDING -> APPROVED: the builder died; the decision stands.

    Raises:
        Conflict: it is not being built.
    """
    _move(conn, export_id, ExportState.BUILDING, ExportState.APPROVED, progress_done=0, wrapped_key=None)


def note_erased(conn: Connection, export_id: ExportId, at: datetime) -> None:
    """Store that the package is erased, and forget its key."""
    conn.execute(
        update(export)
        .where(export.c.id == export_id, export.c.erased_at.is_(None))
        .values(erased_at=at, wrapped_key=None)
    )


def get(conn: Connection, export_id: ExportId) -> Export:
    """Return one export.

    Raises:
        NotFound: there is no such export.
    """
    row = conn.execute(select(export).where(export.c.id == export_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no export {export_id}", code="export.unknown")
    return _from_row(row)


def list_in(
    conn: Connection, states: Collection[ExportState] = frozenset(ExportState), *, hold_id: HoldId | None = None
) -> list[Export]:
    """Return the exports in some states, of one hold or of all, newest request first."""
    query = select(export).where(export.c.state.in_([state.value for state in states]))
    if hold_id is not None:
        query = query.where(export.c.hold_id == hold_id)
    return [_from_row(row) for row in conn.execute(query.order_by(export.c.requested_at.desc(), export.c.id))]


def _move(conn: Connection, export_id: ExportId, before: ExportState, after: ExportState, **values: object) -> None:
    statement = (
        update(export)
        .where(export.c.id == export_id, export.c.state == before.value)
        .values(state=after.value, **values)
    )
    if conn.execute(statement).rowcount == 0:
        raise Conflict(f"export {export_id} is not {before.value}", code="export.moved-on")


def _from_row(row: Row[Any]) -> Export:
    return Export(
        id=ExportId(row.id),
        hold_id=HoldId(row.hold_id),
        state=ExportState(row.state),
        requested_by=UserId(row.requested_by),
        requested_at=row.requested_at,
        receiver=row.receiver,
        decided_by=None if row.decided_by is None else UserId(row.decided_by),
        decided_at=row.decided_at,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        wrapped_key=row.wrapped_key,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        manifest=row.manifest,
        failure=row.failure,
        ready_at=row.ready_at,
        erased_at=row.erased_at,
    )
