"""Signing in and out, and everything people try at that door."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from queue import Queue

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from api.accounts import COMMAND_LINE
from api.doorman import Doorman
from api.errors import NotSignedIn
from api.passwords import Passwords, Verdict
from api.routers.shapes import instant
from api.sign_in_queue import AT_ONCE, MOST_WAITING
from api.throttle import ATTACKED_FROM, SLOWED_WITHIN, SignInThrottle
from tests.api.site import ORIGIN, PASSWORD, Site, running_site
from tests.ingest.running import until
from vms.db import sign_ins, users
from vms.model import Role


def test_somebody_signs_in_and_out_and_both_are_in_the_ledger(any_site: Site) -> None:
    """The way in and the way out, on both databases."""
    person = any_site.sign_in(Role.OBSERVER)
    assert person.get("/api/me").json()["allowed"] == ["ledger.read_own", "live.view", "placement.list", "ptz.control"]
    assert person.post("/api/sign-out").status_code == 200
    assert person.get("/api/me").status_code == 401
    acts = [entry.act.value for entry in any_site.ledger("auth.sign-in", "auth.sign-out")]
    assert acts == ["auth.sign-in", "auth.sign-out"]


def test_the_cookie_can_not_be_read_by_scripts_nor_sent_from_elsewhere(site: Site) -> None:
    """A stolen or borrowed cookie is the session."""
    answer = site.try_sign_in("observer", PASSWORD)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert answer.headers["cache-control"] == "no-store"


def test_the_database_holds_no_cookie(site: Site) -> None:
    """A copy of the database must sign nobody in."""
    person = site.sign_in(Role.OBSERVER)
    token = person.cookie.split("=")[1]
    with site.parts.db.read() as conn:
        found = conn.exec_driver_sql("SELECT token_sha256 FROM session").scalars().all()
    assert token not in found
    assert len(found) == 1


@pytest.mark.parametrize("name", ["observer", "somebody-else"])
def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(site: Site, name: str) -> None:
    """Nobody learns which names exist."""
    answer = site.try_sign_in(name, "not the password")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "auth.refused"


@pytest.mark.parametrize("name", ["observer", "somebody-else"])
def test_five_failures_lock_a_name_for_a_quarter_of_an_hour(site: Site, name: str) -> None:
    """Guessing is slow, for names that exist and names that don't alike."""
    for _ in range(5):
        assert site.try_sign_in(name, "not the password").json()["error"]["code"] == "auth.refused"
    assert site.try_sign_in(name, PASSWORD).json()["error"]["code"] == "auth.locked"
    site.clock.advance(timedelta(minutes=14))
    assert site.try_sign_in(name, PASSWORD).json()["error"]["code"] == "auth.locked"
    site.clock.advance(timedelta(minutes=1, seconds=1))
    expected = 200 if name == "observer" else 401
    assert site.try_sign_in(name, PASSWORD).status_code == expected
    assert len(site.ledger("auth.locked")) == 1


def from_origin(site: Site, origin: str) -> TestClient:
    """Return a browser at another address."""
    return TestClient(site.app, base_url=ORIGIN, client=(origin, 50_000))


def status_of(client: TestClient, name: str, password: str) -> int:
    """Try to sign in; return the answer's status."""
    answer = client.post("/api/sign-in", json={"username": name, "password": password}, headers={"Origin": ORIGIN})
    client.cookies.clear()
    return answer.status_code


def test_who_knows_a_name_keeps_nobody_out(site: Site) -> None:
    """Five wrong passwords from anywhere kept an observer from the wall for as long as somebody went on sending them."""
    stranger, room = from_origin(site, "203.0.113.9"), from_origin(site, "10.0.0.7")
    for _ in range(12):
        status_of(stranger, "observer", "not the password")
    assert status_of(stranger, "observer", PASSWORD) == 401
    assert status_of(room, "observer", PASSWORD) == 200


def test_a_network_of_ipv6_is_one_origin(site: Site) -> None:
    """A household has 2**64 addresses: with another one for each guess no name and no origin was ever locked."""
    for number in range(5):
        assert status_of(from_origin(site, f"2001:db8:7::{number:x}"), "observer", "not the password") == 401
    assert status_of(from_origin(site, "2001:db8:7::aa:1"), "observer", PASSWORD) == 401
    assert [entry.object["kind"] for entry in site.ledger("auth.locked")] == ["account"]
    assert status_of(from_origin(site, "2001:db8:7:1::1"), "observer", PASSWORD) == 200
    for number in range(5, 20):
        status_of(from_origin(site, f"2001:db8:7::{number:x}"), f"name-{number}", "not the password")
    assert status_of(from_origin(site, "2001:db8:7::bb"), "director", PASSWORD) == 401
    assert [entry.object["kind"] for entry in site.ledger("auth.locked")] == ["account", "origin"]


