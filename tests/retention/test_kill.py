"""`kill -9` at random moments while a process of its own erases, holds and releases real files. `VMS_KILL_ROUNDS=200` for a long run.

Unlike an injected crash it runs no `finally`, and leaves locks, half-written files and open transactions as they are.
"""

import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from retention.holds import HoldRequest
from retention.reconcile import erase_overdue, reconcile
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.retention.outsider import Outsider
from tests.retention.town import LIMITS, Town
from vms.clock import ManualClock
from vms.db.engine import Database
from vms.model import Span

ROUNDS = int(os.environ.get("VMS_KILL_ROUNDS", "15"))
FIRST_LONGEST_LIFE_S = 0.25


class Street:
    """A town whose daemon is killed again and again."""

    def __init__(self, url: str, clock: ManualClock, folder: Path, chance: random.Random) -> None:
        self.url, self.clock, self.chance = url, clock, chance
        self.town = Town(Database(url), clock, folder)
        self.outsider = Outsider(self.town)
        self.asked: list[HoldRequest] = []
        self.killed = 0
        self.longest_life_s = FIRST_LONGEST_LIFE_S

    def live(self) -> None:
        """Live through a round: footage, an act that is killed, what it left, and a day or so."""
        for placement_id in self.town.epochs:
            self.town.record(placement_id)
        self.outsider.steal()
        act = self.chance.choice([self.sweep, self.sweep, self.hold_and_sweep, self.release_and_sweep, self.compare])
        self._kill(act)
        self.town.restart()
        self.town.check_promises(swept=False)
        self.outsider.check(swept=False)
        while self.asked:
            self.town.place(self.asked.pop())
        self.town.release_unpromised(besides=())
        self.clock.advance(timedelta(hours=self.chance.randint(5, 40)))

    def sweep_to_the_end(self) -> None:
        """Sweep undisturbed, and look at everything."""
        assert run_sweep(self.town.parts, LIMITS).doubts == ()
        self.town.promise_future()
        erase_overdue(self.town.parts, KEEP_FOR, self.town.clock.now())
        self.town.check_promises(swept=True)
        self.outsider.check(swept=True)

    def sweep(self) -> Callable[[Town], None]:
        """Erase what is due."""
        return _sweep

    def hold_and_sweep(self) -> Callable[[Town], None]:
        """Hold something, often what is due just now."""
        now = self.clock.now()
        due = [item for item in self.town.recorded if abs(now - item.span.start_at - KEEP_FOR) < timedelta(days=2)]
        item = self.chance.choice(due or self.town.recorded)
        request = self.town.request(Span(item.span.start_at, item.span.end_at), item.ref.placement_id)
        self.asked.append(request)

        def act(town: Town) -> None:
            town.place(request)
            _sweep(town)

        return act

    def release_and_sweep(self) -> Callable[[Town], None]:
        """Release a hold, if there is one."""
        if not self.town.hold_spans:
            return self.sweep()
        hold_id = self.chance.choice(sorted(self.town.hold_spans))
        self.town.forget(hold_id)

        def act(town: Town) -> None:
            town.release(hold_id)
            _sweep(town)

        return act

    def compare(self) -> Callable[[Town], None]:
        """Compare disk, rows and keys."""

        def act(town: Town) -> None:
            reconcile(town.parts, KEEP_FOR, town.clock.now())
            _sweep(town)

        return act

    def _kill(self, choose: Callable[[], Callable[[Town], None]]) -> None:
        fork = get_context("fork")
        acts = fork.Event()
        process = fork.Process(target=self._be_another, args=(choose(), acts))
        process.start()
        assert acts.wait(60), "the act begins"
        begun = time.monotonic()
        process.join(self.chance.uniform(0, self.longest_life_s))
        lived_s = time.monotonic() - begun
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL), "the act itself must not fail"
        # How long an act takes depends on the machine; the moments of death are spread over as much as it takes here.
        if process.exitcode == 0:
            self.longest_life_s = lived_s
        else:
            self.killed += 1
            self.longest_life_s *= 1.2

    def _be_another(self, act: Callable[[Town], None], acts: Event) -> None:
        self.town.db = Database(self.url)
        self.town.restart()
        acts.set()
        act(self.town)


def _sweep(town: Town) -> None:
    run_sweep(town.parts, LIMITS)
    erase_overdue(town.parts, KEEP_FOR, town.clock.now())


@pytest.mark.slow
@pytest.mark.timeout(300 + 5 * ROUNDS)
def test_kill_9_at_any_moment_breaks_no_promise(quick_url: str, quick_folder: Path, clock: ManualClock) -> None:
    """Because a power cut and the kernel's killer ask nobody."""
    street = Street(quick_url, clock, quick_folder, random.Random(ROUNDS))
    run_sweep(street.town.parts, LIMITS)
    for placement_id in street.town.epochs:
        street.town.record(placement_id)
    clock.advance(KEEP_FOR - timedelta(days=1))
    for number in range(ROUNDS):
        street.live()
        if number % 5 == 4:
            street.sweep_to_the_end()
    street.sweep_to_the_end()
    assert street.killed > ROUNDS / 3, "most rounds must end with a kill, not before it"
    street.town.db.dispose()
