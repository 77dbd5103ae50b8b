"""Bills that give a coalition's points: J8, J9 and T10, from files to statements."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from loyalty.approvals.operations import approve
from loyalty.demo.files import write_feed
from loyalty.feeds.formats import FEEDS
from loyalty.feeds.loading import load
from loyalty.feeds.mending import ask_settlement, settle_break
from loyalty.journal.queries import month
from loyalty.matching.invoice_lines import InvoiceLine
from loyalty.matching.invoices import enter_invoice
from loyalty.matching.operations import match
from loyalty.prepaid import blocks, coalitions
from loyalty.prepaid.errors import (
    BadCoalition,
    BrandGivenAlready,
    CoalitionKnown,
    CoalitionTooSoon,
)
from loyalty.settings import TIME_ZONE
from loyalty.settlement.drawing import draw_up
from loyalty.settlement.facts import FACTS
from tests.journeys.conftest import LI, WANG
from tests.journeys.test_money_journal import Money

ALLY, OTHER = "ALLY", "OTHER"
OCTOBER, NOVEMBER = date(2007, 10, 1), date(2007, 11, 1)
NOON = datetime(2007, 9, 30, 12, tzinfo=TIME_ZONE)


class Finance:
    """Two people who agree with coalitions."""

    def __init__(self, programme):
        self.programme = programme
        with programme.database.unit_of_work() as session:
            self.maker, self.checker = (
                session.scalar(
                    text(
                        "INSERT INTO staff (login, name, roles, password_hash,"
                        " created_at) VALUES (:login, :login, '{finance_maker}', '',"
                        " now()) RETURNING staff_id"
                    ),
                    {"login": login},
                )
                for login in ("mei", "lan")
            )

    def ask(self, *, at=NOON, **facts):
        wanted: dict[str, Any] = {
            "partner": ALLY,
            "valid_from": OCTOBER,
            "brands": ["up"],
            "points_num": 1,
            "points_den": 1,
            "price_thousand_fen": 1_000,
            "worth_thousand_fen": 1_200,
            "honors_thousand_fen": 900,
            "billing": "postpaid",
        } | facts
        with self.programme.database.unit_of_work() as session:
            return coalitions.ask_terms(
                session,
                wanted=coalitions.Wanted(**wanted),
                reason="agreed",
                maker=self.maker,
                at=at,
            ).approval_id

    def agree(self, *, at=NOON, **facts):
        """Have two people agree on what bills of UP give."""
        approval_id = self.ask(at=at, **facts)
        with self.programme.database.unit_of_work() as session:
            agreed = approve(
                session,
                approval_id=approval_id,
                checker=self.checker,
                note=None,
                at=at,
            )
            coalitions.apply_terms(session, approval=agreed, at=at)

    def buy(self, units, *, fen, since=OCTOBER):
        with self.programme.database.unit_of_work() as session:
            blocks.buy(
                session,
                partner=ALLY,
                direction="give",
                units=units,
                price_fen=fen,
                starts_on=since,
                ends_on=None,
                reorder_units=0,
                at=datetime(2007, 10, 1, 12, tzinfo=TIME_ZONE),
            )

    @property
    def left(self):
        return [
            left
            for (left,) in self.programme.rows(
                "SELECT units_left FROM point_block ORDER BY starts_on, block_id"
            )
        ]


@pytest.fixture
def finance(programme):
    """Those who agree with the coalition, which takes part."""
    programme.load(
        "partners", (ALLY, "coalition", "通联盟"), (OTHER, "coalition", "别的联盟")
    )
    return Finance(programme)


def bill(ref, amount="100.00", *, msisdn=LI, on="2007-10-05", due="2007-10-25"):
    return (ref, msisdn, "2007-09", on, due, amount)


def paid(ref, of, amount="100.00", *, on="2007-10-10"):
    return (ref, of, on, amount)


def redemption(ref, item="INS-A", *, member="LI", on="2007-10-15"):
    return (ref, member, item, 1, "hall", f"{on}T10:00:00+08:00")


def given(programme):
    """What was written down of the coalition's points, in its order."""
    return programme.rows(
        "SELECT what, units::int, price_fen::int, is_prepaid FROM coalition_points"
        " ORDER BY member_id, bill_ref, nth"
    )


