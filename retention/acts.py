"""What retention writes into the ledger."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from retention.parts import DAEMON, By
from vms.db.asking import Asked
from vms.db.early import Erasure
from vms.db.holds import Hold
from vms.db.proofs import Proof, ProofResult
from vms.footage.roots.store import Level
from vms.ledger.acts import Act
from vms.ledger.entries import Entry, Private, Purpose, Result, Value
from vms.ledger.stamps import Stamped
from vms.model import ExportId, HoldId, PlacementId

EARLY = ", once the hour key is destroyed"
"""What an early erasure says behind its level: until then the hour's key, which opens its other footage, lives (docs/erasing.md)."""

Ranges: TypeAlias = Mapping[PlacementId, Sequence[Sequence[int]]]


def _entry(act: Act, words: Mapping[str, Value], by: By = DAEMON) -> Entry:
    return Entry(act=act, actor=by.actor, origin=by.origin, object=words)


def _ranges(found: Ranges) -> Value:
    return {str(placement_id): [list(pair) for pair in pairs] for placement_id, pairs in found.items()}


def hold_placed(by: By, hold: Hold, kept: Ranges, *, is_future: bool) -> Entry:
    """A hold keeps footage."""
    words: dict[str, Value] = {
        "hold_id": hold.id,
        # The daemon finishes a placing that was interrupted: the entry must name the person all the same.
        "requested_by": hold.requested_by,
        "placement_ids": list(hold.placement_ids),
        "from": hold.span.start_at,
        "to": hold.span.end_at,
        "ground": hold.ground,
        "review_on": hold.review_on,
        "segments": _ranges(kept),
        "goes_on": is_future,
    }
    purpose = Purpose("case", hold.case_number, hold.reason)
    return Entry(act=Act.HOLD_PLACE, actor=by.actor, origin=by.origin, object=words, purpose=purpose)


def hold_late(by: By, hold: Hold, late: Ranges) -> Entry:
    """A hold came too late for some footage."""
    words: dict[str, Value] = {
        "hold_id": hold.id,
        "placement_ids": list(hold.placement_ids),
        "segments": _ranges(late),
    }
    return Entry(
        act=Act.HOLD_LATE, actor=by.actor, origin=by.origin, object=words, result=Result.FAILED, why="too-late"
    )


def hold_caught(hold_id: HoldId, caught: Ranges) -> Entry:
    """A hold keeps footage that was sealed since."""
    words: dict[str, Value] = {"hold_id": hold_id, "placement_ids": list(caught), "segments": _ranges(caught)}
    return _entry(Act.HOLD_CATCH, words)


def release_asked(by: By, hold: Hold, asked: Asked, *, is_own: bool) -> Entry:
    """A person asks for the release of a hold; of an own one that is enough."""
    words = _release(hold, asked) | {"own": is_own, "lapses_at": asked.lapses_at, "reason": Private(asked.reason)}
    return _entry(Act.RELEASE_REQUEST, words, by)


def release_decided(by: By, hold: Hold, asked: Asked, refusal: str | None) -> Entry:
    """Another person approves the release, or not."""
    words = _release(hold, asked) | {"requested_by": asked.requested_by}
    if refusal is None:
        return _entry(Act.RELEASE_APPROVE, words, by)
    return _entry(Act.RELEASE_REFUSE, words | {"reason": Private(refusal)}, by)


def release_taken_back(by: By, hold: Hold, asked: Asked, reason: str) -> Entry:
    """A person keeps the hold after all, before it let go."""
    words = _release(hold, asked) | {"was": asked.state.value, "reason": Private(reason)}
    return _entry(Act.RELEASE_TAKE_BACK, words, by)


def release_expired(hold: Hold, asked: Asked) -> Entry:
    """Nobody decided on a release in time."""
    return _entry(Act.RELEASE_EXPIRE, _release(hold, asked))


def _release(hold: Hold, asked: Asked) -> dict[str, Value]:
    return {"release_id": asked.id, "hold_id": hold.id, "placement_ids": list(hold.placement_ids)}


