"""Start the cameras of the city, each in a process of its own, and keep the list of them in city.json."""

import asyncio
import json
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sample_streams.onvif.habits import OnvifHabit
from sample_streams.onvif.ptz_spaces import Habit, SpaceKind
from sample_streams.onvif.recording import EdgeMode
from sample_streams.roster import password_for, roster
from sample_streams.scene.light import TimeOfDay
from sample_streams.unknown import UnknownOptics

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 5.0
PORTS_PER_CAMERA = 3


class CityError(Exception):
    """The city could not be started."""


@dataclass(frozen=True, slots=True)
class CitySettings:
    """How a city is started."""

    out: Path
    host: str = "127.0.0.1"
    cameras: tuple[str, ...] = ()
    seed: int = 1
    content_seed: int | None = None
    base_port: int = 0
    time_of_day: TimeOfDay = TimeOfDay.DUSK
    space: SpaceKind = SpaceKind.SPHERICAL
    habits: tuple[Habit, ...] = ()
    qp: int | None = None
    unknown: UnknownOptics | None = None
    edge: EdgeMode = EdgeMode.NONE
    onvif_habits: frozenset[OnvifHabit] = frozenset()

    def __post_init__(self) -> None:
        unknown = set(self.cameras) - set(roster())
        if unknown:
            known = ", ".join(roster())
            raise CityError(f"there is no camera {', '.join(sorted(unknown))} in this city; it has {known}")

    @property
    def chosen(self) -> list[str]:
        """The cameras to start."""
        return [one for one in roster() if not self.cameras or one in self.cameras]


def camera_order(settings: CitySettings, camera_id: str) -> dict[str, Any]:
    """Return what a camera's process is told."""
    place = list(roster()).index(camera_id)
    first = settings.base_port + PORTS_PER_CAMERA * place
    return {
        "camera": camera_id,
        "host": settings.host,
        "seed": settings.seed,
        "content_seed": settings.seed if settings.content_seed is None else settings.content_seed,
        "truth_dir": str(settings.out / "truth"),
        "password": password_for(camera_id, settings.seed),
        "ports": [first, first + 1, first + 2] if settings.base_port else [0, 0, 0],
        "time_of_day": settings.time_of_day.value,
        "space": settings.space.value,
        "habits": [habit.value for habit in settings.habits],
        "qp": settings.qp,
        "edge": settings.edge.value,
        "onvif_habits": sorted(settings.onvif_habits),
        "unknown": None if settings.unknown is None else asdict(settings.unknown),
    }


async def run_city(settings: CitySettings) -> int:
    """Start the city, say so, and run until SIGTERM or SIGINT; returns the exit status."""
    settings.out.mkdir(parents=True, exist_ok=True)
    city_file = settings.out / "city.json"
    city_file.unlink(missing_ok=True)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    processes = [await _start(settings, camera_id) for camera_id in settings.chosen]
    try:
        entries = await _entries(settings, processes, stopped)
        if entries is None:
            return 0
        _write(city_file, {"seed": settings.seed, "truth_dir": str(settings.out / "truth"), "cameras": entries})
        sys.stdout.write(f"sample city ready: {len(entries)} cameras, {city_file}\n")
        sys.stdout.flush()
        return await _watch(processes, stopped)
    finally:
        await _stop(processes)
        city_file.unlink(missing_ok=True)


async def _start(settings: CitySettings, camera_id: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sample_streams.device.process",
        json.dumps(camera_order(settings, camera_id)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16_000_000,  # a plan with many dwellings is one long line
        process_group=0,  # a Ctrl-C reaches the supervisor alone, which then stops the cameras in order
    )


async def _entries(
    settings: CitySettings, processes: list[asyncio.subprocess.Process], stopped: asyncio.Event
) -> list[dict[str, Any]] | None:
    async def first_line(camera_id: str, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            raise CityError(f"camera {camera_id} ended before it was ready; its message is above")
        found: dict[str, Any] = json.loads(line)
        return found

    async def all_lines() -> list[dict[str, Any]]:
        return await asyncio.gather(*(first_line(*pair) for pair in zip(settings.chosen, processes, strict=True)))

    lines, stop = asyncio.create_task(all_lines()), asyncio.create_task(stopped.wait())
    waiting: set[asyncio.Task[Any]] = {lines, stop}
    await asyncio.wait(waiting, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if stopped.is_set():
        lines.cancel()
        return None
    if not lines.done():
        lines.cancel()
        raise CityError(f"the cameras were not ready within {READY_WITHIN_S:.0f} s")
    return lines.result()


async def _watch(processes: list[asyncio.subprocess.Process], stopped: asyncio.Event) -> int:
    ends = [asyncio.create_task(process.wait()) for process in processes]
    stop = asyncio.create_task(stopped.wait())
    await asyncio.wait([*ends, stop], return_when=asyncio.FIRST_COMPLETED)
    for task in (*ends, stop):
        task.cancel()
    if stopped.is_set():
        return 0
    sys.stderr.write("a camera process ended by itself; the city stops\n")
    return 1


async def _stop(processes: list[asyncio.subprocess.Process]) -> None:
    for process in processes:
        if process.returncode is None:
            process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await asyncio.gather(*(process.wait() for process in processes))
    except TimeoutError:
        for process in processes:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*(process.wait() for process in processes))


def _write(path: Path, value: object) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, indent=1))
    part.replace(path)
