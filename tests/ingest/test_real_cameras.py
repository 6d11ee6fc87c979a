"""Workers against real RTSP and ONVIF: transports, refusals, stalls, losses, and cameras that don't disturb each other."""

import itertools
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.routers.placements import HEALTH
from ingest.address import CameraAddress
from ingest.failure import CameraFailure
from ingest.metadata_source import open_metadata
from ingest.onvif.soap import Account
from ingest.onvif_device import OnvifDevice
from ingest.position import PositionClient
from ingest.source import SourceLimits, open_stream
from tests.ingest.running import City, House, running_city, running_house, until
from tests.ingest.watching import decoded, watching
from vms.bus.commands import PtzAbsolute, PtzContinuous, PtzPresets
from vms.bus.local import LocalBus
from vms.clock import SystemClock
from vms.model import GapCause, PlacementId, SegmentMode

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(600)]

FIXED, COPIED, H265, PTZ, BASIC = "wevergracht", "spoorplein", "lindestraat", "vredenmarkt", "havensteeg"
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The fixed cameras: light ones, for one machine that many tests share."""
    with running_city(tmp_path_factory.mktemp("city"), FIXED, COPIED, H265, BASIC) as running:
        yield running


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty house."""
    with running_house(tmp_path / "h") as running:
        yield running


def address(city: City, camera: str, **changes: str) -> CameraAddress:
    """The address of a camera of the city."""
    entry = city.cameras[camera]
    fields = {name: entry[name] for name in ("rtsp_url", "username", "password")} | changes
    return CameraAddress(
        fields["rtsp_url"],
        fields["username"],
        fields["password"],
        fields.get("transport", "tcp"),
        entry["onvif_url"],
        entry["allows_basic"],
    )


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("camera", [FIXED, H265, BASIC])
def test_a_stream_is_read_over_tcp_and_udp_with_digest_and_basic(city: City, camera: str, transport: str) -> None:
    """And each picture carries the camera's own instant once its first report has come."""
    with open_stream(address(city, camera, transport=transport), CLOCK, SourceLimits()) as stream:
        packets = []
        for packet in stream.packets():
            packets.append(packet)
            if len(packets) >= 40:
                break
    assert stream.codec == city.cameras[camera]["codec"]
    assert packets[0].is_keyframe
    assert packets[0].media_ticks == 0
    assert all(b.media_ticks > a.media_ticks for a, b in itertools.pairwise(packets))
    assert packets[-1].camera_s is not None
    ahead_s = packets[-1].camera_s - CLOCK.now().timestamp()
    assert ahead_s == pytest.approx(city.cameras[camera]["clock_offset_s"], abs=5.0)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_every_missed_packet_is_noticed(city: City, transport: str) -> None:
    """One packet out of a picture's middle: frame numbers and time stamps are in order, only RTP's sequence numbers tell."""
    with open_stream(address(city, BASIC, transport=transport), CLOCK, SourceLimits()) as stream:
        packets = stream.packets()
        assert not any(packet.lost for packet in itertools.islice(packets, 20))
        for _ in range(4):
            city.order(BASIC, fault="drop_packets", count=1)
            # The next packet is lost at once, and told of when the one behind it comes: both within a few pictures.
            assert any(packet.lost for packet in itertools.islice(packets, 30))
            while next(packets).lost:
                pass


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_doubled_stream_is_whole_and_so_is_one_with_a_repeated_packet(city: City, transport: str) -> None:
    """Mirrored ports double everything; a driver repeats one fragment. Neither may reach a parser, or make a picture suspect."""
    with open_stream(address(city, BASIC, transport=transport), CLOCK, SourceLimits()) as stream:
        packets = stream.packets()
        next(packets)
        for fault in ({"fault": "repeat_packets", "count": 1}, {"fault": "duplicate", "percent": 100}):
            before = stream.counts.duplicates
            city.order(BASIC, **fault)
            came = list(itertools.islice(packets, 15))
            city.order(BASIC, fault="none")
            assert not any(packet.lost for packet in came)
            assert stream.counts.duplicates > before
        assert (stream.counts.missed, stream.counts.contradicting) == (0, 0)


def test_a_wrong_password_is_told_as_such(city: City) -> None:
    """The technician must not look for a broken cable."""
    with pytest.raises(CameraFailure, match="wrong username or password") as raised:
        open_stream(address(city, FIXED, password="falsch"), CLOCK, SourceLimits())
    assert raised.value.cause is GapCause.CAMERA_REFUSED
    assert "falsch" not in f"{raised.value!r}{raised.value.__cause__!r}"


