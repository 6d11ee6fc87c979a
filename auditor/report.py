"""What a check found, in words: on the screen, as JSON, as a page to print. The exit status follows from it."""

import html
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from auditor.words import WORDS

Value: TypeAlias = str | int
IN_ORDER, FINDINGS, NOT_VERIFIED = 0, 1, 2
MOST_SHOWN = 200
"""Of one kind; all of them are counted. A ledger that is broken everywhere must not fill the memory."""


class CannotVerifyError(Exception):
    """What was brought does not suffice, or can't be read: nothing can be said about the log.

    Args:
        code: of the sentence in `words`.
        values: that stand in it.
    """

    def __init__(self, code: str, **values: Value) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding, a doubt or a note: a code and the values in its sentence."""

    code: str
    values: Mapping[str, Value]

    def text(self, language: str) -> str:
        """Return the sentence."""
        words = WORDS[language]
        # Why is a code of ours mostly; what another program said stays as it is.
        why = str(self.values.get("why", ""))
        return words[self.code].format_map({**self.values, "why": words.get(f"why.{why}", why)})


@dataclass(slots=True)
class Report:
    """The outcome of one command.

    Args:
        facts: label code -> value, in order.
        findings: what is not in order: status 1.
        unchecked: what could not be checked though it was asked for: status 2, unless there are findings.
        notes: what somebody should know.
        columns, rows: a table, if the command has one.
    """

    command: str
    facts: dict[str, Value] = field(default_factory=dict)
    findings: list[Remark] = field(default_factory=list)
    unchecked: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    columns: tuple[str, ...] = ()
    rows: list[tuple[Value, ...]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def find(self, code: str, **values: Value) -> None:
        """Add a finding."""
        self.counts[code] += 1
        if self.counts[code] <= MOST_SHOWN:
            self.findings.append(Remark(code, values))

    def doubt(self, code: str, **values: Value) -> None:
        """Add something that could not be checked."""
        self.unchecked.append(Remark(code, values))

    def note(self, code: str, **values: Value) -> None:
        """Add something to know."""
        self.notes.append(Remark(code, values))

    @property
    def status(self) -> int:
        """The exit status."""
        return FINDINGS if self.findings else NOT_VERIFIED if self.unchecked else IN_ORDER

    def as_json(self, language: str) -> str:
        """Return everything for a program."""
        return json.dumps(
            {
                "command": self.command,
                "status": self.status,
                "facts": self.facts,
                "counts": dict(self.counts),
                **{
                    part: [{"code": one.code, "text": one.text(language), **one.values} for one in remarks]
                    for part, remarks in self._parts().items()
                },
                "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            },
            # A terminal may show it too: nothing but letters that can't paint.
            ensure_ascii=True,
            indent=1,
        )

    def as_text(self, language: str) -> str:
        """Return everything for a person."""
        words = WORDS[language]
        lines = [f"vms-audit {self.command}", ""]
        lines += [f"  {words['fact.' + name]}: {value}" for name, value in self.facts.items()]
        if self.rows:
            lines += ["", *_table([words["column." + name] for name in self.columns], self.rows)]
        for part, remarks in self._parts().items():
            if remarks:
                lines += ["", words["part." + part]]
                lines += [f"  - {one.text(language)}" for one in remarks]
        for code, count in sorted(self.counts.items()):
            if count > MOST_SHOWN:
                lines.append("  " + words["more"].format(code=code, count=count, shown=MOST_SHOWN))
        return "\n".join(map(_printable, [*lines, "", words[f"status.{self.status}"]]))

    def as_html(self, language: str) -> str:
        """Return everything as a page to print; it needs nothing from elsewhere."""
        words, escape = WORDS[language], html.escape
        facts = "".join(
            f"<tr><th>{escape(words['fact.' + name])}</th><td>{escape(str(value))}</td></tr>"
            for name, value in self.facts.items()
        )
        head = "".join(f"<th>{escape(words['column.' + name])}</th>" for name in self.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row) + "</tr>" for row in self.rows
        )
        parts = "".join(
            f"<h2>{escape(words['part.' + part])}</h2><ul>"
            + "".join(f"<li>{escape(one.text(language))}</li>" for one in remarks)
            + "</ul>"
            for part, remarks in self._parts().items()
            if remarks
        )
        return (
            f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>vms-audit {escape(self.command)}</title>'
            "<style>body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{border:1px solid #999;"
            "padding:.2em .5em;text-align:left}</style>"
            f"<h1>vms-audit {escape(self.command)}</h1><p><strong>{escape(words[f'status.{self.status}'])}</strong></p>"
            f"<table>{facts}</table>{parts}<table><tr>{head}</tr>{rows}</table></html>\n"
        )

    def _parts(self) -> dict[str, list[Remark]]:
        return {"findings": self.findings, "unchecked": self.unchecked, "notes": self.notes}


def _printable(line: str) -> str:
    """Return a line that can't paint the terminal: what a log or a proof says, a forger may have written."""
    return "".join(
        one if one.isprintable() else (f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}")
        for one in line
    )


def _table(header: list[str], rows: list[tuple[Value, ...]]) -> list[str]:
    cells = [header, *([str(value) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(header))]
    return [
        "  " + "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]
