"""The process of one camera of the demo city at another frame rate: `python -m bench.city_camera ORDER`.

ORDER is JSON: {"camera": id, "fps": n, "truth_dir": folder}. It writes the camera's line of city.json when its ports are open and
ends when its standard input closes.
"""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from sample_streams.device.camera import Camera
from sample_streams.device.options import CameraOptions
from sample_streams.device.process import entry
from sample_streams.roster import password_for, roster

_SEED = 1


async def run(order: dict[str, Any]) -> None:
    """Run the camera until standard input closes."""
    spec = replace(roster()[order["camera"]], fps=float(order["fps"]))
    options = CameraOptions(
        host="127.0.0.1",
        seed=_SEED,
        content_seed=_SEED,
        truth_dir=Path(order["truth_dir"]),
        password=password_for(spec.camera_id, _SEED),
    )
    camera = Camera(spec, options)
    await camera.start()
    sys.stdout.write(json.dumps(entry(camera, 0)) + "\n")
    sys.stdout.flush()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stopped.set)
    await stopped.wait()
    await camera.stop()


if __name__ == "__main__":
    cv2.setNumThreads(1)
    asyncio.run(run(json.loads(sys.argv[1])))
