"""`access --sign-ins`: each month's reviews of sign-ins drawn again from the entries, and what nobody reviewed.

Nothing is taken from the draws but what they were free in: the odd hours and the number of places. The population, the reasons, the
seed and the sample are worked out here.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from zoneinfo import ZoneInfo

from auditor import entries, tree
from auditor.bundle import Bundle, lines_of, listed
from auditor.entries import Entry
from auditor.report import Report

ACTS = frozenset({"auth.sign-in", "auth.refused", "auth.locked"})
REASONS = ("failure", "new-address", "odd-hour", "random")
SIGNER = "director"
"""The role that reviews sign-ins, and no other."""
DUE_ON_DAY = 15
"""Of the month after: by the end of this day, in the city, the review is signed."""
_ADDRESS_KNOWN_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in, a refusal or a lock.

    Args:
        last_at: when the account last signed in from this address before, by the log's order.
    """

    seq: int
    at: datetime
    act: str
    account: str
    address: str
    last_at: datetime | None

    @property
    def is_failure(self) -> bool:
        """Whether nobody came in."""
        return self.act != "auth.sign-in"


@dataclass(slots=True)
class Review:
    """A review of a month's sign-ins, as the log has it.

    Args:
        marks: the newest judgement of each sign-in before the signature.
        after: what was judged or signed after it.
    """

    draw: Entry
    marks: dict[int, Entry] = field(default_factory=dict)
    signed: Entry | None = None
    after: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the city: `2026-10`, its instants, and until when its review must be signed."""

    name: str
    start_at: datetime
    end_at: datetime
    late_at: datetime


@dataclass(frozen=True, slots=True)
class Log:
    """What of the log draws are checked with.

    Args:
        roots: over the first so many entries, hexadecimal.
        zone: the city's.
    """

    roots: dict[int, str]
    zone: ZoneInfo


def sign_ins(bundle: Bundle, report: Report, zone: ZoneInfo) -> None:
    """Check the reviews of the months that are over within the bundle's period, and tell what was not reviewed."""
    found, reviews = _read(bundle, report)
    roots = _roots(bundle, report, {upto for one in reviews.values() if (upto := _count(one.draw, "upto")) is not None})
    report.columns = ("month", "sign_ins", "failures", "drawn", "not_drawn", "signed", "by", "review_findings")
    for month in _months(bundle, zone):
        own = [one for one in found if month.start_at <= one.at < month.end_at]
        drawn = [one for one in reviews.values() if one.draw.text("month") == month.name]
        for review in drawn:
            before = [one for one in own if one.seq < review.draw.seq]
            _check_draw(review.draw, before, month, report, log=Log(roots, zone))
            _check_judges(review, {one.seq: one.account for one in before}, report)
        _tell(bundle, month, own, drawn, report)


def _read(bundle: Bundle, report: Report) -> tuple[list[SignIn], dict[str, Review]]:
    """Return all sign-ins of persons, in the log's order, and the reviews of sign-ins by their id."""
    found: list[SignIn] = []
    reviews: dict[str, Review] = {}
    last_at: dict[tuple[str, str], datetime] = {}
    for entry in entries.read(bundle, report, ACTS | {"review.draw", "review.mark", "review.sign"}):
        if entry.act in ACTS:
            if entry.actor("kind") == "person":
                origin = entry.words["origin"]
                place = entry.actor(), str(origin.get("ip") if isinstance(origin, dict) else None)
                found.append(SignIn(entry.seq, entry.at, entry.act, *place, last_at.get(place)))
                if entry.act == "auth.sign-in":
                    last_at[place] = entry.at
            continue
        review_id = str(entry.obj.get("review_id"))
        if entry.act == "review.draw" and entry.obj.get("kind") == "sign-ins":
            reviews[review_id] = Review(entry)
        elif review_id in reviews and entry.act == "review.mark":
            _note_mark(reviews[review_id], entry)
        elif review_id in reviews and entry.act == "review.sign":
            _note_signature(reviews[review_id], entry)
    return found, reviews


def _note_mark(review: Review, mark: Entry) -> None:
    seq = _count(mark, "entry")
    if review.signed is not None:
        review.after.append(mark)
    elif seq is not None:
        review.marks[seq] = mark


