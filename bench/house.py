"""A whole system in a folder that goes away again: one simulated camera, a worker, the API, one account."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from api.accounts import COMMAND_LINE, Accounts
from api.own_password import take_over
from api.passwords import Passwords
from config import load
from config.policy import load_policy
from vms.cli.api_parts import api_parts
from vms.cli.cameras import read_register, register
from vms.cli.parts import build
from vms.clock import SystemClock
from vms.db import placements, users
from vms.db.engine import Database
from vms.db.migrate import upgrade
from vms.errors import Unavailable
from vms.model import PlacementId, Role

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class House:
    """A running system.

    Args:
        url: of the pages.
        username, password: of an observer.
        placement_id: the only placement.
        truth_log: what the simulator says about each frame, JSON lines.
        size_px: of the camera's picture.
    """

    url: str
    username: str
    password: str
    placement_id: str
    truth_log: Path
    size_px: tuple[int, int]


@contextmanager
def house(camera_id: str, fps: float) -> Iterator[House]:
    """Start camera, worker and API; stop them at the end.

    Raises:
        Unavailable: one of them did not get ready.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vms-bench-", ignore_cleanup_errors=True)))
        truth = folder / "truth"
        order = {"camera": camera_id, "fps": fps, "truth_dir": str(truth)}
        camera = stack.enter_context(_started("-m", "bench.city_camera", json.dumps(order)))
        assert camera.stdout is not None
        line = camera.stdout.readline()
        if not line:
            raise Unavailable("the simulated camera did not start; its message stands above", code="bench.camera")
        entry = json.loads(line)
        (folder / "city.json").write_text(json.dumps({"cameras": [entry]}), encoding="utf-8")
        port = _free_port()
        settings_file = folder / "settings.toml"
        settings_file.write_text(
            f'data_dir = "{folder}"\nrun_dir = "{folder / "run"}"\napi_port = {port}\nlog_level = "WARNING"\n',
            encoding="utf-8",
        )
        password = _prepared(settings_file, folder / "city.json")
        for command in ("api", "ingest"):
            stack.enter_context(_started("-m", "vms.cli.main", "--settings", str(settings_file), command))
        _wait_until_live(load(settings_file, {}).database, camera_id, port)
        size_px = (entry["width"], entry["height"])
        yield House(f"http://127.0.0.1:{port}", "observer", password, camera_id, truth / f"{camera_id}.jsonl", size_px)


def _prepared(settings_file: Path, city: Path) -> str:
    """Make the schema, the accounts and the placement; return the password."""
    settings = load(settings_file, {})
    upgrade(settings.database)
    parts = build(settings)
    password = f"bench-{secrets.token_urlsafe(16)}"
    accounts = Accounts(parts.db, parts.ledger, parts.clock, load_policy(), Passwords())
    until_at = parts.clock.now() + timedelta(days=1)
    for username, role in (
        ("observer", Role.OBSERVER), ("drawer", Role.BLANKING_OFFICER), ("approver", Role.BLANKING_OFFICER)
    ):  # fmt: skip
        first = secrets.token_urlsafe()
        accounts.add_user(COMMAND_LINE, username=username, display_name=username, password=first, language="en")
        take_over(api_parts(settings, parts), username, first, password, "127.0.0.1")
        accounts.grant_role(COMMAND_LINE, username, role, until_at)
    with parts.db.read() as conn:
        drawer, approver = (users.by_username(conn, name) for name in ("drawer", "approver"))
    assert drawer is not None
    assert approver is not None
    for wanted in read_register(city):
        register(parts, wanted, officers=(drawer.id, approver.id))
    parts.db.dispose()
    return password


@contextmanager
def _started(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VMS_")}
    with subprocess.Popen(
        [sys.executable, *arguments],
        env=environment | {"VMS_DIE_WITH_PARENT": str(os.getpid())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if "bench.city_camera" in arguments else sys.stderr,
    ) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_live(database_url: str, camera_id: str, port: int) -> None:
    clock, database = SystemClock(), Database(database_url)
    give_up_s = clock.monotonic_s() + READY_WITHIN_S
    status: Mapping[str, object] = {}
    while clock.monotonic_s() < give_up_s:
        with database.read() as conn:
            status = placements.get(conn, PlacementId(camera_id)).status or {}
        if status.get("state") == "live" and _answers(port):
            database.dispose()
            return
        clock.sleep(0.2)
    raise Unavailable(f"no live picture within {READY_WITHIN_S:.0f} s; the last state was {status}", code="bench.live")


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