def hold_released(by: By, hold: Hold, reason: str, count: int, release: Asked | None) -> Entry:
    """A hold lets go of its footage; by which release, and who agreed to it."""
    words: dict[str, Value] = {
        "hold_id": hold.id,
        "placement_ids": list(hold.placement_ids),
        "segments": count,
        "reason": Private(reason),
    }
    if release is not None:
        words |= {
            "release_id": release.id,
            "requested_by": release.requested_by,
            "approved_by": release.decided_by,
        }
    return _entry(Act.HOLD_RELEASE, words, by)


def hold_key_intended(hold_id: HoldId) -> Entry:
    """A hold's key that nobody accounts for is going to be destroyed."""
    return _entry(Act.KEY_INTENT, {"hold_id": hold_id})


def hold_key_destroyed(hold_id: HoldId, level: Level) -> Entry:
    """A released hold's key is destroyed."""
    return _entry(Act.KEY_DESTROYED, {"hold_id": hold_id, "level": level.value})


def hold_review_due(hold: Hold) -> Entry:
    """A hold's review date has come."""
    words: dict[str, Value] = {
        "hold_id": hold.id,
        "placement_ids": list(hold.placement_ids),
        "review_on": hold.review_on,
    }
    return _entry(Act.HOLD_EXPIRE, words)


def export_erased(export_id: ExportId, hold_id: HoldId) -> Entry:
    """An export's package is erased with its hold."""
    return _entry(Act.EXPORT_ERASED, {"export_id": export_id, "hold_id": hold_id})


def stray_export_erased(export_id: ExportId) -> Entry:
    """A package without a living hold is erased."""
    return _entry(Act.EXPORT_ERASED, {"export_id": export_id, "because": "no-living-hold"})


def destroy_intended(
    placement_id: PlacementId, hour_at: datetime, numbers: Sequence[Sequence[int]], request: Erasure | None = None
) -> Entry:
    """Segments are going to be erased: they are due, or two persons want it."""
    return _entry(Act.DESTROY_INTENT, _batch(placement_id, hour_at, numbers) | _early(request))


def destroyed(
    placement_id: PlacementId,
    hour_at: datetime,
    numbers: Sequence[Sequence[int]],
    request: Erasure | None,
    *,
    key_until_at: datetime | None,
    level: Level,
) -> Entry:
    """Segments are erased: keys wiped, files gone, both checked.

    Args:
        placement_id: whose.
        hour_at: their hour.
        numbers: as ranges.
        request: the early erasure that they were erased for.
        key_until_at: until when the hour's key may live, when it outlives them: what is erased early, or after a shortened term, is as
            sure as other footage from then on only.
        level: what erasing claims, by the store of root keys.
    """
    words = _batch(placement_id, hour_at, numbers) | _early(request)
    words |= {"method": "keys-wiped, unlinked", "level": level.value, "verified": True}
    if key_until_at is not None:
        words |= {"level": f"{level.value}{EARLY}", "hour_key_until": key_until_at}
    return _entry(Act.DESTROY_DONE, words)


def terms_shortened(placement_id: PlacementId, numbers: Sequence[Sequence[int]], by_s: int) -> Entry:
    """Segments are older than their stamps say, as the clock was so many seconds ahead: they are erased earlier by as much."""
    words: dict[str, Value] = {"placement_id": placement_id, "segments": [list(pair) for pair in numbers], "by_s": by_s}
    return _entry(Act.TERM_SHORTEN, words)


def terms_restored(placement_id: PlacementId, numbers: Sequence[Sequence[int]], by_s: int) -> Entry:
    """Segments are not as much older than their stamps as was thought: the correction of the clock was a mistake."""
    words: dict[str, Value] = {"placement_id": placement_id, "segments": [list(pair) for pair in numbers], "by_s": by_s}
    return _entry(Act.TERM_RESTORE, words)


