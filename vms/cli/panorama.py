"""`vms panorama`: let a moving camera look around for its panorama."""

import asyncio
from typing import Annotated, Any

import typer

from vms.bus.commands import Command, PanoramaScan, PanoramaScanCancel, PanoramaScanStatus
from vms.bus.local import LocalBus
from vms.cli import state
from vms.cli.acts import by_command_line
from vms.cli.parts import Parts
from vms.db import placements
from vms.ledger.acts import Act
from vms.model import PlacementId

EXIT_ENDED = 1
LOOK_EVERY_S = 0.5
_WHO = "command-line"
_SAY_EVERY = 10


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("panorama")(panorama)


def panorama(
    context: typer.Context,
    camera: Annotated[str, typer.Argument(help="The placement, as `vms camera list` names it.")],
) -> None:
    """Let a PTZ camera look around for its panorama; refused while somebody steers it. Ctrl-C ends it.

    Exit status: 0 it saw all of its range, 1 it was ended, 2 it could not begin.
    """
    parts = state.parts(context)
    placement_id = PlacementId(camera)
    with parts.db.write() as conn:
        placements.get(conn, placement_id)
        parts.ledger.append(conn, by_command_line(Act.PANORAMA_SCAN, {"placement_id": placement_id}))
    now = _ask(parts, placement_id, PanoramaScan(_WHO))
    said = -1
    try:
        while now["state"] == "running":
            percent = round(100 * float(now.get("share", 0.0)))
            if percent // _SAY_EVERY != said:
                said = percent // _SAY_EVERY
                typer.echo(f"{percent:3d} %")
            parts.clock.sleep(LOOK_EVERY_S)
            now = _ask(parts, placement_id, PanoramaScanStatus())
    except KeyboardInterrupt:
        with parts.db.write() as conn:
            parts.ledger.append(conn, by_command_line(Act.PANORAMA_SCAN_END, {"placement_id": placement_id}))
        now = _ask(parts, placement_id, PanoramaScanCancel())
    typer.echo(f"{camera}: {now['state']} {now.get('code', '')}".rstrip())
    if now["state"] != "done":
        raise typer.Exit(EXIT_ENDED)


def _ask(parts: Parts, placement_id: PlacementId, command: Command) -> dict[str, Any]:
    return asyncio.run(LocalBus(parts.settings.run, request_within_s=15.0).request(placement_id, command))
