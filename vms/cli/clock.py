"""`vms clock`: two persons say that the clock is right, each signed in with an own account, as on the page.

For a night on which the pages are away. Nobody who merely has the machine can do it: the account of the operating system is no person.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from api.doorman import Doorman
from api.gate import permit_in
from api.retaining import by_of, retention_of
from config.policy import Action
from retention import override
from retention.parts import By, RetentionParts
from vms.cli import state
from vms.cli.api_parts import api_parts
from vms.cli.secret import read_secret
from vms.db import users
from vms.db.asking import OVERRIDES
from vms.model import OverrideId

app = typer.Typer(no_args_is_help=True, help="Two persons say that the clock is right.")

Username = Annotated[str, typer.Argument(help="Your own account.")]
Request = Annotated[str, typer.Argument(help="The request, as `vms clock list` names it.")]
Reason = Annotated[str, typer.Option(help="Why, in at least ten characters.")]


@contextmanager
def _signed_in(context: typer.Context, username: str, action: Action) -> Iterator[tuple[RetentionParts, By]]:
    """Sign somebody in for one act, and out again.

    Raises:
        NotSignedIn: the name or the password is wrong.
        Denied: the person may not do this, which is in the ledger, or has not chosen a password yet.
    """
    parts = api_parts(state.invocation(context).settings, state.parts(context))
    doorman = Doorman(parts)
    # A password that somebody else set at this very command line is nobody's word.
    _, subject = doorman.sign_in(username, read_secret("Password"), socket.gethostname(), with_first_password=False)
    try:
        yield retention_of(parts), by_of(permit_in(parts, subject, (action,)))
    finally:
        doorman.sign_out(subject)


@app.command("ask")
def ask(context: typer.Context, username: Username, reason: Reason) -> None:
    """Say that the clock is right; somebody else has half an hour to say so too."""
    with _signed_in(context, username, Action.CLOCK_REQUEST) as (parts, by):
        asked = override.ask(parts, reason, by)
    typer.echo(
        f"{asked.id} waits for a second person until {asked.lapses_at:%H:%M} UTC: vms clock approve {asked.id} NAME"
    )


@app.command("approve")
def approve(context: typer.Context, request: Request, username: Username) -> None:
    """Say so too, with another account."""
    with _signed_in(context, username, Action.CLOCK_DECIDE) as (parts, by):
        override.decide(parts, OverrideId(request), by, refusal=None)
    typer.echo("Noted: the next sweep goes on.")


@app.command("refuse")
def refuse(context: typer.Context, request: Request, username: Username, reason: Reason) -> None:
    """Refuse to say so."""
    with _signed_in(context, username, Action.CLOCK_DECIDE) as (parts, by):
        override.decide(parts, OverrideId(request), by, refusal=reason)
    typer.echo("Noted: nothing is erased by that clock.")


@app.command("list")
def list_requests(context: typer.Context) -> None:
    """List the newest requests."""
    parts = state.parts(context)
    with parts.db.read() as conn:
        names = {account.id: account.username for account in users.list_all(conn)}
        for one in OVERRIDES.list_newest(conn):
            decided_by = "-" if one.decided_by is None else names.get(one.decided_by, one.decided_by)
            asked_by = names.get(one.requested_by, one.requested_by)
            typer.echo(f"{one.id}\t{one.state}\t{one.requested_at:%Y-%m-%d %H:%M}\t{asked_by}\t{decided_by}")
