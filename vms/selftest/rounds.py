"""A round of the self-test: random finished pictures of every path, judged; with the ledger entry of a finding the placement goes grey.

After a failure of the self-test itself (a picture that can't be read, a database that is away) nothing is claimed: it counts as unread.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from vms import __version__
from vms.clock import Clock
from vms.db import exports, holds, panoramas, placements, plans, segments
from vms.db.plans import PlanVersion
from vms.db.segments import Segment
from vms.errors import IntegrityLost, NotFound, Unavailable, VmsError
from vms.evidence.export import Workshop
from vms.footage.panorama import opened_panorama
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Result, Value
from vms.ledger.findings import open_findings
from vms.ledger.segments import prove
from vms.model import ExportState, HoldState, PlacementId, PlanState, SegmentMode, SegmentState, Span
from vms.selftest import paths
from vms.selftest.judging import Problem, Verdict, judge, judge_panorama
from vms.selftest.paths import Seen, Viewer

_ACTOR, _ORIGIN = Actor.service("selftest"), Origin(f"vms-selftest/{__version__}")
_BACK = timedelta(days=28)
_RECENT, _RECENT_SHARE = timedelta(minutes=10), 0.7
_LIVE_FRAMES, _LIVE_WITHIN_S = 12, 6.0
_GRACE = timedelta(seconds=15)
"""How long after its approval a new plan may take to reach every picture."""

log = structlog.get_logger(__name__)


@dataclass
class Tally:
    """What was looked at since the last entry of success.

    Args:
        looks: pictures judged, by path.
        unread: pictures that could not be had or judged, by path.
        tested_px: pixels that had to be grey.
    """

    looks: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    tested_px: int = 0


class SelfTest:
    """Looks at finished pictures as anybody could, and says when one shows what it must not.

    Args:
        shop: database, keys, footage, ledger, clock.
        viewer: how live pictures are had.
        rng: what is looked at is drawn anew each time, so that nothing can be tuned to it.
    """

    def __init__(self, shop: Workshop, viewer: Viewer, rng: random.Random) -> None:
        self._shop = shop
        self._viewer = viewer
        self._rng = rng
        self._exports_seen: set[str] = set()
        self.tally = Tally()

    @property
    def clock(self) -> Clock:
        """The clock it goes by."""
        return self._shop.clock

    def run_round(self) -> int:
        """Look once at every placement and at each new package; return how many problems were found."""
        with self._shop.db.read() as conn:
            found = [one.id for one in placements.list_all(conn, at=self.clock.now())]
            withheld = open_findings(conn)
        problems = 0
        for placement_id in found:
            if placement_id not in withheld:
                problems += self._attempt("recorded", placement_id, self._look_at_recording)
                problems += self._attempt("live", placement_id, self._look_at_live)
                problems += self._attempt("panorama", placement_id, self._look_at_panorama)
        return problems + self._look_at_exports()

    def note_success(self) -> None:
        """Write down what was looked at without a finding since the last time, and begin to count anew."""
        tally, self.tally = self.tally, Tally()
        words: dict[str, Value] = {
            "looks": [[path, count] for path, count in sorted(tally.looks.items())],
            "unread": [[path, count] for path, count in sorted(tally.unread.items())],
            "tested_px": tally.tested_px,
        }
        with self._shop.db.write() as conn:
            self._shop.ledger.append(conn, Entry(Act.SELFTEST_PASSED, _ACTOR, _ORIGIN, words))

    def _attempt(self, path: str, placement_id: PlacementId, look: Callable[[PlacementId], int]) -> int:
        try:
            return look(placement_id)
        except (NotFound, Unavailable) as error:
            log.info("nothing to look at", path=path, placement_id=placement_id, why=str(error))
        except VmsError:
            log.exception("a picture could not be judged", path=path, placement_id=placement_id)
        self.tally.unread[path] += 1
        return 0

    def _look_at_recording(self, placement_id: PlacementId) -> int:
        row = self._drawn(placement_id)
        if row is None:
            return 0
        with self._shop.db.read() as conn:
            try:
                prove(conn, row)
            except IntegrityLost:
                return self._report(placement_id, "recorded", Verdict(Problem.LEDGER), number=row.number)
        if row.mode is SegmentMode.COPIED:
            return self._count("recorded", self._copied(row), placement_id, number=row.number)
        if (row.blanking or {}).get("v") is None and not (row.blanking or {}).get("repaired"):
            return 0  # recorded before pictures carried a witness
        seen = paths.recorded(self._shop.reader, row, self._rng)
        if seen is None or (seen.look.witness is None and (row.blanking or {}).get("repaired")):
            self.tally.unread["recorded"] += 1
            return 0
        return self._count(
            "recorded", self._judged(placement_id, seen), placement_id, number=row.number, at=seen.captured_at
        )

    def _drawn(self, placement_id: PlacementId) -> Segment | None:
        """Return a segment to look at: mostly a recent one, now and then any."""
        now = self.clock.now()
        back = _RECENT if self._rng.random() < _RECENT_SHARE else _BACK
        with self._shop.db.read() as conn:
            found = segments.covering(conn, placement_id, Span(now - back, now), [SegmentState.SEALED])
        return self._rng.choice(found) if found else None

    def _copied(self, row: Segment) -> Verdict:
        """A segment may be a copy only under a plan by which two persons said that no dwelling is in sight."""
        with self._shop.db.read() as conn:
            plan = plans.get(conn, row.placement_id, row.plan_version)
        return Verdict(
            None if plan.no_dwelling_in_sight and plan.state is not PlanState.DRAFT else Problem.UNKNOWN_PLAN
        )

    def _look_at_live(self, placement_id: PlacementId) -> int:
        seen = paths.live(self._viewer.watch(placement_id, _LIVE_FRAMES, _LIVE_WITHIN_S), self._rng)
        with self._shop.db.read() as conn:
            current = plans.current(conn, placement_id)
        now = self.clock.now()
        changing = current is not None and current.approved_at is not None and now - current.approved_at < _GRACE
        if seen is None or (seen.look.witness is None and changing):
            self.tally.unread["live"] += 1
            return 0
        if seen.look.witness is None and current is not None and current.no_dwelling_in_sight:
            return self._count("live", Verdict(None), placement_id)
        return self._count("live", self._judged(placement_id, Seen(now, seen.look)), placement_id, at=now)

    def _look_at_panorama(self, placement_id: PlacementId) -> int:
        """One made under another plan is never shown: it waits for its worker to grey it anew."""
        with self._shop.db.read() as conn:
            stored, current = panoramas.find(conn, placement_id), plans.current(conn, placement_id)
        document = None if current is None else current.document
        if stored is None or current is None or document is None or stored.plan_version != current.version:
            return 0
        if document["kind"] != "directions":
            return 0
        phase = (self._rng.randrange(16), self._rng.randrange(16))
        verdict = judge_panorama(opened_panorama(self._shop.keys, stored), document, phase)
        found = self._count("panorama", verdict, placement_id, at=stored.made_at)
        if found:
            with self._shop.db.write() as conn:
                panoramas.drop(conn, placement_id)
        return found

    def _look_at_exports(self) -> int:
        with self._shop.db.read() as conn:
            ready = [one for one in exports.list_in(conn, {ExportState.READY}) if one.erased_at is None]
            active = {hold.id for hold in holds.list_in(conn, {HoldState.ACTIVE})}
        fresh = [one for one in ready if one.id not in self._exports_seen and one.hold_id in active]
        chosen = fresh or ([self._rng.choice(ready)] if ready else [])
        problems = 0
        for export in chosen:
            self._exports_seen.add(export.id)
            try:
                for placement_id, seen in paths.exported(self._shop, export.id, self._rng):
                    if seen.look.witness is None and self._never_masked(placement_id):
                        continue
                    problems += self._count(
                        "export", self._judged(placement_id, seen), placement_id, export_id=export.id
                    )
            except VmsError:
                log.exception("a package could not be looked into", export_id=export.id)
                self.tally.unread["export"] += 1
        return problems

    def _never_masked(self, placement_id: PlacementId) -> bool:
        """Tell whether a placement may have footage without a witness: by a plan without dwellings."""
        with self._shop.db.read() as conn:
            return any(one.no_dwelling_in_sight for one in plans.list_versions(conn, placement_id))

    def _judged(self, placement_id: PlacementId, seen: Seen) -> Verdict:
        witness = seen.look.witness
        if witness is None:
            return Verdict(Problem.NO_WITNESS)
        phase = (self._rng.randrange(16), self._rng.randrange(16))
        if witness.reason:
            return judge(seen.look, {}, phase)
        with self._shop.db.read() as conn:
            versions = plans.list_versions(conn, placement_id)
        plan = next((one for one in versions if one.version == witness.plan_version), None)
        if plan is None or plan.state is PlanState.DRAFT or not plan.sha256.startswith(witness.plan_digest.hex()):
            return Verdict(Problem.UNKNOWN_PLAN)
        if seen.captured_at is not None and _replaced_before(plan, versions, seen.captured_at - _GRACE):
            return Verdict(Problem.STALE_PLAN)
        return Verdict(None) if plan.document is None else judge(seen.look, plan.document, phase)

    def _count(self, path: str, verdict: Verdict, placement_id: PlacementId, **about: Value) -> int:
        if verdict.problem is not None:
            return self._report(placement_id, path, verdict, **about)
        self.tally.looks[path] += 1
        self.tally.tested_px += verdict.tested_px
        return 0

    def _report(self, placement_id: PlacementId, path: str, verdict: Verdict, **about: Value) -> int:
        """Write the finding down: from this entry on the placement is withheld."""
        assert verdict.problem is not None
        words: dict[str, Value] = {
            "placement_id": placement_id,
            "path": path,
            "problem": verdict.problem.value,
            "tested_px": verdict.tested_px,
            "shown_px": verdict.shown_px,
            **about,
        }
        entry = Entry(Act.SELFTEST_FAILED, _ACTOR, _ORIGIN, words, Result.FAILED, why=verdict.problem.value)
        with self._shop.db.write() as conn:
            seq = self._shop.ledger.append(conn, entry)
        log.critical("the self-test found a problem: the placement is withheld", entry=seq, **_printable(words))
        return 1


def _replaced_before(plan: PlanVersion, versions: list[PlanVersion], instant: datetime) -> bool:
    """Tell whether another version had been approved by then."""
    return any(
        other.version > plan.version and other.approved_at is not None and other.approved_at < instant
        for other in versions
    )


def _printable(words: dict[str, Value]) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in words.items()}
