"""The closed catalogue of what can be written down.

Each act belongs to one category: the operations that the Wet politiegegevens art. 32a wants logged, plus `beheer` for
the running of the system itself. An act without a category can't be written, nor can one that does not stand here.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Self


class Category(StrEnum):
    """Kinds of processing, in the words of the law.

    The law's *combineren* is not among them: nothing here joins footage with other data. A hold names its case, and that
    is `hold.place`.
    """

    VERZAMELEN = "verzamelen"
    WIJZIGEN = "wijzigen"
    RAADPLEGEN = "raadplegen"
    VERSTREKKEN = "verstrekken"
    VERNIETIGEN = "vernietigen"
    BEHEER = "beheer"


class Act(StrEnum):
    """What was done, or refused. The value is the word in the ledger and never changes."""

    category: Category

    def __new__(cls, word: str, category: Category) -> Self:
        """Make a member that is its word and knows its category."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.category = category
        return member

    AUTH_SIGN_IN = ("auth.sign-in", Category.BEHEER)
    AUTH_REFUSED = ("auth.refused", Category.BEHEER)
    AUTH_SIGN_OUT = ("auth.sign-out", Category.BEHEER)
    AUTH_EXPIRED = ("auth.expired", Category.BEHEER)
    AUTH_LOCKED = ("auth.locked", Category.BEHEER)
    AUTH_REVOKED = ("auth.revoked", Category.BEHEER)
    POLICY_DENIED = ("policy.denied", Category.BEHEER)

    REC_START = ("rec.start", Category.VERZAMELEN)
    REC_STOP = ("rec.stop", Category.VERZAMELEN)
    REC_GAP = ("rec.gap", Category.VERZAMELEN)
    REC_LOST = ("rec.lost", Category.VERZAMELEN)
    REC_DAMAGED = ("rec.damaged", Category.VERZAMELEN)
    REC_REPAIRED = ("rec.repaired", Category.VERZAMELEN)
    BATCH_RECORDED = ("batch.recorded", Category.VERZAMELEN)
    PTZ_TAKE = ("ptz.take", Category.VERZAMELEN)
    PTZ_MOVE = ("ptz.move", Category.VERZAMELEN)
    PTZ_STOP = ("ptz.stop", Category.VERZAMELEN)
    PANORAMA_SCAN = ("panorama.scan", Category.VERZAMELEN)
    PANORAMA_SCAN_END = ("panorama.scan-end", Category.VERZAMELEN)
    PTZ_PRESET = ("ptz.preset", Category.VERZAMELEN)
    EDGE_FOUND = ("edge.found", Category.VERZAMELEN)
    EDGE_CHECKED = ("edge.checked", Category.VERZAMELEN)

    LIVE_OPEN = ("live.open", Category.RAADPLEGEN)
    LIVE_CLOSE = ("live.close", Category.RAADPLEGEN)
    PLAYBACK_OPEN = ("playback.open", Category.RAADPLEGEN)
    PLAYBACK_CLOSE = ("playback.close", Category.RAADPLEGEN)
    COMMISSIONING_REQUEST = ("commissioning.request", Category.RAADPLEGEN)
    COMMISSIONING_APPROVE = ("commissioning.approve", Category.RAADPLEGEN)
    COMMISSIONING_REFUSE = ("commissioning.refuse", Category.RAADPLEGEN)
    COMMISSIONING_OPEN = ("commissioning.open", Category.RAADPLEGEN)
    COMMISSIONING_SERVE = ("commissioning.serve", Category.RAADPLEGEN)
    COMMISSIONING_SEEN = ("commissioning.seen", Category.RAADPLEGEN)
    COMMISSIONING_SERVED = ("commissioning.served", Category.RAADPLEGEN)
    COMMISSIONING_CLOSE = ("commissioning.close", Category.RAADPLEGEN)
    PANORAMA_VIEW = ("panorama.view", Category.RAADPLEGEN)
    COMMISSIONING_END = ("commissioning.end", Category.RAADPLEGEN)
    AUDIT_READ = ("audit.read", Category.RAADPLEGEN)
    AUDIT_BUNDLE = ("audit.bundle", Category.RAADPLEGEN)

    EXPORT_REQUEST = ("export.request", Category.VERSTREKKEN)
    EXPORT_APPROVE = ("export.approve", Category.VERSTREKKEN)
    EXPORT_REFUSE = ("export.refuse", Category.VERSTREKKEN)
    EXPORT_BUILD = ("export.build", Category.VERSTREKKEN)
    EXPORT_READY = ("export.ready", Category.VERSTREKKEN)
    EXPORT_FAILED = ("export.failed", Category.VERSTREKKEN)
    EXPORT_DOWNLOAD = ("export.download", Category.VERSTREKKEN)
    EXPORT_ERASED = ("export.erased", Category.VERNIETIGEN)

    HOLD_PLACE = ("hold.place", Category.VERNIETIGEN)
    HOLD_CATCH = ("hold.catch", Category.VERNIETIGEN)
    HOLD_LATE = ("hold.late", Category.VERNIETIGEN)
    HOLD_RELEASE = ("hold.release", Category.VERNIETIGEN)
    RELEASE_REQUEST = ("release.request", Category.VERNIETIGEN)
    RELEASE_APPROVE = ("release.approve", Category.VERNIETIGEN)
    RELEASE_REFUSE = ("release.refuse", Category.VERNIETIGEN)
    RELEASE_TAKE_BACK = ("release.take-back", Category.VERNIETIGEN)
    RELEASE_EXPIRE = ("release.expire", Category.VERNIETIGEN)
    HOLD_EXPIRE = ("hold.expire", Category.VERNIETIGEN)
    DESTROY_INTENT = ("destroy.intent", Category.VERNIETIGEN)
    DESTROY_DONE = ("destroy.done", Category.VERNIETIGEN)
    EARLY_REQUEST = ("early.request", Category.VERNIETIGEN)
    EARLY_APPROVE = ("early.approve", Category.VERNIETIGEN)
    EARLY_REFUSE = ("early.refuse", Category.VERNIETIGEN)
    EARLY_EXPIRE = ("early.expire", Category.VERNIETIGEN)
    EARLY_DONE = ("early.done", Category.VERNIETIGEN)
    TERM_SHORTEN = ("term.shorten", Category.VERNIETIGEN)
    TERM_RESTORE = ("term.restore", Category.VERNIETIGEN)
    KEY_INTENT = ("key.intent", Category.VERNIETIGEN)
    KEY_DESTROYED = ("key.destroyed", Category.VERNIETIGEN)
    ORPHAN_ERASED = ("orphan.erased", Category.VERNIETIGEN)
    SWEEP_STOPPED = ("sweep.stopped", Category.VERNIETIGEN)
    PANORAMA_ERASED = ("panorama.erased", Category.VERNIETIGEN)
    LANDMARKS_ERASED = ("landmarks.erased", Category.VERNIETIGEN)
    RETENTION_BREACH = ("retention.breach", Category.VERNIETIGEN)
    RETENTION_PROVED = ("retention.proved", Category.VERNIETIGEN)

    PLAN_DRAFT = ("plan.draft", Category.WIJZIGEN)
    PLAN_APPROVE = ("plan.approve", Category.WIJZIGEN)
    PLAN_REFUSE = ("plan.refuse", Category.WIJZIGEN)
    PLAN_WITHDRAW = ("plan.withdraw", Category.WIJZIGEN)
    PROPOSAL_REJECT = ("proposal.reject", Category.WIJZIGEN)
    CALIBRATION_START = ("calibration.start", Category.WIJZIGEN)
    CALIBRATION_CANCEL = ("calibration.cancel", Category.WIJZIGEN)
    CALIBRATION_DONE = ("calibration.done", Category.WIJZIGEN)
    CALIBRATION_FAILED = ("calibration.failed", Category.WIJZIGEN)
    CALIBRATION_CHECK = ("calibration.check", Category.WIJZIGEN)
    CALIBRATION_DRIFT = ("calibration.drift", Category.WIJZIGEN)
    VIEW_FIRST = ("view.first", Category.WIJZIGEN)
    VIEW_MOVED = ("view.moved", Category.WIJZIGEN)
    VIEW_REQUEST = ("view.request", Category.WIJZIGEN)
    VIEW_APPROVE = ("view.approve", Category.WIJZIGEN)
    VIEW_REFUSE = ("view.refuse", Category.WIJZIGEN)
    AREA_ADD = ("area.add", Category.WIJZIGEN)
    DESIGNATION_ADD = ("designation.add", Category.WIJZIGEN)
    DESIGNATION_CHANGE = ("designation.change", Category.WIJZIGEN)
    CAMERA_ADD = ("camera.add", Category.WIJZIGEN)
    CAMERA_CHANGE = ("camera.change", Category.WIJZIGEN)
    CAMERA_REMOVE = ("camera.remove", Category.WIJZIGEN)
    PLACEMENT_ADD = ("placement.add", Category.WIJZIGEN)
    PLACEMENT_CHANGE = ("placement.change", Category.WIJZIGEN)
    PLACEMENT_END = ("placement.end", Category.WIJZIGEN)
    EDGE_SWITCH_OFF = ("edge.switch-off", Category.WIJZIGEN)
    CLOCK_DOUBT = ("clock.doubt", Category.WIJZIGEN)
    CLOCK_REQUEST = ("clock.request", Category.WIJZIGEN)
    CLOCK_APPROVE = ("clock.approve", Category.WIJZIGEN)
    CLOCK_REFUSE = ("clock.refuse", Category.WIJZIGEN)
    CLOCK_EXPIRE = ("clock.expire", Category.WIJZIGEN)
    CLOCK_CONFIRM = ("clock.confirm", Category.WIJZIGEN)
    CONFIG_START = ("config.start", Category.WIJZIGEN)
    CONFIG_CHANGE = ("config.change", Category.WIJZIGEN)

    USER_ADD = ("user.add", Category.BEHEER)
    USER_CHANGE = ("user.change", Category.BEHEER)
    USER_DISABLE = ("user.disable", Category.BEHEER)
    ROLE_GRANT = ("role.grant", Category.BEHEER)
    ROLE_REVOKE = ("role.revoke", Category.BEHEER)
    SYSTEM_START = ("system.start", Category.BEHEER)
    SYSTEM_STOP = ("system.stop", Category.BEHEER)
    REVIEW_DRAW = ("review.draw", Category.BEHEER)
    REVIEW_MARK = ("review.mark", Category.BEHEER)
    REVIEW_SIGN = ("review.sign", Category.BEHEER)
    PROOF_SIGN = ("proof.sign", Category.BEHEER)
    INTEGRITY_CHECKED = ("integrity.checked", Category.BEHEER)
    INTEGRITY_LOST = ("integrity.lost", Category.BEHEER)
    ANCHOR_STAMPED = ("anchor.stamped", Category.BEHEER)
    ANCHOR_MAILED = ("anchor.mailed", Category.BEHEER)
    SELFTEST_PASSED = ("selftest.passed", Category.BEHEER)
    SELFTEST_FAILED = ("selftest.failed", Category.BEHEER)
    SELFTEST_CLEARED = ("selftest.cleared", Category.BEHEER)


BY_WORD: Mapping[str, Act] = MappingProxyType({act.value: act for act in Act})
"""The acts by their words."""

OPENS_FOOTAGE = frozenset(
    {
        Act.LIVE_OPEN,
        Act.PLAYBACK_OPEN,
        Act.COMMISSIONING_REQUEST,
        Act.COMMISSIONING_OPEN,
        Act.PANORAMA_VIEW,
        Act.EXPORT_REQUEST,
    }
)
"""Acts of persons that must say for what (Wpg art. 32a: the reasons)."""

HANDS_OVER = frozenset({Act.EXPORT_REQUEST, Act.EXPORT_APPROVE, Act.EXPORT_DOWNLOAD})
"""Acts that must say to whom (Wpg art. 32a: the recipients)."""
