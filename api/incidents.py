"""What was found to be other than it was written: in the ledger, once per segment, so that the sentence people read is true."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from api.acting import SERVICE, record
from api.parts import ApiParts
from vms.db import segments
from vms.errors import IntegrityLost, NotFound
from vms.ledger import search
from vms.ledger.acts import Act
from vms.ledger.entries import Result, Value
from vms.ledger.search import LONGEST_PAGE, Filter
from vms.model import PlacementId, SegmentState

SPOILT: Final = frozenset({"footage.changed", "footage.cut", "footage.other-key", "footage.no-file"})
"""What says that the segment's own file is not what was sealed; a keyring that does not open says nothing about a file."""

log = structlog.get_logger(__name__)


@contextmanager
def spoilt_is_reported(parts: ApiParts, placement_id: PlacementId, number: int) -> Iterator[None]:
    """Write down what the block finds wrong with a segment, and let the error go on."""
    try:
        yield
    except (IntegrityLost, NotFound) as error:
        if error.code in SPOILT:
            _report(parts, placement_id, number, error.code)
        raise


def _report(parts: ApiParts, placement_id: PlacementId, number: int, why: str) -> None:
    with parts.db.write() as conn:
        # An erasing that was faster than the reader is no incident.
        if segments.get(conn, placement_id, number).state is not SegmentState.SEALED:
            return
        wanted = Filter(acts=(Act.INTEGRITY_LOST,), placement_id=placement_id)
        if any(entry.object.get("number") == number for entry in search.search(conn, wanted, limit=LONGEST_PAGE)):
            return
        log.error("footage is not what was sealed", placement=placement_id, number=number, code=why)
        obj: dict[str, Value] = {"placement_id": placement_id, "number": number}
        record(parts.ledger, conn, Act.INTEGRITY_LOST, SERVICE, obj, result=Result.FAILED, why=why)
