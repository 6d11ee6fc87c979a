"""The daily re-check: a look at the street, held against the plan's model; what comes of it goes into the database and the ledger.

From then on `PlanWatch` widens or greys by the newest finding. Landmarks are points outside of all masks, sealed under the key of the hour
in which they were taken; after `ANEW_AFTER` a look replaces them, and they never outlive footage.
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import structlog

from blanking.calibration import recheck
from blanking.calibration.features import Features
from blanking.calibration.poses import Reach
from blanking.calibration.recheck import Drift, Judgement, Landmarks
from blanking.calibration.sight import Pose
from blanking.calibration.values import Still
from blanking.cover import MaskSphere
from blanking.plan_values import DirectionPlan
from ingest.calibrating.drive import Drive
from vms.clock import Clock
from vms.db import hour_keys, rechecks
from vms.db.engine import Database
from vms.db.rechecks import Check, StoredLandmarks
from vms.errors import InvalidInput, VmsError
from vms.footage.keys import KeyService
from vms.footage.sealed import Sealed, seal, unseal
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.model import RETENTION_CEILING, CheckOutcome, PlacementId, hour_of

ANEW_AFTER: Final = timedelta(days=14)
_LENGTH: Final = struct.Struct(">I")

log = structlog.get_logger(__name__)

Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is held against the street: the plan as approved, never as widened.

    Args:
        version: of the plan.
        model: digest of its camera model.
    """

    version: int
    model: str
    plan: DirectionPlan


@dataclass(frozen=True, slots=True)
class Found:
    """What a look ended with.

    Args:
        act: what the ledger is to say.
        landmarks: to be stored with it; None: the present ones stay.
    """

    check: Check
    act: Act
    landmarks: StoredLandmarks | None

    def words(self) -> dict[str, Value]:
        """Return what the ledger says of it: whole numbers only."""
        document = self.check.document
        return {
            "placement_id": self.check.placement_id,
            "plan_version": self.check.plan_version,
            "outcome": self.check.outcome.value,
            "shift_udeg": round(document["shift_deg"] * 1e6),
            "scale_ppm": round(document["scale_rel"] * 1e6),
            "widen_udeg": round(document["widen_deg"] * 1e6),
            "grey": bool(document["grey"]),
            "poses": int(document["poses"]),
        }


class Rechecker:
    """Make the looks of one placement. For one thread at a time.

    Args:
        keep_for: how long anything of footage may be kept here.
    """

    def __init__(
        self, placement_id: PlacementId, db: Database, keys: KeyService, clock: Clock, keep_for: timedelta
    ) -> None:
        self._placement_id = placement_id
        self._db = db
        self._keys = keys
        self._clock = clock
        self._keep_for = min(keep_for, RETENTION_CEILING)

    def look(self, drive: Drive, reach: Reach, subject: Subject, tell: Tell) -> Found:
        """Drive to the poses, look, and judge.

        Raises:
            InvalidInput: too little is recognised; nothing is known that was not known before.
            VmsError: the camera or the database does not answer.
        """
        plan = subject.plan
        sphere = MaskSphere(plan)
        with self._db.read() as conn:
            stored = rechecks.LANDMARKS.find(conn, self._placement_id)
            last = rechecks.last_found(conn, self._placement_id, subject.model)
        margin_deg = recheck.margin_of(plan.accuracy)
        marks = self._opened(stored, subject.model)
        marks = None if marks is None else recheck.without_masked(marks, plan, sphere, margin_deg)
        rest = drive.rest()
        wanted = (
            recheck.poses_for(rest, reach, plan.camera_model)
            if marks is None
            else [still.pose for still in marks.stills]
        )

        def looked() -> list[Still]:
            found = []
            for number, pose in enumerate(wanted):
                tell("checks", 0.05 + 0.85 * number / len(wanted))
                still = _seen(drive, plan, sphere, pose, stand=number, margin_deg=margin_deg)
                if len(still.features) >= recheck.LEAST_POINTS:
                    found.append(still)
            return found

        stills = looked()
        if drive.frame_px != (plan.width_px, plan.height_px):
            raise InvalidInput("the camera's picture has another size than the plan", code="calibration.size")
        drift = None if marks is None else recheck.drift_from(plan.camera_model, marks, stills)
        by_landmarks = drift is not None
        if drift is None and marks is None:
            drift = recheck.drift_within(plan.camera_model, drive.size_px, stills)
            if drift is not None and not recheck.judged(drift, plan.accuracy).steady:
                # Without landmarks a few pictures of a living street are compared with each other, and who walked on between two of
                # them looks like another scale. What is really off is there in a second look too, and that one counts.
                stills = looked()
                drift = recheck.drift_within(plan.camera_model, drive.size_px, stills) or drift
        if drift is None:
            raise InvalidInput(
                "too little of the street was recognised to say whether the camera still fits its plan; tried again tomorrow",
                code="calibration.unrecognised",
            )
        seen = Landmarks(drive.size_px, tuple(stills))
        return self._found(subject, drift, last, stored, seen, by_landmarks=by_landmarks)

    def _found(
        self,
        subject: Subject,
        drift: Drift,
        last: Check | None,
        stored: StoredLandmarks | None,
        seen: Landmarks,
        *,
        by_landmarks: bool,
    ) -> Found:
        if not by_landmarks and last is not None:
            # Nothing here could show a turned base: what was known of it stays.
            x, y, z = last.document["turned"]
            drift = replace(drift, turned=(x, y, z))
        judged = recheck.judged(drift, subject.plan.accuracy)
        kept = CheckOutcome.STEADY if by_landmarks else CheckOutcome.FIRST
        outcome = kept if judged.steady else CheckOutcome.DRIFTED
        now = self._clock.now()
        check = Check(
            self._placement_id, now, subject.version, subject.model, outcome, _document(drift, judged, subject.plan)
        )
        is_old = stored is None or stored.model != subject.model or now - stored.taken_at >= ANEW_AFTER
        # A camera that is off may look at a dwelling where its plan has a street: nothing of that is kept.
        anew = (
            self._sealed(subject.model, replace(seen, turned=drift.turned), now) if is_old and judged.steady else None
        )
        return Found(check, Act.CALIBRATION_CHECK if judged.steady else Act.CALIBRATION_DRIFT, anew)

    def _opened(self, stored: StoredLandmarks | None, model: str) -> Landmarks | None:
        if stored is None or stored.model != model or stored.due_at <= self._clock.now():
            return None
        context = _context(stored.placement_id, stored.model, stored.taken_at)
        try:
            return _unpacked(unseal(self._keys, Sealed(stored.hour_at, stored.wrapped_key, stored.sealed), context))
        except (VmsError, ValueError, KeyError, struct.error) as error:
            log.warning("the landmarks can't be used; new ones are taken", cause=str(error))
            return None

    def _sealed(self, model: str, landmarks: Landmarks, taken_at: datetime) -> StoredLandmarks:
        with self._db.write() as conn:
            hour_keys.require_live(conn, hour_of(taken_at))
        sealed = seal(self._keys, hour_of(taken_at), _context(self._placement_id, model, taken_at), _packed(landmarks))
        return StoredLandmarks(
            self._placement_id,
            model,
            taken_at,
            taken_at + self._keep_for,
            sealed.hour_at,
            sealed.wrapped_key,
            sealed.data,
        )


