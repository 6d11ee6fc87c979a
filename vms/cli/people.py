"""`vms user`: accounts and roles. An unknown role or a forbidden combination is refused with the list of what is possible."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from api.accounts import COMMAND_LINE, Accounts
from api.passwords import Passwords
from config.policy import load_policy
from vms.civil_time import CITY_ZONE
from vms.cli import state
from vms.cli.secret import read_secret
from vms.db import users
from vms.db.users import FirstPassword
from vms.errors import InvalidInput
from vms.model import Role

app = typer.Typer(no_args_is_help=True, help="Accounts and roles.")

Username = Annotated[str, typer.Argument(help="The account's username.")]


def _accounts(context: typer.Context) -> Accounts:
    parts = state.parts(context)
    lasts = timedelta(days=parts.settings.first_password_days)
    return Accounts(parts.db, parts.ledger, parts.clock, load_policy(), Passwords(), lasts)


def _say_until(accounts: Accounts, username: str) -> None:
    until_at = accounts.clock.now() + accounts.first_password_lasts
    typer.echo(
        f"{username} signs in with this password once, before {until_at.astimezone(CITY_ZONE):%Y-%m-%d %H:%M} in Amsterdam,"
        " and then chooses another."
    )


def checked_role(text: str) -> Role:
    """Return the role of this name.

    Raises:
        InvalidInput: there is none; names all.
    """
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidInput(f'there is no role "{text}"; choose from: {", ".join(Role)}', code="role.unknown") from error


def end_of_day(text: str) -> datetime:
    """Return the instant at which a day ends in Amsterdam: who is valid until a day is valid on it.

    Raises:
        InvalidInput: it is no date.
    """
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=CITY_ZONE)
        return (day + timedelta(days=1)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f'"{text}" is no date: write it like 2027-06-30', code="date.format") from error


@app.command("add")
def add(
    context: typer.Context,
    username: Username,
    name: Annotated[str, typer.Option(help="The person's name.")],
    language: Annotated[str, typer.Option(help="nl or en.")] = "nl",
) -> None:
    """Add an account with a first password; it may do nothing until it gets a role and its owner has chosen another password."""
    accounts = _accounts(context)
    first = read_secret("First password", confirm=True)
    accounts.add_user(COMMAND_LINE, username=username, display_name=name, password=first, language=language)
    _say_until(accounts, username)


@app.command("grant")
def grant(
    context: typer.Context,
    username: Username,
    role: Annotated[str, typer.Argument(help=f"One of: {', '.join(Role)}.")],
    until: Annotated[
        str,
        typer.Option(
            help="Last day of valid screening and training, e.g. 2027-06-30; counts until its end in Amsterdam."
        ),
    ],
) -> None:
    """Give a role up to and including a day."""
    until_at = end_of_day(until)
    _accounts(context).grant_role(COMMAND_LINE, username, checked_role(role), until_at)
    typer.echo(f"{username} is {role} until the end of {last_day(until_at)} in Amsterdam.")


def last_day(until_at: datetime) -> str:
    """Return the last day in Amsterdam that has a moment before an instant."""
    return f"{(until_at - timedelta(microseconds=1)).astimezone(CITY_ZONE):%Y-%m-%d}"


@app.command("revoke")
def revoke(context: typer.Context, username: Username, role: Annotated[str, typer.Argument(help="The role.")]) -> None:
    """Take a role away."""
    _accounts(context).revoke_role(COMMAND_LINE, username, checked_role(role))


@app.command("password")
def password(
    context: typer.Context,
    username: Username,
) -> None:
    """Set a new first password, for whoever lost theirs or did not use it in time; open sessions end."""
    accounts = _accounts(context)
    accounts.set_password(COMMAND_LINE, username, read_secret("First password", confirm=True))
    _say_until(accounts, username)


@app.command("disable")
def disable(context: typer.Context, username: Username) -> None:
    """Let an account sign in no more; open sessions end."""
    _accounts(context).disable_user(COMMAND_LINE, username)


@app.command("unlock")
def unlock(context: typer.Context, username: Username) -> None:
    """Let an account that failed too often try again."""
    _accounts(context).unlock(COMMAND_LINE, username)


@app.command("list")
def list_accounts(context: typer.Context) -> None:
    """List accounts: roles and until when they count, and whose password is not their own yet."""
    parts = state.parts(context)
    now = parts.clock.now()
    with parts.db.read() as conn:
        for account in users.list_all(conn):
            roles = ", ".join(f"{grant.role} until {last_day(grant.valid_until_at)}" for grant in account.grants)
            says = "disabled" if account.disabled_at else _password_words(account.first_password, now)
            typer.echo("\t".join([account.username, account.display_name, roles or "-", says]).rstrip())


def _password_words(first: FirstPassword | None, now: datetime) -> str:
    """Return what an administrator must know about a password; of one that its owner chose, nothing."""
    if first is None:
        return ""
    if first.until_at is None:
        return "must choose a password"
    if first.used_at is not None:
        return "first password used, none chosen"
    return "first password waits" if now < first.until_at else "first password expired"
