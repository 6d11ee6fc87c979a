"""The units for systemd are what systemd itself takes, expose little, and start commands that exist, each as an account of its own."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from config import Settings
from vms.cli.main import app
from vms.db.roles import OWNER, Role

UNITS = Path(__file__).parents[2] / "config" / "systemd"
NAMES = sorted(path.stem for path in UNITS.glob("vms-*.service"))
COMMON = UNITS / "vms-.service.d" / "10-confined.conf"
PROGRAM = "/opt/vms/bin/vms"
MOST_EXPOSURE = 1.5
"""Of 10, by systemd's own weights: what is left is the network of loopback, and that they may not run as root's user."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as they are installed, with the program of this environment."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(UNITS, folder, dirs_exist_ok=True)
    for unit in folder.glob("*.service"):
        unit.write_text(
            unit.read_text(encoding="utf-8").replace(PROGRAM, str(Path(sys.executable).parent / "vms")),
            encoding="utf-8",
        )
    return folder


def analyzed(folder: Path, *arguments: str) -> str:
    """Ask systemd's own checker; return what it says, with whatever it complains of."""
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_COLORS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def unit(name: str) -> dict[str, list[str]]:
    """Return the settings of a unit and of what holds for all, in the order in which systemd reads them."""
    found: dict[str, list[str]] = {}
    # systemd.unit(5): the unit, then all drop-ins by the name of the file, whichever folder it is in.
    dropped = sorted([COMMON, *UNITS.glob(f"{name}.service.d/*.conf")], key=lambda path: path.name)
    for path in (UNITS / f"{name}.service", *dropped):
        for key, value in assigned(path):
            found.setdefault(key, []).append(value)
            if not value:
                found[key] = []
    return found


def assigned(path: Path) -> list[tuple[str, str]]:
    """Return what a file sets, in order."""
    lines = (line for line in path.read_text(encoding="utf-8").splitlines() if "=" in line and line[0] != "#")
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def environment(name: str) -> dict[str, str]:
    """Return the variables of a unit."""
    return dict(word.split("=", 1) for line in unit(name)["Environment"] for word in line.split())


def test_systemd_takes_each_unit_without_a_word(installed: Path) -> None:
    """A misspelt setting is ignored with a warning, and protects nobody."""
    said = analyzed(
        installed,
        "verify",
        "--man=no",
        *map(str, sorted(installed.glob("vms*.service"))),
        str(installed / "vms.target"),
    )
    assert [line for line in said.splitlines() if "vms" in line] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_process_is_exposed_to_little(installed: Path, name: str) -> None:
    """The bound holds for every unit, also for one that somebody adds."""
    said = analyzed(
        installed,
        "security",
        "--offline=true",
        f"--threshold={int(MOST_EXPOSURE * 10)}",
        str(installed / f"{name}.service"),
    )
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert float(level) <= MOST_EXPOSURE


@pytest.mark.parametrize("name", NAMES)
def test_each_unit_calls_a_command_that_exists_with_settings_that_exist(name: str) -> None:
    """And as an account of its own, which is its role in the database too."""
    found = unit(name)
    (line,) = found["ExecStart"]
    program, *words = line.split()
    command = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined] - a group until the last word
    assert program == PROGRAM
    known = {f"VMS_{field.upper()}" for field in Settings.model_fields} | {"VMS_SETTINGS"}
    assert set(environment(name)) <= known
    assert found["User"] == [name]
    role = {"vms-migrate": OWNER, "vms-keys": None}.get(name, name.replace("-", "_"))
    url = environment(name).get("VMS_DATABASE_URL")
    assert url == (role and f"postgresql+psycopg://{role}@/vms?host=/run/postgresql")


ADDED_TO = {"Environment", "IPAddressAllow"}
"""What a unit may say besides what holds for all."""


