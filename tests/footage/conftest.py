"""Fixtures for tests of footage."""

from pathlib import Path

import pytest

from tests.footage.scene import Scene
from vms.clock import ManualClock
from vms.db.engine import Database


@pytest.fixture
def scene(sqlite_database: Database, clock: ManualClock, tmp_path: Path) -> Scene:
    """A placement with an approved plan, keys, store and ledger, on SQLite."""
    return Scene.make(sqlite_database, clock, tmp_path)
