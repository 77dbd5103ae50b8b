"""What was bought is not lost with the rest, unless the policy of leaving says so."""

import pytest

from loyalty.orders import operations as orders
from loyalty.purchases import operations, queries
from loyalty.rules.models import BENEFITS
from tests.loyalty.churn.world import LEAVING
from tests.loyalty.exchange.alliance import A_DAY
from tests.loyalty.orders.shop import AT_HOME

AFTER = LEAVING + A_DAY


def refund_leavers(counter):
    for member_id, purchase_ref in queries.left_behind(counter.session, limit=10):
        operations.take_back(
            counter.session,
            member_id=member_id,
            purchase_ref=purchase_ref,
            reason="has_left",
            actor="test",
            at=AFTER,
        )


def test_bought_points_outlive_leaving_and_are_paid_back(counter):
    member = counter.member(700, UNI=50)
    counter.buy(member)

    counter.depart(member, "ported_out", "")

    assert (counter.available(member), counter.bought_left(member)) == (1_000, 1_000)
    refund_leavers(counter)
    refund_leavers(counter)
    assert counter.available(member) == 0
    assert counter.refunds(member) == [1_200]


def test_a_policy_that_names_them_voids_them_and_a_return_restores_them(counter):
    member = counter.member(700)
    counter.buy(member)
    counter.rule(
        voids=list(BENEFITS),
        comes_back=[name for name in BENEFITS if name.startswith("points.")],
    )

    counter.depart(member, "ported_out", "")

    assert counter.available(member) == 0
    refund_leavers(counter)
    assert counter.refunds(member) == []
    counter.depart(member, "reconnected", "", at=AFTER)
    assert (counter.available(member), counter.bought_left(member)) == (1_700, 1_000)


@pytest.mark.parametrize("redeemed", [False, True])
def test_what_comes_back_after_leaving_is_void_but_for_what_was_bought(
    counter, redeemed
):
    member = counter.member(700)
    counter.buy(member)
    way = "points" if redeemed else "points_cash"
    # Of the mug's price 700 were earned and the rest was bought, or all was earned.
    quantity = 1 if redeemed else 4
    placed = counter.place(
        member, counter.mug, recipient=AT_HOME, way=way, quantity=quantity
    )
    spent = counter.available(member)
    counter.depart(member, "ported_out", "")
    assert counter.available(member) == spent

    orders.cancel(
        counter.session,
        member_id=member,
        order_ref=placed.order.order_ref,
        actor="member",
        reason="has_left",
        at=AFTER,
    )

    assert (counter.available(member), counter.bought_left(member)) == (1_000, 1_000)


def test_an_exchange_that_fails_after_leaving_gives_back_what_was_bought(
    counter, monkeypatch
):
    buyer = counter.member(UNI=12_000)
    counter.buy(buyer)
    monkeypatch.setattr(counter, "member", lambda **_: buyer)
    _, seen = counter.exchange("requested")
    assert counter.bought_left(buyer) == 0  # they are held, to be exchanged

    counter.depart(buyer, "ported_out", "")

    assert counter.go_on(buyer)["exchanges"] == "done"
    assert counter.rows(seen, m=buyer) == [("declined",)]
    assert (counter.available(buyer), counter.bought_left(buyer)) == (1_000, 1_000)
