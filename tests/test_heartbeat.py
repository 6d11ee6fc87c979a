"""Beats: what makes a process count as stalled, and what never may."""

import os
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from vms.clock import ManualClock
from vms.heartbeat import STALLED_AFTER_S, Heartbeat, HeartbeatWatch, beat_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a process beats."""
    return beat_file(tmp_path / "run", "worker-one")


def looked(watch: HeartbeatWatch, clock: ManualClock, seconds: float, beat: Heartbeat | None = None) -> bool:
    """Let time pass in the steps of a supervisor; return whether the process counted as stalled at any of them."""
    found = False
    for _ in range(round(seconds * 2)):
        clock.advance(timedelta(seconds=0.5))
        if beat is not None:
            beat.beat()
        found = watch.is_stalled() or found
    return found


def test_a_process_that_beats_no_more_is_stalled_in_time(path: Path, clock: ManualClock) -> None:
    """Twelve seconds, so that with its next start the gap stays under twenty."""
    watch, heart = HeartbeatWatch(path, clock), Heartbeat(path, clock)
    assert not looked(watch, clock, 60, heart)
    assert not looked(watch, clock, STALLED_AFTER_S - 1)
    assert looked(watch, clock, 1.5)


def test_a_process_that_is_being_ended_beats_whatever_its_loops_do(path: Path, clock: ManualClock) -> None:
    """Closing a segment on a slow disk takes longer than a loop may: it must not be killed in the middle of it."""
    watch, heart = HeartbeatWatch(path, clock), Heartbeat(path, clock)
    heart.watch("pictures", 5.0)
    heart.end_watches()
    assert not looked(watch, clock, 60, heart)


def test_a_process_that_never_beat_is_not_stalled(path: Path, clock: ManualClock) -> None:
    """A volume that is full, or a start that takes long, must not become a loop of kills."""
    assert not looked(HeartbeatWatch(path, clock), clock, 600)
    path.parent.parent.mkdir()
    path.parent.write_text("no folder", encoding="ascii")
    heart, watch = Heartbeat(path, clock), HeartbeatWatch(path, clock)
    assert not looked(watch, clock, 600, heart)


def test_beats_of_an_earlier_process_do_not_count(path: Path, clock: ManualClock) -> None:
    """The file that a killed one left would have its successor killed before it can beat."""
    Heartbeat(path, clock).beat()
    watch = HeartbeatWatch(path, clock)
    assert looked(watch, clock, 20)
    watch.forget()
    assert not looked(watch, clock, 60)


def test_a_watcher_that_was_held_up_itself_accuses_nobody(path: Path, clock: ManualClock) -> None:
    """A machine that slept for an hour has workers that are well."""
    watch, heart = HeartbeatWatch(path, clock), Heartbeat(path, clock)
    heart.beat()
    assert not watch.is_stalled()
    clock.advance(timedelta(hours=1))
    assert not watch.is_stalled()
    assert not looked(watch, clock, 60, heart)


def test_a_loop_that_hangs_ends_the_beats_of_its_whole_process(path: Path, clock: ManualClock) -> None:
    """A decoder that hangs leaves all other threads well, and there are no pictures."""
    watch, heart = HeartbeatWatch(path, clock), Heartbeat(path, clock)
    pictures, recorder = heart.watch("pictures", 5), heart.watch("recorder", 60)
    for _ in range(40):
        pictures()
        recorder()
        assert not looked(watch, clock, 1, heart)
    recorder()
    assert not looked(watch, clock, 5 + STALLED_AFTER_S - 2, heart)
    assert looked(watch, clock, 3, heart)
    pictures()
    assert not looked(watch, clock, 4, heart), "it got on after all"


@pytest.mark.parametrize("prefix", ["", "@"])
def test_systemds_watchdog_hears_the_beats_of_the_process_that_it_watches_and_no_others(
    path: Path, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    """A worker inherits its node's variables: it must not answer for it; and a loop that hangs silences the beats here too."""
    address = f"@vms-test-{os.getpid()}" if prefix else str(tmp_path / "notify")
    heart = Heartbeat(path, clock)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_PID", "1")
        heart.beat()
        with pytest.raises(BlockingIOError):
            manager.recv(99)
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
        heart.beat()
        assert manager.recv(99) == b"WATCHDOG=1"
        heart.watch("loop", 5.0)
        clock.advance(timedelta(seconds=6))
        heart.beat()
        with pytest.raises(BlockingIOError):
            manager.recv(99)
    heart.watch("loop", 5.0)
    heart.beat()  # nobody listens any more: logged, and no reason to end

    def none_left(*_args: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(socket, "socket", none_left)
    heart.beat()  # nor is a machine without descriptors
