"""Which blanking plan applies now: the approved one of the database, parsed once; whatever is wrong with it means grey."""

from dataclasses import dataclass

import structlog

from blanking.plan import Plan, parse_plan
from blanking.stage import BlankingStage
from vms.db import plans
from vms.db.engine import Database
from vms.db.plans import PlanVersion
from vms.errors import InvalidInput
from vms.ledger.findings import is_withheld
from vms.model import PlacementId

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
    """

    version: int | None
    plan: Plan | None
    no_dwelling_in_sight: bool
    sha256: str = ""
    model: str = ""
    withheld: bool = False

    @property
    def records(self) -> bool:
        """Whether anything may be recorded."""
        return self.version is not None


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


class PlanWatch:
    """Look for another approved version now and then. While the database is away, the last one goes on."""

    def __init__(self, db: Database, placement_id: PlacementId) -> None:
        self._db = db
        self._placement_id = placement_id
        self._seen: tuple[int | None, bool] | None = None

    def look(self) -> ActivePlan | None:
        """Return the active plan when it has changed since the last look, else None.

        Raises:
            Unavailable: the database does not answer.
        """
        with self._db.read() as conn:
            found = plans.current(conn, self._placement_id)
            withheld = is_withheld(conn, self._placement_id)
        seen = (None if found is None else found.version, withheld)
        if seen == self._seen:
            return None
        self._seen = seen
        if withheld:
            log.critical(
                "the self-test found a problem: everything is grey until somebody has looked (vms selftest --list)"
            )
            return WITHHELD
        active = active_plan(found)
        # The geometry of many masks takes a second: it is made (and kept) here, not while pictures wait.
        BlankingStage(active.plan)
        return active
