"""What the ONVIF core specification allows, and cameras of other makes do: signing in, encodings, addresses, clocks, profiles."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingest.onvif.address import configured_url, reported_url
from ingest.ptz_space import Preset
from tests.ingest.http_peer import ENVELOPE, Asked, HttpPeer, Reply, fault, http, soap
from tests.ingest.onvif_camera import (
    MEDIA,
    MEDIA2,
    PROFILE1,
    PROFILE2,
    PTZ,
    DigestGuard,
    OnvifCamera,
    connected,
    listed,
    plain,
)  # fmt: skip
from vms.clock import ManualClock
from vms.errors import VmsError

pytestmark = pytest.mark.timeout(60)
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CAMERA_AT = datetime(2021, 3, 4, 10, 20, 30, 500_000, tzinfo=UTC)

OFFERS = {
    "MD5": ['Digest realm="r", qop="auth", algorithm=MD5'],
    "MD5 without its name": ['Digest realm="r", qop="auth,auth-int"'],
    "MD5-sess": ['Digest realm="r", qop="auth", algorithm=MD5-sess'],
    "SHA-256": ['Digest realm="r", qop="auth", algorithm=SHA-256'],
    "SHA-256-sess": ['Digest realm="r", qop="auth", algorithm=SHA-256-sess'],
    "without qop": ['Digest realm="r"'],
    "several": ['Basic realm="r"', 'Digest realm="r", qop="auth", algorithm=MD5', 'Digest realm="r", qop="auth", algorithm=SHA-256'],
}  # fmt: skip


@pytest.mark.parametrize("offers", OFFERS.values(), ids=OFFERS)
def test_a_camera_that_wants_http_digest_gets_it_and_nothing_else(offers: list[str]) -> None:
    """One challenge, one nonce: not a refusal before each question. The core specification wants one kind of sign-in, not two."""
    guard = DigestGuard(*offers)
    with HttpPeer(OnvifCamera(plain(), guard)) as peer, connected(peer) as device:
        assert device.profile_token() == "one"
    assert guard.wrong == 0
    assert len(guard.accepted) == len(peer.asked) - 1 >= 4
    assert not any(one.has_token for one in peer.asked)
    if offers is OFFERS["several"]:
        assert guard.accepted[0]["algorithm"] == "SHA-256"


@pytest.mark.parametrize("says_stale", [True, False])
def test_a_nonce_that_runs_out_is_replaced(says_stale: bool) -> None:  # noqa: FBT001 - a case
    """Some cameras let each serve once, and not all of them say "stale"."""
    guard = DigestGuard(uses=1, says_stale=says_stale)
    with HttpPeer(OnvifCamera(plain(), guard)) as peer, connected(peer) as device:
        assert device.profile_token() == "one"
    assert guard.wrong == 0


def test_a_wrong_password_is_tried_once() -> None:
    """Cameras lock an account after a few; a restart of ours must not do that."""
    guard = DigestGuard()
    with (
        HttpPeer(OnvifCamera(plain(), guard)) as peer,
        pytest.raises(VmsError, match="wrong username or password"),
        connected(peer, password="falsch"),
    ):
        pass
    assert guard.wrong == 1


def test_what_the_account_may_not_do_changes_nothing_about_the_sign_in() -> None:
    """Refused behind an accepted digest, with WS-Security as well: from then on the digest alone again, as before."""
    answers = plain(GetPresets=lambda _: fault("ter:NotAuthorized", "administrators only"))
    with HttpPeer(OnvifCamera(answers, DigestGuard())) as peer, connected(peer) as device:
        with pytest.raises(VmsError, match="wrong username or password"):
            device.presets()
        device.facts()
    assert [one.has_token for one in peer.asked][-3:] == [False, True, False]


def test_signing_in_never_goes_on_for_ever() -> None:
    """A camera whose every nonce is stale at once."""
    guard = DigestGuard(uses=0)
    with (
        HttpPeer(OnvifCamera(plain(), guard)) as peer,
        pytest.raises(VmsError, match="wrong username"),
        connected(peer),
    ):
        pass
    assert len(peer.asked) < 12


def test_basic_is_for_cameras_that_may_have_it() -> None:
    """Without TLS the password would go over the wire as it is."""

    def guard(asked: Asked) -> Reply | None:
        basic = "Basic w7xzZXI6cEBzcw=="
        return (
            None
            if asked.headers.get("authorization") == basic
            else http("", "401 No", WWW_Authenticate='Basic realm="r"')
        )

    with HttpPeer(OnvifCamera(plain(), guard)) as peer:
        with pytest.raises(VmsError, match="in the clear"), connected(peer):
            pass
        assert not any("authorization" in one.headers for one in peer.asked)
        with connected(peer, allows_basic=True) as device:
            assert device.profile_token() == "one"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "camera.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def test_https_wants_a_certificate_that_is_trusted_and_then_basic_may_be(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the connection would learn the password."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    wants = http("", "401 No", WWW_Authenticate='Basic realm="r"')
    camera = OnvifCamera(plain(), lambda one: None if "authorization" in one.headers else wants)
    with HttpPeer(camera, tls=context) as peer:
        with pytest.raises(VmsError, match="not trusted"), connected(peer):
            pass
        assert peer.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with connected(peer) as device:
            assert device.profile_token() == "one"
    assert peer.asked[-1].headers["authorization"].startswith("Basic ")


def test_a_camera_that_does_not_understand_ws_security_is_asked_without() -> None:
    """It says so with a fault of SOAP's, and what it wants only then."""
    digest = DigestGuard()

    def guard(asked: Asked) -> Reply | None:
        return (
            fault("", "what is Security?").replace(b"s:Sender", b"s:MustUnderstand")
            if asked.has_token
            else digest(asked)
        )

    with HttpPeer(OnvifCamera(plain(GetSystemDateAndTime=None), guard)) as peer, connected(peer) as device:
        assert device.profile_token() == "one"


