"""Signing in and out, and who am I."""

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from api.access import Context, Subject, allowed_actions
from api.doorman import csrf_of
from api.errors import language_of
from api.gate import SignedIn, origin_of, public, token_of, writes
from api.own_password import OwnPasswords
from api.routers.shapes import Body, ShortText, instant
from api.running import Running, running_of
from vms.ledger.acts import Act

router = APIRouter(prefix="/api", tags=["people"])


class SignIn(Body):
    """What the sign-in page sends."""

    username: Annotated[ShortText, Field(min_length=1)]
    password: Annotated[str, Field(min_length=1, max_length=1000)]


class NewPassword(Body):
    """What the page for choosing a password sends."""

    old: Annotated[str, Field(min_length=1, max_length=1000)]
    new: Annotated[str, Field(min_length=1, max_length=1000)]


class Language(Body):
    """A choice of language."""

    language: Literal["nl", "en"]


@router.post(
    "/sign-in",
    openapi_extra=public("this is how one signs in", Act.AUTH_SIGN_IN, Act.AUTH_REFUSED, Act.AUTH_LOCKED),
)
async def sign_in(body: SignIn, request: Request, response: Response) -> dict[str, Any]:
    """Begin a session and set its cookie."""
    running = running_of(request)
    asked = partial(running.doorman.sign_in, body.username, body.password, origin_of(request))
    token, subject = await running.sign_ins.run(asked)
    _set_cookie(running, response, token)
    return _me(running, subject, token, request)


@router.post("/sign-out", openapi_extra=writes(Act.AUTH_SIGN_OUT))
def sign_out(
    subject: Annotated[Subject, Depends(SignedIn(with_first_password=True))], request: Request, response: Response
) -> dict[str, Any]:
    """End the session; its live pictures stop at once."""
    running = running_of(request)
    running.doorman.sign_out(subject)
    running.bell.ring(subject.session_id)
    response.delete_cookie(running.cookie_name, path="/", secure=running.https, httponly=True, samesite="strict")
    return {}


@router.get("/me", openapi_extra=writes())
def me(subject: Annotated[Subject, Depends(SignedIn(with_first_password=True))], request: Request) -> dict[str, Any]:
    """Say who is signed in and what the pages may show."""
    running = running_of(request)
    return _me(running, subject, token_of(request, running) or "", request)


@router.post("/me/password", openapi_extra=writes(Act.USER_CHANGE, Act.AUTH_LOCKED, Act.AUTH_REVOKED))
async def choose_password(
    body: NewPassword,
    subject: Annotated[Subject, Depends(SignedIn(with_first_password=True))],
    request: Request,
    response: Response,
) -> dict[str, Any]:
    """Choose one's own password; all other sessions end, this one goes on under a new cookie."""
    running = running_of(request)
    chosen = await running.sign_ins.run(
        partial(OwnPasswords(running.parts).choose, subject, body.old, body.new, origin_of(request))
    )
    for session_id in chosen.ended:
        running.bell.ring(session_id)
    _set_cookie(running, response, chosen.token)
    return _me(running, chosen.subject, chosen.token, request)


@router.put("/me/language", openapi_extra=writes(Act.USER_CHANGE))
def choose_language(
    body: Language, subject: Annotated[Subject, Depends(SignedIn())], request: Request
) -> dict[str, Any]:
    """Keep the language that somebody chose."""
    running = running_of(request)
    running.doorman.choose_language(subject, body.language)
    return {"language": body.language}


def _set_cookie(running: Running, response: Response, token: str) -> None:
    response.set_cookie(
        running.cookie_name,
        token,
        max_age=running.parts.settings.session_longest_s,
        path="/",
        secure=running.https,
        httponly=True,
        samesite="strict",
    )


def _me(running: Running, subject: Subject, token: str, request: Request) -> dict[str, Any]:
    parts = running.parts
    now = parts.clock.now()
    over = running.doorman.ends_at(subject.session_id)
    roles = sorted(subject.roles_at(now))
    language = subject.language or language_of(request, parts.settings.default_language)
    return {
        "user": {
            "id": subject.user_id,
            "username": subject.username,
            "display_name": subject.display_name,
            "language": language,
            "roles": roles,
            "role_titles": [parts.policy.titles[role][language] for role in roles],
        },
        "must_choose_password": subject.must_choose_password,
        "allowed": sorted(allowed_actions(parts.policy, subject, Context(at=now))),
        "csrf": csrf_of(token),
        "server_time": instant(now),
        "session": {
            "idle_s": parts.settings.session_idle_s,
            "longest_s": parts.settings.session_longest_s,
            "idle_at": None if over is None else instant(over[0]),
            "ends_at": None if over is None else instant(over[1]),
        },
    }
