"""Cameras: the devices. Their passwords come and go sealed; this module can't open them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from vms.db.tables import camera
from vms.errors import NotFound
from vms.model import CameraId, CameraKind


@dataclass(frozen=True, slots=True)
class Camera:
    """A device.

    Args:
        rtsp_url: where the stream is, without credentials.
        rtsp_transport: `tcp` or `udp`.
        onvif_url: the device service, or None where the camera has none.
        sealed_password: sealed by the caller with a key that is not in the database.
        removed_at: since when it is out of use, or None.
        allows_basic: its password may go over the wire as it is.
    """

    id: CameraId
    name: str
    kind: CameraKind
    rtsp_url: str
    rtsp_transport: str
    onvif_url: str | None
    username: str
    sealed_password: bytes
    added_at: datetime
    removed_at: datetime | None = None
    allows_basic: bool = False


def from_row(row: Row[Any]) -> Camera:
    """Return the value of a row of `camera`."""
    return Camera(
        id=CameraId(row.id),
        name=row.name,
        kind=CameraKind(row.kind),
        rtsp_url=row.rtsp_url,
        rtsp_transport=row.rtsp_transport,
        onvif_url=row.onvif_url,
        username=row.username,
        sealed_password=row.sealed_password,
        added_at=row.added_at,
        removed_at=row.removed_at,
        allows_basic=row.allows_basic,
    )


def add(conn: Connection, new: Camera) -> None:
    """Add a camera.

    Raises:
        Conflict: its id is taken (when the statement runs).
    """
    conn.execute(insert(camera).values(_values(new)))


def change(conn: Connection, changed: Camera) -> None:
    """Replace everything about a camera but its id and `added_at`.

    Raises:
        NotFound: there is no such camera.
    """
    values = {name: value for name, value in _values(changed).items() if name not in {"id", "added_at"}}
    if conn.execute(update(camera).where(camera.c.id == changed.id).values(values)).rowcount == 0:
        raise NotFound(f"there is no camera {changed.id}", code="camera.unknown")


def get(conn: Connection, camera_id: CameraId) -> Camera:
    """Return one camera.

    Raises:
        NotFound: there is no such camera.
    """
    row = conn.execute(select(camera).where(camera.c.id == camera_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no camera {camera_id}", code="camera.unknown")
    return from_row(row)


def list_all(conn: Connection, *, removed: bool = False) -> list[Camera]:
    """Return the cameras in use, and with `removed` the others too, by id."""
    query = select(camera).order_by(camera.c.id)
    if not removed:
        query = query.where(camera.c.removed_at.is_(None))
    return [from_row(row) for row in conn.execute(query)]


def remove(conn: Connection, camera_id: CameraId, at: datetime) -> None:
    """Take a camera out of use; its placements and footage keep referring to it.

    Raises:
        NotFound: there is no such camera in use.
    """
    statement = update(camera).where(camera.c.id == camera_id, camera.c.removed_at.is_(None)).values(removed_at=at)
    if conn.execute(statement).rowcount == 0:
        raise NotFound(f"there is no camera {camera_id} in use", code="camera.unknown")


def _values(value: Camera) -> dict[str, object]:
    return {
        "id": value.id,
        "name": value.name,
        "kind": value.kind.value,
        "rtsp_url": value.rtsp_url,
        "rtsp_transport": value.rtsp_transport,
        "onvif_url": value.onvif_url,
        "username": value.username,
        "sealed_password": value.sealed_password,
        "added_at": value.added_at,
        "removed_at": value.removed_at,
        "allows_basic": value.allows_basic,
    }
