"""What a connection may cost: real sockets against a real server with small deadlines; each test waits for the server's own act."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from tests.ingest.running import running_house, until
from tests.pages.running import answers, free_port
from tests.serving import serving
from vms.cli import witnessing
from vms.connections import ConnectionLimits, Connections, bounded
from vms.hardening import raise_descriptor_limit
from vms.ledger.signer import FileSigner

QUICK = ConnectionLimits(
    head_s=0.3, idle_s=1, body_s=0.3, body_bytes_per_s=10, body_longest_s=1.0, unsent_s=0.5, most=40, most_per_address=8
)
LONG = ConnectionLimits(
    head_s=600, idle_s=600, body_s=600, body_longest_s=600, unsent_s=600, most=40, most_per_address=8
)
WITHIN_S = 30.0
HERE, STRANGER = "127.0.0.1", "127.0.0.2"


async def size(request: Request) -> PlainTextResponse:
    """Say how long the body is."""
    return PlainTextResponse(str(len(await request.body())))


async def flood(_request: Request) -> StreamingResponse:
    """Send more than any buffer holds."""
    return StreamingResponse(b"x" * 65_536 for _ in range(10_000))


async def echo(web_socket: WebSocket) -> None:
    """Send back what comes, once."""
    await web_socket.accept()
    await web_socket.send_text(await web_socket.receive_text())


APP = Starlette(
    routes=[Route("/size", size, methods=["GET", "POST"]), Route("/flood", flood), WebSocketRoute("/echo", echo)]
)


@contextmanager
def server(limits: ConnectionLimits) -> Iterator[tuple[Connections, int]]:
    """Serve; give the connections and the port."""
    connections = Connections(limits)
    with serving(APP, **bounded(connections)) as url:
        yield connections, int(url.rpartition(":")[2])


def reach(port: int, address: str = HERE) -> socket.socket:
    """Connect from an address."""
    return socket.create_connection((HERE, port), WITHIN_S, source_address=(address, 0))


def ending(peer: socket.socket) -> bytes:
    """Return what the server sends until it closes."""
    got = b""
    try:
        while part := peer.recv(65_536):
            got += part
    except ConnectionResetError:
        pass
    return got


def drip(peer: socket.socket) -> bytes:
    """Send a byte every few hundredths of a second until the server closes; return what it sent."""
    peer.settimeout(0.02)
    got, end_s = b"", time.monotonic() + WITHIN_S
    while time.monotonic() < end_s:
        try:
            peer.sendall(b"x")
            part = peer.recv(65_536)
            if not part:
                return got
            got += part
        except TimeoutError:
            continue
        except OSError:
            return got
    raise AssertionError("the server goes on listening")


UPGRADE = b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.mark.parametrize(
    "sent", [b"", b"GET /size HTTP/1.1\r\nHost: x\r\n", UPGRADE], ids=["nothing", "half", "upgrade"]
)
def test_a_head_that_does_not_end_is_cut(sent: bytes) -> None:
    """A half-open request held its connection for ever, as HTTP and as the handshake of a WebSocket."""
    with server(QUICK) as (connections, port), reach(port) as peer:
        peer.sendall(sent)
        assert ending(peer).startswith(b"HTTP/1.1 408 ")
        until(lambda: len(connections) == 0, 30, "its place is free")


def test_a_head_that_drips_in_is_cut() -> None:
    """Each byte must not buy more time."""
    with server(QUICK) as (_, port), reach(port) as peer:
        peer.sendall(b"GET /size HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        drip(peer)


@pytest.mark.parametrize("path", [b"/size", b"/nothing"])
def test_a_body_that_drips_in_is_cut(path: bytes) -> None:
    """Also one that nobody reads: the answer has been given, the connection is still held."""
    with server(replace(QUICK, body_bytes_per_s=1_000_000)) as (connections, port), reach(port) as peer:
        peer.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
        drip(peer)
        until(lambda: len(connections) == 0, 30, "its place is free")


def test_a_body_that_never_gets_fast_enough_is_cut_in_any_case() -> None:
    """A rate alone lets a patient stranger hold a connection for the length of the longest body."""
    with server(QUICK) as (_, port), reach(port) as peer:
        peer.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
        drip(peer)


def test_a_body_that_comes_steadily_is_taken() -> None:
    """On a slow line it takes longer than a small one may."""
    with server(replace(QUICK, body_longest_s=600)) as (_, port), reach(port) as peer:
        peer.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(10):
            peer.sendall(b"x" * 100)
            time.sleep(0.06)
        assert ending(peer).endswith(b"1000")


def test_later_requests_on_a_connection_have_the_same_deadlines() -> None:
    """The time that uvicorn allows between two requests ends with the first byte of the next one."""
    with server(QUICK) as (_, port), reach(port) as peer:
        for _ in range(2):
            peer.sendall(b"GET /size HTTP/1.1\r\nHost: x\r\n\r\n")
            got = b""
            while not got.endswith(b"\r\n\r\n0"):
                got += peer.recv(65_536) or pytest.fail("closed too early")
        peer.sendall(b"GET /size HTTP/1.1\r\nX-Slow: ")
        assert b" 408 " in drip(peer)


def test_requests_in_one_packet_are_all_answered() -> None:
    """The deadlines of one must not be taken for the other's."""
    with server(QUICK) as (_, port), reach(port) as peer:
        peer.sendall(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" * 3)
        assert ending(peer).count(b"HTTP/1.1 200 ") == 3


def test_who_takes_nothing_of_an_answer_is_cut() -> None:
    """A response that nobody reads held memory, a descriptor, and at the end of the process its closing."""
    with server(QUICK) as (connections, port), reach(port) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.sendall(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: len(connections) == 0, 30, "its place is free")


def test_a_web_socket_outlives_the_deadlines_and_frees_its_place() -> None:
    """It is no half-open request."""
    with server(QUICK) as (connections, port):
        with connect(f"ws://{HERE}:{port}/echo", proxy=None) as web_socket:
            time.sleep(0.8)
            assert len(connections) == 1
            web_socket.send("still here")
            assert web_socket.recv(WITHIN_S) == "still here"
        until(lambda: len(connections) == 0, 30, "its place is free")


def test_one_address_gets_so_many_places_and_the_waiting_ones_go_first() -> None:
    """Whoever shares a stranger's address (a viewing room behind one router) is still served."""
    with server(LONG) as (connections, port), ExitStack() as held:
        waiting = [held.enter_context(reach(port, STRANGER)) for _ in range(8)]
        until(lambda: len(connections) == 8, 30, "all have come")
        answer = httpx.Client(transport=httpx.HTTPTransport(local_address=STRANGER), trust_env=False)
        assert held.enter_context(answer).get(f"http://{HERE}:{port}/size").text == "0"
        assert ending(waiting[0]) == b"", "the one that has waited longest"
        assert len(connections) == 8


def test_places_of_those_who_are_served_can_not_be_taken_by_waiting() -> None:
    """People who watch keep their pictures while strangers fill everything else; who finds no place is told so at once."""
    limits = replace(LONG, most=16, most_per_address=12)
    with server(limits) as (connections, port), ExitStack() as held:
        watching = [held.enter_context(connect(f"ws://{HERE}:{port}/echo", proxy=None)) for _ in range(12)]
        strangers = [held.enter_context(reach(port, f"127.0.0.{2 + number % 50}")) for number in range(100)]
        for one in strangers:
            one.sendall(b"GET /size HTTP/1.1\r\n")
        until(lambda: connections.refused["address"] + len(connections) >= 16, 30, "it is full")
        with reach(port) as refused:
            assert ending(refused).startswith(b"HTTP/1.1 503 ")
        with reach(port, "127.0.0.99") as other:
            other.sendall(b"GET /size HTTP/1.1\r\nHost: x\r\n\r\n")
            assert other.recv(65_536).startswith(b"HTTP/1.1 200 ")
        for web_socket in watching:
            web_socket.send("here")
            assert web_socket.recv(WITHIN_S) == "here"


def test_a_proxy_has_no_limit_per_address() -> None:
    """All people come from its address; the limits per address are the proxy's own (config/nginx/vms.conf)."""
    with server(replace(LONG, proxies="127.0.0.0/31")) as (connections, port), ExitStack() as held:
        for _ in range(20):
            held.enter_context(reach(port))
        until(lambda: len(connections) == 20, 30, "all have come")


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Let this process open as many connections as it may."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_descriptor_limit()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.processes
@pytest.mark.usefixtures("many_descriptors")
def test_a_thousand_connections_of_a_stranger_stop_nobody_and_are_no_flood_of_lines(tmp_path: Path) -> None:
    """The API of a machine that allows 1,024 descriptors answered nobody any more and logged 71,654 lines in 45 s."""
    port = free_port()
    with running_house(tmp_path, api_port=port) as house, ExitStack() as held:
        api = house.run("api")
        resource.prlimit(api.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        url = f"http://127.0.0.1:{port}"
        until(lambda: answers(url), 60, "the API answers")
        for _ in range(1100):
            held.enter_context(reach(port, STRANGER)).sendall(b"GET /sign-in HTTP/1.1\r\n")
        for _ in range(5):
            assert httpx.get(f"{url}/api/health", trust_env=False, timeout=WITHIN_S).status_code == 200
        lines = house.logs().splitlines()
        assert sum("process.few-descriptors" in line for line in lines) == 1
        assert len(lines) < 200


def test_a_machine_that_allows_few_files_has_few_places(many_descriptors: None) -> None:
    """Running out of descriptors stops everything, also what would tell of it."""
    del many_descriptors
    resource.setrlimit(resource.RLIMIT_NOFILE, (900, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert Connections(ConnectionLimits()).most == 900 - 256 - 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (700, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    assert Connections(ConnectionLimits()).most == 16


def test_the_witness_has_the_same_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens for other machines: one half-open request would keep it for ever."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda _app, **given: options.update(given))
    monkeypatch.setattr(witnessing, "configure", lambda *_, **__: None)
    key = FileSigner("log.test/x", Ed25519PrivateKey.from_private_bytes(bytes(range(32)))).verifier.text
    witnessing.witness(tmp_path / "w", "fg.test/witness", [key], "127.0.0.1:0", None)
    assert options["http"].places.limits.most_per_address == 64
    assert options["ws"].places is options["http"].places
