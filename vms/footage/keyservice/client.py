"""The key service as the other processes see it: `KeyService` over a socket, with another try while the service restarts."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from vms.bus.wire import error_from_json
from vms.clock import Clock
from vms.errors import Denied, IntegrityLost, Unavailable
from vms.footage.keys import SegmentKey
from vms.footage.keyservice.wire import (
    CALLS,
    LONGEST_REPLY_BYTES,
    checked_path,
    from_json,
    peer_uid,
    receive,
    send,
    to_json,
)
from vms.footage.roots.store import Level
from vms.model import HoldId
from vms.sharing import is_ours

AWAY_S = 15.0
"""How long the service may be away before a call fails: a restart takes a few seconds, a recorder's queue lasts longer."""
AGAIN_S = 0.2
REPLY_WITHIN_S = 60.0
"""Destroying in a token or TPM takes its time, and calls wait for each other."""


class KeyClient:
    """`KeyService` in another process; may be used by several threads at once.

    Args:
        path: the service's socket.
        clock: for waiting.
        away_s: how long to try again while nobody answers.

    Raises (every method, besides what the service raises):
        Unavailable: nobody answers (`keys.service-away`); whether the call was obeyed is unknown, and it may be repeated.
        Denied: another account listens on the socket.
    """

    def __init__(self, path: Path, clock: Clock, *, away_s: float = AWAY_S) -> None:
        self._path = checked_path(path)
        self._clock = clock
        self._away_s = away_s
        self._idle: list[socket.socket] = []
        self._lock = threading.Lock()

    def new_segment_key(self, hour_at: datetime) -> SegmentKey:
        """Return a fresh key wrapped by the hour's key."""
        key: SegmentKey = self._call("new_segment_key", hour_at)
        return key

    def unwrap(self, hour_at: datetime, wrapped: bytes) -> bytes:
        """Return the plain segment key."""
        plain: bytes = self._call("unwrap", hour_at, wrapped)
        return plain

    def has_hour(self, hour_at: datetime) -> bool:
        """Return whether the hour's key exists."""
        return bool(self._call("has_hour", hour_at))

    def hours(self) -> frozenset[datetime]:
        """Return the hours that have a key."""
        hours: frozenset[datetime] = self._call("hours")
        return hours

    def destroy_hour(self, hour_at: datetime) -> None:
        """Destroy the hour's key for good."""
        self._call("destroy_hour", hour_at)

    def new_hold_key(self, hold_id: HoldId) -> None:
        """Make the hold's key."""
        self._call("new_hold_key", hold_id)

    def wrap_for_hold(self, hold_id: HoldId, plain: bytes) -> bytes:
        """Return the key wrapped by the hold's key."""
        wrapped: bytes = self._call("wrap_for_hold", hold_id, plain)
        return wrapped

    def unwrap_for_hold(self, hold_id: HoldId, wrapped: bytes) -> bytes:
        """Return the plain key."""
        plain: bytes = self._call("unwrap_for_hold", hold_id, wrapped)
        return plain

    def has_hold(self, hold_id: HoldId) -> bool:
        """Return whether the hold's key exists."""
        return bool(self._call("has_hold", hold_id))

    def holds(self) -> frozenset[HoldId]:
        """Return the holds that have a key."""
        holds: frozenset[HoldId] = self._call("holds")
        return holds

    def destroy_hold(self, hold_id: HoldId) -> None:
        """Destroy the hold's key for good."""
        self._call("destroy_hold", hold_id)

    def level(self) -> Level:
        """Return the assurance level of keys that are made now."""
        return Level(self._call("level"))

    def hour_level(self, hour_at: datetime) -> Level:
        """Return the level of the hour's key, dead or alive."""
        return Level(self._call("hour_level", hour_at))

    def hold_level(self, hold_id: HoldId) -> Level:
        """Return the level of the hold's key, dead or alive."""
        return Level(self._call("hold_level", hold_id))

    def _call(self, method: str, *arguments: Any) -> Any:
        kinds, result = CALLS[method]
        words = [to_json(kind, value) for kind, value in zip(kinds, arguments, strict=True)]
        reply = self._asked({"method": method, "arguments": words})
        if "error" in reply:
            raise error_from_json(dict(reply["error"]))
        return from_json(result, reply.get("result"))

    def _asked(self, request: dict[str, Any]) -> dict[str, Any]:
        give_up_s = self._clock.monotonic_s() + self._away_s
        while True:
            try:
                with self._connection() as connection:
                    send(connection, request)
                    reply = receive(connection, LONGEST_REPLY_BYTES, REPLY_WITHIN_S, REPLY_WITHIN_S)
                    if reply is None:
                        raise ConnectionResetError("it ended")
                    if not _is_busy(reply) or self._clock.monotonic_s() >= give_up_s:
                        return reply
                    raise ConnectionResetError("it has as many connections as it takes")
            except (OSError, IntegrityLost) as error:
                # An old connection says nothing about the service that is there now.
                self._forget_idle()
                if self._clock.monotonic_s() >= give_up_s:
                    raise Unavailable(
                        f"the key service on {self._path} does not answer ({error}): is `vms keys serve` running?",
                        code="keys.service-away",
                    ) from error
            self._clock.sleep(AGAIN_S)

    @contextmanager
    def _connection(self) -> Iterator[socket.socket]:
        """Lend a connection; one on which anything went wrong is not used again."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        connection = self._connected() if connection is None else connection
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._away_s)
            connection.connect(self._path)
            uid = peer_uid(connection)
        except BaseException:
            connection.close()
            raise
        if not is_ours(uid):
            connection.close()
            raise Denied(
                f"account {uid} listens on {self._path}, not this one: look who put it there", code="keys.other-account"
            )
        return connection

    def _forget_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """End the connections; a later call makes new ones."""
        self._forget_idle()


def _is_busy(reply: dict[str, Any]) -> bool:
    error = reply.get("error")
    return isinstance(error, dict) and error.get("code") == "keys.busy"
