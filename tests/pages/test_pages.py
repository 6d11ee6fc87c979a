"""The pages as the server gives them: who may see which, in which language, under which security policy."""

import re

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from api.pages.router import PAGES, Viewer, install

EVERYTHING = frozenset(action for page in PAGES for action in page.actions)
VIEWER_HEADER = "x-test-actions"


def _viewer(request: Request) -> Viewer | None:
    """Be whoever the test's header says."""
    actions = request.headers.get(VIEWER_HEADER)
    return (
        None
        if actions is None
        else Viewer("S. <de> Vries", request.headers.get("x-test-language"), frozenset(actions.split()))
    )


@pytest.fixture
def client() -> TestClient:
    """Pages over a viewer of the test's choice."""
    app = FastAPI()
    install(app, viewer=_viewer, default_language="nl")
    return TestClient(app, follow_redirects=False)


def _as(*actions: str, language: str | None = None) -> dict[str, str]:
    return {VIEWER_HEADER: " ".join(actions)} | ({} if language is None else {"x-test-language": language})


def test_a_stranger_is_sent_to_the_sign_in_page_and_back(client: TestClient) -> None:
    """Somebody who follows a link to a camera's recordings must arrive there after signing in."""
    answer = client.get("/playback?camera=neude")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fplayback%3Fcamera%3Dneude"
    assert client.get("/sign-in").status_code == 200


def test_a_password_never_gets_into_an_address(client: TestClient) -> None:
    """A form that is sent before its module is there must not write the password into history and logs."""
    html = client.get("/sign-in").text
    assert 'method="post"' in html
    assert re.search(r"<button[^>]*\bdisabled\b", html)


def test_somebody_who_is_signed_in_does_not_sign_in_again(client: TestClient) -> None:
    """The sign-in page would suggest that the session is gone."""
    assert client.get("/sign-in", headers=_as("live.view")).headers["location"] == "/"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_only_to_those_who_may_do_something_there(client: TestClient, page: object) -> None:
    """A technician must not even see an empty wall."""
    may = client.get(page.path, headers=_as(*page.actions))  # type: ignore[attr-defined]
    assert may.status_code == 200
    others = EVERYTHING - page.actions  # type: ignore[attr-defined]
    refused = client.get(page.path, headers=_as(*others))  # type: ignore[attr-defined]
    assert refused.status_code == 403 or (page.path == "/" and refused.status_code == 303)  # type: ignore[attr-defined]


def test_the_bar_names_only_what_the_role_allows(client: TestClient) -> None:
    """Links that end in a refusal are clutter and a temptation."""
    html = client.get("/cameras", headers=_as("camera.health", "ledger.read_own")).text
    assert re.findall(r'<a href="(/[a-z]*)"', html) == ["/log", "/cameras"]


def test_without_live_the_first_address_leads_to_the_first_page_of_the_role(client: TestClient) -> None:
    """An auditor who types the server's name must not get a refusal."""
    assert client.get("/", headers=_as("ledger.read")).headers["location"] == "/log"


def test_somebody_without_any_page_gets_a_clear_refusal(client: TestClient) -> None:
    """No redirect loop for an account without a role."""
    answer = client.get("/", headers=_as())
    assert answer.status_code == 403
    assert "Niet voor uw rol" in answer.text


@pytest.mark.parametrize("path", ["/sign-in", *(page.path for page in PAGES)])
def test_no_page_has_inline_script_or_style(client: TestClient, path: str) -> None:
    """The content security policy refuses them; a page that needs one would be broken, one that loosens it unsafe."""
    answer = client.get(path, headers={} if path == "/sign-in" else _as(*EVERYTHING))
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", answer.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)


def test_a_name_is_shown_as_text(client: TestClient) -> None:
    """Names come from people: they must not become markup."""
    html = client.get("/log", headers=_as("ledger.read")).text
    assert "S. &lt;de&gt; Vries" in html
    assert "<de>" not in html


def test_the_language_of_the_account_is_the_language_of_the_page(client: TestClient) -> None:
    """English by choice, and the element says so to screen readers."""
    english = client.get("/log", headers=_as("ledger.read", language="en")).text
    assert '<html lang="en">' in english
    assert "Nothing can be changed" in english
    assert '<html lang="nl">' in client.get("/log", headers=_as("ledger.read")).text


def test_before_signing_in_the_choice_of_language_is_kept(client: TestClient) -> None:
    """A visitor who chose English must not choose again after a wrong password."""
    assert '<html lang="en">' in client.get("/sign-in?language=en").text
    assert '<html lang="en">' in client.get("/sign-in").text


def test_modules_get_their_catalogue_and_are_always_asked_for_again(client: TestClient) -> None:
    """Modules import each other without versions: after an update none may be old."""
    assert client.get("/static-locale/nl.json").json()["Sign in"] == "Aanmelden"
    assert client.get("/static-locale/en.json").json() == {}
    assert client.get("/static-locale/xx.json").status_code == 404
    for name in ("shell.js", "base.css", "icons.svg"):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"


def test_every_icon_that_is_named_exists() -> None:
    """A missing symbol is an invisible button."""
    from api.pages.router import FOLDER

    symbols = set(
        re.findall(r'<symbol id="([a-z0-9-]+)"', (FOLDER / "static" / "icons.svg").read_text(encoding="utf-8"))
    )
    named = {page.icon for page in PAGES}
    for path in (FOLDER / "static").glob("*.js"):
        source = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'\bicon(?:Button)?\("([a-z0-9-]+)"', source)) | set(
            re.findall(r'\bhold\("([a-z]+)"', source)
        )
    for path in (FOLDER / "templates").glob("*.html"):
        named |= set(re.findall(r"icons\.svg#([a-z0-9-]+)", path.read_text(encoding="utf-8")))
    assert named <= symbols
