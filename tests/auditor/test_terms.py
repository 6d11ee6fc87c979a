"""What the auditor's tool believes of footage that is older than its stamps say."""

from datetime import UTC, datetime, timedelta

import pytest

from auditor.entries import Entry, stamp
from auditor.ranges import Ranges
from auditor.report import Report
from auditor.terms import Cuts, SetBacks

T0 = datetime(2026, 10, 10, 6, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def told(seq: int, by: object, segments: object = None, act: str = "term.shorten") -> Entry:
    """An entry about terms."""
    words: dict[str, object] = {"placement_id": "p0", "segments": segments or [[1, 3]], "by_s": by}
    return Entry(seq, T0, "", act, {}, words)


def set_back(*stamps: timedelta) -> SetBacks:
    """The log's stamps so far, entry by entry."""
    backs = SetBacks()
    for seq, one in enumerate(stamps):
        backs.take(seq, stamp(T0 + one))
    return backs


def cut_of(cuts: Cuts, number: int, before: int | None = None) -> timedelta:
    """By how much a segment is older."""
    [(cut, _)] = cuts.of(Ranges([(number, number)]), before)
    return cut


@pytest.mark.parametrize(
    ("backs", "is_founded"),
    [
        (set_back(DAY, timedelta(0)), True),
        (set_back(DAY, HOUR), True),
        (set_back(12 * HOUR, timedelta(0), 12 * HOUR, HOUR), True),
        (set_back(20 * HOUR, timedelta(0)), False),
        (set_back(timedelta(0), DAY, 2 * DAY), False),
        (set_back(*(timedelta(seconds=number % 2) for number in range(90_000))), False),
    ],
)
def test_only_a_clock_that_was_set_back_makes_footage_older(backs: SetBacks, *, is_founded: bool) -> None:
    """By about as much; many processes that stamp in another order than they write are none."""
    cuts, report = Cuts(), Report("")
    cuts.take(told(7, 86_400), "p0", backs, report)
    assert [one.code for one in report.findings] == ([] if is_founded else ["term-unfounded"])
    assert [one.code for one in report.notes] == (["term-shortened"] if is_founded else [])
    assert cut_of(cuts, 2) == (DAY if is_founded else timedelta(0))


def test_a_step_excuses_only_what_was_recorded_before_it() -> None:
    """Else one honest correction would let somebody erase whatever comes after it, for ever."""
    backs = set_back(DAY, timedelta(0), HOUR, 9 * DAY)
    short = timedelta(hours=2)
    assert backs.since(T0 + HOUR) == backs.since(T0 + DAY) == backs.since() == DAY + short
    assert backs.since(T0 + DAY + HOUR) == short, "stamped later than the highest stamp before the step"
    assert (backs.since(T0, before=0), backs.since(T0, before=1)) == (short, DAY + short)


def test_it_can_not_be_told_twice_from_one_step() -> None:
    """Each entry alone would be borne out."""
    cuts, report, backs = Cuts(), Report(""), set_back(DAY, timedelta(0))
    cuts.take(told(7, 86_400), "p0", backs, report)
    cuts.take(told(8, 86_400, [[4, 4]]), "p0", backs, report)
    assert report.findings == []
    cuts.take(told(9, 86_400, [[3, 4]]), "p0", backs, report)
    assert [one.values["seq"] for one in report.findings] == [9]


def test_what_is_told_later_excuses_nothing_before_it_and_can_be_taken_back() -> None:
    """An intent is judged by what the log said then, also when the list of its hour comes later."""
    cuts, report, backs = Cuts(), Report(""), set_back(DAY, timedelta(0))
    cuts.take(told(7, 86_400), "p0", backs, report)
    cuts.take(told(9, 86_400, [[2, 2]], "term.restore"), "p0", backs, report)
    assert [cut_of(cuts, 2, before=seq) for seq in (7, 8, 9, 10)] == [timedelta(0), DAY, DAY, timedelta(0)]
    assert (cut_of(cuts, 3), cut_of(cuts, 4)) == (DAY, timedelta(0))
    cuts.take(told(11, 99_999, [[1, 3]], "term.restore"), "p0", backs, report)
    assert cut_of(cuts, 1) == timedelta(0), "never younger than the stamps"


@pytest.mark.parametrize("wrong", [None, "86400", -1, True, 1.5, 10**12])
def test_words_that_say_nothing_are_found(wrong: object) -> None:
    """Whoever wrote them, it was not this product."""
    cuts, report = Cuts(), Report("")
    cuts.take(told(7, wrong), "p0", set_back(DAY, timedelta(0)), report)
    cuts.take(told(8, 60, [["x", 2]]), "p0", set_back(DAY, timedelta(0)), report)
    assert [one.code for one in report.findings] == ["entry-words", "entry-words"]
