"""The money journal beside the books that it is derived from."""

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import count

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.estimates import operations as estimates
from loyalty.finance.rules import next_month
from loyalty.journal.deriving import derive
from loyalty.journal.operations import keep
from loyalty.journal.queries import cohort_months, month, trial_balance
from loyalty.points.entries import UNIVERSAL
from loyalty.redemption import operations as redemption
from loyalty.redemption.operations import Step
from loyalty.settings import TIME_ZONE
from tests.loyalty.exchange.alliance import NOON, Alliance, Carrier

SEPTEMBER, OCTOBER, NOVEMBER = (date(2007, each, 1) for each in (9, 10, 11))
OWED = ("2205", "2205.B", "2801")


def check(session, period):
    """What must hold whatever happened; the books are proved."""
    assert Book(session).prove() == []
    once, twice = (derive(session, period=period) for _ in range(2))
    assert once == twice
    for view in ("C", "D"):
        balances = trial_balance(session, period=period, view=view)
        assert sum(one.closing_fen for one in balances) == 0
    owed = -sum(
        one.closing_fen
        for one in trial_balance(session, period=period, view="D")
        if one.account in OWED
    )
    cohorts = cohort_months(session, period=period)
    assert owed == sum(one.liability_fen for one in cohorts)
    assert all(abs(one.carries) <= 1 for one in cohorts)
    held = session.scalar(
        text(
            "SELECT coalesce(sum(CASE WHEN account IN ('available', 'pending',"
            " 'held') THEN -amount END), 0) FROM ledger.posting"
            " WHERE effective_on < :until"
        ),
        {"until": next_month(period)},
    )
    assert sum(one.state.open_points for one in cohorts) == held


class Money:
    """What the programme does, through its use cases, and what it comes to in money."""

    def __init__(self, session):
        self.session = session
        self.alliance = Alliance(session)
        self.alliance.open()
        self.carrier = Carrier()
        self.numbers = count(1)

    def sells_for(self, fen, rate="4/5"):
        """Let a point sell for so much, if it is redeemed."""
        asked = estimates.ask_terms(
            self.session,
            redemption_rate=Fraction(rate),
            point_value_fen=Fraction(fen),
            effective_in=SEPTEMBER,
            reason="agreed",
            maker=self.alliance.maker,
            at=NOON,
        )
        done = self.alliance.approve(asked, at=NOON)
        estimates.apply_terms(self.session, approval=done, at=NOON)

    def switch(self, name, value):
        """Let a switch of the rules, or who is principal, be another."""
        self.session.execute(
            text(
                "INSERT INTO posting_rules SELECT version + 1, valid_from, statutory,"
                " jsonb_set(document, CAST(:path AS text[]), CAST(:value AS jsonb)),"
                " NULL, loaded_at FROM posting_rules ORDER BY version DESC LIMIT 1"
            ),
            {"path": name, "value": value},
        )

    def step(self, member, ref, *, on=OCTOBER):
        at = datetime(on.year, on.month, 15, 12, tzinfo=TIME_ZONE)
        return Step(member_id=member, ref=ref, on=at.date(), at=at, actor="test")

    def redeem(
        self,
        member,
        points,
        settlement_fen,
        *,
        account="redeemed.product",
        treatment="POINTS_ACCRUAL",
        partner="PINGAN",
        item="INS-A",
        on=OCTOBER,
    ):
        """Redeem an item at once; return what names it."""
        ref = f"redemption:{next(self.numbers)}"
        step = self.step(member, ref, on=on)
        entry = redemption.redeem(self.session, step, points=points, account=account)
        redemption.record(
            self.session,
            step,
            item_code=item,
            quantity=1,
            channel="hall",
            points=points,
            settlement_fen=settlement_fen,
            partner=partner,
            cost_treatment=treatment,
            entry_id=entry,
        )
        return step, entry

    def give_back(self, redeemed, points, settlement_fen, *, on=NOVEMBER):
        """Give points of a redemption back."""
        done, entry = redeemed
        step = self.step(done.member_id, done.ref, on=on)
        returned = redemption.give_back(
            self.session, step, redeemed_by=entry, points=points, nth=1
        )
        redemption.record_return(
            self.session,
            step,
            nth=1,
            quantity=1,
            points=points,
            settlement_fen=settlement_fen,
            entry_id=returned,
        )

    def post(self, member, kind, *transfers, on=OCTOBER, reverses=None):
        """Post an entry as the topics do."""
        return (
            Book(self.session)
            .post(
                Entry(
                    member_id=member,
                    reference=f"test:{next(self.numbers)}",
                    kind=kind,
                    transfers=transfers,
                    effective_on=on,
                    occurred_at=NOON,
                    actor="test",
                    reverses=reverses,
                )
            )
            .id
        )

    def lot(self, *, cost_class="opening", earned_in=OCTOBER, funding="operator"):
        return Lot(funding, funding, cost_class, earned_in, date(2010, 10, 31))

    def void(self, member, *, on=OCTOBER):
        return self.post(
            member,
            "churn_void",
            Transfer("available", "voided.churn", UNIVERSAL, None),
            on=on,
        )

    def of(self, event, *, view="D", period=OCTOBER):
        """The postings of an event: account → yuan, debits positive."""
        found: defaultdict[str, int] = defaultdict(int)
        for entry in month(self.session, period=period, view=view):
            if entry.event == event:
                found[entry.account] += entry.debit_fen - entry.credit_fen
        return {
            account: str(Decimal(fen) / 100) for account, fen in found.items() if fen
        }

    def keep(self, period=OCTOBER):
        return keep(
            self.session,
            derived=derive(self.session, period=period),
            actor="test",
            at=NOON,
        )

    def check(self, period=NOVEMBER):
        check(self.session, period)


@pytest.fixture
def money(session):
    """The money journal of an alliance, checked at the end."""
    money = Money(session)
    yield money
    money.check()
