"""What Alembic runs: the steps, on the connection that vms.db.migrate opened."""

from alembic import context

from vms.db.tables import metadata

# One transaction for all steps: the schema changes wholly or not at all (both databases can roll back DDL).
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
