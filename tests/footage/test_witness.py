"""What a picture carries of its own blanking survives everything that a picture goes through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.footage.scene import encoded
from vms.errors import IntegrityLost
from vms.footage.nal import split_annex_b
from vms.footage.witness import SOURCES, FrameWitness, PoseSaying, find_witness, with_witness

numbers = st.floats(-400, 400)
sayings = st.builds(PoseSaying, st.floats(-2, 2), st.floats(0, 1), numbers, numbers, st.floats(0, 1))
witnesses = st.builds(
    FrameWitness,
    st.integers(0, 2**31),
    st.binary(min_size=8, max_size=8),
    st.sampled_from(SOURCES),
    st.sampled_from(["", "pose-late", "lost-picture"]),
    st.lists(sayings, max_size=2).map(tuple),
)


@given(witnesses)
@settings(max_examples=60, deadline=None)
def test_a_witness_comes_back_out_of_a_coded_picture(witness: FrameWitness) -> None:
    """Zero bytes in it must not look like a start code; the slices stay bit for bit what they were."""
    picture = encoded("h264", 64, 48, 2, 1)[0][0]
    units = split_annex_b(with_witness(picture, witness))
    found = find_witness(units)
    assert found is not None
    assert (found.plan_version, found.plan_digest, found.source, found.reason) == (
        witness.plan_version,
        witness.plan_digest,
        witness.source,
        witness.reason,
    )
    for one, other in zip(found.sayings, witness.sayings, strict=True):
        assert one.offset_s == pytest.approx(other.offset_s, abs=1e-6)
        assert one.pan_deg == pytest.approx(other.pan_deg, abs=1e-4)
        assert one.tilt_deg == pytest.approx(other.tilt_deg, abs=1e-4)
        assert one.zoom == pytest.approx(other.zoom, abs=1e-6)
    assert [unit for unit in units if unit[0] & 0x1F != 6] == [
        unit for unit in split_annex_b(picture) if unit[0] & 0x1F != 6
    ]


def test_a_picture_without_a_witness_has_none() -> None:
    """Cameras send SEI of their own."""
    assert find_witness(split_annex_b(encoded("h264", 64, 48, 2, 1)[0][0])) is None


@pytest.mark.parametrize(
    "data", [b"", b"\x01\x00", b"\x09" * 40, FrameWitness(1, b"x" * 8, "fixed", "").to_bytes()[:-1]]
)
def test_a_broken_witness_is_no_witness(data: bytes) -> None:
    """It is said so, and never guessed at."""
    with pytest.raises(IntegrityLost):
        FrameWitness.from_bytes(data)
