"""The keyring: keys live in one place, die for good, and a crash at any step leaves it readable."""

import shutil
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.retention.crashes import Moments
from vms.errors import IntegrityLost, NotFound
from vms.footage.keys import FileKeyring
from vms.model import HoldId

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)


def test_a_segment_key_opens_by_its_hour_only(tmp_path: Path) -> None:
    """Because the hour decides when it dies."""
    ring = FileKeyring(tmp_path)
    key = ring.new_segment_key(HOUR)
    ring.new_segment_key(NEXT)
    assert ring.unwrap(HOUR, key.wrapped) == key.plain
    with pytest.raises(IntegrityLost):
        ring.unwrap(NEXT, key.wrapped)
    assert ring.hours() == {HOUR, NEXT}


def test_another_instance_sees_a_key_and_its_death_at_once(tmp_path: Path) -> None:
    """Because recorder, API and retention are processes of their own."""
    one, other = FileKeyring(tmp_path), FileKeyring(tmp_path)
    key = one.new_segment_key(HOUR)
    assert other.unwrap(HOUR, key.wrapped) == key.plain
    other.destroy_hour(HOUR)
    with pytest.raises(NotFound):
        one.unwrap(HOUR, key.wrapped)


def test_a_copy_of_the_old_keyring_does_not_open_any_more(tmp_path: Path) -> None:
    """Because backups and snapshots keep copies that we do not know of."""
    ring = FileKeyring(tmp_path / "keys")
    key = ring.new_segment_key(HOUR)
    shutil.copyfile(tmp_path / "keys" / "keyring", tmp_path / "old")
    ring.destroy_hour(HOUR)
    shutil.copyfile(tmp_path / "old", tmp_path / "keys" / "keyring")
    with pytest.raises(IntegrityLost):
        FileKeyring(tmp_path / "keys").unwrap(HOUR, key.wrapped)


def test_no_file_of_the_folder_holds_a_key_in_the_clear_save_the_root(tmp_path: Path) -> None:
    """Because the ring is what leaks into copies."""
    ring = FileKeyring(tmp_path)
    key = ring.new_segment_key(HOUR)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.plain not in content
    assert len(list(tmp_path.glob("root-*"))) == 1
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_crash_at_any_step_leaves_every_other_key_readable_and_can_be_finished(tmp_path: Path) -> None:
    """Because a keyring that is lost is a month of footage lost."""
    moments = Moments()
    at = 0
    while True:
        at += 1
        folder = tmp_path / f"at-{at}"
        ring = FileKeyring(folder)
        kept, dying = ring.new_segment_key(NEXT), ring.new_segment_key(HOUR)
        with moments.crash(at):
            ring.destroy_hour(HOUR)
        after = FileKeyring(folder)
        assert after.unwrap(NEXT, kept.wrapped) == kept.plain
        after.destroy_hour(HOUR)
        with pytest.raises(NotFound):
            after.unwrap(HOUR, dying.wrapped)
        assert len(list(folder.glob("root-*"))) == 1
        if moments.passed < at:
            break
    assert at > 8, "there must have been steps to crash at"


def test_a_crash_while_a_key_is_made_loses_no_other(tmp_path: Path) -> None:
    """Because a key is made every hour, at full load."""
    moments = Moments()
    for at in range(1, 8):
        ring = FileKeyring(tmp_path / str(at))
        kept = ring.new_segment_key(HOUR)
        with moments.crash(at):
            ring.new_hold_key(HoldId("h-1"))
        after = FileKeyring(tmp_path / str(at))
        after.new_hold_key(HoldId("h-1"))
        assert after.unwrap(HOUR, kept.wrapped) == kept.plain
        wrapped = after.wrap_for_hold(HoldId("h-1"), kept.plain)
        assert after.unwrap_for_hold(HoldId("h-1"), wrapped) == kept.plain


def make_and_destroy(ring: FileKeyring, number: int, steps: int) -> None:
    """Make keys of hours that no other process uses, and destroy every second one."""
    for step in range(steps):
        hour_at = HOUR + timedelta(hours=number * 100 + step)
        key = ring.new_segment_key(hour_at)
        assert ring.unwrap(hour_at, key.wrapped) == key.plain
        if step % 2:
            ring.destroy_hour(hour_at)


def _make_and_destroy(folder: str, number: int) -> None:
    make_and_destroy(FileKeyring(Path(folder)), number, 10)


@pytest.mark.processes
def test_processes_make_and_destroy_keys_at_once_without_losing_one(tmp_path: Path) -> None:
    """Because every recorder makes the next hour's key in the same second."""
    context = get_context("spawn")
    workers = [context.Process(target=_make_and_destroy, args=(str(tmp_path), number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert len(FileKeyring(tmp_path).hours()) == 20


def test_a_missing_root_key_is_an_alarm_not_a_fresh_keyring(tmp_path: Path) -> None:
    """Because a silent fresh start would make all footage unreadable and look healthy."""
    FileKeyring(tmp_path).new_segment_key(HOUR)
    next(tmp_path.glob("root-*")).unlink()
    with pytest.raises(IntegrityLost):
        FileKeyring(tmp_path)
