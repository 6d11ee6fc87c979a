"""The words of the product as values: ids, states, spans, and the two numbers the law sets.

Nothing here does I/O. The words are those of the glossary, docs/glossary.md.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NewType

from vms.errors import InvalidInput

CameraId = NewType("CameraId", str)
PlacementId = NewType("PlacementId", str)
UserId = NewType("UserId", str)
HoldId = NewType("HoldId", str)
ExportId = NewType("ExportId", str)
CommissioningId = NewType("CommissioningId", str)
ErasureId = NewType("ErasureId", str)
OverrideId = NewType("OverrideId", str)
ViewStatementId = NewType("ViewStatementId", str)

RETENTION_CEILING = timedelta(days=28)
"""The longest that a frame may be kept without a hold (Gemeentewet art. 151c). No setting exceeds it; the database checks it too."""

SEGMENT_LENGTH = timedelta(seconds=60)
"""The length that the recorder aims at; segments are cut at the first keyframe after the clock minute."""

SEGMENT_LONGEST = timedelta(seconds=120)
"""The length beyond which a segment is cut whatever the camera does."""


COMMISSIONING_CEILING = timedelta(minutes=30)
"""The longest that a placement may be shown unblanked for drawing masks (design section 4). No setting exceeds it; the database
checks it too."""

COMMISSIONING_MOST_PX = 240
"""Samples along the longer side of a commissioning picture, at most. Not a setting."""


class CameraKind(StrEnum):
    """Whether the camera can move by itself."""

    FIXED = "fixed"
    PTZ = "ptz"


class PlanState(StrEnum):
    """A blanking plan counts only when approved."""

    DRAFT = "draft"
    REFUSED = "refused"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


class CommissioningState(StrEnum):
    """The life of a leave to see a placement unblanked: asked for, decided by a second person, over."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    CLOSED = "closed"


class AskedState(StrEnum):
    """The life of an act that one person asks for and another decides. EXPIRED: not decided, or not carried out, in time.

    WITHDRAWN: taken back before it was carried out; releases of holds only.
    """

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    DONE = "done"
    WITHDRAWN = "withdrawn"


class HoldGround(StrEnum):
    """On what ground footage may be kept; a closed list. Holds of before may say `complaint`: only an offence allows more than 28 days."""

    INVESTIGATION = "investigation"
    PROSECUTOR = "prosecutor"


class ErasureGround(StrEnum):
    """Why footage may be erased before its time; a closed list."""

    UNLAWFUL_RECORDING = "unlawful-recording"
    ORDER_OF_CONTROLLER = "order-of-controller"
    ORDER_OF_COURT = "order-of-court"
    ORDER_OF_AUTHORITY = "order-of-authority"
    OBJECTION_UPHELD = "objection-upheld"


class CalibrationVerdict(StrEnum):
    """What a calibration is worth, in one word."""

    GOOD = "good"
    USABLE = "usable"
    POOR = "poor"


class CheckOutcome(StrEnum):
    """What a re-check of a calibration found. FIRST has nothing yet to compare with."""

    FIRST = "first"
    STEADY = "steady"
    DRIFTED = "drifted"
    NOT_POSSIBLE = "not-possible"


class EdgeState(StrEnum):
    """What a camera keeps by itself: it has no such service, the service holds nothing, or it records or has recorded."""

    NONE = "none"
    EMPTY = "empty"
    RECORDINGS = "recordings"


class SegmentState(StrEnum):
    """The life of a segment. LOST never had a file; DAMAGED has lost or spoilt it and is still erased."""

    OPEN = "open"
    SEALED = "sealed"
    EXPIRING = "expiring"
    DESTROYED = "destroyed"
    LOST = "lost"
    DAMAGED = "damaged"


class SegmentMode(StrEnum):
    """How the pictures came into the segment."""

    MASKED = "masked"
    COPIED = "copied"


class HoldState(StrEnum):
    """The life of a hold."""

    PENDING = "pending"
    ACTIVE = "active"
    RELEASING = "releasing"
    RELEASED = "released"
    ABORTED = "aborted"


class HoldOutcome(StrEnum):
    """What a hold could do for one segment, or for the whole span."""

    ACCEPTED = "accepted"
    PARTLY = "partly"
    TOO_LATE = "too-late"


class HourKeyState(StrEnum):
    """The life of an hour key."""

    LIVE = "live"
    DYING = "dying"
    DESTROYED = "destroyed"


class ExportState(StrEnum):
    """The life of an export."""

    REQUESTED = "requested"
    APPROVED = "approved"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"
    REFUSED = "refused"


