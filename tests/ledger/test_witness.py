"""The co-signing witness by itself: it signs what continues, and nothing else, whatever is sent."""

import threading
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.notes import parse as parsed_by_the_auditor
from auditor.notes import parse_key
from tests.ledger import naive
from vms.cli.witnessing import CoSigner
from vms.clock import ManualClock
from vms.errors import InvalidInput
from vms.ledger import notes
from vms.ledger.notes import WITNESS_KEY, Checkpoint, Verifier
from vms.ledger.signer import FileSigner
from vms.ledger.witness import LONGEST_REQUEST_BYTES, Answer, Witness, read_request, write_request

LOG = FileSigner("vms.test/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STRANGER = FileSigner("vms.test/log", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
NAME = "fg.test/witness"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34)))
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
LEAVES = [bytes([number]) * 3 for number in range(40)]
OTHERS = [*LEAVES[:7], b"changed", *LEAVES[8:]]


SIGNER = CoSigner(FileSigner(NAME, KEY))


@pytest.fixture
def clock() -> ManualClock:
    """The witness' own clock."""
    return ManualClock(START)


@pytest.fixture
def witness(tmp_path: Path, clock: ManualClock) -> Witness:
    """A witness that has signed nothing."""
    return Witness(tmp_path / "witness", SIGNER, [LOG.verifier], clock)


def note(size: int, leaves: list[bytes] = LEAVES, signer: FileSigner = LOG, origin: str = "vms.test/log") -> str:
    """A checkpoint of the first leaves."""
    return Checkpoint(origin, size, naive.mth(leaves[:size])).signed(signer)


def ask(witness: Witness, old: int, size: int, leaves: list[bytes] = LEAVES) -> Answer:
    """Ask honestly, as far as the leaves allow."""
    proof = naive.proof(old, leaves[:size]) if 0 < old < size else []
    return witness.answer(write_request(old, proof, note(size, leaves)))


def test_each_checkpoint_that_continues_is_signed_with_the_witness_own_time(
    witness: Witness, clock: ManualClock
) -> None:
    """From nothing, on and on, and again for the same one: the product's verifier and the auditor's accept each line."""
    for old, size in [(0, 7), (7, 8), (8, 33), (33, 33), (33, 40)]:
        clock.advance(timedelta(seconds=90))
        answer = ask(witness, old, size)
        assert answer.status is HTTPStatus.OK, answer.text
        seconds = int(clock.now().timestamp())
        assert notes.verify_cosigned(answer.text, notes.parse(note(size)), SIGNER.verifier) == (seconds, answer.text)
        found = parsed_by_the_auditor(note(size) + answer.text)
        assert found is not None
        assert found.cosigned_at(parse_key(SIGNER.verifier.text)) == seconds
    newest = witness.newest("vms.test/log")
    assert newest is not None
    assert newest.size == 40


def test_another_history_is_never_signed(witness: Witness) -> None:
    """Changed before what was signed, cut short, or grown from a changed entry: none of it, and what was known stays known."""
    assert ask(witness, 0, 20).status is HTTPStatus.OK
    assert ask(witness, 20, 20, OTHERS) == Answer(HTTPStatus.CONFLICT, "20\n")
    assert ask(witness, 0, 40, OTHERS) == Answer(HTTPStatus.CONFLICT, "20\n")
    assert ask(witness, 12, 12) == Answer(HTTPStatus.CONFLICT, "20\n")
    assert ask(witness, 20, 40, OTHERS).status is HTTPStatus.UNPROCESSABLE_ENTITY
    assert ask(witness, 30, 20).status is HTTPStatus.BAD_REQUEST
    assert ask(witness, 20, 40).status is HTTPStatus.OK


def test_only_the_log_that_it_knows_may_ask(witness: Witness) -> None:
    """A checkpoint by another key under the same name is nobody's."""
    unsigned = write_request(0, [], note(3, signer=STRANGER))
    assert witness.answer(unsigned).status is HTTPStatus.FORBIDDEN
    elsewhere = Checkpoint("other.test/log", 3, naive.mth(LEAVES[:3])).signed(LOG)
    assert witness.answer(write_request(0, [], elsewhere)).status is HTTPStatus.NOT_FOUND
    assert witness.newest("vms.test/log") is None