ENCODINGS = {
    "utf-16": ("utf-16", "utf-16", None, ""),
    "utf-16 without mark": ("utf-16-le", "utf-16", None, ""),
    "utf-16 said, utf-8 meant": ("utf-8", "utf-16", None, ""),
    "latin": ("latin-1", "iso-8859-1", None, ""),
    "windows": ("cp1252", "windows-1252", None, ""),
    "chinese": ("gbk", "gb2312", None, "广场"),
    "cyrillic": ("cp1251", "windows-1251", None, "Ж"),
    "in the header alone": ("gbk", "", "gbk", "广场"),
    "right in the header": ("gbk", "utf-8", "GBK", "广场"),
    "right in the declaration": ("utf-8", "utf-8", "iso-8859-1", "é广"),
    "utf8": ("utf-8", "utf8", "UTF8", "é"),
    "japanese": ("shift_jis", "Shift_JIS", None, "新宿"),
}


@pytest.mark.parametrize(("codec", "declared", "charset", "name"), ENCODINGS.values(), ids=ENCODINGS)
def test_answers_are_read_in_whatever_encoding_they_declare(
    codec: str, declared: str, charset: str | None, name: str
) -> None:
    """XML parsers know a few encodings; cameras more."""

    def write(inner: str) -> bytes:
        declaration = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
        text = declaration + ENVELOPE.format(inner=inner).partition("?>")[2]
        kind = "application/soap+xml" + (f'; charset="{charset}"' if charset else "")
        return http(text.encode(codec), kind=kind)

    answer = f"<tds:GetDeviceInformationResponse><tds:Model>M{name}</tds:Model></tds:GetDeviceInformationResponse>"
    with HttpPeer(OnvifCamera(plain(GetDeviceInformation=answer), write=write)) as peer, connected(peer) as device:
        assert device.facts().model == f"M{name}"


