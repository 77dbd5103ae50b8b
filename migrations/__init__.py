"""The history of the schema, in Alembic revisions."""
