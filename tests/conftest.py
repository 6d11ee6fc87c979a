"""Fixtures for every room: a migrated, empty database, on SQLite and on a real PostgreSQL."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from tests import roles
from tests.postgres import Server, running_server
from vms.clock import ManualClock
from vms.db import migrate
from vms.db.engine import Database

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A private PostgreSQL, started when the first test asks for it; the product's code has its roles' rights there (tests/roles.py)."""
    roles.watch()
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: Server) -> str:
    name = postgres_server.create()
    migrate.upgrade(postgres_server.url(name))
    return name


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite-template") / "vms.sqlite"
    migrate.upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    # The copies are of the one file; nothing may stay behind in the write-ahead log.
    database.checkpoint_wal()
    database.dispose()
    return path


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The address of a migrated, empty SQLite database."""
    path = tmp_path / "vms.sqlite"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: Server, _postgres_template: str) -> Iterator[str]:
    """The address of a migrated, empty PostgreSQL database."""
    name = postgres_server.lease(_postgres_template)
    yield postgres_server.url(name)
    postgres_server.give_back(name, _postgres_template)


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """A migrated, empty SQLite database."""
    database = Database(sqlite_url)
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a migrated, empty database, once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated, empty database, once on SQLite and once on PostgreSQL."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still at noon of 1 November 2026 until it is turned."""
    return ManualClock(datetime(2026, 11, 1, 12, 0, tzinfo=UTC))
