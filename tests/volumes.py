"""Small real volumes: an ext4 image in a file, mounted by a loop device, so that it can be full, and be read byte by byte."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class Volume:
    """A mounted image.

    Args:
        image: the file.
        folder: where it is mounted.
    """

    def __init__(self, image: Path, folder: Path) -> None:
        self.image = image
        self.folder = folder

    def raw(self) -> bytes:
        """Return every byte of the volume, as it is on the medium now."""
        os.sync()
        return self.image.read_bytes()

    def fill(self) -> Path:
        """Take what is free; return the file that takes it."""
        path = self.folder / "filler"
        with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 4096, 512, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass
        return path


@contextlib.contextmanager
def mounted(image: Path, folder: Path, megabytes: int) -> Iterator[Volume]:
    """Make an ext4 volume and mount it; skip the test where that is not allowed (it takes root and loop devices)."""
    missing = [name for name in ("mkfs.ext4", "mount", "umount") if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"a volume can't be mounted here: {'missing: ' + ', '.join(missing) if missing else 'not root'}")
    folder.mkdir(exist_ok=True)
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    # As it is made by default, but without blocks that only root may use: we are root, and it has to be full for us.
    _do("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
    try:
        _do("mount", "-o", "loop", str(image), str(folder))
    except RuntimeError as error:
        pytest.skip(f"a volume can't be mounted here: {error}")
    try:
        yield Volume(image, folder)
    finally:
        # Lazily: a test that failed has files open, and must leave no device behind all the same.
        os.sync()
        _do("umount", "--lazy", str(folder))


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
