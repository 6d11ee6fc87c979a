"""Root keys in a TPM 2.0, by tpm2-tools.

A root is 32 random bytes in an NV index of its own, which `TPM2_NV_UndefineSpace` destroys; clearing the TPM destroys all. The index can be
read only with a random password that stands in the keyring's head, so that neither the TPM nor the file opens anything alone.

Each keyring has a block of 64 indices of its own in the range for owners. Secrets reach the tools through memory files, never
through arguments, which every user of the machine could see.

Source: TPM 2.0 Library Specification part 3, 31 (non-volatile storage);
TCG Registry of Reserved TPM 2.0 Handles, 2.2.2 (0x01800000-0x01bfffff).
"""

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from vms.errors import InvalidInput, NotFound, StorageFull, Unavailable
from vms.footage.durable import write_all
from vms.footage.roots.store import KEY_BYTES, OWNER_BYTES, ROOT_ID_BYTES, Level, Root, hardware_if_stated

_RANGE = 0x01800000
_BLOCK_BITS, _SLOT_BITS = 16, 6
_ATTRIBUTES = "authread|authwrite|no_da"
_INDEX_BYTES = 4
_PASSWORD_BYTES = 16
_WITHIN_S = 30.0
_GONE = ("0x18b", "0x28b", "0x14a", "0x98e", "0x9a2")
"""TPM_RC_HANDLE for the first and second handle, NV_UNINITIALIZED, AUTH_FAIL and BAD_AUTH: no such index, or another root's by now."""
_SOFTWARE = ("SW", "IBM", "MSFT", "GOOG", "xCG", "VMW", "QEMU")
"""What TPMs say of themselves that are programs: swtpm, and those of virtual machines."""


