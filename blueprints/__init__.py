"""The faces on the web: they translate, and decide nothing."""

from flask import current_app

from loyalty.database import Database

EXTENSION = "jifen.database"


def current_database() -> Database:
    """Return the database of the application that answers this request."""
    database = current_app.extensions[EXTENSION]
    assert isinstance(database, Database)
    return database
