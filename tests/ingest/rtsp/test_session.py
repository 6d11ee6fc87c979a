"""Sessions with cameras that are strange or hostile: nothing leads elsewhere, nothing grows, nothing waits for ever."""

import hashlib
import itertools
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest.failure import CameraFailure
from ingest.rtsp import session
from ingest.rtsp.message import MOST_BODY_BYTES
from ingest.source import SourceLimits, open_stream
from tests.ingest.rtsp.loopback_camera import Asked, Clip, LoopbackCamera, encoded, reply
from vms.clock import SystemClock
from vms.model import GapCause

CLOCK = SystemClock()
LIMITS = SourceLimits()


@pytest.fixture(scope="module")
def clip() -> Clip:
    """A few pictures."""
    return encoded(count=6)


def on(method: str, answer: Callable[[Asked], bytes]) -> Callable[[Asked], bytes | None]:
    """Answer one method in a way of one's own."""
    return lambda asked: answer(asked) if asked.method == method else None


def failure_of(camera: LoopbackCamera, **changes: object) -> CameraFailure:
    """Return how opening fails."""
    with camera.running(), pytest.raises(CameraFailure) as raised:
        open_stream(camera.address(**changes), CLOCK, LIMITS)
    assert "geheim" not in f"{raised.value!r}{raised.value.__cause__!r}"
    return raised.value


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"])
@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_refused_and_the_account_goes_nowhere(clip: Clip, method: str, status: str) -> None:
    """A hostile camera would learn from it what it can reach from here, and get the account's digest for another address."""
    other = LoopbackCamera(clip.sdp)
    with other.running():
        elsewhere = other.url
        camera = LoopbackCamera(clip.sdp, respond=on(method, lambda asked: reply(asked, status, Location=elsewhere)))
        failed = failure_of(camera)
    assert failed.code == "camera.refused"
    assert "another address" in str(failed)
    assert other.asked == []


def test_a_redirect_in_the_running_session_ends_it(clip: Clip) -> None:
    """The camera can ask for it by a request of its own (REDIRECT)."""
    redirect = b"REDIRECT rtsp://203.0.113.9/x RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://203.0.113.9/x\r\n\r\n"
    camera = LoopbackCamera(clip.sdp, respond=on("PLAY", lambda asked: reply(asked, Session="abc") + redirect))
    with (
        camera.running(),
        open_stream(camera.address(), CLOCK, LIMITS) as stream,
        pytest.raises(CameraFailure, match="another address"),
    ):
        next(stream.packets())


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: reply(asked)[:-4].replace(b"Content-Length: 0", b"Content-Length: 300000000") + b"\r\n\r\n",
        lambda asked: reply(asked, body=b"x" * (MOST_BODY_BYTES + 1)),
        lambda _asked: b"RTSP/1.0 200 OK\r\nX: " + b"x" * 100_000,
        lambda asked: reply(asked).replace(b"Content-Length: 0", b"Content-Length: -5"),
    ],
    ids=["announced", "sent", "endless header", "negative"],
)
def test_an_answer_without_bound_is_refused(clip: Clip, answer: Callable[[Asked], bytes]) -> None:
    """300 MB of an answer stood in memory once."""
    failed = failure_of(LoopbackCamera(clip.sdp, respond=on("DESCRIBE", answer)))
    assert (failed.code, failed.cause) == ("camera.refused", GapCause.CAMERA_REFUSED)
    assert "too large" in str(failed)


@pytest.mark.parametrize("said", [b"", b"RTSP/1.0 200", b"$\x05\x00\x01x", b"RTSP/1.0 200 OK\r\nCSeq: 77\r\n\r\n"])
def test_opening_has_one_deadline_for_everything(clip: Clip, said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that says a little now and then held a thread for as long as it liked."""
    monkeypatch.setattr(session, "OPENS_WITHIN_S", 0.3)
    failed = failure_of(LoopbackCamera(clip.sdp, respond=on("DESCRIBE", lambda _asked: said)))
    assert failed.code == "camera.unreachable"
    assert "no answer in time" in str(failed)


def test_what_speaks_no_rtsp_is_told_as_such(clip: Clip) -> None:
    """The technician has typed the port of the camera's pages."""
    page = b"HTTP/1.0 400 Bad Request\r\nServer: x\r\n\r\n"
    failed = failure_of(LoopbackCamera(clip.sdp, respond=on("OPTIONS", lambda _asked: page)))
    assert failed.code == "camera.unreachable"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("403 Forbidden", "camera.wrong-password"),
        ("404 Not Found", "camera.stream-not-found"),
        ("453 Not Enough Bandwidth", "camera.refused"),
        ("461 Unsupported Transport", "camera.refused"),
        ("500 Internal Server Error", "camera.refused"),
        ("503 Service Unavailable", "camera.refused"),
    ],
)
def test_each_refusal_has_its_cause(clip: Clip, status: str, code: str) -> None:
    """A technician acts on it."""
    failed = failure_of(LoopbackCamera(clip.sdp, respond=on("DESCRIBE", lambda asked: reply(asked, status))))
    assert (failed.code, failed.cause) == (code, GapCause.CAMERA_REFUSED)


