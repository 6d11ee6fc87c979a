"""Serving an application on a real socket, for tests that are its client."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.ingest.running import until


@contextmanager
def serving(app: ASGIApp, **options: Any) -> Iterator[str]:
    """Serve an application from a thread of this process; give its address.

    Args:
        options: of `uvicorn.Config`.
    """
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started, 60, "the server starts")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def dripping(head: bytes) -> Iterator[int]:
    """Serve without an end; give the port: after the head, a byte every few hundredths of a second."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.02)
    over = threading.Event()

    def serve() -> None:
        connections = []
        while not over.is_set():
            try:
                connection, _ = listener.accept()
                connection.sendall(head)
                connections.append(connection)
            except TimeoutError:
                pass
            for one in connections[:]:
                try:
                    one.sendall(b"x")
                except OSError:
                    connections.remove(one)
        for one in connections:
            one.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        thread.join(10)
        listener.close()
