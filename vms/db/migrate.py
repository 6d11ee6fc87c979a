"""Bringing a database to the schema of this version, forward only."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from vms.db import roles
from vms.db.engine import Database, parsed
from vms.errors import Conflict, InvalidInput

_LOCK_KEY = 0x564D_534D_4947_5254
"""The advisory lock under which PostgreSQL is migrated: the bytes `VMSMIGRT`."""


def upgrade(url: str, step: str = "head") -> list[roles.Role]:
    """Make the schema that this version needs; nothing happens where it is there. Several processes may try at once.

    Args:
        step: up to which one; an earlier one is for tests of what follows it, and gives no rights.

    Returns:
        The roles of processes that were given their rights: on PostgreSQL, when its owner calls and there are any.

    Raises:
        Unavailable: the database does not answer.
        Conflict: a newer version of the product has migrated it already.
        InvalidInput: the schema is another version's, and this is not the role that may change it.
    """
    address = parsed(url)
    if address.get_backend_name() == "sqlite":
        assert address.database is not None  # parsed() refuses a database in memory
        Path(address.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(url)
    try:
        with database.write() as conn:
            if database.is_postgresql:
                conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            _refuse_newer(conn)
            if database.is_postgresql and not roles.may_migrate(conn):
                _refuse_older(conn)
                return []
            config = _config()
            config.attributes["connection"] = conn
            command.upgrade(config, step)
            return roles.grant(conn) if database.is_postgresql and step == "head" else []
    finally:
        database.dispose()


def at_head(database: Database) -> bool:
    """Return whether the database has exactly the schema that this version needs.

    Raises:
        Unavailable: the database does not answer.
    """
    with database.read() as conn:
        return _revision(conn) == _script().get_current_head()


def _refuse_newer(conn: Connection) -> None:
    revision = _revision(conn)
    if revision is not None and revision not in {step.revision for step in _script().walk_revisions()}:
        raise Conflict(
            f"the database has the schema {revision} of a newer version; start that version, or restore a backup",
            code="database.newer",
        )


def _refuse_older(conn: Connection) -> None:
    if _revision(conn) != _script().get_current_head():
        raise InvalidInput(
            "the database's schema is not this version's, and this role may not change it: run `vms migrate` with the "
            "database_url of the database's owner (docs/deployment.md)",
            code="db.migrate",
        )


def _revision(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