def _early(request: Erasure | None) -> dict[str, Value]:
    if request is None:
        return {}
    asked = request.asked
    return {
        "early_id": request.id,
        "ground": request.ground.value,
        "requested_by": asked.requested_by,
        "approved_by": asked.decided_by,
    }


def early_asked(by: By, request: Erasure, erasable: int, held: int) -> Entry:
    """Somebody asks to erase footage before its time; the counts are what the person was shown."""
    words = _request(request) | {"erasable": erasable, "held": held, "reason": Private(request.asked.reason)}
    return _entry(Act.EARLY_REQUEST, words, by)


def early_decided(by: By, request: Erasure, erasable: int, held: int, refusal: str | None) -> Entry:
    """Another person approves or refuses it."""
    words = _request(request) | {"requested_by": request.asked.requested_by, "erasable": erasable, "held": held}
    if refusal is None:
        return _entry(Act.EARLY_APPROVE, words, by)
    return _entry(Act.EARLY_REFUSE, words | {"reason": Private(refusal)}, by)


def early_expired(request: Erasure) -> Entry:
    """Nobody decided in time."""
    return _entry(Act.EARLY_EXPIRE, _request(request))


def early_done(request: Erasure, erased: Ranges, held: Ranges, writing: Ranges) -> Entry:
    """All that an early erasure may take is erased; what holds keep, and what is still written, stays."""
    words = _request(request) | _early(request)
    words |= {"segments": _ranges(erased), "held": _ranges(held), "writing": _ranges(writing)}
    return _entry(Act.EARLY_DONE, words)


def _request(request: Erasure) -> dict[str, Value]:
    return {
        "early_id": request.id,
        "placement_ids": list(request.placement_ids),
        "from": request.span.start_at,
        "to": request.span.end_at,
        "ground": request.ground.value,
    }


def _batch(placement_id: PlacementId, hour_at: datetime, numbers: Sequence[Sequence[int]]) -> dict[str, Value]:
    return {"placement_id": placement_id, "hour": hour_at, "segments": [list(pair) for pair in numbers]}


def hour_key_intended(hour_at: datetime) -> Entry:
    """An hour's key is going to be destroyed."""
    return _entry(Act.KEY_INTENT, {"hour": hour_at})


def hour_key_destroyed(hour_at: datetime, level: Level) -> Entry:
    """An hour's key is destroyed."""
    return _entry(Act.KEY_DESTROYED, {"hour": hour_at, "level": level.value})


def sweep_stopped(doubts: Sequence[str], placements: Sequence[PlacementId]) -> Entry:
    """A sweep did not claim all that seems due, because it doubts."""
    words: dict[str, Value] = {"doubts": list(doubts), "placement_ids": list(placements)}
    return Entry(
        act=Act.SWEEP_STOPPED,
        actor=DAEMON.actor,
        origin=DAEMON.origin,
        object=words,
        result=Result.FAILED,
        why="in-doubt",
    )


def clock_doubted(doubts: Sequence[str]) -> Entry:
    """The clock can't be trusted to say what is old."""
    return _entry(Act.CLOCK_DOUBT, {"doubts": list(doubts)})


def sweep_failed(error: str, pending: Sequence[HoldId]) -> Entry:
    """A sweep met an error and claimed nothing more; the holds whose placing is not finished may be why."""
    return Entry(
        act=Act.SWEEP_STOPPED,
        actor=DAEMON.actor,
        origin=DAEMON.origin,
        object={"doubts": [error], "pending_hold_ids": list(pending)},
        result=Result.FAILED,
        why="error",
    )


def breach(oldest_at: datetime) -> Entry:
    """There is footage that is older than the law allows."""
    return _entry(Act.RETENTION_BREACH, {"oldest": oldest_at})


def orphan_erased(placement_id: PlacementId, name: str, why: str) -> Entry:
    """A file without a place in the database is erased."""
    return _entry(Act.ORPHAN_ERASED, {"placement_id": placement_id, "file": name, "because": why})


