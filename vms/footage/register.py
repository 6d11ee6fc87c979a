"""The register of what is made of footage: where each kind lies, under which key, when it dies, and by what code.

Erasing footage means little while something made of it lives on elsewhere. So each kind stands here, docs/erasing.md shows the same
table, and tests hold both against the code: every column of bytes and every module that writes files must be accounted for
(tests/architecture/test_register_of_derivatives.py and test_writers.py). There are no thumbnails, sprites or transcoded copies;
whoever adds some enters them here first.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Derivative:
    """A kind of thing that is, or is made of, footage.

    Args:
        what: its name for people.
        where: the folder, row or memory that it lies in.
        key: what opens it; "none" says why none is needed.
        dies: when.
        erased_by: `module:function` that erases it; empty: nothing has to, see `dies`.
        tables: database tables whose wrapped keys or cipher text are of this kind.
        suffixes: endings of its files.
    """

    what: str
    where: str
    key: str
    dies: str
    erased_by: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()


REGISTER: Final = (
    Derivative(
        "segment",
        "footage folder, a file a minute; `.part` while it is written, `.mend` while it is repaired",
        "segment key, wrapped by the hour's key in its row; by a hold's key while it is held",
        "before it is 28 days old, or with its last hold",
        ("retention.erase:claim_and_erase", "retention.reconcile:erase_overdue"),
        ("segment", "hold_segment"),
        (".vseg", ".part", ".mend"),
    ),
    Derivative(
        "note of an unsealed segment",
        "footage folder, beside its segment",
        "none: times, numbers and the wrapped key; no picture",
        "when the segment's row is sealed, or with the segment",
        ("vms.footage.store:FootageStore.erase_note", "vms.footage.store:FootageStore.erase_all"),
        (),
        (".note", ".note.part"),
    ),
    Derivative(
        "blanking record, keyframe index, grey stretches",
        "the segment's row, the rows of its grey stretches",
        "none: counts, byte offsets and instants; no picture, nothing of a dwelling",
        "stays with the row, as proof of what was blanked",
    ),
    Derivative(
        "export package",
        "footage folder, `exports`; `.part` while it is built, and no other work files",
        "key of its own, wrapped by the hold's key",
        "when its hold is released",
        ("retention.exports:erase_exports", "vms.evidence.export:erase_package"),
        ("export",),
        (".vpkg", ".part"),
    ),
    Derivative(
        "package that was handed over",
        "with the receiver who stands in the ledger (`export.download`)",
        "none: it has left the system",
        "by the receiver's own rules",
    ),
    Derivative(
        "panorama",
        "database, one row a placement; it shows nothing older than 7 days",
        "key of its own, wrapped by the key of the hour in which it was begun",
        "with the footage of that hour",
        ("retention.derived:erase_due_derivatives",),
        ("panorama",),
    ),
    Derivative(
        "landmarks of re-checks and of fixed views (masks greyed)",
        "database, one row a placement",
        "key of its own, wrapped by the key of the hour in which they (the oldest of several) were taken",
        "with the footage of that hour",
        ("retention.derived:erase_due_derivatives",),
        ("landmark",),
    ),
    Derivative(
        "raw pictures, pictures for calibrating, a panorama being made",
        "memory of the camera's worker; no core dumps, no debugger",
        "none: never at rest",
        "when the next ones take their place, at the latest with the worker",
    ),
    Derivative(
        "commissioning picture (unblanked, two people's leave)",
        "memory of worker and API, a socket, a canvas; it can't be pickled or copied",
        "none: never at rest",
        "with the look; leave ends by itself",
    ),
    Derivative(
        "live pictures since the last keyframe",
        "memory of worker and API, a socket of the bus",
        "none: never at rest",
        "with the next keyframe, or the last viewer",
    ),
    Derivative(
        "plain bytes of playback, export and self-test",
        "memory, in pieces; they are never put in a file",
        "none: never at rest",
        "with the answer",
    ),
    Derivative(
        "what a browser shows",
        "memory of the page; every answer says `no-store`, no page keeps pictures in the browser's storage",
        "none: never at rest",
        "with the page",
    ),
    Derivative(
        "clip blanked by `vms blank`",
        "where the person who asked wants it; work files beside it in `.vms-blank-*`",
        "none: made of a file of that person's, not of this system's footage",
        "work files with the run; the clip by its owner",
    ),
)
"""Every kind, in the order of docs/erasing.md."""


def as_rows() -> list[str]:
    """Return the register as the lines of the table in docs/erasing.md."""
    head = ["| What | Where | Key | Dies | Erased by |", "|---|---|---|---|---|"]
    return head + [
        f"| {one.what} | {one.where} | {one.key} | {one.dies} | {', '.join(f'`{name}`' for name in one.erased_by) or '-'} |"
        for one in REGISTER
    ]
