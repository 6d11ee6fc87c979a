"""Root keys: what holds for every store, and what each of them may claim."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.footage.devices import software_token, software_tpm, wrong_pin
from tests.footage.test_keys import make_and_destroy
from tests.retention.crashes import Moments
from vms.errors import IntegrityLost, InvalidInput, NotFound, Unavailable
from vms.footage import keys
from vms.footage.keys import FileKeyring
from vms.footage.roots.files import CredentialRoots, FileRoots, read_credential
from vms.footage.roots.store import Level, Root, RootStore, hardware_if_stated
from vms.footage.roots.token import TokenAccess, TokenRoots
from vms.footage.roots.tpm import TpmRoots
from vms.model import HoldId

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)
SECRET = b"s" * 32
OWNER = b"somebody"
HOLD = HoldId("h-1")

Make = Callable[[Path], RootStore]


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> TokenAccess:
    """A token of SoftHSM."""
    return software_token(tmp_path_factory.mktemp("token"))


@pytest.fixture(scope="session")
def tcti() -> Iterator[str]:
    """A TPM of swtpm."""
    with software_tpm() as tcti:
        yield tcti


@dataclass(frozen=True)
class Maker:
    """Makes a store for a keyring's folder; can be sent to another process."""

    kind: str
    token: TokenAccess | None = None
    tcti: str = ""

    def __call__(self, folder: Path) -> RootStore:
        """Make it."""
        if self.kind == "pkcs11":
            assert self.token is not None
            return TokenRoots(self.token)
        if self.kind == "tpm":
            return TpmRoots(self.tcti)
        return CredentialRoots(folder, SECRET) if self.kind == "credential" else FileRoots(folder)


@pytest.fixture(params=["file", "credential", "pkcs11", "tpm"])
def make(request: pytest.FixtureRequest) -> Maker:
    """Each of the stores."""
    kind: str = request.param
    if kind == "pkcs11":
        return Maker(kind, token=request.getfixturevalue("token"))
    return Maker(kind, tcti=request.getfixturevalue("tcti")) if kind == "tpm" else Maker(kind)


def roots_of(store: RootStore, folder: Path) -> frozenset[str]:
    """Return the roots of the keyring in a folder."""
    return store.names((folder / "ring-id").read_bytes())


class Watched:
    """A store whose every change has a moment before and after it, as the files have."""

    def __init__(self, inner: RootStore, moments: Moments) -> None:
        self._inner, self._moments = inner, moments

    def __getattr__(self, name: str) -> object:
        """Do everything else."""
        return getattr(self._inner, name)

    @property
    def kind(self) -> str:
        """Return the store's."""
        return self._inner.kind

    def make(self, owner: bytes) -> Root:
        """Make a root between two moments."""
        self._moments.reached(between_transactions=False)
        made = self._inner.make(owner)
        self._moments.reached(between_transactions=False)
        return made

    def destroy(self, owner: bytes, names: frozenset[str]) -> None:
        """Destroy them one by one, with a moment before each."""
        for name in sorted(names):
            self._moments.reached(between_transactions=False)
            self._inner.destroy(owner, frozenset({name}))
        self._moments.reached(between_transactions=False)


def test_a_root_opens_until_it_is_destroyed(make: Make, tmp_path: Path) -> None:
    """Because that is all that a store is for."""
    store = make(tmp_path)
    root, other = store.make(OWNER), store.make(OWNER)
    again = make(tmp_path)
    assert again.key(root.id, root.sealed) == root.key != other.key
    assert again.names(OWNER) == {store.name(root.id), store.name(other.id)}
    for _ in range(2):
        again.destroy(OWNER, frozenset({store.name(root.id)}))
    with pytest.raises(NotFound):
        store.key(root.id, root.sealed)
    assert store.key(other.id, other.sealed) == other.key
    store.destroy(OWNER, store.names(OWNER))
    assert store.names(OWNER) == frozenset()


def test_keyrings_that_share_a_device_leave_each_other_alone(make: Make, tmp_path: Path) -> None:
    """Because "dead" means dead to this keyring: another's living root is its month of footage."""
    one, other = FileKeyring(tmp_path / "a", make(tmp_path / "a")), FileKeyring(tmp_path / "b", make(tmp_path / "b"))
    key = one.new_segment_key(HOUR)
    other.new_segment_key(HOUR)
    other.destroy_hour(HOUR)
    assert FileKeyring(tmp_path / "a", make(tmp_path / "a")).unwrap(HOUR, key.wrapped) == key.plain