@pytest.mark.parametrize("label", ["x-camera", "zip", "unicode_escape", "punycode", "undefined"])
def test_an_encoding_that_nobody_knows_is_named(label: str) -> None:
    """Python has codecs that are no character sets: some unpack."""
    answer = http(ENVELOPE.format(inner="").replace("UTF-8", label), kind="application/soap+xml")
    with HttpPeer(lambda _: answer) as peer, pytest.raises(VmsError, match=rf"not known \({label}\)"), connected(peer):
        pass


def test_bytes_that_an_encoding_does_not_have_cost_a_character_only() -> None:
    """A name in the maker's own encoding under a declaration of UTF-8."""
    inner = "<tds:GetDeviceInformationResponse><tds:Model>M广</tds:Model></tds:GetDeviceInformationResponse>"
    answer = http(ENVELOPE.format(inner=inner).encode("gbk"))
    with HttpPeer(OnvifCamera(plain(GetDeviceInformation=answer))) as peer, connected(peer) as device:
        assert device.facts().model.startswith("M")


PAGES: list[tuple[bytes, str]] = [
    (
        http("<html><script>x()</script><h1>Camera  login</h1>", kind="text/html"),
        r'HTTP 200, text/html, "Camera login"',
    ),
    (http("Not here", "404 Not Found", None), r'HTTP 404, no content type, "Not here"'),
    (http('{"error": 1}', "500 Oh", "application/json"), r'HTTP 500, application/json, "{"error": 1}"'),
    (http("", "200 OK", "text/xml"), r"HTTP 200, text/xml, empty"),
    (http("<a/>", "503 Busy", "text/xml"), r"HTTP 503, text/xml"),
]


@pytest.mark.parametrize(("page", "message"), PAGES)
def test_what_came_instead_of_soap_is_named(page: bytes, message: str) -> None:
    """It was "'NoneType' object has no attribute 'getroottree'"."""
    with HttpPeer(lambda _: page) as peer, pytest.raises(VmsError, match=message), connected(peer):
        pass


def multipart(inner: str) -> bytes:
    """An answer in two parts."""
    parts = (
        f"--b\r\nContent-ID: <r>\r\nContent-Type: application/xop+xml; charset=utf-8\r\n\r\n{ENVELOPE.format(inner=inner)}\r\n"
        "--b\r\nContent-ID: <x>\r\nContent-Type: image/jpeg\r\n\r\nabc\r\n--b--\r\n"
    )
    return http(parts, kind='multipart/related; boundary="b"; start="<r>"; type="application/xop+xml"')


def undeclared(inner: str) -> bytes:
    """An answer without any declaration of a name space."""
    return http(f"<s:Envelope><s:Body>{inner}</s:Body></s:Envelope>", kind="text/xml")


@pytest.mark.parametrize("write", [multipart, undeclared])
def test_other_ways_to_write_an_answer_are_read(write: Callable[[str], bytes]) -> None:
    """MTOM, and firmware that forgets its declarations."""
    with HttpPeer(OnvifCamera(plain(), write=write)) as peer, connected(peer) as device:
        assert (device.profile_token(), device.facts().manufacturer) == ("one", "Mäker")


