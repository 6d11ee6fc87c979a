"""Cameras that keep pictures by themselves: what the log was told of cards that the system neither blanks nor erases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.entries import Entry
from auditor.report import Report

ACTS = frozenset({"edge.found", "edge.checked"})


@dataclass(slots=True)
class EdgeTold:
    """The last word of each camera.

    Args:
        answers: placement -> last entry with an answer.
        begun: placement -> the first of the entries that told of recordings, since it last told of none.
        silent: placement -> the entry that says since when it can't be asked.
    """

    answers: dict[str, Entry] = field(default_factory=dict)
    begun: dict[str, Entry] = field(default_factory=dict)
    silent: dict[str, Entry] = field(default_factory=dict)

    def take(self, entry: Entry) -> None:
        """Take an entry into account."""
        name = entry.text("placement_id")
        if name is None:
            return
        if entry.words["res"] != "ok":
            self.silent[name] = entry
            return
        self.silent.pop(name, None)
        self.answers[name] = entry
        if entry.act == "edge.found":
            self.begun.setdefault(name, entry)
        else:
            self.begun.pop(name, None)

    def judge(self, placed: Mapping[str, Mapping[str, Any]], report: Report) -> None:
        """Say which cameras keep pictures; silence takes nothing back.

        Args:
            placed: placements of `state.json` by id.
        """
        for name, first in sorted(self.begun.items()):
            last, ended = self.answers[name], placed.get(name, {}).get("until")
            if ended is not None:
                report.note("edge-ended", camera=name, seq=last.seq, until=str(ended))
                continue
            report.find(
                "edge-recordings",
                camera=name,
                seq=last.seq,
                since=first.stamp,
                told=last.stamp,
                oldest=last.text("oldest") or "?",
                jobs=str(last.obj.get("active_jobs", "?")),
            )
        for name in sorted(placed):
            if placed[name].get("until") is not None:
                continue
            if name in self.silent:
                silent = self.silent[name]
                why = str(silent.words["why"])
                report.note("edge-silent", camera=name, seq=silent.seq, since=silent.stamp, why=why)
            elif name not in self.answers:
                report.note("edge-unasked", camera=name)
