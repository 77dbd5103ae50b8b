"""The sandbox behaves as Stripe does, so that what works with it works there."""

import time
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import stripe

from partners.sandbox import stripe_payer
from partners.sandbox.stripe_idempotency import Answer, Keys
from partners.sandbox.stripe_localstripe import LocalStripe
from partners.sandbox.stripe_shapes import Refusal, params_of
from tests.sandboxes import KEY, running_stripe

AN_HOUR = 3600


@pytest.fixture
def client(stripe_sandbox):
    return stripe.StripeClient(
        KEY, base_addresses={"api": stripe_sandbox.address}, max_network_retries=0
    )


@pytest.fixture
def open_page(provider, order_of):
    return lambda **told: provider.open_checkout(order_of(**told))


def session_params(**told):
    line = {
        "quantity": 2,
        "price_data": {
            "currency": "cny",
            "unit_amount": 1_000,
            "product_data": {"name": "打球 一次"},
        },
    }
    return {
        "mode": "payment",
        "line_items": [line],
        "success_url": "http://127.0.0.1:8000/done",
    } | told


def test_a_session_keeps_what_it_is_for(client):
    session = client.v1.checkout.sessions.create(session_params())

    lines = client.v1.checkout.sessions.line_items.list(session.id)

    assert session.amount_total == 2_000
    assert [(line.description, line.quantity) for line in lines.data] == [
        ("打球 一次", 2)
    ]
    assert client.v1.checkout.sessions.list({"limit": 1}).data[0].id == session.id


@pytest.mark.parametrize(
    ("told", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"line_items": []}, "line_items"),
        ({"success_url": "nowhere"}, "success_url"),
        ({"success_url": ""}, "success_url"),
        ({"expires_at": int(time.time()) + 29 * 60}, "expires_at"),
        ({"expires_at": int(time.time()) + 25 * AN_HOUR}, "expires_at"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_session_that_makes_no_sense_is_refused(client, told, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.checkout.sessions.create(session_params(**told))

    assert refused.value.param == param


def test_one_key_has_one_answer(client):
    options = {"idempotency_key": f"key-{time.time_ns()}"}

    first = client.v1.checkout.sessions.create(session_params(), options)
    again = client.v1.checkout.sessions.create(session_params(), options)

    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        client.v1.checkout.sessions.create(session_params(locale="en"), options)


def test_a_refused_question_does_not_use_its_key_up(client):
    options = {"idempotency_key": f"key-{time.time_ns()}"}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.create(session_params(mode="setup"), options)

    session = client.v1.checkout.sessions.create(session_params(), options)

    assert session.status == "open"


def test_a_key_in_use_waits_for_nobody():
    keys = Keys()

    def ask_again():
        with pytest.raises(Refusal) as refused:
            keys.answer("key", b"question", lambda: Answer(200, b""))
        return Answer(refused.value.status, b"")

    assert keys.answer("key", b"question", ask_again).status == 409


def test_only_a_secret_key_is_let_in(stripe_sandbox):
    stranger = stripe.StripeClient(
        "pk_test_1", base_addresses={"api": stripe_sandbox.address}
    )

    with pytest.raises(stripe.AuthenticationError):
        stranger.v1.checkout.sessions.create(session_params())


def test_two_payers_at_once_pay_once(open_page, stripe_sandbox):
    opened = open_page()
    shown = []
    payers = [
        Thread(target=lambda: shown.append(stripe_payer.pay(opened.url)))
        for _ in range(8)
    ]
    before = stripe_sandbox.events().count("checkout.session.completed")

    for payer in payers:
        payer.start()
    for payer in payers:
        payer.join()

    assert all(each.is_paid for each in shown)
    after = stripe_sandbox.events().count("checkout.session.completed")
    assert after - before == 1


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("4000 0000 0000 0002", "发卡行拒绝"),
        ("4000000000009995", "余额不足"),
        ("4000000000000069", "已过期"),
        ("4000000000000127", "安全码不正确"),
        ("4000000000000119", "处理时出错"),
        ("4111111111111111", "测试卡"),
        ("", "完整"),
    ],
)
def test_a_card_that_is_refused_is_told_why_and_may_be_replaced(
    open_page, number, words
):
    opened = open_page()

    refused = stripe_payer.pay(opened.url, number)

    assert refused.status == 402
    assert words in refused.page
    assert 'role="alert"' in refused.page
    assert stripe_payer.pay(opened.url).is_paid


