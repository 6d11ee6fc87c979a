"""`vms health ingest|retention`: for a container's health check. Status 0: it works; 1: somebody must look at the process."""

from typing import Annotated

import typer

from vms.cli import state
from vms.db import reports
from vms.db.reports import Service


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("health")(health)


def health(context: typer.Context, service: Annotated[Service, typer.Argument(help="ingest or retention.")]) -> None:
    """Say how a service is, by its last report in the database; status 1 if it is silent or does not work."""
    parts = state.parts(context)
    with parts.db.read() as conn:
        found = {condition.service: condition for condition in reports.conditions(conn, parts.clock.now())}
    condition = found[service]
    at = "never" if condition.reported_at is None else f"{condition.reported_at:%Y-%m-%d %H:%M:%S} UTC"
    typer.echo(f"{service}: {', '.join(condition.problems) or 'in order'}; last report {at}")
    for problem, cameras in sorted((condition.words.get("cameras") or {}).items()):
        typer.echo(f"{problem}: {', '.join(cameras)}")
    if (hours := condition.words.get("hours_until_full")) is not None:
        typer.echo(f"storage: full in {hours} hours at the present rate")
    if not condition.works:
        raise typer.Exit(1)
