from datetime import date

from sqlalchemy import text

from loyalty.approvals.operations import approve
from loyalty.catalogue.operations import (
    apply_publication,
    ask_publication,
    draft_item,
)
from loyalty.catalogue.queries import item
from loyalty.clock import now
from loyalty.jobs.running import run_job
from tests.loyalty.catalogue.makers import INSURANCE


def test_approved_items_go_on_sale_on_their_day(fresh_database):
    with fresh_database.unit_of_work() as session:
        maker, checker = (
            session.scalar(
                text(
                    "INSERT INTO staff (login, name, roles, password_hash, created_at)"
                    " VALUES (:login, '', '{product}', '', now()) RETURNING staff_id"
                ),
                {"login": login},
            )
            for login in ("maker", "checker")
        )
        draft_item(session, item_code="X", facts=INSURANCE, at=now())
        asked = ask_publication(
            session, item_code="X", reason="new", maker=maker, at=now()
        )
        agreed = approve(
            session,
            approval_id=asked.approval_id,
            checker=checker,
            note=None,
            at=now(),
        )
        day = apply_publication(session, approval=agreed, at=now())

    before = run_job(fresh_database, "publish-catalogue", date(2007, 12, 10))
    first = run_job(fresh_database, "publish-catalogue", day)
    again = run_job(fresh_database, "publish-catalogue", day)

    assert before == again == "0 items went on sale, 0 changed"
    assert first == "1 items went on sale, 0 changed"
    with fresh_database.unit_of_work() as session:
        assert item(session, "X").state == "published"
