"""The outbox: in order, until done, and never silently dead."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.footage.scene import Scene, packets
from vms.clock import ManualClock, SystemClock
from vms.db import segments
from vms.errors import Conflict, Unavailable
from vms.footage.outbox import RETRY_S, Outbox
from vms.model import SegmentState


@dataclass
class Task:
    """A job out of a function."""

    act: Callable[[], None]

    def run(self) -> None:
        """Do it."""
        self.act()


def test_jobs_wait_for_the_one_in_front(clock: ManualClock) -> None:
    """Because a seal before its row would be refused."""
    done: list[int] = []
    away = True

    def first() -> None:
        if away:
            raise Unavailable("away")
        done.append(1)

    outbox = Outbox(clock, in_background=False)
    outbox.put(Task(first))
    outbox.put(Task(lambda: done.append(2)))
    assert (done, outbox.waiting) == ([], 2)
    away = False
    outbox.drain()
    assert done == [], "not before the pause is over"
    clock.sleep(RETRY_S)
    outbox.drain()
    assert (done, outbox.waiting) == ([1, 2], 0)


def test_a_final_error_is_found_at_the_next_step(clock: ManualClock) -> None:
    """Because a recorder that goes on without rows records for nobody."""

    def refused() -> None:
        raise Conflict("refused")

    outbox = Outbox(clock, in_background=False)
    outbox.put(Task(refused))
    with pytest.raises(Conflict):
        outbox.check()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_of_a_bug_is_noticed() -> None:
    """Because Python lets threads die without telling anybody."""
    died = threading.Event()

    def bug() -> None:
        died.set()
        raise ZeroDivisionError

    outbox = Outbox(SystemClock(), in_background=True)
    outbox.put(Task(bug))
    assert died.wait(10)
    outbox.close(10)
    with pytest.raises(ZeroDivisionError):
        outbox.check()


def test_a_recorder_with_its_thread_seals_everything_by_the_time_it_is_closed(scene: Scene) -> None:
    """Because that is how workers use it."""
    recorder = scene.recorder(in_background=True)
    for packet in packets(scene.clock.now(), 70):
        recorder.append(packet)
    recorder.close()
    with scene.db.read() as conn:
        assert [segments.get(conn, scene.placement_id, number).state for number in (1, 2)] == [SegmentState.SEALED] * 2
    assert recorder.waiting_jobs == 0
