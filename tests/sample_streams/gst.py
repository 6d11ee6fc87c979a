"""Start GStreamer's RTSP server, or skip where Debian's bindings are not installed."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SYSTEM_PYTHON = Path("/usr/bin/python3")
PEER = Path(__file__).resolve().parents[2] / "sample_streams" / "gst_peer.py"
PROBE = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"


@contextmanager
def running_gst_peer(*options: str) -> Iterator[dict[str, Any]]:
    """Run the peer and give its URL and account; ends it whatever happens."""
    if not SYSTEM_PYTHON.exists() or subprocess.run([SYSTEM_PYTHON, "-c", PROBE], check=False).returncode:
        pytest.skip("GStreamer's RTSP server is not installed (Debian: gir1.2-gst-rtsp-server-1.0 python3-gi)")
    process = subprocess.Popen(
        [SYSTEM_PYTHON, PEER, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, "GStreamer's RTSP server ended before it was ready"
        yield json.loads(line)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        if process.stdin is not None:
            process.stdin.close()
