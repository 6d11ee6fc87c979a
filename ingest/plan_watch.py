"""Which blanking plan applies now: the approved one of the database, parsed once; whatever is wrong with it means grey."""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from blanking.plan import DirectionPlan, Plan, parse_plan
from blanking.stage import BlankingStage
from vms.db import fixed_views, plans, rechecks
from vms.db.engine import Database
from vms.db.fixed_views import ViewStanding
from vms.db.plans import PlanVersion
from vms.db.rechecks import Check
from vms.errors import InvalidInput
from vms.ledger.findings import is_withheld, newest_word
from vms.model import CheckOutcome, PlacementId

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ActivePlan:
    """What to blank by.

    Args:
        version: of the approved plan; None: there is none, so that nothing is recorded.
        plan: None: everything is grey, unless `no_dwelling_in_sight`.
        no_dwelling_in_sight: two persons approved that this placement never sees a dwelling.
        sha256: of the approved plan's document.
        model: digest of its camera model; empty for a camera that does not turn.
        withheld: the self-test found a picture that shows what it must not: nothing is shown or recorded until a person has looked.
        stated: the plan as it was approved, where a re-check made `plan` wider or took it away.
        moved: the fixed camera was found moved beyond this plan's margin, and no two persons have looked since: everything is grey.
        confirmed_at: when two persons said last that this plan fits what the fixed camera shows.
        drifted: a re-check found the camera so far off the plan's model that no margin helps: everything is grey.
    """

    version: int | None
    plan: Plan | None
    no_dwelling_in_sight: bool
    sha256: str = ""
    model: str = ""
    withheld: bool = False
    stated: Plan | None = None
    drifted: bool = False
    moved: bool = False
    confirmed_at: datetime | None = None

    @property
    def records(self) -> bool:
        """Whether anything may be recorded."""
        return self.version is not None

    @property
    def fit(self) -> str | None:
        """What the newest re-check means: `stated`, `wider` or `grey`; None for a camera that is not checked."""
        if self.stated is None or self.moved:
            return None
        if self.drifted:
            return "grey"
        return "stated" if self.plan == self.stated else "wider"


NO_PLAN = ActivePlan(None, None, no_dwelling_in_sight=False)
WITHHELD = ActivePlan(None, None, no_dwelling_in_sight=False, withheld=True)


def active_plan(found: PlanVersion | None) -> ActivePlan:
    """Return what an approved version means; one that can't be read greys everything."""
    if found is None:
        return NO_PLAN
    if found.no_dwelling_in_sight:
        return ActivePlan(found.version, None, no_dwelling_in_sight=True, sha256=found.sha256)
    try:
        plan = parse_plan(found.document)
    except InvalidInput:
        log.exception("the approved plan can't be read: everything is grey", version=found.version)
        return ActivePlan(found.version, None, no_dwelling_in_sight=False, sha256=found.sha256)
    model = (found.document or {}).get("camera_model")
    digest = "" if model is None else f"sha256:{plans.digest(model)}"
    return ActivePlan(found.version, plan, no_dwelling_in_sight=False, sha256=found.sha256, model=digest)


def held_against(active: ActivePlan, check: Check | None) -> ActivePlan:
    """Return the plan as the newest re-check of its camera model lets it count: as stated, wider, or not at all."""
    plan = active.plan
    if not isinstance(plan, DirectionPlan):
        return active
    if check is None or check.outcome is not CheckOutcome.DRIFTED:
        return replace(active, stated=plan)
    if check.document["grey"]:
        log.critical("the camera is too far off its plan's model: everything is grey until it is calibrated again")
        return replace(active, plan=None, stated=plan, drifted=True)
    log.error("the camera is off its plan's model: masks are wider until it is calibrated again", **check.document)
    accuracy = replace(
        plan.accuracy,
        pan_tilt_deg=plan.accuracy.pan_tilt_deg + float(check.document["widen_deg"]),
        zoom_rel=plan.accuracy.zoom_rel + float(check.document["widen_rel"]),
    )
    return replace(active, plan=replace(plan, accuracy=accuracy), stated=plan)


def seen_from(active: ActivePlan, view: ViewStanding) -> ActivePlan:
    """Return the plan of a camera that does not turn as what was found of its view lets it count."""
    if not view.moved:
        return replace(active, confirmed_at=view.confirmed_at)
    log.critical("the fixed camera was moved: everything is grey until two persons have looked")
    return replace(
        active, plan=None, stated=active.plan, no_dwelling_in_sight=False, moved=True, confirmed_at=view.confirmed_at
    )


class PlanWatch:
    """Look for another approved version now and then. While the database is away, the last one goes on."""

    def __init__(self, db: Database, placement_id: PlacementId) -> None:
        self._db = db
        self._placement_id = placement_id
        self._seen: tuple[object, ...] | None = None
        self._approved: tuple[int | None, ActivePlan] | None = None
        self._withheld: tuple[int | None, bool] | None = None

    def look(self) -> ActivePlan | None:
        """Return the active plan when it has changed since the last look, else None.

        Raises:
            Unavailable: the database does not answer.
        """
        with self._db.read() as conn:
            version = plans.current_version(conn, self._placement_id)
            if self._approved is None or self._approved[0] != version:
                # Read and parsed once a version: a version never changes.
                self._approved = (version, active_plan(plans.current(conn, self._placement_id)))
            active = self._approved[1]
            newest = newest_word(conn)
            if self._withheld is None or self._withheld[0] != newest:
                self._withheld = (newest, is_withheld(conn, self._placement_id))
            withheld = self._withheld[1]
            check = rechecks.last_found(conn, self._placement_id, active.model) if active.model else None
            view = None
            if active.version is not None and not active.model:
                view = fixed_views.standing(conn, self._placement_id, active.version)
        effect = None if check is None else (check.outcome.value, plans.digest(check.document))
        seen = (active.version, withheld, effect, None if view is None else (view.moved, view.confirmed_at))
        if seen == self._seen:
            return None
        self._seen = seen
        if withheld:
            log.critical(
                "the self-test found a problem: everything is grey until somebody has looked (vms selftest --list)"
            )
            return WITHHELD
        active = held_against(active, check) if view is None else seen_from(active, view)
        # The geometry of many masks takes a second: it is made (and kept) here, not while pictures wait.
        BlankingStage(active.plan)
        return active
