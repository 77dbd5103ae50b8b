"""Stripe's events at our door: signed, twice, late, and in any order."""

import json
import time
from datetime import UTC, date, datetime
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.app import create_app
from loyalty.catalogue.operations import load_items
from loyalty.clock import now
from loyalty.connections import Connections
from loyalty.database import Database
from loyalty.orders import delivery, operations, showing
from loyalty.payments.delivery import Urls
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import Settings
from partners.adapters.stripe_checkout import StripeCheckout
from partners.sandbox import stripe_payer
from partners.sandbox.messenger import ConsoleMessenger
from partners.sandbox.stripe_webhooks import signature
from partners.sandbox.twins import BillingTwin, InsurerTwin
from tests.sandboxes import KEY, SECRET, listening

ITEM = {
    "item_code": "TOPUP",
    "title_zh": "30 元话费",
    "title_en": "30 yuan of airtime",
    "family": "TELECOM",
    "kind": "VAS",
    "points": 3_000,
    "mix_points": 1_000,
    "mix_cash_fen": 2_000,
    "market_fen": 3_000,
    "settlement_fen": 0,
    "cost_treatment": "NO_REVENUE_EFFECT",
    "account": "redeemed.telecom",
    "fulfilment": "VOUCHER",
    "code_source": "GENERATED",
}
URLS = Urls("http://127.0.0.1:8000/done", "http://127.0.0.1:8000/back")
_numbers = count(1)


class Shop:
    """A site that takes cards, and a member who orders there."""

    def __init__(self, database, sandbox, keyring, member_id):
        self.database, self.sandbox, self.keyring = database, sandbox, keyring
        self.member_id = member_id
        self.connections = Connections(
            messenger=ConsoleMessenger(),
            insurer=InsurerTwin(),
            billing=BillingTwin(),
            payments=StripeCheckout(
                KEY, webhook_secret=SECRET, address=sandbox.address
            ),
        )
        self.client = create_app(
            database,
            settings=Settings(secret_key="a secret of the tests, and of nobody else"),
            connections=self.connections,
        ).test_client()

    def advance(self, order_ref):
        return delivery.advance(
            self.database,
            self.connections,
            self.keyring,
            member_id=self.member_id,
            order_ref=order_ref,
            at=now(),
            urls=URLS,
        )

    def order(self):
        """Order for 1,000 points and 20 yuan; return the order with its page open."""
        order_ref, at = uuid4().hex, now()
        with self.database.unit_of_work() as session:
            operations.place(
                session,
                member_id=self.member_id,
                order_ref=order_ref,
                item_code="TOPUP",
                quantity=1,
                way="points_cash",
                channel="web",
                recipient=None,
                staff_id=None,
                fresh_at=at,
                expected_points=1_000,
                expected_cash_fen=2_000,
                keyring=self.keyring,
                at=at,
            )
        return self.advance(order_ref)

    def look(self, order):
        with self.database.unit_of_work() as session:
            return showing.order(
                session,
                member_id=self.member_id,
                order_ref=order.order_ref,
                on=now().date(),
            )

    def cancel(self, order):
        with self.database.unit_of_work() as session:
            operations.cancel(
                session,
                member_id=self.member_id,
                order_ref=order.order_ref,
                actor="member",
                reason=None,
                at=now(),
            )

    def tell(self, event, *, secret=SECRET):
        """Post an event to the hook; return the status of the answer."""
        payload = json.dumps(event).encode()
        header = signature(payload, secret, at=int(time.time()))
        return self.client.post(
            "/hooks/stripe", data=payload, headers={"Stripe-Signature": header}
        ).status_code

    def available(self):
        with self.database.unit_of_work() as session:
            return Book(session).balance(self.member_id, "UNI").available

    def outcomes(self):
        with self.database.unit_of_work() as session:
            return sorted(session.scalars(text("SELECT outcome FROM payment_event")))


