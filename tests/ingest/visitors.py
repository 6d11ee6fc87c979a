"""Persons at the API of a real process, without a browser."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from api.accounts import COMMAND_LINE, Accounts
from api.passwords import Passwords
from config.policy import load_policy
from tests.accounts import settle
from tests.ingest.running import House
from vms.model import Role

PASSWORD = secrets.token_urlsafe(18)


@dataclass
class Person:
    """Somebody who can sign in at the API."""

    url: str
    username: str
    cookie: str = ""
    csrf: str = ""

    def sign_in(self) -> "Person":
        """Sign in."""
        answer = httpx.post(
            f"{self.url}/api/sign-in",
            json={"username": self.username, "password": PASSWORD},
            timeout=60,
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        self.cookie, self.csrf = answer.headers["set-cookie"].split(";")[0], answer.json()["csrf"]
        return self

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """Do something."""
        headers = {"Cookie": self.cookie, "X-VMS-CSRF": self.csrf}
        answer = httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=60, trust_env=False)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def open(self, path: str) -> ClientConnection:
        """Open a WebSocket."""
        return connect(
            f"ws{self.url[4:]}{path}", additional_headers={"Cookie": self.cookie}, proxy=None, max_size=1 << 20
        )


def admit(house: House, people: dict[str, Role]) -> None:
    """Give each of these one role and `PASSWORD`."""
    parts = house.parts
    accounts = Accounts(parts.db, parts.ledger, parts.clock, load_policy(), Passwords())
    for username, role in people.items():
        accounts.add_user(COMMAND_LINE, username=username, display_name=username, password=PASSWORD)
        accounts.grant_role(COMMAND_LINE, username, role, parts.clock.now() + timedelta(days=1))
    settle(parts.db, *people)
