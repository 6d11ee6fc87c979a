"""A password belongs to its owner: what somebody else set signs in once, and only to choose another."""

import unicodedata
from collections.abc import Callable
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from fastapi.routing import APIRoute, APIWebSocketRoute
from httpx import Response
from sqlalchemy import update
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from api.accounts import COMMAND_LINE
from api.app import ROUTERS, api_routes, create_app
from api.doorman import Doorman
from api.gate import PUBLIC, SignedIn
from api.pages.router import PAGES
from api.password_rules import LONGEST_PASSWORD, prepared, refuse_weak
from api.passwords import Passwords, Verdict
from tests.api.site import FIXED, ORIGIN, PASSWORD, Person, Site
from tests.api.test_policy import example, gates
from vms.db import users
from vms.db.tables import user_account
from vms.errors import InvalidInput
from vms.ledger.search import search
from vms.model import Role, UserId

FIRST, OWN, OTHER = "voor een keer gegeven", "zelf gekozen en lang", "nog een heel andere zin"
WITHOUT_OWN_PASSWORD = {("POST", "/api/sign-out"), ("GET", "/api/me"), ("POST", "/api/me/password")}
"""All that somebody may do before choosing a password."""


def choose(person: Person, old: str, new: str) -> Response:
    """Send the page's form."""
    return person.post("/api/me/password", {"old": old, "new": new})


def gone_on(person: Person, answer: Response) -> Person:
    """Return the person with the cookie that the answer set."""
    assert answer.status_code == 200, answer.text
    return Person(person.site, answer.headers["set-cookie"].split(";")[0], answer.json())


def code_of(answer: Response) -> str:
    """Return the code of a refusal."""
    return str(answer.json()["error"]["code"])


def closing_of(socket: WebSocketTestSession) -> tuple[int, str]:
    """Return code and reason of the end of a socket."""
    while True:
        try:
            socket.receive_bytes()
        except WebSocketDisconnect as closed:
            return closed.code, closed.reason


@pytest.fixture
def newcomer(site: Site) -> Person:
    """Somebody with a role who has signed in with a first password, and has not chosen another."""
    site.people.add_user(COMMAND_LINE, username="nieuw", display_name="Noor Nieuw", password=FIRST)
    site.people.grant_role(COMMAND_LINE, "nieuw", Role.DIRECTOR, site.clock.now() + timedelta(days=90))
    return site.sign_in("nieuw", password=FIRST)


def test_who_set_a_password_can_not_go_on_using_it(any_site: Site) -> None:
    """Whoever typed it at the shell could be the second person of everything that takes two, for as long as nobody changed it."""
    site = any_site
    site.people.add_user(COMMAND_LINE, username="nieuw", display_name="Noor Nieuw", password=FIRST)
    person = site.sign_in("nieuw", password=FIRST)
    assert person.me["must_choose_password"] is True
    person = gone_on(person, choose(person, FIRST, OWN))
    assert person.me["must_choose_password"] is False
    assert person.get("/api/me").status_code == 200
    assert code_of(site.try_sign_in("nieuw", FIRST)) == "auth.refused"
    assert site.sign_in("nieuw", password=OWN).me["must_choose_password"] is False


def test_every_route_is_closed_until_a_password_is_chosen(newcomer: Person) -> None:
    """Through each forgotten route the setter of a password would act as its owner."""
    site, open_ones = newcomer.site, set()
    for route in api_routes():
        if (route.openapi_extra or {}).get(PUBLIC):
            continue
        for method in route.methods:
            if (method, route.path) in WITHOUT_OWN_PASSWORD:
                open_ones.add((method, route.path))
                continue
            answer = newcomer.ask(method, example(route), {} if method != "GET" else None)
            assert (answer.status_code, code_of(answer)) == (403, "password.first"), (method, route.path)
    assert open_ones == WITHOUT_OWN_PASSWORD
    assert {entry.document["why"] for entry in site.ledger("policy.denied")} == {"first-password"}
    assert newcomer.get("/api/me").json()["allowed"] == []
    assert newcomer.post("/api/sign-out").status_code == 200


