"""A hostile camera over ONVIF: it can't send us elsewhere, fill memory, or hold a thread. Each against a real socket."""

import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from ingest.address import CameraAddress
from ingest.onvif.address import configured_url
from ingest.onvif.soap import Account
from ingest.onvif_device import OnvifDevice
from ingest.position import PositionClient
from tests.ingest.http_peer import ENVELOPE, XML, Asked, HttpPeer, Reply, fault, for_ever, http, soap
from vms.clock import SystemClock
from vms.errors import VmsError

pytestmark = pytest.mark.timeout(60)
CLOCK = SystemClock()
CHUNKED = f"HTTP/1.1 200 OK\r\nContent-Type: {XML}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
UNBOUNDED = f"HTTP/1.1 200 OK\r\nContent-Type: {XML}\r\n\r\n".encode()
MOST_SENT_BYTES = 48 * 1024 * 1024
"""What a client may have taken off us before it hangs up: its bound (4 MiB) and the buffers of both sockets."""
SHORT_S = 0.4


def device(url: str, timeout_s: float = 5.0) -> None:
    """Connect a device client."""
    OnvifDevice(CameraAddress("rtsp://192.0.2.1/x", "u", "p", "tcp", url), CLOCK, timeout_s=timeout_s).close()


def position(url: str, timeout_s: float = 5.0) -> None:
    """Ask for a position; raise where there is none."""
    where = configured_url(url)
    with PositionClient(where, "p", Account("u", "p"), CLOCK, ahead=timedelta(), timeout_s=timeout_s) as client:
        if client.ask() is None:
            raise VmsError("no position", code="none")


Client = Callable[..., None]
BOTH = pytest.mark.parametrize("client", [device, position])


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(client: Client, status: int) -> None:
    """A 307 carried the account's digest to wherever the camera wanted it."""
    with HttpPeer(lambda _: soap("<tptz:GetStatusResponse><tptz:PTZStatus/></tptz:GetStatusResponse>")) as other:
        moved = http("", f"{status} Moved", Location=other.url())
        with HttpPeer(lambda _: moved) as camera, pytest.raises(VmsError):
            client(camera.url())
        assert other.asked == []
    assert len(camera.asked) == 1


def test_a_redirect_is_called_one_and_names_where_it_leads() -> None:
    """Whoever set the wrong address sees the right one."""
    moved = http("", "302 Found", Location="https://192.0.2.7/onvif/\x1b[31mdevice_service")
    with (
        HttpPeer(lambda _: moved) as camera,
        pytest.raises(VmsError, match=r"redirects \(HTTP 302\) to https://192.0.2.7/onvif/ \[31m"),
    ):
        device(camera.url())


@BOTH
def test_a_redirect_to_itself_is_asked_once(client: Client) -> None:
    """Not thirty times."""
    with HttpPeer(lambda one: http("", "307 Again", Location=one.target)) as camera, pytest.raises(VmsError):
        client(camera.url())
    assert len(camera.asked) == 1


def unending() -> Iterator[tuple[str, bytes, bytes]]:
    """Answers that never end."""
    megabyte = b"<a>" + b" " * (1 << 20)
    yield "a body until the connection ends", UNBOUNDED, megabyte
    yield "chunks", CHUNKED, b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    yield "headers", b"HTTP/1.1 200 OK\r\n", b"X-A: " + b"b" * 1000 + b"\r\n"
    yield "one header", b"HTTP/1.1 200 OK\r\nX-A: ", b"b" * 10_000
    yield "interim answers", b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 400
    yield "trailers", CHUNKED + b"0\r\n", b"X-A: " + b"b" * 1000 + b"\r\n"


UNENDING = list(unending())


@BOTH
@pytest.mark.parametrize(("start", "piece"), [one[1:] for one in UNENDING], ids=[one[0] for one in UNENDING])
def test_an_answer_that_does_not_end_is_cut_off(client: Client, start: bytes, piece: bytes) -> None:
    """300 MB were read whole (+607 MB of memory); this camera would send for ever."""
    with HttpPeer(lambda _: for_ever(start, piece)) as camera, pytest.raises(VmsError):
        client(camera.url())
    assert camera.sent_bytes < MOST_SENT_BYTES


