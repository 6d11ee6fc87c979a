"""Writing acts of the API into the ledger: who, from where, on what."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from api.access import Decision, Subject
from vms import __version__
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, Result, Value
from vms.ledger.log import Ledger
from vms.model import UserId

APP: Final = f"vms-api/{__version__}"


class Who:
    """An actor and where it acts from."""

    __slots__ = ("actor", "origin")

    def __init__(self, actor: Actor, ip: str | None = None) -> None:
        self.actor = actor
        self.origin = Origin(app=APP, ip=ip)


SERVICE: Final = Who(Actor.service("api"))


def person(subject: Subject, decision: Decision | None = None) -> Who:
    """Return somebody who is signed in, under the role that allowed the act."""
    role = decision.role.value if decision is not None and decision.role is not None else None
    return Who(Actor.person(subject.user_id, role=role, session_id=subject.session_id), subject.origin)


def unknown_person(user_id: UserId | None, ip: str) -> Who:
    """Return somebody who failed to sign in; without an account, `nobody`."""
    return Who(Actor.person(user_id or "nobody", role=None, session_id=None), ip)


def record(
    ledger: Ledger,
    conn: Connection,
    act: Act,
    who: Who,
    obj: Mapping[str, Value],
    *,
    result: Result = Result.OK,
    why: str | None = None,
    purpose: Purpose | None = None,
    recipient: str | None = None,
) -> int:
    """Append an entry within the caller's write transaction, last in it; return its number."""
    entry = Entry(
        act=act,
        actor=who.actor,
        origin=who.origin,
        object=obj,
        result=result,
        why=why,
        purpose=purpose,
        recipient=recipient,
    )
    return ledger.append(conn, entry)
