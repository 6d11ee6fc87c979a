"""What ingest and retention last said of themselves: the heartbeat by which everybody else knows that they live."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, select

from vms.db import plans, proofs, review_duty
from vms.db.designations import DESIGNATION_ENDED, DESIGNATION_ENDING
from vms.db.proofs import ProofResult
from vms.db.tables import service_report
from vms.db.upsert import put

NEVER_REPORTED: Final = "never-reported"
SILENT: Final = "silent"
OFF_PLAN: Final = "off-plan"
"""A re-check found a camera off its blanking plan: its masks are wider, or it is grey (docs/calibration.md)."""
CAMERA_MOVED: Final = "camera-moved"
"""A fixed camera was found moved under its plan: it is grey until two persons have looked (docs/calibration.md)."""
CAMERA_NOT_RECOGNISED: Final = "camera-not-recognised"
"""A fixed camera's view has not been recognised for a while: fog, dark, covered, or another scene."""
EDGE_RECORDING: Final = "edge-recording"
"""A camera keeps pictures itself, unblanked, that nobody erases on time (docs/cameras.md)."""
WITNESS_AWAY: Final = "witness-away"
"""The witness has not signed for two hours: away, or it refuses."""
LEDGER_CONTRADICTED: Final = "ledger-contradicted"
"""The witness, the checkpoint outside or the whole check of all entries says: the ledger was changed, or an older copy was restored."""
LEDGER_UNCHECKED: Final = "ledger-unchecked"
"""Not every entry of the ledger was checked within two days: no checkpoint is signed."""
CHECKPOINT_MISSING: Final = "checkpoint-missing"
"""The checkpoint that is kept outside the database is gone although the database has some: somebody may have taken it away."""
STAMP_MISSING: Final = "stamp-missing"
"""The time-stamping authority has stamped no checkpoint for two days: away, or it refuses."""
STAMP_REFUSED: Final = "stamp-refused"
"""The newest time stamp is not what was asked for: another signature, another checkpoint, another clock."""
MAIL_MISSING: Final = "mail-missing"
"""No checkpoint could be mailed for two days, or to some of those who should have it."""
ANCHORS: Final = frozenset({STAMP_MISSING, STAMP_REFUSED, MAIL_MISSING})
PROOF_FINDINGS: Final = "proof-findings"
"""The newest monthly proof of erasing is not in order (retention/proof.py); a good one takes it back."""
SIGN_IN_REVIEW_DUE: Final = "sign-in-review-due"
"""The sign-ins of a month were not reviewed and signed by the end of the 15th of the month after it (docs/audit.md)."""
PROOF_UNSIGNED: Final = "proof-unsigned"
"""The police director has not signed a monthly proof of erasing by the end of the 15th of the next month (docs/audit.md)."""
NO_DWELLING_DUE: Final = "no-dwelling-due"
"""Two persons must look again whether a fixed camera without masks has no dwelling in sight (docs/plans.md)."""
STORAGE_FULL: Final = "storage-full"
"""The footage volume has no room: nothing is recorded."""
STORAGE_LOW: Final = "storage-low"
"""The footage volume will be full within a day."""
STORAGE: Final = frozenset({STORAGE_FULL, STORAGE_LOW})
ON_PAPER: Final = (
    ANCHORS
    | STORAGE
    | {
        NO_DWELLING_DUE,
        DESIGNATION_ENDING,
        DESIGNATION_ENDED,
        OFF_PLAN,
        CAMERA_MOVED,
        CAMERA_NOT_RECOGNISED,
        EDGE_RECORDING,
        WITNESS_AWAY,
        LEDGER_CONTRADICTED,
        CHECKPOINT_MISSING,
        PROOF_FINDINGS,
        SIGN_IN_REVIEW_DUE,
        PROOF_UNSIGNED,
    }
)
"""Problems that a person solves at a desk: starting the process anew would only add a gap."""


