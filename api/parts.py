"""What the API is made of. The composition root (vms.cli) builds it; nothing here reaches for anything by itself."""

from dataclasses import dataclass, field

from api.passwords import Passwords
from config import Settings
from config.policy import Policy
from vms.bus.protocol import Bus
from vms.clock import Clock
from vms.db.engine import Database
from vms.footage.keys import KeyService
from vms.footage.playback import FootageReader
from vms.footage.store import FootageStore
from vms.ledger.log import Ledger
from vms.ledger.notes import Signer
from vms.plan_review import PlanReview


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the API looks after things.

    Args:
        session_check_s: how soon a live picture stops after its session has ended; design section 9 allows 5 s.
        heartbeat_s: between two signs of life of a view.
        stale_view_s: a view without a sign of life for this long belongs to a process that died.
        playback_idle_s: a playback that nobody reads from for this long is closed.
        export_poll_s: how often the builder looks for approved exports, if nobody wakes it.
        ptz_lock_s: how long after the last command a camera is still somebody's.
        ptz_span_s: silence after which a movement counts as ended.
        commissioning_seen_s: between two entries of a commissioning view; never more than ten seconds.
    """

    session_check_s: float = 2.0
    heartbeat_s: float = 60.0
    stale_view_s: float = 180.0
    playback_idle_s: float = 600.0
    export_poll_s: float = 5.0
    ptz_lock_s: float = 10.0
    ptz_span_s: float = 2.0
    commissioning_seen_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ApiParts:
    """Everything that the application is given.

    Args:
        signer: signs the ledger's checkpoint in an export.
        reader: plain footage for playback and export.
        plan_review: the geometry of blanking plans, which the API may not know itself.
    """

    settings: Settings
    db: Database
    ledger: Ledger
    signer: Signer
    keys: KeyService
    store: FootageStore
    reader: FootageReader
    bus: Bus
    clock: Clock
    policy: Policy
    plan_review: PlanReview
    passwords: Passwords = field(default_factory=Passwords)
    pace: Pace = field(default_factory=Pace)
