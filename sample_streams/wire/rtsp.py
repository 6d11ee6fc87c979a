"""The RTSP server of a camera: sessions over TCP and UDP, authentication, delivery of access units.

Source: RFC 2326 (RTSP 1.0), which is what cameras of the field speak.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sample_streams.device.clock import RTP_CLOCK_HZ, CameraClock, monotonic_s
from sample_streams.wire.auth import Account, Authenticator, AuthMode
from sample_streams.wire.http import Request, parse_headers
from sample_streams.wire.impairment import Numbered
from sample_streams.wire.metadata import METADATA_PAYLOAD_TYPE
from sample_streams.wire.rtp import PCMU_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE, Payload
from sample_streams.wire.sdp import MediaDescription, session_description
from sample_streams.wire.session import SESSION_TIMEOUT_S, Carrier, Interleaved, Session, Track, open_datagrams

METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
}
REPORT_INTERVAL_S = 1.0
AUDIO_CLOCK_HZ = 8000
VIDEO, AUDIO, METADATA = 0, 1, 2
FORMATS = {
    VIDEO: (VIDEO_PAYLOAD_TYPE, RTP_CLOCK_HZ),
    AUDIO: (PCMU_PAYLOAD_TYPE, AUDIO_CLOCK_HZ),
    METADATA: (METADATA_PAYLOAD_TYPE, RTP_CLOCK_HZ),
}
"""Payload type and clock rate of each track."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, extra headers and a body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class RtspSettings:
    """What does not change while the server runs."""

    host: str
    path: str
    account: Account


