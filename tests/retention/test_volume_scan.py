"""After erasing, every byte of the volume itself is searched: blocks that no file names any more, the file system's journal, all of it.

An ext4 volume as it is made by default (data=ordered: its journal has names and places, no contents of files), without discard, so that
blocks keep what was in them. What assurance level "file" claims (docs/erasing.md) is what is asserted:

- never, not even while the footage lives: hour keys, hold keys, segment keys, or footage, in the clear;
- after erasing: none of the dead root keys either, since they were overwritten where they lay;
- allowed, and found: cipher text of erased footage, old keyrings, wrapped keys in freed blocks of the database and its log.
  None of it opens.

A thief who does not search but tries is here too: every keyring that was ever written is tried with all that a root key's block may be.
"""

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from retention.reconcile import erase_overdue
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR, packets
from tests.retention.test_raw_scan import HEAD_BYTES, NONCE_BYTES, hour_keys
from tests.retention.town import LIMITS, Town
from tests.volumes import Volume, mounted
from vms.clock import ManualClock
from vms.db import segments
from vms.db.engine import Database
from vms.db.migrate import upgrade
from vms.footage.recorder import RecorderPlan, SegmentRecorder
from vms.model import PlacementId, SegmentMode, Span, hour_of

P0 = PlacementId("p0")
BLOCK_BYTES = 1024
_MP4 = re.compile(rb"moof....mfhd|ftypiso|\x00\x00\x00\x01[\x67\x27]\x64\x00", re.DOTALL)


@dataclass
class Secrets:
    """Everything that would open something, copied while it was alive."""

    roots: set[bytes] = field(default_factory=set)
    keys: dict[str, bytes] = field(default_factory=dict)
    segment_keys: set[bytes] = field(default_factory=set)
    plain: set[bytes] = field(default_factory=set)
    wrapped: set[bytes] = field(default_factory=set)

    def copy_from(self, town: Town) -> None:
        """Copy what is there now; call before each act that destroys a key."""
        self.roots |= {path.read_bytes() for path in (town.folder / "keys").glob("root-*")}
        self.keys |= hour_keys(town)
        with town.db.read() as conn:
            ever = Span(town.clock.now() - timedelta(days=40), town.clock.now())
            rows = segments.covering(conn, P0, ever)
        for row in rows:
            data = town.reader.segment_bytes(P0, row.number)
            pieces = {data[at : at + 48] for at in range(0, len(data) - 48, 100)}
            telling = sorted(piece for piece in pieces if len(set(piece)) > 30)  # fill and tables occur anywhere
            self.plain |= set(telling[:10])
            if row.wrapped_key is not None and town.keys.has_hour(row.hour_at):
                self.wrapped.add(row.wrapped_key)
                self.segment_keys.add(town.keys.unwrap(hour_of(row.start_at), row.wrapped_key))


def found(raw: bytes, secrets: set[bytes]) -> int:
    """Count the secrets that stand in the bytes, as they are or in hexadecimal digits."""
    return sum(any(form in raw for form in (one, one.hex().encode(), one.hex().upper().encode())) for one in secrets)


def opened_by_trying(*raws: bytes) -> set[str]:
    """Return the names of all keys in keyrings that open with something that begins a block of any volume."""
    blocks = (raw[at : at + BLOCK_BYTES] for raw in raws for at in range(0, len(raw), BLOCK_BYTES))
    # A root key's file is 32 bytes long: the rest of its block is zeros.
    starts = {block[:32] for block in blocks if any(block[:32]) and not any(block[32:])}
    opened: set[str] = set()
    for raw in raws:
        for match in re.finditer(rb"VMSKEYS1", raw):
            head = raw[match.start() : match.start() + HEAD_BYTES]
            # Its length is written nowhere: names and keys have fixed lengths, so few are possible; blocks end in zeros.
            block = raw[match.start() + HEAD_BYTES : match.start() + 8192]
            lengths = {len(block[:end].rstrip(b"\0")) for end in range(BLOCK_BYTES - HEAD_BYTES, 8192, BLOCK_BYTES)}
            for root in starts:
                for length in lengths:
                    try:
                        plain = AESGCM(root).decrypt(head[-NONCE_BYTES:], block[:length], head)
                    except InvalidTag:
                        continue
                    opened |= set(json.loads(plain))
    return opened


