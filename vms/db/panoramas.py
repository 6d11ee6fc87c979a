"""Panoramas: one a placement, as the worker last stored it; what is in it is encrypted."""

from dataclasses import dataclass, field
from datetime import datetime

from vms.db.derived import Shelf
from vms.db.tables import panorama
from vms.model import PlacementId


@dataclass(frozen=True, slots=True)
class StoredPanorama:
    """A panorama at rest.

    Args:
        plan_version: the plan whose masks are greyed in it.
        begun_at: the oldest picture that can be in it.
        hour_at: the clock hour whose key wraps its key.
        sealed: cipher text.
    """

    placement_id: PlacementId
    plan_version: int
    begun_at: datetime
    made_at: datetime
    due_at: datetime
    hour_at: datetime
    wrapped_key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


_SHELF = Shelf(panorama, StoredPanorama)
store, find, drop, list_due = _SHELF.store, _SHELF.find, _SHELF.drop, _SHELF.list_due
