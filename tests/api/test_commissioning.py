"""The commissioning view: two persons, half an hour, one look; in the ledger before the first picture, ended by the server."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api.accounts import COMMAND_LINE
from tests.api.site import COPIED, DOME, FIXED, ORIGIN, Person, Site
from tests.builders import FAR
from vms.bus.channel import PlacementChannel
from vms.bus.commands import Command
from vms.bus.commissioning import CommissioningCounter, CommissioningPicture
from vms.db import commissioning
from vms.db.commissioning import CommissioningView
from vms.model import CommissioningId, PlacementId, Role

REASON = "scaffolding hides the old masks"
PICTURE = CommissioningPicture(2, 1, 1280, 720, 7, None, b"abcdef")


def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition; the test's own timeout is the deadline."""
    while not condition():
        time.sleep(0.01)


def looks(site: Site) -> list[CommissioningView]:
    """The looks that are open."""
    with site.parts.db.read() as conn:
        return commissioning.open_views(conn)


@contextmanager
def handing_out(site: Site, placement_id: PlacementId = FIXED) -> Iterator[None]:
    """A worker's counter that lets in who names the open look, as the real one does."""
    stop = threading.Event()
    counter = CommissioningCounter(site.parts.settings.run, placement_id)
    counter.open()

    def work() -> None:
        while not stop.is_set():
            open_now = looks(site)
            if not open_now:
                counter.send_away()
                stop.wait(0.02)
                continue
            counter.meet(open_now[0].id, 0.02)
            counter.hand_over(PICTURE)
        counter.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def officer(site: Site) -> Person:
    """Who draws masks."""
    return site.sign_in(Role.BLANKING_OFFICER)


@pytest.fixture
def director(site: Site) -> Person:
    """The second person."""
    return site.sign_in(Role.DIRECTOR)


def asked(person: Person, placement_id: PlacementId = FIXED, minutes: int = 30) -> str:
    """Ask; return the leave's id."""
    answer = person.post(f"/api/placements/{placement_id}/commissioning", {"reason": REASON, "minutes": minutes})
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "requested"
    return str(answer.json()["id"])


def approved(officer: Person, director: Person, placement_id: PlacementId = FIXED, minutes: int = 30) -> str:
    """Ask and approve."""
    leave_id = asked(officer, placement_id, minutes)
    answer = director.post(f"/api/commissioning/{leave_id}/approve")
    assert answer.status_code == 200, answer.text
    return leave_id


def view(person: Person, leave_id: str) -> WebSocketTestSession:
    """Open the view's socket."""
    return person.site.client.websocket_connect(
        f"ws{ORIGIN[4:]}/api/commissioning/{leave_id}/view", headers=person.headers
    )


def first_picture(socket: WebSocketTestSession) -> tuple[dict[str, Any], bytes]:
    """Read until a picture comes."""
    while (data := socket.receive_bytes())[0] != 4:
        assert data[0] == 3
    length = int.from_bytes(data[1:5], "big")
    return json.loads(data[5 : 5 + length]), data[5 + length :]


def refused(person: Person, leave_id: str) -> tuple[int, str]:
    """Open the socket in vain; return code and reason, and see that not one byte came."""
    with view(person, leave_id) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    return closed.value.code, closed.value.reason


def why_closed(socket: WebSocketTestSession) -> str:
    """Read until the server closes; return why."""
    while True:
        try:
            socket.receive_bytes()
        except WebSocketDisconnect as closed:
            return closed.reason


