"""Placements: one camera at one spot under one designation; with the areas and designations they hang on.

The placement's row carries the fence (`epoch`) and the gap-free segment number (`last_number`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from vms.db import cameras, designations
from vms.db.cameras import Camera
from vms.db.designations import Designation
from vms.db.tables import area, camera, designation, designation_withdrawal, placement
from vms.errors import Conflict, Fenced, NotFound
from vms.law.permit import Decision, PlaceLaw
from vms.model import CameraId, PlacementId


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the city with one purpose for its cameras."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class NewPlacement:
    """What is needed to place a camera."""

    id: PlacementId
    camera_id: CameraId
    designation_id: str
    name: str
    from_at: datetime
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """A camera at a spot.

    Args:
        designation: the newest that it was put under.
        decisions: all that it is or was under, in the order in which they were entered.
        epoch: of the recorder that counts now; 0: none yet.
        last_number: the last segment number given out; 0: none yet.
        status: what the worker last said of itself, or None.
    """

    id: PlacementId
    name: str
    camera: Camera
    area: Area
    designation: Designation
    from_at: datetime
    until_at: datetime | None
    epoch: int
    last_number: int
    status: Mapping[str, Any] | None
    status_at: datetime | None
    decisions: tuple[Decision, ...]

    @property
    def law(self) -> PlaceLaw:
        """What decides whether it may record."""
        return PlaceLaw(self.from_at, self.until_at, self.decisions)


def add_area(conn: Connection, new: Area) -> None:
    """Add an area."""
    conn.execute(insert(area).values(id=new.id, name=new.name))


def list_areas(conn: Connection) -> list[Area]:
    """Return all areas, by name."""
    return [Area(row.id, row.name) for row in conn.execute(select(area).order_by(area.c.name, area.c.id))]


def add(conn: Connection, new: NewPlacement) -> None:
    """Place a camera. It starts with nothing approved: no plan, no footage, epoch 0.

    Raises:
        Conflict: the id is taken, the camera is placed elsewhere, or camera or designation don't exist (when the statement runs).
    """
    conn.execute(
        insert(placement).values(
            id=new.id,
            camera_id=new.camera_id,
            designation_id=new.designation_id,
            name=new.name,
            from_at=new.from_at,
            until_at=new.until_at,
        )
    )
    designations.put_under(conn, new.id, new.designation_id, new.from_at)


def change(conn: Connection, placement_id: PlacementId, *, name: str, designation_id: str, at: datetime) -> None:
    """Change the name of a placement, or put it under another designation. The spot stays: another spot is another placement.

    Args:
        at: now; what was recorded before stays under the designation of then.

    Raises:
        Conflict: it has ended, or does not exist; or the designation does not (when the statement runs).
    """
    before = select(placement.c.designation_id).where(placement.c.id == placement_id)
    is_another = conn.execute(before).scalar_one_or_none() != designation_id
    statement = (
        update(placement)
        .where(placement.c.id == placement_id, placement.c.until_at.is_(None))
        .values(name=name, designation_id=designation_id)
    )
    if conn.execute(statement).rowcount == 0:
        raise _ended(placement_id)
    if is_another:
        designations.put_under(conn, placement_id, designation_id, at)


def end(conn: Connection, placement_id: PlacementId, until_at: datetime) -> None:
    """End a placement, and fence its recorder.

    Raises:
        Conflict: it has ended already, or does not exist.
    """
    statement = (
        update(placement)
        .where(placement.c.id == placement_id, placement.c.until_at.is_(None))
        .values(until_at=until_at, epoch=placement.c.epoch + 1)
    )
    if conn.execute(statement).rowcount == 0:
        raise _ended(placement_id)


def _ended(placement_id: PlacementId) -> Conflict:
    return Conflict(f"placement {placement_id} has ended or does not exist", code="placement.ended")


def get(conn: Connection, placement_id: PlacementId) -> Placement:
    """Return one placement.

    Raises:
        NotFound: there is no such placement.
    """
    row = conn.execute(_query().where(placement.c.id == placement_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no placement {placement_id}", code="placement.unknown")
    return _from_row(row, designations.decisions_of(conn, placement_id))


def law(conn: Connection, placement_id: PlacementId) -> PlaceLaw:
    """Return what decides whether a placement may record.

    Raises:
        NotFound: there is no such placement.
    """
    query = select(placement.c.from_at, placement.c.until_at).where(placement.c.id == placement_id)
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no placement {placement_id}", code="placement.unknown")
    return PlaceLaw(row.from_at, row.until_at, designations.decisions_of(conn, placement_id))


def last_number(conn: Connection, placement_id: PlacementId) -> int:
    """Return the last number given out for a placement's segments; 0: none."""
    return int(conn.execute(select(placement.c.last_number).where(placement.c.id == placement_id)).scalar_one())


