"""The ledger: an append-only Merkle log in SQL, written in the same transaction as the acts it records."""
