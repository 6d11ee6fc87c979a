"""The signatures under the monthly proofs of erasing: by whom, in time, and over the very report that the log names."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from auditor.entries import Entry
from auditor.report import Report

SIGN = "proof.sign"
_BY_DAY = 15
"""Of the month after: until this day ends in the city."""
_WITHIN = timedelta(days=7)
"""After the day the proof was made, when that was late: until the last of them ends in the city."""
_SIGNER = "director"
"""The role that signs, and no other."""


def judge_signatures(
    proofs: Mapping[str, Entry],
    signatures: Sequence[Entry],
    ends: Mapping[str, datetime],
    report: Report,
    *,
    at: datetime,
    zone: ZoneInfo,
) -> None:
    """Say of each month that has a proof whether it was signed.

    Args:
        proofs: month -> the newest entry about its proof.
        signatures: the entries about signing, oldest first.
        ends: month -> when it was over, UTC.
        at: the instant that is judged.
        zone: the city's.
    """
    for one in signatures:
        proof = proofs.get(one.text("month") or "")
        if proof is None or not _is_over(one, proof):
            report.find("proof-signed-other", month=str(one.text("month")), seq=one.seq, by=one.actor(), at=one.stamp)
    for month in sorted(proofs):
        proof = proofs[month]
        late_at = signing_ends(ends[month], proof.at, zone)
        own = [one for one in signatures if one.text("month") == month and _is_over(one, proof)]
        due = f"{(late_at - timedelta(microseconds=1)).astimezone(zone):%Y-%m-%d}"
        if not own:
            if late_at <= at:
                report.find("proof-unsigned", month=month, due=due)
            else:
                report.note("proof-not-signed-yet", month=month, due=due)
        for one in own:
            _judge(one, proof, month, report, late_at=late_at, due=due)


def _is_over(signature: Entry, proof: Entry) -> bool:
    """Return whether a signature is over the report that an entry names, and was given after it was made."""
    return signature.text("sha256") == proof.text("sha256") and signature.seq > proof.seq


def signing_ends(end_at: datetime, made_at: datetime, zone: ZoneInfo) -> datetime:
    """Return from when on it is late to sign a month's proof.

    Args:
        end_at: when the month was over, UTC.
        made_at: when the proof was made.
        zone: the city's.
    """
    made = made_at.astimezone(zone)
    by_day = datetime(end_at.year, end_at.month, _BY_DAY + 1, tzinfo=zone)
    within = datetime(made.year, made.month, made.day, tzinfo=zone) + _WITHIN + timedelta(days=1)
    return max(by_day.astimezone(UTC), within.astimezone(UTC))


def _judge(one: Entry, proof: Entry, month: str, report: Report, *, late_at: datetime, due: str) -> None:
    role = one.actor("role")
    report.note("proof-signed", month=month, seq=one.seq, by=one.actor(), role=role, at=one.stamp)
    if one.actor("kind") != "person" or role != _SIGNER:
        report.find("proof-signer", month=month, seq=one.seq, by=one.actor(), role=role or one.actor("kind"))
    if one.at >= late_at:
        report.note("proof-signed-late", month=month, seq=one.seq, due=due)
    if proof.text("outcome") != "in-order" and one.text("remark") is None:
        report.find("proof-unexplained", month=month, seq=one.seq)
