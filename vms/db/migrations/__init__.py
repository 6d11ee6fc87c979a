"""The schema's history, run by vms.db.migrate. Each step is frozen: it never imports vms.db.tables."""