def test_an_ipv4_address_is_one_origin_however_it_comes(site: Site) -> None:
    """A server that listens on IPv6 sees IPv4 addresses written otherwise."""
    for origin in ("192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207", "192.0.2.7", "::ffff:192.0.2.7"):
        assert status_of(from_origin(site, origin), "observer", "not the password") == 401
    assert status_of(from_origin(site, "192.0.2.7"), "observer", PASSWORD) == 401
    assert status_of(from_origin(site, "192.0.2.8"), "observer", PASSWORD) == 200


def test_who_is_known_stays_so_in_another_address_of_the_same_network(site: Site) -> None:
    """Workstations change their IPv6 address daily (RFC 8981); during an attack that must not make strangers of them."""
    assert status_of(from_origin(site, "2001:db8:8::1"), "director", PASSWORD) == 200
    for number in range(ATTACKED_FROM):
        status_of(from_origin(site, f"198.51.100.{number}"), "observer", "not the password")
        site.clock.advance(timedelta(seconds=1))
    assert status_of(from_origin(site, "192.0.2.1"), "director", PASSWORD) == 503
    assert status_of(from_origin(site, "2001:db8:8::2"), "director", PASSWORD) == 200


@pytest.mark.parametrize("name", ["observer", "somebody-else"])
def test_a_restart_tells_no_names_apart(any_site: Site, name: str) -> None:
    """Names with an account stayed locked over a restart of the API, names without one did not."""
    for _ in range(5):
        any_site.try_sign_in(name, "not the password")
    with running_site(any_site.parts) as again:
        assert again.try_sign_in(name, PASSWORD).json()["error"]["code"] == "auth.locked"


