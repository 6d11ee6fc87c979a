"""The habits of other makes: each device does what its name says, by plain HTTP and an XML parser that is not ours."""

import base64
import hashlib
import http.client
import secrets
import socket
import time
import urllib.parse
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from sample_streams.onvif.habits import OnvifHabit, OnvifHabits, read_habits
from sample_streams.onvif.instead import HUGE_BYTES
from sample_streams.wire.nal import Codec
from tests.sample_streams.city import CityCamera, OrderRefusedError
from tests.sample_streams.onvif_device import ACCOUNT, RunningDevice, running_device

TDS = "http://www.onvif.org/ver10/device/wsdl"
TRT = "http://www.onvif.org/ver10/media/wsdl"
TR2 = "http://www.onvif.org/ver20/media/wsdl"
TPTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
CLIENT = httpx.Client(trust_env=False, timeout=10)
"""Shared: making one reads all certificates of the machine."""
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningDevice]:
    """The device that all tests share."""
    with running_device() as device:
        yield device


@pytest.fixture
def device(started: RunningDevice) -> Iterator[RunningDevice]:
    """A plain device; each test gives it habits."""
    started.be()
    started.clock.offset_s = 0.0
    yield started
    started.be()


def token(at: datetime | None = None) -> str:
    """Return a Security header with a password digest of an instant."""
    nonce = secrets.token_bytes(16)
    created = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha1(nonce + created.encode() + ACCOUNT.password.encode()).digest()  # noqa: S324  the profile's own
    return (
        f'<Security s:mustUnderstand="1" xmlns="{_WSSE}"><UsernameToken><Username>{ACCOUNT.username}</Username>'
        f'<Password Type="{_DIGEST}">{base64.b64encode(digest).decode()}</Password>'
        f"<Nonce>{base64.b64encode(nonce).decode()}</Nonce><Created>{created}</Created></UsernameToken></Security>"
    )


def envelope(operation: str, namespace: str = TDS, inner: str = "", security: str = "") -> bytes:
    """Return a request."""
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header>{security}</s:Header><s:Body>'
        f'<{operation} xmlns="{namespace}">{inner}</{operation}></s:Body></s:Envelope>'
    ).encode()


def post(device: RunningDevice, operation: str, namespace: str = TDS, inner: str = "", **how: Any) -> httpx.Response:
    """Ask; with a Security header unless told otherwise."""
    security = how.pop("security", None)
    content = envelope(operation, namespace, inner, token() if security is None else security)
    headers = {"Content-Type": how.pop("content_type", "application/soap+xml; charset=utf-8")}
    url = how.pop("url", device.url)
    return CLIENT.post(url, content=content, headers=headers, **how)


def parsed(reply: httpx.Response) -> Any:
    """Return the body's first element."""
    root = etree.fromstring(reply.content)
    (body,) = root.findall(f"{{{SOAP}}}Body")
    return next(body.iterchildren(tag=etree.Element))


def ask(device: RunningDevice, operation: str, namespace: str = TDS, inner: str = "") -> Any:
    """Return a good answer's first element."""
    reply = post(device, operation, namespace, inner)
    assert reply.status_code == 200, reply.text
    return parsed(reply)


def texts(element: Any, name: str) -> list[str]:
    """Return the texts of all elements with a local name."""
    return [one.text for one in element.iter("{*}" + name)]


@pytest.mark.parametrize("group", ["digest basic", "utf-16 gbk", "behind-nat xaddr-ipv6", "huge drip"])
def test_habits_that_no_device_can_have_together_are_refused(group: str) -> None:
    """A case in a table that can't be is a mistake of the table."""
    with pytest.raises(ValueError, match="together"):
        OnvifHabits(read_habits(group.split()))
    with pytest.raises(ValueError, match="no ONVIF habit nosuch"):
        read_habits(["nosuch"])


