"""Is the API alive, and can it do its work? Open to the machine that watches it; tells nothing about people or footage."""

import os
from collections.abc import Callable
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.access import Asker
from api.gate import Allow, public, writes
from api.parts import ApiParts
from api.routers.shapes import instant
from api.running import running_of
from config.policy import Action
from vms import __version__
from vms.db import migrate, reports
from vms.errors import IntegrityLost, StorageFull, Unavailable, VmsError
from vms.ledger import outside
from vms.ledger.whole_check import CheckRecord

router = APIRouter(prefix="/api", tags=["health"])

_FOR_MACHINES: Final = (
    "last_good_at", "oldest_unheld_at", "overdue_s", "placements", "workers", "storage_free_bytes", "hours_until_full",
)  # fmt: skip
"""What may be told without signing in: no id of a camera or hold."""

_OF_FOOTAGE: Final = {"footage": "footage-unwritable", "storage": "storage-full"}
"""Checks that people need to know of, and that signing in, live pictures, holds and the ledger do without; their problems' names."""

_ATTACKED: Final[dict[str, Any]] = {"service": "api", "in_order": False, "problems": ["sign-ins-attacked"], "words": {}}

log = structlog.get_logger(__name__)


@router.get("/health", openapi_extra=public("asked by the machine that watches us"))
async def health() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "ok", "version": __version__}


@router.get("/health/services", openapi_extra=public("asked by the machine that watches us"))
def services_health(request: Request) -> JSONResponse:
    """Say how ingest and retention are, by their own reports, and whether sign-ins are attacked; 503 where somebody must look."""
    running = running_of(request)
    found = services_of(running.parts)
    if running.doorman.is_attacked():
        found.append(_ATTACKED | {"reported_at": instant(running.parts.clock.now())})
    for one in found:
        cameras = one["words"].get("cameras") or {}
        one["words"] = {name: value for name, value in one["words"].items() if name in _FOR_MACHINES}
        one["cameras"] = {problem: len(ids) for problem, ids in cameras.items()}
    whole = all(one["in_order"] for one in found)
    return JSONResponse({"in_order": whole, "services": found}, status_code=200 if whole else 503)


@router.get("/services", openapi_extra=writes())
def list_services(
    asker: Annotated[Asker, Depends(Allow(Action.CAMERA_HEALTH))], request: Request
) -> list[dict[str, Any]]:
    """Say the same to people: last good sweep, why erasing stopped, oldest footage that nobody holds."""
    del asker
    return services_of(running_of(request).parts)


def services_of(parts: ApiParts) -> list[dict[str, Any]]:
    """Return how ingest and retention are, as people and pages get it."""
    with parts.db.read() as conn:
        found = reports.conditions(conn, parts.clock.now())
    return [
        {
            "service": one.service.value,
            "in_order": one.in_order,
            "problems": list(one.problems),
            "reported_at": instant(one.reported_at),
            "words": dict(one.words),
        }
        for one in found
    ]


@router.get("/ready", openapi_extra=public("asked by the machine that sends us work"))
def ready(request: Request) -> JSONResponse:
    """Say whether requests can be served: 503 and the names of what fails. What only recording or playback lacks is named as well."""
    running = running_of(request)
    now_s = running.parts.clock.monotonic_s()
    found = running.readiness.get(now_s, lambda: _all_checks(running.parts))
    serves = all(passed for name, passed in found.items() if name not in _OF_FOOTAGE)
    # A full volume or a camera that is away is no reason to send nobody here: just then people look. Decision 0391.
    problems = set(running.problems.get(now_s, lambda: _problems(running.parts)))
    problems |= {problem for name, problem in _OF_FOOTAGE.items() if not found[name]}
    answer = {"ready": serves, "checks": found, "problems": sorted(problems)}
    return JSONResponse(answer, status_code=200 if serves else 503)


def _problems(parts: ApiParts) -> list[str]:
    """Return what ingest and retention say is not in order; nothing while the database, a check of its own, is away."""
    try:
        with parts.db.read() as conn:
            found = reports.conditions(conn, parts.clock.now())
    except Unavailable as error:
        log.warning("not known what is wrong", problem=str(error))
        return []
    return sorted({problem for one in found for problem in one.problems})


def _all_checks(parts: ApiParts) -> dict[str, bool]:
    checks: dict[str, Callable[[ApiParts], None]] = {
        "database": _database,
        "migrations": _migrations,
        "ledger": _ledger,
        "keyring": _keyring,
        "footage": _footage,
        "storage": _storage,
    }
    return {name: _passes(name, check, parts) for name, check in checks.items()}


def _passes(name: str, check: Callable[[ApiParts], None], parts: ApiParts) -> bool:
    try:
        check(parts)
    except (VmsError, OSError) as error:
        log.warning("not ready", check=name, problem=str(error))
        return False
    return True


def _database(parts: ApiParts) -> None:
    with parts.db.read() as conn:
        parts.db.now(conn)


def _migrations(parts: ApiParts) -> None:
    if not migrate.at_head(parts.db):
        raise Unavailable(
            "the database has another schema than this program: run `vms migrate`", code="database.schema"
        )


def ledger_is_whole(parts: ApiParts) -> bool:
    """Return whether the ledger is whole where it grows and continues what was signed."""
    return _passes("ledger", _ledger, parts)


def _ledger(parts: ApiParts) -> None:
    with parts.db.read() as conn:
        parts.ledger.verify_tail(conn, parts.signer.verifier, outside.kept(parts.settings.keys))
    CheckRecord(parts.settings.keys, parts.clock).refuse_changed()


def _keyring(parts: ApiParts) -> None:
    parts.keys.hours()


def _footage(parts: ApiParts) -> None:
    if not os.access(parts.store.folder, os.W_OK | os.X_OK):
        raise IntegrityLost(f"{parts.store.folder} can't be written", code="footage.folder")


def _storage(parts: ApiParts) -> None:
    free_bytes = parts.store.free_bytes()
    if free_bytes < parts.settings.free_bytes_floor:
        raise StorageFull(f"only {free_bytes} bytes are free in {parts.store.folder}", code="footage.full")
