"""Log lines that repeat are counted: a flood must neither fill the disk nor hide what else was said."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vms.cli import repeats
from vms.cli.repeats import CountingHandler
from vms.clock import ManualClock

HOUSE = Path(__file__).parents[2]


class Log:
    """A logger of its own, and what it wrote."""

    def __init__(self) -> None:
        self.clock = ManualClock(datetime(2027, 1, 1, tzinfo=UTC))
        self.stream = io.StringIO()
        self.handler = CountingHandler(self.stream, self.clock)
        self.logger = logging.Logger("asyncio")  # noqa: LOG001 - one that no other test shares
        self.logger.addHandler(self.handler)

    def wait(self, seconds: float) -> None:
        """Let time pass, and the timer go off."""
        self.clock.advance(timedelta(seconds=seconds))
        self.handler.write_due()

    @property
    def lines(self) -> list[str]:
        """What was written."""
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Iterator[Log]:
    """Return a logger."""
    made = Log()
    yield made
    made.handler.close()


def test_the_same_line_is_written_a_few_times_and_then_counted(log: Log) -> None:
    """A full table of descriptors made asyncio log 2,048 lines a second, each the same."""
    for _ in range(71_654):
        log.logger.error("socket.accept() out of system resource")
    assert log.lines == ["socket.accept() out of system resource"] * 5
    log.wait(45)
    assert log.lines[5:] == ["socket.accept() out of system resource (repeated 71649 times in 45 s)"]
    log.wait(45)
    assert len(log.lines) == 6, "a count is written once"


def test_other_lines_are_written_meanwhile_and_the_next_interval_begins_afresh(log: Log) -> None:
    """What is new must be seen in the midst of a flood."""
    for _ in range(10):
        log.logger.error("flood")
    log.logger.error("something else")
    assert log.lines[-1] == "something else"
    log.wait(31)
    log.logger.error("flood")
    assert log.lines[-2:] == ["flood (repeated 5 times in 31 s)", "flood"]


def test_lines_of_one_kind_with_other_values_have_a_limit_too(log: Log) -> None:
    """Addresses, paths and names are chosen by a stranger: each line differs."""
    for number in range(10_000):
        log.logger.warning("refused %s", number)
    assert len(log.lines) == 1000
    log.wait(31)
    assert log.lines[1000:] == ["refused 9999 (repeated 9000 times in 31 s)"]


def test_ids_and_durations_make_no_line_another_one(log: Log) -> None:
    """Structured lines come as mappings."""
    for number in range(7):
        said = {
            "event": "request",
            "path": "/x",
            "request_id": str(number),
            "took_ms": number,
            "timestamp": str(number),
        }
        log.logger.info(said)
    assert len(log.lines) == 5
    log.wait(31)
    assert "'repeated': 2, 'within_s': 31" in log.lines[5]


def test_memory_has_a_bound_and_nothing_counted_is_lost(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes lines differ can't make us remember them all."""
    monkeypatch.setattr(repeats, "MOST_COUNTED", 10)
    for _ in range(8):
        log.logger.warning("first")
    for number in range(100):
        log.logger.warning(f"other {number}")  # noqa: G004 - each a kind of its own
    assert (len(log.handler._lines), len(log.handler._kinds)) == (10, 10)
    assert "first (repeated 3 times in 0 s)" in log.lines


def test_an_error_is_not_taken_for_another_one(log: Log) -> None:
    """Uvicorn writes one sentence above all tracebacks."""
    for name in ("one", "other"):
        for _ in range(6):
            log.logger.error("Exception in ASGI application", exc_info=ValueError(name))
    written = log.stream.getvalue()
    assert (written.count("ValueError: one"), written.count("ValueError: other")) == (5, 5)


def test_a_process_writes_its_counts_when_it_ends() -> None:
    """By all ways that end in order; also its structured lines keep their form."""
    program = (
        "import structlog\nfrom vms.cli.logs import configure\nconfigure('INFO', 'json', process='api')\n"
        "log = structlog.get_logger('api.request')\n"
        "for number in range(1000): log.info('request', path='/x', took_ms=number)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True, timeout=60
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert len(lines) == 6
    assert lines[-1]["repeated"] == 995
    assert (lines[-1]["event"], lines[-1]["path"], lines[-1]["process"]) == ("request", "/x", "api")


def test_a_line_that_cannot_be_written_ends_nobody(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who logs has better to do than to die of it."""
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.logger.warning("%d frames", "abc")
    log.logger.warning("fine")
    assert log.lines == ["fine"]


def test_without_a_thread_to_be_had_counts_wait_for_the_end(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Just when a machine has no thread left, warnings repeat."""

    def refused(_timer: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(repeats.threading.Timer, "start", refused)
    for _ in range(9):
        log.logger.warning("full")
    log.handler.close()
    assert "repeated 4 times" in log.lines[-1]