@pytest.mark.processes
def test_a_camera_of_the_city_takes_habits_and_gives_them_up(vredenmarkt: CityCamera) -> None:
    """They are set on the control channel like every other fault."""
    state = vredenmarkt.order(do="onvif", habits=["at-onvif-device", "digest", "nothing-public"])
    assert state["onvif_url"].endswith("/onvif/device")
    body = envelope("GetDeviceInformation")
    auth = httpx.DigestAuth(vredenmarkt.entry["username"], vredenmarkt.entry["password"])
    assert CLIENT.post(state["onvif_url"], content=body).status_code == 401
    assert CLIENT.post(state["onvif_url"], content=body, auth=auth).status_code == 200
    assert CLIENT.post(vredenmarkt.entry["onvif_url"], content=body).status_code == 404
    with pytest.raises(OrderRefusedError, match="together"):
        vredenmarkt.order(do="onvif", habits=["digest", "basic"])
    assert vredenmarkt.order(fault="none")["onvif_url"] == vredenmarkt.entry["onvif_url"]


@pytest.mark.parametrize("habit", ["digest", "digest-sha256", "digest-md5-sess", "digest-both", "digest-old"])
def test_digest_lets_in_who_knows_the_password(device: RunningDevice, habit: str) -> None:
    """By a client that somebody else wrote; the Security header is neither needed nor a way around it."""
    device.be(habit)
    refused = post(device, "GetDeviceInformation")
    assert refused.status_code == 401
    offered = refused.headers.get_list("www-authenticate")
    assert len(offered) == (2 if habit == "digest-both" else 1)
    assert all(one.startswith("Digest ") for one in offered)
    assert (["SHA-256" in one for one in offered] == [True, False]) == (habit == "digest-both")
    right = httpx.DigestAuth(ACCOUNT.username, ACCOUNT.password)
    for _ in range(3):
        assert post(device, "GetDeviceInformation", security="", auth=right).status_code == 200
    wrong = httpx.DigestAuth(ACCOUNT.username, "wrong")
    assert post(device, "GetDeviceInformation", auth=wrong).status_code == 401
    assert post(device, "GetSystemDateAndTime", security="").status_code == 200


def test_nothing_is_public_where_the_clock_wants_an_account(device: RunningDevice) -> None:
    """Neither an operation, nor a page, nor a request that is no SOAP."""
    device.be("digest", "nothing-public")
    assert post(device, "GetSystemDateAndTime", security="").status_code == 401
    assert CLIENT.get(device.url).status_code == 401
    auth = httpx.DigestAuth(ACCOUNT.username, ACCOUNT.password)
    assert post(device, "GetSystemDateAndTime", security="", auth=auth).status_code == 200
    device.be("nothing-public")
    assert post(device, "GetSystemDateAndTime", security="").status_code == 400
    assert post(device, "GetSystemDateAndTime").status_code == 200


def test_basic_sees_the_password_itself(device: RunningDevice) -> None:
    """And counts it, so that a client that gives it away is seen."""
    device.be("basic")
    refused = post(device, "GetDeviceInformation")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="camera 64"')
    assert device.schemes == {}
    name, password = (text.encode() for text in (ACCOUNT.username, ACCOUNT.password))
    assert post(device, "GetDeviceInformation", auth=(name, password)).status_code == 200
    assert device.schemes == {"basic": 1}


def test_both_sign_ins_at_once(device: RunningDevice) -> None:
    """HTTP lets in, and WS-Security is looked at as well."""
    device.be("digest", "ws-security-too")
    auth = httpx.DigestAuth(ACCOUNT.username, ACCOUNT.password)
    assert post(device, "GetDeviceInformation", security="", auth=auth).status_code == 400
    assert post(device, "GetDeviceInformation").status_code == 401
    assert post(device, "GetDeviceInformation", auth=auth).status_code == 200


