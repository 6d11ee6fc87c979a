"""The signatures under the monthly proofs of erasing: by whom, in time, and over the very report that the log names."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from auditor.entries import Entry
from auditor.report import Report

SIGN = "proof.sign"
_BY_DAY = 15
"""Of the month after."""
_WITHIN = timedelta(days=7)
"""Of the proof's making, when that was late."""
_SIGNER = "director"
"""The role that signs, and no other."""


def judge_signatures(
    proofs: Mapping[str, Entry], signatures: Sequence[Entry], ends: Mapping[str, datetime], at: datetime, report: Report
) -> None:
    """Say of each month that has a proof whether it was signed.

    Args:
        proofs: month -> the newest entry about its proof.
        signatures: the entries about signing, oldest first.
        ends: month -> when it was over.
        at: the instant that is judged.
    """
    for one in signatures:
        proof = proofs.get(one.text("month") or "")
        if proof is None or not _is_over(one, proof):
            report.find("proof-signed-other", month=str(one.text("month")), seq=one.seq, by=one.actor(), at=one.stamp)
    for month in sorted(proofs):
        proof = proofs[month]
        due_at = max(ends[month].replace(day=_BY_DAY), proof.at + _WITHIN)
        own = [one for one in signatures if one.text("month") == month and _is_over(one, proof)]
        due = f"{due_at:%Y-%m-%d}"
        if not own:
            if due_at <= at:
                report.find("proof-unsigned", month=month, due=due)
            else:
                report.note("proof-not-signed-yet", month=month, due=due)
        for one in own:
            _judge(one, proof, month, due_at, report)


def _is_over(signature: Entry, proof: Entry) -> bool:
    """Return whether a signature is over the report that an entry names, and was given after it was made."""
    return signature.text("sha256") == proof.text("sha256") and signature.seq > proof.seq


def _judge(one: Entry, proof: Entry, month: str, due_at: datetime, report: Report) -> None:
    role = one.actor("role")
    report.note("proof-signed", month=month, seq=one.seq, by=one.actor(), role=role, at=one.stamp)
    if one.actor("kind") != "person" or role != _SIGNER:
        report.find("proof-signer", month=month, seq=one.seq, by=one.actor(), role=role or one.actor("kind"))
    if one.at >= due_at:
        report.note("proof-signed-late", month=month, seq=one.seq, due=f"{due_at:%Y-%m-%d}")
    if proof.text("outcome") != "in-order" and one.text("remark") is None:
        report.find("proof-unexplained", month=month, seq=one.seq)