def _seen(drive: Drive, plan: DirectionPlan, sphere: MaskSphere, pose: Pose, *, stand: int, margin_deg: float) -> Still:
    found = drive.go(pose)
    return recheck.still_of(plan, sphere, drive.picture().luma, found, stand=stand, margin_deg=margin_deg)


def _document(drift: Drift, judged: Judgement, plan: DirectionPlan) -> dict[str, Any]:
    return {
        "shift_deg": round(drift.shift_deg, 4),
        "turned": list(drift.turned),
        "uneven_deg": round(drift.uneven_deg, 4),
        "scale_rel": round(drift.scale_rel, 5),
        "poses": drift.poses,
        "matches": drift.matches,
        "stated_deg": plan.accuracy.pan_tilt_deg,
        "stated_rel": plan.accuracy.zoom_rel,
        "widen_deg": judged.widen_deg,
        "widen_rel": judged.widen_rel,
        "grey": judged.beyond,
    }


def _context(placement_id: PlacementId, model: str, taken_at: datetime) -> bytes:
    return f"landmarks|{placement_id}|{model}|{taken_at.isoformat()}".encode()


def _packed(landmarks: Landmarks) -> bytes:
    """Return a length, JSON, then per still its points (float32 x, y) and descriptors (128 bytes a point)."""
    head = json.dumps(
        {
            "size_px": landmarks.size_px,
            "turned": landmarks.turned,
            "stills": [{"pose": still.pose, "points": len(still.features)} for still in landmarks.stills],
        }
    ).encode()
    body = [
        part
        for still in landmarks.stills
        for part in (still.features.points_px.astype("<f4").tobytes(), still.features.descriptors.tobytes())
    ]
    return b"".join([_LENGTH.pack(len(head)), head, *body])


def _unpacked(data: bytes) -> Landmarks:
    (length,) = _LENGTH.unpack_from(data)
    head: Mapping[str, Any] = json.loads(data[4 : 4 + length])
    at, stills = 4 + length, []
    for number, one in enumerate(head["stills"]):
        count = int(one["points"])
        points = np.frombuffer(data, "<f4", 2 * count, at).reshape(count, 2).astype(np.float64)
        descriptors = np.frombuffer(data, np.uint8, 128 * count, at + 8 * count).reshape(count, 128)
        at += 136 * count
        pan, tilt, zoom = (float(part) for part in one["pose"])
        stills.append(Still((pan, tilt, zoom), Features(points, descriptors), number))
    width, height = head["size_px"]
    x, y, z = (float(part) for part in head["turned"])
    return Landmarks((int(width), int(height)), tuple(stills), (x, y, z))
