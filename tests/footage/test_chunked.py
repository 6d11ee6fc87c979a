"""Chunked encryption: vectors, ranges, and that cutting, swapping and changing are found out."""

import io
import json
from pathlib import Path

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from hypothesis import given, settings
from hypothesis import strategies as st

from vms.errors import IntegrityLost
from vms.footage.chunked import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    BytesSource,
    ChunkedReader,
    ChunkedWriter,
    derive,
)

KEY, OTHER_KEY, CONTEXT = bytes(range(32)), bytes(range(1, 33)), b"vms-segment-v1|markt|1|1"
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 50_000]


def sealed(plain: bytes, key: bytes = KEY, context: bytes = CONTEXT, piece: int = 7_000) -> bytes:
    """Return the cipher text, written in pieces."""
    sink = io.BytesIO()
    writer = ChunkedWriter(sink, key, context)
    for begin in range(0, len(plain), piece):
        writer.write(plain[begin : begin + piece])
    writer.finish()
    return sink.getvalue()


def test_the_vectors_open() -> None:
    """Because files of this year must open with the software of the year they are needed in."""
    vectors = json.loads((Path(__file__).parent / "chunked_vectors.json").read_text(encoding="ascii"))
    for vector in vectors:
        key, context = bytes.fromhex(vector["key"]), bytes.fromhex(vector["context"])
        cipher_text = bytes.fromhex(vector["head"]) + bytes.fromhex(vector["body"])
        reader = ChunkedReader(BytesSource(cipher_text), key, context)
        assert reader.read(0, reader.size_bytes) == bytes.fromhex(vector["plain"]) * vector["times"]
        assert [part.hex() for part in derive(key, cipher_text[:24], context)] == vector["derived"]


@pytest.mark.parametrize("size", SIZES)
def test_the_library_of_others_opens_what_we_write_and_the_other_way_round(size: int) -> None:
    """Because a construction that only we can read may be wrong in both places."""
    plain = bytes(number % 251 for number in range(size))
    cipher_text = sealed(plain)
    decryptor = Cobblestone256Decryptor(KEY, CONTEXT)
    assert decryptor.update(cipher_text) + decryptor.finalize() == plain
    reader = ChunkedReader(BytesSource(cipher_text), KEY, CONTEXT)
    assert reader.size_bytes == size
    assert reader.read(0, size) == plain


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 70_000), offset=st.integers(0, 80_000), length=st.integers(0, 80_000))
def test_any_range_is_what_was_written_there(size: int, offset: int, length: int) -> None:
    """Because seeking in playback reads ranges only."""
    plain = bytes(number * 7 % 251 for number in range(size))
    reader = ChunkedReader(BytesSource(sealed(plain)), KEY, CONTEXT)
    assert reader.read(offset, length) == plain[offset : offset + length]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cut", [1, 16, 17, 59, SEALED_CHUNK_BYTES])
def test_a_cut_file_is_found_out_when_it_is_opened(size: int, cut: int) -> None:
    """Because the end of a recording is where somebody would cut."""
    cipher_text = sealed(bytes(size))
    with pytest.raises(IntegrityLost):
        ChunkedReader(BytesSource(cipher_text[: max(0, len(cipher_text) - cut)]), KEY, CONTEXT)


def test_another_key_or_another_segments_file_is_found_out() -> None:
    """Because two files of equal length could be swapped by whoever can write the disk."""
    cipher_text = sealed(b"footage")
    for key, context in ((OTHER_KEY, CONTEXT), (KEY, b"vms-segment-v1|markt|1|2")):
        with pytest.raises(IntegrityLost):
            ChunkedReader(BytesSource(cipher_text), key, context)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_bit_anywhere_is_found_out(place: int, bit: int) -> None:
    """Because evidence with one changed bit is no evidence."""
    plain = bytes(40_000)
    changed = bytearray(sealed(plain))
    changed[place % len(changed)] ^= 1 << bit
    with pytest.raises(IntegrityLost):
        ChunkedReader(BytesSource(bytes(changed)), KEY, CONTEXT).read(0, len(plain))


def test_swapped_chunks_are_found_out() -> None:
    """Because each chunk opens by itself, but only in its place."""
    cipher_text = sealed(bytes(40_000))
    first, second = HEADER_BYTES, HEADER_BYTES + SEALED_CHUNK_BYTES
    swapped = cipher_text[:first] + cipher_text[second : second + SEALED_CHUNK_BYTES]
    swapped += cipher_text[first:second] + cipher_text[second + SEALED_CHUNK_BYTES :]
    with pytest.raises(IntegrityLost):
        ChunkedReader(BytesSource(swapped), KEY, CONTEXT).read(0, 40_000)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(0, 60_000), kept=st.integers(0, 70_000))
def test_what_a_crash_left_is_readable_up_to_the_last_whole_chunk(size: int, kept: int) -> None:
    """Because the repair works on files that nobody finished."""
    plain = bytes(number * 3 % 251 for number in range(size))
    cipher_text = sealed(plain)[:kept]
    if len(cipher_text) < HEADER_BYTES:
        with pytest.raises(IntegrityLost):
            ChunkedReader(BytesSource(cipher_text), KEY, CONTEXT, unfinished=True)
        return
    whole = (len(cipher_text) - HEADER_BYTES) // SEALED_CHUNK_BYTES * CHUNK_BYTES
    reader = ChunkedReader(BytesSource(cipher_text), KEY, CONTEXT, unfinished=True)
    assert reader.read_all_readable() == plain[:whole]


def test_a_full_chunk_is_with_the_sink_at_once() -> None:
    """Because what waits in memory dies with the process."""
    sink = io.BytesIO()
    writer = ChunkedWriter(sink, KEY, CONTEXT)
    writer.write(bytes(CHUNK_BYTES))
    assert len(sink.getvalue()) == HEADER_BYTES + SEALED_CHUNK_BYTES
    assert writer.waiting_bytes == 0
