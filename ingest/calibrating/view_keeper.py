"""The watch over a fixed camera in its worker: pictures come from the pictures' thread, what must be stored goes by the main one.

A camera found beyond its plan's margin is grey from that picture on; the row that makes it stay so, whatever restarts, follows within
seconds. Landmarks are taken when the plan was approved and whenever the light is another one; they never outlive footage.
"""

import struct
import threading
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from blanking.decision import GreyReason
from blanking.fixed_view.reduced_view import hidden_part, landmarks_of, reduced_view
from blanking.fixed_view.watch import FixedViewWatch, Reference, ViewState, WatchLimits
from blanking.frames import RawFrame
from blanking.plan_values import SHIFT_MARGIN_REL, ImagePlan
from ingest.calibrating.view_landmarks import KeptView, open_views, seal_views
from ingest.parts import IngestParts
from ingest.plan_watch import ActivePlan
from vms.clock import Clock
from vms.db import fixed_views, hour_keys, rechecks
from vms.db.engine import Database
from vms.db.fixed_views import ViewStanding
from vms.errors import Conflict, Unavailable, VmsError
from vms.footage.keys import KeyService
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Value
from vms.ledger.log import Ledger
from vms.model import RETENTION_CEILING, CheckOutcome, PlacementId, hour_of

_MICRO: Final = 1_000_000
_OLD_SHARE: Final = 0.5
"""A reference that is this old, as a share of how long footage is kept, gets a successor."""
_DROPPED_SHARE: Final = 0.75

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ViewParts:
    """What a keeper works with.

    Args:
        clock: gives landmarks their instants and their term, as it does footage.
        keep_for: how long footage may be kept here.
        unrecognised_after_s, grey_unrecognised: of the settings.
    """

    placement_id: PlacementId
    db: Database
    ledger: Ledger
    keys: KeyService
    clock: Clock
    keep_for: timedelta
    unrecognised_after_s: float
    grey_unrecognised: bool


def view_keeper(parts: IngestParts, placement_id: PlacementId, clock: Clock) -> "ViewKeeper":
    """Return the keeper of one placement.

    Args:
        clock: gives landmarks their instants, as it does footage.
    """
    settings = parts.settings
    limits = (settings.view_unrecognised_after_s, settings.view_unrecognised_grey)
    return ViewKeeper(ViewParts(placement_id, parts.db, parts.ledger, parts.keys, clock, settings.keep_for, *limits))


