"""Which lots are drawn, and in what order."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from ledger import errors
from ledger.values import Posted, Scope, Transfer
from tests.ledger.makers import (
    LAST,
    LATER,
    SOON,
    credit,
    entry,
    expire,
    hold,
    lot,
    redeem,
)

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def drawn(session, entry_id):
    """The lots of an entry's draws: unit, issuer, month, last good day, units."""
    rows = session.execute(
        text(
            "SELECT t.unit, x.issuer, x.earned_in, nullif(x.expires_on, 'infinity'),"
            " x.units FROM ledger.transfer t, unnest(t.draws) WITH ORDINALITY AS"
            " x(issuer, funding, cost_class, earned_in, expires_on, origin_on, units,"
            " grace_on, nth) WHERE t.id = :id ORDER BY t.line, x.nth"
        ),
        {"id": entry_id},
    )
    return [tuple(row) for row in rows]


def left(book, member=1):
    return [(lot.unit, lot.expires_on, lot.units_left) for lot in book.lots(member)]


def test_the_soonest_expiring_goes_first_and_the_never_expiring_last(
    book, session, post, posted
):
    for last_day in (None, LATER, SOON):
        posted(credit(10, lot(last_day)))

    answer = post(book, redeem(25))

    assert isinstance(answer, Posted)
    assert [(row[3], row[4]) for row in drawn(session, answer.id)] == [
        (SOON, 10),
        (LATER, 10),
        (None, 5),
    ]


def test_ties_go_to_cup_then_by_issuer_then_by_month_of_earning(
    book, session, post, posted
):
    posted(
        credit(10, lot(SOON, "B", FEBRUARY), "UNI"),
        credit(10, lot(SOON, "B", JANUARY), "UNI"),
        credit(10, lot(SOON, "A", FEBRUARY), "UNI"),
        credit(10, lot(SOON, "Z", FEBRUARY), "CUP"),
    )

    answer = post(book, redeem(40))

    assert drawn(session, answer.id) == [
        ("CUP", "Z", FEBRUARY, SOON, 10),
        ("UNI", "A", FEBRUARY, SOON, 10),
        ("UNI", "B", JANUARY, SOON, 10),
        ("UNI", "B", FEBRUARY, SOON, 10),
    ]
    lines = book.statement(1)[:2]
    assert {(line.unit, line.amount) for line in lines} == {("CUP", 10), ("UNI", 30)}


def test_uni_that_expires_sooner_goes_before_cup(book, post, posted):
    posted(credit(10, lot(LATER)), credit(10, lot(SOON), "UNI"))

    post(book, redeem(10))

    assert ("CUP", LATER, 10) in left(book)
    assert book.balance(1, "UNI").available == 0


@pytest.mark.parametrize("make", [redeem, hold], ids=["redeem", "hold"])
def test_a_lot_is_good_on_its_last_day_and_refused_on_the_next(
    make, book, post, posted
):
    posted(credit(10, lot(SOON)), credit(10, lot(SOON), member=3))

    too_late = post(book, make(10, ("CUP",), effective_on=SOON + timedelta(days=1)))
    in_time = post(book, make(10, ("CUP",), effective_on=SOON, member=3))

    assert isinstance(too_late, errors.InsufficientPoints)
    assert isinstance(in_time, Posted)
    assert left(book)[0] == ("CUP", SOON, 10)


def test_expiry_takes_exactly_the_lots_of_its_day(book, post, posted):
    posted(credit(10, lot(SOON)), credit(10, lot(SOON, "X")), credit(10, lot(LATER)))
    posted(redeem(4))

    answer = post(book, expire(SOON, effective_on=SOON + timedelta(days=1)))

    assert isinstance(answer, Posted)
    assert left(book)[0] == ("CUP", LATER, 10)
    assert book.statement(1)[0].amount == 16


