"""`vms up|demo|api|ingest|retention|migrate`: the processes."""

import asyncio
import ctypes
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import structlog
import typer
import uvicorn

from config import Settings
from config.policy import load_policy
from vms.cli import state
from vms.cli.acts import by_command_line, note_configuration
from vms.cli.api_parts import api_parts
from vms.cli.demo import Demo
from vms.cli.logs import configure
from vms.cli.parts import Parts, build, make_folders, private_folder, warn_of_owner
from vms.cli.supervise import Supervisor, add_system, stop_on_signals
from vms.clock import SystemClock
from vms.connections import ConnectionLimits, Connections, bounded
from vms.db.migrate import upgrade
from vms.errors import IntegrityLost, Unavailable, VmsError
from vms.hardening import FEWEST_DESCRIPTORS, descriptor_limit
from vms.heartbeat import Heartbeat, HeartbeatWatch, beat_file, worker_name
from vms.ledger import outside, standing
from vms.ledger.acts import Act
from vms.ledger.log import newest_note
from vms.model import PlacementId

if TYPE_CHECKING:
    from starlette.types import ASGIApp

log = structlog.get_logger(__name__)

DIE_WITH_PARENT = "VMS_DIE_WITH_PARENT"
_PR_SET_PDEATHSIG = 1
CONTRADICTED_EVERY_S = 10.0
EVENT_LOOP_HANGS_AFTER_S = 5.0
NODE_HANGS_AFTER_S = 60.0
"""Longer than a database that is away keeps it waiting."""
ORPHAN_AFTER_S = 120.0
"""How long a worker goes on when its node is gone and no other has come."""
EXIT_NOT_STARTED = 3
"""As uvicorn's own: the address is taken, or the application can't begin."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (up, demo, api, ingest, retention, migrate):
        app.command(command.__name__)(command)


def up(context: typer.Context) -> None:
    """Run API, ingest, retention and the self-test on this machine and keep them running."""
    called = state.invocation(context)
    configure(called.settings.log_level, called.settings.log_format, process="up")
    private_folder(called.settings.data_dir)
    upgrade(called.settings.database)
    build(called.settings).db.dispose()
    supervisor = Supervisor(SystemClock(), os.environ | {DIE_WITH_PARENT: str(os.getpid())})
    add_system(supervisor, called.settings, called.arguments)
    supervisor.run()


def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path("var/demo"),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the pages; 0: any free one.")] = 8480,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew: forget an earlier demo's footage and log.")
    ] = False,
) -> None:
    """Start a simulated city with real RTSP and ONVIF, and the whole system on it; print where to sign in."""
    Demo(folder, port, fresh=fresh).run()


def api(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: the setting api_host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port; default: the setting api_port.")] = None,
) -> None:
    """Serve pages, live view, playback, holds and exports."""
    from api.app import create_app

    stop = stop_event()
    called = state.invocation(context)
    changes = {name: value for name, value in (("api_host", host), ("api_port", port)) if value is not None}
    settings = called.settings.model_copy(update=changes)
    heartbeat = beating(settings, "api")
    try:
        parts = started(settings, "api")
    except IntegrityLost as error:
        _serve_read_only(build(settings), error, stop, heartbeat)
        raise
    # Video does not compress; trying would cost a core.
    video: dict[str, Any] = {"ws_max_size": 65_536, "ws_per_message_deflate": False}
    application = create_app(api_parts(settings, parts), is_stopping=lambda: server.should_exit)
    server = _server(application, settings, stop, heartbeat, **forwarded(settings), **video)
    end_when_contradicted(parts, stop)
    server.run()
    if not server.started:
        raise typer.Exit(EXIT_NOT_STARTED)
    stopped(parts, "api")


def forwarded(settings: Settings) -> dict[str, Any]:
    """Return whom the server believes about who is behind a request: named proxies, else nobody, not even this machine."""
    return {"proxy_headers": bool(settings.trusted_proxies), "forwarded_allow_ips": settings.trusted_proxies}


class _Server(uvicorn.Server):
    """A server that says each time its event loop comes round."""

    def __init__(self, config: uvicorn.Config, heartbeat: Heartbeat) -> None:
        super().__init__(config)
        self._heartbeat = heartbeat
        self._came_by: Callable[[], None] | None = None

    async def on_tick(self, counter: int) -> bool:
        """Do what a server does ten times a second."""
        if self._came_by is None:
            self._came_by = self._heartbeat.watch("event loop", EVENT_LOOP_HANGS_AFTER_S)
        self._came_by()
        return await super().on_tick(counter)


def _server(
    application: "ASGIApp", settings: Settings, stop: threading.Event, heartbeat: Heartbeat, **options: Any
) -> uvicorn.Server:
    """Return a server that ends with `stop`; a signal that ended it, uvicorn raises again for whoever heard signals before it."""
    server = _Server(
        uvicorn.Config(
            application,
            host=settings.api_host,
            port=settings.api_port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            **bounded(Connections(_connection_limits(settings))),
            **options,
        ),
        heartbeat,
    )

    def end() -> None:
        stop.wait()
        server.should_exit = True

    threading.Thread(target=end, name="stop", daemon=True).start()
    return server


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        most=settings.api_connections,
        most_per_address=settings.api_connections_per_address,
        proxies=settings.trusted_proxies,
    )


def end_when_contradicted(parts: Parts, stop: threading.Event) -> None:
    """Have this process end once the retention daemon has found the ledger contradicted; its next start looks for itself."""

    def watch() -> None:
        while (why := _contradicted(parts)) is None:
            parts.clock.sleep(CONTRADICTED_EVERY_S)
        log.error("the ledger is contradicted: ending", why=why)
        stop.set()

    threading.Thread(target=watch, name="contradicted", daemon=True).start()


def _contradicted(parts: Parts) -> str | None:
    try:
        return outside.contradicted(parts.settings.keys)
    except VmsError as error:
        # A key volume that can't be read for a while is the next look's matter; the watch must outlive it.
        log.warning("not known whether the ledger is contradicted", why=str(error))
        return None


def _serve_read_only(parts: Parts, error: IntegrityLost, stop: threading.Event, heartbeat: Heartbeat) -> None:
    """Say what is wrong with the ledger to everybody who comes, until it is right again."""
    from api.readonly import read_only_app, serve_until

    log.error("the ledger does not fit: read-only", why=str(error), code=error.code)

    def checkpoints() -> tuple[str | None, str | None]:
        inside = outer = None
        with suppress(VmsError), parts.db.read() as conn:
            inside = newest_note(conn)
        with suppress(VmsError):
            outer = outside.kept(parts.settings.keys)
        return inside, outer

    def check_again() -> None:
        # A database file that was put back is another file.
        parts.db.dispose()
        with suppress(Unavailable):  # a witness that is away keeps nobody from starting
            standing.agree(parts.db, parts.ledger, parts.clock, parts.checkpoints)
        with parts.db.read() as conn:
            parts.ledger.verify_tail(conn, parts.signer.verifier, outside.kept(parts.settings.keys))

    settings = parts.settings
    application = read_only_app(str(error.code), checkpoints, settings.default_language)
    asyncio.run(serve_until(_server(application, settings, stop, heartbeat), check_again))


def ingest(
    context: typer.Context,
    placement: Annotated[
        str | None, typer.Option(help="Run the worker of this placement only, in this process.")
    ] = None,
) -> None:
    """Record: one worker process per placement, each restarted on its own."""
    from ingest.node import IngestNode

    called = state.invocation(context)
    stop = stop_event()
    if placement is not None:
        _serve_placement(called.settings, PlacementId(placement), stop)
        return
    heartbeat = beating(called.settings, "ingest")
    parts = started(called.settings, "ingest")
    end_when_contradicted(parts, stop)
    IngestNode(parts, called.arguments, stop).run(heartbeat.watch("node", NODE_HANGS_AFTER_S))
    stopped(parts, "ingest")


def _serve_placement(settings: Settings, placement: PlacementId, stop: threading.Event) -> None:
    from ingest.confinement import confine_worker
    from ingest.node import OF_NODE
    from ingest.worker_process import run_worker

    configure(settings.log_level, settings.log_format, process="worker", placement=placement)
    make_folders(settings)
    confine_worker(settings)  # before there are threads: the kernel binds those that come
    heartbeat = beating(settings, worker_name(placement))
    parts = started(settings, "worker", placement=placement)
    node = os.environ.get(OF_NODE)
    if node is not None:
        end_when_orphaned(parts, int(node), stop)
    run_worker(parts, placement, stop, heartbeat, has_node=node is not None)
    stopped(parts, "worker", placement=placement)


def end_when_orphaned(parts: Parts, node_pid: int, stop: threading.Event) -> None:
    """Have this worker drain when its node is gone and no other one has come for a while: nobody would end it any more."""
    watch = HeartbeatWatch(beat_file(parts.settings.run, "ingest"), parts.clock)

    def look() -> None:
        while os.getppid() == node_pid or watch.silence_s() < ORPHAN_AFTER_S:
            parts.clock.sleep(1.0)
        log.error("worker.orphaned", node_pid=node_pid)
        stop.set()

    threading.Thread(target=look, name="orphaned", daemon=True).start()


def retention(context: typer.Context) -> None:
    """Erase what is due, catch new footage under holds, sign checkpoints."""
    from retention.daemon import RetentionDaemon
    from retention.parts import RetentionParts
    from retention.sweep import SweepLimits
    from vms.cli.anchors import anchored

    settings = state.invocation(context).settings
    stop = stop_event()
    beating(settings, "retention")
    parts = started(settings, "retention")
    retaining = RetentionParts(parts.db, parts.keys, parts.store, parts.ledger, parts.clock)
    limits = SweepLimits(
        keep_for=settings.keep_for,
        margin=timedelta(seconds=settings.retention_margin_s),
        clock_tolerance=timedelta(seconds=settings.clock_tolerance_s),
        release_grace=timedelta(seconds=settings.release_grace_s),
    )
    RetentionDaemon(
        retaining,
        limits,
        parts.checkpoints,
        sweep_every_s=settings.sweep_every_s,
        stop=stop,
        anchorage=anchored(settings),
    ).run()
    stopped(parts, "retention")


def migrate(context: typer.Context) -> None:
    """Bring the database's schema to this version's."""
    settings = state.invocation(context).settings
    private_folder(settings.data_dir)
    served = upgrade(settings.database)
    typer.echo("The schema is up to date.")
    if served:
        typer.echo(f"Each role has its rights, and no others: {', '.join(served)}.")


def beating(settings: Settings, name: str) -> Heartbeat:
    """Let this process leave beats from now on, for whoever started it."""
    return Heartbeat(beat_file(settings.run, name), SystemClock()).start()


def started(settings: Settings, process: str, **bound: str) -> Parts:
    """Return the parts of a process that has been written down as started.

    Raises:
        IntegrityLost: the ledger was changed or set back: nothing starts on it.
    """
    die_with_parent()
    configure(settings.log_level, settings.log_format, process=process, **bound)
    if descriptor_limit() < FEWEST_DESCRIPTORS:
        log.warning(
            "process.few-descriptors", limit=descriptor_limit(), wanted=FEWEST_DESCRIPTORS, do="raise ulimit -n"
        )
    parts = build(settings)
    warn_of_owner(parts)
    try:
        # A worker is started by its node, which has just asked the witness.
        standing.agree(parts.db, parts.ledger, parts.clock, parts.checkpoints, asks=lambda: not bound)
    except Unavailable as error:
        log.warning("the witness was not asked", why=str(error))
    with parts.db.write() as conn:
        # No entry, no act: a process does not start on a ledger that was changed or set back.
        parts.ledger_checks.refuse_changed()
        parts.ledger.verify_tail(conn, parts.signer.verifier, outside.kept(settings.keys))
        parts.ledger.append(
            conn,
            by_command_line(Act.INTEGRITY_CHECKED, {"process": process, "entries": parts.ledger.size(conn), **bound}),
        )
        parts.ledger.append(conn, by_command_line(Act.SYSTEM_START, {"process": process, **bound}))
        if not bound:
            note_configuration(conn, parts.ledger, settings, load_policy().sha256, process)
    return parts


def stopped(parts: Parts, process: str, **bound: str) -> None:
    """Write down that a process ended in order; one that is killed or breaks leaves no such entry."""
    # Nothing is added to a ledger that is contradicted.
    standing.refuse_contradicted(parts.checkpoints)
    with parts.db.write() as conn:
        parts.ledger.append(conn, by_command_line(Act.SYSTEM_STOP, {"process": process, **bound}))


def stop_event() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set. Before `started`: who has said that it began must be able to say that it ended."""
    stop = threading.Event()
    stop_on_signals(stop)
    return stop


def die_with_parent() -> None:
    """Drain when the supervisor dies, however it dies: otherwise its restart would find the old processes still recording."""
    if os.environ.get(DIE_WITH_PARENT):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if str(os.getppid()) != os.environ[DIE_WITH_PARENT]:
            # It died before the kernel knew that we want to hear of it.
            os.kill(os.getpid(), signal.SIGTERM)
