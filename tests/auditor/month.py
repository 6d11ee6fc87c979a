"""Weeks in the life of a town, driven through the real recording rows, retention daemon, holds and ledger by a clock turned by hand.

An hour a step: each camera seals one segment, then the daemon does its round. What is planted afterwards is planted in a copy.
"""

import json
import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, text

from retention.daemon import RetentionDaemon
from retention.sweep import SweepLimits
from tests.auditor.bundles import Outcome, make_bundle, signer_of, vms_audit
from tests.footage.scene import INVESTIGATOR
from tests.retention.asking import approve_early
from tests.retention.town import Recorded, Town
from vms.clock import ManualClock
from vms.db.engine import Database
from vms.db.tables import ledger_placement
from vms.footage import acts
from vms.ledger import tiles
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, copies_of, leaf_of
from vms.ledger.standing import Checkpoints
from vms.model import GapCause, PlacementId, Span

HOUR = timedelta(hours=1)
SEED = "4711"
ROOM = Origin("vms-api/test", "WS-07", "10.1.2.3")
_MARGIN = timedelta(hours=2)


class LivingTown(Town):
    """A town that records, sweeps and is watched, hour by hour; footage is kept for `kept`, 28 days or less."""

    kept = timedelta(days=28)
    # From the first hour on every second is accounted for.
    hung_before = timedelta(0)

    @property
    def keep_for(self) -> timedelta:
        """The term of what is recorded."""
        return self.kept - _MARGIN

    def wake(self) -> None:
        """Start the daemon anew."""
        self.daemon = RetentionDaemon(
            self.parts,
            SweepLimits(self.keep_for, _MARGIN, timedelta(minutes=2), compares_database_clock=False),
            Checkpoints(signer_of(self), self.folder / "keys"),
            sweep_every_s=3600,
            stop=threading.Event(),
        )

    def live(self, hours: int, *, silent: frozenset[PlacementId] = frozenset()) -> None:
        """Let hours pass."""
        for _ in range(hours):
            for placement_id in self.epochs:
                if placement_id not in silent:
                    self.record(placement_id, HOUR)
            self.clock.advance(HOUR)
            self.daemon.run_once()

    def note_gap(self, placement_id: PlacementId, start: timedelta) -> None:
        """Write down that nothing was recorded from so long ago until now."""
        now = self.clock.now()
        self.note(acts.gap(placement_id, now - start, now, GapCause.CAMERA_UNREACHABLE))

    def note(self, entry: Entry) -> int:
        """Append an entry."""
        with self.db.write() as conn:
            return self.parts.ledger.append(conn, entry)

    def watch(self, session: str, *, origin: Origin = ROOM, signs_in: bool = True) -> None:
        """Let an investigator sign in, look back and sign out."""
        person = Actor.person(INVESTIGATOR, role="investigator", session_id=session)
        placement_id, now = next(iter(self.epochs)), self.clock.now()
        if signs_in:
            self.note(Entry(Act.AUTH_SIGN_IN, person, ROOM, {"session": session}))
        about = {"placement_id": placement_id, "view": f"v-{session}", "from": now - 3 * HOUR, "to": now}
        purpose = Purpose("case", "PL0900-2026-123456", "assault near the fountain")
        self.note(Entry(Act.PLAYBACK_OPEN, person, origin, about, purpose=purpose))
        self.note(Entry(Act.PLAYBACK_CLOSE, person, origin, {"placement_id": placement_id, "view": f"v-{session}"}))
        self.note(Entry(Act.AUTH_SIGN_OUT, person, ROOM, {"session": session}))

    def approve_early(self, span: Span, placement_id: PlacementId) -> None:
        """Let two persons want footage gone before its time; the daemon erases it in its next round."""
        approve_early(self, span, placement_id)

    def sql(self, statement: str, **values: object) -> int:
        """Do what an administrator of the database can: anything, triggers or not; return how many rows it hit."""
        with self.db.write() as conn:
            triggers = conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in triggers:
                conn.execute(text(f"DROP TRIGGER {name}"))
            conn.execute(text("PRAGMA defer_foreign_keys = ON"))
            return conn.execute(text(statement), values).rowcount

    def forge(self, entry: Entry, change: Callable[[bytes], bytes]) -> int:
        """Append what the product refuses to write, with a tree that fits: a changed program did it."""
        now = self.clock.now()
        body = change(leaf_of(entry, now).body)
        with self.db.write() as conn:
            seq = tiles.size(conn)
            micros = int(now.timestamp() * 1_000_000)
            row = {"seq": seq, "body": body, "at": micros, "act": entry.act.value, "actor": entry.actor.id}
            conn.execute(
                text("INSERT INTO ledger_entry (seq, body, at, act, actor) VALUES (:seq, :body, :at, :act, :actor)"),
                row,
            )
            for name in sorted(copies_of(json.loads(body)).placement_ids):
                conn.execute(insert(ledger_placement), {"placement_id": name, "seq": seq})
            tiles.grow(conn, seq, body)
        return seq


