"""After erasing, a scan of every byte on disk finds neither keys nor footage: files, database, write-ahead log, keyring, dead root keys.

Names that are gone are scanned too: each root key had a second name (a hard link), as its blocks have for whoever reads the volume.
What a journal or the wear levelling of a medium keeps is not seen by this; docs/erasing.md does not claim it.
"""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from retention.reconcile import erase_overdue
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.retention.town import LIMITS, Town
from vms.db import erasing, segments
from vms.model import PlacementId, hour_of

P0 = PlacementId("p0")
HEAD_BYTES, NONCE_BYTES = 36, 12


def found_in(folder: Path, secret: bytes) -> list[str]:
    """Return the files in which a secret stands, as bytes or in hexadecimal digits."""
    forms = (secret, secret.hex().encode(), secret.hex().upper().encode())
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(folder)) for path in files if any(form in path.read_bytes() for form in forms))


def keep_names(town: Town) -> dict[str, bytes]:
    """Give every root key a second name; return the keys by that name."""
    seen = town.folder / "seen"
    seen.mkdir(exist_ok=True)
    for path in (town.folder / "keys").glob("root-*"):
        if not (seen / path.name).exists():
            os.link(path, seen / path.name)
    return {path.name: path.read_bytes() for path in seen.iterdir()}


def hour_keys(town: Town) -> dict[str, bytes]:
    """Open the keyring as somebody with the root key would, without the product."""
    (root,) = (path.read_bytes() for path in (town.folder / "keys").glob("root-*"))
    ring = (town.folder / "keys" / "keyring").read_bytes()
    head = ring[:HEAD_BYTES]
    opened = json.loads(AESGCM(root).decrypt(head[-NONCE_BYTES:], ring[HEAD_BYTES:], head))
    return {name: bytes.fromhex(key) for name, key in opened.items()}


@pytest.mark.parametrize("is_held", [False, True])
def test_neither_keys_nor_footage_are_found_on_disk(town: Town, is_held: bool) -> None:  # noqa: FBT001 - parametrized
    """Because "erased" must mean that whoever takes the disk has nothing."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    hold_id = town.place(town.request(item.span, P0)).hold.id if is_held else None
    roots = keep_names(town)
    (root_name,) = roots
    with town.db.read() as conn:
        wrapped = segments.get(conn, P0, 1).wrapped_key
        wraps = [*erasing.hold_wraps(conn, P0, 1).values()]
    assert wrapped is not None
    keys = [*hour_keys(town).values(), town.keys.unwrap(hour_of(item.ref.start_at), wrapped)]
    assert found_in(town.folder, roots[root_name]) == [f"keys/{root_name}", f"seen/{root_name}"], "the scan can find"
    assert all(found_in(town.folder, form) for form in (wrapped, *wraps)), "the scan can find"
    cipher = town.store.path(item.ref).read_bytes()
    for secret in (item.plain, *keys):
        assert found_in(town.folder, secret) == [], "neither footage nor keys ever lie on a disk in the clear"

    town.clock.advance(KEEP_FOR + timedelta(hours=2))
    run_sweep(town.parts, LIMITS)
    if hold_id is not None:
        assert town.readable(item)
        keep_names(town)
        town.release(hold_id)
        run_sweep(town.parts, LIMITS)
    erase_overdue(town.parts, KEEP_FOR, town.clock.now())
    town.db.checkpoint_wal()  # as the daemon does after a sweep that erased
    for secret in (roots[root_name], item.plain, cipher, wrapped, *wraps, *keys):
        assert found_in(town.folder, secret) == []
