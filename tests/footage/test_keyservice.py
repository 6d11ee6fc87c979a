"""The key service: the same calls in another process, over a socket that trusts nobody."""

import contextlib
import errno
import inspect
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.footage.scene import Scene, packets
from tests.ingest.running import until
from vms.clock import SystemClock
from vms.db import segments
from vms.errors import Conflict, Denied, IntegrityLost, InvalidInput, NotFound, StorageFull, Unavailable, VmsError
from vms.footage.keys import FileKeyring, KeyService, SegmentKey
from vms.footage.keyservice import client, server
from vms.footage.keyservice.client import KeyClient
from vms.footage.keyservice.server import KeyServer
from vms.footage.keyservice.wire import CALLS, LONGEST_REQUEST_BYTES, receive, send
from vms.footage.roots.store import Level
from vms.model import GapCause, HoldId, Span

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOLD = HoldId("h-1")


@contextlib.contextmanager
def served(keys: KeyService, path: Path) -> Iterator[None]:
    """Serve from a thread of this process."""
    stop = threading.Event()
    thread = threading.Thread(target=KeyServer(keys, path, frame_within_s=0.5).serve, args=(stop,))
    thread.start()
    try:
        until(path.exists, 10, "the service listens")
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder with a short path, for this account alone."""
    with tempfile.TemporaryDirectory(prefix="vms-keys-") as name:
        yield Path(name)


@pytest.fixture
def ring(tmp_path: Path) -> FileKeyring:
    """The keyring behind the service."""
    return FileKeyring(tmp_path / "keys")


@pytest.fixture
def path(ring: FileKeyring, sockets: Path) -> Iterator[Path]:
    """The socket of a service."""
    with served(ring, sockets / "keys.sock"):
        yield sockets / "keys.sock"


def test_every_call_of_the_key_service_crosses_the_socket(ring: FileKeyring, path: Path) -> None:
    """Because the others must not notice where the keyring is."""
    assert set(CALLS) == {name for name, _ in inspect.getmembers(KeyService, inspect.isfunction) if name[0] != "_"}
    keys: KeyService = KeyClient(path, SystemClock())
    key = keys.new_segment_key(HOUR)
    assert keys.unwrap(HOUR, key.wrapped) == ring.unwrap(HOUR, key.wrapped) == key.plain
    keys.new_hold_key(HOLD)
    wrapped = keys.wrap_for_hold(HOLD, key.plain)
    assert keys.unwrap_for_hold(HOLD, wrapped) == key.plain
    assert (keys.has_hour(HOUR), keys.has_hold(HOLD), keys.has_hold(HoldId("h-2"))) == (True, True, False)
    assert (keys.hours(), keys.holds()) == ({HOUR}, {HOLD})
    assert keys.level() is keys.hour_level(HOUR) is keys.hold_level(HOLD) is Level.FILE
    keys.destroy_hour(HOUR)
    keys.destroy_hold(HOLD)
    assert ring.hours() == ring.holds() == keys.hours() == keys.holds() == frozenset()


class _Broken:
    """A key service that can do nothing, each time for another reason."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def new_segment_key(self, hour_at: datetime) -> SegmentKey:
        """Fail."""
        raise self._error


@pytest.mark.parametrize(
    "error",
    [
        NotFound("no key", code="footage.key-gone", key="hour/x"),
        IntegrityLost("other key", code="footage.other-key"),
        Unavailable("busy", code="keys.token"),
        StorageFull("full", code="footage.full"),
    ],
)
def test_errors_cross_unchanged(error: VmsError, sockets: Path) -> None:
    """Because a recorder on a full volume makes a gap, and one without the service tries again."""
    with served(_Broken(error), sockets / "s"), pytest.raises(type(error)) as found:
        KeyClient(sockets / "s", SystemClock()).new_segment_key(HOUR)
    assert (type(found.value), str(found.value), vars(found.value)) == (type(error), str(error), vars(error))


def test_an_hour_that_is_none_is_refused(path: Path) -> None:
    """Because the keyring refuses it too."""
    with pytest.raises(InvalidInput, match="not the start"):
        KeyClient(path, SystemClock()).new_segment_key(HOUR + timedelta(minutes=1))


def frame(body: bytes) -> bytes:
    """Return a frame."""
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "at most"),
        (struct.pack(">I", 0xFFFFFFFF), "at most"),
        (struct.pack(">I", LONGEST_REQUEST_BYTES + 1), "at most"),
        (struct.pack(">I", 0), "at most"),
        (struct.pack(">I", 100) + b"{", "did not come"),
        (b"\0\0", "did not come"),
        (frame(b"\xff\xfe"), "no JSON"),
        (frame(b"[]"), "no JSON object"),
        (frame(b"[" * 60_000), "nested"),
        (frame(b'{"method": "__init__", "arguments": []}'), "no such method"),
        (frame(b'{"method": ["hours"], "arguments": []}'), "no such method"),
        (frame(b'{"method": "hours", "arguments": [1]}'), "takes 0"),
        (frame(b'{"method": "unwrap", "arguments": ["2026-11-01T12:00:00+00:00", "%"]}'), "none"),
        (frame(b'{"method": "unwrap", "arguments": ["2026-11-01T12:00:00", ""]}'), "none"),
        (frame(b'{"method": "has_hold", "arguments": [{}]}'), "none"),
    ],
)
def test_a_peer_that_does_not_keep_to_the_rules_is_told_so(sent: bytes, said: str, path: Path) -> None:
    """Because whoever debugs it needs the reason, and whoever attacks it must get nowhere."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        peer.connect(str(path))
        peer.sendall(sent)
        reply = receive(peer, 10_000, 10, 10)
        assert reply is not None
        assert said in reply["error"]["message"]
        assert reply["error"]["code"] != "Unavailable"
    assert KeyClient(path, SystemClock()).hours() == frozenset(), "and the service goes on"


def test_another_account_is_refused_on_both_sides(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because a socket's folder can be opened by mistake, and a path can be taken by somebody else."""
    monkeypatch.setattr(server, "peer_uid", lambda connection: 4711)
    with pytest.raises(Denied, match="4711"):
        KeyClient(path, SystemClock()).hours()
    monkeypatch.setattr(client, "peer_uid", lambda connection: 4711)
    with pytest.raises(Denied, match="listens on"):
        KeyClient(path, SystemClock()).hours()


