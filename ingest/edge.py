"""Edge recordings: does the camera keep pictures itself? Asked when a placement starts and once a day; said in database and ledger.

Such pictures are unblanked and nobody erases them on time. Nothing is deleted on the camera by itself (decision 0280).
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from ingest.address import CameraAddress
from vms.clock import Clock
from vms.db import edge
from vms.db.edge import EdgeCheck, EdgeRecordings
from vms.db.engine import Database
from vms.errors import InvalidInput, VmsError
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Result, Value
from vms.ledger.log import Ledger
from vms.model import PlacementId

EVERY: Final = timedelta(days=1)
AGAIN_AFTER: Final = timedelta(hours=1)
"""A camera that did not answer is asked again."""
_REFUSES_US: Final = "camera.wrong-password"
REFUSED: Final = "camera.edge-refused"
"""The account may see the pictures, but not what is recorded."""

log = structlog.get_logger(__name__)


class EdgeDevice(Protocol):
    """What is needed of `OnvifDevice`."""

    def edge_recordings(self) -> EdgeRecordings:
        """Ask what the camera keeps."""

    def switch_edge_off(self) -> int:
        """Set its recording jobs to idle."""

    def close(self) -> None:
        """Close."""


def connect(address: CameraAddress, clock: Clock) -> EdgeDevice:
    """Connect to a device: a connection of its own, so that nobody who steers has to wait for it."""
    if address.onvif_url is None:
        raise InvalidInput("this camera has no ONVIF address: look at the camera itself", code="camera.no-onvif")
    from ingest.onvif_device import OnvifDevice

    return OnvifDevice(address, clock)


class EdgeRecords:
    """Where answers go: the row of the placement and the ledger, in one transaction."""

    def __init__(self, placement_id: PlacementId, db: Database, ledger: Ledger, clock: Clock) -> None:
        self.placement_id = placement_id
        self._db = db
        self._ledger = ledger
        self._clock = clock

    def last(self) -> EdgeCheck | None:
        """Return how the camera stands."""
        with self._db.read() as conn:
            return edge.find(conn, self.placement_id)

    def asked(self, device: Callable[[], EdgeDevice]) -> EdgeCheck:
        """Ask, and write down what came of it; a camera that can't be asked is an outcome too.

        Raises:
            VmsError: the database does not answer.
        """
        answer, reason = _answer_of(device)
        now = self._clock.now()
        with self._db.write() as conn:
            before = edge.find(conn, self.placement_id)
            check = EdgeCheck(self.placement_id, now, reason, now if answer is not None else None, answer)
            if answer is None and before is not None and before.answered_at is not None:
                # Never after the asking, even if the clock was put back in between.
                check = replace(check, answered_at=min(before.answered_at, now), answer=before.answer)
            edge.store(conn, check)
            if _is_news(before, check):
                self._ledger.append(conn, _entry(check))
        return check


class EdgeWatch:
    """Ask when it is time. Call `look` every few seconds.

    Args:
        ask: sends the question off; it must not wait.
    """

    def __init__(self, records: EdgeRecords, clock: Clock, ask: Callable[[], None]) -> None:
        self._records = records
        self._clock = clock
        self._ask = ask
        self._quiet: tuple[datetime, datetime] | None = None

    def look(self) -> None:
        """Ask if it is time.

        Raises:
            Unavailable: the database does not answer.
        """
        now = self._clock.now()
        # Two ends, here and below: what lies ahead was asked before a clock was put back.
        if self._quiet is not None and self._quiet[0] <= now < self._quiet[1]:
            return
        last = self._records.last()
        if last is not None:
            due_at = last.asked_at + (EVERY if last.reason is None else AGAIN_AFTER)
            if last.asked_at <= now < due_at:
                self._quiet = (now, due_at)
                return
        self._quiet = (now, now + AGAIN_AFTER)
        self._ask()


def _answer_of(device: Callable[[], EdgeDevice]) -> tuple[EdgeRecordings | None, str | None]:
    """Return the answer, or the code of why there is none."""
    try:
        connected = device()
    except VmsError as error:
        return None, error.code
    try:
        return connected.edge_recordings(), None
    except VmsError as error:
        log.info("the camera can't be asked what it records itself", code=error.code, cause=str(error))
        return None, REFUSED if error.code == _REFUSES_US else error.code
    finally:
        connected.close()


def _is_news(before: EdgeCheck | None, now: EdgeCheck) -> bool:
    """Tell whether it goes into the ledger: recordings every day, anything else when it changes."""
    if before is None or before.reason != now.reason:
        return True
    if now.reason is not None or now.answer is None:
        return False
    return now.keeps or before.answer is None or before.answer.state is not now.answer.state


def _entry(check: EdgeCheck) -> Entry:
    about: dict[str, Value] = {"placement_id": check.placement_id}
    if check.reason is None and check.answer is not None:
        about |= {
            "state": check.answer.state.value,
            "recordings": check.answer.recordings,
            "oldest": check.answer.oldest_at,
            "newest": check.answer.newest_at,
            "retention_s": None if check.answer.retention is None else round(check.answer.retention.total_seconds()),
            "active_jobs": check.answer.active_jobs,
        }
    found = check.reason is None and check.keeps
    return Entry(
        act=Act.EDGE_FOUND if found else Act.EDGE_CHECKED,
        actor=Actor.service("ingest"),
        origin=Origin("vms-ingest"),
        object=about,
        result=Result.OK if check.reason is None else Result.FAILED,
        why=check.reason,
    )
