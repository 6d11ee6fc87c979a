"""Nothing of a process gets out by the side: no core dump, no debugger, no file or folder that other accounts can open."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from config import Settings
from vms.cli.parts import private_folder, refuse_exposed_database
from vms.db.migrate import upgrade
from vms.errors import InvalidInput

HOUSE = Path(__file__).parents[2]
LOOK = """
import ctypes, os, resource
import vms.cli.main as main
def look(arguments=None):
    os.close(os.open("made", os.O_WRONLY | os.O_CREAT, 0o666))
    os.mkdir("folder")
    print(*resource.getrlimit(resource.RLIMIT_NOFILE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE),
          oct(os.stat("made").st_mode)[-3:], oct(os.stat("folder").st_mode)[-3:])
main.app = look
main.main()
"""


def test_every_process_hardens_itself_before_it_reads_anything(tmp_path: Path) -> None:
    """The API's core dump held a password, cookies and plain video; retention, self-test and node could dump too."""
    assert looked_at(tmp_path)[2:] == ["0", "0", "0", "600", "700"]


def test_every_process_may_open_as_many_files_as_it_may_allow_itself(tmp_path: Path) -> None:
    """The usual 1,024 were used up by one stranger's connections."""
    assert looked_at(tmp_path, "ulimit -S -n 200; ulimit -H -n 900")[:2] == ["900", "900"]


def looked_at(folder: Path, limits: str = ":") -> list[str]:
    """Return what a process finds of itself, started from a shell that sets limits."""
    found = subprocess.run(
        ["/bin/sh", "-c", f'{limits}; exec "$@"', "sh", sys.executable, "-c", LOOK],
        cwd=folder,
        env={"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.split()


def test_there_is_no_other_way_to_start_a_process() -> None:
    """A second entry point that forgets to harden would be found by nobody else."""
    scripts = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"vms": "vms.cli.main:main"}
    runnable = {
        str(path.relative_to(HOUSE))
        for room in ("vms", "ingest", "retention", "api", "blanking", "config")
        for path in (HOUSE / room).rglob("*.py")
        if "__name__ ==" in path.read_text(encoding="utf-8")
    }
    # The other one extracts the texts of the pages for translators: it reads our own source and nothing else.
    assert runnable == {"vms/cli/main.py", "api/pages/catalogue.py"}


@pytest.mark.parametrize("mode", [0o755, 0o711, 0o750, 0o770, 0o701])
def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    """`nobody` read the hashes of all passwords in a data folder that an administrator had made with the usual mode."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(InvalidInput, match="chmod 0700"):
        private_folder(folder)
    folder.chmod(0o700)
    private_folder(folder)


def test_a_database_that_others_can_read_is_refused_wherever_it_lies(tmp_path: Path) -> None:
    """Its folder may be any: `database_url` names a path of its own."""
    file = tmp_path / "elsewhere" / "vms.sqlite"
    settings = Settings(database_url=f"sqlite:///{file}")
    refuse_exposed_database(settings)
    upgrade(settings.database)
    assert file.parent.stat().st_mode & 0o077 == 0
    file.chmod(0o640)
    refuse_exposed_database(settings)  # its folder lets nobody in
    file.parent.chmod(0o755)
    with pytest.raises(InvalidInput, match=r"chmod 0600 .*vms\.sqlite"):
        refuse_exposed_database(settings)
    file.chmod(0o600)
    refuse_exposed_database(settings)
