"""Live pictures over a real bus, and moving cameras: in the ledger first, ended by the server."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api.accounts import COMMAND_LINE
from api.routers.shapes import instant
from tests.api.site import DOME, FIXED, Person, Site
from vms.bus.channel import PlacementChannel
from vms.bus.commands import Command, PtzContinuous, PtzPresets, PtzStop
from vms.bus.messages import FrameMessage, InitMessage, StateMessage
from vms.bus.protocol import Admit
from vms.db import designations, edge, placements, sessions, views
from vms.db.edge import EdgeCheck, EdgeRecordings
from vms.model import EdgeState, PlacementId, Role

HEAD = InitMessage(1, "avc3.64001f", 320, 240, b"head")


class Worker:
    """A camera's worker as far as the bus sees it."""

    def __init__(self, site: Site, placement_id: PlacementId) -> None:
        self.obeyed: list[Command] = []
        self.joins = 0
        self._group: list[FrameMessage] = []
        self._lock = threading.Lock()
        self.channel = PlacementChannel(site.parts.settings.run, placement_id)
        self.channel.on_join(self._greet)
        self.channel.on_command(self._obey)
        self.channel.start()

    def show(self, number: int, *, key: bool = False, size: int = 10) -> None:
        """Publish a frame whose instant is its number."""
        frame = FrameMessage(1, number, key, number.to_bytes(4, "big") * (size // 4 + 1))
        with self._lock:
            self._group = [frame] if key else [*self._group, frame]
            self.channel.publish(frame)

    def _greet(self, admit: Admit) -> None:
        with self._lock:
            self.joins += 1
            admit([StateMessage({"state": "live"}), HEAD, *self._group])

    def _obey(self, command: Command) -> dict[str, Any]:
        self.obeyed.append(command)
        if isinstance(command, PtzPresets):
            return {"presets": [{"id": "1", "name": "Neude"}]}
        return {"ok": True}


@pytest.fixture
def worker(site: Site) -> Iterator[Worker]:
    """The worker of the fixed camera."""
    worker = Worker(site, FIXED)
    yield worker
    worker.channel.close()


@pytest.fixture
def dome(site: Site) -> Iterator[Worker]:
    """The worker of the camera that moves."""
    worker = Worker(site, DOME)
    yield worker
    worker.channel.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own timeout is the deadline."""
    while not condition():
        time.sleep(0.01)


def frames(socket: WebSocketTestSession, upto: int) -> list[int]:
    """Read until a frame's instant; return the instants of all frames on the way."""
    seen: list[int] = []
    while not seen or seen[-1] < upto:
        data = socket.receive_bytes()
        if data[0] == 2:
            seen.append(int.from_bytes(data[2:10], "big"))
    return seen


def test_a_viewer_gets_state_head_and_frames_from_the_last_keyframe(site: Site, worker: Worker) -> None:
    """A picture at once, in the form that the page reads."""
    for number in range(1, 6):
        worker.show(number, key=number in {1, 4})
    with site.sign_in(Role.OBSERVER).watch(FIXED) as socket:
        until(lambda: worker.joins == 1)
        state = socket.receive_bytes()
        while state[0] == 3 and json.loads(state[1:])["state"] == "offline":
            state = socket.receive_bytes()
        assert json.loads(state[1:]) == {"state": "live"}
        head = socket.receive_bytes()
        length = int.from_bytes(head[1:5], "big")
        assert json.loads(head[5 : 5 + length])["codec"] == "avc3.64001f"
        assert head[5 + length :] == b"head"
        assert frames(socket, 5) == [4, 5]
        worker.show(6)
        assert frames(socket, 6) == [6]


def test_the_entry_is_in_the_ledger_before_the_first_byte_and_the_server_closes_it(site: Site, worker: Worker) -> None:
    """No entry, no picture; and the end is written down whatever the browser does."""
    worker.show(1, key=True)
    with site.sign_in(Role.OBSERVER).watch(FIXED) as socket:
        [opened] = site.ledger("live.open")
        assert opened.document["obj"]["placement_id"] == FIXED
        assert opened.document["purpose"]["code"] == "public-order"
        assert opened.document["actor"]["role"] == "observer"
        frames(socket, 1)
        # Waited for inside of the block: the test client cancels the server's side when the block ends.
        socket.close()
        until(lambda: len(site.ledger("live.close")) == 1)
    [closed] = site.ledger("live.close")
    assert closed.document["why"] == "left"
    assert closed.document["obj"]["view"] == opened.document["obj"]["view"]


def test_no_picture_leaves_when_the_ledger_can_not_be_written(
    site: Site, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail closed."""
    worker.show(1, key=True)
    person = site.sign_in(Role.OBSERVER)

    def broken(*_: object, **__: object) -> int:
        from vms.errors import Unavailable

        raise Unavailable("the ledger's volume is gone")

    monkeypatch.setattr(site.parts.ledger, "append", broken)
    with person.watch(FIXED) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    assert closed.value.code == 1013
    assert worker.joins == 0


def test_all_viewers_share_one_subscription_and_a_late_one_has_a_picture_at_once(site: Site, worker: Worker) -> None:
    """A wall of ten people is one load for the worker; the group of pictures is kept here."""
    for number in range(1, 4):
        worker.show(number, key=number == 1)
    person = site.sign_in(Role.OBSERVER)
    with person.watch(FIXED) as one:
        assert frames(one, 3) == [1, 2, 3]
        worker.show(4)
        assert frames(one, 4) == [4]
        with person.watch(FIXED) as other:
            assert frames(other, 4) == [1, 2, 3, 4]
            assert worker.joins == 1
            assert worker.channel.viewers == 1
            assert site.app.state.running.hub.viewers(FIXED) == 2
    until(lambda: worker.channel.viewers == 0)
    assert site.app.state.running.hub.feeds == 0


def ends(socket: WebSocketTestSession) -> WebSocketDisconnect:
    """Read until the server closes; return how."""
    while True:
        try:
            socket.receive_bytes()
        except WebSocketDisconnect as closed:
            return closed


@pytest.mark.parametrize("way", ["sign-out", "revoke", "disable", "idle", "expire"])
def test_the_picture_stops_when_its_reason_is_gone(site: Site, worker: Worker, way: str) -> None:
    """Sign-out, revoked role, closed account, idle lock, expired training: within seconds, and each with its cause."""
    worker.show(1, key=True)
    person = site.sign_in(Role.OBSERVER)
    with person.watch(FIXED) as socket:
        frames(socket, 1)
        if way == "sign-out":
            person.post("/api/sign-out")
        elif way == "revoke":
            site.people.revoke_role(COMMAND_LINE, "observer", Role.OBSERVER)
        elif way == "disable":
            site.people.disable_user(COMMAND_LINE, "observer")
        elif way == "idle":
            site.clock.advance(timedelta(minutes=16))
        else:
            site.people.grant_role(COMMAND_LINE, "observer", Role.OBSERVER, site.clock.now() + timedelta(minutes=1))
            site.clock.advance(timedelta(minutes=2))
        closed = ends(socket)
    denied = way in {"revoke", "expire"}
    assert closed.code == (4403 if denied else 4401)
    until(lambda: len(site.ledger("live.close")) == 1)
    assert site.ledger("live.close")[0].document["why"] == ("no-longer-allowed" if denied else "session-over")


def withdraw_decision(site: Site) -> None:
    """Let the mayor withdraw the decision under which all cameras are, as of now."""
    now = site.clock.now()
    with site.parts.db.write() as conn:
        designations.withdraw(conn, "d-1", withdrawn_at=now, entered_at=now)


def test_nothing_is_shown_without_a_decision_whatever_a_worker_sends(any_site: Site) -> None:
    """The API showed what came from a worker; only the worker asked whether it may."""
    worker = Worker(any_site, FIXED)
    worker.show(1, key=True)
    withdraw_decision(any_site)
    with any_site.sign_in(Role.OBSERVER).watch(FIXED) as socket:
        closed = ends(socket)
    assert (closed.code, closed.reason) == (1013, "law.outside")
    assert worker.joins == 0
    assert any_site.ledger("live.open") == []
    worker.channel.close()


def test_a_picture_ends_with_the_decision_that_allowed_it(site: Site, worker: Worker) -> None:
    """A worker that goes on sending, because its clock or its database is wrong, must not decide that alone."""
    worker.show(1, key=True)
    with site.sign_in(Role.OBSERVER).watch(FIXED) as socket:
        frames(socket, 1)
        withdraw_decision(site)
        closed = ends(socket)
    assert (closed.code, closed.reason) == (1013, "permit-over")
    until(lambda: len(site.ledger("live.close")) == 1)
    assert site.ledger("live.close")[0].document["why"] == "permit-over"


def test_somebody_who_watches_is_at_work(site: Site, worker: Worker) -> None:
    """Because an operator on a quiet night touches nothing for hours, and the wall must not go dark before his eyes."""
    worker.show(1, key=True)
    person = site.sign_in(Role.OBSERVER)

    def last_seen() -> datetime:
        with site.parts.db.read() as conn:
            [session] = sessions.list_lasting(conn)
        return session.seen_at

    with person.watch(FIXED) as socket:
        frames(socket, 1)
        for _ in range(4):
            site.clock.advance(timedelta(minutes=14))
            now = site.clock.now()
            until(lambda now=now: last_seen() == now)  # type: ignore[misc]  # bound at once
    site.clock.advance(timedelta(minutes=14))
    assert person.get("/api/me").status_code == 200
    # A shift is over for those who watch too.
    with person.watch(FIXED) as socket:
        frames(socket, 1)
        site.clock.advance(timedelta(hours=10))
        assert ends(socket).code == 4401


def test_an_unknown_placement_and_a_missing_session_close_with_their_own_codes(site: Site) -> None:
    """The page reacts to each in its own way."""
    person = site.sign_in(Role.OBSERVER)
    with person.watch(PlacementId("elders")) as socket:
        assert ends(socket).code == 4404
    person.cookie = "vms_session=made-up"
    with person.watch(FIXED) as socket:
        assert ends(socket).code == 4401
    assert site.ledger("live.open") == []


def test_a_watch_without_a_worker_shows_offline_and_recovers(site: Site) -> None:
    """A worker that starts later is found without reloading the page."""
    with site.sign_in(Role.OBSERVER).watch(FIXED) as socket:
        assert json.loads(socket.receive_bytes()[1:])["state"] == "offline"
        late = Worker(site, FIXED)
        late.show(1, key=True)
        assert frames(socket, 1) == [1]
        late.channel.close()
        while True:
            data = socket.receive_bytes()
            if data[0] == 3 and json.loads(data[1:])["state"] == "offline":
                break


def test_a_view_that_was_closed_behind_its_back_shows_nothing_more(site: Site, worker: Worker) -> None:
    """A machine that slept for minutes: its views were closed by another process, and the page must open a new one."""
    worker.show(1, key=True)
    with site.sign_in(Role.OBSERVER).watch(FIXED) as socket:
        frames(socket, 1)
        with site.parts.db.read() as conn:
            [view] = views.list_open(conn)
        site.app.state.running.views.close(view, "server-died")
        site.clock.advance(timedelta(seconds=1))
        assert ends(socket).code == 1013
    assert len(site.ledger("live.close")) == 1


def test_a_view_of_a_process_that_died_is_closed_in_the_ledger(site: Site, worker: Worker) -> None:
    """Kill -9 of the API leaves no view open for ever."""
    worker.show(1, key=True)
    person = site.sign_in(Role.OBSERVER)
    running = site.app.state.running
    with site.parts.db.write() as conn:
        views.open_view(
            conn,
            "v-dead",
            session_id=site.ledger("auth.sign-in")[0].document["obj"]["session"],
            placement_id=FIXED,
            kind="live",
            at=site.clock.now(),
        )
    with person.watch(FIXED) as socket:
        frames(socket, 1)
        site.clock.advance(timedelta(minutes=4))
        # The living view has beaten since the clock moved; the dead one can't.
        until(lambda: _seen_again(site))
        assert running.views.close_stale() == 1
        [closed] = site.ledger("live.close")
        assert closed.document["obj"]["view"] == "v-dead"
        assert closed.document["why"] == "server-died"


def _seen_again(site: Site) -> bool:
    with site.parts.db.read() as conn:
        return any(view.seen_at == site.clock.now() for view in views.list_open(conn))


def move(person: Person, **command: Any) -> Any:
    """Send a command to the dome."""
    return person.post(f"/api/placements/{DOME}/ptz", command)


PAN = {"kind": "ptz.continuous", "pan": 0.5, "tilt": 0.0, "zoom": 0.0}


def test_one_movement_is_one_pair_of_entries_however_often_it_is_repeated(site: Site, dome: Worker) -> None:
    """The page repeats a movement five times a second; the ledger must say what happened, not how the page works."""
    person = site.sign_in(Role.OBSERVER)
    for _ in range(10):
        assert move(person, **PAN).json() == {"ok": True}
    assert len(site.ledger("ptz.move")) == 1
    assert move(person, kind="ptz.stop").status_code == 200
    [stop] = site.ledger("ptz.stop")
    assert stop.document["obj"]["commands"] == 10
    assert stop.document["why"] == "stopped"
    assert stop.document["actor"]["id"] == person.me["user"]["id"]
    assert site.ledger("ptz.move")[0].document["obj"]["pan_permille"] == 500
    assert dome.obeyed == [*[PtzContinuous(0.5, 0.0, 0.0)] * 10, PtzStop()]


def test_a_movement_that_nobody_goes_on_with_is_stopped_and_closed(site: Site, dome: Worker) -> None:
    """A browser that dies in the middle of a pan: the explicit Stop besides the worker's dead-man timer."""
    move(site.sign_in(Role.OBSERVER), **PAN)
    site.clock.advance(timedelta(seconds=1))
    until(lambda: len(site.ledger("ptz.stop")) == 1)
    assert site.ledger("ptz.stop")[0].document["why"] == "silence"
    assert dome.obeyed[-1] == PtzStop()


def test_the_entry_of_a_movement_is_there_before_the_camera_hears_of_it(
    site: Site, dome: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No entry, no movement."""
    person = site.sign_in(Role.OBSERVER)

    def broken(*_: object, **__: object) -> int:
        from vms.errors import Unavailable

        raise Unavailable("the ledger's volume is gone")

    with monkeypatch.context() as patch:
        patch.setattr(site.parts.ledger, "append", broken)
        assert move(person, **PAN).status_code == 503
    assert dome.obeyed == []


def test_one_person_moves_a_camera_at_a_time_and_the_director_may_take_over(site: Site, dome: Worker) -> None:
    """Two hands on one joystick help nobody; the shift lead decides."""
    until_at = site.clock.now() + timedelta(days=1)
    site.admit("tweede", "Tweede Kijker")
    site.people.grant_role(COMMAND_LINE, "tweede", Role.OBSERVER, until_at)
    one, other, director = site.sign_in(Role.OBSERVER), site.sign_in("tweede"), site.sign_in(Role.DIRECTOR)
    assert move(one, **PAN).status_code == 200
    refused = move(other, **PAN)
    assert refused.status_code == 409
    assert refused.json()["error"]["details"] == {"holder": "Observer"}
    assert "Observer" in refused.json()["error"]["message"]
    assert other.post(f"/api/placements/{DOME}/ptz/lock", {"take_over": True}).status_code == 403
    assert director.post(f"/api/placements/{DOME}/ptz/lock", {"take_over": True}).status_code == 200
    assert site.ledger("ptz.stop")[0].document["why"] == "taken-over"
    assert move(one, **PAN).status_code == 409
    assert move(director, kind="ptz.goto_preset", preset="1").status_code == 200
    site.clock.advance(timedelta(seconds=11))
    assert move(other, **PAN).status_code == 200
    acts = [entry.act.value for entry in site.ledger() if entry.act.value.startswith("ptz.")]
    assert acts == ["ptz.move", "ptz.stop", "ptz.take", "ptz.preset", "ptz.move"]


def told(socket: WebSocketTestSession, name: str) -> Any:
    """Read until the server tells something of this name besides the picture; return it."""
    while True:
        data = socket.receive_bytes()
        if data[0] == 5 and name in (notice := json.loads(data[1:])):
            return notice[name]


def test_everybody_who_looks_is_told_who_has_the_camera(site: Site, dome: Worker) -> None:
    """Because a panel that knows only its own commands says "you have the control" for ever, and the other one nothing."""
    site.admit("tweede", "Tweede Kijker")
    site.people.grant_role(COMMAND_LINE, "tweede", Role.OBSERVER, site.clock.now() + timedelta(days=1))
    one, other, director = site.sign_in(Role.OBSERVER), site.sign_in("tweede"), site.sign_in(Role.DIRECTOR)
    dome.show(1, key=True)
    with other.watch(DOME) as seen, one.watch(DOME) as own:
        began_at = site.clock.now()
        move(one, **PAN)
        control = told(seen, "control")
        assert (control["name"], control["is_own"]) == ("Observer", False)
        assert control["since_at"] == instant(began_at)
        assert control["until_at"] == instant(began_at + timedelta(seconds=10))
        assert told(own, "control")["is_own"] is True
        site.clock.advance(timedelta(seconds=5))
        move(one, **PAN)
        longer = told(seen, "control")
        assert (longer["since_at"], longer["until_at"]) == (
            control["since_at"],
            instant(began_at + timedelta(seconds=15)),
        )
        director.post(f"/api/placements/{DOME}/ptz/lock", {"take_over": True})
        assert told(seen, "control")["name"] == "Director"
        site.clock.advance(timedelta(seconds=11))
        assert told(seen, "control") is None


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ({"kind": "ptz.continuous", "pan": 2, "tilt": 0, "zoom": 0}, 422, None),
        ({"kind": "ptz.continuous", "pan": 0.1}, 422, "command.fields"),
        ({"kind": "reboot"}, 422, "command.kind"),
        ({"kind": "status"}, 422, "command.kind"),
        ({"kind": "ptz.goto_preset", "preset": ""}, 422, "ptz.preset"),
    ],
)
def test_a_command_that_makes_no_sense_reaches_no_camera(
    site: Site, dome: Worker, command: dict[str, Any], status: int, code: str | None
) -> None:
    """Numbers out of range move motors in ways nobody meant."""
    answer = move(site.sign_in(Role.OBSERVER), **command)
    assert answer.status_code == status, answer.text
    if code is not None:
        assert answer.json()["error"]["code"] == code
    assert dome.obeyed == []
    assert site.ledger("ptz.move") == []


def test_a_fixed_camera_can_not_be_moved_and_an_unknown_one_not_either(site: Site) -> None:
    """Clear words instead of a timeout."""
    person = site.sign_in(Role.OBSERVER)
    assert person.post(f"/api/placements/{FIXED}/ptz", PAN).json()["error"]["code"] == "ptz.fixed"
    assert person.post("/api/placements/elders/ptz", PAN).json()["error"]["code"] == "placement.unknown"


def test_presets_come_from_the_camera(site: Site, dome: Worker) -> None:
    """The list that the page offers."""
    person = site.sign_in(Role.OBSERVER)
    assert person.get(f"/api/placements/{DOME}/presets").json() == {"presets": [{"id": "1", "name": "Neude"}]}


def test_a_camera_without_a_worker_says_so(site: Site) -> None:
    """503, in words, and the movement that was begun is closed."""
    person = site.sign_in(Role.OBSERVER)
    answer = move(person, **PAN)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "camera.offline"
    site.clock.advance(timedelta(seconds=1))
    until(lambda: len(site.ledger("ptz.stop")) == 1)


def test_a_stop_of_the_server_closes_what_is_open(site: Site, worker: Worker, dome: Worker) -> None:
    """SIGTERM: views and movements are closed in the ledger before the process ends."""
    worker.show(1, key=True)
    person = site.sign_in(Role.OBSERVER)
    move(person, **PAN)
    with contextlib.suppress(WebSocketDisconnect), person.watch(FIXED) as socket:
        frames(socket, 1)
    site.client.__exit__(None, None, None)
    assert [entry.document["why"] for entry in site.ledger("ptz.stop")] == ["server-stopped"]
    assert len(site.ledger("live.open")) == len(site.ledger("live.close")) == 1
    site.client.__enter__()


def test_a_camera_at_a_fraction_of_its_pace_is_told_as_slow_when_that_lasts(site: Site) -> None:
    """0.4 of 15 pictures a second is not live; the first seconds of a session are no slowness."""

    def told(ago_s: float) -> object:
        since_at = (site.clock.now() - timedelta(seconds=ago_s)).isoformat()
        status = {"state": "live", "fps": 0.4, "usual_fps": 15.0, "slow_since_at": since_at}
        with site.parts.db.write() as conn:
            placements.set_status(conn, FIXED, status, site.clock.now())
        [state] = [
            one["state"] for one in site.sign_in(Role.OBSERVER).get("/api/placements").json() if one["id"] == FIXED
        ]
        assert (state["fps"], state["usual_fps"]) == (0.4, 15.0)
        return state["slow_since_at"] == since_at

    assert told(11.0)
    assert not told(3.0)


@pytest.mark.parametrize("recording", ["on", "off", "full"])
def test_the_wall_and_the_technician_are_told_whether_pictures_are_recorded(site: Site, recording: str) -> None:
    """A live picture looks the same when the storage is full, and everybody counts on the recording."""
    with site.parts.db.write() as conn:
        placements.set_status(conn, FIXED, {"state": "live", "recording": recording}, site.clock.now())
    for role, path in ((Role.OBSERVER, "/api/placements"), (Role.TECHNICIAN, "/api/cameras")):
        (item,) = (one for one in site.sign_in(role).get(path).json() if one["id"] == FIXED)
        assert item["state"]["recording"] == recording


def test_the_technician_is_told_that_a_camera_records_by_itself(site: Site) -> None:
    """Whoever runs the equipment empties the card; nobody else needs to know what is on it."""
    now = site.clock.now()
    answer = EdgeRecordings(EdgeState.RECORDINGS, recordings=1, oldest_at=now - timedelta(days=40), active_jobs=1)
    with site.parts.db.write() as conn:
        edge.store(conn, EdgeCheck(FIXED, now, None, now, answer))
    cameras = {one["id"]: one["edge"] for one in site.sign_in(Role.TECHNICIAN).get("/api/cameras").json()}
    told = cameras.pop(FIXED)
    assert (told["reason"], told["answer"]["state"], told["answer"]["active_jobs"]) == (None, "recordings", 1)
    assert told["answer"]["oldest_at"].endswith("Z")
    assert set(cameras.values()) == {None}, "the others were never asked"
    assert "edge" not in site.sign_in(Role.OBSERVER).get("/api/placements").json()[0]