@pytest.mark.parametrize("target", ["/device_service", "/onvif/device?x=%41&y=b", "/"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_configured_address_is_used_exactly_as_given(host: str, target: str) -> None:
    """The path was always /onvif/device_service, and IPv6 lost its brackets."""
    with HttpPeer(OnvifCamera(plain()), host) as peer, connected(peer, target=target) as device:
        assert device.facts().manufacturer == "Mäker"
    assert {one.target for one in peer.asked} == {target}
    assert {one.headers["host"] for one in peer.asked} == {f"{peer.host}:{peer.port}"}


CONFIGURED = "http://cam.example:8080/onvif/device_service"
REPORTED = [
    (CONFIGURED, "http://cam.example:8081/media?channel=1", "http://cam.example:8081/media?channel=1"),
    (CONFIGURED, "http://CAM.example./media", "http://cam.example.:80/media"),
    (CONFIGURED, "http://192.168.1.64/media/", "http://cam.example:8080/media/"),
    (CONFIGURED, "http://[fe80::1%25eth0]/media", "http://cam.example:8080/media"),
    (CONFIGURED, "https://cam.example/media", "http://cam.example:8080/media"),
    (CONFIGURED, "/media%2Fa?x=1", "http://cam.example:8080/media%2Fa?x=1"),
    (CONFIGURED, "http://user:pw@cam.example:8080/a", "http://cam.example:8080/a"),
    ("https://cam.example/d", "http://cam.example/media", "https://cam.example/media"),
    ("http://[2001:db8::10]/d", "http://[2001:DB8:0::10]:81/media", "http://[2001:db8::10]:81/media"),
    ("http://[2001:db8::10]:8000/d", "http://10.0.0.1/media", "http://[2001:db8::10]:8000/media"),
]


@pytest.mark.parametrize(("configured", "reported", "used"), REPORTED)
def test_a_service_is_followed_as_reported_at_the_configured_host(configured: str, reported: str, used: str) -> None:
    """Path, query and port as the camera says; host, and behind NAT the port, as configured; never without TLS if that is configured."""
    assert str(reported_url(reported, configured_url(configured))) == used.replace("cam.example.:80/", "cam.example/")


@pytest.mark.parametrize(
    "reported", ["", "ftp://cam.example/", "http://", "http://a:99999/", "http://a/\x00", "//other/x"]
)
def test_a_service_at_no_address_is_nonsense(reported: str) -> None:
    """Not a request to somewhere."""
    with pytest.raises(VmsError, match="nonsense"):
        reported_url(reported, configured_url(CONFIGURED))


def test_a_service_at_no_address_harms_only_who_asks_it() -> None:
    """Cameras list services that nobody needs, at addresses that nobody can read."""
    services = {MEDIA: "/media", PTZ: "http://[broken/ptz", "http://www.onvif.org/ver10/events/wsdl": "about:blank"}
    with HttpPeer(OnvifCamera(plain(GetServices=listed(services)))) as peer, connected(peer) as device:
        assert device.profile_token() == "one"
        with pytest.raises(VmsError, match="address that is none"):
            device.presets()


def test_services_are_found_without_get_capabilities_and_without_get_services() -> None:
    """Each is missing somewhere."""
    capabilities = (
        "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Media><tt:XAddr>\n {address} \n</tt:XAddr></tt:Media><tt:Extension/>"
        "</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )
    with HttpPeer(OnvifCamera(plain())) as peer, connected(peer) as device:
        assert device.profile_token() == "one"
    answers = plain(GetServices=None, GetCapabilities=lambda one: soap(capabilities.format(address=peer.url("/m"))))
    with HttpPeer(OnvifCamera(answers)) as peer, connected(peer) as device:
        assert device.profile_token() == "one"
    assert peer.asked[-1].target == "/m"


def wants_token(camera_at: datetime) -> Callable[[Asked], Reply | None]:
    """Refuse whoever's WS-Security token is not fresh by the camera's clock, and always show that clock in HTTP."""
    date = camera_at.strftime("%a, %d %b %Y %H:%M:%S GMT")

    def guard(asked: Asked) -> Reply | None:
        created = asked.body.partition(b'utility-1.0.xsd">')[2][:19].decode()
        is_fresh = bool(created) and abs(datetime.fromisoformat(created + "+00:00") - camera_at) < timedelta(seconds=5)
        return None if is_fresh else fault("ter:NotAuthorized", "Sender not authorized", Date=date)

    return guard


def test_a_clock_that_is_only_shown_after_sign_in_is_learned_from_http() -> None:
    """Five years behind: no digest is fresh before the clock is known, and the clock is asked for with a digest."""
    clock = ManualClock(NOW)
    with HttpPeer(OnvifCamera(plain(), wants_token(CAMERA_AT))) as peer, connected(peer, clock) as device:
        assert device.profile_token() == "one"
        assert NOW + device.clock_offset == CAMERA_AT


LOCAL = (
    "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DaylightSavings>{summer}</tt:DaylightSavings><tt:TimeZone>"
    "<tt:TZ>{zone}</tt:TZ></tt:TimeZone><tt:LocalDateTime><tt:Time><tt:Hour>12</tt:Hour><tt:Minute>20</tt:Minute><tt:Second>30"
    "</tt:Second></tt:Time><tt:Date><tt:Year>2021</tt:Year><tt:Month>3</tt:Month><tt:Day>4</tt:Day></tt:Date></tt:LocalDateTime>"
    "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
)


@pytest.mark.parametrize(
    ("zone", "summer", "hours"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", "true", 0),
        ("CET-1CEST", "false", 1),
        ("CST+5:30", "0", 7.5),
        ("&lt;+02&gt;-2", "0", 0),
        ("", "0", None),
    ],
)
def test_local_time_is_turned_into_utc(zone: str, summer: str, hours: float | None) -> None:
    """UTCDateTime may be missing; POSIX counts hours west of Greenwich. Without a zone nothing is known."""
    answers = plain(GetSystemDateAndTime=LOCAL.format(zone=zone, summer=summer))
    with HttpPeer(OnvifCamera(answers)) as peer, connected(peer, ManualClock(NOW)) as device:
        expected = NOW if hours is None else CAMERA_AT + timedelta(hours=hours)
        assert NOW + device.clock_offset == expected


def by_service(answers: dict[str, str]) -> Callable[[Asked], Reply]:
    """Answer by the name space of the request."""

    def answer(asked: Asked) -> Reply:
        found = next((text for namespace, text in answers.items() if f'"{namespace}"'.encode() in asked.body), None)
        return fault("ter:ActionNotSupported", "no") if found is None else soap(found)

    return answer


MEDIA1_PROFILES = "<trt:GetProfilesResponse>{}</trt:GetProfilesResponse>"
MEDIA2_PROFILES = f"<tr2:GetProfilesResponse>{PROFILE2.format(token='two')}</tr2:GetProfilesResponse>"
WITHOUT_ENCODER = '<trt:Profiles token="x"><tt:PTZConfiguration token="z"/></trt:Profiles>'
WITHOUT_PTZ = '<trt:Profiles token="one"><tt:VideoEncoderConfiguration token="v"/></trt:Profiles>'
WITHOUT_TOKEN = PROFILE1.replace('token="{token}"', "")


@pytest.mark.parametrize("media1", [None, WITHOUT_ENCODER, WITHOUT_PTZ, WITHOUT_TOKEN, ""])
def test_a_camera_whose_video_is_in_media2_alone_is_used(media1: str | None) -> None:
    """Profile T: H.265, of which Media1 has no word."""
    services = {MEDIA: "/media", PTZ: "/ptz", MEDIA2: "/media2"}
    profiles = {MEDIA2: MEDIA2_PROFILES}
    if media1 is None:
        del services[MEDIA]
    else:
        profiles[MEDIA] = MEDIA1_PROFILES.format(media1)
    uri = "<tr2:GetStreamUriResponse><tr2:Uri> rtsp://192.0.2.1/h265 </tr2:Uri></tr2:GetStreamUriResponse>"
    sync = "<tr2:SetSynchronizationPointResponse/>"
    answers = plain(
        GetServices=listed(services), GetProfiles=by_service(profiles), GetStreamUri=by_service({MEDIA2: uri}),
        SetSynchronizationPoint=by_service({MEDIA2: sync}),
    )  # fmt: skip
    with HttpPeer(OnvifCamera(answers)) as peer, connected(peer) as device:
        assert device.profile_token() == "two"
        assert device.streams_position()
        assert device.stream_uri() == "rtsp://192.0.2.1/h265"
        device.request_sync_point()
        assert device.ptz_url().target == "/ptz"
    assert peer.asked[-1].target == "/media2"
    assert b"<Type>VideoEncoder</Type>" in next(one.body for one in peer.asked if one.target == "/media2")


def test_media1_goes_first_where_it_has_what_is_needed() -> None:
    """A camera that has both is asked as before."""
    answers = plain(GetServices=listed({MEDIA: "/media", PTZ: "/ptz", MEDIA2: "/media2"}))
    with HttpPeer(OnvifCamera(answers)) as peer, connected(peer) as device:
        assert device.profile_token() == "one"
    assert not any(one.target == "/media2" for one in peer.asked)


def test_a_camera_without_any_media_service_can_still_be_asked() -> None:
    """The constructor always made a Media1 service."""
    with HttpPeer(OnvifCamera(plain(GetServices=listed({})))) as peer, connected(peer) as device:
        assert device.facts().model == "M"
        with pytest.raises(VmsError, match="no profile with video"):
            device.profile_token()


def test_what_a_camera_leaves_out_is_never_the_word_none() -> None:
    """A preset without a token was called "None", and asked for by that name; so were addresses and spaces."""
    node = (
        "<tptz:GetNodeResponse><tptz:PTZNode><tt:SupportedPTZSpaces><tt:AbsolutePanTiltPositionSpace><tt:XRange><tt:Min>-1</tt:Min>"
        "<tt:Max>1</tt:Max></tt:XRange><tt:YRange><tt:Min>-1</tt:Min><tt:Max>1</tt:Max></tt:YRange></tt:AbsolutePanTiltPositionSpace>"
        "<tt:AbsoluteZoomPositionSpace><tt:XRange><tt:Min>0</tt:Min><tt:Max>1</tt:Max></tt:XRange></tt:AbsoluteZoomPositionSpace>"
        "</tt:SupportedPTZSpaces></tptz:PTZNode></tptz:GetNodeResponse>"
    )
    answers: dict[str, Any] = plain(
        GetPresets='<tptz:GetPresetsResponse><tptz:Preset><tt:Name>a</tt:Name></tptz:Preset><tptz:Preset token=""/>'
        '<tptz:Preset token="2"/><tptz:Preset token="3"><tt:Name>Brug &amp; kade</tt:Name></tptz:Preset></tptz:GetPresetsResponse>',
        GetStreamUri="<trt:GetStreamUriResponse><trt:MediaUri/></trt:GetStreamUriResponse>",
        GetNode=node,
        AbsoluteMove="<tptz:AbsoluteMoveResponse/>",
        GotoPreset="<tptz:GotoPresetResponse/>",
    )
    with HttpPeer(OnvifCamera(answers)) as peer, connected(peer) as device:
        assert device.presets() == [Preset("2", "2"), Preset("3", "Brug & kade")]
        with pytest.raises(VmsError, match="a stream without an address"):
            device.stream_uri()
        device.go_to(device.ptz_spaces(), 90.0, 0.0, 0.5)
        device.go_to_preset("3 & <4>")
    assert not any(b"None" in one.body for one in peer.asked)
    assert b"<PresetToken>3 &amp; &lt;4&gt;</PresetToken>" in peer.asked[-1].body
    assert b'x="0.5" y="0"/>' in peer.asked[-2].body


def test_an_answer_to_something_else_is_not_taken_for_nothing() -> None:
    """An empty list must not be what a confused camera seems to say."""
    recording = "http://www.onvif.org/ver10/recording/wsdl"
    answers = plain(GetServices=listed({recording: "/r"}), GetRecordings="<trc:GetRecordingJobsResponse/>")
    with (
        HttpPeer(OnvifCamera(answers, write=undeclared)) as peer,
        connected(peer) as device,
        pytest.raises(VmsError, match="no GetRecordingsResponse"),
    ):
        device.edge_recordings()
