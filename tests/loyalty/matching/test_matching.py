"""What belongs together, and what a partner's file may say."""

from datetime import date

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.catalogue.operations import load_items
from loyalty.clock import now
from loyalty.matching.errors import NothingTold
from loyalty.matching.operations import match
from loyalty.rules.operations import starting_terms
from tests.loyalty.matching.faults import BANK

OCTOBER, NOVEMBER = date(2007, 10, 1), date(2007, 11, 1)


@pytest.fixture
def open_bank(bank):
    """A bank with two people who have a card there."""
    bank.open(members=2)
    return bank


def earned(ref, *, our="", on="2007-10-10", units=10, amount="100.00", status="posted"):
    return (ref, our, "accrual", on, units, amount, status)


def test_lines_are_facts_and_nothing_is_posted_by_them(open_bank):
    told = open_bank.tell(earned("T1"), earned("T2", amount="5.00"))
    again = open_bank.tell(earned("T1"), earned("T2", amount="6.00"), earned("T3"))

    assert (told.booked, told.rejected) == (2, 0)
    assert (again.booked, again.already_booked, again.rejected) == (1, 1, 1)
    assert open_bank.rows("SELECT reason FROM feed_reject") == [("reference_reused",)]
    assert open_bank.rows("SELECT count(*) FROM ledger.transfer") == [(0,)]


def test_a_sender_who_is_no_partner_tells_nothing(open_bank):
    answer = open_bank.load("partner-statement", [earned("T1")], sender="NOBODY")

    assert (answer.booked, answer.rejected) == (0, 1)
    assert open_bank.rows("SELECT reason FROM feed_reject") == [("unknown_partner",)]


def test_a_month_of_which_nothing_was_told_is_not_matched(open_bank):
    open_bank.pay("T1")

    with pytest.raises(NothingTold):
        open_bank.match(OCTOBER)
    assert open_bank.breaks() == []


@pytest.mark.parametrize(
    ("line", "how"),
    [
        (earned("B-77", our="activity:CEB/T1"), "our_ref"),
        (earned("B-77", our="T1"), "our_ref"),
        (earned("T1"), "partner_ref"),
    ],
)
def test_either_name_finds_the_event(open_bank, line, how):
    open_bank.pay("T1")
    open_bank.tell(line)

    assert open_bank.match(OCTOBER).percent == "100.0"
    assert open_bank.rows("SELECT code, how FROM line_pair") == [("MATCHED", how)]


def test_what_names_another_event_is_never_matched_by_its_amount(open_bank):
    open_bank.pay("T1")
    open_bank.tell(earned("T2"))

    open_bank.match(OCTOBER)

    assert set(open_bank.breaks()) == {
        ("accrual T1", "MISSING_THEIRS"),
        ("accrual T2", "MISSING_OURS"),
    }


def test_what_turns_up_later_closes_its_break_by_itself(open_bank):
    open_bank.tell(earned("T1"), earned("T2"))
    open_bank.pay("T1")
    assert open_bank.match(OCTOBER).codes == {"MISSING_OURS": 1}

    open_bank.pay("T2")

    assert open_bank.match(OCTOBER).codes == {}
    assert open_bank.rows(
        "SELECT code, closed_at IS NOT NULL, resolution FROM statement_break"
    ) == [("MISSING_OURS", True, None)]


def test_a_reversal_that_both_have_agrees_however_it_is_told(open_bank):
    for ref in ("T1", "T2"):
        open_bank.pay(ref)
        open_bank.pay(f"F{ref}", "-100.00", original=ref)
    open_bank.tell(
        earned("T1", status="reversed"),
        earned("T2"),
        ("FT2", "", "reversal", "2007-10-10", 10, "100.00", "posted"),
    )

    done = open_bank.match(OCTOBER)

    assert done.codes == {}
    assert (done.agreed, done.sides.ours.fen, done.sides.theirs.fen) == (4, 0, 0)


def test_parts_of_one_original_are_no_duplicates(open_bank):
    open_bank.pay("T1")
    open_bank.pay("F1", "-40.00", original="T1")
    open_bank.pay("F2", "-40.00", original="T1")
    part = ("T1", "reversal", "2007-10-10", 4, "40.00", "posted")
    open_bank.tell(earned("T1"), ("B1", *part), ("B2", *part), ("B3", *part))

    # A third part like the others, of which we have two, is told once too often.
    assert open_bank.match(OCTOBER).codes == {"DUPLICATE": 1}


def test_a_line_that_was_refused_there_is_called_by_its_reason(open_bank):
    open_bank.pay("T1")
    open_bank.tell(
        earned("T1", status="reject_name"), earned("T2", status="REJECT_CLOSED")
    )

    open_bank.match(OCTOBER)

    assert set(open_bank.breaks()) == {
        ("accrual T1", "REJECT_NAME"),
        ("accrual T2", "REJECT_CLOSED"),
    }


def test_a_line_that_we_refused_says_why_it_is_missing(open_bank):
    open_bank.load(
        "activities",
        [("T1", BANK, "NOBODY", "card", "2007-10-10", "100.00", "CNY", "", "")],
    )
    open_bank.tell(earned("T1"))

    open_bank.match(OCTOBER)

    assert open_bank.breaks() == [("accrual T1", "REJECT_NUMBER")]


