"""`vms-audit verify-log` on a large bundle, against `sha256sum` over the same entries, unpacked.

The peer does the least that anybody could do who wants to be sure of so many bytes: hash them once; no leaves, no tree, nothing to unpack.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auditor.tree import Rows, leaf_hash
from bench.report import Ratio, Report
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, leaf_of
from vms.ledger.notes import Checkpoint
from vms.ledger.signer import FileSigner, load_or_make

ENTRIES = int(os.environ.get("VMS_BENCH_ENTRIES", "1000000"))
_ORIGIN = "bench.local/ledger"
_RUN = 1 << 16
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def run(*, rounds: int, quick: bool) -> Report:
    """Measure both on a bundle of `VMS_BENCH_ENTRIES` entries (default a million)."""
    count = 200_000 if quick else ENTRIES
    with tempfile.TemporaryDirectory(prefix="vms-bench-") as name:
        folder = Path(name)
        signer = load_or_make(folder / "keys", _ORIGIN)
        plain_bytes = write_bundle(folder / "bundle.zip", folder / "plain", signer, count)
        audit = [sys.executable, "-m", "auditor", "verify-log", str(folder / "bundle.zip"), "--vkey"]
        ours, peer = [], []
        for _ in range(rounds):
            ours.append(_seconds([*audit, signer.verifier.text]))
            peer.append(_seconds(["sha256sum", str(folder / "plain")]))
        packed_bytes = (folder / "bundle.zip").stat().st_size
    ratio = Ratio.of(f"verify-log of {count} entries, against sha256sum", ours=ours, peer=peer, unit="s")
    line = f"{count} entries, {plain_bytes / 1e6:.0f} MB, {packed_bytes / 1e6:.0f} MB packed; best {min(ours):.1f} s"
    return Report("Verifying the log", (line,), (ratio,))


def write_bundle(path: Path, plain: Path, signer: FileSigner, count: int) -> int:
    """Write a bundle of generated entries, with one checkpoint a run, and its entries unpacked; return their bytes."""
    roots: list[bytes] = []
    notes: list[bytes] = []
    files = []
    total_bytes = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bundle, plain.open("wb") as unpacked:

        def add(name: str, data: bytes) -> None:
            bundle.writestr(f"audit/{name}", data)
            files.append({"name": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})

        for first in range(0, count, _RUN):
            bodies = list(_bodies(first, min(first + _RUN, count)))
            roots.append(Rows([leaf_hash(body) for body in bodies]).root(len(bodies)))
            size = first + len(bodies)
            note = Checkpoint(_ORIGIN, size, Rows(list(roots)).root(len(roots))).signed(signer)
            notes.append(json.dumps({"size": size, "at": "2026-01-01T00:00:00.000000Z", "note": note}).encode() + b"\n")
            data = b"".join(body + b"\n" for body in bodies)
            add(f"entries/{first:012}.jsonl", data)
            add(f"copies/{first:012}.jsonl", b"".join(_copies(first, size)))
            unpacked.write(data)
            total_bytes += len(data)
        add("checkpoints.jsonl", b"".join(notes))
        words = {"format": "vms-audit-bundle/1", "software": "bench", "origin": _ORIGIN, "size": count}
        words |= {"made_at": "2027-01-01T00:00:00.000000Z", "from": "2026-01-01T00:00:00.000000Z"}
        words |= {"to": "2027-01-01T00:00:00.000000Z", "entries_per_file": _RUN, "files": files}
        bundle.writestr("audit/manifest.json", json.dumps(words))
    return total_bytes


def _bodies(start: int, end: int) -> Iterator[bytes]:
    """Yield entries that differ as real ones do. The template is the product's own leaf; encoding each anew would take minutes."""
    actor = Actor.person("u-0042", role="observer", session_id="s-9f3c2a")
    words = {"placement_id": "utr-042", "view": "v-@@@@@@@@@@@@", "number": 0}
    template = leaf_of(Entry(Act.LIVE_CLOSE, actor, Origin("vms-api/0.1.0", "WS-07", "10.1.2.3"), words), _BEGIN).body
    head, rest = template.split(b"@@@@@@@@@@@@")
    middle, tail = rest.split(b"2026-01-01T00:00:00.000000Z")
    for number in range(start, end):
        stamp = _stamp(number)
        # Digits that don't compress, like the ids and commitments of real entries.
        yield b"%s%s%s%s%s" % (
            head,
            hashlib.blake2s(b"%d" % number, digest_size=16).hexdigest().encode(),
            middle,
            stamp.encode(),
            tail,
        )


def _copies(start: int, end: int) -> Iterator[bytes]:
    """Yield the digests of the search copies that the generated entries should have, a line for 256 of them."""
    for first in range(start, end, 256):
        rows = [
            [number, _stamp(number), Act.LIVE_CLOSE.value, "u-0042", ["utr-042"], []]
            for number in range(first, min(first + 256, end))
        ]
        text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        yield json.dumps({"first": first, "sha256": hashlib.sha256(text.encode()).hexdigest()}).encode() + b"\n"


def _stamp(number: int) -> str:
    return (_BEGIN + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(command: list[str]) -> float:
    begun_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun_s