def test_an_unknown_path_is_told_as_such(city: City) -> None:
    """It is a matter of the address, not of the account."""
    url = city.cameras[FIXED]["rtsp_url"].rpartition("/")[0] + "/nothing"
    with pytest.raises(CameraFailure, match="no stream at this address"):
        open_stream(address(city, FIXED, rtsp_url=url), CLOCK, SourceLimits())


def test_nobody_there_is_told_as_such() -> None:
    """Port 9 on loopback answers nobody."""
    with pytest.raises(CameraFailure, match="does not answer") as raised:
        open_stream(CameraAddress("rtsp://127.0.0.1:9/x", "u", "p"), CLOCK, SourceLimits())
    assert raised.value.cause is GapCause.CAMERA_UNREACHABLE


def test_two_cameras_record_and_killing_one_worker_leaves_the_other_alone(city: City, house: House) -> None:
    """One camera's crash never touches another."""
    killed, other = house.add(city.cameras[FIXED]), house.add(city.cameras[BASIC])
    node = house.run("ingest")
    for placement in (killed, other):
        house.until_state(placement, "live", 120)
    epochs = {placement: house.status(placement)["epoch"] for placement in (killed, other)}
    lock = (house.parts.settings.run / f"{FIXED}.lock").stat().st_ino
    victim = next(
        int(line.split()[4])
        for line in Path("/proc/locks").read_text().splitlines()
        if line.split()[5].endswith(f":{lock}")
    )
    signal.pidfd_send_signal(_pidfd(victim), signal.SIGKILL)
    until(lambda: house.status(killed)["epoch"] > epochs[killed], 120, "the worker is started anew")
    house.until_state(killed, "live", 120)
    assert house.status(other)["epoch"] == epochs[other]
    assert house.stop(node, 60) == 0
    assert GapCause.WORKER_CRASHED in {gap.cause for gap in house.gaps(killed)}
    assert GapCause.WORKER_CRASHED not in {gap.cause for gap in house.gaps(other)}
    assert {row.state.value for row in (*house.segments(killed), *house.segments(other))} == {"sealed"}


def _pidfd(pid: int) -> int:
    import os

    return os.pidfd_open(pid)


def test_a_camera_without_dwellings_is_copied_bit_by_bit_and_h265_is_transcoded(city: City, house: House) -> None:
    """Copying costs nothing and loses nothing; a browser cannot show H.265."""
    copied, transcoded = house.add(city.cameras[COPIED]), house.add(city.cameras[H265])
    workers = [house.start(copied), house.start(transcoded)]
    with watching(house.parts.settings.run, copied) as view:
        for placement in (copied, transcoded):
            house.until_state(placement, "live", 120)
        until(lambda: len(view.frames) > 20, 60)
    assert [house.stop(worker, 40) for worker in workers] == [0, 0]
    assert {row.mode for row in house.segments(copied)} == {SegmentMode.COPIED}
    assert {row.mode for row in house.segments(transcoded)} == {SegmentMode.MASKED}
    assert {row.blanking["video"]["codec"][:4] for row in house.segments(transcoded) if row.blanking} == {"avc3"}
    assert view.frames[0].is_keyframe
    assert sum(1 for _ in view.pictures()) > 15
    for placement in (copied, transcoded):
        assert sum(1 for _, data in house.recorded(placement) for _ in decoded(data)) > 10


def test_stall_refusal_and_hang_up_become_gaps_with_their_causes_and_recording_goes_on(
    city: City, house: House
) -> None:
    """Every missing second has a reason that a person can act on."""
    placement = house.add(city.cameras[BASIC])
    worker = house.start(placement)
    house.until_state(placement, "live", 120)
    city.order(BASIC, fault="kill")
    until(lambda: house.gaps(placement), 60, "a gap after the hang-up")
    house.until_state(placement, "live", 60)
    city.order(BASIC, fault="wrong_password", on=True)
    house.until_state(placement, "offline", 60, reason="camera.wrong-password")
    city.order(BASIC, fault="none")
    house.until_state(placement, "live", 90)
    city.order(BASIC, fault="stall", seconds=25)
    house.until_state(placement, "offline", 60)
    city.order(BASIC, fault="none")
    house.until_state(placement, "live", 90)
    assert house.status(placement)["reconnects"] >= 2
    assert house.stop(worker, 40) == 0
    causes = [gap.cause for gap in house.gaps(placement)]
    assert GapCause.CAMERA_UNREACHABLE in causes
    assert GapCause.CAMERA_STALLED in causes
    assert all(gap.end_at is not None for gap in house.gaps(placement)[:-1])
    assert city.cameras[BASIC]["password"] not in house.logs()


