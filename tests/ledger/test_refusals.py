"""What is refused, why, and that it leaves no trace."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text

from ledger import errors
from ledger.errors import LedgerError
from ledger.values import Entry, Posted, Transfer, transfers_of
from tests.ledger.makers import (
    DAY,
    accrue,
    capture,
    credit,
    earn,
    entry,
    expire,
    give_back,
    hold,
    lot,
    redeem,
    reduce_void,
    reinstate,
    void,
)

NOBODY = UUID(int=7)


def redeemed_to(account, amount=10):
    return entry("redemption", Transfer("available", account, ("CUP",), amount))


# Each in a book that holds 100 CUP and nothing else; what it is refused for.
REFUSED = {
    "unknown_member": lambda: credit(member=99),
    "undeclared_kind": lambda: entry(
        "gift_of_nature", Transfer("issued", "available", ("CUP",), 1, lot())
    ),
    "undeclared_leg": lambda: entry(
        "bill_accrual", Transfer("issued", "expired", ("CUP",), 1)
    ),
    "undeclared_leg of a draw": lambda: redeemed_to("issued"),
    "unknown_account": lambda: redeemed_to("redeemed.nonsense"),
    "unknown_account without its partner": lambda: redeemed_to("redeemed.merchant"),
    "unknown_account of a nameless partner": lambda: redeemed_to("redeemed.merchant:"),
    "unknown_account with a needless partner": lambda: redeemed_to(
        "redeemed.telecom:X"
    ),
    "unknown_unit": lambda: credit(unit="MILES"),
    "unknown_unit without a name": lambda: credit(unit=""),
    "unknown_unit with a strange name": lambda: credit(unit='{"a,b\\'),
    "unknown_unit beside a known one": lambda: redeem(10, ("CUP", "MILES")),
    "amount_out_of_range at zero": lambda: credit(0),
    "amount_out_of_range below": lambda: credit(-5),
    "amount_out_of_range above": lambda: credit(10**15 + 1),
    "amount_out_of_range far above": lambda: credit(10**30),
    "insufficient_points": lambda: redeem(1_000),
    "insufficient_points in one unit": lambda: redeem(1, ("UNI",)),
    "insufficient_points to hold": lambda: hold(1_000),
    "insufficient_points pending": lambda: entry(
        "bill_cancel", Transfer("pending", "issued", ("CUP",), 1_000)
    ),
    "insufficient_points held": lambda: entry(
        "capture", Transfer("held", "redeemed.telecom", ("CUP",), 1)
    ),
    "insufficient_points owed": lambda: entry(
        "opening", Transfer("issued", "owed", ("CUP",), 1)
    ),
    "insufficient_points for a debt by name": lambda: entry(
        "bill_bounce", Transfer("owed", "pending", ("CUP",), 1)
    ),
    "period_closed": lambda: credit(effective_on=date(2026, 5, 31)),
    "period_closed for spending": lambda: redeem(10, effective_on=date(2024, 5, 31)),
    "unknown_entry": lambda: give_back(NOBODY),
    "nothing_to_post": lambda: expire(date(2026, 5, 31)),
    "nothing_to_post of two": lambda: entry(
        "churn_void",
        Transfer("available", "voided.churn", ("UNI",), None),
        Transfer("pending", "voided.churn", ("UNI",), None),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_entry_leaves_no_trace_and_its_reference_free(
    case, book, session, post, posted
):
    posted(credit(100))
    book.close(date(2026, 5, 1))
    refused = REFUSED[case]()
    seen = traces(session, refused)

    answer = post(book, refused)

    assert isinstance(answer, LedgerError)
    assert answer.code == case.split()[0]
    assert answer.facts["reference"] == refused.reference
    assert traces(session, refused) == seen
    later = accrue(5, member=3, reference=refused.reference)
    if refused.member_id == 1:
        later = accrue(5, reference=refused.reference)
    assert not book.post(later).replayed


def traces(session, refused: Entry):
    """All that stands of an entry and of its member."""
    return session.execute(
        text(
            "SELECT (SELECT count(*) FROM ledger.reference WHERE reference = :ref),"
            " (SELECT count(*) FROM ledger.transfer"
            "   WHERE member_id = :member)"
        ),
        {"ref": refused.reference, "member": refused.member_id},
    ).one()


@pytest.mark.parametrize(
    "make", [lambda: redeem(10), lambda: hold(10)], ids=["redeem", "hold"]
)
@pytest.mark.parametrize("gate", ["suspended", "closed"])
def test_a_closed_gate_refuses_spending_and_nothing_else(
    gate, make, book, post, posted
):
    posted(credit(100))
    book.set_gate([1], gate)
    spending = make()

    answer = post(book, spending)

    assert isinstance(answer, errors.GateClosed)
    assert isinstance(post(book, credit(5)), Posted)
    book.set_gate([1], "open")
    assert book.post(spending).replayed is False


def test_a_reference_names_one_entry_only(book, post, posted):
    first = credit(100, reference="once")
    posted_id = posted(first)

    again = post(book, first)
    other = post(book, credit(101, reference="once"))

    assert again == Posted(posted_id, replayed=True)
    assert isinstance(other, errors.ReferenceReused)
    assert book.post(credit(100, member=3, reference="once")).replayed is False


def test_an_entry_is_replayed_even_if_it_would_be_refused_today(book, posted):
    posted(credit(100))
    spent = redeem(100)
    posted_id = posted(spent)
    book.set_gate([1], "closed")
    book.close(date(2026, 6, 1))

    assert book.post(spent) == Posted(posted_id, replayed=True)


def test_nothing_is_given_back_twice(book, post, posted):
    posted(credit(100))
    spent = posted(redeem(100))
    posted(give_back(spent, 60))

    answer = post(book, give_back(spent, 41))

    assert isinstance(answer, errors.ExceedsOriginal)
    assert answer.facts["available"] == 40
    assert isinstance(post(book, give_back(spent, 40)), Posted)
    assert isinstance(post(book, give_back(spent)), errors.NothingToPost)


def test_a_hold_is_captured_once(book, post, posted):
    posted(credit(100))
    kept = posted(hold(60))
    posted(capture(kept, 50))

    assert isinstance(post(book, capture(kept, 11)), errors.ExceedsOriginal)
    assert isinstance(post(book, capture(kept)), Posted)


def test_an_entry_of_another_member_cannot_be_undone(book, post, posted):
    posted(credit(100, member=3))
    spent = posted(redeem(50, member=3))

    assert isinstance(post(book, give_back(spent)), errors.UnknownEntry)


def test_an_entry_is_undone_only_by_the_kind_declared_for_it(book, post, posted):
    posted(credit(100))
    kept = posted(hold(50))

    assert isinstance(post(book, give_back(kept)), errors.UndeclaredLeg)


def test_bad_entries_sink_no_good_ones_and_answers_keep_their_order(book, posted):
    posted(credit(100))
    book.close(date(2026, 5, 1))
    bad = [make() for make in REFUSED.values()]
    good = [credit(1) for _ in bad]

    answers = book.post_many([e for pair in zip(good, bad, strict=True) for e in pair])

    assert all(isinstance(answer, Posted) for answer in answers[::2])
    codes = [a.code for a in answers[1::2] if isinstance(a, LedgerError)]
    assert codes == [case.split()[0] for case in REFUSED]
    assert book.balance(1, "CUP").available == 100 + len(good)


def test_an_entry_is_posted_whole_or_not(book, post, posted):
    posted(credit(100))
    half_bad = entry(
        "redemption",
        Transfer("available", "redeemed.telecom", ("CUP",), 10),
        Transfer("available", "redeemed.nonsense", ("CUP",), 10),
    )
    half_rich = entry(
        "redemption",
        Transfer("available", "redeemed.telecom", ("CUP",), 10),
        Transfer("available", "redeemed.product", ("CUP",), 10_000),
    )

    assert isinstance(post(book, half_bad), errors.UnknownAccount)
    assert isinstance(post(book, half_rich), errors.InsufficientPoints)
    assert "redemption" not in {line.kind for line in book.statement(1)}


def test_an_entry_that_moves_nothing_is_refused_beside_one_of_two_lines(book, posted):
    posted(credit(50), credit(50, unit="UNI"))

    over_both, nothing = book.post_many([redeem(100), expire(DAY, member=2)])

    assert isinstance(over_both, Posted)
    assert isinstance(nothing, errors.NothingToPost)


def test_a_void_that_was_reinstated_holds_nothing_more(book, post, posted):
    posted(earn(100))
    left = posted(void())
    posted(reinstate(left))

    assert isinstance(post(book, reinstate(left)), errors.NothingToPost)
    answer = post(book, reduce_void(left, 100))
    assert isinstance(answer, Posted), "a refund of nothing voided is owed"


def test_postings_that_do_not_add_up_are_no_entry():
    with pytest.raises(errors.Unbalanced):
        transfers_of([("issued", "CUP", 10), ("pending", "CUP", -9)])
    with pytest.raises(errors.Unbalanced):
        transfers_of([("issued", "CUP", 10), ("pending", "UNI", -10)])


def test_postings_are_paired_to_transfers():
    transfers = transfers_of(
        [("issued", "CUP", 10), ("pending", "CUP", -7), ("expired", "CUP", -3)]
    )

    assert {(t.debit, t.credit, t.units, t.amount) for t in transfers} == {
        ("issued", "pending", ("CUP",), 7),
        ("issued", "expired", ("CUP",), 3),
    }


def test_an_entry_without_transfers_is_none():
    with pytest.raises(errors.EmptyEntry):
        entry("redemption")


def test_every_code_has_a_sentence_and_its_error():
    for code, kind in errors.BY_CODE.items():
        assert kind.code == code
        assert str(kind(reference="r")).endswith("(reference: r)")