def record_video(town: Town, seconds: float) -> None:
    """Record real video on p0, as a worker does."""
    recorder = SegmentRecorder(
        P0, town.epochs[P0], db=town.db, keys=town.keys, store=town.store, ledger=town.parts.ledger, clock=town.clock,
        plan=RecorderPlan(KEEP_FOR, SegmentMode.COPIED, 1), in_background=False,
    )  # fmt: skip
    for packet in packets(town.clock.now(), seconds):
        recorder.append(packet)
    town.clock.advance(timedelta(seconds=seconds))
    recorder.close()


def live_and_die(town: Town, secrets: Secrets, volumes: list[Volume]) -> None:
    """Record, hold, let time pass, release, erase; look at the volumes while it lives."""
    run_sweep(town.parts, LIMITS)
    record_video(town, 70)
    town.clock.advance(timedelta(hours=1))
    start_at = town.clock.now()
    record_video(town, 70)
    hold_id = town.place(town.request(Span(start_at, town.clock.now()), P0)).hold.id
    secrets.copy_from(town)
    assert len(secrets.segment_keys) == 4
    assert len(secrets.plain) >= 20
    alive = [volume.raw() for volume in volumes]
    assert sum(found(raw, secrets.roots) for raw in alive) == 1, "the search can find"
    assert {name.partition("/")[0] for name in opened_by_trying(*alive)} == {"hour", "hold"}, "and so can the thief"
    for raw in alive:
        never_in_the_clear(raw, secrets)
    town.clock.advance(KEEP_FOR + timedelta(hours=2))
    run_sweep(town.parts, LIMITS)
    assert town.reader.segment_bytes(P0, 3), "what is held is there"
    secrets.copy_from(town)
    town.release(hold_id)
    secrets.roots |= {path.read_bytes() for path in (town.folder / "keys").glob("root-*")}
    run_sweep(town.parts, LIMITS)
    erase_overdue(town.parts, KEEP_FOR, town.clock.now())
    town.db.checkpoint_wal()


def never_in_the_clear(raw: bytes, secrets: Secrets) -> None:
    """Assert what holds at any time."""
    assert found(raw, set(secrets.keys.values())) == 0, "a key of an hour or a hold"
    assert found(raw, secrets.segment_keys) == 0, "a segment key"
    assert found(raw, secrets.plain) == 0, "footage"
    assert not _MP4.search(raw), "something that looks like video"


@pytest.mark.parametrize("keys", ["apart", "on the same volume"])
def test_a_volume_has_no_key_and_no_footage_in_it_after_erasing(tmp_path: Path, clock: ManualClock, keys: str) -> None:
    """Whoever takes the disk out of the machine reads blocks, not files."""
    secrets = Secrets()
    with ExitStack() as stack:
        volumes = [stack.enter_context(mounted(tmp_path / "image", tmp_path / "volume", 12))]
        if keys == "apart":
            volumes.append(stack.enter_context(mounted(tmp_path / "key-image", volumes[0].folder / "keys", 4)))
        url = f"sqlite:///{volumes[0].folder / 'vms.sqlite'}"
        upgrade(url)
        db = Database(url)
        stack.callback(db.dispose)
        town = Town(db, clock, volumes[0].folder, placement_count=1)
        live_and_die(town, secrets, volumes)
        living = {path.read_bytes() for path in (town.folder / "keys").glob("root-*")}
        cipher_left = [path for path in (town.folder / "footage").rglob("*") if path.is_file()]
    assert cipher_left == []
    raws = [volume.image.read_bytes() for volume in volumes]
    for raw in raws:
        never_in_the_clear(raw, secrets)
        assert found(raw, secrets.roots - living) == 0, "a dead root key"
    assert len(secrets.roots - living) >= 2
    assert opened_by_trying(*raws) == set(), "no keyring that was ever written opens to any key"
    # Not asserted, since blocks are used again: old keyrings and wrapped keys may be there, and are worthless without those.
    rings = sum(raw.count(b"VMSKEYS1") for raw in raws)
    assert rings >= 1, "the present keyring at least: otherwise nothing was tried"
