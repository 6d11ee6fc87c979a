"""The whole product with two real cameras, and Chromium in front of it."""

import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from fastapi import FastAPI, Response
from playwright.sync_api import Browser, Page, sync_playwright

from api.accounts import COMMAND_LINE, Accounts
from api.pages.router import install
from api.parts import ApiParts
from api.passwords import Passwords
from config.policy import load_policy
from tests.accounts import settle
from tests.api.site import PASSWORD, PASSWORDS, fill, parts_of
from tests.ingest.running import City, House, running_city, running_house, until
from tests.serving import serving
from vms.clock import SystemClock
from vms.db.engine import Database
from vms.model import Role

CHROMIUM = "/usr/bin/chromium"
# Nothing that Chromium does by itself belongs in a test: no network but loopback, no GPU.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PTZ = "vredenmarkt"
FIXED = "spoorplein"
PEOPLE = {
    "rechercheur": ("R. de Wit", (Role.OBSERVER, Role.INVESTIGATOR)),
    "regisseur": ("M. Bakker", (Role.DIRECTOR,)),
    "technicus": ("T. Visser", (Role.TECHNICIAN,)),
}


@dataclass(frozen=True, slots=True)
class RunningVms:
    """Where to sign in, and the world behind it."""

    url: str
    password: str
    city: City
    house: House


def own_parts(
    template: Path, folder: Path, people: Mapping[str, Role], before: Callable[[ApiParts], None] | None = None
) -> ApiParts:
    """Return what the API works with, on a database of its own: no cameras run. Each person has one role and `PASSWORD`.

    Args:
        before: gives the database a past, before anything of the present is in its ledger.
    """
    path = folder / "vms.sqlite"
    path.write_bytes(template.read_bytes())
    parts = parts_of(Database(f"sqlite:///{path}"), SystemClock(), folder / "d")
    if before is not None:
        before(parts)
    fill(parts)
    accounts = Accounts(parts.db, parts.ledger, parts.clock, parts.policy, PASSWORDS)
    for username, role in people.items():
        accounts.add_user(
            COMMAND_LINE, username=username, display_name=username.title(), password=PASSWORD, language="nl"
        )
        accounts.grant_role(COMMAND_LINE, username, role, parts.clock.now() + timedelta(days=9))
    settle(parts.db, *people)
    return parts


@contextmanager
def running_vms(folder: Path) -> Iterator[RunningVms]:
    """Start cameras, API, ingest and retention, with the people of PEOPLE."""
    password = secrets.token_urlsafe(18)
    port = free_port()
    with running_city(folder / "city", PTZ, FIXED) as city, running_house(folder / "house", api_port=port) as house:
        _admit(house, password)
        for entry in city.cameras.values():
            house.add(entry)
        for command in ("api", "ingest", "retention"):
            house.run(command)
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), 240, "the API answers")
        yield RunningVms(url, password, city, house)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def serving_pages() -> Iterator[str]:
    """Serve the pages' modules, and an empty page at /blank to run them in."""
    app = FastAPI()
    install(app, viewer=lambda _request: None, default_language="nl")
    app.add_api_route("/blank", lambda: Response("<!doctype html><html lang=nl>", media_type="text/html"))
    with serving(app) as url:
        yield url


def sign_in(page: Page, vms: RunningVms, username: str) -> None:
    """Sign in by the form and arrive on the first page."""
    page.goto(f"{vms.url}/sign-in")
    page.fill("[name=username]", username)
    page.fill("[name=password]", vms.password)
    page.click("#sign-in [type=submit]")
    page.wait_for_url(lambda address: "/sign-in" not in address, timeout=60_000)


def _admit(house: House, password: str) -> None:
    parts = house.parts
    accounts = Accounts(parts.db, parts.ledger, parts.clock, load_policy(), Passwords())
    for username, (name, roles) in PEOPLE.items():
        accounts.add_user(COMMAND_LINE, username=username, display_name=name, password=password, language="nl")
        for role in roles:
            accounts.grant_role(COMMAND_LINE, username, role, parts.clock.now() + timedelta(days=1))
    settle(parts.db, *PEOPLE)


def answers(url: str) -> bool:
    """Return whether the API at an address is ready."""
    try:
        return httpx.get(f"{url}/api/ready", trust_env=False, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
