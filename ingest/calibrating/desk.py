"""Who starts, watches and cancels a calibration or a re-check; what comes of it goes into the database and the ledger, or nowhere.

A run that fails or is cancelled leaves the placement's calibrations as they were, and the camera where it stood. A re-check gives way to
an operator; a calibration does not.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from blanking.calibration import outcome
from blanking.calibration.poses import QUICK, THOROUGH
from blanking.calibration.reexamine import reexamine
from blanking.calibration.sight import Pose
from blanking.plan import parse_plan
from blanking.plan_values import DirectionPlan
from ingest.calibrating.drive import Cancelled, Drive, Motors, reach_of
from ingest.calibrating.eye import CalibrationEye
from ingest.calibrating.procedure import Run, calibrate
from ingest.calibrating.recheck import Rechecker, Subject
from ingest.ptz_space import PtzSpaces
from vms.bus.commands import CalibrationCancel, CalibrationCheck, CalibrationStart, CalibrationStatus
from vms.clock import Clock
from vms.db import calibrations, plans, rechecks
from vms.db.calibrations import Calibration, NewCalibration
from vms.db.engine import Database
from vms.db.rechecks import Check
from vms.errors import Conflict, InvalidInput, VmsError
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Result, Value
from vms.ledger.log import Ledger
from vms.model import CalibrationVerdict, CheckOutcome, PlacementId

IDLE: Final[Mapping[str, Any]] = {"state": "idle"}
_SETTLE_AFTER_S: Final = 5.0
_GIVES_WAY_WITHIN_S: Final = 2.0

_Job = Callable[["Camera", Drive], dict[str, Any]]

log = structlog.get_logger(__name__)


class Camera(Motors, Protocol):
    """What the desk needs of the camera."""

    def spaces(self) -> PtzSpaces:
        """Tell what position numbers mean."""

    def profile(self) -> str:
        """Tell the profile's token."""


@dataclass(frozen=True, slots=True)
class Records:
    """Where a result goes.

    Args:
        tell: called when a run begins and ends, for the worker's status.
    """

    placement_id: PlacementId
    db: Database
    ledger: Ledger
    tell: Callable[[bool], None]


