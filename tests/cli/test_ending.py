"""A process that is asked to end says so in the ledger, whichever it is and whoever asks."""

import signal
from pathlib import Path

import pytest

from tests.ingest.running import House, running_house, until
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search

pytestmark = pytest.mark.processes


def told(house: House, act: Act) -> list[object]:
    """Return which processes began, or ended, by the ledger."""
    with house.parts.db.read() as conn:
        return [entry.object["process"] for entry in search(conn, Filter(acts=(act,))) if "process" in entry.object]


@pytest.mark.parametrize(
    ("process", "number"),
    [
        ("api", signal.SIGTERM),
        ("api", signal.SIGINT),
        ("ingest", signal.SIGTERM),
        ("retention", signal.SIGINT),
        ("selftest", signal.SIGTERM),
    ],
)
def test_whoever_is_asked_to_end_writes_it_down(tmp_path: Path, process: str, number: signal.Signals) -> None:
    """By systemd, or by Ctrl-C in a terminal, which reaches all processes at once; without a traceback."""
    with running_house(tmp_path) as house:
        started = house.run(process, *(("--port", "0") if process == "api" else ()))
        ready = "Uvicorn running" if process == "api" else ""
        until(lambda: process in told(house, Act.SYSTEM_START) and ready in house.logs(), 60, f"{process} runs")
        started.send_signal(number)
        assert started.wait(30) == 0
        assert told(house, Act.SYSTEM_STOP) == [process]
        assert "Traceback" not in house.logs()
