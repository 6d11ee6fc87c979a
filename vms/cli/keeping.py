"""`vms keys serve|status|move`: the key service, and where its root key lives (docs/erasing.md)."""

from typing import Annotated

import structlog
import typer

from vms.cli import state
from vms.cli.logs import configure
from vms.cli.parts import private_folder
from vms.cli.processes import beating, die_with_parent, stop_event
from vms.clock import SystemClock
from vms.errors import InvalidInput
from vms.footage.keys import FileKeyring
from vms.footage.keyservice.client import KeyClient
from vms.footage.keyservice.hygiene import keep_memory_private
from vms.footage.keyservice.server import KeyServer
from vms.footage.roots.chosen import KINDS, root_store

app = typer.Typer(no_args_is_help=True, help="The keyring that opens all footage, and where its root key lives.")

log = structlog.get_logger(__name__)


@app.command()
def serve(context: typer.Context) -> None:
    """Open the keyring for the other processes, on the socket of the setting keys_socket."""
    settings = state.invocation(context).settings
    if settings.keys_socket is None:
        raise InvalidInput("set keys_socket first: where the key service listens", code="settings.keys-socket")
    die_with_parent()
    configure(settings.log_level, settings.log_format, process="keys")
    # Before any key is read.
    hygiene = keep_memory_private()
    if hygiene.why_not:
        log.warning("the key service's memory is not wholly private", why=hygiene.why_not)
    private_folder(settings.data_dir)
    private_folder(settings.keyring)
    private_folder(settings.keys_socket.parent)
    beating(settings, "keys")
    keys = FileKeyring(settings.keyring, root_store(settings))
    log.info("the key service answers", level=str(keys.level()), locked=hygiene.locked, undumpable=hygiene.undumpable)
    KeyServer(keys, settings.keys_socket).serve(stop_event())


@app.command()
def ask(context: typer.Context) -> None:
    """Ask the running key service whether it answers, for a health check; status 2 if it does not."""
    settings = state.invocation(context).settings
    if settings.keys_socket is None:
        raise InvalidInput("set keys_socket first: where the key service listens", code="settings.keys-socket")
    typer.echo(f"The key service answers: level {KeyClient(settings.keys_socket, SystemClock()).level()}.")


@app.command()
def status(context: typer.Context) -> None:
    """Say where the root key lives, what the device says of itself (for root_hardware), and what is claimed of it."""
    settings = state.invocation(context).settings
    private_folder(settings.keyring)
    store = root_store(settings)
    keys = FileKeyring(settings.keyring, store)
    hours = keys.hours()
    typer.echo(f"store    {store.kind}\ndevice   {store.device()}\nlevel    {store.level()}")
    typer.echo(f"keys     {len(hours)} hours, {len(keys.holds())} holds")
    if older := sum(keys.hour_level(hour_at) is not store.level() for hour_at in hours):
        typer.echo(f"of these {older} hours at a lower level: they lay in another store before the keyring was moved")
    if keys.leaving():
        typer.echo(
            f"unfinished: a root key may be left in the store '{keys.leaving()}': run `vms keys move` again", err=True
        )


@app.command()
def move(
    context: typer.Context,
    source: Annotated[str, typer.Option("--from", help=f"The store that it is in: {', '.join(KINDS)}.")],
) -> None:
    """Move the keyring's root key to the store of the settings and destroy it in the old one; repeat it after a crash.

    Stop the system first, set root_store to the new store, then run this.
    """
    settings = state.invocation(context).settings
    private_folder(settings.keyring)
    old, new = root_store(settings, source), root_store(settings)
    keys = FileKeyring(settings.keyring, new, moving_from=old)
    typer.echo(f"Moved from {old.kind} to {new.kind} ({new.device()}): level {keys.level()} for keys made from now on.")
