"""One upstream session per camera, whatever is started by mistake: a lock file that dies with its process."""

import fcntl
import os
from pathlib import Path

from vms.errors import Conflict
from vms.model import CameraId
from vms.sharing import file_mode, folder_mode


class SessionLock:
    """Hold a camera's lock until closed, or until the process ends however it ends.

    Args:
        run_dir: folder of locks, made if absent.
        words: what stands in the lock while it is held, for the next node (`ingest.adopted`).

    Raises:
        Conflict: another process holds it.
    """

    def __init__(self, run_dir: Path, camera_id: CameraId, words: bytes = b"") -> None:
        run_dir.mkdir(mode=folder_mode(), parents=True, exist_ok=True)
        path = run_dir / f"{camera_id}.lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, file_mode())
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise Conflict(
                f"camera {camera_id} is already served by another process on this machine (lock {path}); stop that one first",
                code="camera.in-use",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, words, 0)

    def close(self) -> None:
        """Let the camera go."""
        os.close(self._descriptor)
