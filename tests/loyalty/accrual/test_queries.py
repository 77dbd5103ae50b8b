from datetime import date

import pytest
from sqlalchemy import insert

from loyalty.accrual.models import Bill
from loyalty.accrual.queries import points_per_month

ON = date(2026, 7, 1)


@pytest.fixture
def bill(session):
    def send(billed_on, points, *, standing="available", line="1", member=7):
        session.execute(
            insert(Bill).values(
                member_id=member,
                bill_ref=f"{billed_on}/{line}/{standing}",
                msisdn=line,
                period=billed_on.replace(day=1),
                billed_on=billed_on,
                due_on=billed_on,
                amount_fen=points * 100,
                due_fen=points * 100,
                paid_fen=0,
                points_num=1,
                points_den=1,
                rule_version=1,
                points=points,
                standing=standing,
                standing_on=billed_on,
                latest_on=billed_on,
                effective_on=billed_on,
            )
        )

    return send


def test_a_month_earns_what_its_bills_earn_on_average(session, bill):
    bill(date(2026, 6, 1), 300)
    bill(date(2026, 6, 1), 101, line="2")
    bill(date(2026, 5, 1), 600, standing="pending")

    assert points_per_month(session, member_id=7, on=ON) == 500


def test_what_was_canceled_or_long_ago_or_comes_later_does_not_count(session, bill):
    bill(date(2026, 6, 1), 300)
    bill(date(2026, 5, 1), 900, standing="canceled")
    bill(date(2026, 1, 1), 900)
    bill(date(2026, 7, 2), 900)
    bill(date(2026, 6, 1), 900, member=8)

    assert points_per_month(session, member_id=7, on=ON) == 300


def test_who_has_no_bills_earns_nothing_by_them(session):
    assert points_per_month(session, member_id=7, on=ON) == 0
