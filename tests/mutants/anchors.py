"""Faults that somebody could write into the ledger's anchors one day, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

STAMPS = "tests/retention/test_stamps.py"
MAILING = "tests/retention/test_mailing.py"

ANCHORS = (
    Mutant(
        "an old time stamp played again is taken",
        "vms/ledger/stamps.py",
        """    if said.nonce != question.nonce:
        return said.at, "nonce"
""",
        "",
        (f"{STAMPS}::test_an_old_answer_played_again_is_refused",),
    ),
    Mutant(
        "nobody looks who signed a time stamp",
        "vms/ledger/stamps.py",
        "return done.returncode == 0",
        "return True",
        (f"{STAMPS}::test_a_stamp_by_another_authority_is_kept_raw_and_told",),
    ),
    Mutant(
        "a time far off is no fault",
        "vms/ledger/stamps.py",
        "CLOCK if abs(said.at - received_at) > authority.tolerance else None",
        "None",
        (f"{STAMPS}::test_a_time_far_off_is_told_and_stays_evidence",),
    ),
    Mutant(
        "a mail goes in the clear when the server has no TLS",
        "vms/ledger/mailing.py",
        "if context is not None:",
        'if context is not None and connection.ehlo() and connection.has_extn("starttls"):',
        (f"{MAILING}::test_nothing_goes_in_the_clear_or_to_a_stranger",),
    ),
    Mutant(
        "the mail server's certificate is not looked at",
        "vms/ledger/mailing.py",
        "connection.starttls(context=context)",
        "connection.starttls()",
        (f"{MAILING}::test_nothing_goes_in_the_clear_or_to_a_stranger",),
    ),
    Mutant(
        "giving up on a slow peer waits for it",
        "vms/ledger/mailing.py",
        "hand_over, connection.cut,",
        "hand_over, connection.close,",
        (f"{MAILING}::test_a_server_that_drips_has_a_deadline_over_all",),
    ),
)