def test_a_security_header_that_must_be_understood_is_a_fault_where_it_is_not(device: RunningDevice) -> None:
    """As agsh/onvif issue 240 has it."""
    device.be("digest", "security-not-understood")
    auth = httpx.DigestAuth(ACCOUNT.username, ACCOUNT.password)
    refused = post(device, "GetDeviceInformation", auth=auth)
    assert refused.status_code == 500
    assert texts(parsed(refused), "Value") == ["env:MustUnderstand"]
    assert post(device, "GetDeviceInformation", security="", auth=auth).status_code == 200


def test_nonces_go_stale(device: RunningDevice) -> None:
    """The second use is refused as stale, with a new nonce; where every nonce is stale nobody comes in."""
    device.be("digest", "one-use-nonces")
    auth = httpx.DigestAuth(ACCOUNT.username, ACCOUNT.password)
    for _ in range(2):
        reply = post(device, "GetDeviceInformation", auth=auth)
        assert [one.status_code for one in [*reply.history, reply]] == [401, 200]
    assert "stale=true" in reply.history[0].headers["www-authenticate"]
    device.be("digest", "always-stale")
    last = post(device, "GetDeviceInformation", auth=auth)
    assert last.status_code == 401
    assert "stale=true" in last.headers["www-authenticate"]


def test_five_wrong_passwords_lock_everybody_out(device: RunningDevice) -> None:
    """So a client that tries every way with a wrong password is seen."""
    device.be("digest", "locks-out")
    for _ in range(5):
        post(device, "GetDeviceInformation", auth=httpx.DigestAuth(ACCOUNT.username, "wrong"))
    auth = httpx.DigestAuth(ACCOUNT.username, ACCOUNT.password)
    assert post(device, "GetDeviceInformation", auth=auth).status_code == 401


def test_requests_without_an_action_get_nothing(device: RunningDevice) -> None:
    """As agsh/onvif pull request 498 has it."""
    device.be("wants-action")
    assert post(device, "GetDeviceInformation").content == b""
    kind = f'application/soap+xml; charset=utf-8; action="{TDS}/GetDeviceInformation"'
    assert texts(parsed(post(device, "GetDeviceInformation", content_type=kind)), "Manufacturer") == ["Sample City"]


def test_media2_alone() -> None:
    """H.265 in a profile, configurations only where asked for, an address as a plain string, and no word of Media1."""
    with running_device(codec=Codec.H265) as device:
        device.be("media2-only")
        listed = texts(ask(device, "GetServices"), "Namespace")
        assert TR2 in listed
        assert TRT not in listed
        assert list(ask(device, "GetCapabilities").iter("{*}Media")) == []
        assert post(device, "GetProfiles", TRT).status_code == 400
        (bare,) = ask(device, "GetProfiles", TR2)
        assert (bare.get("token"), texts(bare, "Name")) == ("main", ["main"])
        (whole,) = ask(device, "GetProfiles", TR2, "<Type>All</Type>")
        assert [etree.QName(one).localname for one in whole.find("{*}Configurations")] == [
            "VideoSource", "VideoEncoder", "PTZ", "Metadata",
        ]  # fmt: skip
        assert texts(whole, "Encoding") == ["H265"]
        assert texts(whole.find(".//{*}PTZ"), "NodeToken") == ["node"]
        (some,) = ask(device, "GetProfiles", TR2, "<Type>VideoEncoder</Type><Type>PTZ</Type>")
        assert len(some.find("{*}Configurations")) == 2
        uri = ask(device, "GetStreamUri", TR2, "<Protocol>RTSP</Protocol><ProfileToken>main</ProfileToken>")
        assert [(etree.QName(one).localname, one.text) for one in uri] == [("Uri", "rtsp://127.0.0.1:554/stream1")]
        refused = post(device, "GetStreamUri", TR2, "<Protocol>RTSP</Protocol><ProfileToken>x</ProfileToken>")
        assert texts(parsed(refused), "Value") == ["env:Sender", "ter:NoProfile"]
        ask(device, "SetSynchronizationPoint", TR2, "<ProfileToken>main</ProfileToken>")