@BOTH
def test_a_length_beyond_the_bound_is_not_read_at_all(client: Client) -> None:
    """300 MB."""
    head = UNBOUNDED[:-2] + b"Content-Length: 314572800\r\n\r\n"
    with HttpPeer(lambda _: for_ever(head, b" " * (1 << 20))) as camera, pytest.raises(VmsError):
        client(camera.url())
    assert camera.sent_bytes < MOST_SENT_BYTES


@BOTH
def test_a_gzip_bomb_is_not_unpacked(client: Client) -> None:
    """100 MB in 100 KB: unpacked bytes are counted while they are unpacked."""
    bomb = http(gzip.compress(bytes(100 << 20), 9), Content_Encoding="gzip")
    with HttpPeer(lambda _: bomb) as camera:
        tracemalloc.start()
        try:
            with pytest.raises(VmsError):
                client(camera.url())
            assert tracemalloc.get_traced_memory()[1] < 20 << 20
        finally:
            tracemalloc.stop()


@BOTH
@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-A: ", UNBOUNDED, CHUNKED + b"5000\r\n"])
def test_an_answer_that_drips_ends_with_the_deadline(client: Client, start: bytes) -> None:
    """Each byte came in time: 62 s against a limit of 5; this one would drip for ever."""
    with (
        HttpPeer(lambda _: for_ever(start, b"a", lambda: CLOCK.sleep(0.05))) as camera,
        pytest.raises(VmsError),
    ):
        client(camera.url(), SHORT_S)


def test_a_sign_in_has_no_deadline_of_its_own() -> None:
    """Sign-in and question share one: a camera that asks again and again gains no time by it."""

    def slowly(_: Asked) -> Reply:
        CLOCK.sleep(0.3)
        return http("", "401 No", None, WWW_Authenticate='Digest realm="r", nonce="n", qop="auth"')

    with HttpPeer(slowly) as camera, pytest.raises(VmsError, match="in time"):
        device(camera.url(), SHORT_S)


BOMBS = {
    "entities that expand": '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    + ENVELOPE.format(inner="&c;"),
    "an entity from a file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]>' + ENVELOPE.format(inner="&b;"),
    "a document type from elsewhere": '<!DOCTYPE a SYSTEM "http://192.0.2.9/a.dtd">' + ENVELOPE.format(inner=""),
    "deep nesting": ENVELOPE.format(inner="<a>" * 20_000 + "</a>" * 20_000),
}


@BOTH
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", BOMBS)
def test_xml_that_expands_or_is_too_deep_is_no_answer(client: Client, name: str, encoding: str) -> None:
    """In any encoding: a look at the bytes alone did not see a document type in UTF-16."""
    declaration, _, rest = ENVELOPE.partition("?>")
    bomb = BOMBS[name].replace(declaration + "?>", "")
    assert rest
    answer = http(bomb.encode(encoding), kind=f"application/soap+xml; charset={encoding}")
    with HttpPeer(lambda _: answer) as camera, pytest.raises(VmsError):
        client(camera.url())


@BOTH
@pytest.mark.parametrize("prologue", ["<!---->", "<?a?>", "<!-- -->\n<?a?>", "<!--", "<script "])
def test_what_stands_before_an_envelope_costs_no_time(client: Client, prologue: str) -> None:
    """Forty comments held a worker's interpreter for ever: a pattern tried them as one, two, three ..."""
    for body in (prologue * 20_000 + "<x>", prologue * 20_000):
        with HttpPeer(lambda _, body=body: http(body.encode())) as camera, pytest.raises(VmsError):
            client(camera.url())


@BOTH
@pytest.mark.parametrize("boundary", ["undefined''abc", "unicode_escape''%5Cud800", "a%00b''abc"])
def test_a_content_type_in_a_character_set_of_its_own_is_nonsense(client: Client, boundary: str) -> None:
    """What the library raises of it ended the worker."""
    answer = http(b"--abc", kind=f"multipart/related; boundary*={boundary}")
    with HttpPeer(lambda _: answer) as camera, pytest.raises(VmsError):
        client(camera.url())