def test_no_other_route_declares_itself_open(site: Site) -> None:
    """A new route is behind the gate unless somebody changes this list."""
    declared = {
        (method, route.path)
        for route in api_routes()
        for gate in gates(route)
        if isinstance(gate, SignedIn) and gate.with_first_password
        for method in route.methods
    }
    assert declared == WITHOUT_OWN_PASSWORD


def test_every_socket_is_closed_until_a_password_is_chosen(newcomer: Person) -> None:
    """A socket is a route of its own, and shows pictures."""
    sockets = [route for module in ROUTERS for route in module.router.routes if not isinstance(route, APIRoute)]
    assert len(sockets) >= 2
    for route in sockets:
        assert isinstance(route, APIWebSocketRoute)
        path = route.path.format(placement_id=FIXED, commissioning_id="c-0")
        with newcomer.site.client.websocket_connect(f"ws{ORIGIN[4:]}{path}", headers=newcomer.headers) as socket:
            assert closing_of(socket) == (4403, "password.first"), path


def test_nothing_goes_on_in_the_session_of_a_first_password(newcomer: Person) -> None:
    """What outlives its request (live pictures, a commissioning view) asks again who is there, and not by a route's gate."""
    session_id = str(newcomer.site.ledger("auth.sign-in")[-1].object["session"])
    doorman = Doorman(newcomer.site.parts)
    assert doorman.still_in(session_id) is None
    with newcomer.site.parts.db.write() as conn:
        users.set_own_password(conn, UserId(newcomer.site.ledger("auth.sign-in")[-1].actor_id), "x")
    assert doorman.still_in(session_id) is not None


def test_every_page_leads_to_the_one_for_choosing(newcomer: Person) -> None:
    """Who signs in with a first password must not wonder why everything is refused."""
    client = newcomer.site.client
    for page in PAGES:
        answer = client.get(page.path, headers=newcomer.headers, follow_redirects=False)
        assert answer.status_code == 303, page.path
        assert answer.headers["location"].startswith("/password?next="), page.path
    assert client.get("/password", headers=newcomer.headers).status_code == 200
    assert client.get("/password", headers={}, follow_redirects=False).headers["location"].startswith("/sign-in")


def test_a_first_password_signs_in_once(any_site: Site) -> None:
    """A second use is somebody else's, and the first one's owner learns of it by being refused."""
    site = any_site
    site.people.set_password(COMMAND_LINE, "observer", FIRST)
    assert site.try_sign_in("observer", FIRST).status_code == 200
    again = site.try_sign_in("observer", FIRST)
    assert (again.status_code, code_of(again)) == (401, "auth.first-password-used")
    assert site.ledger("auth.refused")[-1].document["why"] == "first-password-used"
    assert code_of(site.try_sign_in("observer", FIRST + "x")) == "auth.refused"


def test_a_first_password_has_an_end(site: Site) -> None:
    """A note with a password in a drawer must be worth nothing a month later."""
    site.people.set_password(COMMAND_LINE, "observer", FIRST)
    site.clock.advance(timedelta(days=7) - timedelta(seconds=1))
    site.people.set_password(COMMAND_LINE, "observer", FIRST)
    site.clock.advance(timedelta(days=7))
    answer = site.try_sign_in("observer", FIRST)
    assert code_of(answer) == "auth.first-password-over"
    assert "vms user password" in answer.json()["error"]["message"]