def test_a_copy_of_the_old_keyring_does_not_open_any_more(make: Make, tmp_path: Path) -> None:
    """Because that is the claim: whatever copies there are, the root is gone."""
    keys = tmp_path / "keys"
    ring = FileKeyring(keys, make(keys))
    key = ring.new_segment_key(HOUR)
    shutil.copytree(keys, tmp_path / "old")
    ring.destroy_hour(HOUR)
    shutil.copyfile(tmp_path / "old" / "keyring", keys / "keyring")
    with pytest.raises(IntegrityLost):
        ring.unwrap(HOUR, key.wrapped)
    with pytest.raises(IntegrityLost):
        FileKeyring(keys, make(keys))
    if make(keys).kind not in {"file", "credential"}:
        with pytest.raises(IntegrityLost):
            FileKeyring(tmp_path / "old", make(tmp_path / "old"))


def test_a_crash_at_any_step_is_finished_on_the_next_start(make: Make, tmp_path: Path) -> None:
    """Because a keyring that is lost is a month of footage lost, and a root that is left is an hour not erased."""
    moments = Moments()
    # A TPM's commands are programs, and take their time.
    at, stride = 0, 3 if make(tmp_path).kind == "tpm" else 1
    while True:
        at += stride
        folder = tmp_path / f"at-{at}"
        ring = FileKeyring(folder, Watched(make(folder), moments))
        kept, dying = ring.new_segment_key(NEXT), ring.new_segment_key(HOUR)
        with moments.crash(at):
            ring.destroy_hour(HOUR)
        store = make(folder)
        after = FileKeyring(folder, store)
        assert len(roots_of(store, folder)) == 1, "dead roots are destroyed by whoever comes next"
        assert after.unwrap(NEXT, kept.wrapped) == kept.plain
        after.destroy_hour(HOUR)
        with pytest.raises(NotFound):
            after.unwrap(HOUR, dying.wrapped)
        assert len(roots_of(store, folder)) == 1
        if moments.passed < at:
            break
    assert at > 8, "there must have been steps to crash at"


def test_no_key_is_in_a_file_save_the_root_of_the_plain_file_store(make: Make, tmp_path: Path) -> None:
    """Because what the level says must be what a scan of the folder says."""
    store = make(tmp_path)
    ring = FileKeyring(tmp_path, store)
    key = ring.new_segment_key(HOUR)
    opened = ring._read()
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for secret in (key.plain, *opened.keys.values()):
        assert not any(form in data for data in files.values() for form in (secret, secret.hex().encode()))
    with_root = {
        name for name, data in files.items() if opened.root.key in data or opened.root.key.hex().encode() in data
    }
    assert with_root == ({store.name(opened.root.id)} if store.kind == "file" else set())


def test_no_program_claims_to_be_hardware(make: Make, tmp_path: Path) -> None:
    """Because a level that is not true is worse than a low one; not even an administrator's word makes SoftHSM or swtpm hardware."""
    store = make(tmp_path)
    assert store.level() is Level.FILE
    said = store.device()
    if isinstance(store, TokenRoots):
        store = TokenRoots(replace(store._access, stated=said))
    if isinstance(store, TpmRoots):
        store = TpmRoots(store._tcti, said)
    assert store.level() is Level.FILE


def test_hardware_is_claimed_of_the_very_device_that_was_named() -> None:
    """Because another token in the slot has not been vouched for."""
    assert hardware_if_stated("Maker Model 1", "Maker Model 1", contradicted=False) is Level.HARDWARE
    assert hardware_if_stated("Maker Model 2", "Maker Model 1", contradicted=False) is Level.FILE
    assert hardware_if_stated("Maker Model 1", "Maker Model 1", contradicted=True) is Level.FILE
    assert hardware_if_stated("", "", contradicted=False) is Level.FILE


def _make_and_destroy(folder: str, make: Maker, number: int) -> None:
    make_and_destroy(FileKeyring(Path(folder), make(Path(folder))), number, 4)


