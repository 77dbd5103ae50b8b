"""Holds, reversals, claw-backs and debts: everything comes back to where it was."""

from datetime import timedelta

import pytest

from ledger import errors
from ledger.values import Balance, Posted, Transfer
from tests.ledger.makers import (
    DAY,
    LAST,
    LATER,
    NOON,
    SOON,
    accrue,
    capture,
    claw_back,
    credit,
    earn,
    entry,
    give_back,
    hold,
    lot,
    redeem,
    release,
    settle_bill,
)

AFTER = SOON + timedelta(days=10)
GRACE = AFTER + timedelta(days=30)


def left(book, member=1):
    return [(lot.unit, lot.expires_on, lot.units_left) for lot in book.lots(member)]


def undo(book, of, kind, amount=None, reference="undo"):
    return book.reverse(
        member_id=1,
        of=of,
        kind=kind,
        reference=reference,
        amount=amount,
        effective_on=DAY,
        occurred_at=NOON,
        actor="test",
    )


@pytest.fixture
def two_lots(posted):
    """A member with ten points until soon and ten until later."""
    posted(credit(10, lot(SOON)), credit(10, lot(LATER), "UNI"))
    return [("CUP", SOON, 10), ("UNI", LATER, 10)]


def test_a_hold_takes_lots_and_its_release_restores_them(book, two_lots, post, posted):
    kept = posted(hold(15))
    assert book.balance(1, "CUP") == Balance(0, 0, 10, 0)
    assert left(book) == [("UNI", LATER, 5)]

    post(book, release(kept))

    assert left(book) == two_lots
    assert book.balance(1, "CUP").held == 0


@pytest.mark.usefixtures("two_lots")
def test_a_capture_takes_the_soonest_and_what_is_released_goes_last_first(
    book, post, posted
):
    kept = posted(hold(15))
    post(book, capture(kept, 6))
    assert (book.balance(1, "CUP").held, book.balance(1, "UNI").held) == (4, 5)

    post(book, release(kept, 7))

    assert left(book) == [("CUP", SOON, 2), ("UNI", LATER, 10)]
    assert isinstance(post(book, release(kept, 3)), errors.ExceedsOriginal)
    assert isinstance(post(book, capture(kept)), Posted)
    assert book.balance(1, "CUP").held == 0


@pytest.mark.usefixtures("two_lots")
def test_a_captured_hold_is_given_back_to_the_lots_of_the_hold(book, posted):
    sold = posted(capture(posted(hold(15)), 12))

    undo(book, sold, "redemption_reversal", 5)

    assert left(book) == [("CUP", SOON, 3), ("UNI", LATER, 7)]


@pytest.mark.usefixtures("two_lots")
def test_what_is_released_too_late_has_thirty_days_of_grace(book, post, posted):
    kept = posted(hold(15))

    post(book, release(kept, effective_on=AFTER))

    assert left(book) == [("CUP", GRACE, 10), ("UNI", LATER, 10)]
    assert book.lots(1)[0].origin_on == SOON


@pytest.mark.usefixtures("two_lots")
def test_grace_is_drawn_and_given_back_like_any_lot(book, post, posted):
    posted(release(posted(hold(10)), effective_on=AFTER))
    spent = posted(redeem(6, effective_on=AFTER))

    post(book, give_back(spent, effective_on=GRACE))
    assert left(book)[0] == ("CUP", GRACE, 10)

    spent = posted(redeem(6, effective_on=GRACE))
    again = GRACE + timedelta(days=1)
    post(book, give_back(spent, effective_on=again))
    assert ("CUP", again + timedelta(days=30), 6) in left(book)


def test_a_lot_is_restored_on_its_last_day_as_it_was(book, two_lots, post, posted):
    spent = posted(redeem(10))

    post(book, give_back(spent, effective_on=SOON))

    assert left(book) == two_lots


def test_a_redemption_is_undone_step_by_step_the_last_drawn_first(
    book, two_lots, posted
):
    spent = posted(redeem(20))

    undo(book, spent, "redemption_reversal", 5, "first")
    assert left(book) == [("UNI", LATER, 5)]
    undo(book, spent, "redemption_reversal", 9, "second")
    assert left(book) == [("CUP", SOON, 4), ("UNI", LATER, 10)]

    with pytest.raises(errors.ExceedsOriginal):
        undo(book, spent, "redemption_reversal", 7, "third")
    undo(book, spent, "redemption_reversal", None, "third")
    assert left(book) == two_lots


def test_an_accrual_is_undone_from_its_own_lot_first(book, posted):
    earned = posted(earn(10))
    posted(credit(10, lot(SOON), "UNI"))

    undo(book, earned, "activity_refund", 4)

    assert left(book) == [("UNI", SOON, 10), ("UNI", LAST, 6)]


def test_then_from_the_soonest_expiring_and_the_rest_is_owed(book, posted):
    earned = posted(earn(10))
    posted(redeem(6), credit(3, lot(SOON), "UNI"), credit(100))

    undo(book, earned, "activity_refund")

    assert left(book) == [("CUP", LAST, 100)]
    assert book.balance(1, "UNI") == Balance(0, 0, 0, 3)


