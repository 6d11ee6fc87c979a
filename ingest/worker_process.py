"""One placement's worker as a process: hardened, alone with its camera, the one recorder that counts."""

import os
import threading

from ingest.adopted import WorkerWords, generation
from ingest.hardening import harden
from ingest.parts import IngestParts
from ingest.record_permit import require_permit
from ingest.session_lock import SessionLock
from ingest.steady_clock import steadied
from ingest.takeover import take_over
from ingest.worker import Worker
from vms.bus.channel import PlacementChannel
from vms.db import placements
from vms.heartbeat import Heartbeat
from vms.model import PlacementId


def run_worker(
    parts: IngestParts,
    placement_id: PlacementId,
    stop: threading.Event,
    heartbeat: Heartbeat,
    *,
    has_node: bool = False,
) -> None:
    """Record and show one placement until told to stop.

    Args:
        heartbeat: beats as long as this worker gets on.
        has_node: whether a node started this process; the next one may adopt it.

    Raises:
        Conflict: another process serves this camera.
        NotFound: there is no such placement.
        Denied: no decision allows recording there now; what an earlier recorder left open is sealed.
        VmsError: what made it impossible to go on; all threads have ended, the recorder has sealed what it could.
    """
    harden()
    with parts.db.read() as conn:
        placement = placements.get(conn, placement_id)
    words = WorkerWords(os.getpid(), placement_id, generation(parts.settings, placement.camera), has_node)
    lock = SessionLock(parts.settings.run, placement.camera.id, words.to_bytes())
    try:
        epoch = take_over(parts, placement_id)
        require_permit(placement.law, steadied(parts).now(), placement_id)
        channel = PlacementChannel(parts.settings.run, placement_id).start()
        try:
            Worker(parts, placement, epoch, channel, stop).run(heartbeat)
        finally:
            channel.close()
    finally:
        lock.close()
