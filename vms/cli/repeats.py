"""Log lines that repeat are counted instead of written: 71,654 times the same one in 45 s help nobody and fill a disk.

Of lines that say the same, the first few of an interval are written; of one kind of line, whatever its values, a good many are. The rest
is counted, and the count is written when the interval is over and when the process ends. The ledger is no log: nothing of it comes here.
"""

import logging
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TextIO

from vms.clock import Clock, SystemClock

INTERVAL_S: Final = 30.0
SAME_WRITTEN: Final = 5
"""Lines that say the same, in an interval."""
KIND_WRITTEN: Final = 1000
"""Lines of one kind (logger, severity, event), in an interval."""
MOST_COUNTED: Final = 512
"""Different lines, and kinds, that are counted at once; beyond it, the count that began first is written and forgotten."""
_VARYING: Final = frozenset({"timestamp", "request_id", "took_ms"})
"""Differ in lines that say the same."""


@dataclass(slots=True)
class _Count:
    """How often something came since an instant.

    Args:
        record: the newest that was not written, without what it would keep alive.
    """

    since_s: float
    written: int = 0
    left_out: int = 0
    record: logging.LogRecord | None = None


_Counts = OrderedDict[tuple[object, ...], _Count]


class CountingHandler(logging.StreamHandler[TextIO]):
    """Writes log lines as its base does, but those that repeat only a few times in an interval.

    Args:
        stream: where lines are written.
        clock: measures the interval.
    """

    def __init__(self, stream: TextIO, clock: Clock | None = None) -> None:
        super().__init__(stream)
        self._clock = clock or SystemClock()
        self._kinds: _Counts = OrderedDict()
        self._lines: _Counts = OrderedDict()
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it. A line that can't be written never raises into who logs, as with any handler."""
        try:
            self._write_or_count(record)
        except Exception:  # noqa: BLE001 - as logging.StreamHandler.emit does: logging must not end what logs
            self.handleError(record)

    def _write_or_count(self, record: logging.LogRecord) -> None:
        now_s = self._clock.monotonic_s()
        self._write_counts(now_s - INTERVAL_S)
        kind = (record.name, record.levelno, _event_of(record))
        line = (*kind, hash(_text_of(record)))
        of_kind = self._count(self._kinds, kind, now_s)
        of_line = self._lines.get(line)
        if of_line is not None and of_line.written >= SAME_WRITTEN:
            self._leave_out(of_line, record)
        elif of_kind.written >= KIND_WRITTEN:
            self._leave_out(of_kind, record)
        else:
            for count in (of_kind, self._count(self._lines, line, now_s)):
                count.written += 1
            super().emit(record)

    def write_due(self) -> None:
        """Write the counts whose interval is over."""
        with self.lock or threading.RLock():
            self._timer = None
            self._write_counts(self._clock.monotonic_s() - INTERVAL_S)
            if any(count.left_out for counts in (self._kinds, self._lines) for count in counts.values()):
                self._write_later()

    def close(self) -> None:
        """Write all counts; called when the process ends."""
        with self.lock or threading.RLock():
            if self._timer is not None:
                self._timer.cancel()
            self._write_counts(None)
        super().close()

    def _count(self, counts: _Counts, key: tuple[object, ...], now_s: float) -> _Count:
        count = counts.get(key)
        if count is None:
            if len(counts) >= MOST_COUNTED:
                _, oldest = counts.popitem(last=False)
                self._write_count(oldest, now_s)
            count = counts[key] = _Count(now_s)
        return count

    def _leave_out(self, count: _Count, record: logging.LogRecord) -> None:
        count.left_out += 1
        count.record = record
        # A traceback would keep alive what its frames hold: pictures, passwords.
        record.exc_info = None
        if self._timer is None:
            self._write_later()

    def _write_later(self) -> None:
        timer = threading.Timer(INTERVAL_S, self.write_due)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:
            return  # no thread can be started: the next line, or the end of the process, writes the counts
        self._timer = timer

    def _write_counts(self, begun_before_s: float | None) -> None:
        """Write and forget the counts that began before an instant, or all; they are in that order."""
        now_s = self._clock.monotonic_s()
        for counts in (self._lines, self._kinds):
            while counts:
                count = next(iter(counts.values()))
                if begun_before_s is not None and count.since_s > begun_before_s:
                    break
                counts.popitem(last=False)
                self._write_count(count, now_s)

    def _write_count(self, count: _Count, now_s: float) -> None:
        if count.record is not None:
            super().emit(_with_count(count.record, count.left_out, round(now_s - count.since_s)))


def _event_of(record: logging.LogRecord) -> str:
    return str(record.msg.get("event", "")) if isinstance(record.msg, Mapping) else str(record.msg)


def _text_of(record: logging.LogRecord) -> str:
    """Return what a line says, without what differs each time."""
    if isinstance(record.msg, Mapping):
        said = sorted((name, str(value)) for name, value in record.msg.items() if name not in _VARYING)
        # Of an exception under way the entry only says "True": different ones are different lines.
        return f"{said!r} {sys.exc_info()[1]!r}" if record.msg.get("exc_info") is True else repr(said)
    cause = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    return f"{record.getMessage()} {cause!r}"


def _with_count(record: logging.LogRecord, times: int, within_s: int) -> logging.LogRecord:
    """Return a line that says so of the newest one that was left out."""
    if isinstance(record.msg, Mapping):
        said = {name: value for name, value in record.msg.items() if name not in {"exc_info", "exception"}}
        record.msg = said | {"repeated": times, "within_s": within_s}
    else:
        record.msg = f"{record.getMessage()} (repeated {times} times in {within_s} s)"
        record.args = None
    return record
