"""Run the demo city inside a test: start it, wait until it is ready, talk to its control channel, and surely end it.

Use::

    with running_city(tmp_path, cameras=("vredenmarkt",)) as city:
        camera = city.camera("vredenmarkt")
        camera.order(do="autopilot", pattern="sweep", speed_deg_s=30)
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_WITHIN_S = 150.0
STOP_WITHIN_S = 20.0
REPOSITORY = Path(__file__).resolve().parents[2]


class OrderRefusedError(Exception):
    """The camera did not understand an order."""


@dataclass(frozen=True, slots=True)
class CityCamera:
    """One camera of a running city."""

    entry: dict[str, Any]
    truth_dir: Path

    @property
    def camera_id(self) -> str:
        """Its id."""
        return str(self.entry["id"])

    def url(self, password: str | None = None) -> str:
        """Return the RTSP URL with user name and password, by default the right one."""
        secret = urllib.parse.quote(self.entry["password"] if password is None else password, safe="")
        return str(self.entry["rtsp_url"]).replace("rtsp://", f"rtsp://{self.entry['username']}:{secret}@")

    def order(self, **order: object) -> dict[str, Any]:
        """Give an order over the control channel and return the camera's state after it.

        Raises:
            OrderRefusedError: The camera did not understand it.
        """
        data = json.dumps(order).encode()
        request = _request(self.entry["control_url"], data)
        try:
            return _json(request)
        except urllib.error.HTTPError as error:
            raise OrderRefusedError(error.read().decode()) from error

    def state(self) -> dict[str, Any]:
        """Return the camera's state."""
        return _json(_request(self.entry["control_url"]))

    def wait_until(self, condition: Callable[[dict[str, Any]], bool], within_s: float = 20.0) -> dict[str, Any]:
        """Wait until the camera's state fulfils a condition, and return it."""
        deadline = time.monotonic() + within_s
        while not condition(state := self.state()):
            assert time.monotonic() < deadline, f"{self.camera_id} never got there: {state}"
            time.sleep(0.05)
        return state


@dataclass(frozen=True, slots=True)
class City:
    """A running city."""

    document: dict[str, Any]
    process: subprocess.Popen[str]

    @property
    def cameras(self) -> list[CityCamera]:
        """All cameras that run."""
        directory = Path(self.document["truth_dir"])
        return [CityCamera(entry, directory) for entry in self.document["cameras"]]

    def camera(self, camera_id: str) -> CityCamera:
        """Return one camera."""
        return next(camera for camera in self.cameras if camera.camera_id == camera_id)


@contextmanager
def running_city(out: Path, cameras: Sequence[str] = (), options: Sequence[str] = ()) -> Iterator[City]:
    """Start a city, give it, and end it whatever happens.

    Args:
        out: A folder for city.json and the truth logs.
        cameras: Ids of the cameras to start; none means all.
        options: More command line options, such as ``("--content-seed", "7")``.
    """
    command = [sys.executable, "-m", "sample_streams", "--out", str(out), "--cameras", ",".join(cameras), *options]
    out.mkdir(parents=True, exist_ok=True)
    log = out / "city.log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        _wait_ready(process, out / "city.json", log)
        yield City(json.loads((out / "city.json").read_text()), process)
    finally:
        stop(process)


def stop(process: "subprocess.Popen[str]") -> int:
    """End a city as an operator does, by SIGTERM; by SIGKILL if that does not help."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
    finally:
        if process.stdout is not None:
            process.stdout.close()


def _wait_ready(process: "subprocess.Popen[str]", city_file: Path, log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not city_file.exists():
        assert process.poll() is None, f"the city ended with {process.returncode}: {log.read_text()}"
        assert time.monotonic() < deadline, f"the city was not ready in time: {log.read_text()}"
        time.sleep(0.05)


def is_alive(process_id: int) -> bool:
    """Whether a process still exists."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def _request(url: str, data: bytes | None = None) -> urllib.request.Request:
    return urllib.request.Request(url, data=data, method="GET" if data is None else "POST")  # noqa: S310  our own loopback URL


def _json(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  our own loopback URL
        found: dict[str, Any] = json.loads(answer.read())
        return found
