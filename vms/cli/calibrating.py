"""`vms calibrate`: have the running worker measure its camera, and show what came of it."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from vms.bus.commands import CalibrationCancel, CalibrationCheck, CalibrationStart, CalibrationStatus
from vms.cli import state
from vms.cli.acts import COMMAND_LINE, by_command_line
from vms.cli.errands import ask, watched
from vms.db import calibrations, placements
from vms.db.calibrations import Calibration
from vms.errors import InvalidInput
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.model import CalibrationVerdict, CheckOutcome, PlacementId

EXIT_POOR = 1
EXIT_FAILED = 3


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate")(calibrate)


def calibrate(
    context: typer.Context,
    camera: Annotated[str, typer.Argument(help="The placement, as `vms camera list` names it.")],
    quick: Annotated[bool, typer.Option("--quick", help="Look at fewer poses: half the time, wider bounds.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only hold the plan that counts against the street, as once a day: seconds.")
    ] = False,
) -> None:
    """Measure a PTZ camera: optics, axes, timing, motors. Its picture is grey meanwhile; Ctrl-C cancels.

    Exit status: 0 good or usable, or the camera still fits its plan; 1 poor (stored, but too rough for masks), or it fits no more;
    2 bad input or no worker; 3 failed or cancelled.
    """
    if quick and check:
        raise InvalidInput("--check looks at its own poses: leave --quick away", code="calibration.options")
    parts = state.parts(context)
    placement_id = PlacementId(camera)
    with parts.db.write() as conn:
        placements.get(conn, placement_id)
        about: dict[str, Value] = {"placement_id": placement_id}
        about |= {"check": True} if check else {"thorough": not quick}
        parts.ledger.append(conn, by_command_line(Act.CALIBRATION_START, about))
    start = CalibrationCheck(COMMAND_LINE) if check else CalibrationStart(COMMAND_LINE, thorough=not quick)
    ask(parts, placement_id, start)
    cancel = (Act.CALIBRATION_CANCEL, CalibrationCancel())
    ended = watched(parts, placement_id, CalibrationStatus(), cancel, _phases())
    if ended["state"] != "done":
        what = "re-check" if check else "calibration"
        typer.echo(f"vms: the {what} {ended['state']}: {ended.get('message') or ended.get('code', '')}", err=True)
        raise typer.Exit(EXIT_FAILED)
    if check:
        show_check(str(ended["outcome"]), ended["document"])
        raise typer.Exit(EXIT_POOR if ended["outcome"] == CheckOutcome.DRIFTED else 0)
    with parts.db.read() as conn:
        found = calibrations.get(conn, placement_id, int(ended["version"]))
    show(found)
    if found.measured.verdict is CalibrationVerdict.POOR:
        raise typer.Exit(EXIT_POOR)


def _phases() -> Callable[[Mapping[str, Any]], None]:
    """Return what prints each phase once."""
    said = ""

    def say(now: Mapping[str, Any]) -> None:
        nonlocal said
        if now.get("phase") != said:
            said = str(now.get("phase"))
            typer.echo(f"{round(100 * float(now.get('share', 0))):3d} %  {said}")

    return say


def show_check(outcome: str, document: Mapping[str, Any]) -> None:
    """Print what a re-check found, and what follows from it."""
    typer.echo(f"{outcome}: {document['poses']} poses, {document['matches']} points")
    typer.echo(f"  directions      off by {document['shift_deg']:.3f} deg, stated {document['stated_deg']:.3f} deg")
    typer.echo(
        f"  scale           off by {100 * document['scale_rel']:.2f} %, stated {100 * document['stated_rel']:.2f} %"
    )
    if document["grey"]:
        typer.echo("  everything is grey until the camera is calibrated again")
    elif outcome == CheckOutcome.DRIFTED:
        typer.echo(f"  masks are {document['widen_deg']:.2f} deg wider until the camera is calibrated again")


def show(found: Calibration) -> None:
    """Print figures, residuals and verdict."""
    document = found.measured.document
    accuracy, timing, residuals = document["accuracy"], document["timing"], document["residuals"]
    zoom = document["camera_model"]["zoom"]
    typer.echo(f"version {found.version}: {found.measured.verdict.value}")
    typer.echo(f"  field of view   {zoom[0][1]:.2f} deg wide .. {zoom[-1][1]:.2f} deg at zoom {zoom[-1][0]:g}")
    typer.echo(f"  directions      within {accuracy['pan_tilt_deg']:.3f} deg")
    typer.echo(f"  scale           within {100 * accuracy['zoom_rel']:.2f} %")
    typer.echo(
        f"  register        trails {1000 * timing['lag_s']:.0f} ms, varies {1000 * timing['refresh_s']:.0f} ms; "
        f"bounds {1000 * accuracy['time_s']:.0f} ms early, {1000 * accuracy['staleness_s']:.0f} ms stale"
    )
    for name, motor in document["motors"].items():
        typer.echo(f"  {name:<15} {motor['top_speed']:.3g} /s, {motor['acceleration']:.3g} /s2")
    typer.echo(
        f"  fitted          {residuals['matches']} points of {residuals['stills']} pictures, {residuals['rms_px']:.2f} px"
    )
    typer.echo("  checked at      pan      tilt    zoom    shift deg   scale %   points")
    for check in residuals["checks"]:
        typer.echo(
            f"            {check['pan_deg']:10.2f} {check['tilt_deg']:9.2f} {check['zoom']:7.3f} {check['shift_deg']:12.4f}"
            f" {100 * check['scale_rel']:9.3f} {check['matches']:8d}"
        )
    for finding in document["findings"]:
        typer.echo(f"  note: {finding}")
    masks = found.measured.masks
    if masks is not None:
        redraw = [str(mask["id"]) for mask in masks if mask["redraw"]]
        typer.echo(f"  masks           {len(masks)} looked at, to be drawn again: {', '.join(redraw) or 'none'}")
