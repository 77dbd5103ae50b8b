"""An item on its way to the shop, and the people who take it there."""

from datetime import date, datetime

import pytest
from sqlalchemy import text

from loyalty.approvals.operations import approve
from loyalty.catalogue.operations import (
    apply_due,
    apply_publication,
    ask_publication,
    draft_item,
)
from loyalty.settings import TIME_ZONE
from tests.loyalty.catalogue.makers import INSURANCE

AT = datetime(2007, 12, 1, 10, tzinfo=TIME_ZONE)


@pytest.fixture
def at():
    """The morning of 1 December 2007."""
    return AT


@pytest.fixture
def people(session):
    """Two people of the operator: the maker and the checker."""
    return [
        session.scalar(
            text(
                "INSERT INTO staff (login, name, roles, password_hash, created_at)"
                " VALUES (:login, :login, '{product}', '', :at) RETURNING staff_id"
            ),
            {"login": login, "at": AT},
        )
        for login in ("maker", "checker")
    ]


@pytest.fixture
def decide(session, people):
    """Let the checker agree to a request."""
    return lambda approval, at=AT: approve(
        session,
        approval_id=approval.approval_id,
        checker=people[1],
        note=None,
        at=at,
    )


@pytest.fixture
def published(session, people, decide):
    """An insurance that is on sale from 10 December."""
    draft_item(session, item_code="X", facts=INSURANCE, at=AT)
    asked = ask_publication(
        session, item_code="X", reason="new", maker=people[0], at=AT
    )
    apply_publication(session, approval=decide(asked), at=AT)
    apply_due(session, on=date(2007, 12, 10), at=AT)
    return "X"
