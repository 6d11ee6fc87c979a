"""Reading what cameras answer: well-formed or not, and nonsense is no sample."""

import base64
import hashlib
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.onvif.address import configured_url
from ingest.onvif.soap import Account
from ingest.position import PositionClient, parse_status, parse_utc
from tests.ingest.http_peer import Asked, HttpPeer, Reply, fault, http
from vms.clock import ManualClock

NOW = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)
GOOD = """<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>
 <tptz:GetStatusResponse><tptz:PTZStatus><tt:Position><tt:PanTilt x="12.5" y="-3" space="urn:degrees"/><tt:Zoom x="0.25"/>
 </tt:Position><tt:MoveStatus><tt:PanTilt>MOVING</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus>
 <tt:UtcTime>2026-05-04T12:00:00.250Z</tt:UtcTime></tptz:PTZStatus></tptz:GetStatusResponse></s:Body></s:Envelope>"""


def test_a_well_formed_answer_is_read_completely() -> None:
    """Every field has its part in the mask."""
    found = parse_status(GOOD.encode())
    assert found is not None
    assert (found.pan, found.tilt, found.space, found.zoom, found.moving) == (12.5, -3.0, "urn:degrees", 0.25, True)
    assert found.utc_s == NOW.timestamp()
    assert found.utc_digits == 3


def test_undeclared_prefixes_are_read_all_the_same() -> None:
    """Ipycam 1.3.0 leaves out its declarations; a strict parser sees nothing at all."""
    broken = GOOD.replace('xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"', "").replace(
        'xmlns:tt="http://www.onvif.org/ver10/schema"', ""
    )
    assert parse_status(broken.encode()) == parse_status(GOOD.encode())


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ('<tt:PanTilt x="12.5" y="-3" space="urn:degrees"/>', "", "pan"),
        ('x="12.5"', 'x="NaN"', "pan"),
        ('x="12.5"', 'x="inf"', "pan"),
        ('x="12.5"', 'x=""', "pan"),
        ('y="-3"', 'y="links"', "tilt"),
        ('<tt:Zoom x="0.25"/>', "", "zoom"),
        ("</tptz:PTZStatus>", "<tt:Error>motor blocked</tt:Error></tptz:PTZStatus>", "pan"),
        ("2026-05-04T12:00:00.250Z", "{{utc_time}}", "utc_s"),
        ("2026-05-04T12:00:00.250Z", "2026-13-44T12:00:00Z", "utc_s"),
        ("<tt:PanTilt>MOVING</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom>", "", "moving"),
    ],
)
def test_nonsense_in_one_field_is_none_there(old: str, new: str, missing: str) -> None:
    """A guess would be a mask in the wrong place."""
    assert old in GOOD
    found = parse_status(GOOD.replace(old, new).encode())
    assert found is not None
    assert getattr(found, missing) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"not found",
        GOOD.encode()[:200],
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>",
        b"<a/>",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_answer_is_none(body: bytes) -> None:
    """Login pages, cut answers and entity bombs are no positions."""
    assert parse_status(body) is None


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parser_raise(body: bytes) -> None:
    """One odd camera must not end its worker ten times a second."""
    parse_status(body)
    parse_status(GOOD.encode()[:400] + body)


@pytest.mark.parametrize(
    ("text", "seconds", "digits"),
    [
        ("2026-05-04T12:00:00Z", 0.0, 0),
        ("2026-05-04T12:00:00.5", 0.5, 1),
        ("2026-05-04T14:00:00.25+02:00", 0.25, 2),
        ("2026-05-04T08:30:00-0330", 0.0, 0),
    ],
)
def test_instants_are_read_with_zone_and_resolution(text: str, seconds: float, digits: int) -> None:
    """How finely a camera stamps decides how wide its samples are."""
    noon = datetime(2026, 5, 4, 12, tzinfo=UTC).timestamp()
    assert parse_utc(text) == (noon + seconds, digits)


def client(camera: HttpPeer) -> PositionClient:
    """A client of a camera whose clock is a minute ahead."""
    clock = ManualClock(NOW - timedelta(minutes=1))
    account = Account("us<er", "p@ss")
    url = configured_url(camera.url("/ptz"))
    return PositionClient(url, "profile & 1", account, clock, ahead=timedelta(minutes=1))


def test_the_password_goes_as_a_digest_that_is_fresh_by_the_cameras_clock() -> None:
    """Cameras refuse digests that are minutes off, and their clocks are."""
    with HttpPeer(lambda _: http(GOOD)) as camera, client(camera) as asking:
        assert asking.ask() is not None
    body = camera.asked[0].body
    assert b"p@ss" not in body
    root = ET.fromstring(body)  # noqa: S314 - our own request
    told = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    assert told["Created"] == "2026-05-04T12:00:00.250000Z"
    assert told["Username"] == "us<er"
    assert told["ProfileToken"] == "profile & 1"
    digest = hashlib.sha1(base64.b64decode(told["Nonce"]) + told["Created"].encode() + b"p@ss").digest()  # noqa: S324 - the profile's
    assert told["Password"] == base64.b64encode(digest).decode()


def test_a_camera_that_wants_the_digest_in_http_gets_it() -> None:
    """Some firmware asks for it even of requests with WS-Security; some then wants both."""

    def answer(asked: Asked) -> Reply:
        if "authorization" not in asked.headers:
            return http("", "401 No", None, WWW_Authenticate='Digest realm="r", nonce="n", qop="auth"')
        return http(GOOD) if asked.has_token else fault("ter:NotAuthorized", "both, please")

    with HttpPeer(answer) as camera, client(camera) as asking:
        assert asking.ask() is not None
        assert asking.ask() is not None
    assert camera.asked[-1].headers["authorization"].startswith("Digest ")
    assert [one.has_token for one in camera.asked] == [True, False, True, True]


HANG_UP = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<half"


@pytest.mark.parametrize("reply", [[], [HANG_UP], http("", "500 Internal Server Error"), b"no HTTP\r\n\r\n"])
def test_no_answer_is_none(reply: Reply) -> None:
    """A camera that is away makes grey pictures, not a dead worker."""
    with HttpPeer(lambda _: reply) as camera, client(camera) as asking:
        assert asking.ask() is None


def test_a_camera_that_does_not_listen_is_none() -> None:
    """Nothing answers at all."""
    with HttpPeer(lambda _: http(GOOD)) as camera:
        asking = client(camera)
    assert asking.ask() is None


def test_the_connection_is_kept_and_made_again_when_the_camera_closed_it() -> None:
    """Twenty questions a second want one connection; a camera that ends it between two has still answered both."""
    with HttpPeer(lambda _: http(GOOD)) as camera, client(camera) as asking:
        assert all(asking.ask() is not None for _ in range(3))
        assert camera.connections == 1
        camera.hang_up()
        assert asking.ask() is not None
        assert camera.connections == 2


def test_the_header_names_the_action() -> None:
    """Some cameras answer nothing to a request that does not."""
    with HttpPeer(lambda _: http(GOOD)) as camera, client(camera) as asking:
        asking.ask()
    kind = 'application/soap+xml; charset=utf-8; action="http://www.onvif.org/ver20/ptz/wsdl/GetStatus"'
    assert camera.asked[0].headers["content-type"] == kind