def test_media1_that_leaves_out_what_media2_has(device: RunningDevice) -> None:
    """GuilhermeC18/node-onvif issue 78: with H.265 Media1 names no encoder; others name no PTZ there."""
    device.be("media1-without-encoder", "audio-first", "profile-without-name")
    audio, main = ask(device, "GetProfiles", TRT)
    assert audio.get("token") == "AudioOnly"
    assert audio.find("{*}VideoSourceConfiguration") is None
    assert main.find("{*}VideoEncoderConfiguration") is None
    assert main.find("{*}PTZConfiguration") is not None
    assert main.find("{*}Name") is None
    audio, main = ask(device, "GetProfiles", TR2, "<Type>All</Type>")
    assert audio.find(".//{*}VideoEncoder") is None
    assert texts(main, "Encoding") == ["H264"]
    device.be("media1-without-ptz")
    (main,) = ask(device, "GetProfiles", TRT)
    assert main.find("{*}PTZConfiguration") is None
    (main,) = ask(device, "GetProfiles", TR2, "<Type>All</Type>")
    assert main.find(".//{*}PTZ") is not None


def test_lists_of_services_that_a_device_does_not_know(device: RunningDevice) -> None:
    """Older devices know no GetServices, others no GetCapabilities."""
    device.be("no-get-services")
    assert post(device, "GetServices").status_code == 400
    ask(device, "GetCapabilities")
    device.be("no-get-capabilities")
    assert post(device, "GetCapabilities").status_code == 400
    ask(device, "GetServices")


def xaddrs(device: RunningDevice) -> dict[str, str]:
    """Return the addresses that the device names."""
    listed = ask(device, "GetServices")
    return dict(zip(texts(listed, "Namespace"), texts(listed, "XAddr"), strict=True))


@pytest.mark.parametrize(
    ("habits", "path"),
    [
        ("at-device-service", "/device_service"),
        ("at-onvif-device services-elsewhere services-on-ports", "/onvif/device"),
    ],
)
def test_services_answer_where_they_are_and_nowhere_else(device: RunningDevice, habits: str, path: str) -> None:
    """A client that assumes paths or ports gets 404, or a fault."""
    plain = device.url
    device.be(*habits.split(), "media2")
    assert urllib.parse.urlsplit(device.url).path == path
    assert post(device, "GetHostname", url=plain).status_code == 404
    found = xaddrs(device)
    assert found[TDS] == device.url
    ports = {name: urllib.parse.urlsplit(url).port for name, url in found.items()}
    assert (ports[TPTZ] != ports[TDS]) == ("services-on-ports" in habits)
    node = "<NodeToken>node</NodeToken>"
    assert post(device, "GetNode", TPTZ, node, url=found[TPTZ]).status_code == 200
    assert post(device, "GetNode", TPTZ, node).status_code == 400
    if "services-elsewhere" in habits:
        assert urllib.parse.urlsplit(found[TPTZ]).query == "channel=1"
        assert post(device, "GetNode", TPTZ, node, url=found[TPTZ].partition("?")[0]).status_code == 404
        assert post(device, "GetProfiles", TR2, url=found[TR2]).status_code == 200


@pytest.mark.parametrize(
    ("habit", "named"),
    [
        ("behind-nat", "http://192.168.1.64/onvif/ptz_service"),
        ("xaddr-ipv6", "http://[fe80::a2bd:1dff:fe00:64]:PORT/onvif/ptz_service"),
        ("xaddr-name", "http://camera-64.invalid:PORT/onvif/ptz_service"),
        ("xaddr-https", "https://127.0.0.1:PORT/onvif/ptz_service"),
        ("xaddr-path", "/onvif/ptz_service"),
        ("xaddr-spaces", "\n   http://127.0.0.1:PORT/onvif/ptz_service \n"),
    ],
)
def test_xaddrs_name_what_they_name(device: RunningDevice, habit: str, named: str) -> None:
    """In both lists of services; and behind NAT the stream's address too is the inner one."""
    device.be(habit)
    named = named.replace("PORT", str(device.endpoint.port))
    assert xaddrs(device)[TPTZ] == named
    assert texts(ask(device, "GetCapabilities").find(".//{*}PTZ"), "XAddr") == [named]
    uri = texts(ask(device, "GetStreamUri", TRT, "<ProfileToken>main</ProfileToken>"), "Uri")
    assert uri == [f"rtsp://{'192.168.1.64' if habit == 'behind-nat' else '127.0.0.1'}:554/stream1"]