ANSWERED = ENVELOPE.format(inner="<tptz:GetStatusResponse><tptz:PTZStatus>{}</tptz:PTZStatus></tptz:GetStatusResponse>")
PARTS = b"--abc\r\nContent-Type: text/\xff\xfe\r\n\r\n" + ANSWERED.format("").encode() + b"\r\n--abc--"
HEAD = "HTTP/1.1 200 OK\r\n{}\r\nContent-Length: 0\r\n\r\n"
FOLDED = 'Content-Type: multipart/related; x="' + "\r\n ".join([";" * 60_000] * 6)
NO_ANSWERS = {
    "a parameter whole and in pieces": HEAD.format(
        "Content-Type: multipart/related; boundary*=a; boundary*0=b"
    ).encode(),
    "one long header of quotes": HEAD.format(FOLDED.partition("\r\n")[0]).encode(),
    "a folded header of quotes": HEAD.format(FOLDED).encode(),
    "a boundary in a slow character set": HEAD.format(
        "Content-Type: multipart/related; boundary*=punycode''" + "a" * 60_000
    ).encode(),
    "a part's header in no encoding": http(
        PARTS.replace(b"Envelope", b"Elevation"), kind="multipart/related; boundary=abc"
    ),
    "a nonce with a line end": http("", "401 No", None, WWW_Authenticate='Digest realm="a\r\n b", nonce="n"'),
    "a chunk of less than nothing": CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n",
    "a chunk of all there is": CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
    "a part of headers alone": http(
        b"--abc\r\n" + b"X: y\r\n" * 600_000 + b"\r\n", kind="multipart/related; boundary=abc"
    ),
}


@BOTH
@pytest.mark.parametrize("name", NO_ANSWERS)
def test_no_answer_ends_a_worker_or_holds_its_processor(client: Client, name: str) -> None:
    """Python's mail parser raised what nobody expected of it, or took the square of a header's length: minutes (the mark's time limit)."""
    with HttpPeer(lambda _: NO_ANSWERS[name]) as camera, pytest.raises(VmsError):
        client(camera.url())


@pytest.mark.parametrize(
    "inner", ["<a/>" * 1_000_000, "<a " + " a=''" * 500_000 + "/>"], ids=["elements", "attributes"]
)
def test_no_answer_becomes_more_elements_than_a_camera_has(inner: str) -> None:
    """4 MB of text were 300 MB of elements, and 12 s of a worker's time, for each answer."""
    answer = http(ENVELOPE.format(inner=inner))
    with HttpPeer(lambda _: answer) as camera:
        tracemalloc.start()
        try:
            with pytest.raises(VmsError, match="well-formed"):
                device(camera.url(), 50.0)
            assert tracemalloc.get_traced_memory()[1] < 64 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("utc", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "2026-01-01T00:00:00+99:99"])
def test_an_instant_beyond_the_calendar_is_no_time(utc: str) -> None:
    """It ended the thread that asks for positions, and the worker with it."""
    answer = http(ANSWERED.format(f"<tt:UtcTime>{utc}</tt:UtcTime>"))
    with (
        HttpPeer(lambda _: answer) as camera,
        PositionClient(configured_url(camera.url()), "p", Account("u", "p"), CLOCK, ahead=timedelta()) as client,
    ):
        found = client.ask()
    assert found is not None
    if utc < "2026":
        assert (found.utc_s, found.utc_digits) == (None, 0)


def test_an_answer_in_parts_with_an_odd_header_is_read() -> None:
    """What no encoding holds in a part's header harms nobody."""
    with (
        HttpPeer(lambda _: http(PARTS, kind="multipart/related; boundary=abc")) as camera,
        PositionClient(configured_url(camera.url()), "p", Account("u", "p"), CLOCK, ahead=timedelta()) as client,
    ):
        assert client.ask() is not None


def test_the_account_goes_to_the_configured_host_alone() -> None:
    """A camera that names services elsewhere is asked for them at its own address."""
    with HttpPeer(lambda _: soap("")) as other:
        capabilities = (
            "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>{other}</tt:XAddr></tt:Media>"
            "</tds:Capabilities></tds:GetCapabilitiesResponse>"
        ).format(other=other.url("/media?x=1").replace("127.0.0.1", "localhost"))

        def answer(asked: Asked) -> Reply:
            if asked.operation == "GetSystemDateAndTime":
                return soap("<tds:GetSystemDateAndTimeResponse/>")
            return soap(capabilities) if asked.operation == "GetCapabilities" else fault("ter:ActionNotSupported", "no")

        with HttpPeer(answer) as camera:
            connected = OnvifDevice(CameraAddress("rtsp://192.0.2.1/x", "u", "p", "tcp", camera.url()), CLOCK)
            with pytest.raises(VmsError, match="the camera refuses: no"):
                connected.profile_token()
            connected.close()
        assert other.asked == []
    assert (camera.asked[-1].target, camera.asked[-1].operation) == ("/media?x=1", "GetProfiles")
