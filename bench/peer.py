"""The peer: FFmpeg's command line, the static build that PyPI's imageio-ffmpeg carries."""

import subprocess
from collections.abc import Sequence
from functools import cache

import imageio_ffmpeg

from bench.cpu import child_cpu_s
from vms.errors import Unavailable


@cache
def ffmpeg() -> str:
    """Return the path of the program."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@cache
def version() -> str:
    """Return what it calls itself, e.g. `ffmpeg 7.0`."""
    first = subprocess.run([ffmpeg(), "-version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    return " ".join(first.split()[:3:2])


def execute(arguments: Sequence[str]) -> None:
    """Run a program for its effect.

    Raises:
        Unavailable: it failed.
    """
    child_cpu_s(arguments)


def cpu_per_frame_ms(arguments: Sequence[str], one_frame: Sequence[str], frames: int) -> float:
    """Return CPU milliseconds per frame without what starting costs, which a camera that runs for months never feels.

    Args:
        arguments: the whole run.
        one_frame: the same, ended after its first frame.
        frames: of the whole run.

    Raises:
        Unavailable: it failed.
    """
    if frames < 2:
        raise Unavailable(f"a clip of {frames} frames cannot be measured", code="bench.clip")
    return (child_cpu_s(arguments) - child_cpu_s(one_frame)) * 1000 / (frames - 1)
