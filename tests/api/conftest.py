"""Fixtures for tests of the API."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from tests.api.site import Site, fill, parts_of, running_site
from vms.clock import ManualClock
from vms.db.engine import Database


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Log lines without colours and local variables: rendering those takes longer than the tests."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


NOON = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def _filled_sqlite(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with people and placements, made once: filling it costs more than most tests."""
    folder = tmp_path_factory.mktemp("filled")
    path = folder / "vms.sqlite"
    shutil.copyfile(_sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    fill(parts_of(database, ManualClock(NOON), folder / "d"))
    database.checkpoint_wal()
    database.dispose()
    return path


@pytest.fixture
def site(_filled_sqlite: Path, tmp_path: Path) -> Iterator[Site]:
    """The whole API on SQLite, at noon of 1 November 2026."""
    path = tmp_path / "vms.sqlite"
    shutil.copyfile(_filled_sqlite, path)
    database = Database(f"sqlite:///{path}")
    with running_site(parts_of(database, ManualClock(NOON), tmp_path / "d")) as site:
        yield site
    database.dispose()


@pytest.fixture
def any_site(database: Database, clock: ManualClock, tmp_path: Path) -> Iterator[Site]:
    """The whole API, once on SQLite and once on PostgreSQL."""
    parts = parts_of(database, clock, tmp_path / "d")
    fill(parts)
    with running_site(parts) as site:
        yield site
