"""`vms selftest`: keep checking finished pictures; list what was found; let a placement be seen again after somebody has looked."""

import os
import random
from typing import Annotated

import typer

from vms.cli import state
from vms.cli.acts import by_command_line
from vms.cli.cameras import officer
from vms.cli.processes import beating, end_when_contradicted, started, stop_event, stopped
from vms.db import placements
from vms.errors import Conflict, InvalidInput
from vms.evidence.export import Workshop
from vms.footage.playback import FootageReader
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Value
from vms.ledger.findings import open_findings
from vms.model import PlacementId, checked_text

LEAST_REASON = 10
_NICE = 10


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("selftest")(selftest)


def selftest(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--list", help="List what was found and not cleared. Ends at once.")] = False,
    clear: Annotated[
        str | None,
        typer.Option(metavar="PLACEMENT", help="Let this placement be recorded and seen again. Ends at once."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Username of the blanking officer who has looked at it; for --clear.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="What was wrong and what was done about it; for --clear.")] = None,
) -> None:
    """Check random finished pictures of recording, live view and exports against their masks, for as long as it runs."""
    if show:
        _list(context)
    elif clear is not None:
        _clear(context, PlacementId(clear), by, reason)
    else:
        _run(context)


def _run(context: typer.Context) -> None:
    from vms.selftest.daemon import run_selftest
    from vms.selftest.paths import BusViewer
    from vms.selftest.rounds import SelfTest

    settings = state.invocation(context).settings
    os.nice(_NICE)  # what records and shows goes first
    stop = stop_event()
    beating(settings, "selftest")
    parts = started(settings, "selftest")
    reader = FootageReader(parts.db, parts.keys, parts.store)
    shop = Workshop(parts.db, parts.keys, parts.store, reader, parts.ledger, parts.signer, parts.clock)
    test = SelfTest(shop, BusViewer(settings.run), random.SystemRandom())
    end_when_contradicted(parts, stop)
    run_selftest(test, settings.selftest_every_s, stop)
    stopped(parts, "selftest")


def _list(context: typer.Context) -> None:
    parts = state.parts(context)
    with parts.db.read() as conn:
        found = open_findings(conn)
    for placement_id, findings in sorted(found.items()):
        for one in findings:
            words = ", ".join(f"{name} {value}" for name, value in sorted(one.words.items()) if name != "placement_id")
            typer.echo(f"{placement_id}: {one.found_at:%Y-%m-%d %H:%M:%S} UTC, log entry {one.seq}: {words}")
    if not found:
        typer.echo("Nothing is withheld.")


def _clear(context: typer.Context, placement_id: PlacementId, by: str | None, reason: str | None) -> None:
    if by is None or reason is None or len(reason.strip()) < LEAST_REASON:
        raise InvalidInput(
            f"say who has looked and what was done: --by USERNAME --reason TEXT (at least {LEAST_REASON} characters)",
            code="selftest.reason",
        )
    reason = checked_text(reason, "a reason")
    parts = state.parts(context)
    person_id = officer(parts, by)
    with parts.db.write() as conn:
        placements.get(conn, placement_id)
        found = open_findings(conn, placement_id).get(placement_id, [])
        if not found:
            raise Conflict(f"nothing of {placement_id} is withheld", code="selftest.nothing")
        words: dict[str, Value] = {
            "placement_id": placement_id,
            "entries": [one.seq for one in found],
            "by": person_id,
            "reason": Private(reason),
        }
        parts.ledger.append(conn, by_command_line(Act.SELFTEST_CLEARED, words))
    typer.echo(f"Noted: {placement_id} is recorded and shown again within seconds. The self-test goes on looking.")
