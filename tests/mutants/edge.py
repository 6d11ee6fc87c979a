"""Faults that somebody could write into looking for edge recordings, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

TEST = "tests/ingest/test_edge.py"
DOUBT = f"{TEST}::test_in_doubt_a_recording_counts_as_kept"

EDGE = (
    Mutant(
        "a recording of which nothing is known counts as empty",
        "ingest/edge_answers.py",
        "if found is None or span is not None",
        "if span is not None",
        (DOUBT,),
    ),
    Mutant(
        "only the whole recording is looked at, not its tracks",
        "ingest/edge_answers.py",
        "[found.EarliestRecording, *(track.DataFrom for track in tracks)]",
        "[found.EarliestRecording]",
        (DOUBT,),
    ),
    Mutant(
        "a running job alone is nothing",
        "ingest/edge_answers.py",
        "EdgeState.RECORDINGS if kept or active else",
        "EdgeState.RECORDINGS if kept else",
        (f"{TEST}::test_a_running_job_is_enough_and_without_limit_is_no_limit",),
    ),
    Mutant(
        "a camera that falls silent is forgiven",
        "ingest/edge.py",
        "answered_at=min(before.answered_at, now), answer=before.answer)",
        "answered_at=None, answer=None)",
        (f"{TEST}::test_a_camera_that_goes_silent_keeps_its_last_answer",),
    ),
    Mutant(
        "recordings are written down once only",
        "ingest/edge.py",
        "return now.keeps or before.answer is None",
        "return before.answer is None",
        (f"{TEST}::test_recordings_are_in_the_ledger_every_day_and_anything_else_when_it_changes",),
    ),
    Mutant(
        "a refused list of services is taken for an empty one",
        "ingest/onvif/services.py",
        "            except SoapFault:\n                # An unknown operation",
        "            except (SoapFault, CameraFailure):\n                # An unknown operation",
        (f"{TEST}::test_a_service_is_found_wherever_the_camera_tells_of_it",),
    ),
)