class Connection:
    """One client connection and the session that it set up."""

    def __init__(self, server: "RtspServer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._authenticator = Authenticator(server.settings.account, server.auth_mode)
        self.session: Session | None = None

    async def serve(self) -> None:
        """Answer requests until the client hangs up or tears down."""
        while (request := await self._next_request()) is not None:
            if self.session is not None:
                self.session.touch()
            reply = await self._answer(request)
            self._writer.write(encode_reply(reply, request, self.session))
            await self._writer.drain()
            if request.method == "PLAY" and reply.status == 200 and self.session is not None:
                self.session.is_playing = True
                self._server.on_play()
            if request.method == "TEARDOWN":
                return

    def abort(self) -> None:
        """Cut the connection as a pulled cable does."""
        self._writer.transport.abort()

    def close(self) -> None:
        """End the session and the connection."""
        if self.session is not None:
            self.session.close()
        self._writer.close()

    async def _next_request(self) -> Request | None:
        while True:
            try:
                first = await self._reader.readexactly(1)
                if first == b"$":  # the client's RTCP: a sign of life, nothing more
                    head = await self._reader.readexactly(3)
                    await self._reader.readexactly(int.from_bytes(head[1:], "big"))
                    if self.session is not None:
                        self.session.touch()
                    continue
                rest = await self._reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                return None
            lines = (first + rest).decode("latin-1").lstrip("\r\n").split("\r\n")
            method, path, _version = lines[0].split(" ", 2)
            headers = parse_headers(lines[1:])
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
            return Request(method, path, headers, body)

    async def _answer(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(200, (("Public", METHODS),))
        if not self._authenticator.accepts(request.headers.get("authorization"), request.method):
            return Reply(401, (("WWW-Authenticate", self._authenticator.challenge()),))
        if not self._server.serves(request.path):
            return Reply(404)
        match request.method:
            case "DESCRIBE":
                base = request.path.rstrip("/") + "/"
                text = session_description(self._server.describe())
                return Reply(200, (("Content-Base", base), ("Content-Type", "application/sdp")), text)
            case "SETUP":
                return await self._set_up(request)
            case "PLAY" | "PAUSE" | "TEARDOWN" | "GET_PARAMETER" | "SET_PARAMETER":
                return self._in_session(request)
            case _:
                return Reply(501)

    def _in_session(self, request: Request) -> Reply:
        named = request.headers.get("session", "").partition(";")[0]
        if self.session is None or (named and named != self.session.session_id):
            # GET_PARAMETER without a session is a ping, which RFC 2326 section 10.8 allows.
            return Reply(200) if request.method == "GET_PARAMETER" and not named else Reply(454)
        if request.method == "PLAY":
            return Reply(200, (("Range", "npt=now-"), ("RTP-Info", self._rtp_info(request.path))))
        if request.method in {"PAUSE", "TEARDOWN"}:
            self.session.is_playing = False
            self.session.waits_for_keyframe = True
        return Reply(200)

    def _rtp_info(self, path: str) -> str:
        assert self.session is not None
        base = path.rstrip("/")
        now = monotonic_s()
        return ",".join(
            f"url={base}/trackID={number};seq={track.sequence};rtptime={self._server.clock.rtp(now, track.clock_hz)}"
            for number, track in self.session.tracks.items()
        )

    async def _set_up(self, request: Request) -> Reply:
        track_match = re.search(r"trackID=(\d+)", request.path)
        number = int(track_match.group(1)) if track_match else VIDEO
        if number not in self._server.tracks():
            return Reply(404)
        if self.session is None:
            self.session = Session(last_seen_s=monotonic_s(), clock_s=monotonic_s)
        transport = request.headers.get("transport", "")
        carrier, answer = await self._carrier(transport, number)
        if carrier is None:
            return Reply(461)
        track = Track(carrier, *FORMATS[number])
        self.session.tracks[number] = track
        return Reply(200, (("Transport", f"{answer};ssrc={track.ssrc:08X}"),))

    async def _carrier(self, transport: str, number: int) -> tuple[Carrier | None, str]:
        assert self.session is not None
        for option in transport.split(","):
            if "RTP/AVP/TCP" in option:
                found = re.search(r"interleaved=(\d+)", option)
                channel = int(found.group(1)) if found else 2 * number
                return Interleaved(self._writer, channel), f"RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
            ports = re.search(r"client_port=(\d+)(?:-(\d+))?", option)
            if "RTP/AVP" in option and "multicast" not in option and ports and self._server.allows_udp:
                first = int(ports.group(1))
                client_ports = (first, int(ports.group(2) or first + 1))
                host = self._writer.get_extra_info("peername")[0]
                carrier = await open_datagrams(self.session, self._server.settings.host, host, client_ports)
                a, b = carrier.server_ports
                return carrier, (f"RTP/AVP;unicast;client_port={client_ports[0]}-{client_ports[1]};server_port={a}-{b}")
        return None, ""


def encode_reply(reply: Reply, request: Request, session: Session | None) -> bytes:
    """Return the bytes of a reply."""
    lines = [f"RTSP/1.0 {reply.status} {REASONS[reply.status]}", f"CSeq: {request.headers.get('cseq', '0')}"]
    if session is not None:
        lines.append(f"Session: {session.session_id};timeout={SESSION_TIMEOUT_S:.0f}")
    lines += [f"{name}: {value}" for name, value in reply.headers]
    body = reply.body.encode()
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class RtspServer:
    """Serve one stream to any number of clients."""

    def __init__(
        self,
        settings: RtspSettings,
        clock: CameraClock,
        describe: Callable[[], MediaDescription],
        on_play: Callable[[], None],
        port: int,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.describe = describe
        self.on_play = on_play
        self.port = port
        self.auth_mode = AuthMode.DIGEST
        self.allows_udp = True
        self.sends_reports = True
        self.report_delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self) -> None:
        """Listen; port 0 is replaced by the one that was given, and kept for the next start."""
        self._server = await asyncio.start_server(self._serve, self.settings.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut_connections()

    @property
    def is_listening(self) -> bool:
        """Whether the port is open."""
        return self._server is not None

    def cut_connections(self) -> int:
        """Cut every connection; returns how many there were."""
        connections = list(self._connections)
        for connection in connections:
            connection.abort()
        return len(connections)

    def tracks(self) -> list[int]:
        """The tracks that a client may set up."""
        media = self.describe()
        return [VIDEO, *([AUDIO] if media.has_audio else []), *([METADATA] if media.metadata is not None else [])]

    def serves(self, url: str) -> bool:
        """Whether a request URL names this stream or one of its tracks."""
        path = "/" + url.split("://", 1)[-1].partition("/")[2]
        path = path.partition("?")[0].rstrip("/")
        return path == self.settings.path or path.startswith(self.settings.path + "/")

    @property
    def viewers(self) -> list[Session]:
        """The playing sessions that set up the video track."""
        return [session for session in self.playing if VIDEO in session.tracks]

    @property
    def playing(self) -> list[Session]:
        """The sessions that receive something."""
        return [one.session for one in self._connections if one.session is not None and one.session.is_playing]

    def deliver(self, packets: Sequence[Numbered], total: int, timestamp: int, *, is_keyframe: bool) -> None:
        """Send one access unit to every playing client; a new client starts at a keyframe."""
        now = monotonic_s()
        for session in self.playing:
            track = session.tracks.get(VIDEO)
            if track is None:
                continue
            if session.waits_for_keyframe:
                if not is_keyframe:
                    continue
                session.waits_for_keyframe = False
                session.next_report_s = now + self.report_delay_s
            self._report_when_due(session, now)
            track.send(packets, total, timestamp)

    def deliver_audio(self, packet: Numbered, timestamp: int) -> None:
        """Send one audio packet to every client that set up the audio track."""
        for session in self.playing:
            if AUDIO in session.tracks:
                session.tracks[AUDIO].send([packet], 1, timestamp)

    def deliver_metadata(self, payloads: Sequence[Payload], timestamp: int) -> None:
        """Send one document to every client that set up the metadata track."""
        packets = [Numbered(place, payload) for place, payload in enumerate(payloads)]
        for session in self.playing:
            if METADATA in session.tracks:
                session.tracks[METADATA].send(packets, len(packets), timestamp)

    def report_without_video(self) -> None:
        """Send the due reports of sessions without video; those with video get theirs in front of pictures."""
        now = monotonic_s()
        for session in self.playing:
            if VIDEO not in session.tracks:
                self._report_when_due(session, now)

    def end_expired(self) -> None:
        """Cut the clients that gave no sign of life for the session time-out."""
        now = monotonic_s()
        for connection in list(self._connections):
            if connection.session is not None and connection.session.has_expired(now):
                connection.abort()

    def _report_when_due(self, session: Session, now_s: float) -> None:
        if self.sends_reports and now_s >= session.next_report_s:
            session.next_report_s = now_s + REPORT_INTERVAL_S
            for track in session.tracks.values():
                track.report(self.clock, now_s)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            # ConnectionError: the client hung up. ValueError: it spoke no RTSP. Either way the connection ends here.
            # CancelledError: the city ends; Python 3.11's streams would print a traceback for a task that ends cancelled.
            with contextlib.suppress(ConnectionError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await connection.serve()
        finally:
            self._connections.discard(connection)
            connection.close()
