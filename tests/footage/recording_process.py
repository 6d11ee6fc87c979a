"""A recorder in a process of its own, to be killed: writes the instant of each picture once it was appended.

Arguments: database address, folder, placement, pictures a second, bytes to pad each picture with.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.footage.scene import KEEP_FOR, packets
from vms.clock import SystemClock
from vms.db import placements
from vms.db.engine import Database
from vms.footage.keys import FileKeyring
from vms.footage.recorder import Packet, RecorderPlan, SegmentRecorder
from vms.footage.store import FootageStore
from vms.ledger.log import Ledger
from vms.model import PlacementId, SegmentMode

url, folder, placement_id, fps, padding = sys.argv[1:]
clock, db = SystemClock(), Database(url)
with db.write() as conn:
    epoch = placements.take_over(conn, PlacementId(placement_id))
recorder = SegmentRecorder(
    PlacementId(placement_id),
    epoch,
    db=db,
    keys=FileKeyring(Path(folder) / "keys"),
    store=FootageStore(Path(folder) / "footage"),
    ledger=Ledger("test.example/log", clock),
    clock=clock,
    plan=RecorderPlan(KEEP_FOR, SegmentMode.COPIED, 1),
)
# Supplemental enhancement information that every decoder skips makes the picture as large as we like.
filler = b"\x00\x00\x00\x01\x06\x05" + b"\x55" * int(padding)
for picture in packets(datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC), 600, fps=int(fps)):
    data = picture.data + filler if int(padding) else picture.data
    recorder.append(
        Packet(data, picture.captured_at, picture.is_keyframe, picture.width, picture.height, picture.codec)
    )
    sys.stdout.write(f"{(picture.captured_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)}\n")
    sys.stdout.flush()
