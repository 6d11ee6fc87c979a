"""`vms camera`: the devices, where they stand, and their blanking plans."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from vms.cli import state
from vms.cli.acts import by_command_line
from vms.cli.parts import Parts
from vms.cli.register_file import Registration, read_register
from vms.db import cameras, placements, plans, users
from vms.db.cameras import Camera
from vms.errors import Conflict, Denied, IntegrityLost, NotFound
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.model import CameraId, PlacementId, Role, UserId

app = typer.Typer(no_args_is_help=True, help="Cameras, their placements and blanking plans.")


def register(parts: Parts, wanted: Registration, *, drawn_by: UserId, approved_by: UserId) -> PlacementId:
    """Add a camera with its area, designation, placement and plan, or bring a known one up to date; all in the ledger.

    Args:
        parts: adapters.
        wanted: what is to be there.
        drawn_by: blanking officer who drew the plan.
        approved_by: another one, who approved it.

    Returns:
        The placement.

    Raises:
        Conflict: the camera was taken out of use; nothing was changed.
    """
    now_at = parts.clock.now()
    placement_id = PlacementId(wanted.camera_id)
    device = Camera(
        id=CameraId(wanted.camera_id),
        name=wanted.name,
        kind=wanted.kind,
        rtsp_url=wanted.rtsp_url,
        rtsp_transport=wanted.rtsp_transport,
        onvif_url=wanted.onvif_url,
        username=wanted.username,
        sealed_password=parts.credentials.seal(wanted.password),
        added_at=now_at,
    )
    with parts.db.write() as conn:
        known = {one.id: one for one in cameras.list_all(conn, removed=True)}.get(device.id)
        if known is None:
            cameras.add(conn, device)
            for act, made in _place(conn, wanted, placement_id, now_at):
                parts.ledger.append(conn, by_command_line(act, made))
        elif known.removed_at is not None:
            raise Conflict(
                f"camera {device.id} was taken out of use on {known.removed_at:%Y-%m-%d}, and its placement with it: register it "
                "under another id",
                code="camera.removed",
            )
        else:
            cameras.change(conn, _with_kept_seal(parts, device, known, wanted.password))
        act = Act.CAMERA_ADD if known is None else Act.CAMERA_CHANGE
        parts.ledger.append(conn, by_command_line(act, {"camera": wanted.camera_id, "kind": wanted.kind.value}))
        present = plans.current(conn, placement_id)
        if wanted.has_plan and (present is None or present.sha256 != plans.digest(wanted.plan)):
            reason = f"register file, {wanted.camera_id}"
            draft = plans.add_draft(
                conn, placement_id, document=wanted.plan, reason=reason, drawn_by=drawn_by, drawn_at=now_at
            )
            plans.approve(conn, placement_id, draft.version, approved_by=approved_by, approved_at=now_at)
            for act, person in ((Act.PLAN_DRAFT, drawn_by), (Act.PLAN_APPROVE, approved_by)):
                about: dict[str, Value] = {
                    "placement_id": placement_id,
                    "version": draft.version,
                    "sha256": draft.sha256,
                    "by": person,
                }
                parts.ledger.append(conn, by_command_line(act, about))
    return placement_id


def _with_kept_seal(parts: Parts, changed: Camera, known: Camera, password: str) -> Camera:
    """Return the camera with the seal it had, if the password is the same: every sealing is another, and a change restarts a worker."""
    try:
        is_same = parts.credentials.unseal(known.sealed_password) == password
    except IntegrityLost:
        is_same = False
    return replace(changed, sealed_password=known.sealed_password, added_at=known.added_at) if is_same else changed


def _place(
    conn: Connection, wanted: Registration, placement_id: PlacementId, now_at: datetime
) -> list[tuple[Act, dict[str, Value]]]:
    """Place the camera, making area and designation where there are none; return what was made, for the ledger."""
    made: list[tuple[Act, dict[str, Value]]] = []
    area_id = wanted.area.casefold().replace(" ", "-")
    if area_id not in {area.id for area in placements.list_areas(conn)}:
        placements.add_area(conn, placements.Area(area_id, wanted.area))
        made.append((Act.AREA_ADD, {"area": area_id}))
    designation_id = f"{area_id}/{wanted.designation}"
    if designation_id not in {designation.id for designation in placements.list_designations(conn)}:
        placements.add_designation(
            conn,
            placements.Designation(
                designation_id,
                area_id,
                wanted.designation,
                wanted.legal_basis,
                valid_from_at=wanted.valid_from_at,
                valid_until_at=wanted.valid_until_at,
            ),
        )
        made.append(
            (
                Act.DESIGNATION_ADD,
                {"designation": designation_id, "from": wanted.valid_from_at, "to": wanted.valid_until_at},
            )
        )
    placements.add(
        conn,
        placements.NewPlacement(
            id=placement_id,
            camera_id=CameraId(wanted.camera_id),
            designation_id=designation_id,
            name=wanted.name,
            from_at=now_at,
        ),
    )
    made.append((Act.PLACEMENT_ADD, {"placement_id": placement_id, "camera": wanted.camera_id}))
    return made


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help='JSON: {"cameras": [...]} (docs/cameras.md).')],
    drawn_by: Annotated[str, typer.Option(help="Username of the blanking officer who drew the plans.")],
    approved_by: Annotated[str, typer.Option(help="Username of the other blanking officer, who approved them.")],
) -> None:
    """Register the cameras of a file, with their placements and plans; a known camera is brought up to date."""
    parts = state.parts(context)
    wanted = read_register(file)
    drawer, approver = (officer(parts, username) for username in (drawn_by, approved_by))
    for one in wanted:
        typer.echo(register(parts, one, drawn_by=drawer, approved_by=approver))


@app.command("list")
def list_cameras(context: typer.Context) -> None:
    """List placements with the state that their workers last reported."""
    parts = state.parts(context)
    with parts.db.read() as conn:
        for placement in placements.list_all(conn):
            plan = plans.current(conn, placement.id)
            typer.echo(
                f"{placement.id}\t{placement.camera.kind}\t{placement.area.name}\t{placement.name}\t"
                f"plan {plan.version if plan else '-'}\t{(placement.status or {}).get('state', '-')}"
            )


@app.command("password")
def password(
    context: typer.Context,
    camera_id: Annotated[str, typer.Argument(help="The camera.")],
    new: Annotated[str, typer.Option("--password", prompt="New password of the camera", hide_input=True)],
) -> None:
    """Enter a camera's password again."""
    parts = state.parts(context)
    with parts.db.write() as conn:
        known = cameras.get(conn, CameraId(camera_id))
        cameras.change(conn, replace(known, sealed_password=parts.credentials.seal(new)))
        parts.ledger.append(conn, by_command_line(Act.CAMERA_CHANGE, {"camera": camera_id, "changed": "password"}))


