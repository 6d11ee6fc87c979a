"""`vms`: one command for every process and every administrative act."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from config import load
from vms import __version__
from vms.cli import (
    audit,
    blanking,
    calibrating,
    cameras,
    check,
    clock,
    health,
    keeping,
    masks,
    panorama,
    people,
    processes,
    selftest,
    state,
    witnessing,
)
from vms.errors import VmsError
from vms.hardening import harden_process
from vms.sharing import share_with_group

app = typer.Typer(
    name="vms",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Video management for public-order cameras: masks burned in, footage erased on time, every act logged.",
)
app.add_typer(people.app, name="user")
app.add_typer(cameras.app, name="camera")
app.add_typer(masks.app, name="masks")
app.add_typer(clock.app, name="clock")
app.add_typer(keeping.app, name="keys")
processes.add_to(app)
check.add_to(app)
health.add_to(app)
blanking.add_to(app)
selftest.add_to(app)
calibrating.add_to(app)
audit.add_to(app)
panorama.add_to(app)
witnessing.add_to(app)

EXIT_BAD_INPUT = 2


def _version(asked: bool) -> None:  # noqa: FBT001 - typer calls option callbacks by position
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def prepare(
    context: typer.Context,
    settings: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of settings (docs/settings.md); VMS_* variables override it.", envvar="VMS_SETTINGS"
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Read the settings once."""
    found = load(settings)
    if found.shared_group:
        share_with_group(found.shared_group)
    context.obj = state.Invocation(settings_file=settings, settings=found)


def run(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error of ours ends with one clear line and status 2.

    Args:
        arguments: those of this process by default.

    Raises:
        SystemExit: always, with the exit status.
    """
    try:
        app(arguments)
    except VmsError as error:
        typer.echo(f"vms: {error}", err=True)
        sys.exit(EXIT_BAD_INPUT)


def main() -> None:
    """Run `vms` as a process of its own: hardened before it has read so much as a setting.

    Raises:
        SystemExit: always, with the exit status.
    """
    harden_process()
    run()


if __name__ == "__main__":
    main()