def test_two_persons_open_it_and_every_step_is_in_the_ledger(site: Site, officer: Person, director: Person) -> None:
    """Asked for, approved, opened before the first picture, closed by the server with the seconds seen."""
    leave_id = approved(officer, director)
    with handing_out(site), view(officer, leave_id) as socket:
        state = socket.receive_bytes()
        assert (state[0], json.loads(state[1:])["placement_id"]) == (3, FIXED)
        assert len(site.ledger("commissioning.open")) == 1
        head, rgb = first_picture(socket)
        assert head == {
            "columns": 2,
            "rows": 1,
            "width": 1280,
            "height": 720,
            "captured_at_us": 7,
            "pose": None,
        }
        assert rgb == b"abcdef"
        site.clock.advance(timedelta(seconds=12))
        until(lambda: site.ledger("commissioning.seen"))
        # Waited for inside of the block: the test client cancels the server's side when the block ends.
        socket.close()
        until(lambda: site.ledger("commissioning.close"))
    entries = site.ledger(
        *(f"commissioning.{act}" for act in ("request", "approve", "open", "seen", "close", "serve", "served"))
    )
    assert [entry.act.value.split(".")[1] for entry in entries] == ["request", "approve", "open", "seen", "close"]
    request, approval, opened, seen, closed = (entry.document for entry in entries)
    for entry in (request, approval, opened, seen, closed):
        assert entry["obj"]["placement_id"] == FIXED
        assert entry["obj"]["commissioning"] == leave_id
    assert request["actor"]["role"] == "blanking-officer"
    assert request["obj"]["minutes"] == 30
    assert REASON not in json.dumps(request)
    assert approval["actor"]["role"] == "director"
    assert approval["actor"]["id"] != request["actor"]["id"] == opened["actor"]["id"]
    assert opened["purpose"]["code"] == "blanking"
    assert opened["obj"]["approved_by"] == approval["actor"]["id"]
    assert seen["obj"]["from"] == closed["obj"]["opened"]
    assert closed["obj"]["seconds"] == 12
    assert closed["obj"]["pictures"] >= 1
    assert closed["why"] == "left"


def test_nobody_is_ones_own_second_person(site: Site, officer: Person, director: Person) -> None:
    """Refused, written down, and still to be decided by somebody else."""
    leave_id = asked(officer)
    for act, body in (("approve", None), ("refuse", {"reason": "on second thoughts not"})):
        answer = officer.post(f"/api/commissioning/{leave_id}/{act}", body)
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "commissioning.two-persons"
    denied = site.ledger("commissioning.approve", "commissioning.refuse")
    assert [(entry.document["res"], entry.document["why"]) for entry in denied] == [
        ("denied", "commissioning.two-persons")
    ] * 2
    assert refused(officer, leave_id) == (4410, "commissioning.over")
    assert director.post(f"/api/commissioning/{leave_id}/approve").status_code == 200


def test_a_refusal_needs_a_reason_and_is_final(site: Site, officer: Person, director: Person) -> None:
    """What was refused can't be approved by the next one who is asked."""
    leave_id = asked(officer)
    assert director.post(f"/api/commissioning/{leave_id}/refuse", {"reason": "no"}).status_code == 422
    answer = director.post(f"/api/commissioning/{leave_id}/refuse", {"reason": "not during the market"})
    assert answer.json()["state"] == "refused"
    assert director.post(f"/api/commissioning/{leave_id}/approve").status_code == 409
    assert refused(officer, leave_id) == (4410, "commissioning.over")
    assert "market" not in json.dumps([entry.document for entry in site.ledger("commissioning.refuse")])


@pytest.mark.parametrize(("reason", "minutes"), [("short", 5), (REASON, 0), (REASON, 31), (REASON, 10_000)])
def test_a_request_has_a_reason_and_at_most_half_an_hour(officer: Person, reason: str, minutes: int) -> None:
    """The ceiling is not a setting."""
    answer = officer.post(f"/api/placements/{FIXED}/commissioning", {"reason": reason, "minutes": minutes})
    assert answer.status_code == 422


def test_only_who_asked_sees_it_not_the_one_who_approved(site: Site, officer: Person, director: Person) -> None:
    """Not the director, who has no such action, and not another officer, who has."""
    site.admit("other", "Ander")
    site.people.grant_role(COMMAND_LINE, "other", Role.BLANKING_OFFICER, FAR)
    other = site.sign_in("other")
    leave_id = approved(officer, director)
    assert refused(director, leave_id) == (4403, "policy.no-role")
    assert refused(other, leave_id) == (4403, "commissioning.not-yours")
    [denied] = site.ledger("commissioning.open")
    assert (denied.document["res"], denied.document["why"]) == ("denied", "not-yours")
    assert looks(site) == []


