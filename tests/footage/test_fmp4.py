"""Fragmented MP4: structure for browsers, and a parser that trusts no tail."""

import io

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.footage.scene import encoded
from vms.errors import InvalidInput
from vms.footage.fmp4 import Sample, complete_boxes, fragment, fragments_of, free_box, init_segment
from vms.footage.nal import (
    Codec,
    ParameterSets,
    annex_b_to_length_prefixed,
    codec_string,
    drop_delimiters,
    find_parameter_sets,
    split_annex_b,
)


def sets_of(codec: Codec = "h264") -> ParameterSets:
    """Return the parameter sets of the test encoder."""
    found = find_parameter_sets(split_annex_b(encoded(codec, 64, 48, 100, 25)[0][0]), codec)
    assert found is not None
    return found


def movie(count: int = 10, *, padded: bool = False) -> tuple[bytes, list[int]]:
    """Return a file of one fragment per picture, and where each fragment ends."""
    data, ends = init_segment(64, 48, sets_of()), []
    for number, (unit, is_keyframe) in enumerate(encoded("h264", 64, 48, 100, 25)[:count]):
        sample = Sample(annex_b_to_length_prefixed(unit), number * 3600, 3600, is_keyframe)
        data += fragment(number + 1, [sample])
        ends.append(len(data))
        if padded:
            data += free_box(16 + number)
    return data, ends


@pytest.mark.parametrize(("codec", "name", "entry"), [("h264", "avc3.", b"avc3"), ("h265", "hev1.", b"hev1")])
def test_the_head_is_what_browsers_play_live(codec: Codec, name: str, entry: bytes) -> None:
    """Because a stated duration switches Chromium's low-delay mode off, and sets must be allowed in the stream."""
    sets = sets_of(codec)
    head = init_segment(64, 48, sets)
    assert b"mehd" not in head
    assert b"mvex" in head
    assert entry in head
    assert sets.codec_string.startswith(name)
    unit = annex_b_to_length_prefixed(encoded(codec, 64, 48, 100, 25)[0][0])
    with av.open(io.BytesIO(head + fragment(1, [Sample(unit, 0, 3600, is_keyframe=True)]))) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (64, 48)


def test_the_codec_string_names_profile_constraints_and_level() -> None:
    """Because the browser refuses a stream whose name it does not know."""
    assert codec_string(bytes.fromhex("6764001facd9")) == "avc3.64001f"
    with pytest.raises(InvalidInput):
        codec_string(b"\x67")


def test_padding_between_fragments_changes_nothing_for_a_player() -> None:
    """Because the recorder pads so that a fragment reaches the disk."""
    plain, _ = movie()
    padded, _ = movie(padded=True)
    counts = []
    for data in (plain, padded):
        with av.open(io.BytesIO(data)) as container:
            counts.append([frame.pts for frame in container.decode(video=0)])
    assert counts[0] == counts[1] == [number * 3600 for number in range(10)]


@settings(max_examples=100, deadline=None)
@given(kept=st.integers(0, 20_000), padded=st.booleans())
def test_a_file_cut_anywhere_ends_with_its_last_whole_fragment(kept: int, padded: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
    """Because a crash cuts anywhere, and half a picture plays nowhere."""
    data, ends = movie(padded=padded)
    head_bytes = len(init_segment(64, 48, sets_of()))
    kept = min(kept, len(data))
    whole = [end for end in ends if end <= kept]
    expected = whole[-1] if whole else (head_bytes if kept >= head_bytes else 0)
    assert complete_boxes(data[:kept]) == expected


def test_the_parser_tells_times_and_keyframes() -> None:
    """Because a repaired segment's index and end come from it."""
    places = list(fragments_of(movie(50)[0]))
    assert [place.start for place in places] == [number * 3600 for number in range(50)]
    assert {place.duration for place in places} == {3600}
    assert [number for number, place in enumerate(places) if place.is_keyframe] == [0, 25]


def test_delimiters_and_filler_stay_out_of_the_file() -> None:
    """Because MP4 frames pictures itself."""
    stream = b"\x00\x00\x00\x01\x09\xf0" + b"\x00\x00\x01\x0c\xff\x80" + encoded("h264", 64, 48, 100, 25)[0][0]
    units = split_annex_b(stream)
    assert len(units) - len(drop_delimiters(units, "h264")) == 2


def test_a_composition_offset_is_kept() -> None:
    """Because a copied camera may send pictures out of order."""
    unit = annex_b_to_length_prefixed(encoded("h264", 64, 48, 100, 25)[0][0])
    data = init_segment(64, 48, sets_of()) + fragment(
        1, [Sample(unit, 0, 3600, is_keyframe=True, composition_offset=7200)]
    )
    with av.open(io.BytesIO(data)) as container:
        (packet, *_) = container.demux(video=0)
        assert (packet.dts, packet.pts) == (0, 7200)
