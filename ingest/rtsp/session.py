"""One RTSP session with a camera: one track is asked for, played and kept alive.

Every answer is bounded in size and time, what would lead elsewhere is refused, and the account goes to the configured address alone.

Source: RFC 2326 (RTSP 1.0), RFC 2326 appendix C.1.1 (addresses of tracks).
"""

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import structlog

from ingest import failure
from ingest.address import CameraAddress
from ingest.failure import CameraFailure
from ingest.rtsp.connection import Connection, Interleaved, connect
from ingest.rtsp.datagrams import Datagrams
from ingest.rtsp.description import Track, usable_tracks
from ingest.rtsp.message import Answer, encode_request
from ingest.rtsp.rtp import SenderReport, is_rtcp, parse_rtp, parse_sender_report, receiver_report
from ingest.rtsp.sequence import InOrder, SequenceTracker
from ingest.rtsp.sign_in import SignIn
from vms.clock import Clock

OPENS_WITHIN_S = 15.0
_POLL_S = 0.5
_HELD_POLL_S = 0.02
_REPORT_EVERY_S = 5.0
_DEFAULT_TIMEOUT_S = 60
_FIRST_SIGN_S = 4.0
_MOST_EARLY = 4096
_MOST_RECEIVED_AT_ONCE = 512
_DEPTH = {"tcp": (16, 0.1), "udp": (128, 0.2)}
"""Packets that may wait for one before them, and how long: TCP brings them in order, but cameras have been seen to send them otherwise."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reported:
    """A sender report came."""

    report: SenderReport
    arrived_s: float


class RtspSession:
    """A playing session. Iterate `received()` in one thread; the iteration ends only by a failure.

    Attributes:
        track: what is played.
    """

    def __init__(self, requests: "_Requests", track: Track, channel: int, datagrams: Datagrams | None) -> None:
        self._requests = requests
        self._channel = channel
        self._datagrams = datagrams
        self._clock = requests.clock
        self._tracker = SequenceTracker(*_DEPTH["udp" if datagrams else "tcp"])
        self._ssrc = secrets.randbits(32)
        self._next_report_s = 0.0
        self.track = track
        self.counts = self._tracker.counts

    def received(self, silence_s: float, *, reports_count: bool = False) -> Iterator[InOrder | Reported]:
        """Yield packets in order, each once, and sender reports.

        Args:
            silence_s: how long the camera may give nothing.
            reports_count: sender reports alone are something.

        Raises:
            CameraFailure: the session ended, or the camera has given nothing for too long.
        """
        heard_s = self._clock.monotonic_s()
        while True:
            try:
                self._keep_alive()
                came = self._wait()
            except CameraFailure:
                yield from self._tracker.give_up()
                raise
            for data, arrived_s in came:
                for one in self._taken(data, arrived_s):
                    if reports_count or isinstance(one, InOrder):
                        heard_s = arrived_s
                    yield one
            now_s = self._clock.monotonic_s()
            yield from self._tracker.release(now_s)
            if now_s - heard_s > silence_s:
                raise failure.stalled("nothing came")

    def close(self) -> None:
        """End the session; harmless when repeated."""
        self._requests.tear_down()
        if self._datagrams is not None:
            self._datagrams.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _taken(self, data: bytes, arrived_s: float) -> list[InOrder | Reported]:
        if is_rtcp(data):
            report = parse_sender_report(data)
            return [] if report is None else [Reported(report, arrived_s)]
        packet = parse_rtp(data, arrived_s)
        if packet is None or packet.payload_type != self.track.payload_type:
            self._tracker.reject()
            return []
        return list(self._tracker.add(packet))

    def _wait(self) -> list[tuple[bytes, float]]:
        """Return the track's packets that came, waiting for some a while."""
        timeout_s = _HELD_POLL_S if self._tracker.waits else _POLL_S
        connection, found = self._requests.connection, list[bytes]()
        # What came with the answer to PLAY waits in the buffer: no read may come, and none may fail, before it.
        early, self._requests.early = self._requests.early, []
        if self._datagrams is None and (waiting := [*early, *self._packets()]):
            return self._mine(waiting)
        if self._datagrams is not None:
            found = self._datagrams.wait(connection, timeout_s, _MOST_RECEIVED_AT_ONCE)
            readable = self._datagrams.connection_is_readable
            if not readable or not connection.read(0.0):
                return [(data, self._clock.monotonic_s()) for data in found]
        elif not connection.read(timeout_s):
            return []
        return [*((data, self._clock.monotonic_s()) for data in found), *self._mine(self._packets())]

    def _packets(self) -> list[Interleaved]:
        """Return the whole packets that have been read, and take the messages among them."""
        inside: list[Interleaved] = []
        for one in self._requests.connection.received():
            if isinstance(one, Answer):
                self._requests.take_unasked(one)
            else:
                inside.append(one)
        return inside

    def _mine(self, inside: list[Interleaved]) -> list[tuple[bytes, float]]:
        if self._datagrams is not None:
            return []
        arrived_s = self._clock.monotonic_s()
        return [(one.data, arrived_s) for one in inside if one.channel in {self._channel, self._channel + 1}]

    def _keep_alive(self) -> None:
        now_s = self._clock.monotonic_s()
        self._requests.keep_alive(now_s)
        if now_s < self._next_report_s:
            return
        self._next_report_s = now_s + _REPORT_EVERY_S
        report = receiver_report(self._ssrc)
        if self._datagrams is not None:
            self._datagrams.report(report)
        else:
            self._requests.connection.send(bytes([0x24, self._channel + 1]) + len(report).to_bytes(2, "big") + report)


