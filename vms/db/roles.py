"""Who may do what in a PostgreSQL database: an owner that migrates, and a role for each process, with no more than its code needs.

A worker reads what strangers send it, so its role can't give rights, sign anybody in, or touch a hold. Nobody but the owner changes or
removes what is append-only, and nobody but the owner has tables, functions or triggers. `vms migrate` gives these rights after each
migration, to the roles that there are. Source: PostgreSQL's documentation, chapter 5.7 and GRANT.
"""

from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, LargeBinary, bindparam, text

from vms.db.tables import metadata


class Role(StrEnum):
    """The roles that processes connect as."""

    API = "vms_api"
    """The API, and administrators at the command line."""
    INGEST = "vms_ingest"
    """The ingest node and its workers."""
    RETENTION = "vms_retention"
    SELFTEST = "vms_selftest"
    READER = "vms_reader"
    """For monitoring and for auditors who look by themselves: reads, and no keys, hashes or free texts."""


OWNER: Final = "vms_owner"
"""What the shipped scripts call the role that migrates; any owner of the database can."""
_READ: Final = "SELECT"
_ADD: Final = "SELECT, INSERT"
_CHANGE: Final = "SELECT, INSERT, UPDATE"
_LOCK: Final = "SELECT, UPDATE (status_at)"
"""A row of `placement` is locked by whoever may change any column of it."""
_PROCESSES: Final = (Role.API, Role.INGEST, Role.RETENTION, Role.SELFTEST)
_ADMINISTERED: Final = {Role.API: _CHANGE, Role.INGEST: _READ, Role.RETENTION: _READ, Role.SELFTEST: _READ}


def _all(privileges: str) -> dict[Role, str]:
    return dict.fromkeys(_PROCESSES, privileges)


def _read_and(**privileges: str) -> dict[Role, str]:
    return _all(_READ) | {Role[name.upper()]: one for name, one in privileges.items()}


GRANTS: Final[dict[str, dict[Role, str]]] = {
    # The log: at its end only. A tile grows by a hash; the trigger sees to the rest.
    "ledger_entry": _all(_ADD),
    "ledger_placement": _all(_ADD),
    "ledger_subject": _all(_ADD),
    "ledger_text": _all(_ADD),
    "ledger_tile": _all(f"{_ADD}, UPDATE (hashes)"),
    "ledger_checkpoint": _all(_ADD),
    "ledger_cosignature": _all(_ADD),
    "ledger_stamp": _read_and(retention=_ADD),
    "ledger_mailing": _read_and(retention=_ADD),
    "retention_proof": _read_and(retention=_ADD),
    "proof_signature": _read_and(api=_ADD),
    "review_duty": _all(_READ),
    "access_review": _read_and(api=f"{_ADD}, UPDATE (remark, signed_at)"),
    "access_review_item": _read_and(api=_CHANGE),
    # People.
    "user_account": _read_and(api=_CHANGE),
    "user_role": _read_and(api=f"{_ADD}, DELETE"),
    "session": _read_and(api=_CHANGE),
    "sign_in_attempt": {Role.API: f"{_ADD}, DELETE"},
    "view": _read_and(api=_CHANGE),
    # Places, cameras, decisions, plans.
    "area": _ADMINISTERED,
    "camera": _ADMINISTERED,
    "designation": _ADMINISTERED,
    "designation_assumption": _read_and(api="SELECT, DELETE"),
    "designation_withdrawal": _read_and(api=_ADD),
    "placement_designation": _read_and(api=_ADD),
    "placement": _read_and(
        api=_CHANGE, ingest="SELECT, UPDATE (epoch, last_number, status, status_at)", retention=_LOCK
    ),
    "plan": _ADMINISTERED,
    "plan_review": _read_and(api=_ADD),
    "view_statement": _read_and(api=_CHANGE),
    "calibration": _read_and(ingest=_ADD),
    "calibration_check": _read_and(api=_ADD, ingest=_ADD),
    "landmark": _read_and(ingest=f"{_ADD}, DELETE", retention="SELECT, DELETE"),
    "panorama": _read_and(ingest=f"{_ADD}, DELETE", retention="SELECT, DELETE"),
    "edge_check": _read_and(ingest=_CHANGE),
    # A worker shows raw pictures by what stands here: it must not be able to write it.
    "commissioning": _read_and(api=_CHANGE),
    "commissioning_view": _read_and(api=_CHANGE),
    # Footage. No row of a segment is ever removed.
    "segment": _read_and(
        api="SELECT, UPDATE (holds)",
        ingest=f"{_ADD}, UPDATE (state, end_at, size_bytes, sha256, blanking, fragments, wrapped_key)",
        retention="SELECT, UPDATE",
    ),
    "grey_span": _read_and(ingest=_ADD),
    "gap": _read_and(ingest=f"{_CHANGE}, DELETE"),
    # A recorder locks the row, for which some right to change it is needed: rules let nobody change this column by itself.
    "hour_key": _read_and(ingest=f"{_ADD}, UPDATE (destroyed_at)", retention="SELECT, UPDATE"),
    "footage_clock": _read_and(ingest=_ADD, retention="SELECT, UPDATE (cut_us, cut_to)"),
    "clock_sample": _read_and(retention=_CHANGE),
    "sweep": _read_and(retention=_CHANGE),
    # Holds, exports, and what two persons decide about footage.
    "hold": _read_and(api=_CHANGE, retention="SELECT, UPDATE"),
    "hold_placement": _read_and(api=_ADD),
    "hold_segment": _read_and(api=_CHANGE, retention=_CHANGE),
    "hold_release": _read_and(api=_CHANGE, retention="SELECT, UPDATE"),
    "export": _read_and(api=_CHANGE, retention="SELECT, UPDATE"),
    "erasure": _read_and(api=_CHANGE, retention="SELECT, UPDATE"),
    "erasure_placement": _read_and(api=_ADD),
    "erasure_segment": _read_and(retention=_ADD),
    "clock_override": _read_and(api=_CHANGE, retention="SELECT, UPDATE"),
    "service_report": _all(_CHANGE),
}
"""For each table what each process may do; the reader's rights follow from the columns."""
_NOT_FOR_READERS: Final = frozenset({"session", "sign_in_attempt", "ledger_text"})
_SECRET: Final = frozenset({"password_hash"})