def damaged(placement_id: PlacementId, number: int, why: str) -> Entry:
    """A sealed segment's file is gone, or not what was sealed."""
    words: dict[str, Value] = {"placement_id": placement_id, "number": number}
    return Entry(
        act=Act.REC_DAMAGED, actor=DAEMON.actor, origin=DAEMON.origin, object=words, result=Result.FAILED, why=why
    )


def panorama_erased(placement_id: PlacementId) -> Entry:
    """A panorama's time was over."""
    return _entry(Act.PANORAMA_ERASED, {"placement_id": placement_id})


def landmarks_erased(placement_id: PlacementId) -> Entry:
    """The time of a placement's landmarks was over before a re-check replaced them."""
    return _entry(Act.LANDMARKS_ERASED, {"placement_id": placement_id})


def clock_asked(by: By, override: Asked, doubts: Sequence[str]) -> Entry:
    """A person says that the clock is right, whatever the guard doubts, and asks another one to say so too."""
    words: dict[str, Value] = {
        "override_id": override.id,
        "lapses_at": override.lapses_at,
        "doubts": list(doubts),
        "reason": Private(override.reason),
    }
    return _entry(Act.CLOCK_REQUEST, words, by)


def clock_decided(by: By, override: Asked, refusal: str | None) -> Entry:
    """Another person says so too, or not."""
    words: dict[str, Value] = {"override_id": override.id, "requested_by": override.requested_by}
    if refusal is None:
        return _entry(Act.CLOCK_APPROVE, words, by)
    return _entry(Act.CLOCK_REFUSE, words | {"reason": Private(refusal)}, by)


def clock_expired(override: Asked) -> Entry:
    """Nobody decided in time, or the clock was not there to be set right in time."""
    return _entry(Act.CLOCK_EXPIRE, {"override_id": override.id, "was": override.state.value})


def clock_confirmed(override: Asked, at: datetime) -> Entry:
    """Two persons have said that the clock is right; from now on it counts."""
    words: dict[str, Value] = {
        "wall": at,
        "override_id": override.id,
        "requested_by": override.requested_by,
        "approved_by": override.decided_by,
    }
    return _entry(Act.CLOCK_CONFIRM, words)


def ledger_contradicted(why: str) -> Entry:
    """The witness has signed another history than the database has."""
    words: dict[str, Value] = {"what": "ledger"}
    return Entry(
        act=Act.INTEGRITY_LOST, actor=DAEMON.actor, origin=DAEMON.origin, object=words, result=Result.FAILED, why=why
    )


def recorded(words: Mapping[str, Value]) -> Entry:
    """A placement-hour's segments, as a Merkle root over them."""
    return _entry(Act.BATCH_RECORDED, words)


def stamped(found: Stamped) -> Entry:
    """An authority outside has stamped a checkpoint, or given something that is not what was asked for."""
    words: dict[str, Value] = {
        "size": found.size,
        "response_sha256": hashlib.sha256(found.response).hexdigest(),
        "stamped": found.stamped_at,
    }
    return Entry(
        act=Act.ANCHOR_STAMPED,
        actor=DAEMON.actor,
        origin=DAEMON.origin,
        object=words,
        result=Result.OK if found.why is None else Result.FAILED,
        why=found.why,
    )


def mailed(size: int, recipients: int, refused: int) -> Entry:
    """A checkpoint was mailed to those who keep it: to how many, and how many of them the mail server refused; no addresses."""
    return _entry(Act.ANCHOR_MAILED, {"size": size, "recipients": recipients, "refused": refused})


def retention_proved(proof: Proof, sums: Mapping[str, Value]) -> Entry:
    """A month's proof of erasing was made; its report is in the database, its digest here."""
    words: dict[str, Value] = {"month": proof.month, "sha256": proof.sha256, "outcome": proof.result.value, **sums}
    is_good = proof.result is ProofResult.IN_ORDER
    return Entry(
        act=Act.RETENTION_PROVED,
        actor=DAEMON.actor,
        origin=DAEMON.origin,
        object=words,
        result=Result.OK if is_good else Result.FAILED,
        why=None if is_good else "findings",
    )