def test_a_device_on_ipv6() -> None:
    """Its addresses have brackets."""
    with running_device(host="::1") as device:
        assert device.url == f"http://[::1]:{device.endpoint.port}/onvif/device_service"
        assert xaddrs(device)[TDS] == device.url


def instant_of(element: Any) -> datetime:
    """Return the instant that a DateTime names, as if it were UTC."""
    fields = [int(texts(element, name)[0]) for name in ("Year", "Month", "Day", "Hour", "Minute", "Second")]
    return datetime(*fields, tzinfo=UTC)  # type: ignore[arg-type, misc]  # mypy can't count them


def test_clocks(device: RunningDevice) -> None:
    """Hours off, told as local time only, or not at all; and the token must be fresh by the device's clock."""
    device.clock.offset_s = 5 * 3600.0
    (told,) = ask_at(device, timedelta(hours=5), "GetSystemDateAndTime").iter("{*}UTCDateTime")
    assert abs(instant_of(told) - datetime.now(UTC) - timedelta(hours=5)) < timedelta(seconds=5)
    refused = post(device, "GetHostname")
    assert refused.status_code == 400
    assert abs(parsedate_to_datetime(refused.headers["date"]) - datetime.now(UTC) - timedelta(hours=5)) < timedelta(
        seconds=5
    )
    ask_at(device, timedelta(hours=5, minutes=4), "GetHostname")
    assert post(device, "GetHostname", security=token(datetime.now(UTC) + timedelta(hours=5, minutes=6))).is_error
    device.clock.offset_s = 0.0
    for habit, zone in (("local-time-only", "CET-1CEST,M3.5.0,M10.5.0/3"), ("odd-zone", "CST-01:00")):
        device.be(habit)
        answer = ask(device, "GetSystemDateAndTime")
        assert list(answer.iter("{*}UTCDateTime")) == []
        assert texts(answer, "TZ") == [zone]
        ahead = instant_of(next(answer.iter("{*}LocalDateTime"))) - datetime.now(UTC)
        is_summer = texts(answer, "DaylightSavings") == ["true"]
        assert abs(ahead - timedelta(hours=2 if is_summer else 1)) < timedelta(seconds=5)
    device.be("no-clock")
    assert list(ask(device, "GetSystemDateAndTime").iter("{*}Time")) == []
    device.be("clock-unknown", "no-date")
    assert "date" not in post(device, "GetHostname").headers
    assert post(device, "GetSystemDateAndTime").status_code == 400


def ask_at(device: RunningDevice, ahead: timedelta, operation: str) -> Any:
    """Ask with a token of another clock."""
    reply = post(device, operation, security=token(datetime.now(UTC) + ahead))
    assert reply.status_code == 200, reply.text
    return parsed(reply)


