"""Export packages die with their hold."""

from retention import acts
from retention.parts import RetentionParts
from vms.db import exports
from vms.footage.store import EXPORTS
from vms.model import ExportId, ExportState, HoldId


def erase_exports(parts: RetentionParts, hold_id: HoldId) -> int:
    """Erase every package of a hold that is not erased yet, in whatever state; return how many."""
    with parts.db.read() as conn:
        found = exports.list_in(conn, hold_id=hold_id)
        # What was refused never had a package, and stays what it is.
        living = [item.id for item in found if item.erased_at is None and item.state is not ExportState.REFUSED]
    for export_id in living:
        erase_package_files(parts, export_id)
        with parts.db.write() as conn:
            if exports.get(conn, export_id).erased_at is None:
                exports.note_erased(conn, export_id, parts.clock.now())
                parts.ledger.append(conn, acts.export_erased(export_id, hold_id))
    return len(living)


def erase_package_files(parts: RetentionParts, export_id: ExportId) -> None:
    """Remove the files of one export: the package and what an interrupted builder left."""
    folder = parts.store.folder / EXPORTS
    for path in folder.glob(f"{export_id}.*"):
        parts.store.erase_path(path)
