"""Ledger entries of what is done at the command line."""

import getpass
import hashlib
import json
import socket
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from config import Settings
from vms import __version__
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Private, Value
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search

COMMAND_LINE: Final = "command-line"
"""Who acts at the command line, where an account would stand."""


def by_command_line(act: Act, about: Mapping[str, Value]) -> Entry:
    """Return an entry of an act at the command line; the machine's account name stands in it as a commitment."""
    return Entry(
        act=act,
        actor=Actor.service(COMMAND_LINE),
        origin=Origin(app=f"vms-cli/{__version__}", workstation=socket.gethostname()),
        object={**about, "os_account": Private(getpass.getuser())},
    )


def settings_digest(settings: Settings) -> str:
    """Return the SHA-256 of the effective settings; the database's password is left out."""
    plain = settings.model_dump(mode="json")
    plain["database_url"] = make_url(settings.database).render_as_string(hide_password=True)
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def note_configuration(conn: Connection, ledger: Ledger, settings: Settings, policy_sha256: str, process: str) -> None:
    """Write down with what a process starts, and that it differs from what it last started with."""
    words: dict[str, Value] = {
        "process": process,
        "settings_sha256": settings_digest(settings),
        "policy_sha256": policy_sha256,
    }
    earlier = [
        entry.object
        for entry in search(conn, Filter(acts=(Act.CONFIG_START,)), limit=1000)
        if entry.object.get("process") == process
    ]
    if earlier:
        changed = [name for name in words if earlier[0].get(name) != words[name]]
        if changed:
            ledger.append(conn, by_command_line(Act.CONFIG_CHANGE, {**words, "changed": changed}))
    ledger.append(conn, by_command_line(Act.CONFIG_START, words))