def test_a_card_that_is_past_its_day_is_refused(open_page):
    refused = stripe_payer.pay(open_page().url, expiry="01/20")

    assert "有效期已过" in refused.page


def test_what_was_typed_is_never_shown_again(open_page):
    refused = stripe_payer.pay(open_page().url, "4111111111111111")

    assert "4111" not in refused.page


def test_the_page_speaks_the_language_of_the_session(open_page):
    chinese = stripe_payer.look(open_page(language="zh").url).page
    english = stripe_payer.look(open_page(language="en").url).page

    assert "支付 ¥20.00" in chinese
    assert "Pay ¥20.00" in english
    assert "<script" not in chinese + english
    assert "style=" not in chinese + english


def test_the_page_leads_back_where_it_was_told(open_page):
    opened = open_page()

    shown = stripe_payer.look(opened.url)
    paid = stripe_payer.pay(opened.url)

    assert 'href="http://127.0.0.1:8000/orders/1"' in shown.page
    assert paid.location == (
        f"http://127.0.0.1:8000/orders/1?checkout={opened.checkout_id}"
    )
    assert "已经付款" in stripe_payer.look(opened.url).page


def test_words_of_ours_cannot_write_the_page(open_page):
    page = stripe_payer.look(open_page(title='<b onclick="x">"').url).page

    assert "<b onclick" not in page


def test_a_page_there_never_was_says_so_in_both_languages(stripe_sandbox):
    shown = stripe_payer.look(f"{stripe_sandbox.address}/c/pay/cs_test_nobody")

    assert shown.status == 404
    assert "没有这个付款页面" in shown.page
    assert "no such payment page" in shown.page


def test_a_session_expires_when_its_time_is_over(open_page, provider, stripe_sandbox):
    opened = open_page(expires_at=datetime.now(UTC) + timedelta(minutes=31))

    stripe_sandbox.tell("clock", ahead_seconds=32 * 60)

    shown = stripe_payer.pay(opened.url)
    assert shown.status == 410
    assert "已经失效" in shown.page
    assert provider.look_up(opened.checkout_id).state == "expired"
    assert "checkout.session.expired" in stripe_sandbox.events()


def test_refunds_are_kept_by_localstripe(open_page, provider, client):
    opened = open_page()
    stripe_payer.pay(opened.url)
    intent_id = provider.look_up(opened.checkout_id).intent_id

    client.v1.refunds.create(
        {"payment_intent": intent_id, "amount": 700, "reason": "duplicate"}
    )

    intent = client.v1.payment_intents.retrieve(intent_id)
    assert intent.status == "succeeded"
    assert intent.metadata["member_id"] == "7"
    charge = client.v1.charges.retrieve(intent.to_dict()["latest_charge"]["id"])
    assert charge.amount_refunded == 700
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent_id, "amount": 1_301})


def test_the_whole_is_given_back_when_no_amount_is_named(open_page, provider, client):
    opened = open_page()
    stripe_payer.pay(opened.url)
    intent_id = provider.look_up(opened.checkout_id).intent_id

    assert client.v1.refunds.create({"payment_intent": intent_id}).amount == 2_000


def test_a_refund_that_fails_later_can_be_made_again(
    open_page, provider, client, stripe_sandbox
):
    opened = open_page()
    stripe_payer.pay(opened.url)
    intent_id = provider.look_up(opened.checkout_id).intent_id
    refund = client.v1.refunds.create({"payment_intent": intent_id})

    stripe_sandbox.tell(f"refunds/{refund.id}", status="failed")

    assert client.v1.refunds.retrieve(refund.id).status == "failed"
    assert stripe_sandbox.events()[-1] == "refund.failed"
    client.v1.refunds.create({"payment_intent": intent_id})