@pytest.fixture
def shop(fresh_database, stripe_sandbox, keyring, join):
    member_id = join()
    terms = starting_terms()
    lot = Lot("CEB", "CEB", "standard", date(2026, 1, 1), None)
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=terms, at=now())
        load_items(session, items=[ITEM])
        Book(session).post(
            Entry(
                member_id=member_id,
                reference="taken over",
                kind="opening",
                transfers=(Transfer("issued", "available", ("UNI",), 5_000, lot),),
                effective_on=date(2026, 1, 1),
                occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
                actor="test",
            )
        )
    return Shop(fresh_database, stripe_sandbox, keyring, member_id)


def session_event(order, kind, **told):
    """An event of the checkout of an order, as Stripe tells it."""
    return {
        "id": f"evt_{next(_numbers)}",
        "object": "event",
        "created": int(time.time()),
        "type": f"checkout.session.{kind}",
        "data": {
            "object": {
                "id": "cs_1",
                "object": "checkout.session",
                "payment_status": "paid" if kind == "completed" else "unpaid",
                "payment_intent": "pi_1" if kind == "completed" else None,
                "metadata": {
                    "member_id": str(order.member_id),
                    "payment_ref": order.payment.payment_ref,
                },
            }
        },
    } | told


def test_a_payment_completes_its_order(shop):
    order = shop.order()
    assert (order.state, shop.available()) == ("awaiting_payment", 4_000)

    assert shop.tell(session_event(order, "completed")) == 200

    order = shop.look(order)
    assert order.state == "fulfilled"
    assert order.payment.state == "succeeded"
    assert len(order.vouchers) == 1


def test_an_event_that_comes_twice_changes_nothing_more(shop):
    order = shop.order()
    event = session_event(order, "completed")

    assert [shop.tell(event) for _ in range(3)] == [200] * 3

    assert len(shop.look(order).vouchers) == 1
    assert shop.outcomes() == ["paid"]
    assert shop.available() == 4_000


def test_two_events_of_one_payment_fulfill_it_once(shop):
    order = shop.order()

    for kind in ("completed", "async_payment_succeeded"):
        event = session_event(order, "completed")
        assert shop.tell(event | {"type": f"checkout.session.{kind}"}) == 200

    assert len(shop.look(order).vouchers) == 1


def test_an_expired_page_gives_the_points_back(shop):
    order = shop.order()

    assert shop.tell(session_event(order, "expired")) == 200

    assert shop.look(order).state == "canceled"
    assert shop.available() == 5_000


def test_a_page_that_expired_after_it_was_paid_takes_nothing_away(shop):
    order = shop.order()
    shop.tell(session_event(order, "completed"))

    assert shop.tell(session_event(order, "expired")) == 200

    assert shop.look(order).state == "fulfilled"
    assert shop.outcomes() == ["late", "paid"]


def test_money_for_an_order_that_was_given_up_goes_back(shop):
    order = shop.order()
    stripe_payer.pay(order.payment.url)
    paid = shop.connections.payments.look_up(_checkout_of(shop, order))
    shop.tell(session_event(order, "expired"))

    event = session_event(order, "completed")
    event["data"]["object"]["payment_intent"] = paid.intent_id
    assert shop.tell(event) == 200

    order = shop.look(order)
    assert order.state == "canceled"
    assert [refund.state for refund in order.refunds] == ["succeeded"]
    assert shop.available() == 5_000


def test_a_refund_is_confirmed_whether_it_is_told_before_or_after_its_payment(shop):
    order = shop.order()
    stripe_payer.pay(order.payment.url)
    # Found out by asking, before Stripe tells.
    assert shop.advance(order.order_ref).state == "fulfilled"
    shop.cancel(order)
    order = shop.look(order)
    refund = {
        "id": "re_1",
        "object": "refund",
        "status": "succeeded",
        "payment_intent": "pi_1",
        "metadata": {
            "member_id": str(order.member_id),
            "payment_ref": order.payment.payment_ref,
            "refund_ref": order.refunds[0].refund_ref,
        },
    }
    event = session_event(order, "completed")

    told = [
        shop.tell(
            event
            | {"id": "evt_r", "type": "refund.created", "data": {"object": refund}}
        ),
        shop.tell(event),
    ]

    assert told == [200, 200]
    order = shop.look(order)
    assert order.state == "canceled"
    assert [refund.state for refund in order.refunds] == ["succeeded"]
    assert shop.available() == 5_000


