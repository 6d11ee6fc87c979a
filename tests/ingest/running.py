"""Real processes for the tests: the demo city's cameras, and workers that record them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from config import Settings
from vms.cli.parts import Parts, build
from vms.cli.register_file import read_register
from vms.cli.registering import register
from vms.db import migrate, placements, segments, users
from vms.db.roles import Role
from vms.db.segments import Gap, GreySpan, Segment
from vms.footage.playback import FootageReader
from vms.model import PlacementId, SegmentState, Span, UserId

EVER = Span(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def until(condition: Callable[[], Any], within_s: float = 30.0, what: str = "") -> Any:
    """Wait for a condition and return its value; fail with its name when it does not come in time."""
    give_up = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"did not happen within {within_s} s: {what or condition}")
        time.sleep(0.05)


@dataclass
class City:
    """A running demo city."""

    folder: Path
    cameras: dict[str, dict[str, Any]]

    @property
    def truth(self) -> Path:
        """The folder of truth logs."""
        return self.folder / "truth"

    def order(self, camera: str, **order: Any) -> None:
        """Tell a camera to do something, or to fail in some way."""
        reply = httpx.post(self.cameras[camera]["control_url"], json=order, timeout=20, trust_env=False)
        assert reply.status_code == 200, reply.text

    def state(self, camera: str) -> dict[str, Any]:
        """What a camera says of itself."""
        told: dict[str, Any] = httpx.get(self.cameras[camera]["control_url"], timeout=20, trust_env=False).json()
        return told


@contextmanager
def running_city(folder: Path, *cameras: str, seed: int = 1, **options: Any) -> Iterator[City]:
    """Start cameras of the demo city."""
    extra = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    city_file = folder / "city.json"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "sample_streams",
            "--out",
            str(folder),
            "--cameras",
            ",".join(cameras),
            "--seed",
            str(seed),
            *extra,
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: city_file.exists() or process.poll() is not None, 120, "the city starts")
        told = json.loads(city_file.read_text())
        yield City(folder, {one["id"]: one for one in told["cameras"]})
    finally:
        process.terminate()
        process.wait(20)


@dataclass
class House:
    """The product's side: settings, database, footage, and worker processes."""

    parts: Parts
    settings_file: Path
    url_of: Callable[[Role], str] | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add(self, entry: dict[str, Any], **changes: Any) -> PlacementId:
        """Register a camera with its approved plan."""
        file = self.parts.settings.data_dir / "register.json"
        file.write_text(json.dumps({"cameras": [entry | changes]}))
        (wanted,) = read_register(file)
        return register(self.parts, wanted, officers=(UserId("drawer"), UserId("approver"))).placement_id

    def start(self, placement_id: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a placement's worker."""
        return self.run("ingest", "--placement", placement_id, **environment)

    def run(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a `vms` command; on PostgreSQL as the role of its process."""
        if self.url_of is not None:
            environment = {"VMS_DATABASE_URL": self.url_of(Role(f"vms_{arguments[0]}"))} | environment
        log = (self.parts.settings.data_dir / f"log-{len(self.processes)}.txt").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "vms.cli.main", "--settings", str(self.settings_file), *arguments],
            stderr=log,
            env=os.environ | {"VMS_DIE_WITH_PARENT": str(os.getpid())} | environment,
        )
        self.processes.append(process)
        return process

    def logs(self) -> str:
        """Everything that the processes logged."""
        return "".join(path.read_text() for path in sorted(self.parts.settings.data_dir.glob("log-*.txt")))

    def status(self, placement_id: str) -> dict[str, Any]:
        """The worker's last status."""
        with self.parts.db.read() as conn:
            return dict(placements.get(conn, PlacementId(placement_id)).status or {})

    def segments(self, placement_id: str) -> list[Segment]:
        """All segments, by number."""
        with self.parts.db.read() as conn:
            return segments.covering(conn, PlacementId(placement_id), EVER, list(SegmentState))

    def gaps(self, placement_id: str) -> list[Gap]:
        """All gaps."""
        with self.parts.db.read() as conn:
            return segments.list_gaps(conn, PlacementId(placement_id), EVER)

    def greys(self, placement_id: str) -> list[GreySpan]:
        """All grey spans of sealed segments."""
        with self.parts.db.read() as conn:
            return segments.list_grey_spans(conn, PlacementId(placement_id), EVER)

    def recorded(self, placement_id: str) -> Iterator[tuple[Segment, bytes]]:
        """Every sealed segment with its plain bytes."""
        reader = FootageReader(self.parts.db, self.parts.keys, self.parts.store)
        for row in self.segments(placement_id):
            if row.state is SegmentState.SEALED:
                with reader.open(row.placement_id, row.number) as segment:
                    yield row, segment.read()

    def until_state(self, placement_id: str, state: str, within_s: float = 45.0, **fields: Any) -> dict[str, Any]:
        """Wait until the worker says that it is in a state."""

        def reached() -> dict[str, Any] | None:
            status = self.status(placement_id)
            wanted = {"state": state, **fields}
            return status if all(status.get(name) == value for name, value in wanted.items()) else None

        try:
            return dict(until(reached, within_s, f"state {state} {fields}"))
        except AssertionError as error:
            raise AssertionError(f"{error}; last: {self.status(placement_id)}\n{self.logs()[-6000:]}") from None

    def stop(self, process: subprocess.Popen[bytes], within_s: float = 25.0) -> int:
        """Ask a process to end; return its status."""
        process.send_signal(signal.SIGTERM)
        return process.wait(within_s)


@contextmanager
def running_house(folder: Path, url_of: Callable[[Role], str] | None = None, **settings: Any) -> Iterator[House]:
    """Make an empty database and folders; end all processes afterwards.

    Args:
        url_of: addresses of a migrated PostgreSQL for each process' role; None: SQLite.
        settings: `database_url` is the test's own way in, as the owner.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    chosen = {"data_dir": str(folder), "free_bytes_floor": 0} | settings
    settings_file = folder / "vms.toml"
    settings_file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in chosen.items()))
    wanted = Settings(**chosen)
    migrate.upgrade(wanted.database)
    parts = build(wanted)
    now_at = datetime.now(UTC)
    with parts.db.write() as conn:
        for name in ("drawer", "approver"):
            users.add(conn, users.Account(UserId(name), name, name, "x", "nl", now_at))
    house = House(parts, settings_file, url_of)
    try:
        yield house
    finally:
        for process in house.processes:
            if process.poll() is None:
                process.terminate()
        for process in house.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        parts.db.dispose()
