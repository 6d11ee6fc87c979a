"""Triggers that refuse what must never happen to a row, in the words of both databases.

Several versions of the schema are made with this: what it yields for given rules never changes.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from alembic import op


class Rule(NamedTuple):
    """Something that is refused.

    Args:
        operation: INSERT, UPDATE or DELETE.
        message: what whoever tries is told.
        refused: the condition under which it is (NEW and OLD as in SQL).
    """

    table: str
    operation: str
    message: str
    refused: str = "TRUE"


def is_postgresql() -> bool:
    """Return on which of the two databases the migration runs."""
    return op.get_bind().dialect.name == "postgresql"


def refuse_before(rules: Iterable[Rule]) -> None:
    """Make triggers that fire before the row is touched; one for each table and operation."""
    _make(((f"{rule.table}_{rule.operation.lower()}", rule) for rule in rules), "BEFORE")


def refuse_after(rules: Iterable[Rule]) -> None:
    """Make triggers that fire when all constraints were looked at, so that a CHECK which also forbids it is the one that speaks."""
    numbered = ((f"{rule.table}_{rule.operation.lower()}_{number}", rule) for number, rule in enumerate(rules))
    _make(numbered, "AFTER")


def _make(named: Iterable[tuple[str, Rule]], when: str) -> None:
    on_postgresql = is_postgresql()
    for name, rule in named:
        for statement in (_postgresql if on_postgresql else _sqlite)(name, rule, when):
            op.execute(statement)


def _sqlite(name: str, rule: Rule, when: str) -> Iterator[str]:
    yield (
        f"CREATE TRIGGER {name} {when} {rule.operation} ON {rule.table} FOR EACH ROW WHEN {rule.refused}"
        f" BEGIN SELECT RAISE(ABORT, '{rule.message}'); END"
    )


def _postgresql(name: str, rule: Rule, when: str) -> Iterator[str]:
    # restrict_violation is an integrity error to the driver, as RAISE(ABORT) is on SQLite.
    refuse = f"RAISE EXCEPTION '{rule.message}' USING ERRCODE = 'restrict_violation';"
    # A function each: PostgreSQL's WHEN takes no subquery.
    body = f"IF {rule.refused} THEN {refuse} END IF; RETURN {'NEW' if when == 'BEFORE' else 'NULL'};"
    yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
    yield f"CREATE TRIGGER {name} {when} {rule.operation} ON {rule.table} FOR EACH ROW EXECUTE FUNCTION {name}()"