class GapCause(StrEnum):
    """Why nothing was recorded. Every gap has one."""

    CAMERA_UNREACHABLE = "camera-unreachable"
    CAMERA_REFUSED = "camera-refused"
    CAMERA_STALLED = "camera-stalled"
    CAMERA_RESTARTED = "camera-restarted"
    WORKER_STOPPED = "worker-stopped"
    WORKER_CRASHED = "worker-crashed"
    WORKER_STALLED = "worker-stalled"
    STORAGE_FULL = "storage-full"
    DATABASE_AWAY = "database-away"
    FENCED = "fenced"
    OVERLOAD = "overload"
    CLOCK_STEP = "clock-step"
    NO_DECISION = "no-decision"


class Role(StrEnum):
    """The roles of design section 9; what each may do stands in config/policy.toml."""

    OBSERVER = "observer"
    DIRECTOR = "director"
    INVESTIGATOR = "investigator"
    BLANKING_OFFICER = "blanking-officer"
    TECHNICIAN = "technician"
    POLICY_OFFICER = "policy-officer"
    AUDITOR = "auditor"
    IDENTITY_ADMIN = "identity-admin"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time, aware UTC.

    Raises:
        InvalidInput: an instant is naive, or the end is not after the start.
    """

    start_at: datetime
    end_at: datetime

    def __post_init__(self) -> None:
        if self.start_at.tzinfo is None or self.end_at.tzinfo is None:
            raise InvalidInput("a span needs instants with a time zone", code="span.naive")
        if self.end_at <= self.start_at:
            raise InvalidInput("the end of a span must be after its start", code="span.order")

    def overlaps(self, other: "Span") -> bool:
        """Return whether the two spans share an instant."""
        return self.start_at < other.end_at and other.start_at < self.end_at


LONGEST_LABEL = 100

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a label has none of: line ends, controls, what turns the direction of writing, what is no character."""


def checked_label(text: str, what: str, longest: int = LONGEST_LABEL, code: str = "label") -> str:
    """Return a text that is shown in one line, trimmed: it looks on every screen and in every log like what was typed.

    Args:
        what: what it is called in the message.
        longest: characters at most.
        code: of the error.

    Raises:
        InvalidInput: it is empty, too long, or holds a line end, a control, or a character that turns the direction of writing.
    """
    label = text.strip()
    if not 1 <= len(label) <= longest:
        raise InvalidInput(f"{what} has 1 to {longest} characters", code=code, longest=longest)
    odd = odd_character(label)
    if odd is not None:
        raise InvalidInput(f"{what} is one line of plain text: leave out {odd}", code=code, longest=longest)
    return label


_UNREADABLE = _UNPRINTABLE - {"Cf"}
_TURNS_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def odd_character(text: str, *, has_lines: bool = False) -> str | None:
    """Return the first character that a text may not have, as `U+202E`, or None.

    Args:
        has_lines: line ends and tabs are allowed, and so are invisible characters that turn no direction, as in emoji; else none of them.
    """
    for one in text:
        if has_lines:
            is_odd = one in _TURNS_DIRECTION or (one not in "\n\t" and unicodedata.category(one) in _UNREADABLE)
        else:
            is_odd = unicodedata.category(one) in _UNPRINTABLE
        if is_odd:
            return f"U+{ord(one):04X}"
    return None


def checked_text(text: str, what: str) -> str:
    """Return a text of several lines, trimmed, each line end as one character: it reads everywhere as it was typed.

    Args:
        what: what it is called in the message.

    Raises:
        InvalidInput: it holds a control, or a character that turns the direction of writing.
    """
    plain = text.replace("\r\n", "\n").strip()
    odd = odd_character(plain, has_lines=True)
    if odd is not None:
        raise InvalidInput(f"{what} is plain text: leave out {odd}", code="text.characters")
    return plain


def refuse_odd_texts(value: object, what: str) -> None:
    """Refuse a document with a text, as key or value at any depth, that is not one line of plain text.

    Raises:
        InvalidInput: names the character.
    """
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, str) and (odd := odd_character(one)) is not None:
            raise InvalidInput(f"the texts in {what} are lines of plain text: leave out {odd}", code="text.characters")


_CASE_NUMBER = re.compile(r"PL[0-9]{4}-[0-9]{4}-[0-9]{6,8}")


def checked_case_number(text: str) -> str:
    """Return the police case number in its standard form.

    Args:
        text: as typed, e.g. `pl0900-2026-123456`.

    Raises:
        InvalidInput: it is not `PL` + unit (4 digits) - year (4) - number (6 to 8).
    """
    case_number = text.strip().upper()
    if not _CASE_NUMBER.fullmatch(case_number):
        raise InvalidInput(
            "the case number must look like PL0900-2026-123456", code="hold.case-number", example="PL0900-2026-123456"
        )
    return case_number


def hour_of(instant: datetime) -> datetime:
    """Return the start of the UTC clock hour that holds the instant."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
