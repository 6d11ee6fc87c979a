"""Fixtures for tests of retention."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.retention.town import Town
from vms.clock import ManualClock
from vms.db.engine import Database


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: simulated months make ten thousands of commits, and each waits for its disk."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder below it is ours alone
    if not memory.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="vms-test-", dir=memory))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def quick_url(_sqlite_template: Path, quick_folder: Path) -> str:
    """The address of a migrated, empty SQLite database in that folder."""
    shutil.copyfile(_sqlite_template, quick_folder / "vms.sqlite")
    return f"sqlite:///{quick_folder / 'vms.sqlite'}"


@pytest.fixture
def quick_database(quick_url: str) -> Iterator[Database]:
    """That database."""
    database = Database(quick_url)
    yield database
    database.dispose()


@pytest.fixture
def town(quick_database: Database, clock: ManualClock, quick_folder: Path) -> Town:
    """Two placements on SQLite."""
    return Town(quick_database, clock, quick_folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_town(request: pytest.FixtureRequest, clock: ManualClock, quick_folder: Path) -> Iterator[Town]:
    """Two placements, once on SQLite and once on PostgreSQL."""
    url = request.getfixturevalue("quick_url" if request.param == "sqlite" else "postgres_url")
    database = Database(url)
    yield Town(database, clock, quick_folder)
    database.dispose()
