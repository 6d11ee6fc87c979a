"""Faults that somebody could write into root stores and the key service, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

ROOTS = "tests/footage/test_roots.py"
SERVICE = "tests/footage/test_keyservice.py"

KEYS = (
    Mutant(
        "an administrator's word makes a program hardware",
        "vms/footage/roots/store.py",
        "stated == device and not contradicted",
        "stated == device",
        (
            f"{ROOTS}::test_no_program_claims_to_be_hardware",
            f"{ROOTS}::test_hardware_is_claimed_of_the_very_device_that_was_named",
        ),
    ),
    Mutant(
        "a moved key forgets where it lay",
        "vms/footage/keys.py",
        "once = frozenset(ring.keys) if old.level() is Level.FILE else frozenset()",
        "once = frozenset[str]()",
        (f"{ROOTS}::test_a_moved_keyring_opens_in_the_new_store_only_and_claims_no_more_than_its_past",),
    ),
    Mutant(
        "a move leaves the old root",
        "vms/footage/keys.py",
        "        old.destroy(self._owner(), old.names(self._owner()) - {self._roots.name(ring.root.id)})",
        "        pass",
        (f"{ROOTS}::test_a_moved_keyring_opens_in_the_new_store_only_and_claims_no_more_than_its_past",),
    ),
    Mutant(
        "others' indices in the TPM are taken for dead roots",
        "vms/footage/roots/tpm.py",
        'return f"size: {KEY_BYTES}\\n" in text and attributes',
        "return True or attributes",
        (f"{ROOTS}::test_indices_of_others_in_the_block_are_never_touched",),
    ),
    Mutant(
        "a frame may be as long as it says",
        "vms/footage/keyservice/wire.py",
        "if not 0 < length <= longest:",
        "if not 0 < length:",
        (f"{SERVICE}::test_a_peer_that_does_not_keep_to_the_rules_is_told_so",),
    ),
    Mutant(
        "any account may ask",
        "vms/footage/keyservice/server.py",
        "if not is_ours(uid := peer_uid(connection)):",
        "if (uid := peer_uid(connection)) < 0:",
        (f"{SERVICE}::test_another_account_is_refused_on_both_sides",),
    ),
    Mutant(
        "a lost connection is not tried again",
        "vms/footage/keyservice/client.py",
        "if self._clock.monotonic_s() >= give_up_s:",
        "if self._clock.monotonic_s() >= 0.0:",
        (f"{SERVICE}::test_a_service_that_is_killed_and_comes_back_costs_no_footage",),
    ),
)