def test_a_folder_that_others_can_enter_and_a_socket_that_is_served_are_refused(
    ring: FileKeyring, path: Path, tmp_path: Path
) -> None:
    """Because the folder is the first lock, and two services would each think they are the one."""
    with pytest.raises(Conflict, match="another key service"):
        KeyServer(ring, path).serve(threading.Event())
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o750)
    with pytest.raises(InvalidInput, match="chmod 700"):
        KeyServer(ring, tmp_path / "open" / "s").serve(threading.Event())


def test_too_many_peers_are_refused_and_the_service_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because connections are threads."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            peer = stack.enter_context(socket.socket(socket.AF_UNIX))
            peer.connect(str(path))
            send(peer, {"method": "hours", "arguments": []})
            assert receive(peer, 10_000, 10, 10) == {"result": []}
        with pytest.raises(Unavailable, match="3 connections"):
            KeyClient(path, SystemClock(), away_s=0.3).hours()
    assert KeyClient(path, SystemClock()).hours() == frozenset(), (
        "it tries again while the service lets go of the others"
    )


def test_a_service_out_of_descriptors_goes_on(
    ring: FileKeyring, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended, and with it all recording, because one call of accept(2) failed."""
    failures = [OSError(errno.EMFILE, "Too many open files"), OSError(errno.ECONNABORTED, "gone")]
    accept = socket.socket.accept

    def failing(listener: socket.socket) -> tuple[socket.socket, object]:
        if failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", failing)
    with served(ring, sockets / "keys.sock"):
        assert KeyClient(sockets / "keys.sock", SystemClock()).hours() == frozenset()
    assert failures == []


def test_a_service_that_is_away_is_unavailable_after_a_while(sockets: Path) -> None:
    """Because its caller must not hang, and must know what to start."""
    with pytest.raises(Unavailable, match="vms keys serve") as found:
        KeyClient(sockets / "none", SystemClock(), away_s=0.3).hours()
    assert found.value.code == "keys.service-away"


@contextlib.contextmanager
def process(data: Path, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `vms keys serve`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VMS_")}
    environment |= {"VMS_DATA_DIR": str(data), "VMS_KEYS_SOCKET": str(path)}
    one = subprocess.Popen([sys.executable, "-m", "vms.cli.main", "keys", "serve"], env=environment)
    try:
        yield one
    finally:
        if one.poll() is None:
            one.terminate()
        one.wait(20)


@pytest.mark.processes
def test_a_service_that_is_killed_and_comes_back_costs_no_footage(scene: Scene, tmp_path: Path, sockets: Path) -> None:
    """Because a restart of the key service, for an update or a crash, must not stop recorders."""
    path = sockets / "keys.sock"
    scene.keys = KeyClient(path, SystemClock(), away_s=60)
    start_at = scene.clock.now()
    recorder = scene.recorder()
    taken = list(packets(start_at, 121))
    with process(tmp_path / "data", path) as first:
        for packet in taken[:1000]:
            recorder.append(packet)
        limits = Path(f"/proc/{first.pid}/limits").read_text(encoding="ascii")
        assert next(line for line in limits.splitlines() if "core" in line).split()[4:6] == ["0", "0"]
        first.send_signal(signal.SIGKILL)
        first.wait(20)
    again: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as stack:
        late = threading.Timer(1.0, lambda: again.append(stack.enter_context(process(tmp_path / "data", path))))
        late.start()
        for packet in taken[1000:]:
            recorder.append(packet)
        late.join()
        recorder.close()
    with scene.db.read() as conn:
        gaps = segments.list_gaps(conn, scene.placement_id, Span(start_at, start_at + timedelta(hours=1)))
        rows = [segments.get(conn, scene.placement_id, number) for number in (1, 2, 3)]
    assert [gap.cause for gap in gaps] == [GapCause.WORKER_STOPPED], "the end of the recorder, and nothing before it"
    keyring = FileKeyring(tmp_path / "data" / "keys")
    assert all(row.wrapped_key is not None and keyring.unwrap(HOUR, row.wrapped_key) for row in rows)
    assert [one.returncode for one in again] == [0], "told to end, it ends in order"


@pytest.mark.processes
def test_the_memory_of_the_service_is_its_own() -> None:
    """Because the keyring lies in it: no core dump, no other process reads it, pages are locked where the system lets us."""
    code = (
        "import ctypes, resource; from vms.footage.keyservice.hygiene import keep_memory_private as keep; done = keep();"
        "print(done.undumpable, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[1], done.locked,"
        "[one.split()[1] for one in open('/proc/self/status') if 'VmLck' in one][0])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[:3] == ["True", "0", "0"]
    assert (said[3] == "True") == (int(said[4]) > 0), "it is not said to be locked when it is not"
