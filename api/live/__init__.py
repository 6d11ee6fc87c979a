"""Live pictures: one subscription per placement, shared by all who watch, each watch in the ledger."""
