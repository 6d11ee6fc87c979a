"""Panoramas are erased when due, long before anybody could ask for them as footage."""

from retention import acts
from retention.parts import RetentionParts
from vms.db import panoramas


def erase_due_panoramas(parts: RetentionParts) -> int:
    """Erase every panorama whose time is over; return how many. Its key dies with the hour in which it was begun."""
    with parts.db.read() as conn:
        due = panoramas.list_due(conn, parts.clock.now())
    for placement_id in due:
        with parts.db.write() as conn:
            if panoramas.drop(conn, placement_id):
                parts.ledger.append(conn, acts.panorama_erased(placement_id))
    return len(due)