class ViewKeeper:
    """Watch one fixed camera."""

    def __init__(self, parts: ViewParts) -> None:
        self._parts = parts
        self._keep_for = min(parts.keep_for, RETENTION_CEILING)
        self._lock = threading.Lock()
        self._active: ActivePlan | None = None
        self._standing: ViewStanding | None = None
        self._watch: FixedViewWatch | None = None
        self._kept: list[KeptView] | None = None
        self._taken_at: dict[str, datetime] = {}
        self._has_row = self._is_row_old = False
        self._is_moved_stored = False
        self._unstored: list[KeptView] = []
        self._told: ViewState | None = None

    @property
    def grey(self) -> GreyReason | None:
        """Why everything must be grey now."""
        watch, active = self._watch, self._active
        if active is not None and active.moved:
            return GreyReason.CAMERA_MOVED
        return None if watch is None else watch.grey

    @property
    def widened_rel(self) -> float:
        """By how much masks must be wider."""
        watch = self._watch
        return 0.0 if watch is None else watch.widen_rel

    def is_due(self) -> bool:
        """Tell whether the next picture is wanted."""
        watch = self._watch
        return self._kept is not None and (watch is None or watch.is_due(self._parts.clock.monotonic_s()))

    def offer(self, frame: RawFrame) -> None:
        """Look at a whole picture if it is time; from the pictures' thread."""
        if not frame.planes[0].size or not self.is_due():
            return
        with self._lock:
            if self._watch is None:
                self._watch = self._begun(frame)
            if self._watch is None:
                return
            self._watch.see(frame.planes[0], self._parts.clock.monotonic_s())
            taken = self._watch.take()
            if taken is not None and taken.token is not None:
                now = self._parts.clock.now()
                self._taken_at[taken.token] = now
                luma = taken.marks.view.luma
                self._unstored.append(KeptView(taken.token, now, luma, taken.moved, taken.generation))

    def replan(self, active: ActivePlan) -> None:
        """Another plan counts, or two persons have looked: what was known of the view is known no more."""
        with self._lock:
            self._active, self._watch, self._kept, self._standing = active, None, None, None
            self._taken_at, self._unstored, self._is_moved_stored = {}, [], active.moved
            self._is_row_old = False
        self.look()

    def look(self) -> None:
        """Load and store what is to be; from the main thread, every few seconds. While the database is away nothing is lost.

        Raises:
            Unavailable: the database does not answer.
        """
        active = self._active
        if active is None or active.version is None or active.withheld:
            return
        if self._kept is None:
            self._load(active.version)
            return
        self._tell()
        with self._lock:
            moved = self._watch is not None and self._watch.moved
        if moved and not self._is_moved_stored:
            self._store_moved(active.version)
        elif not moved:
            self._store_landmarks(active.version)

    def status(self) -> dict[str, Any] | None:
        """Return how the view stands, for the worker's status; None while nothing is watched."""
        active = self._active
        with self._lock:
            report = None if self._watch is None else self._watch.report()
        if active is None or active.version is None:
            return None
        state = ViewState.STARTING if report is None else report.state
        return {
            "state": (ViewState.MOVED if active.moved else state).value,
            "shift_rel": None if report is None or report.shift_rel is None else round(report.shift_rel, 4),
            "widened_rel": 0.0 if report is None else round(report.widen_rel, 4),
            "unrecognised_s": 0 if report is None else round(report.unseen_s),
        }

    def _begun(self, frame: RawFrame) -> FixedViewWatch | None:
        active, kept = self._active, self._kept
        if active is None or kept is None or self._standing is None:
            return None
        plan = active.stated or active.plan
        if not isinstance(plan, ImagePlan):
            if not (active.no_dwelling_in_sight or active.moved):
                return None
            plan = ImagePlan(frame.width_px, frame.height_px, ())
        margin_rel = plan.shift_margin_rel if plan.masks else SHIFT_MARGIN_REL
        hidden = hidden_part(plan, margin_rel)
        references = [
            Reference(landmarks_of(reduced_view(one.luma, hidden), hidden), one.moved, one.generation, one.token)
            for one in kept
            if one.luma.shape == hidden.grey.shape
        ]
        limits = WatchLimits(margin_rel, self._parts.unrecognised_after_s, self._parts.grey_unrecognised)
        is_new = not self._standing.has_landmarks and not kept
        return FixedViewWatch(hidden, limits, references, is_new=is_new, at_s=self._parts.clock.monotonic_s())

    def _load(self, version: int) -> None:
        parts = self._parts
        with parts.db.read() as conn:
            standing = fixed_views.standing(conn, parts.placement_id, version)
            stored = rechecks.LANDMARKS.find(conn, parts.placement_id)
        kept: list[KeptView] = []
        if stored is not None and stored.model == standing.key(version) and stored.due_at > parts.clock.now():
            try:
                kept = open_views(parts.keys, stored)
            except Unavailable as error:
                log.warning("the landmarks can't be opened yet; tried again", cause=str(error))
                return
            except (VmsError, ValueError, KeyError, struct.error, zlib.error) as error:
                log.exception("the landmarks can't be used: two persons must look", cause=str(error))
        with self._lock:
            self._standing, self._has_row = standing, bool(kept)
            self._taken_at = {one.token: one.taken_at for one in kept}
            self._kept = kept

    def _store_moved(self, version: int) -> None:
        parts, status = self._parts, self.status() or {}
        shift_rel = float(status.get("shift_rel") or 0.0)
        document = {"grey": True, "shift_rel": shift_rel}
        words: dict[str, Value] = {
            "placement_id": parts.placement_id,
            "plan_version": version,
            "shift_ppm": round(shift_rel * _MICRO),
        }
        with parts.db.write() as conn:
            fixed_views.add_finding(
                conn,
                parts.placement_id,
                version,
                outcome=CheckOutcome.DRIFTED,
                document=document,
                at=parts.clock.now(),
            )
            parts.ledger.append(conn, _entry(Act.VIEW_MOVED, words))
        self._is_moved_stored = True
        log.critical("the camera was moved: everything is grey until two persons have looked", shift_rel=shift_rel)

    def _store_landmarks(self, version: int) -> None:
        parts, now = self._parts, self._parts.clock.now()
        with self._lock:
            watch, standing, fresh = self._watch, self._standing, list(self._unstored)
        if watch is None or standing is None:
            return
        with parts.db.read() as conn:
            stored = rechecks.LANDMARKS.find(conn, parts.placement_id)
        key = standing.key(version)
        if self._has_row and (stored is None or stored.model != key):
            self._forget()
            return
        self._renew(watch, now)
        kept = self._kept or []
        names = {one.token for one in watch.references}
        held = [one for one in (*kept, *fresh) if one.token in names]
        # The row dies with its oldest view: that one goes in time, unless there is no other.
        young = [one for one in held if now - one.taken_at < self._keep_for * _DROPPED_SHARE]
        wanted = young or held
        if not fresh and len(wanted) == len(kept) and not self._is_row_old:
            return
        try:
            self._store(standing, version, wanted, fresh, now)
        except Conflict as error:
            log.warning("landmarks of an hour that is being erased are dropped", cause=str(error))
            self._drop_hour(watch, hour_of(min(one.taken_at for one in wanted)))
            return
        with self._lock:
            self._kept, self._has_row, self._is_row_old = wanted, bool(wanted), False
            self._unstored = [one for one in self._unstored if one not in fresh]
            self._standing = ViewStanding(standing.moved, standing.confirmed_at, has_landmarks=True)
            watch.keep_only({one.token for one in wanted} | {one.token for one in self._unstored})

    def _store(
        self, standing: ViewStanding, version: int, wanted: list[KeptView], fresh: list[KeptView], now: datetime
    ) -> None:
        """Write the row.

        Raises:
            Conflict: the key of the oldest view's hour is being destroyed.
        """
        parts, key = self._parts, standing.key(version)
        with parts.db.write() as conn:
            if wanted:
                hour_keys.require_live(conn, hour_of(min(one.taken_at for one in wanted)))
                rechecks.LANDMARKS.store(conn, seal_views(parts.keys, parts.placement_id, key, wanted, self._keep_for))
            else:
                rechecks.LANDMARKS.drop(conn, parts.placement_id)
            if not standing.has_landmarks and fresh:
                document = {"grey": False, "shift_rel": 0.0}
                fixed_views.add_finding(
                    conn, parts.placement_id, version, outcome=CheckOutcome.FIRST, document=document, at=now
                )
                words: dict[str, Value] = {"placement_id": parts.placement_id, "plan_version": version}
                parts.ledger.append(conn, _entry(Act.VIEW_FIRST, words))

    def _drop_hour(self, watch: FixedViewWatch, hour_at: datetime) -> None:
        """Drop the views of an hour whose key is going; the others are stored with the next look."""
        with self._lock:
            self._kept = [one for one in self._kept or [] if hour_of(one.taken_at) != hour_at]
            self._unstored = [one for one in self._unstored if hour_of(one.taken_at) != hour_at]
            left = {one.token for one in (*self._kept, *self._unstored)}
            watch.keep_only(left)
            self._is_row_old = True
        if not left:
            self._forget()

    def _renew(self, watch: FixedViewWatch, now: datetime) -> None:
        """Let the reference that serves now have a successor before it is too old."""
        with self._lock:
            token = watch.recognised_by
            taken_at = None if token is None else self._taken_at.get(token)
            if taken_at is not None and now - taken_at > self._keep_for * _OLD_SHARE:
                watch.refresh()

    def _forget(self) -> None:
        """The row was erased with what it was made of: what is in memory goes too."""
        with self._lock:
            self._kept, self._has_row, self._unstored = [], False, []
            if self._watch is not None:
                self._watch.forget_references(self._parts.clock.monotonic_s())

    def _tell(self) -> None:
        status = self.status()
        state = None if status is None else ViewState(status["state"])
        if state is not self._told:
            level = log.error if state in {ViewState.MOVED, ViewState.NOT_RECOGNISED} else log.info
            level("how the fixed camera's view stands", placement_id=self._parts.placement_id, **(status or {}))
            self._told = state


def _entry(act: Act, about: dict[str, Value]) -> Entry:
    return Entry(act=act, actor=Actor.service("ingest"), origin=Origin("vms-ingest"), object=about)