def test_a_bill_gives_the_coalitions_points_from_the_agreed_day_on(programme, finance):
    finance.agree()
    programme.load(
        "bills",
        bill("B0", on="2007-09-30"),
        bill("B1"),
        bill("B2", msisdn=WANG),
    )
    programme.load("payments", paid("P0", "B0"), paid("P1", "B1"), paid("P2", "B2"))

    li = programme.member("LI")

    assert li.points == (100, 0, 0)
    assert li.universal == (100, 0)
    assert [lot[:3] for lot in li.lots if lot[0] == "UNI"] == [("UNI", ALLY, 100)]
    assert programme.member("WANG").universal == (0, 0)
    assert programme.rows(
        "SELECT DISTINCT t.debit, x.funding, x.cost_class FROM ledger.transfer t"
        " CROSS JOIN unnest(t.draws) x WHERE t.unit = 'UNI'"
    ) == [("pending", ALLY, "coalition")]
    assert programme.rows(
        "SELECT DISTINCT debit FROM ledger.transfer"
        " WHERE unit = 'UNI' AND kind = 'bill_accrual'"
    ) == [(f"issued.partner:{ALLY}",)]
    assert given(programme) == [("given", 100, 100_00, False)]


def test_its_points_live_the_life_of_our_own(programme, finance):
    """Bounced, adjusted, canceled and revived; left with, and come back with."""
    finance.agree()
    programme.load("bills", bill("B1"), bill("B2", "50.00"))
    programme.load("payments", paid("P1", "B1"), paid("P2", "B2", "10.00"))
    programme.load("payments", paid("P3", "B1", "-100.00", on="2007-10-12"))
    assert (programme.member("LI").uni["available"], _pending(programme)) == (0, 150)

    programme.load("payments", paid("P4", "B1", on="2007-10-13"))
    programme.load("adjustments", ("A1", "B1", "2007-10-14", "-30.00"))
    assert (programme.member("LI").uni["available"], _pending(programme)) == (70, 50)

    programme.event("E1", LI, "ported_out", "2007-10-20", "voluntary")
    assert (programme.member("LI").uni["available"], _pending(programme)) == (0, 0)
    programme.load("adjustments", ("A2", "B1", "2007-10-21", "-10.00"))
    programme.event("E2", LI, "reconnected", "2007-11-20")
    assert (programme.member("LI").uni["available"], _pending(programme)) == (60, 50)

    programme.run("cancel-unpaid", "2008-03-01")
    assert (programme.member("LI").uni["available"], _pending(programme)) == (60, 0)
    programme.load("payments", paid("P5", "B2", "40.00", on="2008-01-10"))
    assert (programme.member("LI").uni["available"], _pending(programme)) == (110, 0)
    assert given(programme) == [
        ("given", 100, 100_00, False),
        ("adjusted", -30, -30_00, False),
        ("adjusted", -10, -10_00, False),
        ("given", 50, 50_00, False),
        ("canceled", -50, -50_00, False),
        ("revived", 50, 50_00, False),
    ]


def _pending(programme):
    return programme.member("LI").uni["pending"]


def test_blocks_cover_whole_bills_and_get_back_what_is_taken_back(programme, finance):
    finance.agree(billing="prepaid")
    finance.buy(120, fen=120)
    finance.buy(100, fen=90, since=OCTOBER + timedelta(days=1))
    programme.load("bills", bill("B1"), bill("B2", "110.00"), bill("B3", "200.00"))
    assert finance.left == [0, 10]
    assert [row[3] for row in given(programme)] == [True, True, False]

    programme.load("adjustments", ("A1", "B2", "2007-10-14", "-95.00"))
    programme.load("adjustments", ("A2", "B3", "2007-10-14", "-50.00"))
    assert finance.left == [5, 100]

    programme.run("cancel-unpaid", "2008-03-01")
    assert finance.left == [120, 100]
    programme.load("payments", paid("P1", "B3", "150.00", on="2008-01-10"))
    assert given(programme)[-1] == ("revived", 150, 150_00, True)
    assert finance.left == [0, 70]
    programme.load("adjustments", ("A3", "B3", "2008-01-11", "-100.00"))
    assert finance.left == [70, 100]


def test_terms_are_agreed_on_by_two_for_days_to_come(programme, finance):
    with pytest.raises(CoalitionTooSoon):
        finance.ask(valid_from=NOON.date())
    with pytest.raises(BadCoalition) as refused:
        finance.ask(partner="CEB", brands=["gold"], points_den=0, worth_thousand_fen=-1)
    assert refused.value.facts["faults"] == [
        *("partner", "brands", "points_den", "worth_thousand_fen")
    ]
    finance.agree()
    with pytest.raises(CoalitionKnown):
        finance.ask()
    with pytest.raises(BrandGivenAlready):
        finance.ask(partner=OTHER, valid_from=NOVEMBER)

    finance.agree(brands=[], valid_from=NOVEMBER)
    finance.agree(partner=OTHER, valid_from=NOVEMBER, points_num=2)
    programme.load(
        "bills",
        bill("B1", on="2007-10-31", due="2007-11-25"),
        bill("B2", on="2007-11-01", due="2007-11-25"),
    )
    assert programme.rows("SELECT coalition, points::int FROM bill ORDER BY 1") == [
        (ALLY, 100),
        (OTHER, 200),
    ]


