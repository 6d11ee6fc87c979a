"""Serve the pages: who may see which, in which language, under which content security policy."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.types import Scope

from api.pages.i18n import LANGUAGES, module_catalogue, pick_language, translations
from api.pages.i18n import marked as N_  # noqa: N812 - gettext's own name, which the extractor looks for

FOLDER: Final = Path(__file__).parent
LANGUAGE_COOKIE: Final = "vms_language"
LANGUAGE_COOKIE_S: Final = 365 * 24 * 3600

# Everything from this server and nothing inline. blob: is Media Source; data: is nowhere needed.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who asks for a page.

    Args:
        display_name: as shown in the bar.
        language: `nl` or `en`, chosen in the account.
        allowed: actions of the policy matrix.
        username: as they sign in.
        must_choose_password: somebody else set the password: there is no page but the one for choosing another.
    """

    display_name: str
    language: str | None
    allowed: frozenset[str]
    username: str = ""
    must_choose_password: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the bar.

    Args:
        name: template and module are named after it.
        path: address.
        title: msgid.
        icon: symbol in icons.svg.
        actions: any of them opens the page.
    """

    name: str
    path: str
    title: str
    icon: str
    actions: frozenset[str]


PAGES: Final = (
    Page("live", "/", N_("Live"), "live", frozenset({"live.view"})),
    Page("playback", "/playback", N_("Playback"), "playback", frozenset({"timeline.view", "playback.view"})),
    Page("holds", "/holds", N_("Holds"), "hold", frozenset({"hold.list"})),
    Page(
        "exports",
        "/exports",
        N_("Exports"),
        "export",
        frozenset({"export.request", "export.decide", "export.download"}),
    ),
    Page(
        "commissioning",
        "/commissioning",
        N_("Views for drawing masks"),
        "target",
        frozenset({"commissioning.request", "commissioning.approve"}),
    ),
    Page("plans", "/plans", N_("Masks"), "shade", frozenset({"plan.view"})),
    Page("log", "/log", N_("Log"), "log", frozenset({"ledger.read", "ledger.read_own"})),
    Page("erasing", "/erasing", N_("Erasing"), "erase", frozenset({"erasing.view"})),
    Page("audit", "/audit", N_("Reviews"), "check", frozenset({"review.conduct", "signin.review"})),
    Page("calibration", "/calibration", N_("Calibration"), "ruler", frozenset({"calibration.run"})),
    Page("cameras", "/cameras", N_("Cameras"), "camera", frozenset({"camera.health"})),
    Page(
        "decisions",
        "/decisions",
        N_("Four eyes"),
        "two-persons",
        frozenset(
            {"erasure.request", "erasure.decide", "clock.request", "clock.decide", "view.confirm", "ledger.read"}
        ),
    ),
)


class _RevalidatedFiles(StaticFiles):
    """Static files that a browser asks for again each time: modules import each other by name, without versions."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def install(app: FastAPI, *, viewer: Callable[[Request], Viewer | None], default_language: str) -> None:
    """Add the pages to an application.

    Args:
        app: gets `/`, the other pages, `/sign-in`, `/password`, `/static` and `/static-locale/<language>.json`.
        viewer: who asks, or None when nobody is signed in; called in the thread pool, may read the database.
        default_language: language before somebody chooses.
    """
    site = _Site(viewer, default_language)
    app.mount("/static", _RevalidatedFiles(directory=FOLDER / "static"), name="static")
    app.add_api_route("/static-locale/{language}.json", _locale, include_in_schema=False)
    app.add_api_route("/sign-in", site.sign_in, include_in_schema=False, response_class=Response)
    app.add_api_route("/password", site.password, include_in_schema=False, response_class=Response)
    for page in PAGES:
        app.add_api_route(page.path, site.endpoint(page), include_in_schema=False, response_class=Response)


def _locale(language: str) -> JSONResponse:
    if language not in LANGUAGES:
        return JSONResponse({}, status_code=404)
    return JSONResponse(module_catalogue(language), headers={"Cache-Control": "no-cache"})


class _Site:
    """The pages of one application: its templates and the way it knows people."""

    def __init__(self, viewer: Callable[[Request], Viewer | None], default_language: str) -> None:
        self._viewer = viewer
        self._default_language = default_language
        self._environments = {language: environment(language) for language in LANGUAGES}

    def endpoint(self, page: Page) -> Callable[[Request], Response]:
        """Return the handler of one page."""

        def show(request: Request) -> Response:
            person = self._viewer(request)
            if person is None:
                return RedirectResponse(f"/sign-in?next={quote(_own_address(request), safe='')}", status_code=303)
            if person.must_choose_password:
                return RedirectResponse(f"/password?next={quote(_own_address(request), safe='')}", status_code=303)
            if page.actions & person.allowed:
                return self._render(request, person, page.name, page, 200)
            home = next((other for other in PAGES if other.actions & person.allowed), None)
            if page.path == "/" and home is not None:
                return RedirectResponse(home.path, status_code=303)
            return self._render(request, person, "denied", page, 403)

        return show

    def sign_in(self, request: Request) -> Response:
        """Show the sign-in page; somebody who is signed in goes on."""
        if self._viewer(request) is not None:
            return RedirectResponse("/", status_code=303)
        return self._render(request, None, "sign-in", None, 200)

    def password(self, request: Request) -> Response:
        """Show the page on which people choose their password."""
        person = self._viewer(request)
        if person is None:
            return RedirectResponse(f"/sign-in?next={quote(_own_address(request), safe='')}", status_code=303)
        return self._render(request, person, "password", None, 200)

    def _render(self, request: Request, person: Viewer | None, name: str, page: Page | None, status: int) -> Response:
        asked = request.query_params.get("language")
        language = pick_language(
            asked,
            None if person is None else person.language,
            request.cookies.get(LANGUAGE_COOKIE),
            self._default_language,
        )
        template = self._environments[language].get_template(f"{name}.html")
        allowed = frozenset[str]() if person is None else person.allowed
        html = template.render(
            language=language,
            languages=LANGUAGES,
            person=person,
            page=page,
            allowed=allowed,
            bar=[entry for entry in PAGES if entry.actions & allowed],
        )
        response = Response(html, status_code=status, media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)
        if asked in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=LANGUAGE_COOKIE_S, samesite="lax", httponly=True)
        return response


def _own_address(request: Request) -> str:
    """Return path and query of the request, to come back to after signing in."""
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def environment(language: str) -> Environment:
    """Return the templates in a language."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(translations(language), newstyle=False)  # type: ignore[attr-defined]  # added by the i18n extension
    return environment
