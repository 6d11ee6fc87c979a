"""The product's ONVIF client with devices of other makes: what it must understand, and what it must say of what it can't.

One device for all cases; it takes on one set of habits after the other (docs/demo-city.md lists them).
"""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import pytest

from ingest.address import CameraAddress
from ingest.agreement import ClockAgreement
from ingest.camera_desk import CameraDesk
from ingest.gauge import Gauge
from ingest.metadata_source import MetadataStream
from ingest.onvif_device import OnvifDevice
from ingest.position import Position
from ingest.telemetry_link import TelemetryLink
from sample_streams.wire.nal import Codec
from tests.ingest.running import until
from tests.sample_streams.onvif_device import ACCOUNT, RunningDevice, running_device
from vms.clock import Clock, SystemClock
from vms.errors import VmsError

pytestmark = pytest.mark.timeout(60)
CLOCK = SystemClock()
STREAM = "rtsp://127.0.0.1:554/stream1"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningDevice]:
    """The device that all cases share."""
    with running_device() as device:
        yield device


@pytest.fixture
def device(started: RunningDevice) -> Iterator[RunningDevice]:
    """A plain device; each case gives it habits."""
    started.clock.offset_s = 0.0
    yield started
    started.clock.offset_s = 0.0
    started.be()


def address(device: RunningDevice, *, password: str = ACCOUNT.password, allows_basic: bool = False) -> CameraAddress:
    """Return what a technician enters."""
    return CameraAddress(STREAM, ACCOUNT.username, password, "tcp", device.url, allows_basic)


@dataclass(frozen=True)
class Seen:
    """What the product learned from a device."""

    model: str
    stream: str
    position: Position | None
    clock_offset: timedelta


def learned(device: RunningDevice, *, allows_basic: bool = False) -> Seen:
    """Ask everything that the product asks of a camera: who it is, its stream, a keyframe, and where it looks."""
    made: list[OnvifDevice] = []

    def connect(where: CameraAddress, clock: Clock) -> OnvifDevice:
        made.append(OnvifDevice(where, clock))
        return made[-1]

    desk = CameraDesk(address(device, allows_basic=allows_basic), CLOCK, connect)
    try:
        client, spaces, _ = desk.telemetry()
        with client:
            position = client.ask()
        desk.request_sync_point()
        (onvif,) = made
        seen = Seen(onvif.facts().model, onvif.stream_uri(), position, onvif.clock_offset)
    finally:
        desk.forget()
    assert (spaces.degrees.x.low, spaces.degrees.x.high) == (-180, 180)
    return seen


def problem(device: RunningDevice, **how: str) -> VmsError:
    """Return what the product says of a device that it can't use."""
    desk = CameraDesk(address(device, **how), CLOCK)
    with pytest.raises(VmsError) as caught:
        desk.telemetry()
    desk.forget()
    return caught.value


