"""A process that is asked to end says so in the ledger, whichever it is and whoever asks."""

import re
import signal
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.builders import add_placement
from tests.ingest.running import House, running_house, until
from tests.ingest.visitors import Person, admit
from tests.pages.running import answers, free_port
from tests.postgres import Server
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import PlacementId, Role

pytestmark = pytest.mark.processes


def told(house: House, act: Act) -> list[object]:
    """Return which processes began, or ended, by the ledger."""
    with house.parts.db.read() as conn:
        return [entry.object["process"] for entry in search(conn, Filter(acts=(act,))) if "process" in entry.object]


def closed(house: House) -> list[tuple[str, str]]:
    """Return why each live view ended and what kind of actor ended it, oldest first."""
    with house.parts.db.read() as conn:
        found = search(conn, Filter(acts=(Act.LIVE_CLOSE,)))
    return [(entry.document["why"], entry.document["actor"]["kind"]) for entry in reversed(found)]


def is_closed(socket: ClientConnection) -> bool:
    """Read one message; whether there is none any more."""
    try:
        socket.recv(timeout=30)
    except ConnectionClosed:
        return True
    return False


def core_limits(pid: int) -> set[str]:
    """Return the soft and the hard limit of a process' core dumps."""
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    return set(next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4:6])


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
def test_whoever_is_asked_to_end_writes_it_down(
    tmp_path: Path, postgres_server: Server, postgres_url: str, process: str, number: signal.Signals
) -> None:
    """By systemd, or by Ctrl-C in a terminal, which reaches all processes at once; without a traceback, and with its role's rights."""
    with running_house(tmp_path, postgres_server.url_of(postgres_url), database_url=postgres_url) as house:
        started = house.run(process, *(("--port", "0") if process == "api" else ()))
        ready = "Uvicorn running" if process == "api" else ""
        until(lambda: process in told(house, Act.SYSTEM_START) and ready in house.logs(), 60, f"{process} runs")
        assert core_limits(started.pid) == {"0"}
        started.send_signal(number)
        assert started.wait(30) == 0
        assert told(house, Act.SYSTEM_STOP) == [process]
        assert not re.search(r"Traceback|database\.rights|database\.owner|permission denied", house.logs())


def test_who_watched_when_the_server_was_stopped_did_not_leave(tmp_path: Path) -> None:
    """The entry says that the server ended the view, and who ended it is the server; somebody who leaves is named."""
    port = free_port()
    with running_house(tmp_path, api_port=port) as house:
        admit(house, {"uitkijk": Role.OBSERVER})
        with house.parts.db.write() as conn:
            add_placement(conn, PlacementId("neude"))
        server = house.run("api")
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), 60, "the API answers")
        person = Person(url, "uitkijk").sign_in()
        with person.open("/api/placements/neude/live") as leaving:
            leaving.recv(timeout=30)
        until(lambda: len(closed(house)) == 1, 30, "the first view is closed")
        with person.open("/api/placements/neude/live") as staying:
            staying.recv(timeout=30)
            server.send_signal(signal.SIGTERM)
            until(lambda: is_closed(staying), 30, "the socket is closed")
        assert server.wait(30) == 0
        assert closed(house) == [("left", "person"), ("server-stopped", "service")]
