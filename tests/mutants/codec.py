"""Faults where samples and time stamps meet the codec library."""

from tests.mutants.mutant import Mutant

ENCODER = "tests/ingest/test_encoder.py"
DECODER = "tests/ingest/test_decoder.py"
STAMPS = "tests/ingest/test_file_stamps.py"
PACE = "tests/ingest/test_pace.py"

_ENCODER = "ingest/encoder.py"
_STAMPS = "ingest/file_stamps.py"
_ORDER = "ingest/instant_order.py"

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
    Mutant(
        "a picture without a usable instant masked all the same",
        "ingest/decoder.py",
        "if not self._order.take_out(sequence, raw.captured_s):",
        "if self._order.take_out(sequence, raw.captured_s) and False:",
        (DECODER, "tests/ingest/test_pipeline.py"),
    ),
    Mutant(
        "instants held against those before them only",
        _ORDER,
        "return rises and all(instant_s < other_s for other_s in self._inside_s.values())",
        "return rises",
        (DECODER,),
    ),
    Mutant(
        "instants that fall taken for instants",
        _ORDER,
        "rises = instant_s > self._latest_s",
        "rises = True",
        (DECODER,),
    ),
    Mutant(
        "packets of a file stamped in decoding order",
        _STAMPS,
        "if number in place_of), key=place_of.__getitem__)",
        "if number in place_of))",
        (STAMPS,),
    ),
    Mutant(
        "a picture that never came out forgotten when the others are placed",
        _STAMPS,
        "and complete[index] and all(complete[index + 1 : index + 2])",
        "",
        (STAMPS,),
    ),
    Mutant(
        "packets counted on behind a loss",
        _STAMPS,
        "(is_told or end <= counts_until)",
        "True",
        (STAMPS,),
    ),
    Mutant(
        "a guess at a file's instants taken for an instant",
        "ingest/file_video.py",
        'return float("nan") if ticks in self._unsure else float(',
        "return float(",
        (STAMPS,),
    ),
    Mutant(
        "a rate stated too low believed to the end",
        "ingest/pace.py",
        "return min(stated, max(shortest, span / steps)) if span > 0 else stated",
        "return stated",
        (PACE,),
    ),
    Mutant(
        "a burst measured into the pace before it is judged",
        "ingest/pace.py",
        "        self._measure(pts)\n        if latest is None or spacing",
        "        self._measure(pts)\n        spacing = self._spacing or spacing\n        if latest is None or spacing",
        (PACE,),
    ),
    Mutant(
        "what a picture says of itself lost when it is grey",
        "blanking/burn.py",
        "        signal=raw.signal,\n        decision=BlankAll(reason),",
        "        decision=BlankAll(reason),",
        ("tests/ingest/test_pipeline.py",),
    ),
    Mutant(
        "brightness alone squeezed",
        "ingest/raw_picture.py",
        "    if is_grey:\n",
        "    if False:\n",
        ("tests/ingest/test_video_signal.py",),
    ),
)
