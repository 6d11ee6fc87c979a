"""What a camera's recording services answer, in our words. Source: ONVIF Recording Control and Recording Search, ver10.

In doubt a recording counts as kept: a card that is wrongly looked at costs a walk, one that is missed keeps faces for years.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.onvif.wording import required
from vms.db.edge import EdgeRecordings
from vms.model import EdgeState

MOST_ASKED: Final = 16
"""Recordings that are looked into: a call each. Cameras have one or two."""

Ask = Callable[[str], Any]


class Answers:
    """Reads the answers; attributes are those of `ingest.onvif.recordings`.

    Args:
        ahead: how far the camera's clock is ahead of ours.
    """

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def judged(self, items: Any, jobs: Any, information: Ask | None) -> EdgeRecordings:
        """Say what the camera keeps.

        Args:
            items: answer of GetRecordings.
            jobs: answer of GetRecordingJobs.
            information: asks for one recording's RecordingInformation, None from it if it can't be had; None where
                the camera has no search service.

        Raises:
            Unavailable: a recording without a token, or a job without a mode: the answer can't be understood.
        """
        recordings, active = list(items or []), len(active_jobs(jobs))
        kept, firsts, lasts = 0, [], []
        for place, item in enumerate(recordings):
            token = required(item.RecordingToken, "a recording without a token")
            found = information(token) if information is not None and place < MOST_ASKED else None
            span = None if found is None else _span(found)
            if span is not None:
                firsts.append(self._ours(span[0]))
                lasts.append(self._ours(span[1]))
            if found is None or span is not None or str(found.RecordingStatus) == "Recording":
                kept += 1
        state = EdgeState.RECORDINGS if kept or active else EdgeState.EMPTY
        return EdgeRecordings(
            state=state,
            recordings=kept,
            oldest_at=min(filter(None, firsts), default=None),
            newest_at=max(filter(None, lasts), default=None),
            retention=longest(one.Configuration.MaximumRetentionTime for one in recordings),
            active_jobs=active,
            more=len(recordings) > MOST_ASKED,
        )

    def _ours(self, at: datetime | None) -> datetime | None:
        try:
            return None if at is None else at - self._ahead
        except OverflowError:
            # A clock in the year 1 or 9999: there is data, but nobody knows of when.
            return None


def _span(found: Any) -> tuple[datetime | None, datetime | None] | None:
    """Return from when to when a recording has data, by the camera's clock; None if it has none."""
    tracks = found.Track or []
    first = min(_instants([found.EarliestRecording, *(track.DataFrom for track in tracks)]), default=None)
    last = max(_instants([found.LatestRecording, *(track.DataTo for track in tracks)]), default=None)
    # Empty recordings name nothing, or the same instant twice.
    return None if first == last else (first, last)


def _instants(told: Iterable[Any]) -> list[datetime]:
    # The standard wants UTC; some leave the zone away.
    return [
        one.replace(tzinfo=UTC) if one.tzinfo is None else one.astimezone(UTC)
        for one in told
        if isinstance(one, datetime)
    ]


def active_jobs(jobs: Any) -> list[str]:
    """Return the tokens of the jobs that write.

    Raises:
        Unavailable: a job without a token or mode.
    """
    modes = {
        required(job.JobToken, "a job without a token"): required(job.JobConfiguration.Mode, "a job without a mode")
        for job in jobs or []
    }
    return [token for token, mode in modes.items() if mode != "Idle"]


def longest(told: Iterable[timedelta | None]) -> timedelta | None:
    """Return the longest retention; None if one is without limit (0 by the standard) or not told."""
    spans = list(told)
    if not spans or any(one is None or one <= timedelta() for one in spans):
        return None
    return max(one for one in spans if one is not None)
