"""Small builders: a camera, placed under a valid designation, with an approved plan and people, in any test database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from vms.db import cameras, designations, placements, plans, segments, users
from vms.db.cameras import Camera
from vms.db.designations import Designation
from vms.db.placements import Area, NewPlacement
from vms.db.segments import GreySpan
from vms.db.users import Account, RoleGrant
from vms.model import RETENTION_CEILING, CameraId, CameraKind, PlacementId, Role, SegmentMode, UserId

SPRING = datetime(2026, 3, 1, tzinfo=UTC)
"""Everything is set up then."""

FAR = datetime(2036, 1, 1, tzinfo=UTC)
"""Nothing runs out before then."""

FIXED_PLAN: dict[str, Any] = {
    "frame": {"width": 1280, "height": 720},
    "kind": "image",
    "masks": [{"id": "m1", "polygon_rel": [[0.1, 0.1], [0.4, 0.1], [0.4, 0.5], [0.1, 0.5]]}],
}
"""One rectangle in a fixed camera's picture."""


@dataclass(frozen=True, slots=True)
class People:
    """An account per thing that needs another person."""

    officer: UserId
    second_officer: UserId
    investigator: UserId
    director: UserId
    auditor: UserId


def add_user(conn: Connection, username: str, *roles: Role, password_hash: str = "no-password") -> UserId:
    """Add an account with roles that stay valid."""
    user_id = UserId(f"u-{username}")
    users.add(
        conn,
        Account(
            id=user_id,
            username=username,
            display_name=username.title(),
            password_hash=password_hash,
            language="nl",
            added_at=SPRING,
            grants=tuple(RoleGrant(role, FAR) for role in roles),
        ),
    )
    return user_id


def add_people(conn: Connection) -> People:
    """Add one account per role that the tests need, and a second blanking officer."""
    return People(
        officer=add_user(conn, "officer", Role.BLANKING_OFFICER),
        second_officer=add_user(conn, "second-officer", Role.BLANKING_OFFICER),
        investigator=add_user(conn, "investigator", Role.INVESTIGATOR, Role.OBSERVER),
        director=add_user(conn, "director", Role.DIRECTOR),
        auditor=add_user(conn, "auditor", Role.AUDITOR),
    )


def add_camera(
    conn: Connection,
    name: str = "cam-1",
    kind: CameraKind = CameraKind.FIXED,
    *,
    rtsp_url: str = "rtsp://127.0.0.1:1/",
    onvif_url: str | None = None,
    sealed_password: bytes = b"sealed",
) -> CameraId:
    """Add a camera."""
    camera_id = CameraId(name)
    cameras.add(
        conn,
        Camera(
            id=camera_id,
            name=name,
            kind=kind,
            rtsp_url=rtsp_url,
            rtsp_transport="tcp",
            onvif_url=onvif_url,
            username="vms",
            sealed_password=sealed_password,
            added_at=SPRING,
        ),
    )
    return camera_id


def add_placement(
    conn: Connection,
    name: str = "place-1",
    *,
    camera_id: CameraId | None = None,
    plan: dict[str, Any] | None = FIXED_PLAN,
    approved: bool = True,
) -> PlacementId:
    """Place a camera (a new fixed one unless named) in the one area, with version 1 of a plan.

    Args:
        plan: the document; None says that no dwelling is in sight.
        approved: False leaves the plan a draft.
    """
    if not placements.list_areas(conn):
        placements.add_area(conn, Area("centre", "Centrum"))
        designations.add(
            conn,
            Designation("d-1", "centre", "2026-0001", "Gemeentewet 151c", valid_from_at=SPRING, valid_until_at=FAR),
        )
    if camera_id is None:
        camera_id = add_camera(conn, f"camera-of-{name}")
    placement_id = PlacementId(name)
    placements.add(conn, NewPlacement(placement_id, camera_id, "d-1", name, from_at=SPRING))
    plans.add_draft(
        conn, placement_id, document=plan, reason="first plan", drawn_by=UserId("u-officer"), drawn_at=SPRING
    )
    if approved:
        plans.approve(conn, placement_id, 1, approved_by=UserId("u-second-officer"), approved_at=SPRING)
    return placement_id


def add_sealed_segment(
    conn: Connection,
    placement_id: PlacementId,
    start_at: datetime,
    *,
    epoch: int | None = None,
    length: timedelta = timedelta(seconds=60),
    grey_spans: tuple[GreySpan, ...] = (),
    wrapped_key: bytes = b"wrapped",
) -> int:
    """Record a segment that has no file, under a new epoch unless one is named; return its number."""
    if epoch is None:
        epoch = placements.take_over(conn, placement_id)
    number = segments.open_segment(
        conn,
        placement_id,
        epoch,
        start_at=start_at,
        due_at=start_at + RETENTION_CEILING - timedelta(hours=2),
        mode=SegmentMode.MASKED,
        plan_version=1,
        wrapped_key=wrapped_key,
    )
    segments.seal_segment(
        conn,
        placement_id,
        number,
        epoch,
        end_at=start_at + length,
        size_bytes=1_000_000,
        sha256="0" * 64,
        blanking={"plan_version": 1},
        fragments=[(0, 500_000, 0), (500_000, 500_000, 30_000)],
        grey_spans=grey_spans,
    )
    return number