def test_two_sign_ins_at_once_use_a_first_password_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both were right when they were looked at; only one may get in."""
    site.people.set_password(COMMAND_LINE, "observer", FIRST)
    inner: list[Response] = []
    during_check(monkeypatch, lambda: inner.append(site.try_sign_in("observer", FIRST)))
    outer = site.try_sign_in("observer", FIRST)
    assert [answer.status_code for answer in (*inner, outer)] == [200, 401]


def during_check(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen between the look at a password and what follows from it; once."""
    check, waiting = Passwords.check, [act]

    def checked(self: Passwords, stored: str | None, password: str, *, is_from_before: bool) -> Verdict:
        verdict = check(self, stored, password, is_from_before=is_from_before)
        if waiting:
            waiting.pop()()
        return verdict

    monkeypatch.setattr(Passwords, "check", checked)


def test_a_sign_in_that_waited_while_the_password_was_set_anew_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session would outlive the reset that was to end all of a thief's."""
    during_check(monkeypatch, lambda: site.people.set_password(COMMAND_LINE, "observer", FIRST))
    assert code_of(site.try_sign_in("observer", PASSWORD)) == "auth.refused"


@pytest.mark.parametrize("meanwhile", ["chosen twice", "set by an administrator"])
def test_a_change_that_waited_while_the_password_changed_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """The later one would undo, unseen, what the first one did."""
    person = site.sign_in(Role.OBSERVER)
    acts = {
        "chosen twice": lambda: choose(person, PASSWORD, OWN),
        "set by an administrator": lambda: site.people.set_password(COMMAND_LINE, "observer", OWN),
    }
    during_check(monkeypatch, acts[meanwhile])
    answer = choose(person, PASSWORD, OTHER)
    assert (answer.status_code, code_of(answer)) == (409, "password.meanwhile")
    with site.parts.db.read() as conn:
        whys = [one.document["why"] for one in search(conn, limit=5) if one.document["act"] == "user.change"]
    assert "password.meanwhile" in whys
    assert site.try_sign_in("observer", OTHER).status_code == 401
    assert site.try_sign_in("observer", OWN).status_code == 200


def test_a_session_that_ended_while_the_change_waited_changes_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody signs out at another workstation because this one was taken over."""
    person = site.sign_in(Role.OBSERVER)
    during_check(monkeypatch, lambda: person.post("/api/sign-out"))
    assert choose(person, PASSWORD, OWN).status_code == 401
    assert site.try_sign_in("observer", PASSWORD).status_code == 200


def test_an_account_that_was_closed_while_the_change_waited_keeps_its_password(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the account alone, whatever became of its sessions."""
    person = site.sign_in(Role.OBSERVER)

    def close() -> None:
        with site.parts.db.write() as conn:
            users.disable(conn, UserId(person.me["user"]["id"]), site.clock.now())

    with site.parts.db.read() as conn:
        before = users.get(conn, UserId(person.me["user"]["id"])).password_hash
    during_check(monkeypatch, close)
    assert choose(person, PASSWORD, OWN).status_code == 401
    with site.parts.db.read() as conn:
        account = users.by_username(conn, "observer")
    assert account is not None
    assert account.password_hash == before


def test_other_sessions_end_and_this_one_goes_on_under_a_new_cookie(any_site: Site) -> None:
    """Who knew the old password, or copied a cookie, is out; and a change makes no shift longer."""
    site = any_site
    here, there = site.sign_in(Role.OBSERVER), site.sign_in(Role.OBSERVER)
    went_on = gone_on(here, choose(here, PASSWORD, OWN))
    assert went_on.get("/api/me").status_code == 200
    assert went_on.me["session"]["ends_at"] == here.me["session"]["ends_at"]
    assert went_on.me["csrf"] != here.me["csrf"]
    assert here.get("/api/me").status_code == there.get("/api/me").status_code == 401
    [entry] = site.ledger("auth.revoked")
    assert entry.object["sessions"] == 1


def test_live_pictures_of_other_sessions_stop(site: Site) -> None:
    """The wall that somebody left open elsewhere stops with the password."""
    here, there = site.sign_in(Role.OBSERVER), site.sign_in(Role.OBSERVER)
    with there.watch(FIXED) as socket:
        socket.receive_bytes()
        assert choose(here, PASSWORD, OWN).status_code == 200
        assert closing_of(socket) == (4401, "session-over")


