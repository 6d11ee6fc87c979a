"""The ONVIF client against the demo city's devices, which were written from the specifications: one habit after the other."""

from collections.abc import Iterator

import pytest

from ingest.address import CameraAddress
from ingest.onvif.soap import Account
from ingest.onvif_device import OnvifDevice
from ingest.position import PositionClient
from tests.sample_streams.onvif_device import ACCOUNT, RunningDevice, running_device
from vms.clock import SystemClock
from vms.errors import VmsError

pytestmark = pytest.mark.timeout(60)
CLOCK = SystemClock()
HOURS_OFF_S = -4 * 3600.0

UNDERSTOOD = [
    "", "digest", "digest-sha256", "digest-md5-sess", "digest-both", "digest-old", "basic", "ws-security-too", "nothing-public",
    "wants-action", "media2", "media2-only", "media1-without-encoder", "media1-without-ptz", "audio-first", "profile-without-name",
    "no-get-services", "no-get-capabilities", "at-device-service", "at-onvif-device", "services-elsewhere", "services-on-ports",
    "behind-nat", "xaddr-ipv6", "xaddr-name", "xaddr-https", "xaddr-spaces", "xaddr-path", "local-time-only", "odd-zone", "no-clock",
    "clock-unknown", "utf-16", "iso-8859-1", "gb2312", "gbk", "utf8-label", "utf8-capitals", "gbk-as-utf8", "contradicting-charset",
    "other-prefixes", "undeclared-prefixes", "comments", "extensions", "leading-space", "soap-1.1-faults", "faults-200", "faults-400",
    "faults-500", "text-xml", "multipart", "compressed", "chunked", "no-length", "spaces-without-uris",
    "digest+nothing-public", "digest+ws-security-too", "digest+security-not-understood", "digest+one-use-nonces", "digest+locks-out",
    "behind-nat+services-elsewhere", "gbk+contradicting-charset", "soap-1.1-faults+no-get-capabilities",
    "media2-only+digest-sha256+utf-16+chunked+behind-nat",
]  # fmt: skip
REFUSED = {
    "digest+always-stale": "wrong username or password",
    "unknown-label": r"not known \(x-camera\)",
    "login-page": r'no ONVIF service \(HTTP 200, text/html, "Login"\)',
    "page-404": "no ONVIF service .HTTP 404, text/html",
    "page-500": "no ONVIF service .HTTP 500, text/html",
    "page-503": "no ONVIF service .HTTP 503, text/html",
    "empty-answer": "no ONVIF service .HTTP 200, .*, empty",
    "truncated": "not well-formed",
    "silent": "in time",
    "redirect-302": "redirects .HTTP 302",
    "redirect-303": "redirects .HTTP 303",
    "redirect-307": "redirects .HTTP 307",
    "redirect-308": "redirects .HTTP 308",
    "huge": "more than 4096 KiB",
    "gzip-bomb": "more than 4096 KiB",
    "drip": "in time",
    "endless-headers": "no proper HTTP",
    "endless-continue": "in time|more than",
    "endless-chunks": "more than 4096 KiB",
    "entity-bomb": "document type",
    "external-entity": "document type",
    "deep": "too deep",
}


@pytest.fixture(scope="module")
def camera() -> Iterator[RunningDevice]:
    """A turning camera whose clock is four hours behind."""
    with running_device(offset_s=HOURS_OFF_S) as running:
        yield running


def connected(camera: RunningDevice, *, allows_basic: bool = False, timeout_s: float = 5.0) -> OnvifDevice:
    """A client of it."""
    address = CameraAddress(
        "rtsp://192.0.2.1/x", ACCOUNT.username, ACCOUNT.password, "tcp", camera.url, allows_basic=allows_basic
    )
    return OnvifDevice(address, CLOCK, timeout_s=timeout_s)


@pytest.mark.parametrize("habits", UNDERSTOOD)
def test_a_camera_is_understood_whatever_its_habits(camera: RunningDevice, habits: str) -> None:
    """Clock, profile, stream, spaces, a move, and the position: all of what is asked of a turning camera."""
    camera.be(*filter(None, habits.split("+")))
    device = connected(camera, allows_basic=habits == "basic")
    try:
        assert device.clock_offset.total_seconds() == pytest.approx(HOURS_OFF_S, abs=3.0)
        assert device.facts().manufacturer == "Sample City"
        assert device.profile_token() == "main"
        assert device.stream_uri().startswith("rtsp://")
        device.request_sync_point()
        device.go_to(device.ptz_spaces(), 30.0, -5.0, 0.2)
        account = Account(ACCOUNT.username, ACCOUNT.password, habits == "basic")
        with PositionClient(device.ptz_url(), "main", account, CLOCK, ahead=device.clock_offset) as client:
            found = client.ask()
        assert found is not None
        assert found.pan is not None
    finally:
        device.close()
    assert camera.service.sign_in.wrong == 0
    assert "basic" not in camera.schemes or habits == "basic"


@pytest.mark.parametrize("habits", REFUSED)
def test_what_can_not_be_used_is_named(camera: RunningDevice, habits: str) -> None:
    """With what came, and what to do."""
    camera.be(*habits.split("+"))
    with pytest.raises(VmsError, match=REFUSED[habits]):
        connected(camera, timeout_s=0.5 if "in time" in REFUSED[habits] else 5.0)


@pytest.mark.parametrize("habit", ["preset-without-token", "preset-empty-token"])
def test_a_preset_that_nobody_can_go_to_is_left_out(camera: RunningDevice, habit: str) -> None:
    """It was listed as "None"."""
    camera.be(habit)
    device = connected(camera)
    try:
        assert [one.id for one in device.presets()] == ["good"]
    finally:
        device.close()


def test_a_range_without_numbers_is_never_guessed(camera: RunningDevice) -> None:
    """A mask would be in the wrong place."""
    camera.be("spaces-without-ranges")
    device = connected(camera)
    try:
        with pytest.raises(VmsError, match="range without numbers"):
            device.ptz_spaces()
    finally:
        device.close()
