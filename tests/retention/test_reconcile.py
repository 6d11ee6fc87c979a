"""Disk, rows and keys compared: what was put back is erased again, what was taken away is an incident."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from retention.reconcile import erase_overdue, reconcile
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.retention.town import LIMITS, Recorded, Town
from vms.db import inventory, segments
from vms.errors import IntegrityLost
from vms.footage.keys import FileKeyring
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import HoldId, PlacementId, SegmentState, hour_of

P0 = PlacementId("p0")


def age(town: Town, span: timedelta) -> None:
    """Let time pass with a sweep every half day."""
    end_at = town.clock.now() + span
    while town.clock.now() < end_at:
        town.clock.advance(min(timedelta(hours=12), end_at - town.clock.now()))
        run_sweep(town.parts, LIMITS)


def state_of(town: Town, item: Recorded) -> SegmentState:
    """Return the state of a segment's row."""
    with town.db.read() as conn:
        return segments.get(conn, item.ref.placement_id, item.ref.number or 0).state


def acts_of(town: Town, act: Act) -> int:
    """Return how many entries of an act there are."""
    with town.db.read() as conn:
        return len(search(conn, Filter(acts=(act,))))


def test_a_healthy_town_has_no_findings(town: Town) -> None:
    """Because an alarm that always rings is no alarm."""
    town.record(P0)
    town.record(PlacementId("p1"))
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).is_clean


def test_a_missing_file_is_damage_with_an_entry_and_is_still_erased_on_time(town: Town) -> None:
    """Because somebody removed evidence, and the law's term runs all the same."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    town.store.path(item.ref).unlink()
    findings = reconcile(town.parts, KEEP_FOR, town.clock.now())
    assert findings.damaged == [(P0, 1)]
    assert state_of(town, item) is SegmentState.DAMAGED
    assert acts_of(town, Act.REC_DAMAGED) == 1
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).is_clean
    age(town, timedelta(days=28))
    assert state_of(town, item) is SegmentState.DESTROYED


def test_a_file_of_another_length_is_damage(town: Town) -> None:
    """Because a cut file would be found only when somebody needs it."""
    item = town.record(P0)
    path = town.store.path(item.ref)
    path.write_bytes(path.read_bytes()[:-1])
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).damaged == [(P0, 1)]


def test_a_segment_whose_key_is_gone_is_damage(town: Town) -> None:
    """Because a lost keyring looks like footage until somebody presses play."""
    item = town.record(P0)
    town.keys.destroy_hour(hour_of(item.span.start_at))
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).damaged == [(P0, 1)]


def test_an_erased_file_that_is_put_back_is_erased_again(town: Town) -> None:
    """Because a restored folder must not bring a month back."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    copy = town.folder / "copy"
    shutil.copyfile(town.store.path(item.ref), copy)
    age(town, timedelta(days=28))
    shutil.copyfile(copy, town.store.path(item.ref))
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).erased_files == [town.store.path(item.ref).name]
    assert not town.store.has_any(item.ref)
    assert acts_of(town, Act.ORPHAN_ERASED) == 1


def test_a_file_without_row_waits_until_it_would_be_due(town: Town) -> None:
    """Because it may be footage whose row a restored database has lost; nobody can watch it meanwhile."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    orphan = replace(item.ref, number=77)
    shutil.copyfile(town.store.path(item.ref), town.store.path(orphan))
    findings = reconcile(town.parts, KEEP_FOR, town.clock.now())
    assert findings.is_clean
    assert findings.waiting_files == [town.store.path(orphan).name]
    town.clock.advance(KEEP_FOR)
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).erased_files == [town.store.path(orphan).name]


def test_a_strange_file_is_reported_and_left_alone(town: Town) -> None:
    """Because what is none of ours is not ours to erase."""
    strange = town.store.folder / "p0" / "notes.txt"
    strange.parent.mkdir(exist_ok=True)
    strange.write_text("hello", encoding="ascii")
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).strange_files == [str(strange)]
    assert strange.exists()


def test_a_whole_old_copy_put_back_stays_unreadable(town: Town) -> None:
    """Because backups of database, footage and keyring exist, whatever the rules say."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    with town.db.read() as conn:
        old_wrap = segments.get(conn, P0, 1).wrapped_key
    assert old_wrap is not None
    shutil.copytree(town.folder / "footage", town.folder / "old-footage")
    shutil.copyfile(town.folder / "keys" / "keyring", town.folder / "old-keyring")
    age(town, timedelta(days=29))
    shutil.copytree(town.folder / "old-footage", town.folder / "footage", dirs_exist_ok=True)
    shutil.copyfile(town.folder / "old-keyring", town.folder / "keys" / "keyring")
    try:
        FileKeyring(town.folder / "keys").unwrap(hour_of(item.span.start_at), old_wrap)
    except IntegrityLost:
        return
    raise AssertionError("the old keyring must not open")