def asking(header: str) -> Callable[[Asked], bytes | None]:
    """Ask for an account, once it is there let everything pass."""
    return lambda asked: (
        None
        if "authorization" in asked.headers
        else reply(asked, "401 Unauthorized").replace(b"Content-Length", f"{header}\r\nContent-Length".encode(), 1)
    )


def test_basic_is_refused_without_tls_and_never_sent(clip: Clip) -> None:
    """Everybody on the way could read the password."""
    camera = LoopbackCamera(clip.sdp, respond=asking('WWW-Authenticate: Basic realm="x"'))
    failed = failure_of(camera)
    assert failed.code == "camera.basic-refused"
    assert not any("authorization" in one.headers for one in camera.asked)


def test_basic_is_used_where_somebody_allowed_it(clip: Clip) -> None:
    """For old cameras, each by itself."""
    packets = [(0, one) for one in clip.packets()]
    camera = LoopbackCamera(clip.sdp, packets, respond=asking('WWW-Authenticate: Basic realm="x"'))
    with camera.running(), open_stream(camera.address(allows_basic=True), CLOCK, LIMITS) as stream:
        assert next(stream.packets()).is_keyframe
    assert camera.asked[-1].headers["authorization"] == "Basic dm1zOmdlaGVpbQ=="


@pytest.mark.parametrize(
    ("header", "hashed"),
    [
        (
            'WWW-Authenticate: Digest realm="a \\"b\\"", nonce="n", qop="auth,auth-int", algorithm=SHA-256',
            hashlib.sha256,
        ),
        ('WWW-Authenticate: Digest realm="x", nonce="n"', hashlib.md5),
        ('WWW-Authenticate: Basic realm="x", Digest realm="x", nonce="n", algorithm=MD5, opaque="o"', hashlib.md5),
        (
            (
                'WWW-Authenticate: Digest realm="x",nonce="n",algorithm=MD5\r\n'
                'WWW-Authenticate: Digest realm="x",nonce="n",algorithm=SHA-256\r\nWWW-Authenticate: Basic realm="x"'
            ),
            hashlib.sha256,
        ),
        ('WWW-Authenticate: Digest realm="x", nonce="n", qop="auth", algorithm=MD5-sess', hashlib.md5),
        ('WWW-Authenticate: Digest realm="x", nonce="n", qop="auth", algorithm="SHA-256-sess"', hashlib.sha256),
    ],
    ids=["sha-256", "rfc 2069", "several in one header", "several headers", "md5-sess", "sha-256-sess"],
)
def test_the_strongest_way_to_sign_in_is_taken_and_right(
    clip: Clip, header: str, hashed: Callable[[bytes], "hashlib._Hash"]
) -> None:
    """Cameras offer what they like in any order; FFmpeg knew MD5 only."""
    packets = [(0, one) for one in clip.packets()]
    camera = LoopbackCamera(clip.sdp, packets, respond=asking(header))
    with camera.running(), open_stream(camera.address(username='op"er'), CLOCK, LIMITS) as stream:
        assert next(stream.packets()).is_keyframe
    for one in (asked for asked in camera.asked if "authorization" in asked.headers):
        told = one.headers["authorization"]
        fields = {name: re.sub(r"\\(.)", r"\1", text) for name, text in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', told)}
        count = re.search(r"nc=(\w+)", told)
        extra = f"{count.group(1)}:{fields['cnonce']}:auth:" if count else ""
        secret = hashed(f'op"er:{fields["realm"]}:geheim'.encode()).hexdigest()
        if "-sess" in told:
            secret = hashed(f"{secret}:n:{fields['cnonce']}".encode()).hexdigest()
        request = hashed(f"{one.method}:{one.url}".encode()).hexdigest()
        assert fields["response"] == hashed(f"{secret}:n:{extra}{request}".encode()).hexdigest()
        assert "geheim" not in told


def test_a_wrong_password_is_asked_for_once(clip: Clip) -> None:
    """Cameras lock accounts after a few attempts."""
    digest = 'Digest realm="x", nonce="n"'
    camera = LoopbackCamera(clip.sdp, respond=lambda asked: reply(asked, "401 Unauthorized", WWW_Authenticate=digest))
    assert failure_of(camera).code == "camera.wrong-password"
    assert len(camera.asked) == 2


def test_an_old_nonce_is_replaced_by_the_new_one(clip: Clip) -> None:
    """A camera that has forgotten its nonce says so: that is no wrong password."""
    nonces = iter(["one", "two", "three", "four"])

    def respond(asked: Asked) -> bytes | None:
        if 'nonce="two"' in asked.headers.get("authorization", ""):
            return None
        stale = ', stale="true"' if "authorization" in asked.headers else ""
        return reply(asked, "401 Unauthorized", WWW_Authenticate=f'Digest realm="x", nonce="{next(nonces)}"{stale}')

    camera = LoopbackCamera(clip.sdp, [(0, one) for one in clip.packets()], respond=respond)
    with camera.running(), open_stream(camera.address(), CLOCK, LIMITS) as stream:
        assert next(stream.packets()).is_keyframe


def test_ipv6_works(clip: Clip) -> None:
    """New networks have nothing else."""
    camera = LoopbackCamera(clip.sdp, [(0, one) for one in clip.packets()], host="::1")
    with camera.running(), open_stream(camera.address(), CLOCK, LIMITS) as stream:
        assert next(stream.packets()).is_keyframe
    assert camera.asked[0].url.startswith("rtsp://[::1]:")


def test_rtsps_works_with_a_certificate_that_the_camera_made_itself(clip: Clip, tmp_path: Path) -> None:
    """Few cameras have another; Basic may be used inside."""
    camera = LoopbackCamera(
        clip.sdp,
        [(0, one) for one in clip.packets()],
        respond=asking('WWW-Authenticate: Basic realm="x"'),
        tls=_own_certificate(tmp_path),
    )
    with camera.running(), open_stream(camera.address(), CLOCK, LIMITS) as stream:
        assert len(list(itertools.islice(stream.packets(), 5))) == 5
    assert camera.asked[0].url.startswith("rtsps://")


def test_a_plain_port_asked_for_tls_is_told_as_such(clip: Clip) -> None:
    """The address says rtsps, the camera does not know it."""
    camera = LoopbackCamera(clip.sdp)
    with camera.running(), pytest.raises(CameraFailure) as raised:
        open_stream(camera.address(rtsp_url=camera.url.replace("rtsp:", "rtsps:")), CLOCK, LIMITS)
    assert raised.value.code in {"camera.unreachable", "camera.connection-lost"}


def _own_certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "camera.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def test_the_first_usable_video_track_is_taken(clip: Clip) -> None:
    """A cover picture or MJPEG stands first with some cameras: they were refused although the second track is H.264."""
    cover = "m=video 0 RTP/AVP 26\r\na=control:trackID=9\r\n"
    sdp = clip.sdp.replace("m=video", cover + "m=video", 1)
    camera = LoopbackCamera(sdp, [(0, one) for one in clip.packets()])
    with camera.running(), open_stream(camera.address(), CLOCK, LIMITS) as stream:
        assert stream.codec == "h264"
        assert next(stream.packets()).is_keyframe
    (setup,) = (one for one in camera.asked if one.method == "SETUP")
    assert setup.url == f"{camera.url}/trackID=0"


def test_a_camera_without_usable_video_is_told_as_such(clip: Clip) -> None:
    """MJPEG alone, or packets in an order of their own, can't be used."""
    for sdp in (
        clip.sdp.replace("H264/90000", "JPEG/90000"),
        clip.sdp.replace("packetization-mode=1", "packetization-mode=2"),
    ):
        assert failure_of(LoopbackCamera(sdp)).code == "camera.unusable"


def test_each_end_says_good_bye(clip: Clip) -> None:
    """Cameras with few sessions keep a dead one for a minute."""
    camera = LoopbackCamera(clip.sdp, [(0, one) for one in clip.packets()])
    with camera.running(), open_stream(camera.address(), CLOCK, LIMITS) as stream:
        next(stream.packets())
    assert camera.asked[-1].method == "TEARDOWN"
    assert camera.asked[-1].headers["session"] == "abc"


def test_bytes_that_are_nothing_are_passed_over(clip: Clip) -> None:
    """Some cameras write rubbish between packets."""
    packets = clip.packets()
    camera = LoopbackCamera(clip.sdp, [(0, one) for one in packets])
    camera.respond = on("PLAY", lambda asked: reply(asked, Session="abc") + b"\r\n\x00\x01rubbish" + _framed(packets))
    with camera.running(), open_stream(camera.address(), CLOCK, LIMITS) as stream:
        assert not any(one.lost for one in itertools.islice(stream.packets(), 5))


def _framed(packets: list[bytes]) -> bytes:
    return b"".join(b"$\x00" + len(one).to_bytes(2, "big") + one for one in packets)
