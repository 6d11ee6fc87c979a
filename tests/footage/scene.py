"""A street with one camera, for tests of footage: database rows, keys, store, ledger, and packets of a real encoder."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from vms.clock import ManualClock
from vms.db import cameras, designations, placements, plans, users
from vms.db.cameras import Camera
from vms.db.designations import Designation
from vms.db.engine import Database
from vms.db.placements import Area, NewPlacement
from vms.db.users import Account
from vms.footage.keys import FileKeyring, KeyService
from vms.footage.nal import Codec
from vms.footage.playback import FootageReader
from vms.footage.recorder import Packet, RecorderPlan, SegmentRecorder
from vms.footage.store import FootageStore
from vms.ledger.log import Ledger
from vms.model import CameraId, CameraKind, PlacementId, SegmentMode, UserId

KEEP_FOR = timedelta(days=28) - timedelta(hours=2)
YEAR = timedelta(days=365)
"""For so long the camera has been there: tests set clocks back by weeks."""
DRAWER, APPROVER, INVESTIGATOR = UserId("u-draws"), UserId("u-approves"), UserId("u-investigates")


@cache
def encoded(codec: Codec, width: int, height: int, frames: int, gop: int) -> tuple[tuple[bytes, bool], ...]:
    """Return access units of a real encoder: a moving bar, `gop` frames between keyframes."""
    name = "libx264" if codec == "h264" else "libx265"
    context = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.gop_size, context.max_b_frames = Fraction(1, 25), gop, 0
    quiet = {"x265-params": f"log-level=none:repeat-headers=1:keyint={gop}:min-keyint={gop}:scenecut=0"}
    context.options = {"preset": "ultrafast", "tune": "zerolatency"} | (
        quiet if codec == "h265" else {"sc_threshold": "0"}
    )
    units = []
    for number in range(frames):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height, (number * 4) % width : (number * 4) % width + 8] = 200
        frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts = number
        units += [(bytes(packet), packet.is_keyframe) for packet in context.encode(frame)]
    units += [(bytes(packet), packet.is_keyframe) for packet in context.encode(None)]
    return tuple(units)


def packets(
    start_at: datetime,
    seconds: float,
    *,
    fps: int = 25,
    gop: int = 25,
    codec: Codec = "h264",
    width: int = 64,
    height: int = 48,
) -> Iterator[Packet]:
    """Yield packets as a camera would send them."""
    units = encoded(codec, width, height, gop * 4, gop)
    for number in range(round(seconds * fps)):
        data, is_keyframe = units[number % len(units)]
        yield Packet(data, start_at + timedelta(seconds=number / fps), is_keyframe, width, height, codec)


def add_placement(db: Database, clock: ManualClock, name: str, hung_before: timedelta = YEAR) -> PlacementId:
    """Place a camera with an approved plan; so long before now that clocks may be set back."""
    placement_id, now = PlacementId(name), clock.now()
    with db.write() as conn:
        cameras.add(
            conn, Camera(CameraId(f"cam-{name}"), name, CameraKind.FIXED, "rtsp://x", "tcp", None, "u", b"p", now)
        )
        placements.add(conn, NewPlacement(placement_id, CameraId(f"cam-{name}"), "d1", name, now - hung_before))
        plans.add_draft(conn, placement_id, document=None, reason="test", drawn_by=DRAWER, drawn_at=now)
        plans.approve(conn, placement_id, 1, approved_by=APPROVER, approved_at=now)
    return placement_id


def add_town(db: Database, clock: ManualClock) -> None:
    """Add an area, its designation and three people."""
    now = clock.now()
    with db.write() as conn:
        placements.add_area(conn, Area("a1", "Centre"))
        designations.add(conn, Designation("d1", "a1", "1", "151c", now - YEAR, now + timedelta(days=400)))
        for user in (DRAWER, APPROVER, INVESTIGATOR):
            users.add(conn, Account(user, user, user, "x", "nl", now))


@dataclass
class Scene:
    """Everything that a recorder needs."""

    db: Database
    clock: ManualClock
    keys: KeyService
    store: FootageStore
    ledger: Ledger
    placement_id: PlacementId

    @classmethod
    def make(cls, db: Database, clock: ManualClock, folder: Path) -> "Scene":
        """Return a scene whose files lie below a folder."""
        add_town(db, clock)
        placement_id = add_placement(db, clock, "markt")
        return cls(
            db,
            clock,
            FileKeyring(folder / "keys"),
            FootageStore(folder / "footage"),
            Ledger("test.example/log", clock),
            placement_id,
        )

    @property
    def reader(self) -> FootageReader:
        """A reader on it."""
        return FootageReader(self.db, self.keys, self.store)

    def take_over(self) -> int:
        """Become the recorder."""
        with self.db.write() as conn:
            return placements.take_over(conn, self.placement_id)

    def recorder(self, *, epoch: int | None = None, in_background: bool = False) -> SegmentRecorder:
        """Return a recorder of the next epoch, or of a given one."""
        return SegmentRecorder(
            self.placement_id,
            self.take_over() if epoch is None else epoch,
            db=self.db,
            keys=self.keys,
            store=self.store,
            ledger=self.ledger,
            clock=self.clock,
            plan=RecorderPlan(KEEP_FOR, SegmentMode.COPIED, 1),
            in_background=in_background,
        )
