"""Both offers of the decks in a month: who is owed what (domain.md 1.7, 2 to 4)."""

from collections import Counter
from datetime import timedelta

import pytest

from loyalty.journal.deriving import derive
from loyalty.orders.errors import PointsMissing
from loyalty.settlement.drawing import draw_up
from loyalty.settlement.premiums import compare_bill
from tests.loyalty.orders.shop import INSURED, NOON, Shop
from tests.loyalty.settlement.test_premiums import (
    OCTOBER,
    Cover,
    cover,
    sandbox,
)

__all__ = ["cover", "sandbox"]  # fixtures

WANG, LI = 5_000, 200  # points, and points that Li keeps


@pytest.fixture
def sold(cover: Cover, fresh_database):
    """Wang took offer A twice for points, and Li prepaid for offer B."""
    with fresh_database.unit_of_work() as session:
        shop = Shop(session)
        shop.member(100_000)  # of whose points some will never be redeemed
        wang, li = shop.member(WANG), shop.member(LI)
        left, orders = [], []
        for _ in range(2):
            orders.append(shop.place(wang, "INS-A", recipient=INSURED).order)
            left.append(shop.available(wang))
        with pytest.raises(PointsMissing):
            shop.place(wang, "INS-A", recipient=INSURED)
        orders.append(shop.place(li, "INS-B", way="cash", recipient=INSURED).order)
        shop.pay(li, orders[-1].order_ref)
        assert left == [2_500, 0]
    for order in orders:
        key = {"member_id": order.member_id, "order_ref": order.order_ref}
        assert cover.go_on(key).state == "fulfilled"
    with fresh_database.unit_of_work() as session:
        shop = Shop(session)
        assert (shop.available(wang), shop.available(li)) == (0, LI)
        prepaid = shop.rows("SELECT amount_fen, state FROM prepaid_credit")
        assert prepaid == [(200_00, "credited")]


@pytest.mark.usefixtures("sold")
def test_the_insurer_is_owed_80_yuan_by_bill_and_by_statement(cover, fresh_database):
    bill = compare_bill(
        fresh_database, cover.insurer, partner="PINGAN", period=OCTOBER, at=NOON
    )
    with fresh_database.unit_of_work() as session:
        statement = draw_up(
            session,
            partner="PINGAN",
            day=OCTOBER,
            actor="test",
            at=NOON + timedelta(days=30),
        )
        stated = (statement.lines, statement.payable_fen, statement.due_fen)

    assert bill is not None
    assert bill.ours == bill.theirs == {"lines": 3, "fen": 80_00}
    assert bill.differences == 0
    assert stated == (3, 80_00, -80_00)


@pytest.mark.usefixtures("sold")
@pytest.mark.parametrize(
    ("view", "turnovers"),
    [
        (  # J3a twice, and J17: an agent's fee, and airtime that is owed
            "D",
            {
                ("cash_in", "1012"): 200_00,
                ("cash_in", "2241"): -200_00,
                ("cash_order", "2241"): 200_00,
                ("cash_order", "2205.P"): -160_00,
                ("cash_order", "2202"): -40_00,
                ("redeemed", "2205"): 50_00,
                ("redeemed", "2202"): -40_00,
                ("redeemed", "6051.01"): -10_00,
            },
        ),
        (  # the accrued cost pays for points alone (A17)
            "C",
            {
                ("cash_in", "1012"): 200_00,
                ("cash_in", "2241"): -200_00,
                ("cash_order", "2241"): 200_00,
                ("cash_order", "2205.P"): -200_00,
                ("cash_order", "6601.02"): 40_00,
                ("cash_order", "2202"): -40_00,
                ("redeemed", "2801"): 40_00,
                ("redeemed", "2202"): -40_00,
            },
        ),
    ],
)
def test_the_money_of_both_offers(fresh_database, view, turnovers):
    with fresh_database.unit_of_work() as session:
        entries = derive(session, period=OCTOBER).entries

    found: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        if entry.view == view:
            found[entry.event, entry.account] += entry.debit_fen - entry.credit_fen
    assert found == turnovers
