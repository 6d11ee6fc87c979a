"""The proof that an entry is in the ledger, as one text that leaves the house: whoever has it needs nothing else of ours.

Source: C2SP tlog-proof. The `extra` line, whose meaning is the application's, holds the entry itself. `vms-audit verify-proof` checks it.
"""

import base64

from sqlalchemy import Connection

from vms.ledger import cosignatures, notes, tiles
from vms.ledger.log import Ledger, newest_note
from vms.ledger.merkle import leaf_hash, root_from_inclusion
from vms.ledger.notes import Signer
from vms.ledger.search import get

_HEAD = "c2sp.org/tlog-proof@v1"


def proof_text(conn: Connection, ledger: Ledger, signer: Signer, seq: int) -> str:
    """Return the proof that entry `seq` is in the ledger, up to the newest checkpoint that has it; else the present is signed.

    The newest checkpoint comes first because witnesses may have signed it already. Call it in a write transaction.

    Raises:
        NotFound: there is no such entry.
        IntegrityLost: the ledger does not continue its newest checkpoint, or the entry is not the one in the tree.
    """
    entry = get(conn, seq)
    note = newest_note(conn)
    if note is None or notes.parse(note).size <= seq:
        note = ledger.checkpoint(conn, signer)
    signed = notes.parse(note)
    path = ledger.inclusion_proof(conn, seq, signed.size)
    if root_from_inclusion(seq, signed.size, leaf_hash(entry.body), path) != signed.root:
        raise tiles.broken(f"entry {seq} is not the one that was signed")
    lines = [_HEAD, f"extra {_text(entry.body)}", f"index {seq}", *map(_text, path), ""]
    return "\n".join(lines) + "\n" + cosignatures.with_lines(conn, note)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
