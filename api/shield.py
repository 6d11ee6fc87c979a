"""What surrounds every request: an id and a log line, the host check, the origin check, and the headers that protect the browser."""

import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog
from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.pages.texts import error_text
from config import Settings
from vms.clock import Clock

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_BODY_BYTES: Final = 256 * 1024

HEADERS: Final[Mapping[str, str]] = {
    # The pages say what they need themselves (api/pages/router.py); everything else needs nothing at all.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), display-capture=()",
    "Cache-Control": "no-store",
}
_HTTPS_ONLY: Final = {"Strict-Transport-Security": "max-age=31536000"}
_DIGITS: Final = re.compile(r"[0-9]+")
_IDS_IN_PATHS: Final = re.compile(r"[^A-Za-z0-9/._{}-]")

log = structlog.get_logger("api.request")


class Shield:
    """ASGI middleware around the whole application, WebSockets included.

    Args:
        app: what is protected.
        settings: where browsers reach us.
        clock: for how long a request took.
    """

    def __init__(self, app: ASGIApp, settings: Settings, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._hosts = own_hosts(settings)
        self._origin = settings.origin
        self._language = settings.default_language
        self._https = settings.origin.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one connection through, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        started_s = self._clock.monotonic_s()
        status = [0]

        async def watched_send(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                status[0] = message["status"]
                self._protect(message, request_id)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                refusal = self._refusal(scope)
                if refusal is not None:
                    await self._refuse(refusal, scope, receive, watched_send)
                else:
                    await self._app(scope, _bounded(receive), watched_send)
            finally:
                # The path without the query: who looks for what is personal, and belongs in the ledger only.
                log.info(
                    "request",
                    method=scope.get("method", "WS"),
                    path=_IDS_IN_PATHS.sub("?", scope["path"])[:200],
                    status=status[0],
                    took_ms=round((self._clock.monotonic_s() - started_s) * 1000, 1),
                )

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return why this connection is not served at all: (status, code)."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _split(f"//{host}").hostname not in self._hosts:
            return 421, "http.host"
        origin = headers.get("origin")
        writes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        # Browsers send Origin with every WebSocket and every write; a missing one is a program, which has no cookies to abuse.
        if writes and origin is not None and origin != self._origin and not self._is_ours(origin, host):
            return 403, "http.origin"
        if (
            writes
            and _DIGITS.fullmatch(headers.get("content-length", "0"))
            and int(headers.get("content-length", "0")[:20]) > LONGEST_BODY_BYTES
        ):
            return 413, "http.too-large"
        return None

    def _is_ours(self, origin: str, host: str) -> bool:
        """Return whether a page of ours sent this, reached under another name than the public one."""
        found = _split(origin)
        # Where the public address is encrypted, what has its name and is not encrypted is whoever sits between.
        is_between = self._https and found.scheme != "https" and found.hostname == _split(self._origin).hostname
        return found.netloc == host and not is_between

    async def _refuse(self, refusal: tuple[int, str], scope: Scope, receive: Receive, send: Send) -> None:
        status, code = refusal
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 4403, "reason": code})
            return
        # Before anybody is known: the language of the house.
        text = error_text(self._language, code, {}) or error_text(self._language, "Denied", {})
        details: dict[str, str] = {}
        body = {"error": {"code": code, "message": text, "details": details}}
        await JSONResponse(body, status_code=status)(scope, receive, send)

    def _protect(self, message: Message, request_id: str) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self._https:
            headers.update(_HTTPS_ONLY)
        headers["X-Request-Id"] = request_id


def _split(address: str) -> SplitResult:
    """Return the parts of an address that a stranger sent; of none that can be read, empty ones."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def own_hosts(settings: Settings) -> frozenset[str]:
    """Return the host names under which we answer: the public one, the address listened on, and the loopback's if that is it."""
    hosts = {urlsplit(settings.origin).hostname, settings.api_host}
    if settings.api_host in {"127.0.0.1", "::1", "localhost", "0.0.0.0"}:  # noqa: S104 - compared, not bound
        hosts |= {"127.0.0.1", "::1", "localhost"}
    return frozenset(host for host in hosts if host)


def _bounded(receive: Receive) -> Receive:
    """Return the same, but refusing a body that grows too large without having said its length."""
    received_bytes = 0

    async def bounded() -> Message:
        nonlocal received_bytes
        message = await receive()
        if message["type"] == "http.request":
            received_bytes += len(message.get("body", b""))
            if received_bytes > LONGEST_BODY_BYTES:
                raise HTTPException(413)
        return message

    return bounded