def test_a_proof_where_there_is_nothing_to_prove_is_refused(witness: Witness) -> None:
    """From nothing, and at the same size: a proof there means that the log thinks otherwise."""
    assert witness.answer(write_request(0, [b"x" * 32], note(5))).status is HTTPStatus.UNPROCESSABLE_ENTITY
    assert ask(witness, 0, 5).status is HTTPStatus.OK
    assert witness.answer(write_request(5, [b"x" * 32], note(5))).status is HTTPStatus.UNPROCESSABLE_ENTITY
    proof = naive.proof(5, LEAVES[:9])
    assert witness.answer(write_request(5, proof[:-1], note(9))).status is HTTPStatus.UNPROCESSABLE_ENTITY
    assert witness.answer(write_request(5, [*proof, b"x" * 32], note(9))).status is HTTPStatus.UNPROCESSABLE_ENTITY


def test_it_remembers_over_a_restart(witness: Witness, tmp_path: Path, clock: ManualClock) -> None:
    """One that forgets would sign any history again."""
    assert ask(witness, 0, 20).status is HTTPStatus.OK
    again = Witness(tmp_path / "witness", SIGNER, [LOG.verifier], clock)
    assert ask(again, 0, 20, OTHERS) == Answer(HTTPStatus.CONFLICT, "20\n")


def test_of_two_histories_at_once_one_is_signed(tmp_path: Path, clock: ManualClock) -> None:
    """Two processes of one witness: both would sign what they read as unsigned."""
    answers: list[Answer] = []
    start = threading.Barrier(2)

    def race(leaves: list[bytes]) -> None:
        mine = Witness(tmp_path / "witness", SIGNER, [LOG.verifier], clock)
        start.wait()
        answers.append(ask(mine, 0, 20, leaves))

    threads = [threading.Thread(target=race, args=(leaves,)) for leaves in (LEAVES, OTHERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [HTTPStatus.OK, HTTPStatus.CONFLICT]


@pytest.mark.parametrize(
    "request_text",
    [
        b"",
        b"old 0",
        b"old -1\n\nx",
        b"old 01\n\nx",
        "old ²\n\nx".encode(),
        b"old 99999999999999999999999\n\nx",
        b"old 0\n!!\n\nx",
        b"old 0\nYWJj\n\nx",
        b"\xff\xfe",
        b"old 0\n" + b"A" * LONGEST_REQUEST_BYTES,
        write_request(1, [b"x" * 32] * 64, note(5)),
        b"old 0\n\nvms.test/log\n5\nnot base64\n\n",
    ],
)
def test_what_is_no_request_is_told_so(witness: Witness, request_text: bytes) -> None:
    """It stands in the network: whatever comes is answered."""
    assert witness.answer(request_text).status is HTTPStatus.BAD_REQUEST


@given(st.binary(max_size=300), st.integers(0, 400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_a_request_with_bytes_changed_is_never_signed_as_another(witness: Witness, noise: bytes, at: int) -> None:
    """Noise in an honest request signs the honest checkpoint or nothing."""
    honest = write_request(0, [], note(5))
    answer = witness.answer(honest[:at] + noise + honest[at + len(noise) :])
    known = witness.newest("vms.test/log")
    assert known in {None, notes.parse(note(5))}
    if answer.status is HTTPStatus.OK:
        assert notes.verify_cosigned(answer.text, notes.parse(note(5)), SIGNER.verifier)


def test_a_request_comes_back_as_it_was_written() -> None:
    """Through mail or on a stick."""
    proof = naive.proof(5, LEAVES[:9])
    assert read_request(write_request(5, proof, note(9))) == (5, proof, note(9))


def test_keys_of_logs_and_witnesses_are_not_mistaken_for_each_other() -> None:
    """A log's signature must not pass for a co-signature."""
    with pytest.raises(InvalidInput, match="witness'"):
        Verifier.parse(LOG.verifier.text, WITNESS_KEY)
    with pytest.raises(InvalidInput, match="log's"):
        Verifier.parse(SIGNER.verifier.text)
    assert Verifier.parse(SIGNER.verifier.text, WITNESS_KEY) == SIGNER.verifier


def test_a_witness_that_has_lost_its_memory_signs_nothing(witness: Witness, tmp_path: Path) -> None:
    """A damaged memory is not an empty one: the log gets no second history signed."""
    ask(witness, 0, 5)
    [memory] = (tmp_path / "witness").glob("*.note")
    memory.write_bytes(b"\xff\x00 something else")
    answer = ask(witness, 0, 5)
    assert (answer.status, "damaged" in answer.text) == (HTTPStatus.INTERNAL_SERVER_ERROR, True)


def test_one_log_has_one_key(tmp_path: Path, clock: ManualClock) -> None:
    """Otherwise the second would silently take the first one's place."""
    with pytest.raises(InvalidInput):
        Witness(tmp_path / "witness", SIGNER, [LOG.verifier, STRANGER.verifier], clock)
