"""`vms check`: is the installation in order, and is anything missing now or soon?"""

from typing import Annotated

import typer

from vms.cli import state
from vms.cli.ledger_check import anchors_off, check_ledger
from vms.cli.parts import build, warn_of_owner
from vms.db import placements, plans, reports
from vms.db.placements import Placement
from vms.errors import Unavailable


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("check")(check)


def check(
    context: typer.Context,
    *,
    whole: Annotated[
        bool, typer.Option("--whole", help="Check every entry of the ledger, not only the newest.")
    ] = False,
) -> None:
    """Check settings, folders, schema, keyring, ledger, and that nothing is silent or missing; status 2 and one line if not."""
    settings = state.invocation(context).settings
    parts = build(settings)
    with parts.db.read() as conn:
        lasting = placements.list_all(conn, at=parts.clock.now())
        ending = placements.list_ending(conn, parts.clock.now())
        look_again = plans.due_to_look_again(conn, parts.clock.now())
        conditions = reports.conditions(conn, parts.clock.now())
    size = check_ledger(parts, whole=whole)
    for one in (one for one in conditions if reports.SILENT in one.problems):
        raise Unavailable(
            f"{one.service} has not reported since {one.reported_at:%Y-%m-%d %H:%M} UTC: start `vms {one.service}`, or read its log",
            code="service.silent",
        )
    for item in ending:
        typer.echo(
            f"{item.id}: designation {item.designation.number} of {item.area.name} ends or ended on "
            f"{item.designation.ends_at:%Y-%m-%d %H:%M} UTC, and recording with it: enter the new decision (docs/cameras.md)",
            err=True,
        )
    for item in (item for item in lasting if (item.status or {}).get("telemetry_problem")):
        typer.echo(f"{item.id}: {_position_problem(item)} (docs/cameras.md)", err=True)
    hours = len(parts.keys.hours())
    for plan in look_again:
        typer.echo(
            f"{plan.placement_id}: two persons must look again by {plan.look_again_at:%Y-%m-%d} whether no dwelling is in "
            "sight (docs/plans.md)",
            err=True,
        )
    for ahead in (one.words["sign_in_duty_ahead"] for one in conditions if "sign_in_duty_ahead" in one.words):
        typer.echo(
            f"the upgrade from which on sign-ins are reviewed was stamped {ahead}, later than now: all months are owed "
            "(docs/audit.md)",
            err=True,
        )
    for month in (month for one in conditions for month in one.words.get("sign_in_reviews") or ()):
        typer.echo(f"the sign-ins of {month} must be reviewed and signed by a supervisor (docs/audit.md)", err=True)
    if alarms := [alarm for one in conditions for alarm in _alarms(one)]:
        raise Unavailable(f"not in order: {'; '.join(alarms)}", code="service.alarm")
    typer.echo(
        f"In order: settings, folders, schema, keyring ({hours} hour keys, level {parts.keys.level()}), ledger ({size} entries)."
    )
    if warn_of_owner(parts):
        typer.echo(
            "The database's role owns the ledger's tables and could change them: give each process its own (docs/deployment.md)."
        )
    for line in anchors_off(settings):
        typer.echo(line)


def _position_problem(item: Placement) -> str:
    """Return why a moving camera does not say where it looks, in what it said."""
    status = item.status or {}
    said = status.get("telemetry_problem_said")
    return f"no position from its ONVIF service, {status['telemetry_problem']}" + (f": {said}" if said else "")


def _alarms(condition: reports.Condition) -> list[str]:
    """Return what is missing now or soon, each with the cameras it is about."""
    cameras, hours = condition.words.get("cameras") or {}, condition.words.get("hours_until_full")
    lines = []
    for alarm in condition.alarms:
        about = ", ".join(cameras.get(alarm, ()))
        if alarm == reports.STORAGE_LOW and hours is not None:
            about = f"full in {hours} hours"
        lines.append(f"{alarm} ({about})" if about else alarm)
    return lines
