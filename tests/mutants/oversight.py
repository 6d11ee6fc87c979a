"""Faults that somebody could write into proofs and reviews, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

PROOF = "tests/retention/test_proof.py"
REVIEW = "tests/api/test_oversight.py"
SIGNED = "tests/db/test_proof_signatures.py"
SIGN_IN_REVIEW = "tests/api/test_sign_in_reviews.py"
SIGN_INS = "tests/ledger/test_sign_in_sampling.py"

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
    Mutant(
        "a proof is signed over another report than was shown",
        "vms/db/proofs.py",
        "signature.sha256 != proof.sha256 or ",
        "",
        (f"{SIGNED}::test_a_proof_is_signed_once_over_its_very_report",),
    ),
    Mutant(
        "findings are signed without an explanation",
        "vms/db/proofs.py",
        "proof.result is ProofResult.FINDINGS and ",
        "False and ",
        (f"{SIGNED}::test_findings_are_signed_with_an_explanation_only",),
    ),
    Mutant(
        "a proof made again passes for signed",
        "vms/db/proofs.py",
        "proof_signature.c.month == retention_proof.c.month, proof_signature.c.sha256 == retention_proof.c.sha256",
        "proof_signature.c.month == retention_proof.c.month, proof_signature.c.sha256 != ''",
        (f"{SIGNED}::test_what_was_not_signed_in_time_is_named",),
    ),
    Mutant(
        "the auditor's tool takes a signature under any report of the month",
        "auditor/proof_signatures.py",
        'signature.text("sha256") == proof.text("sha256") and ',
        "",
        (f"{PROOF}::test_the_auditor_says_who_signed_each_proof_and_whether_it_is_that_very_one",),
    ),
    Mutant(
        "wrong passwords push other sign-ins out of a sample",
        "vms/ledger/sign_in_sampling.py",
        "return in_turn[:count]",
        "return by_hash[:count]",
        (f"{SIGN_INS}::test_two_hundred_wrong_passwords_push_nothing_else_out",),
    ),
    Mutant(
        "one account's wrong passwords push another's out of a sample",
        "vms/ledger/sign_in_sampling.py",
        "taken[of] += 1",
        "taken[of] += 0",
        (f"{SIGN_INS}::test_two_hundred_wrong_passwords_push_nothing_else_out",),
    ),
    Mutant(
        "odd hours are those of UTC",
        "vms/civil_time.py",
        "hour = at.astimezone(CITY_ZONE).hour",
        "hour = at.hour",
        (f"{SIGN_INS}::test_odd_hours_are_those_of_the_city_in_summer_and_winter",),
    ),
    Mutant(
        "an address stays known for ever",
        "vms/ledger/sign_in_sampling.py",
        "last_at is None or at - last_at > ADDRESS_KNOWN_FOR",
        "last_at is None",
        (f"{SIGN_INS}::test_an_address_that_was_not_used_for_long_is_new_again",),
    ),
    Mutant(
        "any review is judged and signed under the routes of either kind",
        "api/reviewing.py",
        "if found.kind is not kind:",
        "if False:",
        (f"{SIGN_IN_REVIEW}::test_what_counts_is_the_stored_kind_of_a_review",),
    ),
    Mutant(
        "months without sign-ins are due",
        "vms/db/review_duty.py",
        "if period not in reviewed and _has_sign_ins(conn, period)",
        "if period not in reviewed",
        (f"{SIGN_IN_REVIEW}::test_a_review_is_due_when_the_fifteenth_is_over_until_it_is_signed",),
    ),
    Mutant(
        "an unsigned review counts as a month's",
        "vms/db/review_duty.py",
        ", access_review.c.signed_at.is_not(None)",
        "",
        (f"{SIGN_IN_REVIEW}::test_a_review_is_due_when_the_fifteenth_is_over_until_it_is_signed",),
    ),
    Mutant(
        "an upgrade that was stamped in the future lifts the duty to review sign-ins until then",
        "vms/db/review_duty.py",
        "if since_at is None or since_at > now else",
        "if since_at is None else",
        (f"{SIGN_IN_REVIEW}::test_a_clock_that_was_wrong_at_the_upgrade_lifts_no_duty",),
    ),
    Mutant(
        "the auditor's tool goes by the day of UTC until which a proof is signed in time",
        "auditor/proof_signatures.py",
        "_BY_DAY + 1, tzinfo=zone)",
        "_BY_DAY + 1, tzinfo=UTC)",
        (
            "tests/db/test_proof_signatures.py::test_a_proof_is_late_from_the_16th_or_when_a_week_after_it_was_made_is_over",
        ),
    ),
)
