"""Processes that run as accounts of their own share footage, sockets and locks by one group, and every other account stays shut out."""

import grp
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from config import Settings, load
from vms import sharing
from vms.cli.parts import private_folder, refuse_exposed_database
from vms.db.engine import Database
from vms.errors import InvalidInput, VmsError
from vms.footage.credentials import CredentialBox
from vms.footage.durable import replace_file, shred_file
from vms.footage.store import FootageStore
from vms.hardening import harden_process, refuse_exposed, refuse_exposed_secret
from vms.ledger.signer import load_or_make


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This process shares with its own group, until the test is over."""
    name = grp.getgrgid(os.getegid()).gr_name
    before = os.umask(0o077)
    monkeypatch.setattr(sharing, "_shared", [])
    sharing.share_with_group(name)
    yield name
    os.umask(before)


def as_account(uid: int, act: Callable[[], str]) -> str:
    """Do something as another account of the group, in a process of its own; as this one, where it may not become another."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setresuid(uid, uid, uid)
            os.write(writer, act().encode())
        except BaseException as error:  # noqa: BLE001 - the parent must hear of everything; nothing may run on in the child
            os.write(writer, repr(error).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "r", encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def test_what_one_account_records_another_of_the_group_erases(group: str, tmp_path: Path) -> None:
    """The worker writes, retention unlinks; both read the keys of the log and of the cameras, whoever made them. As root: two accounts."""
    folder = tmp_path / "shared"
    folder.mkdir()
    sharing.open_to_group(folder)
    for one in [folder, *folder.parents]:
        if one.stat().st_uid == os.geteuid() and one != folder:
            one.chmod(one.stat().st_mode | 0o011)
        if one.name.startswith("pytest-of"):
            break
    keys, part = folder / "keys", folder / "footage" / "neude" / "1.part"

    def record() -> str:
        private_folder(folder / "footage")
        private_folder(keys)
        part.parent.mkdir(mode=sharing.folder_mode())
        replace_file(part, b"sealed")
        return f"{load_or_make(keys, 'x').verifier.text} {CredentialBox(keys).seal('secret').hex()}"

    verifier, sealed = as_account(20_001, record).split()

    def erase() -> str:
        private_folder(keys)
        shred_file(part)
        return f"{load_or_make(keys, 'x').verifier.text} {CredentialBox(keys).unseal(bytes.fromhex(sealed))}"

    assert as_account(20_002, erase) == f"{verifier} secret"
    assert not (folder / "footage" / "neude" / "1.part").exists()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert [path for path, mode in modes.items() if mode & 0o007] == []
    assert {mode for path, mode in modes.items() if path.is_file()} <= {0o660}


def test_hardening_a_second_time_does_not_shut_the_group_out(group: str, tmp_path: Path) -> None:
    """A worker hardens itself when it starts to record: its segments could be read by nobody else."""
    harden_process()
    file = tmp_path / "part"
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, sharing.file_mode()))
    assert stat.S_IMODE(file.stat().st_mode) == 0o660


def test_without_a_group_everything_stays_this_accounts_alone(tmp_path: Path) -> None:
    """The rule as it was."""
    private_folder(tmp_path / "keys")
    load_or_make(tmp_path / "keys", "x")
    replace_file(tmp_path / "keys" / "f", b"x")
    FootageStore(tmp_path / "footage")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes <= {0o700, 0o600}


def test_a_folder_of_another_group_or_open_to_all_is_refused_all_the_same(group: str, tmp_path: Path) -> None:
    """Only the one group is let in, and never everybody."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o2770)
    refuse_exposed(folder, "folder")
    folder.chmod(0o2771)
    with pytest.raises(InvalidInput, match="chmod 2770"):
        refuse_exposed(folder, "folder")
    sharing._shared[:] = [os.getegid() + 1]
    folder.chmod(0o2770)
    with pytest.raises(InvalidInput, match="chmod 2700"):
        refuse_exposed(folder, "folder")


def test_members_of_the_group_are_ours_and_nobody_else_is(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key service and whoever asks it look at each other's account."""
    gid = os.getegid()
    members = {1001: SimpleNamespace(pw_gid=gid, pw_name="a"), 1002: SimpleNamespace(pw_gid=9, pw_name="b")}
    members[1003] = SimpleNamespace(pw_gid=9, pw_name="c")
    monkeypatch.setattr("vms.sharing.pwd.getpwuid", members.__getitem__)
    monkeypatch.setattr("vms.sharing.grp.getgrgid", lambda _: SimpleNamespace(gr_mem=["c"]))
    assert sharing.is_ours(os.geteuid())
    assert [uid for uid in (1001, 1002, 1003, 1004) if sharing.is_ours(uid)] == [1001, 1003]
    sharing._shared.clear()
    assert not sharing.is_ours(1001)


def test_a_group_that_is_not_there_or_not_ours_is_refused() -> None:
    """A misspelt name would shut all others out, or let the wrong ones in."""
    with pytest.raises(InvalidInput, match="no group"):
        sharing.share_with_group("no-such-group")
    foreign = next(one for one in grp.getgrall() if one.gr_gid not in {os.getegid(), *os.getgroups()})
    with pytest.raises(InvalidInput, match="no member"):
        sharing.share_with_group(foreign.gr_name)


def test_sqlite_is_not_for_several_accounts() -> None:
    """Its file is made for one."""
    with pytest.raises(InvalidInput, match="PostgreSQL"):
        refuse_exposed_database(Settings(shared_group="vms"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_password_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Neither mode nor owner of files with passwords was looked at. The message has the command that puts it right."""
    file = tmp_path / "password"
    file.write_text("secret\n")
    file.chmod(mode)
    settings = load(
        None, {"VMS_DATABASE_URL": "postgresql://vms_api@nowhere/vms", "VMS_DATABASE_PASSWORD_FILE": str(file)}
    )
    assert "secret" not in settings.database
    with pytest.raises(VmsError, match=r"database_password_file .*chmod 0600"):
        Database(settings.database)
    file.chmod(0o400)
    database = Database(settings.database)
    assert database._engine.url.password == "secret"
    assert "password_file" not in database._engine.url.query
    file.unlink()
    with pytest.raises(InvalidInput, match="can't be read"):
        Database(settings.database)


def test_a_credential_of_systemd_shows_rights_of_the_group_and_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systemd lets the account in by an access list, which shows as mode 0440."""
    file = tmp_path / "credentials" / "smtp"
    file.parent.mkdir()
    file.write_text("secret")
    file.chmod(0o440)
    with pytest.raises(InvalidInput):
        refuse_exposed_secret(file, "smtp_password_file")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(file.parent))
    refuse_exposed_secret(file, "smtp_password_file")
    with pytest.raises(InvalidInput):
        refuse_exposed_secret(_beside(file), "smtp_password_file")


def _beside(file: Path) -> Path:
    """Return a file that is not below the credentials, whatever its path says."""
    other = file.parent.parent / "elsewhere"
    other.write_text("secret")
    other.chmod(0o440)
    return file.parent / ".." / "elsewhere"
