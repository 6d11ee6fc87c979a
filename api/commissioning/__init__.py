"""The commissioning view: asked for, approved by a second person, shown reduced, every second of it in the ledger."""
