"""Points for cash: once for each payment, within limits, and back while unspent."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Transfer
from loyalty.finance.queries import month_report
from loyalty.purchases.errors import (
    MayNotBuy,
    NothingUnspent,
    NotYetAMember,
    PointsNotSold,
    PriceMoved,
    PurchaseRefReused,
    PurchasesNotOffered,
    ReturnTooLate,
    TooMuchAtOnce,
)
from tests.loyalty.orders.shop import NOON

A_DAY = timedelta(days=1)


def test_what_is_paid_is_points_of_their_own_lot_once(counter):
    member = counter.member(300)
    wanted = counter.want(member)
    assert counter.available(member) == 300

    bought = counter.tell_of(wanted, "paid")
    counter.tell_of(wanted, "paid")

    assert (bought.state, bought.unspent, bought.price_fen) == ("bought", 1_000, 1_200)
    (lot,) = [
        lot
        for lot in Book(counter.session).lots(member)
        if lot.cost_class == "purchased"
    ]
    assert (lot.unit, lot.issuer, lot.funding, lot.units_left) == (
        "CUP",
        "operator",
        "operator",
        1_000,
    )
    assert (lot.earned_in, lot.expires_on) == (date(2007, 10, 1), date(2010, 10, 31))
    report: dict[str, Any] = month_report(counter.session, date(2007, 10, 1))
    assert report["units"]["CUP"]["issued"] == 1_000


def test_what_is_owed_is_paid_first_and_is_not_paid_back(counter):
    member = counter.member()
    Book(counter.session).post(
        Entry(
            member_id=member,
            reference="claw-back",
            kind="bill_adjustment",
            transfers=(Transfer("available", "issued", ("CUP",), 400),),
            effective_on=NOON.date(),
            occurred_at=NOON,
            actor="test",
        )
    )
    bought = counter.buy(member)
    assert counter.balance(member, "CUP").available == 600

    again = counter.give_back(bought)

    assert (again.returned_points, again.returned_fen) == (600, 720)
    assert counter.available(member) == 0
    report: dict[str, Any] = month_report(counter.session, date(2007, 10, 1))
    assert report["units"]["CUP"]["closing"] == 0


def test_the_same_reference_is_the_same_purchase(counter):
    member = counter.member()
    counter.want(member, ref="r")

    assert counter.want(member, ref="r").points == 1_000

    with pytest.raises(PurchaseRefReused):
        counter.want(member, 2_000, ref="r")


@pytest.mark.parametrize(
    ("points", "fen", "refusal"),
    [(500, 600, PointsNotSold), (1_500, 1_800, PointsNotSold), (1_000, 1, PriceMoved)],
)
def test_only_what_the_terms_sell_is_sold(counter, points, fen, refusal):
    with pytest.raises(refusal):
        counter.want(counter.member(), points, fen=fen)


def test_all_members_of_one_identity_share_its_limits(counter):
    one, other, stranger = (counter.member() for _ in range(3))
    counter.session.execute(
        text("UPDATE person SET id_hash = 'same' WHERE member_id IN (:one, :other)"),
        {"one": one, "other": other},
    )
    counter.buy(one, 50_000)
    lapsed = counter.want(other, 33_000)

    with pytest.raises(TooMuchAtOnce) as refused:
        counter.want(other, 1_000)
    assert refused.value.facts["left_fen"] == 400
    counter.tell_of(lapsed, "expired")  # what was never paid takes no room
    assert counter.want(other, 33_000).is_open
    assert counter.want(stranger, 83_000).is_open
    assert counter.want(one, 83_000, at=NOON + A_DAY).is_open


def test_who_is_new_or_gone_buys_nothing(counter):
    new, gone = counter.member(), counter.member()
    counter.session.execute(
        text("UPDATE member SET joined_on = '2007-10-01' WHERE member_id = :m"),
        {"m": new},
    )
    counter.depart(gone, "ported_out", "")

    with pytest.raises(NotYetAMember):
        counter.want(new)
    with pytest.raises(MayNotBuy):
        counter.want(gone, at=NOON + 2 * A_DAY)


def test_nobody_buys_where_it_is_not_offered(counter):
    bought = counter.buy(member := counter.member())
    counter.session.execute(
        text(
            "INSERT INTO purchase_terms SELECT 2, '2007-10-16', false, unit,"
            " step_points, step_fen, steps_min, day_fen_max, year_fen_max,"
            " member_days, expiry_months, return_days, on_leaving, loaded_at"
            " FROM purchase_terms"
        )
    )

    with pytest.raises(PurchasesNotOffered):
        counter.want(member, at=NOON + A_DAY)
    assert counter.give_back(bought, at=NOON + A_DAY).state == "returned"


def test_money_that_came_too_late_goes_back(counter):
    member = counter.member()
    wanted = counter.want(member)
    counter.tell_of(wanted, "expired")

    late = counter.tell_of(wanted, "paid", at=NOON + A_DAY)
    counter.tell_of(wanted, "paid", at=NOON + A_DAY)

    assert (late.state, counter.available(member)) == ("lapsed", 0)
    assert counter.refunds(member) == [1_200]


def test_money_for_somebody_who_has_left_goes_back(counter):
    member = counter.member()
    wanted = counter.want(member)
    counter.depart(member, "ported_out", "")

    gone = counter.tell_of(wanted, "paid", at=NOON + 2 * A_DAY)

    assert (gone.state, counter.available(member)) == ("lapsed", 0)
    assert counter.refunds(member) == [1_200]


def test_only_what_is_unspent_is_taken_back_and_only_in_time(counter):
    member = counter.member()
    first, second = counter.buy(member, 2_000), counter.buy(member, 1_000)
    counter.place(member, counter.ticket, quantity=17)

    with pytest.raises(ReturnTooLate):
        counter.give_back(first, at=NOON + 15 * A_DAY)
    part = counter.give_back(first, at=NOON + 14 * A_DAY)

    # 1,300 of 3,000 are left, and both lie in one lot.
    assert (part.returned_points, part.returned_fen) == (1_300, 1_560)
    assert counter.available(member) == 0
    with pytest.raises(NothingUnspent):
        counter.give_back(second, at=NOON + A_DAY)
    assert counter.refunds(member) == [1_560]
