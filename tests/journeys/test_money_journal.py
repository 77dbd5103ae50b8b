"""What a month comes to in money, from files to the kept journal."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from loyalty.journal.deriving import derive
from loyalty.journal.operations import keep, supersede
from loyalty.journal.queries import cohort_months, month, trial_balance
from loyalty.journal.sources import sources
from loyalty.settings import TIME_ZONE
from tests.journeys.conftest import LI, WANG

OCTOBER, NOVEMBER = date(2007, 10, 1), date(2007, 11, 1)
NOON = datetime(2007, 11, 2, 12, tzinfo=TIME_ZONE)


class Money:
    """Reads what was derived, or kept, as an accountant would."""

    def __init__(self, programme):
        self.programme = programme

    def of(self, event, *, view="D", period=OCTOBER):
        """The postings of an event: account → yuan, debits positive."""
        found: defaultdict[str, Decimal] = defaultdict(Decimal)
        with self.programme.database.unit_of_work() as session:
            for entry in month(session, period=period, view=view):
                if entry.event == event:
                    fen = entry.debit_fen - entry.credit_fen
                    found[entry.account] += Decimal(fen) / 100
        return {account: str(yuan) for account, yuan in found.items() if yuan}

    def keep(self, period=OCTOBER):
        with self.programme.database.unit_of_work() as session:
            keep(session, derived=derive(session, period=period), actor="test", at=NOON)

    def liability(self, period=OCTOBER):
        with self.programme.database.unit_of_work() as session:
            return {one.cohort: one for one in cohort_months(session, period=period)}

    def check(self, period=OCTOBER):
        """What must hold of every month, whatever happened in it."""
        with self.programme.database.unit_of_work() as session:
            derived = derive(session, period=period) if not self._kept(period) else None
            for view in ("C", "D"):
                balances = trial_balance(session, period=period, view=view)
                assert sum(one.closing_fen for one in balances) == 0
            owed = sum(
                one.closing_fen
                for one in trial_balance(session, period=period, view="D")
                if one.account in ("2205", "2205.B", "2801")
            )
            cohorts = cohort_months(session, period=period)
            assert -owed == sum(one.liability_fen for one in cohorts)
            for one in cohorts:
                assert abs(one.carries) <= 1
            points = sum(one.state.open_points for one in cohorts)
            assert points == session.scalar(
                text(
                    "SELECT coalesce(sum(available + pending + held), 0)"
                    " FROM ledger.balance"
                )
            )
            if derived is not None:
                assert derive(session, period=period) == derived

    def _kept(self, period):
        return bool(
            self.programme.rows(
                "SELECT 1 FROM journal_run WHERE period >= :period", period=period
            )
        )


@pytest.fixture
def money(programme):
    """The money journal of a programme."""
    return Money(programme)


def bill(ref, msisdn, amount, *, on="2007-10-05"):
    return (ref, msisdn, "2007-09", on, "2007-10-25", amount)


def opening(member_ref, points, *, earned="2006-06"):
    return (member_ref, "CUP", points, "operator", earned, "2009-06-30")


def redemption(ref, member_ref, item, quantity=1, *, on="2007-10-15"):
    return (ref, member_ref, item, quantity, "hall", f"{on}T10:00:00+08:00")


def test_a_bill_defers_what_its_points_sell_for(programme, money):
    programme.load("bills", bill("B1", LI, "100.00"))

    assert money.of("bill_earned") == {
        "1122": "100",
        "6001.01": "-99.21",
        "2205": "-0.79",
    }
    assert money.of("bill_earned", view="C") == {
        "1122": "100",
        "6001.01": "-100",
        "6601.01": "1",
        "2801": "-1",
    }
    money.check()


def test_what_moves_no_points_is_revenue_all_the_same(programme, money):
    """Bills too small, or after leaving; credit notes below a point; late ones."""
    programme.event("E1", WANG, "closed", "2007-10-01", "voluntary")
    programme.load("bills", bill("B1", WANG, "80.00"), bill("B2", LI, "100.50"))
    programme.load("adjustments", ("A1", "B2", "2007-10-20", "-0.40"))

    assert programme.member("LI").points == (0, 100, 0)
    assert money.of("bill_earned", view="C")["6001.01"] == "-180.5"
    assert money.of("bill_earned")["1122"] == "180.5"
    assert money.of("bill_adjusted") == {"1122": "-0.4", "6001.01": "0.4"}
    assert money.of("bill_adjusted", view="C") == {"1122": "-0.4", "6001.01": "0.4"}
    with programme.database.unit_of_work() as session:
        found = sources(session, period=OCTOBER, event="bill_earned")
    assert {(one.reference, one.points, one.fen) for one in found.rows} == {
        ("B1", 0, 80_00),
        ("bill:B2", 100, 0),
    }
    money.check()

    programme.close("2007-10")
    programme.load("bills", bill("B3", LI, "0.60"))
    programme.load("adjustments", ("A2", "B2", "2007-10-25", "-0.05"))
    assert money.of("bill_earned", period=NOVEMBER) == {
        "1122": "0.6",
        "6001.01": "-0.6",
    }
    assert money.of("bill_adjusted", period=NOVEMBER)["1122"] == "-0.05"
    money.check(NOVEMBER)


def test_j15_a_credit_note_takes_points_that_are_spent_and_the_rest_is_owed(
    programme, money
):
    programme.load("opening", opening("WANG", 10_000))  # the cohort of others
    programme.load("bills", bill("B1", LI, "6000.00"))
    programme.load("payments", ("P1", "B1", "2007-10-10", "6000.00"))
    programme.load("redemptions", redemption("R1", "LI", "EV50"))
    programme.load("adjustments", ("A1", "B1", "2007-10-20", "-3000.00"))

    assert programme.member("LI").points == (0, 0, 2_000)
    assert money.of("bill_adjusted") == {
        "1122": "-3000",
        "6001.01": "2976.19",
        "2205": "23.81",
    }
    assert money.of("bill_adjusted", view="C") == {
        "1122": "-3000",
        "6001.01": "3000",
        "2801": "30",
        "6601.01": "-30",
    }
    # What 2,000 points owed had released comes back, until they are earned again.
    assert money.of("owed") == {"2205": "-15.87", "6001.02": "15.87"}
    assert money.of("owed", view="C") == {}
    money.check()


def test_insurance_is_arranged_for_the_insurer(programme, money):
    programme.load("opening", opening("WANG", 5_000))
    programme.load("redemptions", redemption("R1", "WANG", "INS-A"))

    assert money.of("redeemed") == {"2205": "25", "2202": "-20", "6051.01": "-5"}
    assert money.of("redeemed", view="C") == {"2801": "20", "2202": "-20"}
    money.check()


def test_own_telecom_is_a_memo_in_the_decks_view(programme, money):
    programme.load("opening", opening("WANG", 50_000))
    programme.load("redemptions", redemption("R1", "WANG", "EV50"))

    assert money.of("redeemed") == {"2205": "50", "2205.P": "-50"}
    assert money.of("voucher_used") == {"2205.P": "50", "6001.01": "-50"}
    assert money.of("redeemed", view="C") == {}
    assert money.of("voucher_used", view="C") == {}
    money.check()


def test_a_session_of_a_club_is_no_cost_of_points(programme, money):
    programme.load("opening", opening("WANG", 5_000))
    programme.load("redemptions", redemption("R1", "WANG", "TT1"))

    for view in ("C", "D"):
        assert money.of("club_cost", view=view) == {"6601.02": "30", "2202": "-30"}
    assert money.of("redeemed") == {"2205": "6", "6001.02": "-6"}
    assert money.of("redeemed", view="C") == {}
    money.check()


def test_what_is_kept_is_what_was_derived_and_a_reopened_month_is_kept_anew(
    programme, money
):
    programme.load("opening", opening("WANG", 5_000))
    programme.load("bills", bill("B1", LI, "100.00"))
    with programme.database.unit_of_work() as session:
        derived = derive(session, period=OCTOBER)

    money.keep()

    with programme.database.unit_of_work() as session:
        for view in ("C", "D"):
            assert month(session, period=OCTOBER, view=view) == [
                entry for entry in derived.entries if entry.view == view
            ]
        assert cohort_months(session, period=OCTOBER) == list(derived.cohorts)
        supersede(session, period=OCTOBER, actor="test", at=NOON)
    money.keep()
    assert programme.rows(
        "SELECT period, nth, superseded_at IS NULL FROM journal_run ORDER BY 1, 2"
    ) == [
        (date(2006, 6, 1), 1, True),
        (OCTOBER, 1, False),
        (OCTOBER, 2, True),
    ]
    money.check()
    money.check(NOVEMBER)


def test_what_leaving_voids_and_a_return_restores_leaves_no_trace_in_points(
    programme, money
):
    programme.load("opening", opening("WANG", 5_000))
    programme.load("bills", bill("B1", WANG, "100.00"), bill("B2", LI, "80.00"))
    programme.event("E1", WANG, "ported_out", "2007-10-20", "voluntary")

    assert money.of("voided") == {}
    assert money.of("voided", view="C") == {"2801": "51.5", "6601.01": "-51.5"}
    money.check()

    programme.event("E2", WANG, "reconnected", "2007-11-20")
    assert money.of("voided", view="C", period=NOVEMBER) == {
        "2801": "-51.5",
        "6601.01": "51.5",
    }
    money.check(NOVEMBER)
