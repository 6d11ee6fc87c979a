"""Faults that somebody could write into proofs and reviews, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

PROOF = "tests/retention/test_proof.py"
REVIEW = "tests/api/test_oversight.py"

OVERSIGHT = (
    Mutant(
        "a proof counts what a hold keeps as erasable",
        "retention/books.py",
        "found |= hour.bits(*pair)",
        "found |= 0",
        (f"{PROOF}::test_the_arithmetic_finds_each_disorder_and_nothing_else",),
    ),
    Mutant(
        "a proof does not look for the file",
        "retention/proof.py",
        "if parts.store.has_any(",
        "if False and parts.store.has_any(",
        (f"{PROOF}::test_a_file_that_came_back_and_a_row_that_was_changed_are_found",),
    ),
    Mutant(
        "a sample is drawn without the auditor's seed",
        "vms/ledger/sampling.py",
        'f"{seed}|{seq}"',
        'f"|{seq}"',
        (f"{REVIEW}::test_the_same_seed_draws_the_same_with_the_auditors_own_tool",),
    ),
    Mutant(
        "refused views are drawn too",
        "vms/ledger/sampling.py",
        'document["res"] == Result.OK.value and ',
        "",
        (f"{REVIEW}::test_the_same_seed_draws_the_same_with_the_auditors_own_tool",),
    ),
)
