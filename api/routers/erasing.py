"""Erasing at a glance, for those who oversee it. Figures only; reading is an act too."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection

from api.access import Asker
from api.acting import person, record
from api.gate import Allow, writes
from api.parts import ApiParts
from api.routers import proofs
from api.routers.health import ledger_is_whole, services_of
from api.routers.shapes import instant
from api.running import Running, running_of
from config.policy import Action
from retention.due import breaches
from vms.db import holds, inventory, placements, reports, reviews, sweeps, users
from vms.db.sweeps import ClockSample
from vms.ledger import cosignatures, search, tiles
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.ledger.log import newest_checkpoint
from vms.ledger.search import Filter
from vms.ledger.whole_check import CheckRecord
from vms.model import RETENTION_CEILING, HoldState

router = APIRouter(prefix="/api", tags=["erasing"])

MayView = Annotated[Asker, Depends(Allow(Action.ERASING_VIEW))]
_SWEEPS: Final = 12
_MICROSECONDS: Final = 1_000_000
HOURS_EXPECTED: Final = RETENTION_CEILING // timedelta(hours=1) + 1
"""An hour key for each hour that may still have footage, and the present one."""


@router.get("/erasing", openapi_extra=writes(Act.AUDIT_READ))
def show(asker: MayView, request: Request) -> dict[str, Any]:
    """Say how erasing stands; the first look of a session is written down, and one every quarter of an hour after it."""
    running = running_of(request)
    parts = running.parts
    look, now_s = f"erasing {asker.subject.session_id}", parts.clock.monotonic_s()
    if not running.looks.is_covered(look, now_s):
        _write(parts, asker, {"scope": "erasing"})
        running.looks.note(look, now_s)
    now = parts.clock.now()
    with parts.db.read() as conn:
        return {
            "at": instant(now),
            "longest_s": round(RETENTION_CEILING.total_seconds()),
            "keep_for_s": round(parts.settings.keep_for.total_seconds()),
            "placements": _placements(conn, parts, now),
            "sweeps": [_sweep(one) for one in sweeps.list_newest(conn, _SWEEPS)],
            "last_good_at": instant(good.finished_at if (good := sweeps.last_good(conn)) else None),
            "clock": _clock(conn, parts, now),
            "keys": _keys(conn, parts),
            "holds": _holds(conn),
            "breaches": _breaches(conn),
            "service": next(one for one in services_of(parts) if one["service"] == reports.Service.RETENTION),
            "ledger": _ledger(conn, running),
            "proofs": proofs.list_rows(conn, now),
        }


def _write(parts: ApiParts, asker: Asker, words: dict[str, Value]) -> None:
    with parts.db.write() as conn:
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), words)


def _placements(conn: Connection, parts: ApiParts, now: datetime) -> list[dict[str, Any]]:
    oldest, newest = inventory.oldest_of_each(conn), inventory.newest_ends(conn)
    late_after = parts.settings.keep_for + timedelta(seconds=parts.settings.retention_margin_s) * 3 / 4
    found = []
    for one in placements.list_all(conn):
        is_over = one.until_at is not None and one.until_at <= now
        begins = oldest.get(one.id, inventory.Oldest(None, None))
        if is_over and begins == inventory.Oldest(None, None):
            continue
        at = begins.unheld_at
        state = "none" if at is None else "breach" if breaches(at, now) else "late" if now - at > late_after else "ok"
        found.append(
            {
                "id": one.id,
                "name": one.name,
                "is_over": is_over,
                "oldest_unheld_at": instant(at),
                "oldest_held_at": instant(begins.held_at),
                "newest_at": instant(newest.get(one.id)),
                "state": state,
            }
        )
    return found


def _sweep(one: sweeps.Sweep) -> dict[str, Any]:
    return {
        "started_at": instant(one.started_at),
        "finished_at": instant(one.finished_at),
        "outcome": one.outcome.value,
        "claimed": one.claimed,
        "destroyed": one.destroyed,
        "doubts": list(one.doubts),
    }


def _clock(conn: Connection, parts: ApiParts, now: datetime) -> dict[str, Any]:
    signed = cosignatures.last_received(conn)
    return {
        "tolerance_s": parts.settings.clock_tolerance_s,
        "database_ahead_s": round((parts.db.now(conn) - now).total_seconds(), 1),
        "boot_ahead_s": _boot_ahead_s(sweeps.get_clock_sample(conn), parts, now),
        "witness_ahead_s": None if signed is None else (signed.witness_at - signed.received_at).total_seconds(),
        "witnessed_at": None if signed is None else instant(signed.received_at),
    }


def _boot_ahead_s(sample: ClockSample | None, parts: ApiParts, now: datetime) -> float | None:
    """Return how far the boot clock went further than the wall clock since the last sweep; None after a new start."""
    if sample is None or sample.boot_id != parts.clock.boot_id():
        return None
    passed_s = parts.clock.boottime_s() - sample.boottime_us / _MICROSECONDS
    return round(passed_s - (now - sample.wall_at).total_seconds(), 1)


def _keys(conn: Connection, parts: ApiParts) -> dict[str, Any]:
    hours = parts.keys.hours()
    return {
        "hours": len(hours),
        "oldest_at": instant(min(hours, default=None)),
        "most": HOURS_EXPECTED,
        "holds": len(parts.keys.holds()),
        "holds_kept": len(holds.list_in(conn, {HoldState.PENDING, HoldState.ACTIVE, HoldState.RELEASING})),
        "level": parts.keys.level().value,
    }


def _holds(conn: Connection) -> dict[str, Any]:
    counts = {state: len(holds.list_in(conn, {state})) for state in (HoldState.ACTIVE, HoldState.PENDING)}
    late = search.count(conn, Act.HOLD_LATE)
    return {"active": counts[HoldState.ACTIVE], "pending": counts[HoldState.PENDING], "late": late}


def _breaches(conn: Connection) -> dict[str, Any]:
    found = search.search(conn, Filter(acts=(Act.RETENTION_BREACH,)), limit=1)
    return {"count": search.count(conn, Act.RETENTION_BREACH), "last_at": instant(found[0].at) if found else None}


def _ledger(conn: Connection, running: Running) -> dict[str, Any]:
    parts = running.parts
    first_at, newest_at = search.ends(conn)
    signed, checkpoint = cosignatures.last_received(conn), newest_checkpoint(conn)
    review = reviews.last_signed(conn, reviews.ReviewKind.VIEWS)
    checked = CheckRecord(parts.settings.keys, parts.clock).last()
    anchors = {
        "witness": parts.settings.witness_url,
        "stamps": parts.settings.tsa_url,
        "mail": parts.settings.checkpoint_mail_to,
    }
    return {
        "is_whole": running.ledger_whole.get(parts.clock.monotonic_s(), lambda: ledger_is_whole(parts)),
        "checked_at": None if checked is None else instant(checked.checked_at),
        "off": [name for name, is_on in anchors.items() if not is_on],
        "size": tiles.size(conn),
        "newest_at": instant(newest_at),
        "kept_since": instant(first_at),
        "checkpoint": None if checkpoint is None else {"size": checkpoint[0], "at": instant(checkpoint[1])},
        "cosigned": None
        if signed is None
        else {"size": signed.size, "witness": signed.witness, "at": instant(signed.received_at)},
        "review": None
        if review is None
        else {
            "signed_at": instant(review.signed_at),
            "by": users.get(conn, review.drawn_by).display_name,
            "samples": review.drawn,
            "findings": review.findings,
        },
    }
