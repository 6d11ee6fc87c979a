"""An RTSP server that somebody else wrote: GStreamer's, with a live test pattern and digest authentication.

Run by the system's own Python, which has the bindings (Debian: gir1.2-gst-rtsp-server-1.0, python3-gi)::

    /usr/bin/python3 sample_streams/gst_peer.py [--port 0] [--width 640] [--height 360] [--fps 10]

It prints one line of JSON with its URL and account, and ends on SIGTERM or when its standard input closes.
"""

import argparse
import json
import signal
import sys
from typing import Any

USERNAME = "peer"
PASSWORD = "p@ss word/7"  # noqa: S105  a test account on loopback, with characters that a URL must escape


def pipeline(width: int, height: int, fps: int) -> str:
    """Return the description of a live H.264 test pattern."""
    return (
        f"( videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate={fps}/1 "
        f"! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={fps} ! rtph264pay name=pay0 pt=96 )"
    )


def serve(given: argparse.Namespace) -> None:
    """Serve until told to stop.

    Raises:
        ImportError: The bindings of GStreamer's RTSP server are not installed.
    """
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

    Gst.init(None)
    server: Any = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(given.port))
    factory: Any = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline(given.width, given.height, given.fps))
    factory.set_shared(True)
    _protect(server, factory, GstRtspServer, GstRtsp.RTSPAuthMethod.DIGEST)
    server.get_mount_points().add_factory("/test", factory)
    server.attach(None)
    loop: Any = GLib.MainLoop()
    for number in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, loop.quit)
    GLib.io_add_watch(sys.stdin.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.HUP, lambda *_: loop.quit())
    url = f"rtsp://127.0.0.1:{server.get_bound_port()}/test"
    sys.stdout.write(json.dumps({"rtsp_url": url, "username": USERNAME, "password": PASSWORD}) + "\n")
    sys.stdout.flush()
    loop.run()


def _protect(server: Any, factory: Any, rtsp: Any, digest: Any) -> None:
    """Let only one account in, by digest."""
    auth = rtsp.RTSPAuth()
    auth.set_supported_methods(digest)
    token = rtsp.RTSPToken()
    token.set_string(rtsp.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_digest(USERNAME, PASSWORD, token)
    permissions = rtsp.RTSPPermissions()
    permissions.add_permission_for_role("viewer", rtsp.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role("viewer", rtsp.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    factory.set_permissions(permissions)
    server.set_auth(auth)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--fps", type=int, default=10)
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