def reader_columns(table: str) -> list[str]:
    """Return what the reader may see of a table: no hash of a password, and no bytes except those of the log."""
    if table in _NOT_FOR_READERS:
        return []
    columns = metadata.tables[table].columns
    is_log = table.startswith("ledger_")
    return [
        one.name for one in columns if one.name not in _SECRET and (is_log or not isinstance(one.type, LargeBinary))
    ]


def is_owner(conn: Connection) -> bool:
    """Return whether this connection could change the ledger's table: as its owner, a member of it, or as superuser (PostgreSQL)."""
    query = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('ledger_entry')"
    return bool(conn.execute(text(query)).scalar())


def may_migrate(conn: Connection) -> bool:
    """Return whether this connection may make tables (PostgreSQL)."""
    return bool(conn.execute(text("SELECT has_schema_privilege(current_schema(), 'CREATE')")).scalar())


def grant(conn: Connection) -> list[Role]:
    """Give each role that there is exactly its rights, and everybody else none; the connection is the owner's.

    Returns:
        The roles that there are; without any, the processes connect as the owner, and nothing is changed.
    """
    listed = text("SELECT rolname FROM pg_roles WHERE rolname IN :names").bindparams(bindparam("names", expanding=True))
    found = set(conn.execute(listed, {"names": [one.value for one in Role]}).scalars())
    present = [role for role in Role if role.value in found]
    if present:
        for statement in _statements(conn, present):
            conn.execute(text(statement))
    return present


def _statements(conn: Connection, present: list[Role]) -> list[str]:
    quote = conn.dialect.identifier_preparer.quote_identifier
    database, schema = (
        quote(str(one)) for one in conn.execute(text("SELECT current_database(), current_schema()")).one()
    )
    everybody = ", ".join(["PUBLIC", *present])
    names = ", ".join(present)
    made = [
        f"REVOKE ALL ON DATABASE {database} FROM {everybody}",
        f"GRANT CONNECT ON DATABASE {database} TO {names}",
        f"REVOKE ALL ON SCHEMA {schema} FROM {everybody}",
        f"GRANT USAGE ON SCHEMA {schema} TO {names}",
        *(
            f"REVOKE ALL ON ALL {kind} IN SCHEMA {schema} FROM {everybody}"
            for kind in ("TABLES", "SEQUENCES", "ROUTINES")
        ),
        f"GRANT SELECT ON alembic_version TO {names}",
    ]
    for table, rights in GRANTS.items():
        made += [f"GRANT {rights[role]} ON {quote(table)} TO {role}" for role in present if role in rights]
        columns = ", ".join(quote(one) for one in reader_columns(table))
        if columns and Role.READER in present:
            made.append(f"GRANT SELECT ({columns}) ON {quote(table)} TO {Role.READER}")
        made += [
            f"GRANT USAGE ON SEQUENCE {sequence} TO {role}"
            for sequence in _sequences(conn, table)
            for role in present
            if "INSERT" in rights.get(role, "")
        ]
    return made


def _sequences(conn: Connection, table: str) -> list[str]:
    """Return the sequences that number a table's rows, as SQL writes them."""
    owned = (
        "SELECT d.objid::regclass::text FROM pg_depend d JOIN pg_class c ON c.oid = d.objid "
        "WHERE d.refobjid = to_regclass(:table) AND d.deptype IN ('a', 'i') AND c.relkind = 'S'"
    )
    return list(conn.execute(text(owned), {"table": table}).scalars())