class TpmRoots:
    """Roots in NV indices of one TPM.

    Args:
        tcti: how tpm2-tools reach it, e.g. `device:/dev/tpmrm0`.
        stated: what an administrator vouches for: `device()`, or nothing.

    Raises:
        InvalidInput: tpm2-tools is not installed.
    """

    kind = "tpm"

    def __init__(self, tcti: str, stated: str = "") -> None:
        self._tcti, self._stated = tcti, stated
        if shutil.which("tpm2_nvdefine") is None:
            raise InvalidInput("root_store tpm needs the package tpm2-tools: install it", code="keys.no-tpm2-tools")

    def level(self) -> Level:
        """Return "hardware" if an administrator names this very TPM and it does not say that it is a program."""
        device = self.device()
        return hardware_if_stated(device, self._stated, contradicted=any(word in device for word in _SOFTWARE))

    def device(self) -> str:
        """Return the maker, model words and firmware version."""
        text = self._run("tpm2_getcap", "properties-fixed").decode("ascii", "replace")
        values = dict(
            re.findall(r"TPM2_PT_(MANUFACTURER|VENDOR_STRING_\d|FIRMWARE_VERSION_\d):\s+raw: (0x[0-9A-Fa-f]+)", text)
        )
        words = [_four_letters(value) for name, value in sorted(values.items()) if "FIRMWARE" not in name]
        firmware = "-".join(value for name, value in sorted(values.items()) if "FIRMWARE" in name)
        return " ".join(" ".join([words[0] if words else "", "".join(words[1:]), firmware]).split())

    def make(self, owner: bytes) -> Root:
        """Define an index and write a key to it."""
        taken, first = self._in_block(owner), _block(owner)
        free = [index for index in range(first, first + (1 << _SLOT_BITS)) if index not in taken]
        if not free:
            raise StorageFull("the TPM has no free index left in this keyring's block", code="keys.tpm-full")
        index = secrets.choice(free)
        rest = secrets.token_bytes(ROOT_ID_BYTES - OWNER_BYTES - _INDEX_BYTES)
        key, password = secrets.token_bytes(KEY_BYTES), secrets.token_hex(_PASSWORD_BYTES).encode("ascii")
        with _memory_file(password) as path:
            self._run(
                "tpm2_nvdefine", hex(index), "-C", "o", "-s", str(KEY_BYTES), "-a", _ATTRIBUTES, "-p", f"file:{path}"
            )
            self._run("tpm2_nvwrite", hex(index), "-C", hex(index), "-P", f"file:{path}", "-i", "-", given=key)
        return Root(owner + index.to_bytes(_INDEX_BYTES, "big") + rest, password, key)

    def key(self, root_id: bytes, sealed: bytes) -> bytes:
        """Read the index."""
        index = hex(int(self.name(root_id), 16))
        with _memory_file(sealed) as path:
            return self._run("tpm2_nvread", index, "-C", index, "-P", f"file:{path}", "-s", str(KEY_BYTES))

    def name(self, root_id: bytes) -> str:
        """Return the index in hexadecimal digits."""
        return root_id[OWNER_BYTES:][:_INDEX_BYTES].hex()

    def names(self, owner: bytes) -> frozenset[str]:
        """Return the indices of the owner's block that have a root's form; others' are never touched."""
        return frozenset(f"{index:08x}" for index in self._in_block(owner) if self._is_root(index))

    def destroy(self, owner: bytes, names: frozenset[str]) -> None:
        """Undefine the indices, and look that they are gone."""
        if not names:
            return
        wanted = {int(name, 16) for name in names}
        for index in sorted(wanted & self._in_block(owner)):
            if self._is_root(index):
                self._run("tpm2_nvundefine", hex(index), "-C", "o")
        if left := [hex(index) for index in wanted & self._in_block(owner) if self._is_root(index)]:
            raise Unavailable(f"the TPM keeps {', '.join(left)} though told to destroy it", code="keys.tpm")

    def _in_block(self, owner: bytes) -> set[int]:
        text = self._run("tpm2_getcap", "handles-nv-index").decode("ascii", "replace")
        handles = {int(found, 16) for found in re.findall(r"0x[0-9A-Fa-f]{5,8}", text)}
        first = _block(owner)
        return {index for index in handles if first <= index < first + (1 << _SLOT_BITS)}

    def _is_root(self, index: int) -> bool:
        text = self._run("tpm2_nvreadpublic", hex(index)).decode("ascii", "replace")
        friendly = re.search(r"friendly: (\S+)", text.partition("attributes:")[2])
        attributes = set(friendly.group(1).split("|")) if friendly else set()
        return f"size: {KEY_BYTES}\n" in text and attributes - {"written"} == set(_ATTRIBUTES.split("|"))

    def _run(self, program: str, *arguments: str, given: bytes = b"") -> bytes:
        path = shutil.which(program)
        if path is None:
            raise Unavailable(f"{program} is gone: install tpm2-tools", code="keys.no-tpm2-tools")
        passed = [int(number) for one in arguments for number in re.findall(r"/proc/self/fd/(\d+)", one)]
        try:
            done = subprocess.run(
                [path, *arguments],
                input=given,
                capture_output=True,
                timeout=_WITHIN_S,
                check=False,
                pass_fds=passed,
                env=os.environ | {"TPM2TOOLS_TCTI": self._tcti},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"{program} does not answer: {error}", code="keys.tpm") from error
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.decode("utf-8", "replace").strip()
        if any(f"({code})" in said.lower() for code in _GONE):
            raise NotFound(f"{program}: the TPM has no such root: {said[:300]}", code="keys.root-gone")
        if "0x14b" in said.lower():
            raise StorageFull(f"{program}: the TPM's memory is full", code="keys.tpm-full")
        raise Unavailable(f"{program} fails on {self._tcti}: {said[:300]}", code="keys.tpm")


def _block(owner: bytes) -> int:
    return _RANGE | int.from_bytes(owner[: _BLOCK_BITS // 8], "big") << _SLOT_BITS


def _four_letters(raw: str) -> str:
    return int(raw, 16).to_bytes(4, "big").rstrip(b"\0").decode("ascii", "replace")


@contextmanager
def _memory_file(secret: bytes) -> Iterator[str]:
    """Yield a path by which a child process reads the secret, which is on no disk."""
    handle = os.memfd_create("root")
    try:
        write_all(handle, secret)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
