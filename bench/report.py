"""What a benchmark hands back: a few lines of text, and ratios that stand beside each other at the end."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by the peer's, one value per round; below 1 we need less than the peer.

    Args:
        name: what is compared, with whom.
        ours: the median of ours, in `unit`.
        peer: the median of the peer's, in `unit`.
        unit: of both.
        per_round: each round's own ratio, from runs that stood right beside each other.
    """

    name: str
    ours: float
    peer: float
    unit: str
    per_round: tuple[float, ...]

    @classmethod
    def of(cls, name: str, *, ours: Sequence[float], peer: Sequence[float], unit: str) -> Self:
        """Pair the rounds of two interleaved series."""
        pairs = tuple(a / b for a, b in zip(ours, peer, strict=True))
        return cls(name, statistics.median(ours), statistics.median(peer), unit, pairs)

    @property
    def median(self) -> float:
        """The middle of the rounds' ratios."""
        return statistics.median(self.per_round)

    @property
    def spread(self) -> str:
        """The lowest and the highest round."""
        return f"{min(self.per_round):.2f} .. {max(self.per_round):.2f}"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one benchmark.

    Args:
        title: what was measured.
        lines: the text, tables included.
        ratios: comparisons with a peer.
        figures: (what, value) pairs without a peer that belong in the summary.
    """

    title: str
    lines: tuple[str, ...]
    ratios: tuple[Ratio, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return "\n".join(("", self.title, "-" * len(self.title), *self.lines))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Align columns: the first to the left, figures to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cells[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)),
        ]
        return "  ".join(padded).rstrip()

    return line(header), line(["-" * width for width in widths]), *(line(row) for row in rows)


def summary(reports: Sequence[Report]) -> tuple[str, ...]:
    """Return all ratios in one table, and the figures that have no peer in another."""
    lines: list[str] = []
    ratios = [ratio for report in reports for ratio in report.ratios]
    if ratios:
        rows = [
            (
                one.name,
                f"{one.ours:.3g} {one.unit}",
                f"{one.peer:.3g} {one.unit}",
                f"{one.median:.2f}",
                one.spread,
                str(len(one.per_round)),
            )
            for one in ratios
        ]
        lines += table(("ours / peer (below 1: ours needs less)", "ours", "peer", "ratio", "spread", "rounds"), rows)
    figures = [figure for report in reports for figure in report.figures]
    if figures:
        lines += ["", *table(("figure", "value"), figures)]
    return tuple(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie, by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def load() -> str:
    """Say how busy the machine is: figures from a busy one are worth less."""
    one, five, _ = os.getloadavg()
    return f"load average {one:.1f} (1 min), {five:.1f} (5 min) on {os.cpu_count()} cores"