@pytest.mark.parametrize(
    ("habit", "declared", "codec", "model"),
    [
        ("utf-16", "utf-16", "utf-16", "Draaitoren 2 café"),
        ("iso-8859-1", "iso-8859-1", "iso-8859-1", "Draaitoren 2 café"),
        ("gb2312", "gb2312", "gb2312", "Draaitoren 2 广场"),
        ("gbk", "gbk", "gbk", "Draaitoren 2 广场"),
        ("utf8-label", "utf8", "utf-8", "Draaitoren 2 café"),
        ("utf8-capitals", "UTF8", "utf-8", "Draaitoren 2 café"),
        ("unknown-label", "x-camera", "utf-8", "Draaitoren 2 café"),
        ("gbk-as-utf8", "utf-8", "gbk", "Draaitoren 2 广场"),
    ],
)
def test_answers_in_declared_encodings(
    device: RunningDevice, habit: str, declared: str, codec: str, model: str
) -> None:
    """The bytes are what the habit says, the declaration is what it says, and a word tells one from another."""
    device.be(habit)
    reply = post(device, "GetDeviceInformation")
    text = reply.content.decode(codec)
    assert f'encoding="{declared}"' in text.splitlines()[0].partition("?>")[0]
    assert f"<tds:Model>{model}</tds:Model>" in text
    assert reply.headers["content-type"] == f"application/soap+xml; charset={declared}"
    if habit == "utf-16":
        assert reply.content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    if habit == "gbk-as-utf8":
        with pytest.raises(UnicodeDecodeError):
            reply.content.decode()


def test_http_and_xml_may_disagree(device: RunningDevice) -> None:
    """HTTP says Latin 1, the declaration and the bytes are UTF-8."""
    device.be("contradicting-charset", "utf8-capitals")
    reply = post(device, "GetDeviceInformation")
    assert reply.headers["content-type"].endswith("charset=iso-8859-1")
    assert "café" in reply.content.decode()


@pytest.mark.parametrize(
    "habit", ["other-prefixes", "comments", "extensions", "text-xml", "compressed", "chunked", "no-length"]
)
def test_other_ways_to_write_the_same(device: RunningDevice, habit: str) -> None:
    """A reader of XML and HTTP sees the same answer; the bytes differ as the habit says."""
    plain = post(device, "GetProfiles", TRT)
    device.be(habit)
    reply = post(device, "GetProfiles", TRT)
    (profile,) = parsed(reply).iter("{*}Profiles")
    assert profile.get("token") == "main"
    assert texts(profile, "Width") == ["1280"]
    marks = {
        "other-prefixes": b"<SOAP-ENV:Envelope" in reply.content and b"trt:" not in reply.content,
        "comments": b"<!-- firmware 7 --><?maker build?>" in reply.content,
        "extensions": b"<maker:Deep>" in reply.content,
        "text-xml": reply.headers["content-type"].startswith("text/xml"),
        "compressed": reply.headers.get("content-encoding") == "gzip",
        "chunked": reply.headers.get("transfer-encoding") == "chunked",
        "no-length": "content-length" not in reply.headers and reply.headers["connection"] == "close",
    }
    assert marks[habit]
    assert (reply.content == plain.content) == (habit in {"text-xml", "compressed", "chunked", "no-length"})


def test_answers_that_are_no_xml_of_a_standard(device: RunningDevice) -> None:
    """agsh/onvif issue 239 (prefixes without declarations), and a line break before the declaration."""
    device.be("undeclared-prefixes")
    reply = post(device, "GetDeviceInformation")
    assert b"xmlns" not in reply.content
    with pytest.raises(etree.XMLSyntaxError, match="not defined"):
        etree.fromstring(reply.content)
    device.be("leading-space")
    reply = post(device, "GetDeviceInformation")
    assert reply.content.startswith(b"\r\n<?xml")
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(reply.content)


def test_multipart(device: RunningDevice) -> None:
    """The envelope is the root part."""
    device.be("multipart")
    reply = post(device, "GetDeviceInformation")
    assert reply.headers["content-type"].startswith(
        'multipart/related; boundary="MIME_boundary"; type="application/xop+xml"'
    )
    part = reply.content.split(b"--MIME_boundary")[1].partition(b"\r\n\r\n")[2]
    assert etree.fromstring(part).tag == f"{{{SOAP}}}Envelope"


