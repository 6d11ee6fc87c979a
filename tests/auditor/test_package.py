"""The auditor's tool stands by itself: built and run with `cryptography` and nothing of the product."""

import subprocess
import sys
import zipfile
from importlib.metadata import files
from importlib.util import find_spec
from pathlib import Path

from tests.auditor.bundles import ROOT, make_bundle, signer_of
from tests.retention.town import Town

_RUN = """\
import runpy, sys
sys.path[:0] = sys.argv.pop(1).split("|")
sys.argv[0] = "vms-audit"
try:
    runpy.run_module("auditor", run_name="__main__", alter_sys=True)
finally:
    strangers = {name.split(".")[0] for name in sys.modules} & set("vms retention api config sqlalchemy numpy".split())
    assert not strangers, strangers
"""


def test_the_wheel_runs_where_only_cryptography_is_installed(town: Town, tmp_path: Path) -> None:
    """Whoever trusts nobody runs it on a machine of their own, without our code and without our other libraries."""
    wheels, bare = tmp_path / "wheels", tmp_path / "bare"
    bare.mkdir()
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=ROOT / "auditor", check=True, capture_output=True, timeout=120)
    [wheel] = wheels.iterdir()
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(bare)
        entry_points = next(name for name in packed.namelist() if name.endswith("entry_points.txt"))
        assert "vms-audit = auditor.__main__:run" in packed.read(entry_points).decode()
        metadata = packed.read(entry_points.replace("entry_points.txt", "METADATA")).decode()
    assert [line for line in metadata.splitlines() if line.startswith("Requires-Dist")] == [
        "Requires-Dist: cryptography"
    ]
    for name in ("cryptography", "cffi", "pycparser"):
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            (bare / name).symlink_to(spec.submodule_search_locations[0])
    for file in files("cffi") or ():
        if file.name.startswith("_cffi_backend"):
            (bare / file.name).symlink_to(file.locate())
    bundle = make_bundle(town, tmp_path / "bundle.zip")
    command = [sys.executable, "-I", "-S", "-c", _RUN, str(bare), "verify-log", str(bundle)]
    done = subprocess.run(
        [*command, "--vkey", signer_of(town).verifier.text], cwd=tmp_path, check=False, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "IN ORDE" in done.stdout.decode()
