"""HEAD: what GET would answer, without the body, wherever GET changes nothing.

Where GET hands something over that the ledger writes down (a package, a bundle, a segment), HEAD stays refused: an entry would say
that somebody got what nobody got, and no entry would leave a look at it unwritten.
"""

from collections.abc import Sequence

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.gate import ACTS
from vms.ledger.acts import Act


class HeadAsGet:
    """ASGI middleware that asks the application for GET and keeps the body back.

    Args:
        app: answers GET.
        routes: those of the interface, with the acts that they declare.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[APIRoute]) -> None:
        self._app = app
        self._routes = [route for route in routes if "GET" in (route.methods or ())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}
        if self._writes(asked):
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app(asked, receive, without_body)

    def _writes(self, scope: Scope) -> bool:
        """Return whether the route that would answer writes an act."""
        for route in self._routes:
            if route.matches(scope)[0] is Match.FULL:
                return bool(set((route.openapi_extra or {})[ACTS]) - {Act.POLICY_DENIED.value})
        return False