@pytest.mark.parametrize(
    ("habits", "status"),
    [
        ("", 400),
        ("faults-200", 200),
        ("faults-500", 500),
        ("soap-1.1-faults", 400),
        ("soap-1.1-faults faults-500", 500),
    ],
)
def test_faults(device: RunningDevice, habits: str, status: int) -> None:
    """A refused operation is a fault, in either SOAP and with the status that the make likes."""
    device.be(*habits.split())
    reply = post(device, "GetNoSuchThing")
    assert reply.status_code == status
    root = etree.fromstring(reply.content)
    if "1.1" in habits:
        assert etree.QName(root).namespace == "http://schemas.xmlsoap.org/soap/envelope/"
        assert texts(root, "faultstring") == ["GetNoSuchThing is not supported by this camera"]
    else:
        assert texts(root, "Value") == ["env:Sender", "ter:ActionNotSupported"]


def test_presets(device: RunningDevice) -> None:
    """Without a token, with an empty one, without a name, and very many: the good ones are among them."""
    device.be("preset-without-token", "preset-empty-token", "preset-without-name", "presets-500", "gbk")
    found = ask(device, "GetPresets", TPTZ, "<ProfileToken>main</ProfileToken>")
    listed = [(one.get("token"), one.findtext("{*}Name")) for one in found]
    assert listed[:2] == [(None, "zonder token"), ("", "leeg token")]
    assert len(listed) == 504
    assert ("nameless", None) in listed
    assert ("good", "plein 广场") in listed
    ask(device, "GotoPreset", TPTZ, "<ProfileToken>main</ProfileToken><PresetToken>P500</PresetToken>")


def test_spaces_without_what_they_need(device: RunningDevice) -> None:
    """URIs and ranges are left out each by themselves."""
    device.be("spaces-without-uris")
    node = ask(device, "GetNode", TPTZ, "<NodeToken>node</NodeToken>")
    assert (len(texts(node, "URI")), len(texts(node, "XRange"))) == (0, 8)
    device.be("spaces-without-ranges")
    node = ask(device, "GetNode", TPTZ, "<NodeToken>node</NodeToken>")
    assert (len(texts(node, "URI")), len(texts(node, "XRange")), len(texts(node, "YRange"))) == (8, 0, 0)


@pytest.mark.parametrize(
    ("habit", "status", "kind"),
    [
        ("login-page", 200, "text/html"),
        ("page-404", 404, "text/html"),
        ("page-500", 500, "text/html"),
        ("page-503", 503, "text/html"),
        ("empty-answer", 200, "application/soap+xml; charset=utf-8"),
    ],
)
def test_pages_instead_of_answers(device: RunningDevice, habit: str, status: int, kind: str) -> None:
    """For one operation where it is named, else for all."""
    device.be(habit, only=("GetProfiles",))
    reply = post(device, "GetProfiles", TRT)
    assert (reply.status_code, reply.headers["content-type"]) == (status, kind)
    assert (reply.content == b"") == (habit == "empty-answer")
    ask(device, "GetHostname")
    device.be(habit)
    assert post(device, "GetHostname").content == reply.content


def test_a_truncated_answer_is_no_xml_but_whole_http(device: RunningDevice) -> None:
    """Its length is told as it is."""
    device.be("truncated")
    reply = post(device, "GetProfiles", TRT)
    assert int(reply.headers["content-length"]) == len(reply.content) > 500
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(reply.content)


@pytest.mark.parametrize("status", [302, 303, 307, 308])
def test_redirects(device: RunningDevice, status: int) -> None:
    """To another host where one is named, else to itself for ever."""
    device.be(f"redirect-{status}", elsewhere="http://192.0.2.7/onvif/device_service")
    reply = post(device, "GetHostname")
    assert (reply.status_code, reply.headers["location"]) == (status, "http://192.0.2.7/onvif/device_service")
    device.be(f"redirect-{status}")
    assert post(device, "GetHostname").headers["location"] == "/onvif/device_service"