def test_the_ledger_has_what_was_set_chosen_and_refused_and_no_password(site: Site) -> None:
    """An owner must see a change that was not theirs; nobody may read a password, or a part of one, in the log."""
    person = site.sign_in(Role.OBSERVER)
    before = len(site.ledger())
    assert code_of(choose(person, "not the password", OWN)) == "password.old"
    assert code_of(choose(person, PASSWORD, "Wachtwoord123!")) == "password.common"
    gone_on(person, choose(person, PASSWORD, OWN))
    site.people.set_password(COMMAND_LINE, "observer", FIRST)
    entries = site.ledger()[before:]
    told = [(entry.object.get("what"), entry.document.get("why")) for entry in entries if entry.act == "user.change"]
    assert told == [
        ("own-password", "wrong-password"),
        ("own-password", "password.common"),
        ("own-password", None),
        ("password", None),
    ]
    assert not any(word in entry.body for entry in entries for word in (OWN.encode(), PASSWORD.encode(), b"ord123"))


def test_guessing_the_old_password_is_slow_and_counts_with_sign_ins(site: Site) -> None:
    """A workstation that was left open must not be a way around the throttle of signing in."""
    person = site.sign_in(Role.OBSERVER)
    for _ in range(5):
        assert code_of(choose(person, "not the password", OWN)) == "password.old"
    locked = choose(person, PASSWORD, OWN)
    assert (locked.status_code, code_of(locked)) == (403, "auth.locked")
    assert code_of(site.try_sign_in("observer", PASSWORD)) == "auth.locked"
    assert len(site.ledger("auth.locked")) == 1
    site.clock.advance(timedelta(minutes=15, seconds=1))
    assert site.try_sign_in("observer", PASSWORD).status_code == 200


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("te kort", "password.weak"),
        ("abcdefgh" * (LONGEST_PASSWORD // 8) + "i", "password.weak"),
        ("abab" * 5, "password.weak"),
        (PASSWORD, "password.same"),
        ("observer 2026", "password.name"),
        ("Wachtwoord123", "password.common"),
        ("QWERTYUIOP123!!", "password.common"),
        ("1Q2w3E4r5T6Y", "password.common"),
        ("1q2w3e4r5t6y", "password.common"),
        ("wachtwoord123456", "password.common"),
        ("Welkom2026!!", "password.common"),
        ("Politie Utrecht 2026", "password.common"),
        ("Zomer2026Zomer", "password.common"),
        ("regel een\nregel twee", "password.characters"),
    ],
)
def test_a_new_password_that_others_guess_is_refused_in_words(site: Site, new: str, code: str) -> None:
    """And nothing is looked at for it: a wrong old one would not be counted either."""
    person = site.sign_in(Role.OBSERVER)
    answer = choose(person, PASSWORD, new)
    assert (answer.status_code, code_of(answer)) == (422, code)
    assert answer.json()["error"]["message"]
    assert site.try_sign_in("observer", PASSWORD).status_code == 200


@pytest.mark.parametrize("new", ["politie te paard in mei", "Welkom in mijn tuin 7", "zomerzon boven de werf"])
def test_a_sentence_with_an_obvious_word_in_it_is_nobody_s_guess(site: Site, new: str) -> None:
    """Only passwords made of nothing else are refused."""
    person = site.sign_in(Role.OBSERVER)
    gone_on(person, choose(person, PASSWORD, new))


def test_a_password_of_the_longest_length_works_and_a_longer_one_is_another(site: Site) -> None:
    """A cut password would let in whoever knows its beginning."""
    longest = "".join(chr(ord("a") + number % 26) for number in range(LONGEST_PASSWORD))
    person = site.sign_in(Role.OBSERVER)
    gone_on(person, choose(person, PASSWORD, longest))
    assert site.try_sign_in("observer", longest).status_code == 200
    assert code_of(site.try_sign_in("observer", longest + "x")) == "auth.refused"
    assert site.try_sign_in("observer", "x" * 1001).status_code == 422


