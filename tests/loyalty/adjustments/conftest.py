"""A desk where points are changed by hand, and the people around it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.adjustments import granting, operations, queries
from loyalty.adjustments.evidence import look_at
from loyalty.adjustments.governance import load_reasons
from loyalty.adjustments.rules import Wish
from loyalty.approvals.operations import approve
from loyalty.finance.queries import month_report
from loyalty.rules.operations import load_terms, starting_terms
from tests.loyalty.orders.shop import KEYRING, NOON, TODAY, Shop

PAPER = look_at(name="letter.txt", content="客户来信：积分少了".encode())
APPLY = {
    operations.ASK: operations.apply_ask,
    operations.RELEASE: operations.apply_release,
    granting.GRANT: granting.apply_grants,
}


class Desk:
    """What staff do here, through the use cases alone."""

    def __init__(self, session):
        self.session, self.shop = session, Shop(session)
        self._refs = iter(range(1_000))

    def open(self):
        terms = starting_terms()
        load_terms(self.session, terms=terms, at=NOON)
        load_reasons(self.session, terms=terms, at=NOON)
        self.session.execute(
            text(
                "INSERT INTO partner (partner, kind, name) VALUES ('CEB','bank','光大')"
            )
        )
        self.agent, self.boss, self.money = (
            self.shop.staff(login) for login in ("agent", "boss", "money")
        )

    def ask(self, member_id, points, reason="goodwill", *, ref=None, **other):
        wish = {"unit": "CUP", "partner": None, "words": "客户来信"} | other
        by, at = wish.pop("by", self.agent), wish.pop("at", NOON)
        return operations.ask(
            self.session,
            member_id=member_id,
            adjustment_ref=ref or f"ref{next(self._refs)}",
            wish=Wish(reason=reason, points=points, **wish),
            shown=PAPER,
            maker=by,
            keyring=KEYRING,
            at=at,
        )

    def approve(self, approval, by=None, *, at=NOON + timedelta(hours=1)):
        done = approve(
            self.session,
            approval_id=approval.approval_id,
            checker=by or self.boss,
            note=None,
            at=at,
        )
        APPLY[done.action](self.session, approval=done, at=at)
        return done

    def release(self, approval, by=None, **other):
        """Let the third person agree to what two have agreed to."""
        waiting = self.session.execute(
            text(
                "SELECT approval_id FROM approval"
                " WHERE action = 'adjustment.release' AND subject = :subject"
            ),
            {"subject": approval.subject},
        ).one()
        return self.approve(waiting, by or self.money, **other)

    def undo(self, member_id, of, ref, *, by=None):
        return operations.ask_undoing(
            self.session,
            member_id=member_id,
            adjustment_ref=ref,
            of=of,
            words="搞错了",
            maker=by or self.agent,
            at=NOON,
        )

    def has(self, member_id, unit="CUP"):
        balance = Book(self.session).balance(member_id, unit)
        return balance.available, balance.owed

    def month(self, unit="CUP"):
        """The figures of the month that are not zero."""
        units = month_report(self.session, date(2007, 10, 1))["units"]
        assert isinstance(units, dict)
        names = ("opening", "issued", "clawed_back", "forfeited", "adjusted", "closing")
        return {name: units[unit][name] for name in names if units[unit][name]}

    def register(self):
        return queries.register(
            self.session, first=TODAY.replace(day=1), last=TODAY + timedelta(days=16)
        )

    def rows(self, statement, **facts):
        return self.shop.rows(statement, **facts)


@pytest.fixture
def desk(session):
    """A desk that is open, in a transaction of its own; its books end sound."""
    made = Desk(session)
    made.open()
    yield made
    assert Book(session).prove() == []