class Flood:
    """A connection that is read as long as the test likes."""

    def __init__(self, device: RunningDevice, timeout_s: float = 10.0) -> None:
        where = urllib.parse.urlsplit(device.url)
        self._socket = socket.create_connection((where.hostname, where.port), timeout=timeout_s)
        body = envelope("GetHostname", security=token())
        head = f"POST {where.path} HTTP/1.1\r\nHost: camera\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)

    def first(self, size: int) -> bytes:
        """Return at least so many bytes, or what there is."""
        found = b""
        while len(found) < size and (piece := self._socket.recv(1 << 16)):
            found += piece
        self._socket.close()
        return found

    def within(self, seconds: float) -> bytes:
        """Return what comes within a time."""
        self._socket.settimeout(0.2)
        found, end = b"", time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                found += self._socket.recv(1 << 16)
            except TimeoutError:
                continue
        self._socket.close()
        return found


@pytest.mark.parametrize(
    ("habit", "start", "goes_on"),
    [
        ("huge", b"HTTP/1.1 200 OK\r\n", b"xxxx"),
        ("endless-headers", b"HTTP/1.1 200 OK\r\n", b"X-Camera-9999: xxxx"),
        ("endless-continue", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("endless-chunks", b"HTTP/1.1 200 OK\r\n", b"\r\n10000\r\n    "),
    ],
)
def test_floods(device: RunningDevice, habit: str, start: bytes, goes_on: bytes) -> None:
    """They begin like an answer and do not end within two million bytes; the device itself goes on serving others."""
    device.be(habit, only=("GetHostname",))
    found = Flood(device).first(2_000_000)
    assert len(found) >= 2_000_000
    assert found.startswith(start)
    assert goes_on in found
    if habit == "huge":
        assert f"Content-Length: {HUGE_BYTES}".encode() in found
    ask(device, "GetDeviceInformation")


def test_drip_and_silence(device: RunningDevice) -> None:
    """A byte a second of a good answer; or nothing on an open connection."""
    device.be("drip")
    found = Flood(device).within(1.4)
    assert 1 <= len(found) <= 3
    assert b"HTTP/1.1"[: len(found)] == found
    device.be("silent")
    with pytest.raises(TimeoutError):
        Flood(device, timeout_s=0.3).first(1)


def test_a_gzip_bomb_is_small_and_unpacks_to_what_it_says(device: RunningDevice) -> None:
    """Counted as it unpacks, so that the test itself does not burst."""
    device.be("gzip-bomb")
    where = urllib.parse.urlsplit(device.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    connection.request("POST", where.path, envelope("GetHostname", security=token()))
    answer = connection.getresponse()
    packed = answer.read()
    connection.close()
    assert answer.headers["content-encoding"] == "gzip"
    assert len(packed) < 1_000_000
    unpacker, size, rest = zlib.decompressobj(16 + zlib.MAX_WBITS), 0, packed
    while rest:
        size += len(unpacker.decompress(rest, 1 << 24))
        rest = unpacker.unconsumed_tail
    assert unpacker.eof
    assert size == HUGE_BYTES


def test_xml_that_attacks_its_parser(device: RunningDevice) -> None:
    """Entities that grow or are fetched, and a hundred thousand elements within each other."""
    device.be("entity-bomb")
    bomb = post(device, "GetHostname")
    assert len(bomb.content) < 2000
    assert bomb.content.count(b"<!ENTITY") == 10
    with pytest.raises(etree.XMLSyntaxError, match="entity"):
        etree.fromstring(bomb.content)
    device.be("external-entity", elsewhere="http://192.0.2.7/secret")
    assert b'<!ENTITY away SYSTEM "http://192.0.2.7/secret">' in post(device, "GetHostname").content
    device.be("deep")
    deep = post(device, "GetHostname")
    assert deep.content.count(b"<a>") == deep.content.count(b"</a>") == 100_000
    with pytest.raises(etree.XMLSyntaxError, match="depth"):
        etree.fromstring(deep.content)


def test_every_habit_is_in_the_manual() -> None:
    """A habit that nobody can look up is used by nobody."""
    text = (Path(__file__).parents[2] / "docs" / "demo-city.md").read_text(encoding="utf-8")
    assert [habit.value for habit in OnvifHabit if f"`{habit.value}`" not in text] == []
