"""Faults that somebody could write into noticing processes that hang, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

BEATS = "tests/test_heartbeat.py"
NODE = "tests/ingest/test_node.py"

STALLING = (
    Mutant(
        "a watcher that was held up blames the process",
        "vms/heartbeat.py",
        "min(now_s - self._looked_s, MOST_STEP_S)",
        "now_s - self._looked_s",
        (f"{BEATS}::test_a_watcher_that_was_held_up_itself_accuses_nobody",),
    ),
    Mutant(
        "a process that has not beaten yet is killed",
        "vms/heartbeat.py",
        "self.silence_s() >= STALLED_AFTER_S and self._newest is not None",
        "self.silence_s() >= STALLED_AFTER_S",
        (f"{BEATS}::test_a_process_that_never_beat_is_not_stalled",),
    ),
    Mutant(
        "a process beats though one of its loops hangs",
        "vms/heartbeat.py",
        "if now_s - came_s > within_s",
        "if now_s < came_s",
        (f"{BEATS}::test_a_loop_that_hangs_ends_the_beats_of_its_whole_process",),
    ),
    Mutant(
        "a worker that hangs is left alone",
        "ingest/node.py",
        "elif child.beats.is_stalled():",
        "elif False:",
        (f"{NODE}::test_a_worker_that_hangs_is_killed_and_another_started",),
    ),
    Mutant(
        "a worker that hung is said to have crashed",
        "ingest/takeover.py",
        "GapCause.WORKER_STALLED if stalled.is_set()",
        "GapCause.WORKER_CRASHED if stalled.is_set()",
        (f"{NODE}::test_the_gap_of_a_worker_that_hung_says_so",),
    ),
    Mutant(
        "every later crash is said to be a hang",
        "ingest/takeover.py",
        "    stalled.clear()\n",
        "",
        (f"{NODE}::test_the_gap_of_a_worker_that_hung_says_so",),
    ),
    Mutant(
        "workers of other settings are adopted as they are",
        "ingest/node.py",
        "generation(self._parts.settings, camera) == words.generation",
        "words.generation",
        (f"{NODE}::test_a_worker_of_other_settings_or_another_camera_is_replaced",),
    ),
    Mutant(
        "a process that hangs is left alone",
        "vms/cli/supervise.py",
        "child.beats is not None and child.beats.is_stalled()",
        "child.beats is None",
        ("tests/cli/test_supervise.py::test_a_child_that_hangs_is_killed_and_started_again",),
    ),
)
