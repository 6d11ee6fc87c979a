"""All tables, in SQLAlchemy Core. The schema is made by the migrations in vms/db/migrations; a test compares the two."""

from vms.db.tables.calibrating import calibration, calibration_check, landmark
from vms.db.tables.columns import Instant, metadata
from vms.db.tables.commissioning import commissioning, commissioning_view
from vms.db.tables.deciding import (
    clock_override,
    erasure,
    erasure_placement,
    erasure_segment,
    hold_release,
    view_statement,
)
from vms.db.tables.edge import edge_check
from vms.db.tables.footage import (
    ALIVE,
    LONGEST_STORED,
    clock_sample,
    footage_clock,
    gap,
    grey_span,
    hour_key,
    segment,
    sweep,
)
from vms.db.tables.holding import export, hold, hold_placement, hold_segment
from vms.db.tables.log import (
    ledger_checkpoint,
    ledger_cosignature,
    ledger_entry,
    ledger_mailing,
    ledger_placement,
    ledger_stamp,
    ledger_subject,
    ledger_text,
    ledger_tile,
)
from vms.db.tables.overseeing import (
    access_review,
    access_review_item,
    proof_signature,
    retention_proof,
    review_duty,
)
from vms.db.tables.panorama import panorama
from vms.db.tables.people import session, sign_in_attempt, user_account, user_role, view
from vms.db.tables.places import (
    area,
    camera,
    designation,
    designation_assumption,
    designation_withdrawal,
    placement,
    placement_designation,
    plan,
    plan_review,
)
from vms.db.tables.reporting import service_report

__all__ = [
    "ALIVE",
    "LONGEST_STORED",
    "Instant",
    "access_review",
    "access_review_item",
    "area",
    "calibration",
    "calibration_check",
    "camera",
    "clock_override",
    "clock_sample",
    "commissioning",
    "commissioning_view",
    "designation",
    "designation_assumption",
    "designation_withdrawal",
    "edge_check",
    "erasure",
    "erasure_placement",
    "erasure_segment",
    "export",
    "footage_clock",
    "gap",
    "grey_span",
    "hold",
    "hold_placement",
    "hold_release",
    "hold_segment",
    "hour_key",
    "landmark",
    "ledger_checkpoint",
    "ledger_cosignature",
    "ledger_entry",
    "ledger_mailing",
    "ledger_placement",
    "ledger_stamp",
    "ledger_subject",
    "ledger_text",
    "ledger_tile",
    "metadata",
    "panorama",
    "placement",
    "placement_designation",
    "plan",
    "plan_review",
    "proof_signature",
    "retention_proof",
    "review_duty",
    "segment",
    "service_report",
    "session",
    "sign_in_attempt",
    "sweep",
    "user_account",
    "user_role",
    "view",
    "view_statement",
]
