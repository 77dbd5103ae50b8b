"""Points are bought on Stripe's page, come with its word, and go back unspent."""

from dataclasses import replace

import pytest

from ledger.book import Book
from loyalty.app import create_app
from loyalty.clock import now
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import Settings
from partners.adapters.stripe_checkout import StripeCheckout
from partners.sandbox import stripe_payer
from tests.sandboxes import KEY, SECRET, listening


@pytest.fixture
def app(fresh_database, app, stripe_sandbox):
    """The site, with cards."""
    provider = StripeCheckout(
        KEY, webhook_secret=SECRET, address=stripe_sandbox.address
    )
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=now())
    connections = replace(app.extensions["jifen"].connections, payments=provider)
    return create_app(
        fresh_database,
        settings=Settings(secret_key="a secret of the tests, and of nobody else"),
        connections=connections,
    )


@pytest.fixture
def bought(fresh_database):
    """Return what a member has bought and not spent, the books being sound."""

    def look(member_id):
        with fresh_database.unit_of_work() as session:
            assert Book(session).prove() == []
            lots = Book(session).lots(member_id)
        return sum(lot.units_left for lot in lots if lot.cost_class == "purchased")

    return look


@pytest.fixture
def client(browser, join):
    """A browser in which a member is signed in, who is noted on it."""
    member_id = join()
    opened = browser(member_id=member_id)
    opened.member_id = member_id
    return opened


def want(client, csrf, points="2000"):
    page = client.get("/points/buy")
    assert page.status_code == 200
    ref = page.text.split('name="purchase_ref" value="')[1].split('"')[0]
    form = {"csrf_token": csrf(page.text), "purchase_ref": ref, "points": points}
    return ref, client.post("/points/buy", data=form)


def test_points_are_bought_and_given_back(client, csrf, send, stripe_sandbox, bought):
    member_id = client.member_id
    with listening() as listener:
        stripe_sandbox.tell("webhooks", url=listener.url, secret=SECRET)
        ref, placed = want(client, csrf)
        assert stripe_payer.pay(placed.location).is_paid
        listener.wait_for(2)
        told = [
            client.post(
                "/hooks/stripe",
                data=payload,
                headers={"Stripe-Signature": signature},
            ).status_code
            for payload, signature in listener.heard * 2
        ]
        stripe_sandbox.tell("webhooks", url=None, secret=None)
    assert told == [200] * len(told)
    assert bought(member_id) == 2_000
    assert "¥24.00" in client.get(f"/points/buy/{ref}").text

    back = send(client, f"/points/buy/{ref}", to=f"/points/buy/{ref}/return")
    again = client.get(f"/points/buy/{ref}")

    assert back.status_code == 303
    assert bought(member_id) == 0
    assert "¥24.00 将原路退回" in again.text
    assert "已退款" in again.text
    assert "/return" not in again.text


def test_who_comes_back_before_the_event_has_the_points_all_the_same(
    browser, join, csrf, bought
):
    client = browser(member_id=(member_id := join()))
    ref, placed = want(client, csrf)
    assert stripe_payer.pay(placed.location).is_paid

    page = client.get(f"/points/buy/{ref}?paid=0")

    assert page.status_code == 200
    assert bought(member_id) == 2_000
    other = browser(member_id=join("13300000002"))
    assert other.get(f"/points/buy/{ref}").status_code == 404


def test_a_form_that_is_wrong_or_sent_again_buys_nothing_more(browser, join, csrf):
    client = browser(member_id=join())

    _, refused = want(client, csrf, points="1500")
    ref, placed = want(client, csrf)
    page = client.get("/points/buy")
    form = {"csrf_token": csrf(page.text), "purchase_ref": ref, "points": "2000"}
    again = client.post("/points/buy", data=form)
    other = client.post("/points/buy", data=form | {"points": "1000"})

    assert refused.status_code == 422
    assert "请买 1,000 积分或更多" in refused.text
    assert again.location == placed.location
    assert other.status_code == 422
