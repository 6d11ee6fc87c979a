"""What the recording services answer, as values: instants, durations, and what stays unsaid.

Source: ONVIF Recording Control and Recording Search, ver10; XML Schema part 2 (dateTime, duration).
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.position import parse_utc
from ingest.tolerant_xml import text_of
from vms.errors import Unavailable

_DURATION: Final = re.compile(
    r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,9})M)?(?:(\d{1,10})(?:\.\d+)?S)?)?"
)
_MONTHS_FROM: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where a duration in months or years is counted from."""
_MOST_MONTHS: Final = 12 * 1000


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """A recording's configuration; None where it names no limit, zero where there is none."""

    MaximumRetentionTime: timedelta | None


@dataclass(frozen=True, slots=True)
class RecordingItem:
    """A recording that a camera lists."""

    RecordingToken: str
    Configuration: RecordingSettings


@dataclass(frozen=True, slots=True)
class JobSettings:
    """A recording job's configuration."""

    Mode: str


@dataclass(frozen=True, slots=True)
class RecordingJob:
    """A recording job that a camera lists."""

    JobToken: str
    JobConfiguration: JobSettings


@dataclass(frozen=True, slots=True)
class RecordedTrack:
    """From when to when a track has data."""

    DataFrom: datetime | None
    DataTo: datetime | None


@dataclass(frozen=True, slots=True)
class RecordingInformation:
    """What the search service says of a recording."""

    EarliestRecording: datetime | None
    LatestRecording: datetime | None
    Track: tuple[RecordedTrack, ...]
    RecordingStatus: str


def recording_items(answer: ET.Element) -> Iterator[RecordingItem]:
    """Yield the recordings of an answer to GetRecordings."""
    for one in answer.iter("RecordingItem"):
        limit = text_of(one.find("Configuration/MaximumRetentionTime"))
        yield RecordingItem(text_of(one.find("RecordingToken")), RecordingSettings(_duration(limit) if limit else None))


def recording_jobs(answer: ET.Element) -> Iterator[RecordingJob]:
    """Yield the jobs of an answer to GetRecordingJobs."""
    for one in answer.iter("JobItem"):
        yield RecordingJob(text_of(one.find("JobToken")), JobSettings(text_of(one.find("JobConfiguration/Mode"))))


def recording_information(answer: ET.Element) -> RecordingInformation | None:
    """Return what an answer to GetRecordingInformation says; None if it says nothing.

    Raises:
        Unavailable: an instant is none: taken for "no data" it would hide pictures.
    """
    found = next(answer.iter("RecordingInformation"), None)
    if found is None:
        return None
    return RecordingInformation(
        _instant(found, "EarliestRecording"),
        _instant(found, "LatestRecording"),
        tuple(RecordedTrack(_instant(one, "DataFrom"), _instant(one, "DataTo")) for one in found.iter("Track")),
        text_of(found.find("RecordingStatus")),
    )


def _instant(element: ET.Element, name: str) -> datetime | None:
    written = text_of(element.find(name))
    if not written:
        return None
    seconds, _ = parse_utc(written)
    try:
        return datetime.fromtimestamp(math.nan if seconds is None else seconds, UTC)
    except (ValueError, OverflowError):
        raise _nonsense(f"the instant {written[:40]!r}") from None


def _duration(written: str) -> timedelta:
    found = _DURATION.fullmatch(written)
    if found is None or written.endswith(("P", "T")):
        raise _nonsense(f"the duration {written[:40]!r}")
    years, months, days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
    months = min(12 * years + months, _MOST_MONTHS)
    whole_months = _MONTHS_FROM.replace(year=2000 + months // 12, month=1 + months % 12) - _MONTHS_FROM
    return whole_months + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _nonsense(what: str) -> Unavailable:
    return Unavailable(f"the camera answers ONVIF with nonsense ({what})", code="camera.onvif-nonsense")