def test_a_camera_that_sends_no_keyframe_of_itself_is_asked_for_one(city: City, house: House) -> None:
    """A lost picture would be grey for the rest of the day; the sync point ends it."""
    placement = house.add(city.cameras[BASIC])
    worker = house.start(placement)
    house.until_state(placement, "live", 120)
    city.order(BASIC, do="keyframes", every=1_000_000)
    try:
        log = city.truth / f"{BASIC}.jsonl"

        def records() -> list[dict[str, Any]]:
            return [json.loads(line) for line in log.read_text().splitlines()]

        until(lambda: not any(one["keyframe"] for one in records()[-10:]), 60, "a long group of pictures")
        before = len(records())
        city.order(BASIC, fault="drop_frame")
        until(lambda: any(one["keyframe"] for one in records()[before:]), 60, "the camera is asked for a keyframe")
        answered = len(records())
        until(lambda: len(records()) > answered + 20, 60, "pictures after it")
    finally:
        city.order(BASIC, do="keyframes", every=10)
    assert house.stop(worker, 40) == 0
    lost = [span for span in house.greys(placement) if span.reason == "lost-picture"]
    ended_at = house.segments(placement)[-1].end_at
    assert lost
    assert ended_at is not None
    assert lost[-1].end_at < ended_at


def test_a_second_worker_of_a_camera_is_refused(city: City, house: House) -> None:
    """One upstream session per camera, whatever is started by mistake."""
    placement = house.add(city.cameras[FIXED])
    house.start(placement)
    house.until_state(placement, "live", 120)
    second = house.start(placement)
    assert second.wait(200) != 0
    assert "already served" in house.logs()
    assert house.status(placement)["epoch"] == 1


def test_without_an_approved_plan_nothing_is_recorded(city: City, house: House) -> None:
    """And the state says why."""
    placement = house.add(city.cameras[FIXED])
    with house.parts.db.write() as conn:
        from vms.db import plans

        plans.withdraw(conn, placement)
    worker = house.start(placement)
    house.until_state(placement, "grey", 120, reason="plan-missing", recording="off")
    assert house.stop(worker, 40) == 0
    assert house.segments(placement) == []


