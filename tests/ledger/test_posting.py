"""Asking a peer outside the house: whatever it answers, memory and time are bounded and nothing goes elsewhere."""

import gzip
import tracemalloc

import pytest

from tests.ingest.http_peer import HttpPeer, for_ever, http
from vms.errors import Unavailable
from vms.ledger.posting import post

KIND = "application/timestamp-query"


def asked(peer: HttpPeer) -> bytes:
    """Post a question of one byte."""
    return post(peer.url("/tsa"), b"?", kind=KIND, within_s=5.0, longest=64 * 1024, peer="the authority").body


def test_an_answer_that_is_packed_is_not_unpacked() -> None:
    """64 KB unpacked to 64 MB before the bound was looked at; we ask for nothing packed."""
    bomb = http(gzip.compress(bytes(100 << 20), 9), kind=KIND, Content_Encoding="gzip")
    with HttpPeer(lambda _: bomb) as peer:
        tracemalloc.start()
        try:
            with pytest.raises(Unavailable, match="content encoding"):
                asked(peer)
            assert tracemalloc.get_traced_memory()[1] < 20 << 20
        finally:
            tracemalloc.stop()
    assert peer.asked[0].headers["accept-encoding"] == "identity"


def test_an_answer_is_read_up_to_the_bound_and_a_redirect_is_not_followed() -> None:
    """One byte more shows whoever asked that it was cut off."""
    with HttpPeer(lambda _: for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 4096)) as peer:
        assert len(asked(peer)) == 64 * 1024 + 1
    with HttpPeer(lambda _: http("", kind=KIND)) as other:
        with HttpPeer(lambda _: http("moved", "307 Moved", KIND, Location=other.url())) as peer:
            assert asked(peer) == b"moved"
        assert other.asked == []