def test_an_accrual_is_never_undone_by_more_than_it_gave(book, posted):
    earned = posted(earn(10))
    posted(earn(100))

    first = undo(book, earned, "activity_refund", 6, "first")
    with pytest.raises(errors.ExceedsOriginal) as refused:
        undo(book, earned, "activity_refund", 5, "second")

    assert refused.value.facts["available"] == 4
    again = undo(book, earned, "activity_refund", 6, "first")
    assert again == Posted(first.id, replayed=True)
    undo(book, earned, "activity_refund", None, "second")
    assert book.balance(1, "UNI").available == 100
    with pytest.raises(errors.NothingToPost):
        undo(book, earned, "activity_refund", None, "third")


def test_an_accrual_that_paid_a_debt_is_undone_whole(book, posted):
    posted(claw_back(30, lot(issuer="CEB")))
    earned = posted(earn(100))
    assert book.balance(1, "UNI") == Balance(70, 0, 0, 0)

    undo(book, earned, "activity_refund")

    assert book.balance(1, "UNI") == Balance(0, 0, 0, 30)


def test_two_reversals_in_one_batch_never_exceed_the_original(book, posted):
    earned = posted(earn(10))
    posted(earn(100))

    answers = book.post_many([claw_back(6, reverses=earned) for _ in range(2)])

    assert isinstance(answers[0], Posted)
    assert isinstance(answers[1], errors.ExceedsOriginal)


def test_who_may_not_owe_is_refused(book, post, posted):
    posted(earn(10))
    greedy = entry(
        "redemption", Transfer("available", "redeemed.telecom", ("UNI",), 11)
    )

    answer = post(book, greedy)

    assert isinstance(answer, errors.InsufficientPoints)
    assert answer.facts == {
        "reference": greedy.reference,
        "needed": 11,
        "available": 10,
    }


def test_a_kind_with_a_floor_takes_what_is_there(book, post, posted):
    posted(credit(10))

    post(
        book,
        entry("churn_void", Transfer("available", "voided.churn", ("CUP",), 1_000)),
    )

    assert book.balance(1, "CUP").available == 0


def test_what_is_owed_is_paid_by_later_credits_of_that_unit(book, post, posted):
    posted(claw_back(30))
    posted(credit(100))
    assert book.balance(1, "UNI").owed == 30

    post(book, earn(20))
    assert book.balance(1, "UNI") == Balance(0, 0, 0, 10)
    post(book, earn(25))

    assert book.balance(1, "UNI") == Balance(15, 0, 0, 0)
    assert left(book) == [("CUP", LAST, 100), ("UNI", LAST, 15)]


def test_what_is_owed_is_paid_by_points_that_a_bill_releases(book, post, posted):
    posted(credit(10), accrue(50))
    taken = entry("bill_adjustment", Transfer("available", "issued", ("CUP",), 30))
    posted(taken)

    post(book, settle_bill(50))

    assert book.balance(1, "CUP").available == 30
    assert book.balance(1, "CUP").owed == 0


def test_what_is_owed_is_paid_by_what_comes_back(book, post, posted):
    posted(earn(30, lot(SOON, "CEB")), earn(30, lot(LATER, "CEB")))
    kept = posted(hold(40))
    spent = posted(redeem(20))
    posted(claw_back(25))

    post(book, release(kept))
    assert book.balance(1, "UNI") == Balance(15, 0, 0, 0)
    assert left(book) == [("UNI", SOON, 5), ("UNI", LATER, 10)]

    post(book, give_back(spent))
    assert book.balance(1, "UNI") == Balance(35, 0, 0, 0)


def test_two_credits_of_one_entry_pay_a_debt_once(book, post, posted):
    posted(claw_back(10))
    gift = entry(
        "opening",
        Transfer("issued", "available", ("UNI",), 8, lot(SOON)),
        Transfer("issued", "available", ("UNI",), 8, lot(LATER)),
    )

    answer = post(book, gift)

    assert isinstance(answer, Posted)
    assert book.balance(1, "UNI") == Balance(6, 0, 0, 0)
    assert left(book) == [("UNI", LATER, 6)]


def test_what_another_entry_already_used_is_not_settled_again(book, post, posted):
    kept = posted(credit(10), hold(10))
    posted(entry("capture", Transfer("held", "redeemed.telecom", ("CUP",), 4)))

    assert isinstance(post(book, release(kept)), errors.InsufficientPoints)
    assert isinstance(post(book, release(kept, 6)), Posted)


def test_one_entry_does_not_settle_the_same_points_twice(book, post, posted):
    posted(credit(20))
    kept = posted(hold(10))
    posted(hold(10))
    twice = entry(
        "capture",
        Transfer("held", "redeemed.telecom", None, 8),
        Transfer("held", "redeemed.product", None, 8),
        reverses=kept,
    )

    assert isinstance(post(book, twice), errors.ExceedsOriginal)