@pytest.fixture
def money(programme):
    """The money journal of a programme."""
    return Money(programme)


T10 = {"1122": "100", "6001.01": "-98.81", "2202": "-1", "6051.01": "-0.19"}


def test_a_bill_gives_them_as_an_agent(programme, finance, money):
    """T10 and J8; what a credit note takes back mirrors it."""
    finance.agree()
    programme.load("bills", bill("B1"))
    assert money.of("bill_earned") == T10
    assert money.of("bill_earned", view="C") == {
        "1122": "100",
        "6001.01": "-100",
        "6601.01": "1",
        "2202": "-1",
    }

    programme.load("bills", bill("B2", on="2007-11-05", due="2007-11-25"))
    programme.load("payments", paid("P1", "B1"))
    programme.load("adjustments", ("A1", "B1", "2007-11-14", "-100.00"))
    programme.run("cancel-unpaid", "2008-03-01")

    mirror = {"1122": "-100", "6001.01": "98.81", "2202": "1", "6051.01": "0.19"}
    assert money.of("bill_adjusted", period=NOVEMBER) == mirror
    february = date(2008, 2, 1)
    assert money.of("bill_canceled", period=february) == {
        "6001.01": "-1.19",
        "2202": "1",
        "6051.01": "0.19",
    }
    assert money.of("bill_canceled", view="C", period=february) == {
        "6601.01": "-1",
        "2202": "1",
    }
    assert {one.liability_fen for one in money.liability(february).values()} == {0}
    money.check(february)


def test_a_block_pays_for_them_in_advance(programme, finance, money):
    """J9: the block is an advance to the coalition, which bills use up."""
    finance.agree(billing="prepaid")
    finance.buy(150, fen=120)
    programme.load("bills", bill("B1"), bill("B2"))

    assert money.of("block_bought") == {"1123": "1.2", "1002": "-1.2"}
    assert money.of("bill_earned") == {
        "1122": "200",
        "6001.01": "-197.63",
        "1123": "-0.8",
        "2202": "-1",
        "6051.01": "-0.57",
    }
    assert money.of("bill_earned", view="C")["6601.01"] == "1.8"
    programme.load("adjustments", ("A1", "B1", "2007-11-14", "-50.00"))
    assert money.of("bill_adjusted", view="C", period=NOVEMBER) == {
        "1122": "-50",
        "6001.01": "50",
        "6601.01": "-0.4",
        "1123": "0.4",
    }
    money.check(NOVEMBER)


def test_what_leaving_voids_of_them_is_no_money(programme, finance, money):
    finance.agree()
    programme.load("bills", bill("B1"), bill("B2", "40.00"))
    programme.load("payments", paid("P1", "B1"))
    programme.event("E1", LI, "ported_out", "2007-10-20", "voluntary")

    for view in ("C", "D"):
        assert money.of("voided", view=view) == {}
    money.check()
    programme.event("E2", LI, "reconnected", "2007-11-20")
    money.check(NOVEMBER)
    assert programme.member("LI").uni["available"] == 100
    programme.run("expire-points", "2010-11-01")
    for view in ("C", "D"):
        assert money.of("expired", view=view, period=date(2010, 11, 1)) == {}
    money.check(date(2010, 11, 1))


def test_the_coalition_pays_for_what_is_spent_with_us(programme, finance, money):
    """25.00 at 0.9 fen is 22.50: the insurer has 20.00 of it, and we the rest."""
    finance.agree()
    programme.load("bills", bill("B1", "10000.00"))
    programme.load("payments", paid("P1", "B1", "10000.00"))
    programme.load("redemptions", redemption("R1"), redemption("R2", "EV50"))

    spent = {"1122": "22.5", "2202": "-20", "6051.01": "-2.5"}
    assert money.of("redeemed") == {**spent, "1122": "67.5", "2205.P": "-45"}
    assert money.of("redeemed", view="C") == {
        **spent,
        "1122": "67.5",
        "6001.01": "-45",
    }
    assert money.of("voucher_used") == {"2205.P": "45", "6001.01": "-45"}
    money.check()


