"""The self-test's process: a round, a rest, and an entry of success now and then."""

import threading
from datetime import datetime, timedelta

import structlog

from vms.errors import VmsError
from vms.selftest.rounds import SelfTest

PASSED_EVERY = timedelta(hours=1)

log = structlog.get_logger(__name__)


def run_selftest(test: SelfTest, every_s: float, stop: threading.Event) -> None:
    """Look until told to stop. The first round's success is written down at once, so that the log shows that the test runs.

    What was looked at since then is written down at the end.
    """
    told_at: datetime | None = None
    while not stop.is_set():
        try:
            test.run_round()
            now = test.clock.now()
            if any(test.tally.looks.values()) and (told_at is None or not timedelta(0) <= now - told_at < PASSED_EVERY):
                test.note_success()
                told_at = now
        except VmsError:
            log.exception("a round of the self-test failed; the next one comes")
        test.clock.wait(stop, every_s)
    if any(test.tally.looks.values()):
        test.note_success()
