"""Is the API alive, and can it do its work? Open to the machine that watches it; tells nothing about people or footage."""

import os
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.gate import public
from api.parts import ApiParts
from api.running import running_of
from vms import __version__
from vms.db import migrate
from vms.errors import IntegrityLost, Unavailable, VmsError
from vms.ledger import outside

router = APIRouter(prefix="/api", tags=["health"])

log = structlog.get_logger(__name__)


@router.get("/health", openapi_extra=public("asked by the machine that watches us"))
async def health() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "ok", "version": __version__}


@router.get("/ready", openapi_extra=public("asked by the machine that sends us work"))
def ready(request: Request) -> JSONResponse:
    """Check everything that a request may need; 503 and the names of what fails."""
    parts = running_of(request).parts
    checks: dict[str, Callable[[ApiParts], None]] = {
        "database": _database,
        "migrations": _migrations,
        "ledger": _ledger,
        "keyring": _keyring,
        "footage": _footage,
    }
    found: dict[str, Any] = {name: _passes(name, check, parts) for name, check in checks.items()}
    whole = all(found.values())
    return JSONResponse({"ready": whole, "checks": found}, status_code=200 if whole else 503)


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


def _ledger(parts: ApiParts) -> None:
    with parts.db.read() as conn:
        parts.ledger.verify_tail(conn, parts.signer.verifier, outside.kept(parts.settings.keys))


def _keyring(parts: ApiParts) -> None:
    parts.keys.hours()


def _footage(parts: ApiParts) -> None:
    if not os.access(parts.store.folder, os.W_OK | os.X_OK):
        raise IntegrityLost(f"{parts.store.folder} can't be written", code="footage.folder")