def _note_signature(review: Review, signature: Entry) -> None:
    if review.signed is None:
        review.signed = signature
    else:
        review.after.append(signature)


def _roots(bundle: Bundle, report: Report, sizes: set[int]) -> dict[int, str]:
    """Return the roots over the first so many entries, hexadecimal."""
    found: dict[int, str] = {}
    peaks: list[tuple[int, bytes]] = []
    last = max(sizes, default=0)
    for first, packed in bundle.manifest.entry_files():
        if first >= last:
            break
        for seq, line in enumerate(lines_of(bundle.checked(packed, report)), first):
            height, whole = 0, tree.leaf_hash(line)
            while peaks and peaks[-1][0] == height:
                height, whole = height + 1, tree.node_hash(peaks.pop()[1], whole)
            peaks.append((height, whole))
            if seq + 1 in sizes:
                root = peaks[-1][1]
                for _, left in reversed(peaks[:-1]):
                    root = tree.node_hash(left, root)
                found[seq + 1] = root.hex()
    return found


def _months(bundle: Bundle, zone: ZoneInfo) -> Iterator[Month]:
    start, until = entries.instant(bundle.manifest.start), entries.instant(bundle.manifest.until)
    first = entries.first_at(bundle)
    if start is None or until is None or first is None:
        return
    civil = max(start, first).astimezone(zone)
    year, number = civil.year, civil.month
    while True:
        ends = year + number // 12, number % 12 + 1
        end_at = datetime(*ends, 1, tzinfo=zone).astimezone(UTC)
        if end_at > until:
            return
        start_at = datetime(year, number, 1, tzinfo=zone).astimezone(UTC)
        late_at = datetime(*ends, DUE_ON_DAY + 1, tzinfo=zone).astimezone(UTC)
        yield Month(f"{year}-{number:02}", start_at, end_at, late_at)
        year, number = ends


def _check_draw(draw: Entry, found: list[SignIn], month: Month, report: Report, *, log: Log) -> None:
    """Draw again, and hold it against what the log says was drawn."""
    odd = [one for one in listed(draw.obj, "odd_hours") if _is_count(one) and one < 24]
    places, upto = _count(draw, "sample"), _count(draw, "upto")
    if len(odd) != 2 or places is None or upto is None:
        report.find("entry-words", seq=draw.seq, act=draw.act)
        return
    if (draw.instant("from"), draw.instant("to")) != (month.start_at, month.end_at):
        report.find("sign-ins-period", seq=draw.seq, month=month.name)
    if _count(draw, "population") != len(found):
        said = str(draw.obj.get("population"))
        report.find("sign-ins-population", seq=draw.seq, month=month.name, said=said, found=len(found))
    last = found[-1].seq + 1 if found else 0
    if upto != last or draw.text("seed") != log.roots.get(last):
        report.find("sign-ins-seed", seq=draw.seq, month=month.name)
    reasons = {one.seq: _reasons(one, (odd[0], odd[1]), log.zone) for one in found}
    mine = sorted(_drawn(found, reasons, log.roots.get(last, ""), places))
    if (listed(draw.obj, "entries"), listed(draw.obj, "reasons")) != (mine, [" ".join(reasons[seq]) for seq in mine]):
        report.find("sign-ins-other", seq=draw.seq, month=month.name)
    if odd[0] == odd[1]:
        report.note("sign-ins-no-odd-hours", seq=draw.seq, month=month.name)


def _reasons(one: SignIn, odd: tuple[int, int], zone: ZoneInfo) -> list[str]:
    hour, (begin, end) = one.at.astimezone(zone).hour, odd
    is_odd = begin <= hour < end if begin <= end else hour >= begin or hour < end
    is_new = not one.is_failure and (one.last_at is None or one.at - one.last_at > _ADDRESS_KNOWN_FOR)
    found = [name for name, holds in zip(REASONS, (one.is_failure, is_new, is_odd), strict=False) if holds]
    return found or ["random"]


