"""`vms panorama`: let a moving camera look around for its panorama."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from vms.bus.commands import PanoramaScan, PanoramaScanCancel, PanoramaScanStatus
from vms.cli import state
from vms.cli.acts import COMMAND_LINE, by_command_line
from vms.cli.errands import ask, watched
from vms.db import placements
from vms.ledger.acts import Act
from vms.model import PlacementId

EXIT_ENDED = 1
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
    ask(parts, placement_id, PanoramaScan(COMMAND_LINE))
    cancel = (Act.PANORAMA_SCAN_END, PanoramaScanCancel())
    ended = watched(parts, placement_id, PanoramaScanStatus(), cancel, _shares())
    typer.echo(f"{camera}: {ended['state']} {ended.get('code', '')}".rstrip())
    if ended["state"] != "done":
        raise typer.Exit(EXIT_ENDED)


def _shares() -> Callable[[Mapping[str, Any]], None]:
    """Return what prints how far it is, every ten percent."""
    said = -1

    def say(now: Mapping[str, Any]) -> None:
        nonlocal said
        percent = round(100 * float(now.get("share", 0.0)))
        if percent // _SAY_EVERY != said:
            said = percent // _SAY_EVERY
            typer.echo(f"{percent:3d} %")

    return say
