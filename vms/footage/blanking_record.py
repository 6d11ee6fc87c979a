"""What a segment says about its own blanking: plan, model, where poses came from, largest margin, what was grey and why.

The record is canonical JSON, so that its digest can be taken again: integers with a unit, lists of pairs instead of free names. The digest
is part of the segment's leaf in the ledger (vms/ledger/segments.py).
"""

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from vms.ledger import canonical
from vms.model import Span

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class FrameNote:
    """How one frame was blanked.

    Args:
        captured_at: the frame's instant.
        grey_reason: why the whole frame is grey; None when only its masks are.
        margin_px: how far masks were widened.
        pose_source: where the pose came from, e.g. `interpolated`, `fixed`.
        telemetry: what told the positions next to it: `metadata`, `polling`, `metadata+polling` or `none`.
    """

    captured_at: datetime
    grey_reason: str | None
    margin_px: float
    pose_source: str
    telemetry: str


@dataclass(frozen=True, slots=True)
class Grey:
    """A stretch in which every frame is grey."""

    span: Span
    reason: str


class BlankingNotes:
    """Collects notes ahead of the segments that they belong to.

    Args:
        plan_version: version of the placement's blanking plan.
        plan_sha256: of the plan's document.
        model: words about the camera model that the masks were projected with, e.g. its digest.
    """

    def __init__(self, plan_version: int, plan_sha256: str, model: str) -> None:
        self._plan_version = plan_version
        self._plan_sha256 = plan_sha256
        self._model = model
        self._frames: deque[FrameNote] = deque()
        self._greys: list[Grey] = []
        self._grey_since: FrameNote | None = None

    def frame(self, note: FrameNote) -> None:
        """Take the note of the next frame, in order of capture."""
        self._frames.append(note)
        began = self._grey_since
        if began is not None and began.grey_reason != note.grey_reason:
            self._close_grey(note.captured_at)
            began = None
        if began is None and note.grey_reason is not None:
            self._grey_since = note

    def grey(self, grey: Grey) -> None:
        """Take a grey stretch that was found otherwise."""
        self._greys.append(grey)

    def take(self, span: Span, video: dict[str, Any]) -> tuple[dict[str, Any], list[Grey]]:
        """Return the record and the grey stretches of a segment; what lies before its end is used up.

        Args:
            span: the segment's.
            video: codec and picture size, kept beside the record.
        """
        frames = []
        while self._frames and self._frames[0].captured_at < span.end_at:
            frames.append(self._frames.popleft())
        greys = self._take_greys(span)
        record = {
            "v": RECORD_VERSION,
            "plan_version": self._plan_version,
            "plan_sha256": self._plan_sha256,
            "model": self._model,
            "video": video,
            "frames": len(frames),
            "grey_frames": sum(note.grey_reason is not None for note in frames),
            "grey_reasons": _counted(note.grey_reason for note in frames if note.grey_reason),
            "pose_sources": _counted(note.pose_source for note in frames),
            "telemetry": _counted(note.telemetry for note in frames),
            "largest_margin_millipx": max((math.ceil(note.margin_px * 1000) for note in frames), default=0),
            "grey": [
                [canonical.instant(grey.span.start_at), canonical.instant(grey.span.end_at), grey.reason]
                for grey in greys
            ],
        }
        return record, greys

    def _close_grey(self, end_at: datetime) -> None:
        began = self._grey_since
        if began is not None and began.grey_reason is not None and end_at > began.captured_at:
            self._greys.append(Grey(Span(began.captured_at, end_at), began.grey_reason))
        self._grey_since = None

    def _take_greys(self, span: Span) -> list[Grey]:
        still = self._grey_since
        if still is not None and still.captured_at < span.end_at:
            # Goes on into the next segment: closed here, begun again there.
            self._close_grey(span.end_at)
            self._grey_since = replace(still, captured_at=span.end_at)
        taken: dict[datetime, Grey] = {}
        for grey in sorted(self._greys, key=lambda item: (item.span.start_at, item.span.end_at)):
            if grey.span.overlaps(span):
                clipped = Span(max(grey.span.start_at, span.start_at), min(grey.span.end_at, span.end_at))
                taken[clipped.start_at] = Grey(clipped, grey.reason)
        self._greys = [grey for grey in self._greys if grey.span.end_at > span.end_at]
        return list(taken.values())


def _counted(words: Iterable[str]) -> list[list[str | int]]:
    """Return pairs of word and count, by word."""
    return [[word, count] for word, count in sorted(Counter(words).items())]
