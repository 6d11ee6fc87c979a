"""The note beside a segment file that has no sealed row yet: what its row needs, should the recorder not live to write it.

A note holds times, numbers and the wrapped segment key, which is worthless without the hour key; never pictures.
"""

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from vms.clock import Reckoning
from vms.errors import IntegrityLost
from vms.footage.blanking_record import Grey
from vms.model import SegmentMode, Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class SegmentNote:
    """What is known of a segment outside its file.

    Args:
        wrapped_key: segment key, wrapped by the hour key of the segment's start.
        due_at: when the segment is to be erased.
        mode: masked or copied.
        plan_version: the blanking plan it was recorded under.
        reckoned: by which clock it is stamped; None in notes of before this was noted.
        blanking: the blanking record; None while it is being written.
        greys: grey stretches; empty while it is being written.
    """

    wrapped_key: bytes = field(repr=False)
    due_at: datetime
    mode: SegmentMode
    plan_version: int
    reckoned: Reckoning | None = None
    blanking: dict[str, Any] | None = None
    greys: tuple[Grey, ...] = ()

    def completed(self, blanking: dict[str, Any], greys: list[Grey]) -> Self:
        """Return the note of the finished file."""
        return replace(self, blanking=blanking, greys=tuple(greys))

    def to_bytes(self) -> bytes:
        """Return the note as JSON."""
        greys = [[_microseconds(g.span.start_at), _microseconds(g.span.end_at), g.reason] for g in self.greys]
        values = {
            "wrapped_key": self.wrapped_key.hex(),
            "due_us": _microseconds(self.due_at),
            "mode": self.mode.value,
            "plan_version": self.plan_version,
            "reckoned": None if self.reckoned is None else [self.reckoned.boot_id, self.reckoned.ahead_us],
            "blanking": self.blanking,
            "greys": greys,
        }
        return json.dumps(values).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a note.

        Raises:
            IntegrityLost: it is none of ours, or cut.
        """
        try:
            values = json.loads(data)
            reckoned = values.get("reckoned")
            return cls(
                wrapped_key=bytes.fromhex(values["wrapped_key"]),
                due_at=_instant(values["due_us"]),
                mode=SegmentMode(values["mode"]),
                plan_version=values["plan_version"],
                reckoned=None if reckoned is None else Reckoning(*reckoned),
                blanking=values["blanking"],
                greys=tuple(Grey(Span(_instant(s), _instant(e)), reason) for s, e, reason in values["greys"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IntegrityLost("a segment's note can't be read", code="footage.note") from error
