"""Making bundles of a simulated town, changing them as a forger would, and running `vms-audit` on them as an auditor does."""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.retention.town import Town
from vms.evidence.bundle import BundleSource, bundle_pieces, end_of, sign_present
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.signer import FileSigner, load_or_make
from vms.model import Span

ROOT = Path(__file__).parents[2]
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    """How a run of `vms-audit` ended."""

    status: int
    report: dict[str, Any]

    @property
    def codes(self) -> set[str]:
        """The kinds of findings."""
        return {one["code"] for one in self.report["findings"]}


def signer_of(town: Town) -> FileSigner:
    """Return the signer of a town's ledger."""
    return load_or_make(town.folder / "keys", town.parts.ledger.origin)


def make_bundle(town: Town, path: Path, start_at: datetime = BEGIN, end_at: datetime | None = None) -> Path:
    """Write a town's bundle, as the API and the command line do."""
    period = Span(start_at, end_at or town.clock.now().replace(microsecond=999_999))
    source = BundleSource(town.db, town.parts.ledger, town.keys, town.clock, signer_of(town))
    asked = {"from": period.start_at, "to": period.end_at}
    with town.db.write() as conn:
        town.parts.ledger.append(conn, Entry(Act.AUDIT_BUNDLE, Actor.service("test"), Origin("test"), asked))
        sign_present(conn, source)
        size = end_of(conn, period)
    path.write_bytes(b"".join(bundle_pieces(source, period, size)))
    return path


def vms_audit(*arguments: object) -> Outcome:
    """Run `vms-audit` as a process of its own and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *map(str, arguments), "--json", "--lang", "en"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=250,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.stdout, done.stderr.decode()
    return Outcome(done.returncode, json.loads(done.stdout))


def rewrite(source: Path, target: Path, change: Callable[[str, bytes], bytes | None], *, relist: bool = True) -> Path:
    """Copy a bundle with changed files; None leaves one out.

    Args:
        relist: give the manifest the new digests, as a careful forger would.
    """
    files: dict[str, bytes] = {}
    with zipfile.ZipFile(source) as bundle:
        for name in bundle.namelist():
            data = change(name.removeprefix("audit/"), bundle.read(name))
            if data is not None:
                files[name] = data
    if relist:
        manifest = json.loads(files["audit/manifest.json"])
        manifest["files"] = [
            {"name": name.removeprefix("audit/"), "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
            if name != "audit/manifest.json"
        ]
        files["audit/manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return target