def test_another_rate_holds_for_what_is_spent_later(programme, finance, money):
    """J21: forward only; where it pays too little we bear the rest (J3c)."""
    finance.agree()
    finance.agree(honors_thousand_fen=700, valid_from=NOVEMBER)
    programme.load("bills", bill("B1", "10000.00"))
    programme.load("payments", paid("P1", "B1", "10000.00"))
    programme.load("redemptions", redemption("R1"), redemption("R2", on="2007-11-01"))

    assert money.of("redeemed") == {"1122": "22.5", "2202": "-20", "6051.01": "-2.5"}
    for view in ("C", "D"):
        assert money.of("redeemed", view=view, period=NOVEMBER) == {
            "1122": "17.5",
            "2202": "-20",
            "6601.01": "2.5",
        }
    money.check(NOVEMBER)


def test_what_stands_on_its_statement_is_what_the_journal_says(programme, finance):
    finance.agree(price_thousand_fen=1_050, honors_thousand_fen=905)
    programme.load("bills", bill("B1", "10000.00"), bill("B2"), bill("B3", "70.07"))
    programme.load("payments", paid("P1", "B1", "10000.00"))
    programme.load("adjustments", ("A1", "B2", "2007-10-14", "-30.00"))
    programme.load("redemptions", redemption("R1"), redemption("R2", "EV50"))

    with programme.database.unit_of_work() as session:
        drawn = draw_up(
            session,
            partner=ALLY,
            day=date(2007, 10, 31),
            actor="test",
            at=datetime(2007, 11, 5, 12, tzinfo=TIME_ZONE),
        )
        said = (drawn.receivable_fen, drawn.payable_fen)

    assert said == (67_88, 106_47)
    assert programme.rows(
        "SELECT kind, count(*), sum(units)::int FROM statement_line"
        " GROUP BY 1 ORDER BY 1"
    ) == [("given", 3, 10_170), ("honored", 2, 7_500), ("taken_back", 1, -30)]
    with programme.database.unit_of_work() as session:
        owed = sum(
            entry.credit_fen - entry.debit_fen
            for entry in month(session, period=OCTOBER, view="D")
            if entry.account == "2202" and entry.partner == ALLY
        )
        due = sum(
            entry.debit_fen - entry.credit_fen
            for entry in month(session, period=OCTOBER, view="D")
            if entry.account == "1122" and entry.measure == "released"
        )
    assert said == (due, owed)


def test_what_it_says_otherwise_is_settled_the_way_it_is_owed(
    programme, finance, tmp_path
):
    """It is owed for what bills give and owes for what is spent: not as a bank."""
    finance.agree()
    programme.load("bills", bill("B1", "10000.00"))
    programme.load("payments", paid("P1", "B1", "10000.00"))
    programme.load("redemptions", redemption("R1"))
    told = [
        ("A1", "B1", "accrual", "2007-10-05", 10_000, "101.00", "posted"),
        ("A2", "R1", "redemption", "2007-10-15", 2_500, "22.00", "posted"),
    ]
    path = write_feed(tmp_path, "partner-statement", 1, told, sender=ALLY)
    load(programme.database, FEEDS["partner-statement"], path)
    at = datetime(2007, 11, 5, 12, tzinfo=TIME_ZONE)

    with programme.database.unit_of_work() as session:
        match(session, partner=ALLY, period=OCTOBER, actor="test", at=at)
    for (break_id,) in programme.rows("SELECT break_id FROM statement_break"):
        with programme.database.unit_of_work() as session:
            asked = ask_settlement(
                session,
                break_id=break_id,
                resolution="their_figure",
                mend={},
                reason="seen on paper",
                maker=finance.maker,
                at=at,
            )
            agreed = approve(
                session,
                approval_id=asked.approval_id,
                checker=finance.checker,
                note=None,
                at=at,
            )
            settle_break(session, approval=agreed, at=at)
    with programme.database.unit_of_work() as session:
        billed = enter_invoice(
            session,
            partner=ALLY,
            invoice_no="I1",
            period=OCTOBER,
            total_fen=101_00,
            lines=[InvoiceLine(kind="accrual", fen=101_00)],
            by=finance.maker,
            at=at,
        )

    assert programme.rows(
        "SELECT kind, fen::int FROM partner_booking ORDER BY kind"
    ) == [("accrual", -1_00), ("redemption", -50)]
    ((owed,),) = programme.rows(
        f"SELECT sum(parts) / 100000 FROM ({FACTS}) f WHERE partner = '{ALLY}'"
    )
    assert owed == 22_00 - 101_00
    assert billed.differences == 0
