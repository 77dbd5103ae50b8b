from datetime import timedelta

import pytest

from loyalty.clock import now
from loyalty.payments import delivery, operations, queries
from loyalty.payments.rules import payment_deadline
from partners.adapters.stripe_checkout import StripeCheckout
from tests.sandboxes import KEY, SECRET

MEMBER = 7
URLS = delivery.Urls("http://127.0.0.1:8000/done", "http://127.0.0.1:8000/back")


class Till:
    """Asks for payments of one member and has them made, in a database."""

    def __init__(self, database, sandbox):
        self.database = database
        self.sandbox = sandbox
        self.provider = StripeCheckout(
            KEY, webhook_secret=SECRET, address=sandbox.address
        )
        self.at = now()

    def ask(self, payment_ref: str = "p", amount_fen: int = 2_000):
        with self.database.unit_of_work() as session:
            return operations.ask(
                session,
                member_id=MEMBER,
                payment_ref=payment_ref,
                purpose="order",
                purpose_ref="o",
                amount_fen=amount_fen,
                title="联通平安如意行",
                at=self.at,
                expires_at=payment_deadline(self.at),
            )

    def opened(self, payment_ref: str = "p", *, language: str = "zh", urls=URLS):
        self.ask(payment_ref)
        return delivery.open_checkout(
            self.database,
            self.provider,
            member_id=MEMBER,
            payment_ref=payment_ref,
            urls=urls,
            language=language,
            at=self.at,
        )

    def do(self, what, payment_ref: str = "p", provider=None):
        """Look a payment up, or close it."""
        return what(
            self.database,
            provider or self.provider,
            member_id=MEMBER,
            payment_ref=payment_ref,
            at=self.at,
        )

    def ask_refund(self, refund_ref: str, amount_fen: int, payment_ref: str = "p"):
        with self.database.unit_of_work() as session:
            return operations.ask_refund(
                session,
                member_id=MEMBER,
                refund_ref=refund_ref,
                payment_ref=payment_ref,
                amount_fen=amount_fen,
                reason="canceled",
                at=self.at,
            )

    def refund(self, refund_ref: str):
        return delivery.refund(
            self.database,
            self.provider,
            member_id=MEMBER,
            refund_ref=refund_ref,
            at=self.at,
        )

    def record(self, event):
        with self.database.unit_of_work() as session:
            return operations.record_event(
                session, event=event, at=self.at + timedelta(seconds=1)
            )

    def payment(self, payment_ref: str = "p"):
        with self.database.unit_of_work() as session:
            return queries.payment(session, member_id=MEMBER, payment_ref=payment_ref)

    def attempts(self, payment_ref: str = "p"):
        with self.database.unit_of_work() as session:
            asked = queries.attempts(session, member_id=MEMBER, payment_ref=payment_ref)
        return [(attempt.what, attempt.outcome) for attempt in asked]


@pytest.fixture
def till(fresh_database, stripe_sandbox, monkeypatch):
    monkeypatch.delenv("JIFEN_CLOCK_DAYS_BACK", raising=False)
    return Till(fresh_database, stripe_sandbox)