@dataclass(frozen=True)
class Month:
    """A month that was lived, on disk, to be copied.

    Args:
        folder: database, footage, keys.
        put_aside: a file as it was before it was erased, and where it stood below the footage folder.
        paper: the checkpoint that an auditor took home in the middle of it.
        held: a segment that a hold keeps, older than its term.
        erased: a segment that is long gone.
        wanted_gone: a segment that two persons had erased before its time.
        hours: how many there were: the number of the last segment of a camera that was never away.
    """

    folder: Path
    now: ManualClock
    placements: tuple[PlacementId, ...]
    put_aside: tuple[Path, bytes]
    paper: str
    held: Recorded
    erased: Recorded
    wanted_gone: Recorded
    hold_id: str
    kept: timedelta
    hours: int


def live_a_month(url: str, folder: Path, clock: ManualClock, cameras: int, kept: timedelta) -> Month:
    """Live it, a day longer than footage is kept: a gap with a cause, views, a hold that lasts, one that is released, erasing."""
    town = LivingTown(Database(url), clock, folder, cameras)
    town.kept = kept
    town.wake()
    ids = tuple(town.epochs)
    town.live(3)
    town.watch("s-1")
    first, held = town.recorded[0], town.recorded[cameras + 1]
    path = town.store.path(first.ref)
    put_aside = (path.relative_to(town.store.folder), path.read_bytes())
    lasting = town.request(Span(held.span.start_at, held.span.end_at), held.ref.placement_id)
    lasting_id = town.place(replace(lasting, review_on=clock.now() + 2 * kept)).hold.id
    brief = town.request(Span(first.span.start_at, first.span.end_at + HOUR), ids[-1])
    brief_id = town.place(brief).hold.id
    town.live(40)
    young = town.recorded[-cameras]
    town.approve_early(young.span, young.ref.placement_id)
    town.live(2, silent=frozenset(ids[:1]))
    town.note_gap(ids[0], 2 * HOUR)
    town.watch("s-2")
    paper = (folder / "keys" / "ledger-checkpoint.txt").read_text(encoding="utf-8")
    town.release(brief_id)
    hours = round((kept + timedelta(days=1)) / HOUR)
    town.live(hours - 45)
    town.db.checkpoint_wal()
    town.db.dispose()
    return Month(folder, clock, ids, put_aside, paper, held, first, young, str(lasting_id), kept, hours)


class Case:
    """A copy of the month, in which something is planted, and its audit."""

    def __init__(self, month: Month, folder: Path) -> None:
        shutil.copytree(month.folder, folder, dirs_exist_ok=True)
        self.month, self.folder = month, folder
        self.clock = ManualClock(month.now.now())
        self.town = LivingTown.__new__(LivingTown)
        town = self.town
        town.db, town.clock, town.folder = Database(f"sqlite:///{folder / 'vms.sqlite'}"), self.clock, folder
        town.kept = month.kept
        town.restart()
        town.recorded, town.hold_spans, town.hold_asked = [], {}, {}
        with town.db.read() as conn:
            rows = conn.execute(text("SELECT id, epoch FROM placement ORDER BY id")).all()
        town.epochs = {PlacementId(row.id): row.epoch for row in rows}
        # The boot-time clock of the copy goes on where the original stood.
        self.clock._elapsed_s = month.now.boottime_s()
        town.wake()

    @property
    def vkey(self) -> str:
        """The public key, from paper."""
        return signer_of(self.town).verifier.text

    def bundle(self) -> Path:
        """Return a fresh bundle of everything."""
        return make_bundle(self.town, self.folder / f"{secrets.token_hex(4)}.zip")

    def audit(self, command: str, *arguments: object, bundle: Path | None = None) -> Outcome:
        """Make a bundle and run one command of `vms-audit` on it, with the key and the term."""
        if command in {"completeness", "verify-absence"}:
            arguments = (*arguments, "--days", self.month.kept.days)
        return vms_audit(command, bundle or self.bundle(), *arguments, "--vkey", self.vkey)

    def look_at_disk(self, bundle: Path | None = None) -> Outcome:
        """Run `verify-absence` on the folders."""
        folders = ("--root", self.folder / "footage", "--keys-dir", self.folder / "keys")
        return self.audit("verify-absence", *folders, "--sample", "100000", "--seed", SEED, bundle=bundle)