def test_a_line_of_next_month_for_what_was_told_before_is_a_second_one(open_bank):
    open_bank.pay("T1")
    open_bank.tell(earned("T1"))
    open_bank.match(OCTOBER)
    open_bank.tell(earned("T1-bis", our="T1", on="2007-11-02"))

    open_bank.match(NOVEMBER)

    assert open_bank.breaks() == [("accrual T1-bis", "DUPLICATE")]


def test_what_earns_nothing_may_be_told_and_need_not(open_bank):
    open_bank.pay("T1", "9.00")
    open_bank.pay("T2", "9.00")
    open_bank.tell(earned("T1", units=0, amount="9.00"))

    assert open_bank.match(OCTOBER).percent == "100.0"


def test_an_amount_that_a_partner_pays_for_points_is_their_price(open_bank):
    with open_bank.database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO accrual_billing VALUES"
                " (:bank, '2007-01-01', 'postpaid', 825, 100, now())"
            ),
            {"bank": BANK},
        )
    for ref in ("T1", "T2", "T3"):
        open_bank.pay(ref)  # ten points, at 8.25 fen
    open_bank.tell(
        earned("T1", amount="0.08"),
        earned("T2", amount="0.09"),
        earned("T3", amount="0.10"),
    )

    assert open_bank.match(OCTOBER).codes == {"RATE_DIFF": 1}
    assert open_bank.breaks() == [("accrual T3", "RATE_DIFF")]


@pytest.mark.parametrize(
    ("basis", "cut_off", "late"),
    [
        ("occurred", 1440, "R2"),  # our day is October for both
        ("occurred", 23 * 60, "R1"),  # from eleven at night on it is November
    ],
)
def test_a_partners_day_ends_at_its_cut_off(bank, basis, cut_off, late):
    bank.open(members=1)
    with bank.database.unit_of_work() as session:
        load_items(session, items=starting_terms()["item"])
        session.execute(
            text(
                "INSERT INTO match_terms VALUES"
                " ('TTCLUB', :basis, :cut_off, 'Asia/Shanghai', 0, 5, now())"
            ),
            {"basis": basis, "cut_off": cut_off},
        )
    opening = ("M0", "CUP", 5_000, "operator", "2007-09", "2010-09-30")
    bank.load("opening", [opening])
    at = "2007-10-31T23:30:00+08:00"
    rows = [(ref, "M0", "TT1", 1, "hall", at) for ref in ("R1", "R2")]
    assert bank.load("redemptions", rows).rejected == 0
    bank.load(
        "partner-statement",
        [
            ("V1", "R1", "redemption", "2007-10-31", 600, "30.00", "posted"),
            ("V2", "redemption:R2", "redemption", "2007-11-01", 600, "30.00", ""),
        ],
        sender="TTCLUB",
    )

    with bank.database.unit_of_work() as session:
        for period in (OCTOBER, NOVEMBER):
            match(session, partner="TTCLUB", period=period, actor="test", at=now())

    rows = bank.rows("SELECT event_ref, code FROM line_pair ORDER BY event_ref")
    assert dict(rows)[late] == "LATE"
    assert [code for _, code in rows].count("MATCHED") == 1


@pytest.mark.parametrize(
    ("basis", "code"), [("occurred", "MATCHED"), ("effective", "LATE")]
)
def test_a_fact_that_came_after_its_month_was_closed_is_late_by_its_accounting_day(
    open_bank, basis, code
):
    with open_bank.database.unit_of_work() as session:
        Book(session).close(OCTOBER)
        session.execute(
            text(
                "INSERT INTO match_terms VALUES"
                " (:bank, :basis, 1440, 'Asia/Shanghai', 0, 5, now())"
            ),
            {"bank": BANK, "basis": basis},
        )
    open_bank.pay("T1")
    open_bank.tell(earned("T1"))

    open_bank.match(OCTOBER)

    assert open_bank.rows("SELECT code FROM line_pair") == [(code,)]


def test_what_neither_names_is_matched_by_amount_and_day(bank):
    bank.open(members=1)
    with bank.database.unit_of_work() as session:
        load_items(session, items=starting_terms()["item"])
    bank.load("opening", [("M0", "CUP", 5_000, "operator", "2007-09", "2010-09-30")])
    rows = [
        (f"R{day}", "M0", "TT1", 1, "hall", f"2007-10-{day}T12:00:00+08:00")
        for day in (10, 20, 25)
    ]
    assert bank.load("redemptions", rows).rejected == 0
    bank.load(
        "partner-statement",
        [
            ("V1", "", "redemption", "2007-10-20", 600, "30.00", "posted"),
            ("V2", "", "redemption", "2007-10-12", 600, "30.00", "posted"),
            ("V3", "", "redemption", "2007-10-28", 600, "31.00", "posted"),
        ],
        sender="TTCLUB",
    )

    with bank.database.unit_of_work() as session:
        match(session, partner="TTCLUB", period=OCTOBER, actor="test", at=now())

    assert bank.rows("SELECT event_ref, how FROM line_pair ORDER BY 1") == [
        ("R10", "amount"),
        ("R20", "amount"),
    ]
    assert set(bank.breaks()) == {
        ("redemption R25", "MISSING_THEIRS"),
        ("redemption V3", "MISSING_OURS"),
    }
