"""A camera on loopback for tests: answers RTSP from a script, sends the packets it is given, and keeps what it was asked."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

from ingest.address import CameraAddress
from sample_streams.wire.nal import Codec, parameter_sets, split_annex_b
from sample_streams.wire.rtp import VIDEO_PAYLOAD_TYPE, packetise, rtp_header
from sample_streams.wire.sdp import MediaDescription, session_description
from tests.ingest.video_clips import scene

SSRC = 0x1234
TICKS_PER_PICTURE = 3600


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    url: str
    headers: dict[str, str]


Respond = Callable[[Asked], bytes | None]


def reply(asked: Asked, status: str = "200 OK", body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of an answer."""
    lines = [f"RTSP/1.0 {status}", f"CSeq: {asked.headers['cseq']}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n").encode() + body


@dataclass
class LoopbackCamera:
    """One listening camera; each connection is served from the beginning.

    Args:
        sdp: what it describes.
        packets: (channel, bytes) sent after PLAY.
        respond: may answer instead; None: as a camera does.
        hangs_up: closes the connection when the packets are sent.
    """

    sdp: str
    packets: Sequence[tuple[int, bytes]] = ()
    respond: Respond = lambda _asked: None
    hangs_up: bool = False
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rtsps' if self.tls else 'rtsp'}://{host}:{self.port}/stream"

    def address(self, **changes: Any) -> CameraAddress:
        """Return its address with an account."""
        return CameraAddress(**({"rtsp_url": self.url, "username": "vms", "password": "geheim"} | changes))

    @contextmanager
    def running(self) -> Iterator["LoopbackCamera"]:
        """Listen during the block."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.create_server((self.host, 0), family=family) as server:
            self.port = server.getsockname()[1]
            stop = threading.Event()
            server.settimeout(0.1)
            thread = threading.Thread(target=self._serve, args=(server, stop))
            thread.start()
            try:
                yield self
            finally:
                stop.set()
                thread.join()

    def _serve(self, server: socket.socket, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                sock, _ = server.accept()
                sock.settimeout(0.1)
                with sock:
                    self._talk(sock if self.tls is None else self._encrypted(sock, self.tls), stop)

    def _encrypted(self, sock: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        sock.settimeout(5.0)
        wrapped = tls.wrap_socket(sock, server_side=True)
        wrapped.settimeout(0.1)
        return wrapped

    def _talk(self, sock: socket.socket, stop: threading.Event) -> None:
        buffer = b""
        while True:
            # Asked before reading: what came before the end is still read, however late this thread gets its turn.
            is_over = stop.is_set()
            try:
                data = sock.recv(65536)
            except TimeoutError:
                if is_over:
                    return
                continue
            if not data:
                return
            buffer += data
            while buffer:
                if buffer[:1] == b"$":
                    size = 4 + int.from_bytes(buffer[2:4], "big")
                    if len(buffer) < size:
                        break
                    buffer = buffer[size:]
                    continue
                head, end, rest = buffer.partition(b"\r\n\r\n")
                if not end:
                    break
                buffer = rest
                if self._answer(sock, head.decode()) and self.hangs_up:
                    # Closing at once would throw away what the other side has not read yet.
                    sock.shutdown(socket.SHUT_WR)

    def _answer(self, sock: socket.socket, head: str) -> bool:
        """Answer a request; return whether packets were sent."""
        first, *lines = head.split("\r\n")
        method, url, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        asked = Asked(method, url, headers)
        self.asked.append(asked)
        sock.settimeout(10.0)
        answer = self.respond(asked)
        sock.sendall(self._as_a_camera(asked) if answer is None else answer)
        if method == "PLAY" and answer is None:
            # Who hangs up in the middle has said good-bye before: that is still there to be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for channel, data in self.packets:
                    sock.sendall(bytes([0x24, channel]) + len(data).to_bytes(2, "big") + data)
        sock.settimeout(0.1)
        return method == "PLAY"

    def _as_a_camera(self, asked: Asked) -> bytes:
        if asked.method == "DESCRIBE":
            return reply(asked, body=self.sdp.encode(), Content_Base=self.url + "/")
        if asked.method == "SETUP":
            return reply(asked, Session="abc;timeout=60", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        return reply(asked, Session="abc", Public="OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER")


@dataclass(frozen=True)
class Clip:
    """An encoded clip.

    Args:
        units: the NAL units of each picture.
    """

    codec: Codec
    units: list[list[bytes]]

    @property
    def sdp(self) -> str:
        """Its session description."""
        sets = parameter_sets(self.codec, self.units[0])
        return session_description(MediaDescription(self.codec, sets, 25.0, has_audio=False, host="127.0.0.1"))

    def packets(self, first: int = 65000) -> list[bytes]:
        """Return its RTP packets; the numbers go round within."""
        out: list[bytes] = []
        for number, units in enumerate(self.units):
            for payload in packetise(self.codec, units):
                header = rtp_header(
                    VIDEO_PAYLOAD_TYPE,
                    marker=payload.marker,
                    sequence=first + len(out),
                    timestamp=(1 << 32) - 5 * TICKS_PER_PICTURE + number * TICKS_PER_PICTURE,
                    ssrc=SSRC,
                )
                out.append(header + payload.data)
        return out


def encoded(codec: Codec = Codec.H264, count: int = 24, size: tuple[int, int] = (480, 272), slices: int = 1) -> Clip:
    """Encode a moving picture, large enough for several packets each (CABAC)."""
    name, options = "libx264", {"qp": "6", "bf": "0", "g": "12", "x264-params": f"slices={slices}:repeat-headers=1"}
    if codec is Codec.H265:
        name, options = "libx265", {"x265-params": "qp=6:bframes=0:keyint=12:repeat-headers=1:log-level=none"}
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt, context.options = size[0], size[1], "yuv420p", options
    context.time_base = Fraction(1, 25)
    pictures = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(scene(number, *size), "rgb24").reformat(format="yuv420p")
        frame.pts = number
        pictures += context.encode(frame)
    pictures += context.encode(None)
    return Clip(codec, [split_annex_b(bytes(one)) for one in pictures])
