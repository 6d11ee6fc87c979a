"""A small city hall: the whole API on a real database, real keys, files, ledger and bus, with one person per role."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient, WebSocketTestSession

from api.accounts import COMMAND_LINE, Accounts
from api.app import ApiParts, Pace, create_app
from api.passwords import Passwords
from api.retaining import retention_of
from blanking.review import BlankingReview
from config import load
from config.policy import load_policy
from retention import releases
from tests import builders
from tests.accounts import settle
from tests.footage.scene import packets
from vms.bus.local import LocalBus
from vms.clock import Clock, ManualClock
from vms.db import placements
from vms.db.engine import Database
from vms.footage.keys import FileKeyring
from vms.footage.playback import FootageReader
from vms.footage.recorder import RecorderPlan, SegmentRecorder
from vms.footage.store import FootageStore
from vms.ledger import search
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, StoredEntry
from vms.ledger.signer import load_or_make
from vms.model import CameraKind, GapCause, PlacementId, Role, SegmentMode

ORIGIN = "http://127.0.0.1:8480"
PASSWORD = "een lang wachtwoord"
LOG_NAME = "test.example/log"
FIXED, COPIED, DOME = PlacementId("markt"), PlacementId("gracht"), PlacementId("plein")
PASSWORDS = Passwords(cheap=True)
QUICK = Pace(session_check_s=0.05, heartbeat_s=0.2, export_poll_s=0.05, ptz_span_s=0.3)


@dataclass
class Person:
    """Somebody who is signed in."""

    site: "Site"
    cookie: str
    me: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        """What the pages send along."""
        return {"Cookie": self.cookie, "X-VMS-CSRF": self.me["csrf"], "Origin": ORIGIN}

    def get(self, path: str, **query: Any) -> Response:
        """Read."""
        return self.site.client.get(path, params=query, headers=self.headers)

    def post(self, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Response:
        """Write."""
        return self.site.client.post(path, json=body, headers=self.headers | (headers or {}))

    def watch(self, placement_id: PlacementId) -> WebSocketTestSession:
        """Open a live picture."""
        return self.site.client.websocket_connect(
            f"ws{ORIGIN[4:]}/api/placements/{placement_id}/live", headers=self.headers
        )

    def ask(self, method: str, path: str, body: Any = None) -> Response:
        """Send anything."""
        return self.site.client.request(method, path, json=body, headers=self.headers)


@dataclass
class Site:
    """The running application and what it stands on."""

    parts: ApiParts
    app: FastAPI
    client: TestClient
    clock: ManualClock
    people: Accounts

    def sign_in(self, role: Role | str, *, expect: int = 200, password: str = PASSWORD) -> Person:
        """Sign somebody in."""
        name = role.value if isinstance(role, Role) else role
        answer = self.try_sign_in(name, password)
        assert answer.status_code == expect, answer.text
        return Person(self, answer.headers.get("set-cookie", "").split(";")[0], answer.json())

    def admit(self, username: str, display_name: str, password: str = PASSWORD) -> None:
        """Add an account whose owner has chosen this password."""
        self.people.add_user(COMMAND_LINE, username=username, display_name=display_name, password=password)
        settle(self.parts.db, username.lower())

    def try_sign_in(self, username: str, password: str) -> Response:
        """Send the sign-in form."""
        self.client.cookies.clear()
        answer = self.client.post(
            "/api/sign-in", json={"username": username, "password": password}, headers={"Origin": ORIGIN}
        )
        self.client.cookies.clear()
        return answer

    def ledger(self, *acts: str) -> list[StoredEntry]:
        """Return the entries with these acts, or all, oldest first."""
        with self.parts.db.read() as conn:
            found = search.search(conn, Filter(), limit=1000)
        return [entry for entry in reversed(found) if not acts or entry.act.value in acts]

    def end_grace(self) -> int:
        """Do what the daemon does when the time of grace of agreed releases is over; return for how many holds."""
        grace = timedelta(seconds=self.parts.settings.release_grace_s)
        return releases.carry_out(retention_of(self.parts), grace, self.clock.now() + grace)

    def record(self, placement_id: PlacementId, seconds: float, *, gop: int = 25) -> datetime:
        """Record a stretch of real video as the worker would, from now on; return when it began."""
        start_at = self.clock.now()
        with self.parts.db.write() as conn:
            epoch = placements.take_over(conn, placement_id)
        recorder = SegmentRecorder(
            placement_id,
            epoch,
            db=self.parts.db,
            keys=self.parts.keys,
            store=self.parts.store,
            ledger=self.parts.ledger,
            clock=self.clock,
            plan=RecorderPlan(self.parts.settings.keep_for, SegmentMode.COPIED, 1),
            in_background=False,
        )
        for packet in packets(start_at, seconds, gop=gop):
            recorder.append(packet)
        self.clock.advance(timedelta(seconds=seconds))
        recorder.close(GapCause.WORKER_STOPPED)
        return start_at


def parts_of(database: Database, clock: Clock, folder: Path, pace: Pace = QUICK) -> ApiParts:
    """Return real parts in a folder."""
    settings = load(None, {"VMS_DATA_DIR": str(folder), "VMS_RETENTION_MARGIN_S": "7200"})
    settings.run.mkdir(parents=True, exist_ok=True)
    keys, store = FileKeyring(settings.keys), FootageStore(settings.footage)
    return ApiParts(
        settings=settings,
        db=database,
        ledger=Ledger(LOG_NAME, clock),
        signer=load_or_make(settings.keys, LOG_NAME),
        keys=keys,
        store=store,
        reader=FootageReader(database, keys, store),
        bus=LocalBus(settings.run, request_within_s=2.0, reconnect_s=0.05),
        clock=clock,
        policy=load_policy(),
        plan_review=BlankingReview(),
        passwords=PASSWORDS,
        pace=pace,
    )


def fill(parts: ApiParts) -> None:
    """Add a person per role, called after the role, and three placements: fixed, copied, and one that moves."""
    people = Accounts(parts.db, parts.ledger, parts.clock, parts.policy, parts.passwords)
    until_at = parts.clock.now() + timedelta(days=300)
    for role in Role:
        people.add_user(COMMAND_LINE, username=role.value, display_name=role.value.title(), password=PASSWORD)
        people.grant_role(COMMAND_LINE, role.value, role, until_at)
    people.add_user(COMMAND_LINE, username="nobody", display_name="Zonder Rol", password=PASSWORD)
    with parts.db.write() as conn:
        builders.add_user(conn, "officer", Role.BLANKING_OFFICER)
        builders.add_user(conn, "second-officer", Role.BLANKING_OFFICER)
        builders.add_placement(conn, FIXED)
        builders.add_placement(conn, COPIED, plan=None)
        builders.add_placement(conn, DOME, camera_id=builders.add_camera(conn, "dome", CameraKind.PTZ))
    settle(parts.db)


@contextmanager
def running_site(parts: ApiParts) -> Iterator[Site]:
    """Run the application."""
    assert isinstance(parts.clock, ManualClock)
    app = create_app(parts)
    people = Accounts(parts.db, parts.ledger, parts.clock, parts.policy, parts.passwords)
    with TestClient(app, base_url=ORIGIN, raise_server_exceptions=False) as client:
        yield Site(parts, app, client, parts.clock, people)