def test_there_is_one_look_at_a_time(site: Site, officer: Person, director: Person) -> None:
    """A second window, or a second leave for the same camera, must wait."""
    leave_id = approved(officer, director)
    with handing_out(site), view(officer, leave_id) as socket:
        first_picture(socket)
        assert refused(officer, leave_id) == (4410, "commissioning.shown")
        second = asked(officer)
        answer = director.post(f"/api/commissioning/{second}/approve")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "commissioning.busy")


def test_it_ends_by_itself_when_its_time_is_over(site: Site, officer: Person, director: Person) -> None:
    """Nobody has to do anything; and it does not open again."""
    leave_id = approved(officer, director, minutes=5)
    with handing_out(site), view(officer, leave_id) as socket:
        first_picture(socket)
        site.clock.advance(timedelta(minutes=5))
        assert why_closed(socket) == "expired"
    until(lambda: site.ledger("commissioning.end"))
    assert site.ledger("commissioning.end")[0].document["why"] == "expired"
    assert refused(officer, leave_id) == (4410, "commissioning.over")


@pytest.mark.parametrize("who", ["officer", "director"])
def test_either_person_ends_it_at_once(site: Site, officer: Person, director: Person, who: str) -> None:
    """The kill switch."""
    leave_id = approved(officer, director)
    with handing_out(site), view(officer, leave_id) as socket:
        first_picture(socket)
        answer = {"officer": officer, "director": director}[who].post(f"/api/commissioning/{leave_id}/end")
        assert answer.json()["state"] == "closed"
        assert why_closed(socket) == "ended"
    assert refused(officer, leave_id) == (4410, "commissioning.over")
    assert len(site.ledger("commissioning.end")) == 1


@pytest.mark.parametrize(("who", "why"), [("officer", "session-over"), ("director", "second-person-left")])
def test_signing_out_of_either_person_ends_it(
    site: Site, officer: Person, director: Person, who: str, why: str
) -> None:
    """Four eyes are there, or nothing is shown; signing in again does not bring it back."""
    leave_id = approved(officer, director)
    with handing_out(site), view(officer, leave_id) as socket:
        first_picture(socket)
        {"officer": officer, "director": director}[who].post("/api/sign-out")
        assert why_closed(socket) == why
    until(lambda: site.ledger("commissioning.end"))
    assert refused(site.sign_in(Role.BLANKING_OFFICER), leave_id) == (4410, "commissioning.over")


@pytest.mark.parametrize(
    ("role", "why"),
    [(Role.BLANKING_OFFICER, "no-longer-allowed"), (Role.DIRECTOR, "second-person-not-allowed")],
)
def test_the_end_of_either_role_ends_it(site: Site, officer: Person, director: Person, role: Role, why: str) -> None:
    """Screening that runs out in these minutes counts in these minutes."""
    leave_id = approved(officer, director)
    with handing_out(site), view(officer, leave_id) as socket:
        first_picture(socket)
        site.people.revoke_role(COMMAND_LINE, role.value, role)
        assert why_closed(socket) == why


def test_a_ledger_that_cannot_be_written_ends_it(site: Site, officer: Person, director: Person) -> None:
    """No entry, no picture: also in the middle. The end is written down as soon as that is possible again."""
    leave_id = approved(officer, director)
    with handing_out(site), view(officer, leave_id) as socket:
        first_picture(socket)
        with site.parts.db.write() as conn:
            conn.exec_driver_sql(
                "CREATE TRIGGER full BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ABORT, 'no more'); END"
            )
        site.clock.advance(timedelta(seconds=11))
        assert why_closed(socket) == "unwritten"
        assert refused(officer, leave_id) != (1000, "")
    assert site.ledger("commissioning.close") == []
    with site.parts.db.write() as conn:
        conn.exec_driver_sql("DROP TRIGGER full")
    site.clock.advance(timedelta(minutes=31))
    until(lambda: site.ledger("commissioning.close") and site.ledger("commissioning.end"))
    assert looks(site) == []


def test_a_request_that_nobody_decides_lapses(site: Site, officer: Person, director: Person) -> None:
    """An approval out of the blue, hours later, would open a view that nobody waits for."""
    leave_id = asked(officer)
    site.clock.advance(timedelta(hours=1))
    director = site.sign_in(Role.DIRECTOR)
    answer = director.post(f"/api/commissioning/{leave_id}/approve")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "commissioning.moved-on")


