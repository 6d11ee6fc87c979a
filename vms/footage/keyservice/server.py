"""The process that opens the keyring for all others. It trusts nobody but its own account, and no frame before it was checked."""

import fcntl
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from vms.bus.wire import error_to_json
from vms.errors import Conflict, Denied, IntegrityLost, InvalidInput, Unavailable, VmsError
from vms.footage.durable import storage_errors
from vms.footage.keys import KeyService
from vms.footage.keyservice.wire import (
    CALLS,
    LONGEST_REQUEST_BYTES,
    checked_path,
    from_json,
    peer_uid,
    receive,
    send,
    to_json,
)
from vms.sharing import folder_mode, give_to_group, is_ours, others

MOST_CONNECTIONS = 1024
FRAME_WITHIN_S = 5.0
"""How long a peer may take for the rest of a frame that it has begun, and to take a reply."""
_LOOK_EVERY_S = 0.2

log = structlog.get_logger(__name__)


class KeyServer:
    """Answer the calls of `KeyService` on a Unix socket.

    Args:
        keys: what does them.
        path: the socket, in a folder that only this account can enter.
        frame_within_s: see FRAME_WITHIN_S.
    """

    def __init__(self, keys: KeyService, path: Path, *, frame_within_s: float = FRAME_WITHIN_S) -> None:
        self._keys = keys
        self._path = path
        self._frame_within_s = frame_within_s
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def serve(self, stop: threading.Event) -> None:
        """Serve until `stop` is set; calls that have begun are finished.

        Raises:
            InvalidInput: others can enter the socket's folder, or its path is too long.
            Conflict: another key service has this socket.
        """
        with self._listening() as listener:
            threads: list[threading.Thread] = []
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                except OSError as error:
                    # Out of descriptors or memory for a moment: whoever waits in the queue is served afterwards.
                    log.warning("keys.not-accepted", why=str(error))
                    stop.wait(_LOOK_EVERY_S)
                    continue
                threads = [thread for thread in threads if thread.is_alive()]
                threads.append(threading.Thread(target=self._attend, args=(connection,), daemon=True))
                threads[-1].start()
            with self._lock:
                for connection in self._connections:
                    # Whoever waits for a request hears of the end; whoever works still sends the reply.
                    connection.shutdown(socket.SHUT_RD)
            for thread in threads:
                thread.join(self._frame_within_s)

    @contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        folder = self._path.parent
        with storage_errors(folder):
            folder.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
            found = folder.stat()
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & others(folder):
            raise InvalidInput(
                f"others can enter {folder}, where the key service listens: chmod 700 it, or set keys_socket elsewhere",
                code="keys.open-folder",
            )
        lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(f"another key service has {self._path}", code="keys.served") from error
            # It gets its name when it answers and only we can use it; a dead service's socket is replaced.
            unnamed = Path(checked_path(self._path.with_suffix(".new")))
            unnamed.unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(str(unnamed))
                give_to_group(unnamed)
                listener.listen()
                unnamed.replace(self._path)
                listener.settimeout(_LOOK_EVERY_S)
                yield listener
            self._path.unlink(missing_ok=True)
        finally:
            os.close(lock)

    def _attend(self, connection: socket.socket) -> None:
        """Serve one peer until it ends; one that does not keep to the rules is told so and let go."""
        with self._lock:
            self._connections.add(connection)
            count = len(self._connections)
        try:
            connection.settimeout(self._frame_within_s)
            self._admit(connection, count)
            while (request := receive(connection, LONGEST_REQUEST_BYTES, None, self._frame_within_s)) is not None:
                send(connection, self._reply(request))
        except (VmsError, OSError) as error:
            self._refuse(connection, error)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _admit(self, connection: socket.socket, count: int) -> None:
        if not is_ours(uid := peer_uid(connection)):
            raise Denied(f"account {uid} may not use this key service", code="keys.other-account")
        if count > MOST_CONNECTIONS:
            raise Unavailable(f"the key service has {MOST_CONNECTIONS} connections already", code="keys.busy")

    def _refuse(self, connection: socket.socket, error: VmsError | OSError) -> None:
        if isinstance(error, TimeoutError):
            error = IntegrityLost(
                f"the rest of the frame did not come within {self._frame_within_s:g} s", code="keys.protocol"
            )
        if isinstance(error, OSError):
            log.info("a peer went away", why=str(error))
            return
        log.warning("a peer was refused", why=str(error))
        try:
            connection.settimeout(self._frame_within_s)
            send(connection, {"error": error_to_json(error)})
            # Closed with a request unread, the socket would take the refusal back.
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(_LOOK_EVERY_S)
            connection.recv(LONGEST_REQUEST_BYTES)
        except OSError as gone:
            log.info("a peer did not wait for its refusal", why=str(gone))

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            method, words = request.get("method"), request.get("arguments")
            if not isinstance(method, str) or method not in CALLS:
                raise InvalidInput("the key service has no such method", code="keys.protocol")
            kinds, result = CALLS[method]
            if not isinstance(words, list) or len(words) != len(kinds):
                raise InvalidInput(f"{method} takes {len(kinds)} arguments", code="keys.protocol")
            arguments = [from_json(kind, word) for kind, word in zip(kinds, words, strict=True)]
            try:
                value = getattr(self._keys, method)(*arguments)
            except ValueError as error:
                raise InvalidInput(f"{method}: {error}", code="keys.protocol") from error
            return {"result": to_json(result, value)}
        except VmsError as error:
            return {"error": error_to_json(error)}
