"""A software token (SoftHSM) and a software TPM (swtpm) for tests: the same commands as hardware, and no more than a file's assurance."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.ingest.running import until
from vms.footage.roots.token import TokenAccess

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/libsofthsm2.so",
)
PIN = "4321"


def software_token(folder: Path) -> TokenAccess:
    """Make a token; SoftHSM reads SOFTHSM2_CONF once a process, so all tests of a process share one folder."""
    tokens = folder / "tokens"
    tokens.mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", "vms", "--so-pin", "12345678", "--pin", PIN],
        check=True,
        capture_output=True,
    )
    (folder / "pin").write_text(f"{PIN}\n")
    (folder / "pin").chmod(0o600)
    [module, *_] = [Path(path) for path in MODULES if Path(path).exists()]
    return TokenAccess(module, "vms", folder / "pin")


def wrong_pin(access: TokenAccess, folder: Path) -> TokenAccess:
    """Return the same token with another PIN."""
    (folder / "wrong-pin").write_text("999999")
    (folder / "wrong-pin").chmod(0o600)
    return replace(access, pin_file=folder / "wrong-pin")


@contextlib.contextmanager
def software_tpm() -> Iterator[str]:
    """Run a TPM; yield how tpm2-tools reach it."""
    with tempfile.TemporaryDirectory(prefix="vms-tpm-") as name:
        folder = Path(name)
        process = subprocess.Popen(
            [
                *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}"),
                *(
                    "--server",
                    f"type=unixio,path={folder / 'tpm'}",
                    "--ctrl",
                    f"type=unixio,path={folder / 'tpm.ctrl'}",
                ),
                *("--flags", "not-need-init,startup-clear"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: (folder / "tpm.ctrl").exists() and (folder / "tpm").exists(), 20, "the TPM starts")
            yield f"swtpm:path={folder / 'tpm'}"
        finally:
            process.terminate()
            process.wait(10)
