"""The second peer, which nobody here wrote."""

import urllib.parse

import av
import pytest

from tests.sample_streams.gst import running_gst_peer
from tests.sample_streams.viewing import opened, pictures

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_peer_serves_with_digest_authentication(transport: str) -> None:
    """Integration tests of ingest use it to make sure that nothing works with our own server alone."""
    with running_gst_peer() as peer:
        secret = urllib.parse.quote(peer["password"], safe="")
        url = peer["rtsp_url"].replace("rtsp://", f"rtsp://{peer['username']}:{secret}@")
        with opened(url, transport) as container:
            assert next(pictures(container)).y.shape == (360, 640)
        with pytest.raises(av.error.HTTPUnauthorizedError), opened(url.replace(secret, "wrong"), transport):
            pass
