"""Crashes and other people's acts at chosen moments: before and after each commit, and before each change of a file.

A crash is a `Crash`, which no product code catches; `finally` blocks still run, so the tests with `kill -9` are the harder ones.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from vms.db.engine import Database

_FILE_CALLS = ("fsync", "replace", "unlink", "write")


class Crash(BaseException):
    """The process is gone."""


class Moments:
    """Counts moments; at the chosen one something happens."""

    def __init__(self) -> None:
        self.passed = 0
        self._at: int | None = None
        self._happens: Callable[[], None] | None = None
        self._between_transactions_only = False
        self._thread = 0

    def reached(self, *, between_transactions: bool) -> None:
        """Note a moment, if it is one of the thread that watches: the beats of a daemon are not its acts."""
        if self._thread != threading.get_ident():
            return
        if self._happens is None or (self._between_transactions_only and not between_transactions):
            return
        self.passed += 1
        if self.passed == self._at:
            happens, self._happens = self._happens, None
            happens()

    @contextmanager
    def crash(self, at: int) -> Iterator[None]:
        """Crash at the moment `at` of the block, from 1, if it has so many; the crash ends here."""

        def die() -> None:
            raise Crash

        with self._arm(at, die, between_transactions_only=False), contextlib.suppress(Crash):
            yield

    @contextmanager
    def meanwhile(self, at: int, act: Callable[[], None]) -> Iterator[None]:
        """Let something else happen after the commit number `at` of the block, as another process would do it: on a stack of its own."""

        def elsewhere() -> None:
            with ThreadPoolExecutor(1) as process:
                process.submit(act).result()

        with self._arm(at, elsewhere, between_transactions_only=True):
            yield

    @contextmanager
    def _arm(self, at: int, happens: Callable[[], None], *, between_transactions_only: bool) -> Iterator[None]:
        self.passed, self._at, self._happens = 0, at, happens
        self._thread = threading.get_ident()
        self._between_transactions_only = between_transactions_only
        originals = {name: getattr(os, name) for name in _FILE_CALLS}
        try:
            for name, original in originals.items():
                setattr(os, name, self._watched(original))
            yield
        finally:
            self._happens = None
            for name, original in originals.items():
                setattr(os, name, original)

    def _watched(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self.reached(between_transactions=False)
            return original(*args, **kwargs)

        return watched


class CrashingDatabase(Database):
    """A database whose commits are moments."""

    def __init__(self, url: str, moments: Moments) -> None:
        super().__init__(url)
        self._moments = moments

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction with a moment before and after its commit."""
        with super().write() as conn:
            yield conn
            self._moments.reached(between_transactions=False)
        self._moments.reached(between_transactions=True)
