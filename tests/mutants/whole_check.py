"""Faults that somebody could write into the whole check of the ledger, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

CHECK = "tests/ledger/test_whole_check.py"
DAEMON = "tests/retention/test_ledger_check.py"
COPIES = "tests/auditor/test_search_copies.py"

WHOLE_CHECK = (
    Mutant(
        "the whole check does not hash entries again",
        "vms/ledger/whole_check.py",
        "if hashes[place : place + HASH_BYTES] != leaf:",
        "if not hashes:",
        (f"{CHECK}::test_an_old_entry_that_start_up_does_not_read_is_found",),
    ),
    Mutant(
        "the whole check does not compare search copies",
        "vms/ledger/whole_check.py",
        "if one != other:",
        "if False and one != other:",
        (f"{CHECK}::test_search_words_that_were_changed_are_found",),
    ),
    Mutant(
        "a changed ledger is signed all the same",
        "vms/ledger/log.py",
        "        self._refuse_signing(conn)\n",
        "",
        (f"{CHECK}::test_no_checkpoint_is_signed_over_a_changed_entry",),
    ),
    Mutant(
        "a whole check never becomes too old",
        "vms/ledger/whole_check.py",
        "return found is None or not timedelta(0) <= self._clock.now() - found.checked_at < most",
        "return found is None",
        (f"{CHECK}::test_a_long_ledger_is_not_signed_on_an_old_check",),
    ),
    Mutant(
        "the daemon never checks the whole ledger",
        "retention/daemon.py",
        'self._attempt("ledger-check", timedelta(0), self._ledger_check.work)',
        "pass",
        (f"{DAEMON}::test_a_changed_entry_is_found_within_a_day_and_nothing_is_signed_or_erased",),
    ),
    Mutant(
        "samples are drawn by the search column",
        "vms/ledger/sampling.py",
        "own < min(start + _PAGE, size), is_wanted)",
        "own < min(start + _PAGE, size), ledger_entry.c.act.in_(acts))",
        ("tests/api/test_oversight.py::test_a_view_hidden_from_searches_is_drawn_all_the_same",),
    ),
    Mutant(
        "the auditor's tool does not compare search copies",
        "auditor/search_copies.py",
        'if given is not None and hashlib.sha256(texts).hexdigest() == given["sha256"]:',
        "if given is not None:",
        (f"{COPIES}::test_each_entry_that_is_filed_otherwise_than_it_says_is_named",),
    ),
    Mutant(
        "a bundle carries what entries should be filed under, not what they are filed under",
        "vms/evidence/search_copies.py",
        "slices[first].append(stored)",
        "slices[first].append(_wanted(row.seq, row.body) or stored)",
        (f"{COPIES}::test_each_entry_that_is_filed_otherwise_than_it_says_is_named",),
    ),
)
