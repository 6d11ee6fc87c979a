"""Faults that somebody could write into telling what is wrong with cameras and storage, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

TEST = "tests/ingest/test_camera_problems.py"
CONDITIONS = f"{TEST}::test_each_condition_has_its_word"
TREND = f"{TEST}::test_how_long_the_room_lasts_is_what_recording_takes_less_what_erasing_gives"
NODE = "tests/ingest/test_node.py::test_the_node_raises_the_alarm_of_cameras_and_storage"

ALARMS = (
    Mutant(
        "a full volume is not told",
        "ingest/camera_problems.py",
        'one.status.get("recording") == "full" or',
        "",
        (CONDITIONS,),
    ),
    Mutant(
        "a camera away from the start is not told",
        "ingest/camera_problems.py",
        'in {"offline", "starting"}',
        'in {"offline"}',
        (CONDITIONS,),
    ),
    Mutant(
        "a worker that says nothing any more is believed",
        "ingest/camera_problems.py",
        "    if one.is_silent:\n        return True\n",
        "",
        (CONDITIONS,),
    ),
    Mutant(
        "words of the worker's own are dropped",
        "ingest/camera_problems.py",
        'placement.status.get("problems") or ()',
        "()",
        (CONDITIONS, NODE),
    ),
    Mutant(
        "a volume in balance alarms for ever",
        "ingest/camera_problems.py",
        "or free_bytes >= first_bytes:",
        "or free_bytes > first_bytes + 1:",
        (TREND,),
    ),
    Mutant(
        "the floor counts as room",
        "ingest/camera_problems.py",
        "if free_bytes <= self._floor_bytes:",
        "if free_bytes <= 0:",
        (TREND,),
    ),
    Mutant(
        "the state's age begins anew with each reason for grey",
        "ingest/gauge.py",
        "if state != self._state:",
        "if True:",
        (f"{TEST}::test_the_state_lasts_though_its_reason_changes",),
    ),
    Mutant(
        "a camera at a fraction of its pace is live",
        "ingest/gauge.py",
        "fps < SLOW_SHARE * self._usual_fps",
        "fps < 0.0",
        (f"{TEST}::test_a_camera_is_slow_by_its_own_usual_pace",),
    ),
    Mutant(
        "cameras that are away restart the node",
        "vms/db/reports.py",
        "(ON_PAPER | self.of_cameras)",
        "ON_PAPER",
        (NODE,),
    ),
    Mutant(
        "a camera that is grey for minutes is not told",
        "ingest/camera_problems.py",
        "GREY: lambda one: not one.is_silent and _is_grey(one),",
        "GREY: lambda _: False,",
        (CONDITIONS,),
    ),
)