@app.command("remove")
def remove(context: typer.Context, camera_id: Annotated[str, typer.Argument(help="The camera.")]) -> None:
    """Take a camera out of use: its recording stops, its footage stays until it is due."""
    parts = state.parts(context)
    with parts.db.write() as conn:
        now_at = parts.clock.now()
        cameras.remove(conn, CameraId(camera_id), now_at)
        for placement in placements.list_all(conn):
            if placement.camera.id == camera_id and placement.until_at is None:
                placements.end(conn, placement.id, now_at)
                parts.ledger.append(conn, by_command_line(Act.PLACEMENT_END, {"placement_id": placement.id}))
        parts.ledger.append(conn, by_command_line(Act.CAMERA_REMOVE, {"camera": camera_id}))


def officer(parts: Parts, username: str) -> UserId:
    """Return the account of a blanking officer.

    Raises:
        NotFound: there is no such account.
        Denied: the person is none now.
    """
    with parts.db.read() as conn:
        account = users.by_username(conn, username)
    if account is None:
        raise NotFound(f"there is no account {username}: see `vms user list`", code="user.unknown")
    if Role.BLANKING_OFFICER not in account.roles_at(parts.clock.now()):
        raise Denied(
            f"{username} is no {Role.BLANKING_OFFICER} now, and only those decide about masks: "
            f"`vms user grant {username} {Role.BLANKING_OFFICER} --until ...`",
            code="policy.no-role",
        )
    return account.id
