"""What somebody who trusts nobody can check: the ledger's words against the disk, and what a thief's copies are worth.

The thief copies every wrapped key that ever stood in the database. The oracle reads the ledger, the folders and those copies; of the
database's own states it believes none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select

from retention.holds import HoldRequest
from tests.footage.scene import KEEP_FOR
from tests.retention.town import Recorded, Town
from vms.db.tables import hold_segment, segment
from vms.footage.keys import undecryptable
from vms.footage.store import SegmentRef
from vms.ledger.acts import Act
from vms.ledger.search import StoredEntry, run
from vms.model import RETENTION_CEILING, HoldId, PlacementId

Number = tuple[PlacementId, int]


@dataclass
class Told:
    """What the ledger says is going to be destroyed, when it was, and what is older than its stamps say, and by how much."""

    intended: set[Number] = field(default_factory=set)
    done: dict[Number, datetime] = field(default_factory=dict)
    cut: dict[Number, timedelta] = field(default_factory=dict)


class Outsider:
    """Copies what can be copied, and looks whether the promises hold."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.hour_wraps: dict[Number, set[tuple[datetime, bytes]]] = {}
        self.hold_wraps: dict[Number, set[tuple[HoldId, bytes]]] = {}

    def steal(self) -> None:
        """Copy every wrapped key that stands in the database now."""
        with self.town.db.read() as conn:
            own = select(segment.c.placement_id, segment.c.number, segment.c.hour_at, segment.c.wrapped_key)
            for row in conn.execute(own.where(segment.c.wrapped_key.is_not(None))):
                copies = self.hour_wraps.setdefault((PlacementId(row.placement_id), row.number), set())
                copies.add((row.hour_at, bytes(row.wrapped_key)))
            kept = select(
                hold_segment.c.placement_id, hold_segment.c.number, hold_segment.c.hold_id, hold_segment.c.wrapped_key
            )
            for row in conn.execute(kept.where(hold_segment.c.wrapped_key.is_not(None))):
                held = self.hold_wraps.setdefault((PlacementId(row.placement_id), row.number), set())
                held.add((HoldId(row.hold_id), bytes(row.wrapped_key)))

    def check(self, *, swept: bool, unanswered: Iterable[HoldRequest] = ()) -> None:
        """Assert that ledger, disk and copies tell the same.

        Args:
            swept: whether everything due has had its sweep.
            unanswered: requests that crashed: what they cover may be held or not.
        """
        asked = list(unanswered)
        told = self._read_ledger()
        for item in self.town.recorded:
            self._check_recorded(item, told, swept=swept, asked=asked)
        if swept:
            self._check_files(asked)
            self._check_keys()

    def _check_recorded(
        self,
        item: Recorded,
        told: "Told",
        *,
        swept: bool,
        asked: list[HoldRequest],
    ) -> None:
        intended, done = told.intended, told.done
        key = (item.ref.placement_id, item.ref.number or 0)
        is_there = self.town.store.has_any(item.ref)
        assert key in intended or self.town.readable(item), f"{key} is unreadable and no intent is in the ledger"
        if key in done:
            assert not is_there, f"{key} is destroyed by the ledger, and its file is there"
            assert not item.holds, f"{key} is destroyed by the ledger, and held"
            is_old = done[key] - item.span.start_at + told.cut.get(key, timedelta(0)) >= KEEP_FOR
            assert is_old or item in self.town.unwanted, f"{key} was destroyed too early"
        elif swept:
            age = self.town.true_now - item.true_at
            may_be_held = any(_covers(request, item.ref) for request in asked)
            if self.town.ahead:
                may_be_held |= any(item.span.overlaps(span) for span, _ in self.town.hold_spans.values())
            assert is_there, f"{key} has no file, and the ledger does not say that it is destroyed"
            assert item.holds or may_be_held or age <= RETENTION_CEILING, f"{key}: neither destroyed, held nor young"
        hour_age = self.town.clock.now() - item.ref.start_at.replace(minute=0, second=0, microsecond=0)
        if swept and key in done and hour_age > RETENTION_CEILING:
            hours = [partial(self.town.keys.unwrap, *copy) for copy in self.hour_wraps.get(key, ())]
            holds = [partial(self.town.keys.unwrap_for_hold, *copy) for copy in self.hold_wraps.get(key, ())]
            assert undecryptable([*hours, *holds]), f"{key} is destroyed, and a copied key still opens"

    def _check_files(self, asked: list[HoldRequest]) -> None:
        """No file is past its time but what a hold may want; a segment that was never sealed has no end, and counts as long."""
        now = self.town.clock.now()
        spans = [(span, ids) for span, ids in self.town.hold_spans.values()]
        spans += [(request.span, frozenset(request.placement_ids)) for request in asked]
        for placement_id in self.town.store.placements():
            for day in self.town.store.days(placement_id):
                for stored in self.town.store.files_of_day(placement_id, day):
                    begun_at = stored.ref.start_at
                    wanted = any(placement_id in ids and begun_at < span.end_at for span, ids in spans)
                    assert wanted or now - begun_at <= RETENTION_CEILING, f"{stored.path.name} outlived its time"

    def _check_keys(self) -> None:
        """No hour key outlives its time, and there is one root key: whatever copy of an older keyring stays shut."""
        for hour_at in self.town.keys.hours():
            assert self.town.clock.now() - hour_at <= RETENTION_CEILING, f"the key of {hour_at} outlived its time"
        assert len(list((self.town.folder / "keys").glob("root-*"))) == 1, "a dead root key is left"

    def _read_ledger(self) -> "Told":
        """Verify the ledger; return what it says."""
        with self.town.db.read() as conn:
            size, _ = self.town.parts.ledger.verify_all(conn)
            entries = run(conn, 0, size)
        told = Told()
        intended, done = told.intended, told.done
        keys_intended: set[str] = set()
        asked: dict[str, str] = {}
        approved: set[str] = set()
        for entry in entries:
            words = entry.document["obj"]
            if "early_id" in words and entry.act in {Act.DESTROY_INTENT, Act.DESTROY_DONE}:
                assert words["early_id"] in approved, f"early without two persons: {words}"
            if entry.act is Act.EARLY_REQUEST:
                asked[words["early_id"]] = entry.document["actor"]["id"]
            elif entry.act is Act.EARLY_APPROVE:
                assert asked[words["early_id"]] != entry.document["actor"]["id"], "approved by who asked"
                approved.add(words["early_id"])
            elif entry.act in {Act.TERM_SHORTEN, Act.TERM_RESTORE}:
                by_s = words["by_s"] if entry.act is Act.TERM_SHORTEN else -words["by_s"]
                for key in _numbers(entry):
                    told.cut[key] = told.cut.get(key, timedelta(0)) + timedelta(seconds=by_s)
            elif entry.act is Act.DESTROY_INTENT:
                intended.update(_numbers(entry))
            elif entry.act is Act.DESTROY_DONE:
                for key in _numbers(entry):
                    assert key in intended, f"{key} was destroyed without an intent"
                    assert key not in done, f"{key} was destroyed twice"
                    done[key] = entry.at
            elif entry.act in {Act.KEY_INTENT, Act.HOLD_RELEASE}:
                keys_intended.add(words.get("hour") or words["hold_id"])
            elif entry.act is Act.KEY_DESTROYED:
                assert (words.get("hour") or words["hold_id"]) in keys_intended, (
                    f"a key died without an intent: {words}"
                )
        return told


def _numbers(entry: StoredEntry) -> Iterable[Number]:
    words = entry.document["obj"]
    for first, last in words["segments"]:
        for number in range(first, last + 1):
            yield PlacementId(words["placement_id"]), number


def _covers(request: HoldRequest, ref: SegmentRef) -> bool:
    return ref.placement_id in request.placement_ids and ref.start_at < request.span.end_at
