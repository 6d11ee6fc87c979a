"""Who may do what with each table on PostgreSQL is said in one place, for every table, and no more than each process needs."""

import re
from pathlib import Path

import pytest

from vms.db import migrate, roles
from vms.db.roles import GRANTS, Role
from vms.db.tables import metadata

SCRIPT = Path(__file__).parents[2] / "config" / "postgresql" / "roles.sh"
STEPS = Path(migrate.__file__).parent / "migrations" / "versions"
LOG = [name for name in GRANTS if name.startswith("ledger_")]
PROCESSES = [Role.API, Role.INGEST, Role.RETENTION, Role.SELFTEST]


def test_every_table_says_what_each_process_may_do_with_it() -> None:
    """A new table that nobody thought of here could be used by no process: say who may what in vms/db/roles.py."""
    assert set(GRANTS) == set(metadata.tables)
    for table, rights in GRANTS.items():
        assert set(rights) <= set(PROCESSES), table
        named = {
            column
            for one in rights.values()
            for group in re.findall(r"\(([^)]*)\)", one)
            for column in group.split(", ")
        }
        assert named <= set(metadata.tables[table].columns.keys()), table


@pytest.mark.parametrize("table", LOG)
def test_no_role_may_change_or_remove_what_is_in_the_log(table: str) -> None:
    """The hashes of a tile grow at their end, which its trigger sees to; all the rest is added and read."""
    allowed = {"SELECT", "SELECT, INSERT"} | ({"SELECT, INSERT, UPDATE (hashes)"} if table == "ledger_tile" else set())
    assert set(GRANTS[table].values()) <= allowed


def test_final_rows_are_final_for_every_role() -> None:
    """What triggers refuse to everybody, no role has a right to: rows that are kept for ever are never deleted by one."""
    sources = "".join(path.read_text(encoding="utf-8") for path in STEPS.glob("v*.py"))
    kept = set(re.findall(r'Rule\("(\w+)", "DELETE", "[^"]*(?:for ever|final)', sources)) | {
        "retention_proof",
        "access_review",
    }
    assert {"plan", "plan_review", "designation"} <= kept
    assert [table for table in kept for one in GRANTS[table].values() if "DELETE" in one] == []
    assert [one for one in GRANTS["plan_review"].values() if "UPDATE" in one] == []


def test_a_worker_can_neither_sign_anybody_in_nor_give_rights_nor_touch_a_hold() -> None:
    """It reads what strangers send it."""
    for table in (
        "user_account",
        "user_role",
        "session",
        "hold",
        "hold_segment",
        "hold_release",
        "erasure",
        "plan",
        "designation",
    ):
        assert GRANTS[table].get(Role.INGEST, "SELECT") == "SELECT", table
    assert "DELETE" not in "".join(GRANTS["segment"].values())


def test_the_shipped_script_knows_every_role() -> None:
    """A role that it does not make would have no rights, and its process would not start."""
    (line,) = re.findall(r"^for role in (.*); do$", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert line.split() == [roles.OWNER, *Role]
