"""What the recorder and the repair write into the ledger."""

from collections.abc import Mapping
from datetime import datetime

from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Result, Value
from vms.model import GapCause, PlacementId, SegmentMode

_INGEST = Actor.service("ingest")
_ORIGIN = Origin("vms-ingest")


def _entry(act: Act, words: Mapping[str, Value], *, failed_because: str | None = None) -> Entry:
    result = Result.OK if failed_because is None else Result.FAILED
    return Entry(act=act, actor=_INGEST, origin=_ORIGIN, object=words, result=result, why=failed_because)


def recording_started(placement_id: PlacementId, epoch: int, mode: SegmentMode, plan_version: int) -> Entry:
    """Recording of a placement begins."""
    words: dict[str, Value] = {
        "placement_id": placement_id,
        "epoch": epoch,
        "mode": mode.value,
        "plan_version": plan_version,
    }
    return _entry(Act.REC_START, words)


def recording_stopped(placement_id: PlacementId, epoch: int, cause: GapCause) -> Entry:
    """Recording of a placement ends in good order."""
    return _entry(Act.REC_STOP, {"placement_id": placement_id, "epoch": epoch, "cause": cause.value})


def gap(placement_id: PlacementId, start_at: datetime, end_at: datetime | None, cause: GapCause) -> Entry:
    """Nothing is recorded from an instant on (`end_at` None), or was not in a span."""
    words: dict[str, Value] = {"placement_id": placement_id, "from": start_at, "to": end_at, "cause": cause.value}
    return _entry(Act.REC_GAP, words)


def clock_doubted(placement_id: PlacementId, step_s: int) -> Entry:
    """The machine's clock was set by so many seconds while a placement was recorded: instants before it may be wrong."""
    return _entry(Act.CLOCK_DOUBT, {"placement_id": placement_id, "doubts": ["recorder-clock-step"], "step_s": step_s})


def wall_clock_off(placement_id: PlacementId, off_s: int, *, was_s: int) -> Entry:
    """The machine's wall clock is so many seconds ahead of the time by which footage is stamped (0: that goes by it again)."""
    words: dict[str, Value] = {
        "placement_id": placement_id,
        "doubts": ["wall-clock-off"],
        "off_s": off_s,
        "was_s": was_s,
    }
    return _entry(Act.CLOCK_DOUBT, words)


def repaired(placement_id: PlacementId, number: int, start_at: datetime, end_at: datetime, *, is_whole: bool) -> Entry:
    """A segment that a crash left open has been sealed."""
    words: dict[str, Value] = {
        "placement_id": placement_id,
        "number": number,
        "from": start_at,
        "to": end_at,
        "whole": is_whole,
    }
    return _entry(Act.REC_REPAIRED, words)


def lost(placement_id: PlacementId, number: int, start_at: datetime) -> Entry:
    """A segment never got readable footage."""
    words: dict[str, Value] = {"placement_id": placement_id, "number": number, "from": start_at}
    return _entry(Act.REC_LOST, words, failed_because="crash-before-first-fragment")
