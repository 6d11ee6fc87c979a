"""The application: routes, pages, errors, and what starts and stops with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog
from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.access import Context, allowed_actions
from api.acting import SERVICE, record
from api.commissioning.book import CommissioningBook
from api.doorman import Doorman
from api.errors import ANY_ERROR, NotSignedIn, install_error_answers
from api.exporting import ExportWorker
from api.gate import BACKGROUND_HEADER, origin_of, token_of
from api.head import HeadAsGet
from api.live.hub import LiveHub
from api.live.views import ViewBook
from api.pages import router as pages
from api.pages.router import Viewer
from api.parts import ApiParts, Pace
from api.ptz import PtzDesk
from api.routers import (
    audit,
    calibrations,
    clock,
    commissioning,
    erasing,
    erasures,
    exports,
    fixed_views,
    health,
    holds,
    ledger,
    live,
    panorama,
    people,
    placements,
    plans,
    playback,
    proofs,
    proposals,
    reviews,
    sign_in_reviews,
    timeline,
)
from api.running import Running, running_of
from api.shield import Shield
from vms import __version__
from vms.bus.commissioning import LocalCommissioning
from vms.errors import VmsError
from vms.ledger.acts import Act

__all__ = ["ApiParts", "Pace", "create_app"]

ROUTERS = (
    people,
    placements,
    plans,
    proposals,
    live,
    timeline,
    playback,
    holds,
    erasures,
    clock,
    exports,
    fixed_views,
    commissioning,
    panorama,
    calibrations,
    ledger,
    audit,
    reviews,
    sign_in_reviews,
    erasing,
    proofs,
    health,
)

COMMISSIONING_TIDY_S = 5.0

log = structlog.get_logger(__name__)


def create_app(parts: ApiParts, is_stopping: Callable[[], bool] = lambda: False) -> FastAPI:
    """Return the application; nothing is opened or started before its lifespan begins.

    Args:
        parts: what it works with.
        is_stopping: whether whoever serves it was asked to end.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        doorman = Doorman(parts)
        running = Running(
            parts,
            doorman,
            LiveHub(parts.bus),
            ViewBook(parts),
            PtzDesk(parts),
            ExportWorker(parts),
            CommissioningBook(parts, doorman),
            LocalCommissioning(parts.settings.run),
            is_stopping,
        )
        app.state.running = running
        await run_in_threadpool(_write_start, parts)
        await run_in_threadpool(doorman.end_from_before)
        running.exports.start()
        janitors = [
            asyncio.create_task(_tidy_up(running), name="view janitor"),
            asyncio.create_task(_tidy_up_commissioning(running), name="commissioning janitor"),
        ]
        try:
            yield
        finally:
            for janitor in janitors:
                janitor.cancel()
            await asyncio.gather(*janitors, return_exceptions=True)
            running.sign_ins.close()
            await running.ptz.close()
            await running.hub.close()
            await run_in_threadpool(running.exports.stop)

    # No interactive documentation: it needs inline scripts from elsewhere, and tells strangers too much. docs/api.md has it.
    app = FastAPI(title="VMS", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    install_error_answers(app, parts.settings.default_language)
    for module in ROUTERS:
        app.include_router(module.router, responses=ANY_ERROR)
    pages.install(app, viewer=_viewer, default_language=parts.settings.default_language)
    app.add_middleware(HeadAsGet, routes=api_routes())
    app.add_middleware(Shield, settings=parts.settings, clock=parts.clock)
    return app


def api_routes() -> list[APIRoute]:
    """Return the routes of the interface, for the tests that look at all of them."""
    return [route for module in ROUTERS for route in module.router.routes if isinstance(route, APIRoute)]


def _write_start(parts: ApiParts) -> None:
    log.info("policy", sha256=parts.policy.sha256)
    with parts.db.write() as conn:
        obj = {"program": "api", "version": __version__, "policy_sha256": parts.policy.sha256}
        record(parts.ledger, conn, Act.SYSTEM_START, SERVICE, obj)


async def _tidy_up(running: Running) -> None:
    """Close the views that nobody looks after, now and every so often."""
    while True:
        try:
            await run_in_threadpool(running.views.close_stale)
        except VmsError as error:
            log.warning("stale views can't be closed now", problem=str(error))
        await asyncio.sleep(running.parts.pace.stale_view_s / 6)


async def _tidy_up_commissioning(running: Running) -> None:
    """End commissioning views that nobody looks after, every few seconds: their time is short."""
    while True:
        try:
            await run_in_threadpool(running.commissioning.tidy)
        except VmsError as error:
            log.warning("commissioning views can't be tidied now", problem=str(error))
        await asyncio.sleep(COMMISSIONING_TIDY_S)


def _viewer(request: Request) -> Viewer | None:
    """Return who asks for a page."""
    running = running_of(request)
    active = BACKGROUND_HEADER not in request.headers
    try:
        subject = running.doorman.subject_of(
            token_of(request, running), origin_of(request), active=active, with_first_password=True
        )
    except NotSignedIn:
        return None
    parts = running.parts
    allowed = allowed_actions(parts.policy, subject, Context(at=parts.clock.now()))
    return Viewer(
        subject.display_name,
        subject.language,
        frozenset(action.value for action in allowed),
        subject.username,
        subject.must_choose_password,
    )