@pytest.mark.processes
@pytest.mark.parametrize("make", ["pkcs11", "tpm"], indirect=True)
def test_two_processes_make_and_destroy_at_once(make: Maker, tmp_path: Path) -> None:
    """Because a token and a TPM are shared, unlike a file."""
    context = get_context("spawn")
    workers = [context.Process(target=_make_and_destroy, args=(str(tmp_path), make, number)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    store = make(tmp_path)
    assert len(FileKeyring(tmp_path, store).hours()) == 4
    assert len(roots_of(store, tmp_path)) == 1


class Vouched(TpmRoots):
    """The software TPM, as if it were a chip that somebody vouches for."""

    def level(self) -> Level:
        """Return what a chip would be worth."""
        return Level.HARDWARE


def test_a_moved_keyring_opens_in_the_new_store_only_and_claims_no_more_than_its_past(
    tcti: str, tmp_path: Path
) -> None:
    """Because a key that lay under a root file can still be found by whoever recovers that file's sector."""
    keys = tmp_path / "keys"
    ring = FileKeyring(keys)
    kept = ring.new_segment_key(HOUR)
    shutil.copytree(keys, tmp_path / "old")
    moved = FileKeyring(keys, Vouched(tcti), moving_from=FileRoots(keys))
    assert moved.unwrap(HOUR, kept.wrapped) == kept.plain
    assert moved.leaving() == ""
    assert not [*keys.glob("root-*")]
    moved.new_segment_key(NEXT)
    assert (moved.hour_level(HOUR), moved.hour_level(NEXT)) == (Level.FILE, Level.HARDWARE)
    moved.destroy_hour(HOUR)
    assert moved.hour_level(HOUR) is Level.FILE, "of the dead key too: the ledger is written after it died"
    with pytest.raises(InvalidInput, match="vms keys move"):
        FileKeyring(keys)
    with pytest.raises(InvalidInput, match="to itself"):
        FileKeyring(keys, Vouched(tcti), moving_from=Vouched(tcti))
    back = FileKeyring(keys, FileRoots(keys), moving_from=Vouched(tcti))
    assert back.hours() == {NEXT}
    assert roots_of(Vouched(tcti), keys) == frozenset()


def test_an_old_hold_keeps_the_level_of_what_it_may_have_held_down(tcti: str, tmp_path: Path) -> None:
    """Because its key, under the old root, opens the footage of hours that came later."""
    ring = FileKeyring(tmp_path)
    ring.new_hold_key(HOLD)
    moved = FileKeyring(tmp_path, Vouched(tcti), moving_from=FileRoots(tmp_path))
    moved.new_segment_key(NEXT)
    assert moved.level() is Level.HARDWARE
    assert moved.hold_level(HOLD) is moved.hour_level(NEXT) is Level.FILE
    assert moved.hold_level(HoldId("h-2")) is Level.HARDWARE


@pytest.mark.parametrize("way", ["there", "back"])
def test_a_move_that_crashes_at_any_step_loses_nothing_and_is_finished_by_repeating_it(
    way: str, token: TokenAccess, tmp_path: Path
) -> None:
    """Because it is done once in a system's life, with a month of footage behind it."""
    moments = Moments()
    at = 0
    while True:
        at += 1
        folder = tmp_path / f"at-{at}"
        stores: list[RootStore] = [FileRoots(folder), TokenRoots(token)]
        old, new = stores if way == "there" else stores[::-1]
        kept = FileKeyring(folder, old).new_segment_key(HOUR)
        with moments.crash(at):
            FileKeyring(folder, Watched(new, moments), moving_from=Watched(old, moments))
        moved = FileKeyring(folder, new, moving_from=old)
        assert moved.unwrap(HOUR, kept.wrapped) == kept.plain
        assert (roots_of(old, folder), len(roots_of(new, folder)), moved.leaving()) == (frozenset(), 1, "")
        if moments.passed < at:
            break
    assert at > 8, "there must have been steps to crash at"


def test_the_root_of_another_machine_does_not_open(tmp_path: Path) -> None:
    """Because that is what the credential is for: a stolen disk."""
    FileKeyring(tmp_path, CredentialRoots(tmp_path, SECRET))
    with pytest.raises(IntegrityLost, match="credential"):
        FileKeyring(tmp_path, CredentialRoots(tmp_path, b"t" * 32))


def test_a_credential_that_is_missing_or_short_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because a root wrapped by nothing would look safe."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(InvalidInput, match="LoadCredentialEncrypted"):
        read_credential("vms-root")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "vms-root").write_bytes(SECRET)
    assert read_credential("vms-root") == SECRET
    with pytest.raises(InvalidInput, match="32"):
        CredentialRoots(tmp_path, b"short")


def test_a_token_that_is_not_as_said_is_a_clear_error(token: TokenAccess, tmp_path: Path) -> None:
    """Because the person who reads it holds the token in the hand."""
    with pytest.raises(InvalidInput, match="refuses the PIN"):
        TokenRoots(wrong_pin(token, tmp_path)).make(OWNER)
    with pytest.raises(Unavailable, match="pkcs11_token"):
        TokenRoots(replace(token, token="other")).make(OWNER)
    with pytest.raises(InvalidInput, match="can't be loaded"):
        TokenRoots(replace(token, module=tmp_path / "none.so")).device()
    with pytest.raises(InvalidInput, match="pkcs11_pin_file"):
        TokenRoots(replace(token, pin_file=tmp_path / "none"))


def test_a_key_that_could_have_left_the_token_is_refused(token: TokenAccess) -> None:
    """Because somebody may have put one there that lies elsewhere too."""
    import pkcs11

    store = TokenRoots(token)
    root_id = OWNER + b"imported"
    with store._session(rw=True) as session:
        attributes = pkcs11.Attribute
        session.create_object(
            {
                attributes.CLASS: pkcs11.ObjectClass.SECRET_KEY,
                attributes.KEY_TYPE: pkcs11.KeyType.AES,
                attributes.VALUE: b"k" * 32,
                attributes.ID: root_id,
                attributes.LABEL: f"vms-root-{OWNER.hex()}",
                attributes.TOKEN: True,
                attributes.DECRYPT: True,
            }
        )
    with pytest.raises(IntegrityLost, match="not made in the token"):
        store.key(root_id, b"i" * 48)
    store.destroy(OWNER, store.names(OWNER))


def test_a_tpm_that_is_away_is_unavailable_and_not_an_empty_keyring(tcti: str, tmp_path: Path) -> None:
    """Because it may come back, and with it the footage."""
    FileKeyring(tmp_path, TpmRoots(tcti))
    with pytest.raises(Unavailable, match="tpm2_nvread"):
        FileKeyring(tmp_path, TpmRoots(f"swtpm:path={tmp_path / 'none'}"))


def test_indices_of_others_in_the_block_are_never_touched(tcti: str) -> None:
    """Because a TPM holds other people's secrets."""
    store = TpmRoots(tcti)
    first = 0x01800000 | int.from_bytes(OWNER[:2], "big") << 6
    store._run("tpm2_nvdefine", hex(first), "-C", "o", "-s", "8", "-a", "ownerread|ownerwrite")
    assert store.names(OWNER) == frozenset()
    store.destroy(OWNER, frozenset({f"{first:08x}"}))
    assert hex(first).encode() in store._run("tpm2_getcap", "handles-nv-index").lower()
    store._run("tpm2_nvundefine", hex(first), "-C", "o")


def test_a_new_keyring_keeps_out_of_another_s_place(tmp_path: Path, tcti: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because a TPM has room for two bytes of the owner's id, and what is not ours would look dead."""
    ring = FileKeyring(tmp_path / "a", TpmRoots(tcti))
    key = ring.new_segment_key(HOUR)
    ids = [(tmp_path / "a" / "ring-id").read_bytes()[:2] + b"other!", b"zz-other"]
    real = keys.secrets.token_bytes
    monkeypatch.setattr(keys.secrets, "token_bytes", lambda count: ids.pop(0) if count == 8 and ids else real(count))
    FileKeyring(tmp_path / "b", TpmRoots(tcti))
    assert (tmp_path / "b" / "ring-id").read_bytes() == b"zz-other"
    assert ring.unwrap(HOUR, key.wrapped) == key.plain


def test_a_root_that_was_defined_but_never_written_is_destroyed(tcti: str, tmp_path: Path) -> None:
    """Because a crash between the two commands leaves one, and the block has 64 places."""
    ring = FileKeyring(tmp_path, TpmRoots(tcti))
    store = TpmRoots(tcti)
    first = 0x01800000 | int.from_bytes((tmp_path / "ring-id").read_bytes()[:2], "big") << 6
    taken = {int(name, 16) for name in roots_of(store, tmp_path)}
    index = next(one for one in range(first, first + 64) if one not in taken)
    store._run("tpm2_nvdefine", hex(index), "-C", "o", "-s", "32", "-a", "authread|authwrite|no_da", "-p", "x")
    assert len(roots_of(store, tmp_path)) == 2
    ring.destroy_hour(HOUR)
    assert len(roots_of(store, tmp_path)) == 1