def test_a_signature_that_is_not_stripes_is_turned_away(shop):
    order = shop.order()
    event = session_event(order, "completed")

    assert shop.tell(event, secret="whsec_of_somebody") == 400
    assert shop.client.post("/hooks/stripe", data=b"{}").status_code == 400
    assert shop.client.post("/hooks/stripe").status_code == 400
    assert shop.look(order).state == "awaiting_payment"
    assert shop.outcomes() == []


def test_a_recording_played_again_later_is_turned_away(shop):
    event = session_event(shop.order(), "completed")
    payload = json.dumps(event).encode()
    stale = signature(payload, SECRET, at=int(time.time()) - 301)

    answer = shop.client.post(
        "/hooks/stripe", data=payload, headers={"Stripe-Signature": stale}
    )

    assert answer.status_code == 400


def test_a_payment_of_somebody_else_is_acknowledged_and_left_alone(shop):
    order = shop.order()
    event = session_event(order, "completed")
    event["data"]["object"]["metadata"] = {"member_id": "1", "payment_ref": "nothing"}

    assert shop.tell(event) == 200

    assert shop.outcomes() == ["unmatched"]
    assert shop.look(order).state == "awaiting_payment"


def test_an_event_that_means_nothing_to_us_is_acknowledged(shop):
    event = session_event(shop.order(), "completed")

    assert shop.tell(event | {"type": "customer.created"}) == 200
    assert shop.outcomes() == ["ignored"]


def test_a_payload_that_is_too_long_is_not_read(shop):
    answer = shop.client.post("/hooks/stripe", data=b"x" * (256 * 1024 + 1))

    assert answer.status_code == 413


def test_no_form_token_is_asked_of_stripe(shop):
    shop.client.application.config["WTF_CSRF_ENABLED"] = True

    assert shop.tell(session_event(shop.order(), "completed")) == 200


def test_stripe_is_asked_to_come_again_while_the_database_is_away(shop):
    event = session_event(shop.order(), "completed")
    nowhere = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/none",
        secret_key="a secret of the tests, and of nobody else",
    )
    with Database.open(nowhere) as silent:
        shop.client = create_app(
            silent, settings=nowhere, connections=shop.connections
        ).test_client()

        assert shop.tell(event) == 503


def test_a_site_that_takes_no_cards_turns_every_event_away(app):
    assert app.test_client().post("/hooks/stripe", data=b"{}").status_code == 400


@pytest.mark.parametrize("fault", ["orderly", "duplicate", "reverse"])
def test_what_the_sandbox_tells_is_understood(shop, stripe_sandbox, fault):
    with listening() as listener:
        stripe_sandbox.tell("webhooks", url=listener.url, secret=SECRET)
        stripe_sandbox.tell(
            "faults", duplicate=fault == "duplicate", hold=fault == "reverse"
        )
        order = shop.order()
        stripe_payer.pay(order.payment.url)
        stripe_sandbox.tell("release", reverse=True)
        listener.wait_for(4 if fault == "duplicate" else 2)

    statuses = [
        shop.client.post(
            "/hooks/stripe", data=payload, headers={"Stripe-Signature": header}
        ).status_code
        for payload, header in listener.heard
    ]
    assert set(statuses) == {200}
    assert shop.look(order).state == "fulfilled"
    assert shop.available() == 4_000


def _checkout_of(shop, order):
    with shop.database.unit_of_work() as session:
        return session.scalar(
            text("SELECT checkout_id FROM payment WHERE payment_ref = :ref"),
            {"ref": order.payment.payment_ref},
        )
