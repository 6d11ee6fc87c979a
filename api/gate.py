"""The one gate in front of every route: who asks, may they, and does the request come from a page of ours.

A route names its actions in `Allow(...)` and the acts that it writes in `writes(...)`; a test compares both with the policy matrix, the
ledger's catalogue and what the routes do.
"""

import hmac
from typing import Any, Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from starlette.requests import HTTPConnection

from api.access import Asker, Context, Subject, authorize
from api.acting import person, record
from api.doorman import csrf_of
from api.parts import ApiParts
from api.running import Running, running_of
from api.shield import SAFE_METHODS
from config.policy import Action
from vms.errors import Denied, InvalidInput
from vms.ledger.acts import Act
from vms.ledger.entries import Result

CSRF_HEADER: Final = "X-VMS-CSRF"
BACKGROUND_HEADER: Final = "X-VMS-Background"
ACTS: Final = "x-ledger-acts"
PUBLIC: Final = "x-public"


class Allow:
    """Dependency: let through who may do one of the actions, refuse and write down everybody else.

    Args:
        actions: the first one that is allowed counts.
    """

    def __init__(self, *actions: Action) -> None:
        self.actions = actions

    def __call__(self, request: Request) -> Asker:
        """Return who asks.

        Raises:
            NotSignedIn: nobody is signed in.
            Denied: the policy says no, or the CSRF header is missing.
            InvalidInput: a query parameter that the route does not know: a misspelt filter must not look like one.
        """
        running = running_of(request)
        subject = subject_of(request, running)
        asker = permit(running, subject, self.actions)
        _refuse_unknown(request)
        return asker


def _query_names(of: Dependant) -> set[str]:
    own = {field.alias for field in of.query_params}
    return own.union(*(_query_names(inner) for inner in of.dependencies))


def _refuse_unknown(request: Request) -> None:
    known = _query_names(request.scope["route"].dependant)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        raise InvalidInput(
            f"there is no query parameter {unknown[0]!r} here; there are: {', '.join(sorted(known)) or 'none'}",
            code="input.query",
            name=unknown[0],
            known=", ".join(sorted(known)) or "-",
        )


class SignedIn:
    """Dependency: let through everybody who is signed in; for what concerns oneself.

    Args:
        with_first_password: also whoever must choose a password first: for choosing it, and for signing out.
    """

    def __init__(self, *, with_first_password: bool = False) -> None:
        self.with_first_password = with_first_password

    def __call__(self, request: Request) -> Subject:
        """Return who asks.

        Raises:
            NotSignedIn: nobody is signed in.
            Denied: the CSRF header is missing, or a password must be chosen first.
        """
        return subject_of(request, running_of(request), with_first_password=self.with_first_password)


def subject_of(request: Request, running: Running, *, with_first_password: bool = False) -> Subject:
    """Return who sent a request."""
    token = token_of(request, running)
    active = BACKGROUND_HEADER not in request.headers
    subject = running.doorman.subject_of(
        token, origin_of(request), active=active, with_first_password=with_first_password
    )
    request.state.language = subject.language
    if request.method not in SAFE_METHODS:
        sent = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), csrf_of(token or "").encode()):
            raise Denied("the request lacks the word that our pages send along: reload the page", code="csrf")
    return subject


def permit(running: Running, subject: Subject, actions: tuple[Action, ...]) -> Asker:
    """Return the permission, or write the refusal into the ledger and raise.

    Raises:
        Denied: none of the actions is allowed.
    """
    return permit_in(running.parts, subject, actions)


def permit_in(parts: ApiParts, subject: Subject, actions: tuple[Action, ...]) -> Asker:
    """Return the permission, or write the refusal into the ledger and raise; also for people at the command line.

    Raises:
        Denied: none of the actions is allowed.
    """
    context = Context(at=parts.clock.now())
    decisions = [(action, authorize(parts.policy, subject, action, context)) for action in actions]
    for action, decision in decisions:
        if decision.allow:
            return Asker(subject, decision, action)
    action, decision = decisions[0]
    with parts.db.write() as conn:
        record(
            parts.ledger,
            conn,
            Act.POLICY_DENIED,
            person(subject),
            {"action": action.value},
            result=Result.DENIED,
            why=decision.reason,
        )
    raise Denied(
        f"{subject.user_id} may not {action}: {decision.reason}", code=f"policy.{decision.reason}", action=action.value
    )


def token_of(connection: HTTPConnection, running: Running) -> str | None:
    """Return the session cookie's value."""
    return connection.cookies.get(running.cookie_name)


def origin_of(connection: HTTPConnection) -> str:
    """Return the network address that a connection comes from."""
    return connection.client.host if connection.client else "unknown"


def writes(*acts: Act) -> dict[str, Any]:
    """Declare which acts a route writes besides `policy.denied`."""
    return {ACTS: sorted({Act.POLICY_DENIED.value, *(act.value for act in acts)})}


def public(reason: str, *acts: Act) -> dict[str, Any]:
    """Declare that a route is open to people who are not signed in, and why."""
    return {PUBLIC: reason, ACTS: sorted(act.value for act in acts)}
