"""What the API serves on a ledger that was changed, cut off, or set back: the reason, and nothing else.

No act without an entry, and no entry behind a forged or forgotten past: so there is no footage, no sign-in, no change. Whoever comes here
reads what is wrong, what to do, and the two checkpoints to compare.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from api.pages.i18n import LANGUAGES, pick_language
from api.pages.router import FOLDER, PAGE_HEADERS, environment
from api.pages.texts import error_text
from vms.errors import VmsError

CODE: Final = "ledger.read-only"
LOOK_EVERY_S: Final = 30.0
_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def read_only_app(
    why: str, checkpoints: Callable[[], tuple[str | None, str | None]], default_language: str
) -> Starlette:
    """Return the application.

    Args:
        why: code of what is wrong.
        checkpoints: reads the newest one in the database and the one kept outside; None for one that can't be read.
        default_language: of answers to programs.
    """
    templates = {language: environment(language).get_template("read-only.html") for language in LANGUAGES}

    def answer(request: Request) -> Response:
        language = pick_language(request.query_params.get("language"), None, None, default_language)
        if request.url.path.startswith("/api/"):
            body = {"error": {"code": CODE, "message": error_text(language, CODE, {}), "details": {"why": why}}}
            return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE, headers=PAGE_HEADERS)
        inside, outside = checkpoints()
        page = templates[language].render(
            language=language, languages=LANGUAGES, why=why, inside=inside, outside=outside
        )
        return HTMLResponse(page, HTTPStatus.SERVICE_UNAVAILABLE, headers=PAGE_HEADERS)

    return Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
            Route("/{path:path}", answer, methods=_METHODS),
        ]
    )


async def serve_until(server: uvicorn.Server, agrees: Callable[[], object]) -> None:
    """Serve until stopped, or until `agrees` raises nothing any more: then the process ends, to be started as usual."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with suppress(VmsError):
                await run_in_threadpool(agrees)
                server.should_exit = True
                return

    looking = asyncio.create_task(look())
    try:
        await server.serve()
    finally:
        looking.cancel()
