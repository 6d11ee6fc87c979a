"""Tests of whole rooms on PostgreSQL run with the rights of the process that the code runs in, whatever the test itself connects as.

Before each statement the stack is looked at: what a room of the product does, its role must be allowed to; what a test does by itself
(preparing, looking, breaking) it does as the database's owner.
"""

import sys
from types import FrameType
from typing import Any

from sqlalchemy import Connection, Engine, event

from tests.postgres import SHARED_ROLE, SUPERUSER
from vms.db.roles import Role

_ROOMS = {"api": Role.API, "ingest": Role.INGEST, "retention": Role.RETENTION, "selftest": Role.SELFTEST}
_OF_API_TOO = frozenset({"holds", "releases", "early", "override", "acts", "clockguard", "parts", "due"})
"""Modules of retention that the API and the command line call; the test that calls one by itself does not say as whom."""


def watch() -> None:
    """Look at all statements of this process from now on; harmless when it does already."""
    if not event.contains(Engine, "before_cursor_execute", _become):
        event.listen(Engine, "before_cursor_execute", _become)


def role_of(frame: FrameType | None) -> str:
    """Return the role of the process that the outermost frame of a room runs in; NONE: the owner, for a test by itself."""
    found = "NONE"
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        parts = name.split(".")
        room = parts[1] if parts[:2] == ["vms", "selftest"] else parts[0]
        if room in _ROOMS:
            found = SHARED_ROLE if room == "retention" and parts[-1] in _OF_API_TOO else _ROOMS[room]
        elif name.startswith(("vms.cli", "vms.evidence")):
            found = SHARED_ROLE
        frame = frame.f_back
    return found


def _become(
    conn: Connection,
    cursor: Any,
    statement: str,
    parameters: object,
    context: object,
    executemany: bool,  # noqa: FBT001 - SQLAlchemy's own order
) -> None:
    del cursor, statement, parameters, context, executemany
    if conn.dialect.name == "postgresql" and conn.engine.url.username == SUPERUSER:
        with conn.connection.cursor() as beside:
            beside.execute(f"SET LOCAL ROLE {role_of(sys._getframe(1))}")
