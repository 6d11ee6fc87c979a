"""The one place that opens database connections and that translates the exceptions of SQLAlchemy and its drivers.

Two databases, one behaviour:

- a write transaction on SQLite holds the database's one write lock from its start (BEGIN IMMEDIATE); on PostgreSQL it is
  READ COMMITTED, and functions that contend for a row lock that row;
- a read transaction sees one snapshot and can't write;
- a commit that returned is on disk (SQLite synchronous=FULL; PostgreSQL synchronous_commit=on);
- deleted bytes are overwritten on SQLite (secure_delete). PostgreSQL keeps dead rows for a while: hour keys, which live in
  no database, are what makes footage unreadable there too.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from vms.errors import Conflict, IntegrityLost, InvalidInput, StorageFull, Unavailable, VmsError
from vms.hardening import refuse_exposed_secret

LOCK_TIMEOUT_MS = 10_000
_CONNECT_TIMEOUT_S = 5
_IDLE_IN_TRANSACTION_MS = 120_000

_FULL = ("database or disk is full", "no space left on device", "could not extend file")
_INSUFFICIENT_PRIVILEGE = "42501"
_MALFORMED = ("malformed", "file is not a database", "invalid page in block")


def parsed(url: str) -> URL:
    """Return the address with the driver that we use.

    Args:
        url: `sqlite:///path` or `postgresql://...`; `postgresql+psycopg://` says the same.

    Raises:
        InvalidInput: it is no address, or of another database.
    """
    try:
        address = make_url(url)
    except exc.ArgumentError as error:
        raise InvalidInput(
            "database_url is no database address; use sqlite:///path or postgresql://user@host/name",
            code="settings.database-url",
        ) from error
    backend = address.get_backend_name()
    if backend == "sqlite" and address.database not in {None, "", ":memory:"}:
        return address
    if backend == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    raise InvalidInput(
        f"database_url names {backend!r}; use sqlite:///path (a file) or postgresql://user@host/name",
        code="settings.database-url",
    )


class Database:
    """A database that several processes and threads use at once; each process makes its own.

    Args:
        url: see `parsed`. Nothing is opened before the first transaction.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        address = parsed(url)
        self.is_postgresql = address.get_backend_name() == "postgresql"
        self._engine = _postgresql(address) if self.is_postgresql else _sqlite(address)
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = self._engine.execution_options(**snapshot if self.is_postgresql else {"vms_begin": "BEGIN"})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only transaction that sees one snapshot.

        Raises:
            Unavailable: the database does not answer.
        """
        with translated(), self._reader.connect() as connection, connection.begin():
            if self.is_postgresql:
                yield connection
                return
            connection.exec_driver_sql("PRAGMA query_only = ON")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("PRAGMA query_only = OFF")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction: committed at the end of the block, rolled back by any exception.

        Raises:
            Conflict: a constraint refuses the change; nothing was changed.
            Unavailable: the database does not answer, or others held the lock for ten seconds; nothing was changed, unless the
                connection broke during the commit itself: then look before you repeat.
        """
        with translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Open a connection outside any transaction, for the few statements that can't run in one."""
        options = {"isolation_level": "AUTOCOMMIT"} if self.is_postgresql else {"vms_begin": ""}
        with translated(), self._engine.execution_options(**options).connect() as connection:
            yield connection

    def now(self, connection: Connection) -> datetime:
        """Return the database's own clock, aware UTC (on SQLite: this machine's, to the millisecond)."""
        if self.is_postgresql:
            statement = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        else:
            statement = "SELECT CAST(round((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER) * 1000"
        microseconds = connection.execute(text(statement)).scalar_one()
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))

    def checkpoint_wal(self) -> None:
        """Move SQLite's write-ahead log into the database and empty it, so that no erased bytes linger there.

        Does what it can while others read; PostgreSQL recycles its own log.
        """
        if not self.is_postgresql:
            with self.autocommit() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def dispose(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()


def _sqlite(address: URL) -> Engine:
    engine = create_engine(
        address, connect_args={"timeout": LOCK_TIMEOUT_MS / 1000}, pool_timeout=LOCK_TIMEOUT_MS / 1000
    )

    @event.listens_for(engine, "connect")
    def prepare(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        assert isinstance(raw, sqlite3.Connection)
        # The driver must not begin transactions by itself: it would do so late, and deferred.
        raw.isolation_level = None
        # Without recursive_triggers, REPLACE removes rows without asking the rules against DELETE.
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            "recursive_triggers = ON",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("vms_begin", "BEGIN IMMEDIATE")
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def _with_password(address: URL) -> URL:
    """Return the address with the password out of the file that it names (settings: database_password_file)."""
    file = address.query.get("password_file")
    if not isinstance(file, str):
        return address
    try:
        refuse_exposed_secret(Path(file), "database_password_file")
        password = Path(file).read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"database_password_file {file} can't be read: {error}", code="settings.database-password"
        ) from error
    return address.difference_update_query(["password_file"]).set(password=password)


def _postgresql(address: URL) -> Engine:
    options = {
        "timezone": "UTC",
        "synchronous_commit": "on",
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION_MS,
    }
    return create_engine(
        _with_password(address),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        pool_timeout=LOCK_TIMEOUT_MS / 1000,
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn the foreign exceptions of the block into ours.

    Raises:
        Conflict: a constraint, key or trigger refused.
        InvalidInput: a value is none that the database can store.
        StorageFull: the volume of the database is full.
        Unavailable: anything that may be over later: lock, connection, pool; or the role has no right to do this.
        IntegrityLost: the database file is damaged.
    """
    try:
        yield
    except VmsError:
        raise
    except exc.IntegrityError as error:
        raise Conflict(f"the database refused the change: {_first_line(error)}", code="database.conflict") from error
    except (exc.DataError, OverflowError) as error:
        # Each database has values of its own that it can't hold: NUL in a text, a number too large for its column.
        raise InvalidInput("a value is none that the database can store: correct it") from error
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as error:
        raise _unavailable(error) from error
    except exc.TimeoutError as error:
        raise Unavailable("all database connections are in use", code="database.busy") from error
    except exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE:
            raise Unavailable(
                f"the database refused it to this role: {_first_line(error)}; run `vms migrate` as the database's owner, which "
                "gives each role its rights (docs/deployment.md)",
                code="database.rights",
            ) from error
        raise
    except exc.DatabaseError as error:
        if _says(error, _MALFORMED):
            raise _unavailable(error) from error
        raise


def _unavailable(error: exc.DBAPIError) -> VmsError:
    evidence = _first_line(error)
    if _says(error, _FULL):
        return StorageFull(f"the volume of the database is full: {evidence}", code="database.full")
    if _says(error, _MALFORMED):
        return IntegrityLost(f"the database is damaged: {evidence}; restore it", code="database.damaged")
    return Unavailable(f"the database does not answer: {evidence}", code="database.unavailable")


def _first_line(error: exc.DBAPIError) -> str:
    # The driver's own words only: SQLAlchemy's text would carry the statement's parameters into logs.
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0]


def _says(error: exc.DBAPIError, words: tuple[str, ...]) -> bool:
    message = str(error.orig).lower()
    return any(word in message for word in words)