class _Requests:
    """Requests over one connection, and what the camera says to them."""

    def __init__(self, connection: Connection, address: CameraAddress, clock: Clock, deadline_s: float) -> None:
        self.connection = connection
        self.clock = clock
        self.url = address.rtsp_url
        self.deadline_s = deadline_s
        is_encrypted = urlsplit(address.rtsp_url).scheme == "rtsps"
        self._sign_in = SignIn(address.username, address.password, is_encrypted or address.allows_basic)
        self._sequence = 0
        self._session = ""
        self._timeout_s = _DEFAULT_TIMEOUT_S
        self._public: set[str] = set()
        self._next_sign_s = clock.monotonic_s() + _FIRST_SIGN_S
        self._torn_down = False
        self.early: list[Interleaved] = []

    def ask(self, method: str, url: str, **headers: str) -> Answer:
        """Send a request; return the answer, which is 200.

        Raises:
            CameraFailure: it is another one, or none in time.
        """
        answer = self._exchange(method, url, headers)
        if answer.status == 401 and self._sign_in.take(answer.all("www-authenticate")):
            answer = self._exchange(method, url, headers)
            if answer.status == 401 and self._sign_in.take(answer.all("www-authenticate")):
                answer = self._exchange(method, url, headers)
        if answer.status != 200:
            raise _refusal(answer.status)
        self._note_session(answer)
        return answer

    def keep_alive(self, now_s: float) -> None:
        """Give a sign of life when one is due."""
        if now_s < self._next_sign_s:
            return
        self._next_sign_s = now_s + max(2.0, min(self._timeout_s, 120) / 2.5)
        if self._session:
            self.connection.send(self._encoded(self._sign_of_life(), self.url, {}))

    def take_unasked(self, answer: Answer) -> None:
        """Take the answer to a sign of life, or a request by the camera.

        Raises:
            CameraFailure: the camera sends us elsewhere, or knows the session no more.
        """
        if answer.method == "REDIRECT":
            raise _refusal(302)
        if answer.status == 401 and self._sign_in.take(answer.all("www-authenticate")):
            self.connection.send(self._encoded(self._sign_of_life(), self.url, {}))
        elif answer.status == 454:
            raise failure.connection_lost()
        elif answer.status in {405, 501}:
            self._public.discard("GET_PARAMETER")

    def tear_down(self) -> None:
        """Say good-bye, without waiting for an answer: the camera may be gone."""
        if not self._torn_down and self._session:
            with contextlib.suppress(CameraFailure):
                self.connection.send(self._encoded("TEARDOWN", self.url, {}))
        self._torn_down = True
        self.connection.close()

    def learn_methods(self, answer: Answer) -> None:
        """Note which methods the camera knows."""
        self._public = {one.strip().upper() for one in answer.header("public").split(",")}

    def _sign_of_life(self) -> str:
        return "GET_PARAMETER" if "GET_PARAMETER" in self._public else "OPTIONS"

    def _exchange(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        self.connection.send(self._encoded(method, url, headers))
        wanted = str(self._sequence)
        while (left_s := self.deadline_s - self.clock.monotonic_s()) > 0:
            for one in self.connection.received():
                if isinstance(one, Interleaved):
                    # Packets may come before the answer to PLAY. Where they are too many, the numbers tell of those left out.
                    self.early += [one] if len(self.early) < _MOST_EARLY else []
                elif one.status and one.header("cseq") in {wanted, ""}:
                    return one
            self.connection.read(left_s)
        raise failure.unreachable("no answer in time")

    def _encoded(self, method: str, url: str, headers: dict[str, str]) -> bytes:
        self._sequence += 1
        full = {"CSeq": str(self._sequence), "User-Agent": "vms"} | headers
        account = self._sign_in.header(method, url)
        if account is not None:
            full["Authorization"] = account
        if self._session:
            full["Session"] = self._session
        return encode_request(method, url, full)

    def _note_session(self, answer: Answer) -> None:
        told = answer.header("session")
        if told and not self._session:
            self._session = told.partition(";")[0].strip()
            timeout = re.search(r"timeout\s*=\s*(\d{1,6})", told, re.IGNORECASE)
            self._timeout_s = max(5, int(timeout.group(1))) if timeout else _DEFAULT_TIMEOUT_S


def open_session(
    address: CameraAddress, kind: str, choose: Callable[[list[Track]], Track], clock: Clock
) -> RtspSession:
    """Connect, sign in, and play one track.

    Args:
        kind: of media: `video` or `application`.
        choose: among the usable tracks of this kind; raises CameraFailure if there is none.

    Raises:
        CameraFailure: with its cause.
    """
    deadline_s = clock.monotonic_s() + OPENS_WITHIN_S
    connection = connect(address.rtsp_url, clock, deadline_s)
    requests = _Requests(connection, address, clock, deadline_s)
    datagrams = None
    try:
        requests.learn_methods(requests.ask("OPTIONS", requests.url))
        described = requests.ask("DESCRIBE", requests.url, Accept="application/sdp")
        track = choose(usable_tracks(described.body.decode("utf-8", "replace"), kind))
        if address.transport == "udp":
            datagrams = Datagrams.bound(connection)
        channel = _set_up(requests, _track_url(requests.url, described, track), datagrams)
        requests.ask("PLAY", _base_url(requests.url, described), Range="npt=0.000-")
    except BaseException:  # whatever it is goes on its way: only the connection must not stay open behind it
        requests.tear_down()
        if datagrams is not None:
            datagrams.close()
        raise
    return RtspSession(requests, track, channel, datagrams)


def _set_up(requests: _Requests, url: str, datagrams: Datagrams | None) -> int:
    """Set the track up; return the channel of its packets."""
    if datagrams is not None:
        first = datagrams.first_port
        answer = requests.ask("SETUP", url, Transport=f"RTP/AVP;unicast;client_port={first}-{first + 1}")
        ports = re.search(r"server_port=(\d{1,5})(?:-(\d{1,5}))?", answer.header("transport"))
        if ports is not None:
            rtp = int(ports.group(1))
            datagrams.meet(rtp, int(ports.group(2) or rtp + 1))
        return 0
    answer = requests.ask("SETUP", url, Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
    channels = re.search(r"interleaved=(\d{1,3})", answer.header("transport"))
    channel = int(channels.group(1)) if channels else 0
    if channel > 254:
        raise failure.refused("it names no channel for its packets")
    return channel


def _base_url(url: str, described: Answer) -> str:
    base = described.header("content-base") or described.header("content-location")
    return base if base.lower().startswith(("rtsp://", "rtsps://")) else url


def _track_url(url: str, described: Answer, track: Track) -> str:
    if track.control.lower().startswith(("rtsp://", "rtsps://")):
        return track.control
    base = _base_url(url, described)
    if track.control in {"", "*"}:
        return base
    return base + ("" if base.endswith("/") else "/") + track.control


def _refusal(status: int) -> CameraFailure:
    if status in {401, 403}:
        return failure.wrong_password()
    if status == 404:
        return failure.stream_not_found()
    if 300 <= status < 400:
        return failure.refused("it sends us to another address")
    return failure.refused(f"RTSP status {status}")
