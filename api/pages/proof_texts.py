"""The report of a monthly proof of erasing as people read it: sections of lines, for the page and to keep."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.pages.i18n import marked as N_  # noqa: N812 - gettext's own name, which the extractor looks for
from api.pages.i18n import translations
from vms.civil_time import CITY_ZONE

FINDING_TEXTS: Final[Mapping[str, str]] = {
    "numbers": N_("segment numbers do not follow each other"),
    "ledger-changed": N_("the log itself was changed from this entry on: nothing after it can be judged"),
    "unreadable": N_("an entry of the log does not say what its act must say"),
    "too-old": N_("footage is older than 28 days, and no hold keeps it"),
    "oldest": N_("the oldest footage without a hold is past 28 days"),
    "not-done": N_("an erasing was announced and not confirmed within an hour"),
    "slow": N_("an erasing was confirmed more than an hour after it was announced"),
    "not-announced": N_("footage was erased without an announcement"),
    "twice": N_("footage was erased twice, or was lost before"),
    "in-hold": N_("footage was erased that a hold keeps"),
    "late": N_("footage was erased later than 28 days"),
    "breach": N_("the system reported footage older than the law allows"),
    "key-alive": N_("the key of an hour exists that should be destroyed"),
    "key-not-destroyed": N_("the key of an hour was not destroyed in time"),
    "sample-no-row": N_("the database does not know an erased segment of the sample"),
    "sample-row": N_("the database calls a segment of the sample something else than erased"),
    "sample-file": N_("a file of an erased segment of the sample is there"),
    "sample-key": N_("a key of an erased segment of the sample is there"),
}
DOUBT_TEXTS: Final[Mapping[str, str]] = {
    "clock-stepped": N_("the clock jumped ahead"),
    "clock-backwards": N_("the clock went backwards"),
    "long-absence": N_("it did not run for a long time"),
    "database-clock": N_("the database's clock differs"),
    "witness-clock": N_("the witness' clock differs"),
    "ledger-contradicted": N_("the ledger was changed, or is not the one that was signed"),
    "footage-from-the-future": N_("there is footage from the future"),
    "brake": N_("far more is due at once than usual"),
    "confirmed-by-two-persons": N_("two persons confirmed the clock"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and lines of name and value."""

    title: str
    lines: tuple[tuple[str, str], ...]


def sections(words: Mapping[str, Any], language: str) -> tuple[Section, ...]:
    """Return a report in words.

    Args:
        words: the report (`retention/proof.py`).
        language: `nl` or `en`.
    """
    say = translations(language).gettext
    sample = words["sample"]
    placed = words["placements"]
    total = {name: sum(one[name] for one in placed) for name in ("recorded", "erased", "lost", "held", "young")}
    return (
        _outcome(words, say),
        Section(
            say(N_("Findings")),
            tuple((say(FINDING_TEXTS[one["code"]]), one["about"]) for one in words["findings"])
            or ((say(N_("none")), ""),),
        ),
        Section(
            say(N_("Segments by the log: recorded = erased + lost + held + young")),
            (
                *((one["name"], _counts(one, say)) for one in placed),
                (say(N_("All cameras")), _counts(total, say)),
            ),
        ),
        Section(
            say(N_("Sample of what was erased in the month")),
            (
                (
                    say(N_("Looked up")),
                    say(N_("{count} of {population}: file gone, row erased, key gone")).format(
                        count=len(sample["segments"]), population=sample["population"]
                    ),
                ),
                (
                    say(N_("Seed")),
                    say(N_("root of the checkpoint of size {size}: {root}")).format(
                        size=sample["checkpoint"], root=sample["seed"]
                    ),
                ),
                (say(N_("Segments")), ", ".join(f"{name} {number}" for name, number in sample["segments"]) or "-"),
            ),
        ),
    )


def as_text(words: Mapping[str, Any], sha256: str, language: str) -> str:
    """Return a report as a text to keep, with the digest that stands in the log."""
    say = translations(language).gettext
    lines = [say(N_("Monthly proof of erasing")), ""]
    for section in sections(words, language):
        lines += [section.title, *(f"  {name}: {value}".rstrip(": ") for name, value in section.lines), ""]
    lines += [say(N_("SHA-256 of the report (JSON), also in the log: {sha256}")).format(sha256=sha256)]
    return "\n".join(lines) + "\n"


def _outcome(words: Mapping[str, Any], say: Callable[[str], str]) -> Section:
    keys, holds = words["keys"], words["holds"]
    is_good = words["result"] == "in-order"
    return Section(
        say(N_("Outcome")),
        (
            (say(N_("Month")), words["month"] + " (UTC)"),
            (say(N_("Result")), say(N_("in order")) if is_good else say(N_("findings"))),
            (say(N_("Made")), _at(words["made_at"])),
            (say(N_("Entries of the log that were gone through")), str(words["entries"])),
            (say(N_("Oldest footage that nobody holds")), _at(words["oldest_unheld_at"])),
            (say(N_("Sweeps in the month")), _swept(words["sweeps"], say)),
            (
                say(N_("Hour keys that exist")),
                say(N_("{count}, the oldest of {time}")).format(count=keys["hours"], time=_at(keys["oldest_at"])),
            ),
            (
                say(N_("Holds")),
                say(N_("{active} active, {pending} being placed, {late} came too late for something")).format(**holds),
            ),
        ),
    )


def _swept(swept: Mapping[str, Any], say: Callable[[str], str]) -> str:
    text = say(N_("{good} good, {stopped} stopped")).format(**swept)
    doubts = ", ".join(
        f"{say(DOUBT_TEXTS[doubt]) if doubt in DOUBT_TEXTS else doubt} {count}x" for doubt, count in swept["doubts"]
    )
    return f"{text} ({doubts})" if doubts else text


def _counts(one: Mapping[str, Any], say: Callable[[str], str]) -> str:
    return say(N_("{recorded} = {erased} + {lost} + {held} + {young}")).format(**one)


def _at(text: str | None) -> str:
    return "-" if text is None else f"{datetime.fromisoformat(text).astimezone(CITY_ZONE):%d-%m-%Y %H:%M:%S %Z}"
