"""Faults where samples meet the codec library."""

from tests.mutants.mutant import Mutant

ENCODER = "tests/ingest/test_encoder.py"

_ENCODER = "ingest/encoder.py"

CODEC = (
    Mutant(
        "every buffer handed over whole, whatever the height",
        _ENCODER,
        "_WRAPPED_ROWS = 4",
        "_WRAPPED_ROWS = 2",
        (f"{ENCODER}::test_every_size_comes_out_as_it_was_burned",),
    ),
    Mutant(
        "a picture of another size encoded",
        _ENCODER,
        "!= [samples.shape for samples in frame.planes]:",
        "!= [samples.shape for samples in frame.planes] and False:",
        (f"{ENCODER}::test_a_library_that_would_rescale_is_refused",),
    ),
    Mutant(
        "the lines' padding taken for samples",
        _ENCODER,
        "np.uint8).reshape(-1, plane.line_size)\n            lines[: samples",
        "np.uint8).reshape(-1, plane.width)\n            lines[: samples",
        (f"{ENCODER}::test_every_size_comes_out_as_it_was_burned",),
    ),
)