@pytest.mark.parametrize("name", NAMES)
def test_no_unit_says_what_is_taken_back_by_what_holds_for_all(name: str) -> None:
    """The common drop-in is read after the unit: a narrower setting there was lost, and the key service could open sockets to anywhere."""
    common = {key for key, _ in assigned(COMMON)}
    own = assigned(UNITS / f"{name}.service")
    assert {key for key, _ in own} & common <= ADDED_TO
    assert [key for key, value in own if not value] == []


PROTECTED = {
    **{key: ["yes"] for key in ("NoNewPrivileges", "MemoryDenyWriteExecute", "PrivateTmp", "ProtectHome", "RestrictSUIDSGID")},
    "ProtectSystem": ["strict"], "CapabilityBoundingSet": [], "LimitCORE": ["0"], "IPAddressDeny": ["any"],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_each_unit_keeps_each_protection_and_reaches_what_it_must(name: str) -> None:
    """The bound on the whole exposure has room for one that is lost."""
    found = unit(name)
    assert {key: found[key] for key in PROTECTED} == PROTECTED
    by_socket = {"vms-keys", "vms-migrate", "vms-selftest"}
    internet = "AF_INET" in " ".join(found["RestrictAddressFamilies"]).split()
    assert (internet, bool(found["IPAddressAllow"])) == ((False, False) if name in by_socket else (True, True))
    assert ("PrivateNetwork" in found) is (name == "vms-keys")
    assert found.get("KillMode") == (["process"] if name == "vms-ingest" else None), "workers outlive their node"
    assert found["WatchdogSec"][-1] == ("0" if name == "vms-migrate" else "60"), "what runs once leaves no beats"
    assert found["Restart"][-1] == ("no" if name == "vms-migrate" else "on-failure")


def test_every_account_is_made_and_is_its_role() -> None:
    """sysusers.d makes the accounts, pg_ident.conf lets each be one role; the reader is a person's or a program's, with a password."""
    lines = (UNITS / "sysusers.conf").read_text(encoding="utf-8").splitlines()
    accounts = {line.split()[1] for line in lines if line.startswith("u ")}
    assert accounts == set(NAMES)
    mapped = (UNITS.parent / "postgresql" / "pg_ident.conf").read_text(encoding="utf-8").splitlines()
    pairs = dict(line.split()[1:] for line in mapped if line and not line.startswith("#"))
    assert set(pairs) == accounts - {"vms-keys"}
    assert set(pairs.values()) == {OWNER, *Role} - {Role.READER}
    assert all(role == account.replace("-", "_") for account, role in pairs.items() if role != OWNER)


def test_nobody_but_the_key_service_gets_at_the_keyring() -> None:
    """Its folder is its account's alone, and no other unit may write there."""
    folders = {
        line.split()[1]: line.split()[2:]
        for line in (UNITS / "tmpfiles.conf").read_text().splitlines()
        if line.startswith("d ")
    }
    assert folders["/var/lib/vms/keyring"] == ["0700", "vms-keys", "vms"]
    assert {mode for mode, _, _ in folders.values()} <= {"0700", "0750", "2750", "2770"}
    for name in NAMES:
        written = " ".join(unit(name)["ReadWritePaths"]).split()
        assert set(written) <= set(folders)
        keyring = Path("/var/lib/vms/keyring")
        above = {str(one) for one in (keyring, *keyring.parents)}
        assert above & set(written) == ({str(keyring)} if name == "vms-keys" else set())
        assert ("InaccessiblePaths" in unit(name)) is (name == "vms-keys"), "nor has it any business with footage"


def test_the_units_travel_as_files_of_their_own() -> None:
    """Configparser would refuse what is no unit at all, and systemd reads drop-ins by the prefix of the name."""
    assert NAMES == ["vms-api", "vms-ingest", "vms-keys", "vms-migrate", "vms-retention", "vms-selftest"]
    for path in UNITS.rglob("*.service"):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign] - its documented way to keep capitals
        parser.read_string(path.read_text(encoding="utf-8"))
        assert {"Unit", "Service"} <= set(parser.sections())
