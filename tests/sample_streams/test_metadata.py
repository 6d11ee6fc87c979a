"""The PTZ camera tells of its movements in a metadata track, as the standard wants it: whenever there is a change."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import av
import pytest
from av.container import InputContainer

from sample_streams.wire.metadata import GZIPPED, PLAIN, packetise_document
from tests.sample_streams.city import CityCamera, OrderRefusedError

processes = pytest.mark.processes


@contextmanager
def opened(camera: CityCamera, transport: str, media: str) -> Iterator[InputContainer]:
    """Open a session with some tracks."""
    options = {"rtsp_transport": transport, "probesize": "32", "timeout": "10000000", "allowed_media_types": media}
    with av.open(camera.url(), options=options) as container:
        yield container


@processes
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_statuses_come_while_the_camera_turns_and_stop_when_it_stands(vredenmarkt: CityCamera, transport: str) -> None:
    """Fragments of one document share their time stamp, which the reports put on the camera's clock."""
    texts: dict[int, str] = {}
    clocks: dict[int, float] = {}
    vredenmarkt.order(do="autopilot", pattern="sweep", speed_deg_s=20)
    with opened(vredenmarkt, transport, "data") as container:
        assert [stream.type for stream in container.streams] == ["data"]
        for packet in container.demux(container.streams.data[0]):
            assert packet.pts is not None
            texts[packet.pts] = texts.get(packet.pts, "") + bytes(packet).decode()
            assert packet.has_sidedata("prft")
            clocks[packet.pts] = int.from_bytes(bytes(packet.get_sidedata("prft"))[:8], "little") / 1e6
            if len(texts) >= 12:
                break
        whole = [text for text in texts.values() if text.endswith("</tt:MetadataStream>")]
        assert len(whole) >= 11
        pans = [float(found.group(1)) for text in whole if (found := re.search(r'PanTilt x="([-\d.]+)"', text))]
        assert len(set(pans)) == len(pans)
        for pts, text in list(texts.items())[:11]:
            told = re.search(r"<tt:UtcTime>(.+?)Z<", text)
            assert told
            utc = datetime.fromisoformat(told.group(1)).replace(tzinfo=UTC).timestamp()
            assert utc == pytest.approx(clocks[pts], abs=0.01)
        vredenmarkt.order(do="autopilot", pattern="off")
        vredenmarkt.wait_until(lambda state: state["speeds"] == [0, 0, 0])
        sent = vredenmarkt.wait_until(lambda state: True)["metadata_sent"]
        settled = vredenmarkt.state()["metadata_sent"]
        assert settled - sent <= 2


@processes
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_pictures_and_statuses_share_a_session_where_both_are_set_up(vredenmarkt: CityCamera, transport: str) -> None:
    """Other clients do it so."""
    vredenmarkt.order(do="autopilot", pattern="sweep", speed_deg_s=20)
    kinds: list[str] = []
    with opened(vredenmarkt, transport, "video+data") as container:
        assert sorted(stream.type for stream in container.streams) == ["data", "video"]
        for packet in container.demux():
            kinds.append(packet.stream.type)
            if kinds.count("video") >= 8 and kinds.count("data") >= 8:
                break
    assert {"data", "video"} <= set(kinds)


@processes
def test_a_camera_without_the_track_refuses_orders_about_it(havensteeg: CityCamera) -> None:
    """A test must not believe that it broke something."""
    with pytest.raises(OrderRefusedError, match="no metadata"):
        havensteeg.order(fault="metadata", mode="late")


@pytest.mark.parametrize("encoding", [PLAIN, GZIPPED])
def test_a_document_is_cut_into_packets_of_which_the_last_is_marked(encoding: str) -> None:
    """A client finds the end of a document by it."""
    document = b"<tt:MetadataStream>" + bytes(range(48, 122)) * 30 + b"</tt:MetadataStream>"
    payloads = packetise_document(document, encoding)
    assert [one.marker for one in payloads] == [False] * (len(payloads) - 1) + [True]
    data = b"".join(one.data for one in payloads)
    assert (gzip.decompress(data) if encoding == GZIPPED else data) == document
    if encoding == PLAIN:
        assert len(payloads) > 2
