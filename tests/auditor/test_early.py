"""Two persons' word as the auditor's tool judges it: only what the product itself would have carried out is in order."""

from datetime import UTC, datetime, timedelta

import pytest

from auditor.early import TwoPersons
from auditor.entries import Entry
from auditor.ranges import Ranges
from auditor.report import Report

T0 = datetime(2026, 10, 10, 6, 0, tzinfo=UTC)
SPAN = {"from": "2026-10-10T05:00:00.000000Z", "to": "2026-10-10T05:30:00.000000Z"}
ABOUT = {**SPAN, "placement_ids": ["p0"]}
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FOOTAGE = (T0 - HOUR, T0 - HOUR / 2)

Told = tuple[str, timedelta, dict[str, object]]


def told(step: str, after: timedelta = MINUTE, **changed: object) -> Told:
    """A step of a request, so long after it was made."""
    return step, after, changed


def entry(seq: int, act: str, after: timedelta, words: dict[str, object]) -> Entry:
    """An entry as the product writes it: asked for by one person, approved by another, all else by the daemon."""
    who = {"request": "u-asks", "approve": "u-approves", "refuse": "u-approves"}.get(act.partition(".")[2])
    actor = {"kind": "service", "id": "retention"} if who is None else {"kind": "person", "id": who}
    at = T0 + after
    return Entry(seq, at, f"{at:%Y-%m-%dT%H:%M:%S.%fZ}", act, {"actor": actor, "res": "ok"}, words)


def take(kind: str, steps: list[Told], report: Report) -> TwoPersons:
    """Let the tool read the steps of one request."""
    two, name = TwoPersons(), {"early": "early_id", "clock": "override_id"}[kind]
    for seq, (step, after, changed) in enumerate(steps):
        two.take(entry(seq, f"{kind}.{step}", after, {name: "r-1", **ABOUT, **changed}), report)
    return two


def erase(two: TwoPersons, seq: int, report: Report) -> str | None:
    """Let the daemon announce an erasing as entry `seq`; return what the tool says it lacks."""
    intent = entry(seq, "destroy.intent", 2 * HOUR, {"early_id": "r-1"})
    two.judge(report, intent, name="p0", numbers=Ranges([(1, 1)]), footage=FOOTAGE, kept=timedelta(days=14))
    return next((str(one.values.get("why")) for one in report.findings), None)


@pytest.mark.parametrize(
    ("steps", "lacking"),
    [
        ([told("request"), told("approve")], None),
        ([told("request", timedelta(0)), told("approve", 24 * HOUR + timedelta(seconds=20))], None),
        ([told("request", timedelta(0)), told("approve", 24 * HOUR + MINUTE)], "approval-in-time"),
        ([told("request", 3 * MINUTE), told("approve", MINUTE)], "approval-in-time"),
        ([told("request"), told("refuse"), told("approve")], "open-request"),
        ([told("request"), told("expire"), told("approve")], "open-request"),
        ([told("request"), told("approve"), told("done")], "open-request"),
        ([told("request"), told("approve", to="2026-10-10T06:30:00.000000Z")], "same-words"),
        ([told("request"), ("approve", MINUTE, {"from": "2026-10-09T06:30:00.000000Z"})], "same-words"),
        ([told("request", placement_ids=["p0", "p1"]), told("approve")], "same-words"),
        ([told("approve"), told("request")], "approval"),
    ],
)
def test_an_early_erasure_is_in_order_only_as_the_product_would_do_it(steps: list[Told], lacking: str | None) -> None:
    """An approval that the product refuses to take can only come from a changed program."""
    report = Report("")
    assert erase(take("early", steps, report), 99, report) == lacking


def test_what_is_written_after_an_erasing_does_not_count_for_it() -> None:
    """The list of an hour comes later than its early erasing: the tool judges then, but by what was known before."""
    report = Report("")
    steps = [told("request"), told("approve"), told("done")]
    assert erase(take("early", steps, report), 2, report) is None
    assert erase(take("early", steps, report), 1, report) == "approval"


@pytest.mark.parametrize(
    ("steps", "lacking"),
    [
        ([told("request"), told("approve"), told("confirm", 30 * MINUTE)], []),
        ([told("request"), told("approve", 10 * MINUTE), told("confirm", 39 * MINUTE)], []),
        ([told("request"), told("approve", 32 * MINUTE), told("confirm", 33 * MINUTE)], ["approval-in-time"]),
        ([told("request"), told("approve"), told("confirm", 32 * MINUTE)], ["confirmed-in-time"]),
        ([told("request"), told("approve"), told("confirm"), told("confirm")], ["open-request"]),
        ([told("request"), told("refuse"), told("approve"), told("confirm")], ["open-request"]),
        ([told("request"), told("approve"), told("expire"), told("confirm")], ["open-request"]),
    ],
)
def test_one_approval_declares_a_clock_right_once_and_soon(steps: list[Told], lacking: list[str]) -> None:
    """Else two persons' word of long ago would let one person turn the clock whenever it suits."""
    report = Report("")
    take("clock", steps, report)
    assert [one.values["why"] for one in report.findings] == lacking
    assert all(why not in one.text("nl") for one, why in zip(report.findings, lacking, strict=True)), (
        "in words, no code"
    )
