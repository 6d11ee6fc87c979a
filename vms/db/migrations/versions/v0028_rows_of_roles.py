"""What a process that was taken over could do to footage and log with rights that it needs for something else (decision 0440).

An hour key lives while footage needs it, and ends step by step; a gap that has ended stays. On PostgreSQL a worker changes no segment
but one that is being written, and only the processes that people use write entries in the name of people.
"""

from collections.abc import Iterator

from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_NEEDED = (
    "EXISTS (SELECT 1 FROM segment s WHERE s.hour_at = OLD.hour_at AND (s.state IN ('open', 'expiring')"
    " OR s.state IN ('sealed', 'damaged') AND s.holds = 0))"
)
_GAP = "a gap that has ended is never changed"
_FOREIGN_SEGMENT = "a worker changes only a segment that is being written"
_FOREIGN_NAME = "this process writes no entry in the name of a person"


def upgrade() -> None:
    """Make the rules."""
    refuse_after(_rules("IS DISTINCT FROM" if is_postgresql() else "IS NOT"))
    if is_postgresql():
        _of_roles()


def _rules(differs: str) -> Iterator[Rule]:
    yield Rule("hour_key", "INSERT", "an hour key begins live", "NEW.state <> 'live'")
    yield Rule(
        "hour_key",
        "UPDATE",
        "an hour key goes from live over dying to destroyed",
        f"OLD.hour_at <> NEW.hour_at OR OLD.state = NEW.state AND OLD.destroyed_at {differs} NEW.destroyed_at"
        " OR NOT (OLD.state = NEW.state OR OLD.state = 'live' AND NEW.state = 'dying'"
        " OR OLD.state = 'dying' AND NEW.state = 'destroyed')",
    )
    yield Rule(
        "hour_key",
        "UPDATE",
        "an hour key lives while footage needs it",
        f"OLD.state = 'live' AND NEW.state <> 'live' AND {_NEEDED}",
    )
    yield Rule(
        "gap",
        "UPDATE",
        _GAP,
        f"OLD.end_at IS NOT NULL OR OLD.placement_id {differs} NEW.placement_id OR OLD.start_at {differs} NEW.start_at"
        f" OR OLD.cause {differs} NEW.cause",
    )
    yield Rule("gap", "DELETE", _GAP, "OLD.end_at IS NOT NULL")


def _of_roles() -> None:
    """Make the rules that depend on who asks, which SQLite does not know."""
    _refuse(
        "segment",
        "UPDATE",
        "current_user = 'vms_ingest' AND (OLD.state <> 'open' OR NEW.state NOT IN ('open', 'sealed', 'lost'))",
        _FOREIGN_SEGMENT,
    )
    _refuse(
        "ledger_entry",
        "INSERT",
        "current_user IN ('vms_ingest', 'vms_retention', 'vms_selftest')"
        # PostgreSQL reads no JSON with this escape in it, which a text may have.
        r" AND replace(convert_from(NEW.body, 'UTF8'), '\u0000', '\u0020')::json -> 'actor' ->> 'kind' IS DISTINCT FROM 'service'",
        _FOREIGN_NAME,
    )


def _refuse(table: str, operation: str, condition: str, message: str) -> None:
    name = f"{table}_of_role"
    refuse = f"RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation';"
    body = f"IF {condition} THEN {refuse} END IF; RETURN NEW;"
    op.execute(f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    op.execute(f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
