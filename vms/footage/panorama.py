"""A panorama at rest: compressed, encrypted like footage, its key wrapped by the key of the hour in which it was begun.

With that hour key it becomes unreadable, wherever copies of the database are (docs/erasing.md).
"""

import json
import struct
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from vms.db.panoramas import StoredPanorama
from vms.errors import IntegrityLost
from vms.footage.keys import KeyService
from vms.footage.sealed import Sealed, seal, unseal
from vms.model import PlacementId, hour_of

_LENGTH: Final = struct.Struct(">I")
_LARGEST_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PlainPanorama:
    """A panorama as it is shown.

    Args:
        step_deg: width and height of a cell.
        left_deg, top_deg: azimuth and elevation of the top left corner.
        rgb: rows * columns * 3 bytes; grey where masked or never seen.
        seen: rows * columns bytes, 1 where something was ever shown.
    """

    columns: int
    rows: int
    step_deg: float
    left_deg: float
    top_deg: float
    rgb: bytes = field(repr=False)
    seen: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.rgb) != self.columns * self.rows * 3 or len(self.seen) != self.columns * self.rows:
            raise ValueError("a panorama has three bytes a cell, and one that says whether it was seen")


def sealed_panorama(
    keys: KeyService,
    plain: PlainPanorama,
    *,
    placement_id: PlacementId,
    plan_version: int,
    begun_at: datetime,
    made_at: datetime,
    due_at: datetime,
) -> StoredPanorama:
    """Return the row to store."""
    head = json.dumps(
        {
            "columns": plain.columns,
            "rows": plain.rows,
            "step_deg": plain.step_deg,
            "left_deg": plain.left_deg,
            "top_deg": plain.top_deg,
        }
    ).encode()
    packed = zlib.compress(_LENGTH.pack(len(head)) + head + plain.rgb + plain.seen, 6)
    sealed = seal(keys, hour_of(begun_at), _context(placement_id, plan_version, begun_at), packed)
    return StoredPanorama(
        placement_id, plan_version, begun_at, made_at, due_at, sealed.hour_at, sealed.wrapped_key, sealed.data
    )


def opened_panorama(keys: KeyService, stored: StoredPanorama) -> PlainPanorama:
    """Return what a row holds.

    Raises:
        NotFound: its hour key is gone.
        IntegrityLost: it is not what was written.
    """
    context = _context(stored.placement_id, stored.plan_version, stored.begun_at)
    packed = unseal(keys, Sealed(stored.hour_at, stored.wrapped_key, stored.sealed), context)
    try:
        data = zlib.decompressobj().decompress(packed, _LARGEST_BYTES)
        (length,) = _LENGTH.unpack_from(data)
        head = json.loads(data[4 : 4 + length])
        cells = head["columns"] * head["rows"]
        body = data[4 + length :]
        return PlainPanorama(**head, rgb=body[: 3 * cells], seen=body[3 * cells :])
    except (zlib.error, struct.error, ValueError, KeyError, TypeError) as error:
        raise IntegrityLost(f"the panorama of {stored.placement_id} is broken", code="panorama.broken") from error


def _context(placement_id: PlacementId, plan_version: int, begun_at: datetime) -> bytes:
    return f"panorama|{placement_id}|{plan_version}|{begun_at.isoformat()}".encode()