class Service(StrEnum):
    """The processes that nobody can ask directly."""

    INGEST = "ingest"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Report:
    """What a service says.

    Args:
        silent_at: from when on having said nothing new means that it is away.
        problems: codes of what is not in order; empty: all is well.
        words: figures, instants as text; never about a person, never a picture.
    """

    service: Service
    reported_at: datetime
    silent_at: datetime
    problems: tuple[str, ...]
    words: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """How a service is, as seen from outside at an instant."""

    service: Service
    problems: tuple[str, ...]
    reported_at: datetime | None = None
    words: Mapping[str, Any] = field(default_factory=dict)

    @property
    def in_order(self) -> bool:
        """Whether nobody has to look."""
        return not self.problems

    @property
    def works(self) -> bool:
        """Whether the process itself is in order, whatever has to be done on paper."""
        return (ON_PAPER | self.of_cameras).issuperset(self.problems)

    @property
    def of_cameras(self) -> frozenset[str]:
        """The problems that single cameras have: starting the process anew would take the others' pictures too."""
        return frozenset(self.words.get("cameras") or ())

    @property
    def alarms(self) -> tuple[str, ...]:
        """The problems by which footage is missing now, or will be soon."""
        return tuple(one for one in self.problems if one in STORAGE or one in self.of_cameras or one == "worker-down")


def store(conn: Connection, report: Report) -> None:
    """Replace what the service said before."""
    values = {
        "reported_at": report.reported_at,
        "silent_at": report.silent_at,
        "problems": list(report.problems),
        "words": dict(report.words),
    }
    put(conn, service_report, {"service": report.service.value}, values)


def conditions(conn: Connection, now: datetime) -> tuple[Condition, ...]:
    """Return how each service is: what it says, and whether it still says anything."""
    said = {
        Service(row.service): Report(
            Service(row.service), row.reported_at, row.silent_at, tuple(row.problems), dict(row.words)
        )
        for row in conn.execute(select(service_report))
    }
    found = {service: condition_of(service, said.get(service), now) for service in Service}
    proof = proofs.newest(conn)
    if proof is not None and proof.result is ProofResult.FINDINGS:
        erasing = found[Service.RETENTION]
        found[Service.RETENTION] = replace(erasing, problems=(*erasing.problems, PROOF_FINDINGS))
    since_at = review_duty.since(conn)
    if since_at is not None and since_at > now:
        erasing = found[Service.RETENTION]
        words = {**erasing.words, "sign_in_duty_ahead": since_at.isoformat()}
        found[Service.RETENTION] = replace(erasing, words=words)
    if late := [one.month for one in review_duty.owed_months(conn, now) if one.due_at <= now]:
        erasing = found[Service.RETENTION]
        found[Service.RETENTION] = replace(
            erasing,
            problems=(*erasing.problems, SIGN_IN_REVIEW_DUE),
            words={**erasing.words, "sign_in_reviews": late},
        )
    if unsigned := proofs.overdue(conn, now):
        erasing = found[Service.RETENTION]
        found[Service.RETENTION] = replace(
            erasing,
            problems=(*erasing.problems, PROOF_UNSIGNED),
            words={**erasing.words, "unsigned": {month: at.isoformat() for month, at in unsigned.items()}},
        )
    if due := plans.due_to_look_again(conn, now):
        recording = found[Service.INGEST]
        look_again = {one.placement_id: one.look_again_at.isoformat() for one in due if one.look_again_at is not None}
        found[Service.INGEST] = replace(
            recording,
            problems=(*recording.problems, NO_DWELLING_DUE),
            words={**recording.words, "look_again": look_again},
        )
    return tuple(found.values())


def condition_of(service: Service, report: Report | None, now: datetime) -> Condition:
    """Judge a report at an instant. One that lies in the future (a clock was set back) is no sign of life either."""
    if report is None:
        return Condition(service, (NEVER_REPORTED,))
    lifetime = report.silent_at - report.reported_at
    away = not report.reported_at - lifetime <= now < report.silent_at
    return Condition(service, ((SILENT,) if away else ()) + report.problems, report.reported_at, report.words)
