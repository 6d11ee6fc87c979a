"""What those who oversee the system keep: signed monthly proofs of erasing, and the reviews of views and of sign-ins."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from vms.db.tables.columns import Instant, metadata

retention_proof = Table(
    "retention_proof",
    metadata,
    # `2026-10`, a UTC month. Never changed and never deleted (v0013).
    Column("month", Text, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("result", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    # Canonical JSON; its bytes are what the digest is of.
    Column("report", Text, nullable=False),
    CheckConstraint("result IN ('in-order', 'findings')", name="result"),
    CheckConstraint("length(month) = 7 AND length(sha256) = 64", name="lengths"),
)

proof_signature = Table(
    "proof_signature",
    metadata,
    Column("month", Text, ForeignKey("retention_proof.month"), primary_key=True),
    # Of the very report that was signed: a report that took its place is unsigned. Never changed and never deleted (v0024).
    Column("sha256", Text, primary_key=True),
    Column("signed_by", Text, ForeignKey("user_account.id"), nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("remark", Text),
    CheckConstraint("length(sha256) = 64", name="length"),
    # No hidden row number on SQLite, by which an INSERT OR REPLACE could take another row's place.
    sqlite_with_rowid=False,
)

access_review = Table(
    "access_review",
    metadata,
    Column("id", Text, primary_key=True),
    Column("drawn_by", Text, ForeignKey("user_account.id"), nullable=False),
    Column("drawn_at", Instant, nullable=False),
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    # The auditor's own: what was drawn follows from it and the ledger. Never changed, nor anything after signing (v0013).
    Column("seed", Text, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("population", Integer, nullable=False),
    Column("remark", Text),
    Column("signed_at", Instant),
    # `views` or `sign-ins`; never changed (v0025).
    Column("kind", Text, nullable=False, server_default=text("'views'")),
    CheckConstraint("end_at > start_at AND end_at <= drawn_at", name="period"),
    CheckConstraint("sample >= 1 AND population >= 1", name="drawn"),
    CheckConstraint("signed_at IS NULL OR signed_at >= drawn_at", name="order"),
)

access_review_item = Table(
    "access_review_item",
    metadata,
    Column("review_id", Text, ForeignKey("access_review.id"), primary_key=True),
    Column("seq", BigInteger, ForeignKey("ledger_entry.seq"), primary_key=True, autoincrement=False),
    Column("verdict", Text),
    Column("remark", Text),
    Column("judged_at", Instant),
    # Whose sign-in it is: an account, or nobody's. Only sign-ins have it, and why they were drawn, in words apart by spaces (v0025).
    Column("about", Text),
    Column("reasons", Text),
    # An account; never the one that the sign-in is about. Unknown for what was judged before it was kept.
    Column("judged_by", Text),
    CheckConstraint("verdict IN ('in-order', 'finding')", name="verdict"),
    CheckConstraint("(verdict IS NULL) = (judged_at IS NULL)", name="judged_at_an_instant"),
    CheckConstraint("verdict <> 'finding' OR remark IS NOT NULL", name="finding_has_a_remark"),
)

review_duty = Table(
    "review_duty",
    metadata,
    # The kind of review, and since when it is owed. A database that is new has no row: everything in it is owed.
    Column("kind", Text, primary_key=True),
    Column("since_at", Instant, nullable=False),
)

Index("ix_access_review_drawn_at", access_review.c.drawn_at)