UNDERSTOOD = {
    "nothing without an account": "nothing-public digest-sha256",
    "digest before anything, WS-Security as well": "nothing-public digest-md5-sess ws-security-too one-use-nonces",
    "an account that locks": "digest locks-out nothing-public",
    "Media2 alone, with digest": "media2-only digest-sha256 nothing-public",
    "audio first, in Media2": "audio-first profile-without-name media2-only",
    "everything elsewhere": "at-onvif-device services-elsewhere services-on-ports media2-only",
    "behind NAT, paths of its own": "behind-nat services-elsewhere at-onvif-device media2-only",
    "paths for addresses": "xaddr-path services-elsewhere",
    "a clock that nobody can ask": "clock-unknown no-date",
    "Latin 1": "iso-8859-1 text-xml",
    "HTTP and XML that disagree": "contradicting-charset utf8-capitals",
    "elements of the maker": "extensions comments media2",
    "packed": "compressed gb2312",
    "many at once": "digest-both nothing-public media2-only services-elsewhere at-onvif-device gbk other-prefixes chunked",
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_a_device_of_another_make_is_understood(device: RunningDevice, name: str) -> None:
    """Who it is, where its stream is, a keyframe, and where it looks."""
    device.be(*UNDERSTOOD[name].split())
    seen = learned(device)
    if name != "HTTP and XML that disagree":
        assert seen.model == f"Draaitoren 2{device.service.habits.word}"
    assert seen.stream == STREAM.replace(
        "127.0.0.1", "192.168.1.64" if "behind-nat" in UNDERSTOOD[name] else "127.0.0.1"
    )
    assert seen.position is not None
    assert (seen.position.pan, seen.position.tilt) == (20.0, -4.0)
    assert device.calls["SetSynchronizationPoint"] >= 1
    assert "basic" not in device.schemes


CLOCKS = [
    "no-date",
    "digest no-date",
    "nothing-public digest no-date",
    "nothing-public",
    "nothing-public digest ws-security-too",
    "local-time-only no-date",
    "odd-zone no-date",
    "local-time-only",
    "no-clock",
    "clock-unknown",
]


@pytest.mark.parametrize("hours", [-30, 5])
@pytest.mark.parametrize("habits", CLOCKS)
def test_a_clock_that_is_hours_off(device: RunningDevice, habits: str, hours: int) -> None:
    """A token must be fresh by the camera's clock, also where that is told after signing in only."""
    device.clock.offset_s = hours * 3600.0
    device.be(*habits.split())
    seen = learned(device)
    assert abs(seen.clock_offset - timedelta(hours=hours)) < timedelta(seconds=2)
    assert seen.position is not None


def test_h265_by_media2() -> None:
    """A camera of Profile T, with the parts of others' habits that go with it."""
    with running_device(codec=Codec.H265) as device:
        device.be("media2-only", "digest-sha256", "audio-first")
        assert learned(device).stream == STREAM


def test_a_device_on_ipv6() -> None:
    """Brackets in the address, and in what it reports."""
    with running_device(host="::1") as device:
        for habits in ("", "services-on-ports at-onvif-device", "xaddr-ipv6", "behind-nat digest"):
            device.be(*habits.split())
            assert learned(device).position is not None


def test_basic_only_where_it_is_allowed(device: RunningDevice) -> None:
    """Without TLS the password is anybody's who listens."""
    device.be("basic", "nothing-public")
    assert problem(device).code == "camera.basic-refused"
    assert device.schemes == {}
    assert learned(device, allows_basic=True).position is not None


@pytest.mark.parametrize(
    "habits", ["", "digest", "digest-sha256 nothing-public", "nothing-public ws-security-too digest"]
)
def test_a_wrong_password_is_called_one_and_does_not_lock_the_account(device: RunningDevice, habits: str) -> None:
    """Cameras lock an account after three to five wrong passwords, for everybody."""
    device.be(*habits.split())
    assert problem(device, password="wrong").code == "camera.wrong-password"
    assert device.service.sign_in.wrong <= 2


def test_presets_that_can_be_gone_to_are_listed(device: RunningDevice) -> None:
    """One without a token can't be; one without a name is called by its token; five hundred are no fewer."""
    device.be("preset-without-token", "preset-empty-token", "preset-without-name", "presets-500")
    desk = CameraDesk(address(device), CLOCK)
    found = {one.id: one.name for one in desk.presets()}
    desk.go_to_preset("P500")
    desk.forget()
    assert len(found) == 502
    assert (found["good"], found["nameless"], found["P500"]) == ("plein", "nameless", "stand 500")
    assert device.calls["GotoPreset"] == 1


@pytest.mark.parametrize(
    ("habits", "code", "says"),
    [
        ("empty-answer", "camera.onvif", r"^HTTP 200, application/soap\+xml, empty$"),
        ("redirect-307", "camera.onvif", r"^HTTP 307, /onvif/device_service$"),
        ("digest always-stale", "camera.wrong-password", r"refuses"),
        ("spaces-without-ranges", "camera.onvif-nonsense", r"PTZ range"),
    ],
)
def test_what_came_reaches_the_technician(device: RunningDevice, habits: str, code: str, says: str) -> None:
    """Through the link that a worker has; a camera that is set right is used without a restart."""
    device.be(*habits.split())
    desk, stop = CameraDesk(address(device), CLOCK), threading.Event()
    link = TelemetryLink(
        desk,
        ClockAgreement(0.0, 0.0),
        lambda _told: None,
        Gauge(CLOCK),
        CLOCK,
        listen=lambda: cast("MetadataStream", None),
    )
    thread = threading.Thread(target=link.run, args=(stop,), daemon=True)
    thread.start()
    try:
        facts = until(lambda: (found := link.facts())["telemetry_problem"] and found, 20, "a problem")
        assert facts["telemetry_problem"] == code
        assert re.search(says, facts["telemetry_problem_said"])
        assert sum(device.calls.values()) < 12
        device.be()
        until(lambda: link.facts()["telemetry_problem"] is None, 20, "a position")
    finally:
        stop.set()
        thread.join(20)
        desk.forget()


def test_a_redirect_takes_nothing_elsewhere(device: RunningDevice) -> None:
    """Not the question, and not the account."""
    with running_device() as other:
        for status in (302, 303, 307, 308):
            device.be(f"redirect-{status}", "digest", elsewhere=other.url)
            problem(device)
            device.be(f"redirect-{status}", elsewhere=other.url, only=("GetProfiles",))
            problem(device)
        assert other.calls == {}
        assert other.schemes == {}


FAULTS = [
    "",
    "faults-200",
    "faults-400",
    "faults-500",
    "soap-1.1-faults",
    "soap-1.1-faults faults-500",
    "gbk other-prefixes",
]


@pytest.mark.parametrize("habits", FAULTS)
def test_a_fault_says_what_the_camera_said(device: RunningDevice, habits: str) -> None:
    """In either SOAP, with whatever status."""
    device.be(*habits.split())
    desk = CameraDesk(address(device), CLOCK)
    with pytest.raises(VmsError, match="there is no preset 'nosuch'") as caught:
        desk.go_to_preset("nosuch")
    desk.forget()
    assert caught.value.code == "camera.onvif-fault"