def test_the_key_of_a_hold_that_is_over_is_destroyed(town: Town) -> None:
    """Because a key that nobody accounts for opens what nobody knows of."""
    town.keys.new_hold_key(HoldId("h-of-nobody"))
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).ended_keys == ["hold h-of-nobody"]
    assert town.keys.holds() == frozenset()


class _KeyringWhileAHoldIsPlaced(FileKeyring):
    """A keyring in which, whenever somebody lists its holds, another process places one just before."""

    def __init__(self, keys_dir: Path, place: Callable[[], object]) -> None:
        super().__init__(keys_dir)
        self._place = place

    def holds(self) -> frozenset[HoldId]:
        """Place a hold, then list."""
        self._place()
        return super().holds()


def test_a_hold_that_is_placed_while_keys_are_compared_keeps_its_key(town: Town) -> None:
    """Because with the key would go the footage, as soon as its hour's key dies."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    keys = _KeyringWhileAHoldIsPlaced(
        town.folder / "keys", lambda: town.hold_spans or town.place(town.request(item.span, P0))
    )
    assert reconcile(replace(town.parts, keys=keys), KEEP_FOR, town.clock.now()).ended_keys == []
    (hold_id,) = town.hold_spans
    assert town.keys.has_hold(hold_id)
    age(town, timedelta(days=40))
    town.check_promises(swept=True)


def test_the_key_of_an_hour_without_row_dies_when_it_is_due(town: Town) -> None:
    """Because a recorder that crashed before its first row has left one."""
    town.keys.new_segment_key(hour_of(town.clock.now()))
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).is_clean
    town.clock.advance(KEEP_FOR + timedelta(hours=1))
    assert len(reconcile(town.parts, KEEP_FOR, town.clock.now()).ended_keys) == 1
    assert town.keys.hours() == frozenset()


def test_a_package_without_its_hold_is_erased(town: Town) -> None:
    """Because an export is a copy of footage like any other."""
    package = town.store.folder / "exports" / "e-1.vpkg"
    package.parent.mkdir()
    package.write_bytes(b"cipher text")
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).erased_files == ["exports/e-1"]
    assert not package.exists()
    assert acts_of(town, Act.EXPORT_ERASED) == 1


def test_what_is_overdue_is_erased_and_what_is_held_stays(town: Town) -> None:
    """Because the quick look meets the held files of old days, and only those."""
    held = town.record(P0)
    town.place(town.request(held.span, P0))
    orphan = replace(held.ref, number=77)
    shutil.copyfile(town.store.path(held.ref), town.store.path(orphan))
    age(town, timedelta(days=30))
    assert erase_overdue(town.parts, KEEP_FOR, town.clock.now()).erased_files == [town.store.path(orphan).name]
    assert acts_of(town, Act.ORPHAN_ERASED) == 1
    town.check_promises(swept=True)


def test_nothing_unheld_is_left_is_what_the_metric_says(town: Town) -> None:
    """Because the health page shows one figure, and it must be the right one."""
    old = town.record(P0)
    town.clock.advance(timedelta(hours=1))
    young = town.record(P0)
    with town.db.read() as conn:
        assert inventory.oldest_unheld_at(conn) == old.span.start_at
    town.place(town.request(old.span, P0))
    with town.db.read() as conn:
        assert inventory.oldest_unheld_at(conn) == young.span.start_at
