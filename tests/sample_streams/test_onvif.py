"""The ONVIF services, through a client library that somebody else wrote and through plain HTTP."""

import base64
import hashlib
import http.client
import re
import secrets
import urllib.parse
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from onvif import ONVIFCamera
from onvif.exceptions import ONVIFError

from tests.sample_streams.city import City, CityCamera

pytestmark = pytest.mark.processes
SPHERICAL = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees"


def _client(camera: CityCamera, password: str | None = None) -> Any:
    entry = camera.entry
    where = urllib.parse.urlsplit(entry["onvif_url"])
    return ONVIFCamera(where.hostname, where.port, entry["username"], password or entry["password"], adjust_time=True)


@pytest.fixture(scope="module")
def client(city: City) -> Any:
    """A client of the PTZ camera."""
    return _client(city.camera("vredenmarkt"))


def test_the_device_and_its_stream_are_described(city: City, client: Any) -> None:
    """This is how the product learns where the stream is."""
    camera = city.camera("vredenmarkt")
    assert client.devicemgmt.GetDeviceInformation().Manufacturer == "Sample City"
    media = client.create_media_service()
    (profile,) = media.GetProfiles()
    assert profile.VideoEncoderConfiguration.Resolution.Width == camera.entry["width"]
    assert profile.PTZConfiguration.NodeToken == "node"
    uri = media.GetStreamUri(
        {"StreamSetup": {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}, "ProfileToken": profile.token}
    )
    assert uri.Uri == camera.entry["rtsp_url"]
    assert {service.Namespace for service in client.devicemgmt.GetServices({"IncludeCapability": False})} >= {
        "http://www.onvif.org/ver20/ptz/wsdl",
        "http://www.onvif.org/ver10/media/wsdl",
    }


def test_the_node_states_degrees_and_velocities(client: Any) -> None:
    """A client must be able to read what a number means instead of guessing."""
    ptz = client.create_ptz_service()
    (node,) = ptz.GetNodes()
    (absolute,) = node.SupportedPTZSpaces.AbsolutePanTiltPositionSpace
    assert absolute.URI == SPHERICAL
    assert (absolute.XRange.Min, absolute.XRange.Max) == (-180, 180)
    assert (absolute.YRange.Min, absolute.YRange.Max) == (-60, 25)
    (velocity,) = node.SupportedPTZSpaces.ContinuousPanTiltVelocitySpace
    assert (velocity.XRange.Min, velocity.XRange.Max) == (-1, 1)
    assert ptz.GetConfigurationOptions({"ConfigurationToken": "ptz"}).PTZTimeout.Min == timedelta(seconds=1)


def test_moves_do_what_they_say(vredenmarkt: CityCamera, client: Any) -> None:
    """Absolute, relative, continuous, stop: pan to the right and tilt up are positive."""
    ptz = client.create_ptz_service()
    ptz.AbsoluteMove({"ProfileToken": "main", "Position": {"PanTilt": {"x": 60, "y": 5}, "Zoom": {"x": 0.4}}})
    vredenmarkt.wait_until(lambda state: _near(state["pose"], (60, 5, 0.4)))
    ptz.RelativeMove({"ProfileToken": "main", "Translation": {"PanTilt": {"x": -10, "y": 2}}})
    vredenmarkt.wait_until(lambda state: _near(state["pose"], (50, 7, 0.4)))
    ptz.ContinuousMove(
        {"ProfileToken": "main", "Velocity": {"PanTilt": {"x": 0.3, "y": 0.1}}, "Timeout": timedelta(seconds=30)}
    )
    vredenmarkt.wait_until(lambda state: state["pose"][0] > 55 and state["pose"][1] > 8)
    ptz.Stop({"ProfileToken": "main", "PanTilt": True, "Zoom": True})
    vredenmarkt.wait_until(lambda state: state["speeds"] == [0, 0, 0])
    status = ptz.GetStatus({"ProfileToken": "main"})
    pose = vredenmarkt.state()["pose"]
    assert abs(status.Position.PanTilt.x - pose[0]) <= 0.026
    assert status.Position.PanTilt.space == SPHERICAL
    assert status.MoveStatus.PanTilt == "IDLE"
    camera_now = datetime.now(UTC) + timedelta(seconds=vredenmarkt.entry["clock_offset_s"])
    assert abs(status.UtcTime.replace(tzinfo=UTC) - camera_now) < timedelta(seconds=2)


