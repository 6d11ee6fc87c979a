"""Become a placement's recorder, or finish what its last one left when there will be no other."""

from ingest.parts import IngestParts
from ingest.steady_clock import steadied
from vms.db import placements
from vms.footage.repair import repair_open_segments
from vms.heartbeat import StalledMark
from vms.model import GapCause, PlacementId


def take_over(parts: IngestParts, placement_id: PlacementId) -> int:
    """Fence off every older recorder, before the first byte, and finish what they left open.

    Returns:
        The epoch to record under.

    Raises:
        NotFound: there is no such placement.
        Fenced: yet another recorder has taken over.
        Unavailable: database or disk do not answer, or there is no room; nothing is lost, try again.
    """
    stalled = StalledMark(parts.settings.run, placement_id)
    with parts.db.write() as conn:
        epoch = placements.take_over(conn, placement_id)
    repair_open_segments(
        db=parts.db,
        keys=parts.keys,
        store=parts.store,
        ledger=parts.ledger,
        clock=steadied(parts),
        placement_id=placement_id,
        epoch=epoch,
        crash=GapCause.WORKER_STALLED if stalled.is_set() else GapCause.WORKER_CRASHED,
    )
    stalled.clear()
    return epoch
