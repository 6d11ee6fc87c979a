"""`vms up` keeps its children running, and stops them all."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn

from vms.cli.processes import _Server
from vms.cli.supervise import Supervisor
from vms.clock import ManualClock, SystemClock
from vms.heartbeat import Heartbeat, HeartbeatWatch, beat_file

DEADLINE_S = 30.0

pytestmark = pytest.mark.processes


def wait_for(path: Path, lines: int) -> list[str]:
    """Return the file's lines once there are enough."""
    clock = SystemClock()
    give_up_s = clock.monotonic_s() + DEADLINE_S
    while clock.monotonic_s() < give_up_s:
        if path.exists() and len(found := path.read_text(encoding="utf-8").splitlines()) >= lines:
            return found
        clock.sleep(0.05)
    raise AssertionError(f"{path} did not get {lines} lines")


def test_a_child_that_ends_is_started_again_and_all_end_with_the_supervisor(tmp_path: Path) -> None:
    """A crash of the API must not need a person at night; a stopped system must leave nothing behind."""
    pids = tmp_path / "pids"
    program = f"import os, time; open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    supervisor = Supervisor(SystemClock(), os.environ)
    supervisor.add("child", ["-c", program])
    # Signals are the main thread's; here the loop alone is run.
    loop = threading.Thread(target=supervisor.watch)
    loop.start()
    first = int(wait_for(pids, 1)[0])
    os.kill(first, signal.SIGKILL)
    second = int(wait_for(pids, 2)[1])
    supervisor.stop.set()
    loop.join(DEADLINE_S)
    assert not loop.is_alive()
    for pid in (first, second):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_sigterm_drains_the_children(tmp_path: Path) -> None:
    """Systemd and docker stop with SIGTERM; children must get the chance to close their segments."""
    mark = tmp_path / "drained"
    child = (
        "import signal, sys, pathlib\n"
        f"def end(*_): pathlib.Path({str(mark)!r}).write_text('drained'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        f"pathlib.Path({str(tmp_path / 'ready')!r}).write_text('ready')\n"
        "signal.pause()\n"
    )
    parent = (
        "import os\nfrom vms.clock import SystemClock\nfrom vms.cli.supervise import Supervisor\n"
        f"s = Supervisor(SystemClock(), os.environ)\ns.add('child', ['-c', {child!r}])\ns.run()\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent]) as process:
        wait_for(tmp_path / "ready", 1)
        process.terminate()
        assert process.wait(DEADLINE_S) == 0
    assert mark.read_text(encoding="utf-8") == "drained"


def test_the_key_service_ends_when_the_others_have_drained(tmp_path: Path) -> None:
    """Because recorders that close their last segments may still need a key."""
    order = tmp_path / "order"
    # It sleeps when asked to end, as a recorder does that closes its last segment: a key service that does not wait for it ends first.
    program = (
        "import signal, sys, time\n"
        f"name, path, wait_s = sys.argv[1], {str(order)!r}, float(sys.argv[2])\n"
        "def end(*_):\n"
        "    time.sleep(wait_s); open(path, 'a').write(name + ' ended\\n')\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open(path, 'a').write(name + ' ready\\n')\n"
        "signal.pause()\n"
    )
    supervisor = Supervisor(SystemClock(), os.environ)
    supervisor.add("keys", ["-c", program, "keys", "0"], ends_last=True)
    supervisor.add("recorder", ["-c", program, "recorder", "0.5"])
    loop = threading.Thread(target=supervisor.watch)
    loop.start()
    wait_for(order, 2)
    supervisor.stop.set()
    loop.join(DEADLINE_S)
    assert wait_for(order, 4)[2:] == ["recorder ended", "keys ended"]


def test_a_child_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    """An API whose event loop is stuck answers nobody, and never ends by itself."""
    pids, beats = tmp_path / "pids", beat_file(tmp_path, "child")
    program = (
        "import os, signal\nfrom pathlib import Path\nfrom vms.clock import SystemClock\nfrom vms.heartbeat import Heartbeat\n"
        f"Heartbeat(Path({str(beats)!r}), SystemClock()).beat()\n"
        f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\nsignal.pause()\n"
    )
    # Time passes as fast as the loop runs; one that has not beaten yet is not stalled.
    supervisor = Supervisor(ManualClock(datetime(2027, 1, 1, tzinfo=UTC)), os.environ)
    supervisor.add("child", ["-c", program], run_dir=tmp_path)
    loop = threading.Thread(target=supervisor.watch)
    loop.start()
    first, second, *_ = wait_for(pids, 2)
    supervisor.stop.set()
    loop.join(DEADLINE_S)
    assert not loop.is_alive()
    assert first != second


def test_the_api_beats_as_long_as_its_event_loop_comes_round(tmp_path: Path) -> None:
    """A thread that beats by itself would say of a stuck server that it is well."""
    clock = ManualClock(datetime(2027, 1, 1, tzinfo=UTC))
    heart, watch = Heartbeat(beat_file(tmp_path, "api"), clock), HeartbeatWatch(beat_file(tmp_path, "api"), clock)
    server = _Server(uvicorn.Config(lambda: None), heart)
    asyncio.run(server.on_tick(0))

    def stalled() -> bool:
        clock.advance(timedelta(seconds=1))
        heart.beat()
        return watch.is_stalled()

    assert [stalled() for _ in range(15)] == [False] * 15
    assert any(stalled() for _ in range(5))
