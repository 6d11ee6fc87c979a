"""Landmarks of a fixed camera at rest: small pictures with masks greyed, several of them, under the key of the oldest one's hour."""

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from blanking.fixed_view.measure import Floats
from blanking.fixed_view.reduced_view import Luma
from vms.db.rechecks import StoredLandmarks
from vms.footage.keys import KeyService
from vms.footage.sealed import Sealed, seal, unseal
from vms.model import PlacementId, hour_of

_LENGTH: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True, eq=False)
class KeptView:
    """One reference at rest.

    Args:
        token: names it.
        luma: the reduced picture, masks greyed.
        moved: 3 x 3, from the approved view to this one.
        generation: how many references lie between.
    """

    token: str
    taken_at: datetime
    luma: Luma
    moved: Floats
    generation: int


def seal_views(
    keys: KeyService, placement_id: PlacementId, key: str, views: Sequence[KeptView], keep_for: timedelta
) -> StoredLandmarks:
    """Return the row. It is due when the oldest of them is, and dies with that one's hour."""
    oldest_at = min(one.taken_at for one in views)
    sealed = seal(keys, hour_of(oldest_at), _context(placement_id, key, oldest_at), _packed(views))
    return StoredLandmarks(
        placement_id, key, oldest_at, oldest_at + keep_for, sealed.hour_at, sealed.wrapped_key, sealed.data
    )


def open_views(keys: KeyService, stored: StoredLandmarks) -> list[KeptView]:
    """Return what a row holds.

    Raises:
        VmsError: its key is gone or can't be had, or it is not what was written.
        ValueError, KeyError, struct.error, zlib.error: it can't be read.
    """
    context = _context(stored.placement_id, stored.model, stored.taken_at)
    data = unseal(keys, Sealed(stored.hour_at, stored.wrapped_key, stored.sealed), context)
    (length,) = _LENGTH.unpack_from(data)
    head: list[Mapping[str, Any]] = json.loads(data[4 : 4 + length])
    at, views = 4 + length, []
    for one in head:
        pixels = np.frombuffer(zlib.decompress(data[at : at + one["bytes"]]), np.uint8)
        at += one["bytes"]
        views.append(
            KeptView(
                str(one["token"]),
                datetime.fromisoformat(one["taken_at"]),
                pixels.reshape(one["size_px"]).copy(),
                np.array(one["moved"], dtype=np.float64),
                int(one["generation"]),
            )
        )
    return views


def _packed(views: Sequence[KeptView]) -> bytes:
    bodies = [zlib.compress(np.ascontiguousarray(one.luma).tobytes(), 6) for one in views]
    head = json.dumps(
        [
            {
                "token": one.token,
                "taken_at": one.taken_at.isoformat(),
                "size_px": one.luma.shape,
                "moved": one.moved.tolist(),
                "generation": one.generation,
                "bytes": len(body),
            }
            for one, body in zip(views, bodies, strict=True)
        ]
    ).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *bodies])


def _context(placement_id: PlacementId, key: str, taken_at: datetime) -> bytes:
    return f"landmarks|{placement_id}|{key}|{taken_at.isoformat()}".encode()