def _drawn(found: list[SignIn], reasons: dict[int, list[str]], seed: str, places: int) -> list[int]:
    """Return the numbers drawn: first reasons take turns; within one, what has had the fewest of its account and address."""
    columns: dict[str, list[tuple[int, bytes, int]]] = {name: [] for name in REASONS}
    had: Counter[tuple[str, str, str, str]] = Counter()
    hashes = {one.seq: hashlib.sha256(f"{seed}|{one.seq}".encode()).digest() for one in found}
    for one in sorted(found, key=lambda one: hashes[one.seq]):
        reason = reasons[one.seq][0]
        kind = reason, one.act, one.account, one.address
        columns[reason].append((had[kind], hashes[one.seq], one.seq))
        had[kind] += 1
    turns = zip_longest(*(sorted(columns[name]) for name in REASONS))
    return [one[2] for turn in turns for one in turn if one is not None][:places]


def _check_judges(review: Review, accounts: dict[int, str], report: Report) -> None:
    """Look for sign-ins that their own person judged, or somebody who had not drawn them, and for a signature over something else."""
    drawer = review.draw.actor()
    for seq, mark in sorted(review.marks.items()):
        if accounts.get(seq) == mark.actor():
            report.find("sign-ins-own", seq=seq, who=mark.actor())
        elif drawer not in {mark.actor(), accounts.get(seq)}:
            report.find("sign-ins-judge", seq=seq, who=mark.actor(), drew=drawer)
    for entry in review.after:
        report.find("sign-ins-after", seq=entry.seq, who=entry.actor(), act=entry.act)
    if review.signed is None:
        return
    role = review.signed.actor("role")
    if review.signed.actor() != drawer or review.signed.actor("kind") != "person" or role != SIGNER:
        report.find("sign-ins-signer", seq=review.signed.seq, who=review.signed.actor(), role=role or "-", drew=drawer)
    unjudged = [seq for seq in listed(review.draw.obj, "entries") if seq not in review.marks]
    for seq in unjudged:
        report.find("sign-ins-unjudged", seq=str(seq), sign=review.signed.seq)
    if not unjudged:
        _check_answers(review, review.signed, report)


def _check_answers(review: Review, signature: Entry, report: Report) -> None:
    """Hold what the signature says was judged against the judgements themselves."""
    said = [one[:2] for one in listed(signature.obj, "answers") if isinstance(one, list)]
    judged = [[seq, review.marks[seq].text("verdict")] for seq in listed(review.draw.obj, "entries")]
    findings = sum(verdict == "finding" for _, verdict in judged)
    if said != judged or _count(signature, "findings") != findings:
        report.find("sign-ins-answers", seq=signature.seq, who=signature.actor(), found=findings)


def _tell(bundle: Bundle, month: Month, found: list[SignIn], reviews: list[Review], report: Report) -> None:
    """Say how a month stands: reviewed in time, late or not at all, and what no sample had."""
    if not found:
        return
    signed = sorted((one.signed for one in reviews if one.signed is not None), key=lambda one: one.seq)
    drawn = {
        seq for one in reviews if one.signed is not None for seq in listed(one.draw.obj, "entries") if _is_count(seq)
    }
    left = [one for one in found if one.seq not in drawn]
    until = entries.instant(bundle.manifest.until)
    if not signed and until is not None and until >= month.late_at:
        report.find("sign-ins-unreviewed", month=month.name, count=len(found))
    elif not signed:
        report.note("sign-ins-not-yet", month=month.name, count=len(found))
    elif signed[0].at >= month.late_at:
        report.find("sign-ins-late", month=month.name, seq=signed[0].seq, at=signed[0].stamp)
    if signed and (failures := sum(one.is_failure for one in left)):
        report.note("sign-ins-not-drawn", month=month.name, count=failures)
    report.rows.append(
        (
            month.name,
            len(found),
            sum(one.is_failure for one in found),
            len(found) - len(left),
            len(left),
            signed[0].stamp if signed else "-",
            signed[0].actor() if signed else "-",
            str(signed[0].obj.get("findings")) if signed else "-",
        )
    )


def _count(entry: Entry, name: str) -> int | None:
    value = entry.obj.get(name)
    return value if _is_count(value) else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
