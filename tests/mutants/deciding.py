"""Faults that somebody could write into the acts of retention that need two persons, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

EARLY = "tests/retention/test_early.py"
OVERRIDE = "tests/retention/test_override.py"

DECIDING = (
    Mutant(
        "whoever asks may approve",
        "vms/db/asking.py",
        "if asked.requested_by == by:",
        "if False:",
        (f"{EARLY}::test_nobody_approves_an_own_request",),
    ),
    Mutant(
        "a request waits for ever",
        "vms/db/asking.py",
        "if not asked.requested_at <= at < asked.lapses_at:",
        "if False:",
        (f"{EARLY}::test_a_request_that_waits_for_a_day_has_lapsed",),
    ),
    Mutant(
        "what was asked for is erased before anybody approves it",
        "retention/early.py",
        "for one in ERASURES.list_in(conn, AskedState.APPROVED)",
        "for one in ERASURES.list_newest(conn)",
        (f"{EARLY}::test_nobody_approves_an_own_request",),
    ),
    Mutant(
        "an early erasure does not look at holds",
        "vms/db/early.py",
        "            ~known,\n        )\n        .correlate(segment)",
        "            known,\n        )\n        .correlate(segment)",
        (f"{EARLY}::test_what_was_never_sealed_is_a_holds_first",),
    ),
    Mutant(
        "an early erasure is done while files are left",
        "retention/early.py",
        "if early.is_unfinished(conn, erasure.id):",
        "if False:",
        (f"{EARLY}::test_a_file_that_cannot_be_erased_is_tried_again",),
    ),
    Mutant(
        "a clock that moved since its approval counts",
        "retention/override.py",
        "if age is None or not timedelta(0) <= age < OVERRIDES.lapses_after:",
        "if age is None:",
        (f"{OVERRIDE}::test_a_clock_that_moves_after_the_approval_is_not_the_one_they_meant",),
    ),
)

DECIDING_SELECTION = ("whoever asks may approve",)
"""What CI plants each time."""
