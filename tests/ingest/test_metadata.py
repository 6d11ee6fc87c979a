"""The metadata stream's documents are put together and read, and never guessed at."""

import gzip
import random

import pytest

from ingest.metadata import LONGEST_BYTES, DocumentJoiner, statuses

HEAD = (
    b'<?xml version="1.0"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:PTZ><tt:PTZStatus><tt:Position>'
    b'<tt:PanTilt x="12.5" y="-3.25" space="urn:degrees"/><tt:Zoom x="0.25"/></tt:Position><tt:MoveStatus><tt:PanTilt>MOVING'
    b"</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus><tt:UtcTime>2026-05-04T12:00:00.250Z</tt:UtcTime>"
)
DOCUMENT = HEAD + b'<tt:FieldOfView hfov="31.25" vfov="17.9"/></tt:PTZStatus></tt:PTZ></tt:MetadataStream>'


def pieces(data: bytes, size: int = 100) -> list[bytes]:
    """Cut a document as RTP does."""
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize(
    "data", [DOCUMENT, DOCUMENT + b"\r\n", gzip.compress(DOCUMENT)], ids=["plain", "newline", "gzip"]
)
def test_pieces_with_one_time_stamp_become_one_document(data: bytes) -> None:
    """FFmpeg hands on every packet by itself and drops the marker that ends a document."""
    joiner = DocumentJoiner()
    found = [joiner.add(900, piece) for piece in pieces(data)]
    assert found[:-1] == [None] * (len(found) - 1)
    assert found[-1] is not None
    assert found[-1].strip() == DOCUMENT
    assert joiner.add(1800, DOCUMENT) == DOCUMENT
    assert joiner.dropped == 0


def test_a_document_that_lost_its_end_spoils_no_other() -> None:
    """A lost packet costs one status, not the stream."""
    joiner = DocumentJoiner()
    for piece in pieces(DOCUMENT)[:-1]:
        assert joiner.add(900, piece) is None
    assert joiner.add(1800, DOCUMENT) == DOCUMENT
    assert joiner.dropped == 1


def test_an_endless_document_is_thrown_away() -> None:
    """A camera must not fill the worker's memory."""
    joiner = DocumentJoiner()
    for _ in range(2 * LONGEST_BYTES // 1000):
        assert joiner.add(900, b"x" * 1000) is None
    assert joiner.dropped >= 1
    bomb = gzip.compress(b" " * (100 * LONGEST_BYTES))
    assert DocumentJoiner().add(900, bomb) is None


def test_a_status_is_read_with_its_time_and_field_of_view() -> None:
    """ONVIF 24.12 tells the field of view as attributes; its last digit is how exactly it is told."""
    (position,) = statuses(DOCUMENT) or []
    assert (position.pan, position.tilt, position.zoom, position.moving) == (12.5, -3.25, 0.25, True)
    assert position.utc_s == pytest.approx(1777896000.25)
    assert (position.hfov_deg, position.hfov_step_deg) == (31.25, 0.01)


def test_a_status_inside_a_frame_has_the_frames_time() -> None:
    """That is the very picture to which it belongs."""
    inner = HEAD[HEAD.index(b"<tt:PTZStatus>") : HEAD.index(b"<tt:UtcTime>")] + b"</tt:PTZStatus>"
    text = (
        b'<MetadataStream xmlns:tt="x"><VideoAnalytics><Frame UtcTime="2026-05-04T12:00:01Z">'
        + inner
        + b"</Frame></VideoAnalytics></MetadataStream>"
    )
    (position,) = statuses(text) or []
    assert position.utc_s == pytest.approx(1777896001.0)


def test_documents_without_a_status_say_nothing() -> None:
    """Events and analytics share the stream."""
    assert statuses(b"<tt:MetadataStream><tt:Event/></tt:MetadataStream>") == []


def test_nonsense_is_no_status_and_no_crash() -> None:
    """Firmware sends what it likes; a number that cannot be read is none."""
    rng = random.Random(3)
    assert statuses(b"<!DOCTYPE x [<!ENTITY a 'b'>]><MetadataStream/>") is None
    for _ in range(300):
        spoilt = bytearray(DOCUMENT)
        for _ in range(rng.randint(1, 6)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        for position in statuses(bytes(spoilt)) or []:
            assert position.pan is None or isinstance(position.pan, float)
