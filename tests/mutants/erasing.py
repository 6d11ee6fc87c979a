"""Faults that somebody could write into erasing, holds and keys one day, and the tests that must find each of them."""

from tests.mutants.mutant import Mutant

SWEEP = "tests/retention/test_sweep.py"
HOLDS = "tests/retention/test_holds.py"
POLICY = "tests/retention/test_policy.py"
RECONCILE = "tests/retention/test_reconcile.py"
KEYS = "tests/footage/test_keys.py"
TERMS = "tests/retention/test_terms.py"
STEADY = "tests/ingest/test_steady_clock.py"
RAW = "tests/retention/test_raw_scan.py"
STEPS = "tests/retention/test_clock_steps.py"
WITNESS = "tests/retention/test_witness.py"


def every_step(operation: str) -> tuple[str, ...]:
    """Return the test that crashes at the steps of an operation."""
    return (f"tests/retention/test_every_step.py::test_a_crash_at_any_step_breaks_no_promise[{operation}]",)


ERASING = (
    Mutant(
        "a claim does not look at holds",
        "vms/db/erasing.py",
        "segment.c.holds == 0,\n        true() if now",
        "true() if now",
        (f"{HOLDS}::test_a_hold_between_choosing_and_claiming_gets_the_segment",),
    ),
    Mutant(
        "a hold does not look at claims",
        "vms/db/erasing.py",
        "segment.c.number == number, segment.c.state.in_(_ERASABLE))",
        "segment.c.number == number)",
        (f"{HOLDS}::test_a_claim_between_looking_and_holding_gets_the_segment",),
    ),
    Mutant(
        "erased without an intent",
        "retention/erase.py",
        "parts.ledger.append(conn, acts.destroy_intended(placement_id, hour_at, intended, request))",
        "pass",
        every_step("sweep"),
    ),
    Mutant(
        "claimed by the clock of a moment later",
        "retention/sweep.py",
        "    while True:\n        brake = _brake(parts, verdict)",
        "    verdict = replace(verdict, at=parts.clock.now())\n    while True:\n        brake = _brake(parts, verdict)",
        (STEPS,),
    ),
    Mutant(
        "files without a row are judged by the clock of a moment later",
        "retention/daemon.py",
        "erase_overdue(self._parts, self._limits.keep_for, at)",
        "erase_overdue(self._parts, self._limits.keep_for, self._parts.clock.now())",
        (STEPS,),
    ),
    Mutant(
        "a contradiction is written down before it counts",
        "retention/daemon.py",
        "            self._witnessed = Witnessed(self._witnessed.ahead, contradicts=True)\n            if is_new:",
        "            if is_new:",
        (f"{WITNESS}::test_a_contradiction_holds_though_it_can_not_be_written_down",),
    ),
    Mutant(
        "silence takes a contradiction back",
        "vms/ledger/standing.py",
        "        _raise_if_standing(outside.contradicted(place.folder), error)\n        raise",
        "        raise",
        (f"{WITNESS}::test_silence_takes_no_contradiction_back",),
    ),
    Mutant(
        "whoever answers speaks for the witness",
        "vms/ledger/cosignatures.py",
        "    except (IntegrityLost, InvalidInput) as error:\n",
        "    except InvalidInput as error:\n",
        (f"{WITNESS}::test_an_answer_that_is_no_signature_is_none",),
    ),
    Mutant("files are left", "retention/erase.py", "parts.store.erase_all(refs)", "pass", (SWEEP,)),
    Mutant(
        "wrapped keys are left",
        "retention/erase.py",
        "erasing.wipe_keys(conn, placement_id, numbers)",
        "pass",
        (SWEEP,),
    ),
    Mutant(
        "what was claimed before a crash is forgotten",
        "retention/sweep.py",
        "erase.finish_expiring(parts, tally)",
        "pass",
        every_step("sweep"),
    ),
    Mutant(
        "an hour key whose end was begun is forgotten",
        "retention/sweep.py",
        "return erase.finish_dying_hours(parts), holds",
        "return 0, holds",
        every_step("sweep"),
    ),
    Mutant(
        "a hold whose placing was interrupted waits for its person",
        "retention/holds.py",
        "if hold.state is HoldState.PENDING:\n                _finish",
        "if False:\n                _finish",
        (HOLDS,),
    ),
    Mutant(
        "erased although the clock is doubted",
        "retention/sweep.py",
        "if verdict.is_trusted:\n            _put_terms",
        "if True:\n            _put_terms",
        (SWEEP,),
    ),
    Mutant("no brake", "retention/due.py", "self.elapsed + BRAKE_SLACK", "self.elapsed + 999 * BRAKE_SLACK", (SWEEP,)),
    Mutant(
        "a clock set back is believed",
        "retention/clockguard.py",
        "if abs(off) > tolerance:",
        "if off > tolerance:",
        (POLICY,),
    ),
    Mutant(
        "segments wait longer than their margin",
        "retention/due.py",
        "return min(hour_due_at, segment.due_at + margin / 2)",
        "return hour_due_at + 2 * margin",
        (POLICY,),
    ),
    Mutant(
        "a released hold's key dies before what only it opens",
        "retention/holds.py",
        "if erasing.hold_key_needed(conn, hold_id):",
        "if False:",
        (HOLDS,),
    ),
    Mutant(
        "one release lets go for all holds",
        "vms/db/erasing.py",
        ".values(holds=segment.c.holds - 1)",
        ".values(holds=0)",
        (HOLDS,),
    ),
    Mutant(
        "a hold into the future keeps nothing more",
        "retention/holds.py",
        "elif hold.id in behind:",
        "elif False:",
        (HOLDS,),
    ),
    Mutant(
        "a hold does not say what it came too late for",
        "retention/holds.py",
        "for row in erasing.list_uncaught(conn, hold_id, _GONE):",
        "for row in ():",
        (HOLDS,),
    ),
    Mutant(
        "a second hold can't use the first one's key",
        "retention/holds.py",
        "if plain is None and holder != hold_id:",
        "if False:",
        (HOLDS,),
    ),
    Mutant(
        "an erased file that is put back stays",
        "retention/reconcile.py",
        "if row is not None and row.state in _KEEPS_FILE:",
        "if row is not None:",
        (RECONCILE,),
    ),
    Mutant(
        "the keyring is read after the database",
        "retention/reconcile.py",
        "    hours, hold_ids = parts.keys.hours(), parts.keys.holds()\n"
        "    with parts.db.read() as conn:\n"
        "        known = {state: {item.hour_at for item in hour_keys.list_in(conn, state)} for state in HourKeyState}\n"
        "        living = {hold.id for hold in holds.list_in(conn, _LIVING_HOLDS)}",
        "    with parts.db.read() as conn:\n"
        "        known = {state: {item.hour_at for item in hour_keys.list_in(conn, state)} for state in HourKeyState}\n"
        "        living = {hold.id for hold in holds.list_in(conn, _LIVING_HOLDS)}\n"
        "    hours, hold_ids = parts.keys.hours(), parts.keys.holds()",
        (RECONCILE,),
    ),
    Mutant(
        "the old root key opens the new keyring",
        "vms/footage/keys.py",
        "if other != name}, fresh_root=True)",
        "if other != name}, fresh_root=False)",
        (KEYS,),
    ),
    Mutant(
        "dead root keys are left",
        "vms/footage/keys.py",
        "self._roots.destroy(owner, self._roots.names(owner) - {self._roots.name(ring.root.id)})",
        "pass",
        (KEYS,),
    ),
    Mutant(
        "a dead root key is unlinked and not overwritten",
        "vms/footage/durable.py",
        "write_all(handle, secrets.token_bytes(os.fstat(handle).st_size))",
        'write_all(handle, b"")',
        (RAW,),
    ),
    Mutant(
        "footage follows a clock that stepped",
        "ingest/steady_clock.py",
        "        if trusted is None:\n            return True\n        off_s",
        "        if trusted is None or ahead_s:\n            return True\n        off_s",
        (STEADY,),
    ),
    Mutant(
        "a boot that began ahead is never put right",
        "ingest/steady_clock.py",
        "return off_s >= -_LONGEST_BACK_S and",
        "return off_s >= -self._tolerance_s and",
        (STEADY,),
    ),
    Mutant(
        "what a clock that was ahead has stamped keeps its term",
        "retention/sweep.py",
        "            _put_terms_right(parts, limits, verdict)\n",
        "",
        (f"{TERMS}::test_it_is_erased_with_what_is_as_old",),
    ),
    Mutant(
        "terms are shortened with every sweep",
        "retention/terms.py",
        "                footage_clocks.note_cut(conn, stamped, cut, stamped.to_number)\n",
        "                pass\n",
        (f"{TERMS}::test_terms_are_shortened_by_what_the_clock_was_ahead",),
    ),
    Mutant(
        "terms are shortened by the clock of another boot",
        "vms/db/footage_clocks.py",
        "if row.boot_id == boot_id and ",
        "if ",
        (f"{TERMS}::test_a_boot_that_is_over_tells_nothing",),
    ),
    Mutant(
        "a shortened term stays short when the correction was the mistake",
        "retention/terms.py",
        "        if abs(wanted - stamped.cut) <= self.tolerance:",
        "        if wanted - stamped.cut <= self.tolerance:",
        (f"{TERMS}::test_a_correction_that_was_the_mistake_costs_nothing",),
    ),
    Mutant(
        "old stamps from the future stop all erasing",
        "vms/db/inventory.py",
        "return _ends(conn, segment.c.number)",
        "return _ends(conn, segment.c.start_at)",
        (f"{TERMS}::test_it_is_erased_with_what_is_as_old",),
    ),
)

ERASING_SELECTION = ("a hold does not look at claims", "erased without an intent", "files are left")
"""What CI plants each time."""
