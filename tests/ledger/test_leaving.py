"""Who leaves loses everything unspent, and who returns finds it as it was."""

from datetime import timedelta

import pytest

from ledger import errors
from ledger.values import Balance, Posted, Scope, Transfer
from tests.ledger.makers import (
    LAST,
    LATER,
    SOON,
    accrue,
    claw_back,
    credit,
    earn,
    entry,
    hold,
    lot,
    redeem,
    reduce_void,
    reinstate,
    release,
    void,
)

OWN = lot(LATER, "CEB")

pytestmark = pytest.mark.usefixtures("member")


def standing(book, member=1):
    return (
        book.lots(member),
        book.balance(member, "CUP"),
        book.balance(member, "UNI"),
    )


@pytest.fixture
def member(posted):
    """A member with lots of several kinds, drawn from, and points that wait."""
    posted(
        credit(10, lot(SOON)),
        credit(20, lot(None)),
        earn(30, OWN),
        earn(30, lot(LAST, "MU"), "MU"),
        accrue(40),
        redeem(15),
    )


def test_a_void_takes_everything_that_is_not_held(book, post, posted):
    posted(hold(7))

    answer = post(book, void())

    assert isinstance(answer, Posted)
    assert book.lots(1) == []
    assert book.balance(1, "CUP") == Balance(0, 0, 0, 0)
    assert book.balance(1, "UNI") == Balance(0, 0, 7, 0)


def test_void_and_reinstatement_leave_lots_and_pending_points_as_they_were(
    book, post, posted
):
    before = standing(book)

    post(book, reinstate(posted(void())))

    assert standing(book) == before


def test_a_lot_whose_day_passed_while_away_returns_with_grace(book, posted):
    back_on = SOON + timedelta(days=40)
    posted(credit(5, lot(SOON)))

    posted(reinstate(posted(void()), effective_on=back_on))

    first = book.lots(1)[0]
    assert (first.origin_on, first.units_left) == (SOON, 5)
    assert first.expires_on == back_on + timedelta(days=30)


def test_a_refund_while_away_reduces_what_was_voided_its_own_lot_first(
    book, post, posted
):
    kept = {row.issuer: row.units_left for row in book.lots(1) if row.unit == "UNI"}
    left = posted(void())

    post(book, reduce_void(left, 12, OWN))
    posted(reinstate(left))

    returned = {row.issuer: row.units_left for row in book.lots(1) if row.unit == "UNI"}
    assert returned == kept | {"CEB": kept["CEB"] - 12}
    assert book.balance(1, "CUP").pending == 40


def test_then_the_soonest_expiring_of_the_voided(book, post, posted):
    left = posted(void())

    post(book, reduce_void(left, 40, OWN))
    posted(reinstate(left))

    (mu,) = [row for row in book.lots(1) if row.unit == "UNI"]
    assert (mu.issuer, mu.units_left) == ("MU", 30 + 25 - 40)


def test_what_the_void_cannot_give_is_owed_and_paid_on_return(book, post, posted):
    left = posted(void())

    post(book, reduce_void(left, 60, OWN))
    assert book.balance(1, "UNI") == Balance(0, 0, 0, 5)
    posted(reinstate(left))
    assert book.balance(1, "UNI") == Balance(0, 0, 0, 5)

    post(book, earn(8))
    assert book.balance(1, "UNI") == Balance(3, 0, 0, 0)


def test_points_that_waited_are_reduced_apart_from_lots(book, post, posted):
    left = posted(void())
    on_paper = entry(
        "bill_adjustment",
        Transfer("voided.churn", "issued", ("CUP",), 15, lot(SOON), Scope.LOOSE),
        reverses=left,
    )

    post(book, on_paper)
    lots_before = book.lots(1)
    posted(reinstate(left))

    assert lots_before == []
    assert book.balance(1, "CUP").pending == 25
    assert book.balance(1, "CUP").available == 20


def test_a_debt_is_paid_first_by_what_is_reinstated(book, post, posted):
    left = posted(void())
    posted(claw_back(10))

    post(book, reinstate(left))

    assert book.balance(1, "UNI") == Balance(45, 0, 0, 0)
    lots = [(row.issuer, row.units_left) for row in book.lots(1) if row.unit == "UNI"]
    assert lots == [("CEB", 15), ("MU", 30)]


def test_what_a_hold_releases_after_leaving_is_voided_and_may_return(
    book, post, posted
):
    before = book.lots(1)
    kept = posted(hold(30))
    left = posted(void())
    straight = entry(
        "release", Transfer("held", "voided.churn", None, None), reverses=kept
    )
    lost = posted(straight)
    assert book.balance(1, "CUP") == Balance(0, 0, 0, 0)

    posted(reinstate(left))
    back = entry(
        "reinstatement",
        Transfer("voided.churn", "available", None, None),
        reverses=lost,
    )

    assert isinstance(post(book, back), Posted)
    assert book.lots(1) == before


def test_points_that_never_had_a_lot_do_not_become_available(book, post, posted):
    posted(release(posted(hold(5))))
    left = posted(void())
    everything = entry(
        "reinstatement",
        Transfer("voided.churn", "available", None, None),
        reverses=left,
    )

    post(book, everything)

    assert book.balance(1, "CUP").pending == 0
    assert isinstance(
        post(
            book,
            entry(
                "reinstatement",
                Transfer("voided.churn", "available", None, 1, None, Scope.LOOSE),
                reverses=left,
            ),
        ),
        errors.ExceedsOriginal,
    )
    assert isinstance(post(book, reinstate(left)), Posted)