def test_of_a_burst_no_more_than_the_limit_get_to_the_password(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The throttle counted after the hash: four hundred at once were four hundred guesses."""
    checked: list[str] = []
    passwords, gate = site.parts.passwords, threading.Barrier(8)
    check = type(passwords).check

    def counting(self: Passwords, stored: str | None, password: str, *, is_from_before: bool = False) -> Verdict:
        checked.append(password)
        return check(self, stored, password, is_from_before=is_from_before)

    monkeypatch.setattr(type(passwords), "check", counting)
    doorman = Doorman(site.parts)

    def guess(number: int) -> None:
        gate.wait(30)
        with pytest.raises(NotSignedIn):
            doorman.sign_in("observer", f"guess number {number}", "203.0.113.9")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(guess, range(8)))
    assert 1 <= len(checked) <= 5
    # Whoever found the others before themselves did not try: what is left of the five may still be tried.
    for number in range(8, 16):
        with pytest.raises(NotSignedIn):
            doorman.sign_in("observer", f"guess number {number}", "203.0.113.9")
    assert len(checked) <= 5


def test_two_at_once_do_not_count_as_one(any_site: Site) -> None:
    """On PostgreSQL an attempt that was not committed yet was not seen by one that was counted meanwhile."""
    db, now, counted = any_site.parts.db, any_site.clock.now(), Queue[int]()
    throttle = SignInThrottle(db, any_site.clock)

    def second() -> None:
        counted.put(throttle.begin("observer", None, "203.0.113.9").counted.pair)

    def has_met_the_first() -> bool:
        if not counted.empty() or not db.is_postgresql:
            return True  # SQLite has one writer at a time
        with db.read() as conn:
            return bool(conn.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one())

    with ThreadPoolExecutor(1) as threads:
        with db.write() as conn:
            sign_ins.add(conn, "observer", "203.0.113.9", now)
            running = threads.submit(second)
            until(has_met_the_first, 30, "the second one waits or is through")
        running.result(30)
    assert counted.get_nowait() == 2


def test_a_burst_of_sign_ins_does_not_keep_threads_from_those_who_work(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sign-ins that waited for a hash had all threads of the server, and the wall stood still."""
    observer = site.sign_in(Role.OBSERVER)
    held, answers = threading.Event(), Queue[int]()
    passwords = site.parts.passwords

    def waiting(_self: Passwords, _stored: str | None, _password: str, **_ways: bool) -> Verdict:
        assert held.wait(60)
        return Verdict(ok=False)

    monkeypatch.setattr(type(passwords), "check", waiting)
    burst = 60  # more than the server has threads

    def one(number: int) -> None:
        answers.put(status_of(from_origin(site, f"10.1.0.{number}"), f"name-{number}", "not the password"))

    with ThreadPoolExecutor(burst) as threads:
        for number in range(burst):
            threads.submit(one, number)
        # Those for whom there is no place are told so at once; the others wait.
        turned_away = [answers.get(timeout=60) for _ in range(burst - AT_ONCE - MOST_WAITING)]
        assert set(turned_away) == {503}
        assert observer.get("/api/placements").status_code == 200
        held.set()
    assert {answers.get(timeout=60) for _ in range(AT_ONCE + MOST_WAITING)} == {401}


def test_an_attack_from_everywhere_slows_strangers_and_alarms(site: Site) -> None:
    """Five guesses each from a thousand addresses are no lock's business; the people of the house go on."""
    room = from_origin(site, "10.0.0.7")
    assert status_of(room, "director", PASSWORD) == 200
    assert site.client.get("/api/health/services").json()["services"][-1]["service"] != "api"
    statuses = []
    for number in range(ATTACKED_FROM):
        statuses.append(status_of(from_origin(site, f"198.51.100.{number}"), "director", "not the password"))
        site.clock.advance(timedelta(seconds=1))
    assert set(statuses) == {401}
    health = site.client.get("/api/health/services")
    assert health.status_code == 503
    assert health.json()["services"][-1]["problems"] == ["sign-ins-attacked"]
    assert [entry.object["kind"] for entry in site.ledger("auth.locked")] == ["everywhere"]
    assert status_of(from_origin(site, "192.0.2.1"), "director", "not the password") == 503
    assert status_of(room, "director", PASSWORD) == 200
    site.clock.advance(SLOWED_WITHIN)
    assert status_of(from_origin(site, "192.0.2.1"), "director", "not the password") == 401


def test_a_success_forgets_the_failures_before_it(site: Site) -> None:
    """Four typing mistakes at a time must not lock anybody, however often; twelve within a quarter of an hour would."""
    for _ in range(3):
        for _ in range(4):
            site.try_sign_in("observer", "not the password")
        assert site.try_sign_in("observer", PASSWORD).status_code == 200


def test_one_origin_can_not_try_many_names(site: Site) -> None:
    """One password against many names never reaches five failures of one name."""
    for number in range(20):
        site.try_sign_in(f"name-{number}", "Welkom2026!!")
    assert site.try_sign_in("observer", PASSWORD).json()["error"]["code"] == "auth.locked"


def test_a_refused_sign_in_is_in_the_ledger_without_the_name_that_was_typed(site: Site) -> None:
    """People type their password into the field of the name."""
    site.try_sign_in("hunter2hunter2", "x")
    [entry] = site.ledger("auth.refused")
    assert entry.actor_id == "nobody"
    assert b"hunter2" not in entry.body
    assert entry.document["why"] == "unknown-name"


def test_the_same_work_is_done_for_a_name_without_an_account(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the answer must not tell either: each attempt costs one Argon2 verification, never none."""
    checked: list[str] = []
    passwords = site.parts.passwords
    hasher = passwords._hasher

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - the library's own name
            checked.append(str(hash))
            return bool(hasher.verify(hash, password))

    monkeypatch.setattr(passwords, "_hasher", Counting())
    site.try_sign_in("observer", "not the password")
    site.try_sign_in("somebody-else", "not the password")
    assert len(checked) == 2
    assert all(stored and stored.startswith("$argon2id$") for stored in checked)


def test_a_closed_account_gets_the_same_answer_and_loses_its_sessions(site: Site) -> None:
    """Who has left is out at once."""
    person = site.sign_in(Role.OBSERVER)
    site.people.disable_user(COMMAND_LINE, "observer")
    assert person.get("/api/me").status_code == 401
    assert site.try_sign_in("observer", PASSWORD).json()["error"]["code"] == "auth.refused"


def test_a_session_ends_when_nobody_does_anything(site: Site) -> None:
    """An unattended workstation locks after a quarter of an hour; polls of the page are not somebody."""
    person = site.sign_in(Role.OBSERVER)
    site.clock.advance(timedelta(minutes=14))
    assert person.get("/api/me").status_code == 200
    site.clock.advance(timedelta(minutes=14))
    poll = person.headers | {"X-VMS-Background": "1"}
    assert site.client.get("/api/me", headers=poll).status_code == 200
    site.clock.advance(timedelta(minutes=2))
    assert person.get("/api/me").status_code == 401
    [entry] = site.ledger("auth.expired")
    assert entry.document["why"] == "idle"


def test_the_pages_know_when_the_session_ends(site: Site) -> None:
    """Because who is warned a minute ahead loses no work; a poll asks without putting the end off."""
    person = site.sign_in(Role.OBSERVER)
    began_at = site.clock.now()
    told = person.me["session"]
    assert (told["idle_at"], told["ends_at"]) == (
        instant(began_at + timedelta(minutes=15)),
        instant(began_at + timedelta(hours=10)),
    )
    site.clock.advance(timedelta(minutes=5))
    poll = person.headers | {"X-VMS-Background": "1"}
    assert site.client.get("/api/me", headers=poll).json()["session"] == told
    active = person.get("/api/me").json()["session"]
    assert (active["idle_at"], active["ends_at"]) == (instant(began_at + timedelta(minutes=20)), told["ends_at"])


def test_the_log_names_who_was_signed_out(site: Site) -> None:
    """Because "the system" signed nobody out of itself, and nobody knows colleagues by an id."""
    person = site.sign_in(Role.OBSERVER)
    site.clock.advance(timedelta(minutes=16))
    assert person.get("/api/me").status_code == 401
    reader = site.sign_in(Role.DIRECTOR)
    [entry] = reader.get("/api/ledger", act="auth.expired").json()["entries"]
    assert entry["people"] == {person.me["user"]["id"]: "Observer"}


def test_a_session_ends_after_a_shift_whatever_happens(site: Site) -> None:
    """Ten hours, and then somebody signs in anew."""
    person = site.sign_in(Role.OBSERVER)
    for _ in range(60):
        site.clock.advance(timedelta(minutes=10))
        last = person.get("/api/me").status_code
    assert last == 401
    assert site.ledger("auth.expired")[0].document["why"] == "too-long"


def test_a_made_up_cookie_opens_nothing(site: Site) -> None:
    """Tokens are random and looked up by their hash."""
    for cookie in ("vms_session=", "vms_session=abc", "vms_session=" + "a" * 43):
        assert site.client.get("/api/me", headers={"Cookie": cookie}).status_code == 401


def test_a_new_password_ends_the_sessions_and_lifts_the_lock(site: Site) -> None:
    """After a theft of a password everybody with it is out."""
    person = site.sign_in(Role.OBSERVER)
    for _ in range(5):
        site.try_sign_in("observer", "not the password")
    site.people.set_password(COMMAND_LINE, "observer", "een heel ander wachtwoord")
    assert person.get("/api/me").status_code == 401
    assert site.try_sign_in("observer", "een heel ander wachtwoord").status_code == 200


def test_somebody_chooses_a_language_and_gets_errors_in_it(site: Site) -> None:
    """Dutch by default, English by choice, kept in the account."""
    person = site.sign_in(Role.OBSERVER)
    dutch = person.get("/api/exports").json()["error"]
    assert person.ask("PUT", "/api/me/language", {"language": "en"}).status_code == 200
    english = person.get("/api/exports").json()["error"]
    assert dutch["code"] == english["code"] == "policy.no-role"
    assert dutch["message"] != english["message"]
    with site.parts.db.read() as conn:
        account = users.by_username(conn, "observer")
    assert account is not None
    assert account.language == "en"


def test_two_cookies_of_one_person_are_two_sessions(site: Site) -> None:
    """Signing out here must not sign out there."""
    one, other = site.sign_in(Role.OBSERVER), site.sign_in(Role.OBSERVER)
    one.post("/api/sign-out")
    assert other.get("/api/me").status_code == 200


def test_a_sign_in_from_another_site_is_refused(site: Site) -> None:
    """A foreign page must not sign somebody in under its own account."""
    answer = site.client.post(
        "/api/sign-in",
        json={"username": "observer", "password": PASSWORD},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert ORIGIN not in answer.text
