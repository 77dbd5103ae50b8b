"""What is given and taken by hand, and undone: once, whole, and no more than once."""

from ledger.errors import ExceedsOriginal, NothingToPost
from ledger.values import Balance, Posted
from tests.ledger.makers import (
    LATER,
    SOON,
    credit,
    exchange_in,
    give_back,
    give_by_hand,
    lot,
    redeem,
    take_by_hand,
    take_gift_back,
    undo_exchange_in,
    undo_taking,
)


def test_what_was_taken_back_from_other_lots_is_not_taken_from_its_own_again(
    book, post, posted
):
    gift = posted(give_by_hand(10, lot(SOON)))
    spent = posted(redeem(10, ("CUP",)))
    posted(credit(10, lot(LATER)), take_gift_back(gift, 10), give_back(spent))

    answer = post(book, undo_taking(gift))

    assert isinstance(answer, NothingToPost)
    assert book.balance(1, "CUP") == Balance(10, 0, 0, 0)


def test_what_paid_a_debt_is_not_made_to_be_owed_twice(book, post, posted):
    posted(take_by_hand(10))
    gift = posted(give_by_hand(10))
    posted(credit(10), take_gift_back(gift, 10))

    answer = post(book, undo_taking(gift, 10))

    assert isinstance(answer, ExceedsOriginal)
    assert book.balance(1, "CUP") == Balance(0, 0, 0, 0)


def test_what_was_taken_and_owed_comes_back_in_one_entry(book, post, posted):
    posted(credit(10, lot(SOON)))
    taken = posted(take_by_hand(56))
    assert book.balance(1, "CUP") == Balance(0, 0, 0, 46)

    answer = post(book, undo_taking(taken))

    assert isinstance(answer, Posted)
    assert book.balance(1, "CUP") == Balance(10, 0, 0, 0)


def test_what_could_not_be_taken_back_may_still_be_and_no_more(book, post, posted):
    came = posted(exchange_in(10))
    posted(redeem(8, ("UNI",)), undo_exchange_in(came, 10), exchange_in(20))

    assert isinstance(post(book, undo_exchange_in(came, 9)), ExceedsOriginal)
    assert isinstance(post(book, undo_exchange_in(came, 8)), Posted)
    assert isinstance(post(book, undo_exchange_in(came)), NothingToPost)
    assert book.balance(1, "UNI").available == 12