def test_a_camera_without_dwellings_needs_no_such_view(site: Site, officer: Person) -> None:
    """Its live picture shows everything already."""
    answer = officer.post(f"/api/placements/{COPIED}/commissioning", {"reason": REASON})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "commissioning.copied")


def test_everybody_at_the_wall_knows_of_it(site: Site, officer: Person, director: Person) -> None:
    """Observers and technicians see that a camera is open to somebody, and until when."""
    leave_id = approved(officer, director)
    with site.parts.db.read() as conn:
        leave = commissioning.get(conn, CommissioningId(leave_id))
    assert leave.until_at is not None
    told = {"until_at": f"{leave.until_at:%Y-%m-%dT%H:%M:%S.%f}Z"}
    for role, path in ((Role.OBSERVER, "/api/placements"), (Role.TECHNICIAN, "/api/cameras")):
        found = {item["id"]: item["commissioning"] for item in site.sign_in(role).get(path).json()}
        assert found == {FIXED: told, COPIED: None, DOME: None}
    director.post(f"/api/commissioning/{leave_id}/end")
    found = {item["id"]: item["commissioning"] for item in site.sign_in(Role.OBSERVER).get("/api/placements").json()}
    assert set(found.values()) == {None}


def test_the_list_says_who_waits_for_whom(site: Site, officer: Person, director: Person) -> None:
    """For the page of both persons."""
    leave_id = asked(officer, DOME, 10)
    [item] = director.get("/api/commissioning").json()
    assert item["id"] == leave_id
    assert item["placement"] == {"id": DOME, "name": DOME}
    assert item["requested_by"]["name"] == "Blanking-Officer"
    assert (item["reason"], item["minutes"], item["shown"], item["decided_by"]) == (REASON, 10, False, None)
    site.clock.advance(timedelta(days=1, seconds=1))
    until(lambda: site.ledger("commissioning.end"))
    assert site.sign_in(Role.DIRECTOR).get("/api/commissioning").json() == []


def test_the_camera_moves_for_who_sees_it_and_only_then(site: Site, officer: Person, director: Person) -> None:
    """An officer has no control of cameras but the one under an open view."""
    obeyed: list[Command] = []

    def obey(command: Command) -> dict[str, Any]:
        obeyed.append(command)
        return {"ok": True}

    channel = PlacementChannel(site.parts.settings.run, DOME)
    channel.on_command(obey)
    channel.start()
    move = {"kind": "ptz.absolute", "pan_deg": 10, "tilt_deg": -5, "zoom": 0.5}
    try:
        leave_id = approved(officer, director, DOME)
        assert officer.post(f"/api/commissioning/{leave_id}/ptz", move).status_code == 409
        with handing_out(site, DOME), view(officer, leave_id) as socket:
            first_picture(socket)
            assert officer.post(f"/api/placements/{DOME}/ptz", move).status_code == 403
            assert officer.post(f"/api/commissioning/{leave_id}/ptz", move).status_code == 200
        assert len(obeyed) == 1
        assert site.ledger("ptz.move")[0].document["actor"]["role"] == "blanking-officer"
        until(lambda: not looks(site))
        assert officer.post(f"/api/commissioning/{leave_id}/ptz", move).status_code == 409
    finally:
        channel.close()


def test_the_whole_life_of_a_leave_on_both_databases(any_site: Site) -> None:
    """SQLite and PostgreSQL refuse and allow the same."""
    officer, director = any_site.sign_in(Role.BLANKING_OFFICER), any_site.sign_in(Role.DIRECTOR)
    leave_id = approved(officer, director)
    with handing_out(any_site), view(officer, leave_id) as socket:
        first_picture(socket)
        with any_site.parts.db.read() as conn:
            standing = commissioning.standing(conn, FIXED)
        assert standing is not None
        assert standing.commissioning_id == leave_id
        second = asked(officer)
        assert director.post(f"/api/commissioning/{second}/approve").status_code == 409
        director.post(f"/api/commissioning/{leave_id}/end")
        assert why_closed(socket) == "ended"
    with any_site.parts.db.read() as conn:
        assert commissioning.standing(conn, FIXED) is None
