"""`vms demo`: the demo city and the whole system on it, set up and running within a minute."""

import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
import typer

from api.accounts import COMMAND_LINE, Accounts
from api.own_password import take_over
from config import load
from vms.cli.api_parts import api_parts
from vms.cli.logs import configure
from vms.cli.parts import LONGEST_SOCKET_FOLDER_BYTES, Parts, build
from vms.cli.register_file import read_register
from vms.cli.registering import register
from vms.cli.supervise import Supervisor, add_system
from vms.clock import SystemClock
from vms.db import users
from vms.db.migrate import upgrade
from vms.errors import InvalidInput, Unavailable, VmsError
from vms.model import Role

CITY_BASE_PORT = 18_600
CITY_READY_WITHIN_S = 240.0
"""Painting the panorama takes some twenty seconds of one core; a busy machine takes its time."""
RETENTION = timedelta(minutes=20)
"""Short, so that a person sees erasing happen: retention can be set down to anything, never above 28 days."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """An account of the demo."""

    username: str
    name: str
    roles: tuple[Role, ...]
    what: str


PEOPLE = (
    Person(
        "rechercheur",
        "R. de Wit",
        (Role.OBSERVER, Role.INVESTIGATOR),
        "watches, moves cameras, plays back, holds, asks for exports",
    ),
    Person("regisseur", "M. Bakker", (Role.DIRECTOR,), "leads the shift: approves exports, reads the whole log"),
    Person("technicus", "T. Visser", (Role.TECHNICIAN,), "sees the health of cameras, and no picture"),
    Person("auditor", "A. Smit", (Role.AUDITOR,), "reads the log, and no picture"),
    Person("tekenaar1", "B. Mulder", (Role.BLANKING_OFFICER,), "drew the masks"),
    Person("tekenaar2", "C. de Groot", (Role.BLANKING_OFFICER,), "approved them"),
)


class Demo:
    """Set up a folder, start the city, register its cameras, run the system.

    Args:
        folder: where the demo keeps its data.
        port: of the pages; 0 or a taken one: any free one.
        fresh: forget what an earlier demo left there.
    """

    def __init__(self, folder: Path, port: int, *, fresh: bool) -> None:
        self._folder = folder.resolve()
        self._port = port if _is_free(port) else 0
        self._fresh = fresh
        self._clock = SystemClock()
        self._failure: VmsError | None = None

    def run(self) -> None:
        """Run until a signal; then drain all."""
        settings_file = self._prepare_folder()
        settings = load(settings_file, {})
        configure("WARNING", "console", process="demo")
        upgrade(settings.database)
        parts = build(settings)
        password = self._people(parts)
        supervisor = Supervisor(self._clock, self._environment())
        city = self._folder / "city"
        shutil.rmtree(city, ignore_errors=True)
        supervisor.add("city", ["-m", "sample_streams", "--out", str(city), "--base-port", str(self._city_port())])

        def follow() -> None:
            try:
                self._when_the_city_is_ready(supervisor, parts, settings_file, city, password)
            except VmsError as error:
                self._failure = error
                supervisor.stop.set()

        threading.Thread(target=follow, daemon=True).start()
        typer.echo("Building the demo city; this takes about half a minute ...")
        supervisor.run()
        if self._failure is not None:
            raise self._failure

    def _prepare_folder(self) -> Path:
        if self._fresh and (self._folder / "demo.toml").exists():
            shutil.rmtree(self._folder)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings_file = self._folder / "demo.toml"
        run_dir = self._folder / "run"
        if len(os.fsencode(run_dir)) > LONGEST_SOCKET_FOLDER_BYTES:
            run_dir = Path(tempfile.mkdtemp(prefix="vms-demo-"))
        port = self._port or _free_port()
        self._port = port
        settings_file.write_text(
            f'data_dir = "{self._folder}"\nrun_dir = "{run_dir}"\napi_port = {port}\n'
            f"retention_days = {RETENTION.total_seconds() / 86_400!r}\nretention_margin_s = 60\nrelease_grace_s = 120\n"
            "sweep_every_s = 20\n"
            f'keys_socket = "{run_dir / "keys.sock"}"\nlog_format = "console"\nlog_level = "WARNING"\n',
            encoding="utf-8",
        )
        return settings_file

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if not name.startswith("VMS_")} | {
            "VMS_DIE_WITH_PARENT": str(os.getpid())
        }

    def _city_port(self) -> int:
        return CITY_BASE_PORT if _is_free(CITY_BASE_PORT) else 0

    def _people(self, parts: Parts) -> str:
        """Make the demo's accounts once, all with one password, which is kept beside them and printed."""
        password_file = self._folder / "password.txt"
        if password_file.exists():
            return password_file.read_text(encoding="utf-8")
        password = "-".join(
            secrets.choice(("gracht", "toren", "kade", "brug", "werf", "plein", "steeg")) for _ in range(3)
        )
        password = f"{password}-{secrets.randbelow(9000) + 1000}"
        api = api_parts(parts.settings, parts)
        accounts = Accounts(api.db, api.ledger, api.clock, api.policy, api.passwords)
        until_at = parts.clock.now() + timedelta(days=365)
        for person in PEOPLE:
            first = secrets.token_urlsafe()
            accounts.add_user(
                COMMAND_LINE, username=person.username, display_name=person.name, password=first, language="nl"
            )
            take_over(api, person.username, first, password, socket.gethostname())
            for role in person.roles:
                accounts.grant_role(COMMAND_LINE, person.username, role, until_at)
        password_file.write_text(password, encoding="utf-8")
        password_file.chmod(0o600)
        return password

    def _when_the_city_is_ready(
        self, supervisor: Supervisor, parts: Parts, settings_file: Path, city: Path, password: str
    ) -> None:
        register_file = city / "city.json"
        give_up_s = self._clock.monotonic_s() + CITY_READY_WITHIN_S
        while not _complete(register_file):
            if self._clock.monotonic_s() > give_up_s:
                raise Unavailable("the demo city did not start; its messages stand above", code="demo.city")
            if self._clock.wait(supervisor.stop, 0.2):
                return
        with parts.db.read() as conn:
            drawer, approver = (users.by_username(conn, name) for name in ("tekenaar1", "tekenaar2"))
        if drawer is None or approver is None:
            raise InvalidInput("the demo's accounts are not there: start it with --fresh", code="demo.accounts")
        for wanted in read_register(register_file):
            register(parts, wanted, officers=(drawer.id, approver.id))
        add_system(supervisor, parts.settings, ["--settings", str(settings_file)])
        while not _answers(self._port):
            if self._clock.wait(supervisor.stop, 0.2):
                return
        self._announce(password, settings_file)

    def _announce(self, password: str, settings_file: Path) -> None:
        people = "\n".join(f"  {person.username:<12} {person.what}" for person in PEOPLE)
        typer.echo(
            f"\nThe demo city is up. Open  http://127.0.0.1:{self._port}/  and sign in with the password  {password}\n\n"
            f"{people}\n\nFootage without a hold is erased after {RETENTION.total_seconds() / 60:.0f} minutes here. "
            f"Data: {self._folder}. Stop with Ctrl-C.\n"
            f"The command line of this city, in another terminal:  {sys.argv[0]} --settings {settings_file} check\n"
        )
        sys.stdout.flush()


def _complete(register_file: Path) -> bool:
    try:
        json.loads(register_file.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return False
    return True


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
