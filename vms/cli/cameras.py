"""`vms camera`: the devices, where they stand, and their blanking plans."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ingest.address import check_account
from vms.cli import edge, state
from vms.cli.acts import by_command_line
from vms.cli.parts import Parts
from vms.cli.register_file import read_register
from vms.cli.registering import register
from vms.cli.secret import read_secret
from vms.db import cameras, placements, plans, users
from vms.db import edge as edge_rows
from vms.errors import Denied, InvalidInput, NotFound
from vms.ledger.acts import Act
from vms.model import CameraId, Role, UserId

app = typer.Typer(no_args_is_help=True, help="Cameras, their placements and blanking plans.")
edge.add_to(app)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help='JSON: {"cameras": [...]} (docs/cameras.md).')],
    drawn_by: Annotated[
        str | None, typer.Option(help="Username of the blanking officer who drew the file's plans.")
    ] = None,
    approved_by: Annotated[
        str | None, typer.Option(help="Username of the other blanking officer, who approved them.")
    ] = None,
) -> None:
    """Register the cameras of a file, with their placements and plans; a known camera is brought up to date."""
    parts = state.parts(context)
    wanted = read_register(file)
    officers = (
        None if drawn_by is None or approved_by is None else (officer(parts, drawn_by), officer(parts, approved_by))
    )
    if officers is None and any(one.has_plan for one in wanted):
        raise InvalidInput(
            "the file has plans: name who drew them (--drawn-by) and who approved them (--approved-by)",
            code="camera.officers",
        )
    for one in wanted:
        done = register(parts, one, officers=officers)
        typer.echo(f"{done.placement_id}\t{', '.join(done.acts) or 'as it was'}")
        if done.newer_plan is not None:
            typer.echo(
                f"{done.placement_id}: the file's plan was replaced by version {done.newer_plan}, which stays; export that one into "
                "the file, or draw a new version",
                err=True,
            )


@app.command("list")
def list_cameras(context: typer.Context) -> None:
    """List placements with the state that their workers last reported."""
    parts = state.parts(context)
    with parts.db.read() as conn:
        for placement in placements.list_all(conn):
            plan = plans.current(conn, placement.id)
            until_at = placement.until_at or placement.designation.ends_at
            typer.echo(
                f"{placement.id}\t{placement.camera.kind}\t{placement.area.name}\t{placement.name}\t"
                f"plan {plan.version if plan else '-'}\t{(placement.status or {}).get('state', '-')}\tuntil {until_at:%Y-%m-%d}"
            )


@app.command("password")
def password(
    context: typer.Context,
    camera_id: Annotated[str, typer.Argument(help="The camera.")],
) -> None:
    """Enter a camera's password again."""
    parts = state.parts(context)
    new = read_secret("New password of the camera")
    with parts.db.write() as conn:
        known = cameras.get(conn, CameraId(camera_id))
        check_account(known.username, new)
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
        asked = edge_rows.of_all(conn)
        keeps = [
            one.id
            for one in placements.list_all(conn)
            if one.camera.id == camera_id and one.id in asked and asked[one.id].keeps
        ]
    if keeps:
        typer.echo(
            f"{camera_id} kept unblanked pictures itself when it was last asked ({', '.join(keeps)}): it is asked no more, so wipe "
            "or destroy its card before it leaves the house (docs/cameras.md)",
            err=True,
        )


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