def test_a_password_is_the_same_on_every_keyboard(site: Site) -> None:
    """One keyboard composes an accent, another sends it apart; a space may be a non-breaking one."""
    composed = "één lange zin, Ångström"
    person = site.sign_in(Role.OBSERVER)
    gone_on(person, choose(person, PASSWORD, unicodedata.normalize("NFD", composed)))
    assert site.try_sign_in("observer", composed).status_code == 200
    assert site.try_sign_in("observer", composed.replace(" ", "\u00a0")).status_code == 200
    assert prepared("ﬁets") == "ﬁets"  # compatibility forms stay apart: RFC 8265 maps none


@pytest.mark.parametrize(
    ("password", "names"),
    [
        ("jdevries2026!", ("jdevries", "J. de Vries")),
        ("Vries-Vries-1971", ("jdevries", "J. de Vries")),
        ("JDEVRIES.welkom", ("jdevries", "J. de Vries")),
    ],
)
def test_a_password_that_is_mostly_the_own_name_is_refused(password: str, names: tuple[str, ...]) -> None:
    """It is what a colleague tries first."""
    with pytest.raises(InvalidInput) as refused:
        refuse_weak(password, names)
    assert refused.value.code == "password.name"
    refuse_weak(password, ("bakker", "M. Bakker"))


def age(site: Site) -> None:
    """Make the observer's account one from before owners chose their passwords."""
    with site.parts.db.write() as conn:
        conn.exec_driver_sql("UPDATE user_account SET password_is_own = false WHERE username = 'observer'")


def test_a_password_from_before_is_right_as_it_was_typed(site: Site) -> None:
    """Its hash is of what the keyboard sent, no-break space and all: an upgrade must lock nobody out."""
    typed = "e\u0301e\u0301n lange\u00a0zin van toen"
    age(site)
    with site.parts.db.write() as conn:
        conn.execute(
            update(user_account)
            .where(user_account.c.username == "observer")
            .values(password_hash=PasswordHasher().hash(typed))
        )
    assert code_of(site.try_sign_in("observer", prepared(typed))) == "auth.refused"
    person = site.sign_in("observer", password=typed)
    person = gone_on(person, choose(person, typed, OWN))
    assert person.me["must_choose_password"] is False
    with site.parts.db.write() as conn:
        conn.execute(
            update(user_account)
            .where(user_account.c.username == "observer")
            .values(password_hash=PasswordHasher().hash(typed))
        )
    # What an owner has chosen is compared in the one form only.
    assert code_of(site.try_sign_in("observer", typed)) == "auth.refused"


def test_sessions_from_before_end_when_the_interface_starts(site: Site) -> None:
    """A page that the older version left open asks on, and each refusal would be an entry in the log."""
    before, other = site.sign_in(Role.OBSERVER), site.sign_in(Role.DIRECTOR)
    age(site)
    with TestClient(create_app(site.parts), base_url=ORIGIN) as client:
        for _ in range(3):
            answer = client.get("/api/placements", headers=before.headers)
            assert (answer.status_code, code_of(answer)) == (401, "auth.required")
        assert client.get("/api/placements", headers=other.headers).status_code == 200
    assert site.ledger("policy.denied") == []
    [expired] = site.ledger("auth.expired")
    assert expired.document["why"] == "first-password"


def test_an_account_from_before_signs_in_and_must_choose(site: Site) -> None:
    """Its password was set by somebody at a shell; it has no end, or a house would be locked out by an upgrade."""
    age(site)
    site.clock.advance(timedelta(days=300))
    for _ in range(2):
        person = site.sign_in(Role.OBSERVER)
        assert code_of(person.get("/api/placements")) == "password.first"
    gone_on(person, choose(person, PASSWORD, OWN))
    with site.parts.db.read() as conn:
        account = users.by_username(conn, "observer")
    assert account is not None
    assert account.first_password is None
