"""Looking back: opened with a purpose, read in ranges, closed by the server. One pair of ledger entries a view, none per range."""

import re
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from api.access import Asker
from api.gate import Allow, writes
from api.incidents import spoilt_is_reported
from api.routers.shapes import (
    Body,
    Identifier,
    LongText,
    Moment,
    SegmentNumber,
    ShortText,
    handed_over,
    instant,
    span_of,
)
from api.running import Running, running_of
from config.policy import Action
from vms.db import views
from vms.db.segments import Segment
from vms.db.views import View
from vms.errors import Conflict, IntegrityLost, InvalidInput, NotFound
from vms.footage.chunked import HEADER_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES
from vms.footage.playback import ByteRange, PlainSegment
from vms.ledger.acts import Act
from vms.ledger.entries import Purpose
from vms.model import PlacementId, SegmentState, checked_case_number

router = APIRouter(prefix="/api/playback", tags=["playback"])

LONGEST_VIEW: Final = timedelta(hours=24)
_PIECE_BYTES: Final = 256 * 1024
_SEEN_EVERY: Final = timedelta(seconds=20)
_RANGE: Final = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})")

Looker = Annotated[Asker, Depends(Allow(Action.PLAYBACK_VIEW))]


class PurposeCode(StrEnum):
    """For what somebody looks back."""

    INCIDENT = "incident"
    CASE = "case"
    ORDER = "order"
    CHECK = "check"


class PurposeBody(Body):
    """Why somebody looks back."""

    code: PurposeCode
    case_number: ShortText | None = None
    text: LongText | None = None


class Open(Body):
    """What somebody wants to look at."""

    placement_id: Identifier
    from_at: Annotated[Moment, Field(alias="from")]
    to_at: Annotated[Moment, Field(alias="to")]
    purpose: PurposeBody


@router.post("", openapi_extra=writes(Act.PLAYBACK_OPEN, Act.INTEGRITY_LOST))
def open_playback(body: Open, asker: Looker, request: Request) -> dict[str, Any]:
    """Begin to look back; the entry is in the ledger before this answers."""
    running = running_of(request)
    span = span_of(body.from_at, body.to_at, LONGEST_VIEW)
    placement_id = PlacementId(body.placement_id)
    view = running.views.open_playback(asker.subject, asker.decision, placement_id, span, _purpose(body.purpose))
    found = running.parts.reader.list(placement_id, span)
    return {
        "playback_id": view.id,
        "segments": [described for row in found if (described := _described(running, row)) is not None],
    }


@router.get(
    "/{playback_id}/segments/{number}",
    openapi_extra=writes(Act.INTEGRITY_LOST),
    response_class=Response,
    responses=handed_over("video/mp4"),
)
def read_segment(playback_id: Identifier, number: SegmentNumber, asker: Looker, request: Request) -> Response:
    """Return a segment of an open view, whole or a range of it."""
    running = running_of(request)
    view = _own_open_view(running, playback_id, asker)
    _keep_open(running, view)
    with (
        spoilt_is_reported(running.parts, view.placement_id, number),
        running.parts.reader.open(view.placement_id, number) as segment,
    ):
        _must_be_inside(segment, view)
        size_bytes = segment.size_bytes
    wanted, status = _wanted(request.headers.get("range"), size_bytes)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Length": str(wanted.end - wanted.start),
    }
    if status == 206:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.end - 1}/{size_bytes}"
    pieces = _pieces(running, view.placement_id, number, wanted)
    return StreamingResponse(pieces, status_code=status, media_type="video/mp4", headers=headers)


@router.post("/{playback_id}/close", openapi_extra=writes(Act.PLAYBACK_CLOSE))
def close_playback(playback_id: Identifier, asker: Looker, request: Request) -> dict[str, Any]:
    """End a view; a second call does nothing."""
    running = running_of(request)
    with running.parts.db.read() as conn:
        view = views.get(conn, playback_id)
    if view.session_id != asker.subject.session_id:
        raise NotFound(f"there is no view {playback_id} of this session", code="view.unknown")
    running.views.close(view, "left", asker.subject)
    return {}