def test_presets_and_home_bring_the_camera_back(vredenmarkt: CityCamera, client: Any) -> None:
    """A preset is set, listed, gone to and removed."""
    ptz = client.create_ptz_service()
    vredenmarkt.order(do="pose", pan_deg=-90, tilt_deg=-10, zoom=0.3)
    token = ptz.SetPreset({"ProfileToken": "main", "PresetName": "kade"})
    assert [(preset.token, preset.Name) for preset in ptz.GetPresets({"ProfileToken": "main"})] == [(token, "kade")]
    ptz.GotoHomePosition({"ProfileToken": "main"})
    vredenmarkt.wait_until(lambda state: _near(state["pose"], (20, -4, 0.1)))
    ptz.GotoPreset({"ProfileToken": "main", "PresetToken": token})
    vredenmarkt.wait_until(lambda state: _near(state["pose"], (-90, -10, 0.3)))
    ptz.RemovePreset({"ProfileToken": "main", "PresetToken": token})
    assert not ptz.GetPresets({"ProfileToken": "main"})
    with pytest.raises(ONVIFError, match="no preset"):
        ptz.GotoPreset({"ProfileToken": "main", "PresetToken": token})


def test_a_wrong_password_is_refused_but_the_time_is_public(city: City) -> None:
    """A client needs the camera's clock before it can make a token that the camera takes."""
    with pytest.raises(ONVIFError):
        _client(city.camera("vredenmarkt"), "wrong").devicemgmt.GetDeviceInformation()
    fixed = _client(city.camera("lindestraat"))
    assert fixed.devicemgmt.GetSystemDateAndTime().UTCDateTime.Date.Year >= 2026


def test_a_kept_alive_connection_serves_many_status_requests(vredenmarkt: CityCamera) -> None:
    """The product polls the position on one connection, ten times a second, with requests of its own making."""
    where = urllib.parse.urlsplit(vredenmarkt.entry["onvif_url"])
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    connection.connect()
    socket = connection.sock
    for _ in range(5):
        body = _status_request(vredenmarkt)
        connection.request("POST", "/onvif/ptz_service", body, {"Content-Type": "application/soap+xml"})
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200
        assert re.search(r'PanTilt x="20" y="-4"', text)
        assert re.search(r"<tt:UtcTime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z</tt:UtcTime>", text)
        assert connection.sock is socket
    connection.close()


def _status_request(camera: CityCamera) -> bytes:
    nonce = secrets.token_bytes(16)
    created_at = datetime.now(UTC) + timedelta(seconds=camera.entry["clock_offset_s"])
    created = created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha1(nonce + created.encode() + camera.entry["password"].encode()).digest()  # noqa: S324  the profile's own
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header><Security><UsernameToken>'
        f"<Username>operator</Username><Password Type='#PasswordDigest'>{base64.b64encode(digest).decode()}</Password>"
        f"<Nonce>{base64.b64encode(nonce).decode()}</Nonce><Created>{created}</Created></UsernameToken></Security>"
        '</s:Header><s:Body><GetStatus xmlns="http://www.onvif.org/ver20/ptz/wsdl"><ProfileToken>main</ProfileToken>'
        "</GetStatus></s:Body></s:Envelope>"
    ).encode()


def _near(pose: list[float], target: tuple[float, float, float]) -> bool:
    return all(abs(a - b) < 0.01 for a, b in zip(pose, target, strict=True))
