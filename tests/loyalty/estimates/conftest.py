"""Two people of finance, and the terms the programme ships with."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from loyalty.rules.operations import load_terms, starting_terms


@pytest.fixture
def terms(session):
    """Load the starting terms."""
    load_terms(session, terms=starting_terms(), at=datetime(2025, 1, 1, tzinfo=UTC))


@pytest.fixture
def people(session):
    """Two of staff: who asks, and who decides."""
    return [
        session.scalar(
            text(
                "INSERT INTO staff (login, name, roles, password_hash, created_at)"
                " VALUES (:login, '', '{finance_maker}', '', now())"
                " RETURNING staff_id"
            ),
            {"login": login},
        )
        for login in ("maker", "checker")
    ]