def lock(conn: Connection, placement_ids: Collection[PlacementId]) -> dict[PlacementId, int]:
    """Keep recorders and others who lock them away from these placements until the transaction ends.

    Returns:
        The last number given out for each of those that there are.
    """
    query = select(placement.c.id, placement.c.last_number).where(placement.c.id.in_(placement_ids))
    locked = conn.execute(query.order_by(placement.c.id).with_for_update())
    return {PlacementId(row.id): row.last_number for row in locked}


def list_all(conn: Connection, *, at: datetime | None = None) -> list[Placement]:
    """Return all placements by id; with `at` only those that may then record."""
    query = _query().order_by(placement.c.id)
    if at is not None:
        query = query.where(designations.in_force(placement.c.id, at))
    decisions = designations.decisions_of_all(conn)
    return [_from_row(row, decisions.get(PlacementId(row.placement_id), ())) for row in conn.execute(query)]


def list_ending(conn: Connection, now: datetime) -> list[Placement]:
    """Return the placements in use whose newest designation has ended or will do so within the notice, by id."""
    found = [one for one in list_all(conn) if one.until_at is None and one.camera.removed_at is None]
    return [one for one in found if one.designation.ending_at(now) is not None]


def take_over(conn: Connection, placement_id: PlacementId) -> int:
    """Become the placement's recorder: bump the epoch. Every recorder of an older epoch is fenced from the commit on.

    Returns:
        The epoch to record under.

    Raises:
        NotFound: there is no such placement.
    """
    statement = (
        update(placement)
        .where(placement.c.id == placement_id)
        .values(epoch=placement.c.epoch + 1)
        .returning(placement.c.epoch)
    )
    epoch = conn.execute(statement).scalar_one_or_none()
    if epoch is None:
        raise NotFound(f"there is no placement {placement_id}", code="placement.unknown")
    return int(epoch)


def check_fence(conn: Connection, placement_id: PlacementId, epoch: int) -> None:
    """Make sure that the epoch is current and stays so until the end of this transaction.

    Raises:
        Fenced: another recorder has taken over.
    """
    # FOR SHARE: without the lock a take-over could commit between this look and our commit (PostgreSQL).
    query = select(placement.c.epoch).where(placement.c.id == placement_id).with_for_update(read=True)
    current = conn.execute(query).scalar_one_or_none()
    if current != epoch:
        raise fenced(placement_id, epoch)


def fenced(placement_id: PlacementId, epoch: int) -> Fenced:
    """Return the error of a recorder that has been overtaken."""
    return Fenced(
        f"placement {placement_id}: epoch {epoch} is over, another recorder has taken over", code="recorder.fenced"
    )


def set_status(conn: Connection, placement_id: PlacementId, status: Mapping[str, Any], at: datetime) -> None:
    """Store what the worker says of itself (JSON; no picture in it)."""
    conn.execute(update(placement).where(placement.c.id == placement_id).values(status=dict(status), status_at=at))


def _query() -> Select[Any]:
    # camera.* keeps its own names; the others are labelled, so that no two columns of the row share one.
    return (
        select(
            camera,
            placement.c.id.label("placement_id"),
            placement.c.name.label("placement_name"),
            placement.c.from_at,
            placement.c.until_at,
            placement.c.epoch,
            placement.c.last_number,
            placement.c.status,
            placement.c.status_at,
            area.c.id.label("area_id"),
            area.c.name.label("area_name"),
            designation.c.id.label("designation_id"),
            designation.c.number.label("designation_number"),
            designation.c.legal_basis,
            designation.c.valid_from_at,
            designation.c.valid_until_at,
            designation_withdrawal.c.withdrawn_at,
        )
        .select_from(placement)
        .join(camera, camera.c.id == placement.c.camera_id)
        .join(designation, designation.c.id == placement.c.designation_id)
        .outerjoin(designation_withdrawal, designation_withdrawal.c.designation_id == designation.c.id)
        .join(area, area.c.id == designation.c.area_id)
    )


def _from_row(row: Row[Any], decisions: tuple[Decision, ...]) -> Placement:
    return Placement(
        id=PlacementId(row.placement_id),
        name=row.placement_name,
        camera=cameras.from_row(row),
        area=Area(row.area_id, row.area_name),
        designation=Designation(
            id=row.designation_id,
            area_id=row.area_id,
            number=row.designation_number,
            legal_basis=row.legal_basis,
            valid_from_at=row.valid_from_at,
            valid_until_at=row.valid_until_at,
            withdrawn_at=row.withdrawn_at,
        ),
        from_at=row.from_at,
        until_at=row.until_at,
        epoch=row.epoch,
        last_number=row.last_number,
        status=row.status,
        status_at=row.status_at,
        decisions=decisions,
    )
