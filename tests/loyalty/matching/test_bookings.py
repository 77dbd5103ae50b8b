"""What the end of a break books: settled with the partner, and posted, once."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from loyalty.approvals.operations import approve
from loyalty.feeds.mending import ask_settlement, settle_break
from loyalty.journal.deriving import derive
from loyalty.matching import receiving
from loyalty.matching.errors import BreakClosed, NotInSuspense, ReceiptKnown
from loyalty.matching.invoice_lines import read_lines
from loyalty.matching.invoices import enter_invoice
from loyalty.matching.open_items import suspense
from loyalty.settlement.facts import FACTS
from tests.loyalty.matching.faults import BANK
from tests.loyalty.matching.test_matching import earned
from tests.loyalty.matching.test_settling import (
    CHECKER,
    MAKER,
    NOON,
    OCTOBER,
    Desk,
)

BY_WHOM: dict[str, Any] = {"reason": "seen on paper", "maker": MAKER, "at": NOON}


class Office(Desk):
    """The same desk; its bank pays 0.10 yuan for a point afterwards."""

    def __init__(self, bank):
        super().__init__(bank)
        with bank.database.unit_of_work() as session:
            session.execute(
                text(
                    "INSERT INTO accrual_billing VALUES"
                    " (:bank, '2007-01-01', 'postpaid', 10000, 100, :at)"
                ),
                {"bank": BANK, "at": NOON},
            )

    def decide(self, resolution, *, break_id=None, **mend):
        """Let one ask for an end, and the other agree; return what both were shown."""
        break_id = break_id or self.the_break()
        with self.bank.database.unit_of_work() as session:
            asked = ask_settlement(
                session, break_id=break_id, resolution=resolution, mend=mend, **BY_WHOM
            )
            settle_break(session, approval=self.agreed(session, asked), at=NOON)
            return asked.after

    def agreed(self, session, asked):
        return approve(
            session,
            approval_id=asked.approval_id,
            checker=CHECKER,
            note=None,
            at=NOON,
        )

    def settled(self):
        """Return what the bank owes for October, in fen."""
        ((parts,),) = self.bank.rows(f"SELECT sum(parts) / 100000 FROM ({FACTS}) f")
        return int(parts or 0)

    def money(self, *accounts):
        """Return what accounts come to in both views; debits are positive."""
        with self.bank.database.unit_of_work() as session:
            found = derive(session, period=OCTOBER).entries
        return [
            sum(
                one.debit_fen - one.credit_fen
                for one in found
                if (one.view, one.account) == (view, account)
            )
            for account in accounts
            for view in ("C", "D")
        ]

    def waiting(self):
        with self.bank.database.unit_of_work() as session:
            return [(one.about, one.fen) for one in suspense(session, on=NOON.date())]


@pytest.fixture
def office(bank):
    return Office(bank)


def test_a_figure_that_is_accepted_is_settled_posted_and_taken_back_by_two(office):
    office.bank.pay("T1")
    office.bank.tell(earned("T1", amount="1.07"))
    office.bank.match(OCTOBER)
    break_id = office.the_break()
    assert office.settled() == 100

    shown = office.decide("their_figure")

    assert shown["entries"] == ["C 1122 / 6051.02 0.07", "D 1122 / 6051.02 0.07"]
    assert shown["booked_fen"] == 7
    assert office.settled() == 107  # as the bank has it
    assert office.money("6051.02")[0] == -7
    with pytest.raises(BreakClosed):
        office.decide("write_off", break_id=break_id)

    shown = office.decide("reopen", break_id=break_id)
    assert shown["booked_fen"] == -7
    assert (office.settled(), office.bank.breaks()) == (
        100,
        [("accrual T1", "RATE_DIFF")],
    )
    office.decide("our_figure")
    assert office.settled() == 100
    assert office.bank.match(OCTOBER).codes == {}


def test_what_we_bear_is_a_loss_and_what_was_refused_is_not_owed(office):
    office.bank.pay("T1")
    office.bank.pay("T2")
    office.bank.tell(earned("T1", amount="0.98"))
    office.bank.match(OCTOBER)
    for code in ("RATE_DIFF", "MISSING_THEIRS"):
        ((break_id,),) = office.bank.rows(
            "SELECT break_id FROM statement_break WHERE code = :code", code=code
        )
        shown = office.decide("write_off", break_id=break_id)
        assert shown["entries"][1].startswith("D 6711 / 1122")

    assert office.settled() == 98
    assert office.money("6711") == [102, 102]


def test_a_claim_for_nobody_waits_in_suspense_until_it_is_known_whose_it_is(office):
    office.bank.tell(earned("T1", amount="1.00"))
    office.bank.match(OCTOBER)
    break_id = office.the_break()

    shown = office.decide("suspense")

    assert shown["entries"] == ["C 1122 / 9001 1.00", "D 1122 / 9001 1.00"]
    assert office.settled() == 100
    assert office.waiting() == [(f"break:{break_id}", 100)]
    assert office.money("9001") == [-100, -100]

    shown = office.decide(
        "post_missing",
        break_id=break_id,
        account_ref="6226-0",
        activity="card",
        amount="100.00",
    )
    assert shown["points_entries"] == [f"issued.partner:{BANK} / available 10 UNI"]
    assert office.bank.match(OCTOBER).percent == "100.0"
    assert office.settled() == 100  # once: by the points that were earned
    assert (office.waiting(), office.money("9001")) == ([], [0, 0])


def test_money_that_nothing_explains_waits_until_two_people_say_what_it_was(office):
    def receive(fen=50_00):
        with office.bank.database.unit_of_work() as session:
            receiving.receive(
                session,
                partner=BANK,
                bank_ref="B1",
                fen=fen,
                on=date(2007, 10, 20),
                reason="no order",
                at=NOON,
            )

    def clear(way):
        with office.bank.database.unit_of_work() as session:
            asked = receiving.ask_clearing(
                session,
                partner=BANK,
                about="bank:B1",
                way=way,
                foretold=[],
                **BY_WHOM,
            )
            receiving.apply_clearing(
                session, approval=office.agreed(session, asked), at=NOON
            )

    receive()
    receive()  # the same advice again
    with pytest.raises(ReceiptKnown):
        receive(fen=51_00)
    assert office.waiting() == [("bank:B1", 50_00)]
    assert office.money("1002", "9001") == [50_00, 50_00, -50_00, -50_00]
    assert office.settled() == 0  # nobody owes anything for it

    clear("credit_partner")
    assert (office.waiting(), office.settled()) == ([], -50_00)
    with pytest.raises(NotInSuspense):
        clear("send_back")


def test_what_lies_within_the_tolerance_is_settled_as_the_partner_has_it(office):
    with office.bank.database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO match_terms VALUES"
                " (:bank, 'occurred', 1440, 'Asia/Shanghai', 2, 5, :at)"
            ),
            {"bank": BANK, "at": NOON},
        )
    for ref in ("T1", "T2", "T3"):
        office.bank.pay(ref)
    office.bank.tell(
        earned("T1", amount="1.02"),
        earned("T2", amount="1.01"),
        earned("T3", amount="1.00"),
    )

    assert office.bank.match(OCTOBER).percent == "100.0"
    office.bank.match(OCTOBER)  # what was decided is not booked again

    assert office.settled() == 303
    assert office.bank.rows("SELECT about, fen FROM partner_booking") == [
        ("tolerance:2007-10", 3)
    ]


def test_an_invoice_is_compared_line_by_line(office):
    with office.bank.database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO redemption SELECT 1, ref, item, quantity, 'hall', :at, 0,"
                " fen, :bank, 'POINTS_ACCRUAL', NULL, '2007-10-10'"
                "  FROM (VALUES ('R1', 'INS-A', 2, 4000), ('R2', 'INS-B', 1, 4000),"
                "               ('R3', 'TT1', 1, 3000)) r(ref, item, quantity, fen)"
            ),
            {"at": NOON.replace(month=10), "bank": BANK},
        )

    def bill(invoice_no, total_fen, lines):
        with office.bank.database.unit_of_work() as session:
            enter_invoice(
                session,
                partner=BANK,
                invoice_no=invoice_no,
                period=OCTOBER,
                total_fen=total_fen,
                lines=read_lines(lines),
                by=MAKER,
                at=NOON,
            )

    bill(
        "I1",
        110_10,
        "kind,item,quantity,unit_price,amount\n"
        "redemption,INS-A,2,20.05,40.10\n"
        "redeemed,INS-B,1,40.00,40.00\n"
        "redemption,EV50,2,15.00,30.00\n",
    )

    assert sorted(office.bank.breaks()) == [
        ("redemption EV50", "MISSING_OURS"),
        ("redemption INS-A", "RATE_DIFF"),
        ("redemption TT1", "MISSING_THEIRS"),
    ]
    ((break_id,),) = office.bank.rows(
        "SELECT break_id FROM statement_break WHERE code = 'RATE_DIFF'"
    )
    office.decide("their_figure", break_id=break_id)
    assert office.settled() == -(110_00 + 10)

    bill("I2", 30_00, "redemption,TT1,1,30.00,30.00")
    assert office.bank.breaks() == [("redemption EV50", "MISSING_OURS")]