class CalibrationDesk:
    """Run one calibration or re-check at a time, in a thread of its own.

    Args:
        camera: None for one that does not move.
        eye: where the pictures come from.
        rechecker: makes the looks of a re-check.
        subject: gives what a re-check holds against the street; None while there is no plan with a camera model.
    """

    def __init__(
        self,
        camera: Camera | None,
        eye: CalibrationEye,
        records: Records,
        clock: Clock,
        *,
        rechecker: Rechecker,
        subject: Callable[[], Subject | None],
    ) -> None:
        self._camera = camera
        self._eye = eye
        self._records = records
        self._clock = clock
        self._rechecker = rechecker
        self._subject = subject
        self._is_check = False
        self._goes_home = True
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
        self._runs = False
        self._progress: dict[str, Any] = dict(IDLE)

    @property
    def running(self) -> bool:
        """Whether the camera is being measured, so that nobody else may move it."""
        return self._runs

    def obey(
        self, command: CalibrationStart | CalibrationCheck | CalibrationStatus | CalibrationCancel
    ) -> dict[str, Any]:
        """Do what is asked; return how the run stands.

        Raises:
            InvalidInput: this camera does not move, or there is nothing to check.
            Conflict: a run goes on already.
        """
        if isinstance(command, CalibrationStart):
            self._start(
                lambda camera, drive: self._measured(camera, drive, command), command.by, thorough=command.thorough
            )
        elif isinstance(command, CalibrationCheck):
            self.check(command.by)
        elif isinstance(command, CalibrationCancel):
            self._cancelled.set()
        return dict(self._progress)

    def check(self, by: str) -> None:
        """Start a re-check.

        Raises:
            InvalidInput: this camera does not move, or no plan says what its model is.
            Conflict: a run goes on already.
        """
        subject = self._subject()
        if subject is None and self._camera is not None:
            raise InvalidInput(
                "there is no approved plan with a camera model: calibrate and draw masks first",
                code="calibration.no-plan",
            )
        self._start(lambda camera, drive: self._checked(camera, drive, subject, by), by, thorough=None)

    def give_way(self) -> bool:
        """End a re-check for an operator who wants the camera now; return whether it is free. The camera stays where it is."""
        if self._runs and self._is_check:
            self._goes_home = False
            self._cancelled.set()
            if self._thread is not None:
                self._thread.join(_GIVES_WAY_WITHIN_S)
        return not self._runs

    def close(self) -> None:
        """Cancel and wait a little; the camera is stopped."""
        self._cancelled.set()
        if self._thread is not None:
            self._thread.join(_SETTLE_AFTER_S)

    def _start(self, job: _Job, by: str, *, thorough: bool | None) -> None:
        """Begin a run; `thorough` is None for a re-check."""
        camera = self._camera
        if camera is None:
            raise InvalidInput("this camera does not move: there is nothing to calibrate", code="calibration.fixed")
        with self._lock:
            if self.running:
                raise Conflict("this camera is being calibrated already", code="calibration.runs")
            self._runs, self._cancelled = True, threading.Event()
            self._is_check, self._goes_home = thorough is None, True
            self._progress = {
                "state": "running",
                "phase": "first-look",
                "share": 0.0,
                "by": by,
                "check": thorough is None,
                "thorough": bool(thorough),
            }
            self._thread = threading.Thread(
                target=self._work, args=(camera, job, by, self._cancelled), name="calibration", daemon=True
            )
            self._thread.start()

    def _work(self, camera: Camera, job: _Job, by: str, cancelled: threading.Event) -> None:
        self._eye.begin()
        self._records.tell(True)
        drive = Drive(camera, self._eye, self._clock, cancelled)
        ended: dict[str, Any] = {"state": "failed", "code": "calibration.error"}
        home: Pose | None = None
        try:
            home = drive.rest()
            ended = job(camera, drive)
        except Cancelled:
            ended = {"state": "cancelled", "code": "calibration.cancelled"}
        except VmsError as error:
            log.warning("the calibration failed", code=error.code, cause=str(error), check=self._is_check)
            ended = {"state": "failed", "code": error.code, "message": str(error)}
        # A fault of ours must not end the worker: the camera is still watched, and blanked by the plan that counts.
        except Exception:
            log.exception("the calibration failed unexpectedly", check=self._is_check)
        finally:
            if ended["state"] != "done":
                self._write_failure(ended["code"], by)
            self._said("going-back", 0.99)
            self._leave(camera, home if self._goes_home else None)
            self._eye.end()
            self._records.tell(False)
            self._progress = {"by": by, "share": 1.0, "check": self._is_check, **ended}
            self._runs = False

    def _measured(self, camera: Camera, drive: Drive, command: CalibrationStart) -> dict[str, Any]:
        started_at = self._clock.now()
        effort = THOROUGH if command.thorough else QUICK
        run = calibrate(drive, reach_of(camera.spaces()), effort, self._said)
        stored = self._store(run, command.by, camera.profile(), started_at)
        return {"state": "done", "version": stored.version, "verdict": stored.measured.verdict.value}

    def _checked(self, camera: Camera, drive: Drive, subject: Subject | None, by: str) -> dict[str, Any]:
        assert subject is not None
        found = self._rechecker.look(drive, reach_of(camera.spaces()), subject, self._said)
        with self._records.db.write() as conn:
            rechecks.add_check(conn, found.check)
            if found.landmarks is not None:
                rechecks.LANDMARKS.store(conn, found.landmarks)
            self._records.ledger.append(conn, _entry(found.act, {**found.words(), "by": by}))
        return {"state": "done", "outcome": found.check.outcome.value, "document": dict(found.check.document)}

    def _said(self, phase: str, share: float) -> None:
        if phase != self._progress.get("phase"):
            log.info("calibrating", placement_id=self._records.placement_id, phase=phase)
        self._progress |= {"phase": phase, "share": round(share, 3)}

    def _leave(self, camera: Camera, home: Pose | None) -> None:
        """Bring the camera back to where it stood."""
        try:
            camera.stop()
            if home is not None:
                camera.go_to(*home)
                back = Drive(camera, self._eye, self._clock, threading.Event())
                back.rest(home)
        except VmsError as error:
            log.warning("the camera could not be brought back to where it stood", cause=str(error))

    def _store(self, run: Run, by: str, profile: str, started_at: datetime) -> Calibration:
        """Write the result down, with what it means for the masks of the plan that counts."""
        measured, records = run.measured, self._records
        with records.db.write() as conn:
            present = plans.current(conn, records.placement_id)
            stored = calibrations.add(
                conn,
                NewCalibration(
                    placement_id=records.placement_id,
                    document=outcome.document(measured),
                    method=outcome.METHOD,
                    verdict=CalibrationVerdict(outcome.verdict(measured)),
                    profile_token=profile,
                    width_px=measured.frame_px[0],
                    height_px=measured.frame_px[1],
                    rotation_deg=0,
                    started_by=by,
                    started_at=started_at,
                    finished_at=self._clock.now(),
                    masks=_masks(present.document if present is not None else None, measured),
                ),
            )
            about: dict[str, Value] = {
                "placement_id": records.placement_id,
                "version": stored.version,
                "sha256": stored.sha256,
                "verdict": stored.measured.verdict.value,
                "pan_tilt_udeg": round(measured.closeness.pan_tilt_deg * 1e6),
                "zoom_ppm": round(measured.closeness.zoom_rel * 1e6),
                "redraw": sum(1 for mask in stored.measured.masks or () if mask["redraw"]),
                "by": by,
            }
            records.ledger.append(conn, _entry(Act.CALIBRATION_DONE, about))
        return stored

    def _write_failure(self, code: str, by: str) -> None:
        records = self._records
        about: dict[str, Value] = {"placement_id": records.placement_id, "by": by}
        subject = self._subject() if self._is_check else None
        try:
            with records.db.write() as conn:
                if subject is not None and code != "calibration.cancelled":
                    document = {"code": code}
                    at = self._clock.now()
                    rechecks.add_check(
                        conn,
                        Check(
                            records.placement_id,
                            at,
                            subject.version,
                            subject.model,
                            CheckOutcome.NOT_POSSIBLE,
                            document,
                        ),
                    )
                act = Act.CALIBRATION_CHECK if self._is_check else Act.CALIBRATION_FAILED
                records.ledger.append(conn, _entry(act, about, code))
        except VmsError as error:
            log.warning("the failed calibration could not be written down", cause=str(error))


def _masks(document: Mapping[str, Any] | None, measured: outcome.Measured) -> list[dict[str, Any]] | None:
    """Return how far the masks of the plan that counts move under the new model; None when there is nothing to compare."""
    if document is None:
        return None
    plan = parse_plan(dict(document))
    accuracy = outcome.accuracy_of(measured)
    if not isinstance(plan, DirectionPlan) or (plan.width_px, plan.height_px) != measured.frame_px:
        return None
    return [
        {
            "id": move.mask_id,
            "moved_deg": round(move.moved_deg, 4),
            "allowed_deg": round(move.allowed_deg, 4),
            "redraw": move.redraw,
        }
        for move in reexamine(plan, measured.model, accuracy)
    ]


def _entry(act: Act, about: dict[str, Value], why: str | None = None) -> Entry:
    return Entry(
        act=act,
        actor=Actor.service("ingest"),
        origin=Origin("vms-ingest"),
        object=about,
        result=Result.OK if why is None else Result.FAILED,
        why=why,
    )
