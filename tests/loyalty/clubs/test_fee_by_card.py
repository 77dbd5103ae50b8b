"""The fee of a club by card, with Stripe's sandbox really asked."""

from datetime import timedelta

import pytest

from ledger.book import Book
from loyalty.clock import now
from loyalty.clubs import queries
from loyalty.connections import Connections
from loyalty.orders import delivery
from loyalty.orders.belonging import refund_ended
from loyalty.payments.delivery import Urls
from partners.adapters.stripe_checkout import StripeCheckout
from partners.sandbox import stripe_payer
from partners.sandbox.messenger import ConsoleMessenger
from partners.sandbox.twins import BillingTwin, InsurerTwin
from tests.loyalty.clubs.conftest import Club, at_noon
from tests.loyalty.orders.shop import KEYRING
from tests.sandboxes import KEY, SECRET

URLS = Urls("http://127.0.0.1:8000/done", "http://127.0.0.1:8000/back")


class Driver:
    """A member who joins the car club by card, at this moment."""

    def __init__(self, database, sandbox, at):
        self.database, self.at = database, at
        self.connections = Connections(
            messenger=ConsoleMessenger(),
            insurer=InsurerTwin(),
            billing=BillingTwin(),
            payments=StripeCheckout(
                KEY, webhook_secret=SECRET, address=sandbox.address
            ),
        )
        self.member_id = self.do(lambda club: (club.open(), club.member())[1])
        self.order_ref = self.do(
            lambda club: club.place(self.member_id, "CLUB-CAR", way="cash", at=at)
        ).order.order_ref

    def do(self, what):
        with self.database.unit_of_work() as session:
            return what(Club(session))

    def advance(self, *, at=None):
        """Do what can be done for the order now, as its page does."""
        return delivery.advance(
            self.database,
            self.connections,
            KEYRING,
            member_id=self.member_id,
            order_ref=self.order_ref,
            at=at or self.at,
            urls=URLS,
        )

    def cards(self):
        return self.do(
            lambda club: queries.cards(
                club.session, member_id=self.member_id, on=self.at.date()
            )
        )


@pytest.fixture
def driver(fresh_database, stripe_sandbox):
    """A driver on the way to the checkout; the books prove at the end."""
    yield Driver(fresh_database, stripe_sandbox, now())
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def test_a_fee_that_is_paid_makes_a_member_and_comes_back_in_part(driver):
    url = driver.advance().payment.url
    assert driver.cards() == []

    assert stripe_payer.pay(url).is_paid
    assert driver.advance().state == "fulfilled"
    (card,) = driver.cards()
    assert card.membership.way == "fee"

    given = driver.do(lambda club: club.leave(driver.member_id, "CAR", at=driver.at))
    after = driver.advance()

    # The first of twelve months has begun: 25.00 × 11 ÷ 12.
    assert given.cash_fen == 22_91
    assert after.state == "returned"
    assert [(one.amount_fen, one.state) for one in after.refunds] == [
        (22_91, "succeeded")
    ]


def test_a_card_that_is_declined_makes_no_member(driver):
    url = driver.advance().payment.url

    assert not stripe_payer.pay(url, stripe_payer.DECLINED).is_paid

    assert driver.advance().state == "awaiting_payment"
    assert driver.cards() == []
    after = driver.advance(at=driver.at + timedelta(hours=1))
    assert (after.state, after.payment.state) == ("canceled", "expired")
    assert driver.cards() == []


def test_money_that_comes_after_the_order_was_given_up_goes_back(driver):
    url = driver.advance().payment.url
    stripe_payer.pay(url)
    driver.do(lambda club: club.cancel(driver.member_id, driver.order_ref))

    after = driver.advance()

    assert after.state == "canceled"
    assert [(one.amount_fen, one.state) for one in after.refunds] == [
        (25_00, "succeeded")
    ]
    assert driver.cards() == []


def test_a_fee_of_who_left_goes_back_to_the_card(driver):
    stripe_payer.pay(driver.advance().payment.url)
    driver.advance()
    left_on = driver.at.date() + timedelta(days=40)

    def leave(club):
        club.left(driver.member_id, on=left_on)
        club.end(driver.member_id, on=left_on)
        return refund_ended(club.session, actor="job", at=at_noon(left_on))

    given = driver.do(leave)

    assert given.months == 10
    after = driver.advance()
    assert [(one.amount_fen, one.state) for one in after.refunds] == [
        (25_00 * 10 // 12, "succeeded")
    ]
