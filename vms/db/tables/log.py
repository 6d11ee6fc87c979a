"""The ledger. Append-only: triggers refuse every other change (vms/db/migrations/versions/v0003_append_only.py)."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from vms.db.tables.columns import Instant, metadata

ledger_entry = Table(
    "ledger_entry",
    metadata,
    # From 0, without a gap: the leaf's place in the tree.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    # Copies out of the body, to search by; the body is what counts.
    Column("at", Instant, nullable=False),
    Column("act", Text, nullable=False),
    Column("actor", Text, nullable=False),
    CheckConstraint("seq >= 0", name="from_zero"),
)

Index("ix_ledger_entry_at", ledger_entry.c.at)

Index("ix_ledger_entry_act_seq", ledger_entry.c.act, ledger_entry.c.seq)

Index("ix_ledger_entry_actor_seq", ledger_entry.c.actor, ledger_entry.c.seq)

SIGN_INS = text("act IN ('auth.sign-in', 'auth.refused', 'auth.locked')")
"""What the reviews of sign-ins are about. A literal: only a query with these very words can use the index."""

Index("ix_ledger_entry_sign_in_at", ledger_entry.c.at, sqlite_where=SIGN_INS, postgresql_where=SIGN_INS)

ledger_placement = Table(
    "ledger_placement",
    metadata,
    # The placements that an entry is about: to search by, like the copies above.
    Column("placement_id", Text, primary_key=True),
    Column("seq", BigInteger, ForeignKey("ledger_entry.seq"), primary_key=True, autoincrement=False),
)

# The whole check reads the copies of a run of entries.
Index("ix_ledger_placement_seq", ledger_placement.c.seq)

ledger_subject = Table(
    "ledger_subject",
    metadata,
    # The case numbers, holds and exports that an entry is about: to search by, like the placements above.
    Column("subject", Text, primary_key=True),
    Column("seq", BigInteger, ForeignKey("ledger_entry.seq"), primary_key=True, autoincrement=False),
)

Index("ix_ledger_subject_seq", ledger_subject.c.seq)

ledger_tile = Table(
    "ledger_tile",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # Up to 256 hashes of 32 bytes; grows at its end only.
    Column("hashes", LargeBinary, nullable=False),
    CheckConstraint("length(hashes) BETWEEN 32 AND 8192 AND length(hashes) / 32 * 32 = length(hashes)", name="hashes"),
)

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

ledger_cosignature = Table(
    "ledger_cosignature",
    metadata,
    Column("size", BigInteger, ForeignKey("ledger_checkpoint.size"), primary_key=True, autoincrement=False),
    Column("witness", Text, primary_key=True),
    # By the witness' clock: asked again, it signs the same checkpoint at a later time.
    Column("witness_at", Instant, primary_key=True, autoincrement=False),
    Column("received_at", Instant, nullable=False),
    Column("line", Text, nullable=False),
)

ledger_stamp = Table(
    "ledger_stamp",
    metadata,
    Column("size", BigInteger, ForeignKey("ledger_checkpoint.size"), primary_key=True, autoincrement=False),
    Column("received_at", Instant, primary_key=True, autoincrement=False),
    Column("authority", Text, nullable=False),
    # As sent and as received, whatever was found in it (RFC 3161, DER).
    Column("query", LargeBinary, nullable=False),
    Column("response", LargeBinary, nullable=False),
    # By the authority's clock; NULL: can't be read.
    Column("stamped_at", Instant),
    # NULL: in order; else what is wrong with it.
    Column("why", Text),
    CheckConstraint("why IS NOT NULL OR stamped_at IS NOT NULL", name="read"),
)

ledger_mailing = Table(
    "ledger_mailing",
    metadata,
    Column("size", BigInteger, ForeignKey("ledger_checkpoint.size"), primary_key=True, autoincrement=False),
    Column("mailed_at", Instant, nullable=False),
    # How many it was for, and how many of them the mail server refused; no addresses.
    Column("recipients", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    CheckConstraint("recipients > refused AND refused >= 0", name="taken"),
)

ledger_text = Table(
    "ledger_text",
    metadata,
    # Salted commitment as it stands in the entry: SHA-256(salt || text), hexadecimal. May be deleted: the tree stays whole.
    Column("commitment", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("text", Text, nullable=False),
)