def _purpose(body: PurposeBody) -> Purpose:
    text = (body.text or "").strip() or None
    typed = (body.case_number or "").strip()
    case_number = checked_case_number(typed) if typed else None
    if body.code in {PurposeCode.CASE, PurposeCode.ORDER} and case_number is None:
        raise InvalidInput("this purpose needs a case number", code="purpose.case-number")
    if body.code is PurposeCode.CHECK and text is None:
        raise InvalidInput("say what is checked", code="purpose.text")
    return Purpose(body.code.value, case_number, text)


def _own_open_view(running: Running, view_id: str, asker: Asker) -> View:
    with running.parts.db.read() as conn:
        view = views.get(conn, view_id)
    if view.session_id != asker.subject.session_id or view.kind != "playback":
        raise NotFound(f"there is no view {view_id} of this session", code="view.unknown")
    if view.closed_at is not None:
        raise Conflict(f"view {view_id} is closed: open it again", code="view.closed")
    return view


def _keep_open(running: Running, view: View) -> None:
    """Store that the view is used, at most every few seconds: a player asks many times a second."""
    if running.parts.clock.now() - view.seen_at >= _SEEN_EVERY:
        running.views.beat(view.id)


def _must_be_inside(segment: PlainSegment, view: View) -> None:
    row, span = segment.row, view.span
    assert span is not None  # every playback view has one
    if row.end_at is None or row.start_at >= span.end_at or row.end_at <= span.start_at:
        raise NotFound(f"segment {row.number} is outside of what was opened", code="playback.outside")


def _described(running: Running, row: Segment) -> dict[str, Any] | None:
    """Return how to play a segment; None for one that can't be played (erased meanwhile, damaged)."""
    if row.state is not SegmentState.SEALED or row.size_bytes is None:
        return None
    codec = str(((row.blanking or {}).get("video") or {}).get("codec") or "")
    if not codec:  # a repaired segment: its head says it
        try:
            with (
                spoilt_is_reported(running.parts, row.placement_id, row.number),
                running.parts.reader.open(row.placement_id, row.number) as segment,
            ):
                codec = codec_of(segment.read(ByteRange(0, max(segment.init_bytes, 1))))
        except (NotFound, IntegrityLost):
            return None
    return {
        "number": row.number,
        "start_at": instant(row.start_at),
        "end_at": instant(row.end_at),
        "codec": codec,
        "size_bytes": plain_size(row.size_bytes),
        "init_bytes": row.fragments[0][0] if row.fragments else 0,
        "fragments": [list(fragment) for fragment in row.fragments],
    }


def codec_of(head: bytes) -> str:
    """Return the codec that browsers want from the head of a file; empty when it has no H.264 in it."""
    place = head.find(b"avcC")
    if place < 0 or len(head) < place + 8:
        return ""
    profile, constraints, level = head[place + 5 : place + 8]
    return f"avc3.{profile:02x}{constraints:02x}{level:02x}"


def plain_size(sealed_bytes: int) -> int:
    """Return the length of the plain text in a sealed file (vms.footage.chunked), without opening it."""
    chunks = -(-(sealed_bytes - HEADER_BYTES) // SEALED_CHUNK_BYTES)
    return sealed_bytes - HEADER_BYTES - chunks * TAG_BYTES


def _wanted(header: str | None, size_bytes: int) -> tuple[ByteRange, int]:
    """Return which bytes to send and with which status (RFC 9110 section 14; several ranges at once are answered with all)."""
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return ByteRange(0, size_bytes), 200
    first, last = match.groups()
    start = int(first) if first else max(size_bytes - int(last), 0)
    end = min(int(last) + 1, size_bytes) if first and last else size_bytes
    if start >= size_bytes or end <= start:
        raise HTTPException(416, headers={"Content-Range": f"bytes */{size_bytes}"})
    return ByteRange(start, end), 206


def _pieces(running: Running, placement_id: PlacementId, number: int, wanted: ByteRange) -> Iterator[bytes]:
    # Opened here and not before: an answer that nobody takes must leave no file open.
    with (
        spoilt_is_reported(running.parts, placement_id, number),
        running.parts.reader.open(placement_id, number) as segment,
    ):
        for start in range(wanted.start, wanted.end, _PIECE_BYTES):
            yield segment.read(ByteRange(start, min(start + _PIECE_BYTES, wanted.end)))