def test_money_is_sent_to_our_bank_account(client):
    sent = client.v1.payouts.create({"amount": 5_000, "currency": "cny"})

    assert client.v1.payouts.retrieve(sent.id).status == "paid"
    assert client.v1.payouts.list({"limit": 1}).data[0].id == sent.id
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payouts.create({"amount": 0, "currency": "cny"})


def test_what_localstripe_knows_is_answered_by_localstripe(client):
    customer = client.v1.customers.create({"description": "王建国"})

    assert client.v1.customers.retrieve(customer.id).description == "王建国"


def test_an_event_is_signed_so_that_stripes_library_believes_it(
    open_page, provider, listener
):
    opened = open_page()
    stripe_payer.pay(opened.url)

    listener.wait_for(2)
    found = [provider.verify(*heard) for heard in listener.heard]
    assert [event.type for event in found] == [
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    assert found[1].state == "paid"
    assert found[1].checkout_id == opened.checkout_id


def test_an_event_can_be_asked_for(open_page, client, listener):
    stripe_payer.pay(open_page().url)

    heard = listener.wait_for(2)[-1]

    assert client.v1.events.retrieve(heard["id"]).type == heard["type"]


@pytest.mark.parametrize("answer", [500, 302, 404])
def test_an_event_that_was_not_taken_comes_again(open_page, listener, answer):
    listener.answers = [200, answer, answer]

    stripe_payer.pay(open_page().url)

    ids = [event["id"] for event in listener.wait_for(4)]
    assert ids[1] == ids[2] == ids[3] != ids[0]


def test_events_come_twice_on_demand(open_page, stripe_sandbox, listener):
    stripe_sandbox.tell("faults", duplicate=True)

    stripe_payer.pay(open_page().url)

    ids = [event["id"] for event in listener.wait_for(4)]
    assert ids[0] == ids[1]
    assert ids[2] == ids[3]


def test_events_come_out_of_order_on_demand(open_page, stripe_sandbox, listener):
    stripe_sandbox.tell("faults", hold=True)
    stripe_payer.pay(open_page().url)
    assert not listener.heard

    stripe_sandbox.tell("release", reverse=True)

    assert [event["type"] for event in listener.wait_for(2)] == [
        "checkout.session.completed",
        "payment_intent.succeeded",
    ]


def test_events_come_late_on_demand(open_page, stripe_sandbox, listener):
    stripe_sandbox.tell("faults", delay_seconds=0.5)
    began = time.monotonic()

    stripe_payer.pay(open_page().url)

    listener.wait_for(2)
    assert time.monotonic() - began >= 0.5


def test_an_event_is_sent_once_more_on_demand(open_page, stripe_sandbox, listener):
    stripe_payer.pay(open_page().url)
    first = listener.wait_for(2)[-1]

    stripe_sandbox.tell("resend", event_id=first["id"])

    assert listener.wait_for(3)[-1] == first


def test_parameters_are_nested_as_stripe_writes_them():
    assert params_of("a[b][0][c]=1&a[b][1][c]=2&d=&e[]=x") == {
        "a": {"b": [{"c": "1"}, {"c": "2"}]},
        "d": "",
        "e": ["x"],
    }


def test_nothing_is_left_when_the_sandbox_ends():
    with running_stripe() as sandbox:
        port = int(sandbox.address.rpartition(":")[2])
        assert stripe_payer.look(f"{sandbox.address}/c/pay/none").status == 404

    with pytest.raises(ConnectionError):
        stripe_payer.look(f"http://127.0.0.1:{port}/c/pay/none")


def test_localstripe_answers_as_soon_as_it_is_there_and_ends_with_us():
    with LocalStripe() as localstripe:
        status, _ = localstripe.ask(
            "GET", "/v1/balance", headers={"Authorization": f"Bearer {KEY}"}
        )
        assert status == 200

    with pytest.raises(ConnectionError):
        stripe_payer.look(f"http://127.0.0.1:{localstripe.port}/")
