"""The one place where errors become answers: a status, a code, and a sentence in the reader's language."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from api.pages.i18n import pick_language
from api.pages.router import LANGUAGE_COOKIE
from api.pages.texts import error_text
from api.shield import HEADERS
from vms.errors import Conflict, Denied, IntegrityLost, InvalidInput, NotFound, Unavailable, VmsError

NO_STORE: Final = {"Cache-Control": "no-store"}

_STATUS_OF: Final[tuple[tuple[type[VmsError], int], ...]] = (
    (InvalidInput, 422),
    (Denied, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Unavailable, 503),
    (IntegrityLost, 500),
)
_CODE_OF_STATUS: Final[Mapping[int, str]] = {
    404: "http.not-found",
    405: "http.method",
    413: "http.too-large",
    415: "http.media-type",
    416: "http.range",
}

ODD_CHARACTERS: Final = "text.characters"
"""Pydantic's kind of error for a text with characters that nobody sees, or that turn what is read."""

log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """What is wrong: a word for programs, a sentence in the reader's language, and the values in it."""

    code: str
    message: str
    details: dict[str, str | float]


class ErrorAnswer(BaseModel):
    """The body of every answer that is no success."""

    error: Problem


ANY_ERROR: Final[dict[int | str, dict[str, Any]]] = {
    "default": {"model": ErrorAnswer, "description": "Refused, not found, or not now."}
}


class NotSignedIn(Denied):
    """Nobody is signed in, or the sign-in failed: the answer is 401, not 403."""


def status_of(error: VmsError) -> int:
    """Return the HTTP status of an error."""
    if isinstance(error, NotSignedIn):
        return 401
    return next(status for kind, status in _STATUS_OF if isinstance(error, kind))


def install_error_answers(app: FastAPI, default_language: str) -> None:
    """Answer every error of the application in JSON; nothing about the inside of the program gets out."""

    def answer(
        request: Request, status: int, code: str, fallback: str, details: Mapping[str, str | float]
    ) -> JSONResponse:
        language = language_of(request, default_language)
        text = error_text(language, code, details) or error_text(language, fallback, details) or fallback
        body = {"error": {"code": code, "message": text, "details": dict(details)}}
        return JSONResponse(body, status_code=status, headers=NO_STORE)

    def known(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, VmsError)
        status = status_of(error)
        if status >= 500:
            log.warning("unavailable", code=error.code, problem=str(error), path=request.url.path)
        kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "vms.errors")
        return answer(request, status, error.code, kind, error.details)

    def malformed(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        # Where it is wrong, never what was sent: that may be a password.
        where = ", ".join(
            sorted({".".join(str(part) for part in item["loc"][1:]) or "body" for item in error.errors()})
        )
        odd = all(item["type"] == ODD_CHARACTERS for item in error.errors())
        return answer(request, 422, "input.characters" if odd else "input.field", "InvalidInput", {"field": where})

    def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = _CODE_OF_STATUS.get(error.status_code, "InvalidInput")
        return answer(request, error.status_code, code, "NotFound" if error.status_code == 404 else "InvalidInput", {})

    def bug(request: Request, error: Exception) -> JSONResponse:
        log.error("bug", path=request.url.path, exc_info=error)
        request_id = getattr(request.state, "request_id", "")
        response = answer(request, 500, "internal", "internal", {"request_id": request_id})
        # This answer is made outside of the shield, which sees the exception pass.
        response.headers.update({**HEADERS, "X-Request-Id": request_id})
        return response

    app.add_exception_handler(VmsError, known)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, bug)


def language_of(request: Request, default_language: str) -> str:
    """Return the language of the person who asks: account, then what this browser chose, then the default."""
    account = getattr(request.state, "language", None)
    return pick_language(None, account, request.cookies.get(LANGUAGE_COOKIE), default_language)