@pytest.fixture(scope="module")
def ptz_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The PTZ camera."""
    with running_city(tmp_path_factory.mktemp("ptz"), PTZ) as running:
        yield running


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_metadata_stream_is_read_over_tcp_and_udp(ptz_city: City, transport: str) -> None:
    """Its documents come in several packets each, which UDP may bring in any order; the address says which of the two."""
    with open_metadata(address(ptz_city, PTZ, transport=transport), CLOCK) as stream:
        ptz_city.order(PTZ, do="autopilot", pattern="patrol", speed_deg_s=20)
        try:
            told = list(itertools.islice(stream.messages(), 8))
        finally:
            ptz_city.order(PTZ, do="autopilot", pattern="off")
    assert stream.garbled == 0
    assert all(one.position.pan is not None and one.position.utc_s is not None for one in told)
    assert told[-1].position.pan != told[0].position.pan
    assert told[-1].camera_s is None or told[-1].camera_s - CLOCK.now().timestamp() == pytest.approx(37.5, abs=5.0)


def test_onvif_tells_the_position_and_moves_the_camera(ptz_city: City) -> None:
    """Device, media and PTZ services, with a clock that is 37.5 s off."""
    device = OnvifDevice(address(ptz_city, PTZ), CLOCK)
    assert device.facts().manufacturer
    assert device.stream_uri().startswith("rtsp://")
    assert device.clock_offset.total_seconds() == pytest.approx(37.5, abs=1.5)
    device.request_sync_point()
    spaces = device.ptz_spaces()
    account = Account(ptz_city.cameras[PTZ]["username"], ptz_city.cameras[PTZ]["password"])
    url, profile, ahead = device.ptz_url(), device.profile_token(), device.clock_offset
    with PositionClient(url, profile, account, CLOCK, ahead=ahead) as client:
        device.go_to(spaces, 31.0, -6.0, 0.2)

        def arrived() -> bool:
            found = client.ask()
            if found is None or found.pan is None or found.tilt is None:
                return False
            degrees = spaces.pan_tilt_deg(found.pan, found.tilt, found.space)
            return degrees == pytest.approx((31.0, -6.0), abs=0.2)

        until(arrived, 30, "the pose is reached")
        told = client.ask()
        assert told is not None
        assert told.utc_s is not None
        assert told.utc_s - CLOCK.now().timestamp() == pytest.approx(37.5, abs=3.0)
    device.close()
    with pytest.raises(CameraFailure, match="wrong username or password"):
        OnvifDevice(address(ptz_city, PTZ, password="falsch"), CLOCK)


def test_an_operator_moves_the_camera_and_falling_silent_stops_it(ptz_city: City, house: House) -> None:
    """The way of a command: bus, worker, ONVIF, and the dead-man."""
    import asyncio

    placement = house.add(ptz_city.cameras[PTZ])
    house.start(placement)
    until(lambda: (house.status(placement).get("telemetry_hz") or 0) > 1, 150, "telemetry comes")
    until(lambda: house.status(placement).get("telemetry_source") == "stream+poll", 60, "the stream is heard")
    bus = LocalBus(house.parts.settings.run, request_within_s=20.0)

    async def ask(command: PtzContinuous | PtzAbsolute | PtzPresets) -> dict[str, object]:
        return await bus.request(PlacementId(placement), command)

    reply = asyncio.run(ask(PtzContinuous(0.3, 0.0, 0.0)))
    assert reply["pose"]
    until(lambda: "fell silent" in house.logs(), 30, "the dead-man stops it")
    assert "presets" in asyncio.run(ask(PtzPresets()))
    assert threading.active_count() >= 1


def test_the_metadata_stream_is_used_where_it_works_and_polling_where_it_does_not(ptz_city: City, house: House) -> None:
    """Per camera, by what it does: a stream that is garbled or late must not slow the questions down."""
    placement = house.add(ptz_city.cameras[PTZ])
    house.start(placement)
    house.until_state(placement, "live", 150)
    ptz_city.order(PTZ, do="autopilot", pattern="sweep", speed_deg_s=15)

    def told(**wanted: object) -> bool:
        status = house.status(placement)
        return all(status.get(name) == value for name, value in wanted.items())

    until(lambda: told(telemetry_stream="speaking", telemetry_source="stream+poll"), 60, "it speaks")
    house.until_state(placement, "live", 60)
    for mode in ("garbled", "late", "off"):
        ptz_city.order(PTZ, fault="metadata", mode=mode)
        if mode != "off":
            until(lambda: told(telemetry_source="poll"), 60, f"polling alone while the stream is {mode}")
        else:
            until(lambda: told(telemetry_stream="silent"), 60, "it falls silent")
        house.until_state(placement, "live", 60)
    assert house.status(placement)["telemetry_garbled"] >= 1
    assert set(HEALTH) - set(house.status(placement)) == set(), "the technician's page asks for what no worker says"
    ptz_city.order(PTZ, fault="metadata", mode="wrong_zone")
    until(lambda: told(telemetry_zone_s=3600.0, telemetry_source="stream+poll"), 60, "the zone is put right")
    house.until_state(placement, "live", 60)
    ptz_city.order(PTZ, fault="metadata", mode="frozen")
    house.until_state(placement, "grey", 60, reason="contradiction")
    ptz_city.order(PTZ, fault="none")
    # The picture, too, has to agree with the telemetry again, in motion, where enough of the street is in view.
    house.until_state(placement, "live", 240)
    ptz_city.order(PTZ, do="autopilot", pattern="off")


def test_a_worker_that_hangs_is_restarted_and_one_whose_node_dies_goes_on(city: City, house: House) -> None:
    """A stuck driver must not end recording until a person comes, and the node's end is no reason to end it at all."""
    here = house.add(city.cameras[FIXED])
    node = house.run("ingest")
    house.until_state(here, "live", 120)
    first = house.status(here)["epoch"]
    lock = house.parts.settings.run / f"{FIXED}.lock"
    signal.pidfd_send_signal(_pidfd(json.loads(lock.read_text())["pid"]), signal.SIGSTOP)
    until(lambda: house.status(here)["epoch"] > first, 120, "the hanging worker is replaced")
    house.until_state(here, "live", 120)
    second = house.status(here)["epoch"]
    node.kill()
    node.wait()
    successor = house.run("ingest")
    until(lambda: "worker.adopted" in house.logs(), 120, "the next node adopts the worker")
    assert house.stop(successor, 60) == 0
    assert house.status(here)["epoch"] == second
    assert {GapCause.WORKER_STALLED} <= {gap.cause for gap in house.gaps(here)}
    assert GapCause.WORKER_CRASHED not in {gap.cause for gap in house.gaps(here)}
    assert {row.state.value for row in house.segments(here)} == {"sealed"}
