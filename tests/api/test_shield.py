"""What surrounds every request: host, origin, CSRF, headers, sizes, logs."""

import asyncio
from datetime import timedelta

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from structlog.testing import capture_logs

from api.shield import Shield
from config import Settings
from tests.api.site import FIXED, ORIGIN, PASSWORD, Site
from vms.clock import SystemClock
from vms.db import reports
from vms.db.reports import Report, Service
from vms.model import Role


@pytest.mark.parametrize(
    "path", ["/api/health", "/api/me", "/api/no-such-thing", "/sign-in", "/static/no-such-file", "/"]
)
def test_every_answer_carries_the_headers_that_protect_the_browser(site: Site, path: str) -> None:
    """Errors and pages as much as data."""
    headers = site.client.get(path, follow_redirects=False).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-request-id"]


def test_answers_of_the_api_are_never_kept(site: Site) -> None:
    """No browser cache may hold what was shown."""
    person = site.sign_in(Role.DIRECTOR)
    for path in ("/api/me", "/api/placements", "/api/holds", "/api/ledger", "/api/nothing"):
        assert person.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8480", ""])
def test_a_request_under_another_host_name_is_refused(site: Site, host: str) -> None:
    """DNS rebinding: a foreign name that points at us must not get answers."""
    answer = site.client.get("/api/health", headers={"Host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize("header", [None, "", "0" * 64])
def test_a_write_without_the_word_of_our_pages_is_refused(site: Site, header: str | None) -> None:
    """Cross-site request forgery: the cookie alone is not enough."""
    person = site.sign_in(Role.DIRECTOR)
    headers = {"Cookie": person.cookie, "Origin": ORIGIN} | ({} if header is None else {"X-VMS-CSRF": header})
    answer = site.client.post("/api/sign-out", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "csrf"
    assert person.get("/api/me").status_code == 200


def test_the_word_of_one_session_does_not_fit_another(site: Site) -> None:
    """It is bound to the cookie."""
    one, other = site.sign_in(Role.DIRECTOR), site.sign_in(Role.DIRECTOR)
    headers = {"Cookie": one.cookie, "Origin": ORIGIN, "X-VMS-CSRF": other.me["csrf"]}
    assert site.client.post("/api/sign-out", headers=headers).status_code == 403


def test_a_write_from_another_origin_is_refused_even_with_the_word(site: Site) -> None:
    """Two locks on one door."""
    person = site.sign_in(Role.DIRECTOR)
    answer = person.post("/api/sign-out", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "http.origin"


def test_a_live_socket_from_another_origin_is_refused(site: Site) -> None:
    """WebSockets know no same-origin rule: the server must have one."""
    person = site.sign_in(Role.OBSERVER)
    headers = {"Cookie": person.cookie, "Origin": "https://evil.example"}
    address = f"ws://127.0.0.1:8480/api/placements/{FIXED}/live"
    with pytest.raises(WebSocketDisconnect) as refused, site.client.websocket_connect(address, headers=headers):
        pass
    assert refused.value.reason == "http.origin"
    assert site.ledger("live.open") == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://vms.example", 204),
        ("http://vms.example", 403),
        ("http://vms.example:80", 403),
        ("https://vms.example:444", 403),
        ("http://127.0.0.1:8480", 204),
        ("https://127.0.0.1:8480", 204),
        ("null", 403),
    ],
)
def test_where_pages_are_encrypted_nothing_unencrypted_has_their_name(origin: str, status: int) -> None:
    """Whoever sits between can make a page at http://vms.example, from which a browser may bring the cookie of https along."""
    settings = Settings(public_origin="https://vms.example")

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(status_code=204)(scope, receive, send)

    async def answer() -> int:
        host = "127.0.0.1:8480" if "127." in origin else "vms.example"
        inside = ASGITransport(Shield(served, settings, SystemClock()))
        async with AsyncClient(transport=inside, base_url=f"http://{host}") as client:
            return (await client.post("/api/sign-out", headers={"Origin": origin})).status_code

    assert asyncio.run(answer()) == status


def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    """Whether it says its length or not."""
    person = site.sign_in(Role.DIRECTOR)
    large = b'{"reason": "' + b"x" * 400_000 + b'"}'
    headers = person.headers | {"Content-Type": "application/json"}
    assert site.client.post("/api/holds/h-1/release", content=large, headers=headers).status_code == 413
    chunked = site.client.post("/api/holds/h-1/release", content=iter([large]), headers=headers)
    assert chunked.status_code == 413


def test_the_log_has_no_query_no_cookie_and_no_password(site: Site) -> None:
    """Who looks for what is personal: it belongs in the ledger, not in logs that technicians read."""
    person = site.sign_in(Role.DIRECTOR)
    with capture_logs() as lines:
        person.get("/api/ledger", actor="u-secret", **{"from": "2026-01-01T00:00:00Z"})
        site.try_sign_in("director", PASSWORD)
    written = repr(lines)
    assert "/api/ledger" in written
    for secret in ("u-secret", PASSWORD, person.cookie.split("=")[1], person.me["csrf"], "director"):
        assert secret not in written


def test_an_unknown_address_is_a_clear_error_in_both_languages(site: Site) -> None:
    """Dutch unless somebody chose English."""
    assert site.client.get("/api/nothing").json()["error"]["code"] == "http.not-found"
    english = site.client.get("/api/nothing", headers={"Cookie": "vms_language=en"}).json()["error"]["message"]
    dutch = site.client.get("/api/nothing").json()["error"]["message"]
    assert english != dutch


def test_an_error_of_ours_tells_nothing_about_the_inside(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug shows a sentence and a number to look it up by, never a stack."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(site.app.state.running.doorman, "subject_of", broken)
    answer = site.client.get("/api/me", headers={"Cookie": "vms_session=x"})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"]


def test_it_says_whether_it_can_work(site: Site) -> None:
    """A machine that sends us work must learn of a missing disk or a foreign schema."""
    assert site.client.get("/api/ready").json() == {
        "ready": True,
        "checks": {
            "database": True, "migrations": True, "ledger": True, "keyring": True, "footage": True, "storage": True,
        },
        "problems": ["never-reported"],
    }  # fmt: skip
    with site.parts.db.write() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = 'other'")
    assert site.client.get("/api/ready").status_code == 200, "a thousand hashes for each stranger's question"
    site.clock.advance(timedelta(seconds=5))
    answer = site.client.get("/api/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] is False
    assert site.client.get("/api/health").status_code == 200


def test_a_full_volume_and_cameras_that_are_away_are_told_to_machines(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both answers were 200 and "in order"; a camera that is away is named, but is no reason to send nobody here."""
    with site.parts.db.write() as conn:
        now = site.clock.now()
        cameras = {"camera-away": ["place-1"], "recording-stopped": ["place-1", "place-2"]}
        words = {"cameras": cameras, "hours_until_full": 3.5, "storage_free_bytes": 10}
        found = ("camera-away", "recording-stopped", "storage-low")
        reports.store(conn, Report(Service.INGEST, now, now + timedelta(minutes=1), found, words))
        reports.store(conn, Report(Service.RETENTION, now, now + timedelta(minutes=1), (), {}))
    answer = site.client.get("/api/health/services")
    assert answer.status_code == 503
    [ingest, _] = answer.json()["services"]
    assert ingest["problems"] == list(found)
    assert ingest["cameras"] == {"camera-away": 1, "recording-stopped": 2}
    assert ingest["words"] == {"hours_until_full": 3.5, "storage_free_bytes": 10}
    assert "place-1" not in answer.text, "ids of cameras are nobody's business"
    ready = site.client.get("/api/ready")
    assert (ready.status_code, ready.json()["problems"]) == (200, list(found))
    monkeypatch.setattr(type(site.parts.store), "free_bytes", lambda _self: 0)
    site.clock.advance(timedelta(seconds=5))
    ready = site.client.get("/api/ready")
    assert (ready.status_code, ready.json()["ready"], ready.json()["checks"]["storage"]) == (200, True, False)
    assert "storage-full" in ready.json()["problems"]


def test_a_footage_volume_that_is_gone_takes_nobody_away_from_the_live_pictures(site: Site) -> None:
    """A proxy that goes by this answer would send nobody here, just when people look for what is wrong."""
    site.parts.store.folder.rename(site.parts.store.folder.with_suffix(".gone"))
    ready = site.client.get("/api/ready")
    assert (ready.status_code, ready.json()["checks"]["footage"]) == (200, False)
    assert "footage-unwritable" in ready.json()["problems"]


def test_lists_that_pages_ask_for_every_few_seconds_read_no_masks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every open page fetched and parsed the documents of all plans each time, to show a version number."""

    def refuse(*_arguments: object) -> object:
        raise AssertionError("a whole plan was read")

    person = site.sign_in(Role.TECHNICIAN)
    monkeypatch.setattr("vms.db.plans._from_row", refuse)
    for path in ("/api/placements", "/api/cameras"):
        answer = person.get(path)
        assert answer.status_code in {200, 403}, answer.text
    assert [one["plan"]["version"] for one in person.get("/api/cameras").json() if one["plan"]], (
        "there are plans to show"
    )


def test_monitoring_learns_how_recording_and_erasing_are_without_an_account(site: Site) -> None:
    """A daemon that stands still must ring somewhere; ids of cameras and holds are nobody's business."""
    answer = site.client.get("/api/health/services")
    assert answer.status_code == 503
    assert {one["service"]: one["problems"] for one in answer.json()["services"]} == {
        "ingest": ["never-reported"],
        "retention": ["never-reported"],
    }
    with site.parts.db.write() as conn:
        for service in Service:
            words = {"overdue_s": 0, "stuck_holds": ["h-1"]}
            now = site.clock.now()
            reports.store(conn, Report(service, now, now + timedelta(minutes=1), (), words))
    answer = site.client.get("/api/health/services")
    assert (answer.status_code, answer.json()["services"][1]["words"]) == (200, {"overdue_s": 0})
    for role in (Role.TECHNICIAN, Role.DIRECTOR, Role.AUDITOR):
        assert site.sign_in(role).get("/api/services").json()[1]["words"]["stuck_holds"] == ["h-1"]
