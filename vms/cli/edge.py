"""`vms camera edge`: what cameras keep by themselves; asking now, and switching their recording off."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

import typer

from ingest.address import CameraAddress
from ingest.edge import EdgeDevice, EdgeRecords, connect
from vms.cli import state
from vms.cli.acts import by_command_line
from vms.cli.parts import Parts
from vms.db import edge, placements
from vms.db.edge import EdgeCheck
from vms.db.placements import Placement
from vms.errors import InvalidInput
from vms.ledger.acts import Act
from vms.model import PlacementId

EXIT_KEEPS = 1


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("edge")(edge_recordings)


def edge_recordings(
    context: typer.Context,
    placement: Annotated[str | None, typer.Argument(help="One placement; without it all that last.")] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask the camera now, not only once a day.")] = False,
    switch_off: Annotated[
        bool,
        typer.Option("--switch-off", help="Set the recording jobs of this camera to idle; its card stays as it is."),
    ] = False,
) -> None:
    """Say which cameras keep pictures by themselves: unblanked, and erased by nobody (docs/cameras.md).

    Exit status: 0 none does, as far as they answer; 1 at least one does; 2 bad input.
    """
    if switch_off and placement is None:
        raise InvalidInput("--switch-off is for one camera: name its placement", code="edge.which")
    parts = state.parts(context)
    with parts.db.read() as conn:
        lasting = placements.list_all(conn, at=parts.clock.now())
        chosen = lasting if placement is None else [placements.get(conn, PlacementId(placement))]
    if switch_off:
        _switch_off(parts, chosen[0])
    if ask or switch_off:
        for one in chosen:
            EdgeRecords(one.id, parts.db, parts.ledger, parts.clock).asked(partial(_device, parts, one))
    with parts.db.read() as conn:
        found = edge.of_all(conn)
    _show(chosen, found)
    if any(one.id in found and found[one.id].keeps for one in chosen):
        raise typer.Exit(EXIT_KEEPS)


def _switch_off(parts: Parts, placement: Placement) -> None:
    """Write it down, then do it: no entry, no act."""
    device = _device(parts, placement)
    try:
        with parts.db.write() as conn:
            about = {"placement_id": placement.id, "camera": placement.camera.id}
            parts.ledger.append(conn, by_command_line(Act.EDGE_SWITCH_OFF, about))
        count = device.switch_edge_off()
    finally:
        device.close()
    typer.echo(f"{placement.id}: {count} recording job(s) switched off; what is on the card is still there")


def _device(parts: Parts, placement: Placement) -> EdgeDevice:
    camera = placement.camera
    address = CameraAddress(
        camera.rtsp_url,
        camera.username,
        parts.credentials.unseal(camera.sealed_password),
        camera.rtsp_transport,
        camera.onvif_url,
        camera.allows_basic,
    )
    return connect(address, parts.clock)


def _show(chosen: Sequence[Placement], found: Mapping[PlacementId, EdgeCheck]) -> None:
    for one in chosen:
        typer.echo(f"{one.id}\t{_words(found.get(one.id))}")


def _words(check: EdgeCheck | None) -> str:
    if check is None:
        return "never asked: is its worker running?"
    asked = f"asked {check.asked_at:%Y-%m-%d %H:%M} UTC"
    silent = "" if check.reason is None else f"; no answer ({check.reason})"
    answer = check.answer
    if answer is None:
        return f"unknown: {asked}{silent}"
    if not check.keeps:
        return f"{answer.state.value}: {asked}{silent}"
    oldest = "-" if answer.oldest_at is None else f"{answer.oldest_at:%Y-%m-%d %H:%M}"
    newest = "-" if answer.newest_at is None else f"{answer.newest_at:%Y-%m-%d %H:%M}"
    limit = "none told" if answer.retention is None else f"{answer.retention.total_seconds() / 86400:g} days"
    return (
        f"RECORDINGS: {answer.recordings}, {oldest} .. {newest} UTC, its own limit {limit}, "
        f"{answer.active_jobs} job(s) active; {asked}{silent}"
    )