def test_the_given_lot_goes_before_all_others(book, session, post, posted):
    own = lot(LAST, "PARTNER", FEBRUARY)
    posted(credit(10, lot(SOON)), credit(10, own), credit(10, lot(LATER)))
    chosen = entry(
        "redemption",
        book.draw(to="redeemed.telecom", units=("CUP",), amount=15, lot=own),
    )

    answer = post(book, chosen)

    assert [(row[3], row[4]) for row in drawn(session, answer.id)] == [
        (LAST, 10),
        (SOON, 5),
    ]


def test_points_alike_are_one_lot(book, posted):
    posted(credit(10), credit(10, unit="UNI"), credit(20))

    assert left(book) == [("CUP", LAST, 30), ("UNI", LAST, 10)]


def test_debits_of_one_member_are_decided_one_after_the_other(book, posted):
    posted(credit(100))
    wishes = [60, 50, 30, 20, 10, 1]

    answers = book.post_many([redeem(wish) for wish in wishes])

    assert [isinstance(answer, Posted) for answer in answers] == [
        True,
        False,
        True,
        False,
        True,
        False,
    ]
    assert [line.available_after for line in book.statement(1)] == [0, 10, 40, 100]


def test_credits_and_debits_of_a_batch_see_those_before_them(book):
    answers = book.post_many(
        [redeem(10), credit(10), redeem(10), credit(5, member=2), redeem(5, member=2)]
    )

    assert [isinstance(answer, Posted) for answer in answers] == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_two_draws_of_one_entry_follow_one_another(book, session, post, posted):
    posted(credit(10, lot(SOON)), credit(10, lot(LATER), "UNI"), credit(10, lot(LAST)))
    basket = entry(
        "redemption",
        Transfer("available", "redeemed.telecom", ("CUP", "UNI"), 7),
        Transfer("available", "redeemed.product", ("CUP", "UNI"), 15),
    )

    answer = post(book, basket)

    assert [(row[0], row[3], row[4]) for row in drawn(session, answer.id)] == [
        ("CUP", SOON, 7),
        ("CUP", SOON, 3),
        ("CUP", LAST, 2),
        ("UNI", LATER, 10),
    ]


def test_draws_of_one_entry_that_would_take_a_lot_twice_are_refused(book, post, posted):
    posted(credit(10, lot(SOON)), credit(100, lot(LATER)))
    twice = entry(
        "churn_void",
        Transfer("available", "voided.churn", ("CUP",), None),
        Transfer("available", "voided.churn", ("CUP", "UNI"), 5),
    )

    assert isinstance(post(book, twice), errors.InsufficientPoints)


def test_an_amount_of_several_units_is_moved_of_each(book, post):
    both = entry(
        "opening", Transfer("issued", "available", ("CUP", "UNI"), 10, lot(SOON))
    )

    assert isinstance(post(book, both), Posted)
    assert ("UNI", SOON, 10) in left(book)


def test_what_was_drawn_for_one_day_leaves_expired_lots_alone(book, post, posted):
    day_after = SOON + timedelta(days=1)
    posted(credit(10, lot(SOON)), credit(10, lot(LATER)))

    answer = post(
        book,
        entry(
            "churn_void",
            Transfer("available", "voided.churn", ("CUP",), None),
            effective_on=day_after,
        ),
    )

    assert isinstance(answer, Posted)
    assert left(book)[0] == ("CUP", SOON, 10)


@pytest.mark.parametrize("amount", [None, 30])
def test_a_draw_that_spares_a_class_takes_what_expires_after_it(
    book, post, posted, amount
):
    bought = replace(lot(SOON), cost_class="purchased")
    posted(credit(10, bought), credit(20, lot(LATER)))
    spared = Transfer(
        "available", "voided.churn", ("CUP",), amount, bought, Scope.SPARING
    )

    answer = post(book, entry("churn_void", spared))

    assert isinstance(answer, Posted)
    assert left(book) == [("CUP", SOON, 10)]
