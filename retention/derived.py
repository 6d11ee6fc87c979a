"""What was derived from footage and lies in rows is erased when due, long before anybody could ask for it as footage."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from retention import acts
from retention.parts import RetentionParts
from vms.db import panoramas, rechecks
from vms.ledger.entries import Entry
from vms.model import PlacementId

_Due = Callable[[Connection, datetime], list[PlacementId]]
_Drop = Callable[[Connection, PlacementId], bool]
_KINDS: tuple[tuple[_Due, _Drop, Callable[[PlacementId], Entry]], ...] = (
    (panoramas.list_due, panoramas.drop, acts.panorama_erased),
    (rechecks.LANDMARKS.list_due, rechecks.LANDMARKS.drop, acts.landmarks_erased),
)


def erase_due_derivatives(parts: RetentionParts, at: datetime) -> int:
    """Erase every panorama and all landmarks whose time is over at a trusted instant; return how many.

    Their keys die with the hours of their beginning.
    """
    erased = 0
    for list_due, drop, entry in _KINDS:
        with parts.db.read() as conn:
            due = list_due(conn, at)
        for placement_id in due:
            with parts.db.write() as conn:
                if drop(conn, placement_id):
                    parts.ledger.append(conn, entry(placement_id))
                    erased += 1
    return erased
