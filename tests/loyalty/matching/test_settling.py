"""How a break comes to its end: by two people, and by the use case that mends it."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from loyalty.approvals.operations import approve
from loyalty.feeds.mending import settle_break
from loyalty.matching.errors import BreakClosed, NotAResolution, NotMended
from loyalty.matching.invoice_lines import InvoiceLine
from loyalty.matching.invoices import enter_invoice
from loyalty.matching.open_items import ageing, month_states
from loyalty.matching.resolving import ask_resolution, take_on
from loyalty.settings import TIME_ZONE
from loyalty.staff.models import Staff
from tests.loyalty.matching.faults import BANK
from tests.loyalty.matching.test_matching import earned

OCTOBER = date(2007, 10, 1)
NOON = datetime(2007, 11, 5, 12, tzinfo=TIME_ZONE)
MAKER, CHECKER = 1, 2


class Desk:
    """Two people of finance at a bank's breaks."""

    def __init__(self, bank):
        self.bank = bank
        bank.open(members=1)
        with bank.database.unit_of_work() as session:
            session.add_all(
                Staff(
                    staff_id=staff_id,
                    login=f"login-{staff_id}",
                    name="某人",
                    roles=["finance_maker"],
                    password_hash="",
                    created_at=NOON,
                )
                for staff_id in (MAKER, CHECKER)
            )

    def the_break(self):
        ((break_id,),) = self.bank.rows(
            "SELECT break_id FROM statement_break WHERE closed_at IS NULL"
        )
        return break_id

    def settle(self, resolution, **mend):
        """Let one ask and the other agree."""
        break_id = self.the_break()
        with self.bank.database.unit_of_work() as session:
            asked = ask_resolution(
                session,
                break_id=break_id,
                resolution=resolution,
                mend=mend,
                reason="seen on paper",
                maker=MAKER,
                at=NOON,
            )
            asked = approve(
                session,
                approval_id=asked.approval_id,
                checker=CHECKER,
                note=None,
                at=NOON,
            )
            settle_break(session, approval=asked, at=NOON)


@pytest.fixture
def desk(bank):
    return Desk(bank)


def test_what_the_partner_alone_has_is_posted_and_matches_afterwards(desk):
    desk.bank.tell(earned("T1"))
    desk.bank.match(OCTOBER)

    desk.settle("post_missing", account_ref="6226-0", activity="card", amount="100.00")

    assert desk.bank.rows("SELECT kind, amount, effective_on FROM ledger.transfer") == [
        ("activity_accrual", 10, date(2007, 10, 10))
    ]
    assert desk.bank.match(OCTOBER).percent == "100.0"
    assert desk.bank.rows(
        "SELECT resolution, resolved_by, approved_by FROM statement_break"
    ) == [("post_missing", MAKER, CHECKER)]


def test_what_cannot_be_posted_leaves_its_break_open(desk):
    desk.bank.tell(earned("T1"))
    desk.bank.match(OCTOBER)

    with pytest.raises(NotMended):
        desk.settle("post_missing", account_ref="X", activity="card", amount="100.00")

    assert desk.bank.breaks() == [("accrual T1", "MISSING_OURS")]


def test_a_reversal_that_the_partner_alone_has_is_made_here_too(desk):
    desk.bank.pay("T1")
    desk.bank.tell(earned("T1", status="reversed"))
    desk.bank.match(OCTOBER)

    desk.settle("post_missing")

    assert desk.bank.match(OCTOBER).codes == {}
    assert desk.bank.rows("SELECT points FROM activity WHERE original_ref = 'T1'") == [
        (10,)
    ]


def test_what_only_we_have_is_taken_back_and_is_no_break_again(desk):
    desk.bank.pay("T1")
    desk.bank.pay("T2")
    desk.bank.tell(earned("T2"))
    desk.bank.match(OCTOBER)

    desk.settle("reverse_ours")

    # A reversal is a fact of its own day; what was decided there asks nothing here.
    assert desk.bank.rows(
        "SELECT occurred_on, amount_fen FROM activity WHERE original_ref = 'T1'"
    ) == [(NOON.date(), -100_00)]
    desk.bank.tell(earned("T3", on="2007-11-03"))
    desk.bank.pay("T3", on="2007-11-03")
    assert desk.bank.match(date(2007, 11, 1)).codes == {}
    assert desk.bank.match(OCTOBER).codes == {}


@pytest.mark.parametrize(
    ("line", "resolution"),
    [
        (earned("T1", units=11), "their_figure"),
        (earned("T1", amount="100.01"), "write_off"),
        (earned("T1", on="2007-11-02"), "timing"),
    ],
)
def test_a_difference_that_two_people_accept_stays_settled(desk, line, resolution):
    desk.bank.pay("T1")
    desk.bank.tell(line)
    period = date.fromisoformat(line[3]).replace(day=1)
    desk.bank.match(period)

    desk.settle(resolution)

    assert desk.bank.match(period).codes == {}


def test_a_break_is_settled_in_a_way_that_fits_it_and_once(desk):
    desk.bank.pay("T1")
    desk.bank.tell(earned("T1", units=11))
    desk.bank.match(OCTOBER)
    break_id = desk.the_break()

    with pytest.raises(NotAResolution):
        desk.settle("post_missing")
    desk.settle("our_figure")

    with (
        pytest.raises(BreakClosed),
        desk.bank.database.unit_of_work() as session,
    ):
        take_on(session, break_id=break_id, owner=MAKER)


def test_what_is_open_for_more_than_thirty_days_is_escalated(desk):
    desk.bank.pay("T1")
    desk.bank.tell(earned("T2"))
    desk.bank.match(OCTOBER)
    found_on = desk.bank.rows("SELECT CAST(found_at AS date) FROM statement_break")
    on = found_on[0][0] + timedelta(days=31)

    with desk.bank.database.unit_of_work() as session:
        aged = {one.code: one.steps for one in ageing(session, on=on)}
        (month,) = month_states(session, on=on)

    assert aged == {
        "MISSING_OURS": (0, 0, 1, 0, 0),
        "MISSING_THEIRS": (0, 0, 1, 0, 0),
    }
    assert (month.lines, month.agreed, month.breaks, month.escalated) == (1, 0, 2, 2)


def test_an_invoice_is_the_third_side(desk):
    with desk.bank.database.unit_of_work() as session:
        session.execute(
            text(
                "INSERT INTO redemption VALUES (1, 'R1', 'TT1', 1, 'hall', :at, 0,"
                " 3000, :bank, 'PARTNER', NULL, '2007-10-10')"
            ),
            {"at": NOON - timedelta(days=20), "bank": BANK},
        )

    def bill(invoice_no, total_fen, *lines):
        with desk.bank.database.unit_of_work() as session:
            enter_invoice(
                session,
                partner=BANK,
                invoice_no=invoice_no,
                period=OCTOBER,
                total_fen=total_fen,
                lines=lines,
                by=MAKER,
                at=NOON,
            )

    bill("I1", 20_00, InvoiceLine("redemption", 20_00))
    assert desk.bank.breaks() == [("redemption", "AMOUNT_DIFF")]

    bill("I2", 10_00)  # what was left out of the first, as a sum
    assert desk.bank.breaks() == []
