"""Binding a number and exchanging, as a browser does it; and what staff see of it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.app import create_app
from loyalty.clock import now
from loyalty.connections import Connections
from loyalty.exchange import delivery
from loyalty.settings import Settings
from partners.ports import AccountBalance, Outcome
from partners.sandbox.twins import BillingTwin, InsurerTwin
from tests.loyalty.exchange.alliance import TO_MILES, Alliance, Carrier
from tests.loyalty.linking.test_balances import Teller, consent

A_WAY = "MU.out.UNI.MILE"
NUMBER = {"partner": "MU", "number": "mu 600001", "family": "王", "given": "小明"}


@pytest.fixture
def carrier():
    return Carrier()


@pytest.fixture
def app(fresh_database, telephone, carrier):
    """The site, with an airline that can be asked and rates that hold."""
    with fresh_database.unit_of_work() as session:
        Alliance(session).open()
    return create_app(
        fresh_database,
        settings=Settings(secret_key="a secret of the tests, and of nobody else"),
        connections=Connections(
            messenger=telephone,
            insurer=InsurerTwin(),
            billing=BillingTwin(),
            payments=None,
            airlines={"MU": carrier},
        ),
    )


@pytest.fixture
def member(join, fresh_database):
    """Wang, who has 12,000 points that never expire."""
    member_id = join(name="王小明")
    with fresh_database.unit_of_work() as session:
        Alliance(session).earn(member_id, 12_000, until=None)
    return member_id


@pytest.fixture
def client(browser, member):
    return browser(member_id=member)


@pytest.fixture
def rows(fresh_database):
    def ask(statement):
        with fresh_database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement))]

    return ask


@pytest.fixture(autouse=True)
def _proved(fresh_database):
    yield
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def fields_of(page):
    """The hidden fields of the form that confirms."""
    form = page.partition('id="confirm-form"')[2]
    return {
        name: unescape(value)
        for name, value in re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)"', form
        )
    }


def exchange(client, telephone, units=10_400):
    """Ask for a quote, have the code sent, and confirm; return the answer."""
    page = client.get(f"/exchange?way={A_WAY}&units={units}")
    assert page.status_code == 200
    sent = client.post("/exchange", data=fields_of(page.text) | {"act": "send"})
    assert sent.status_code == 200
    code = telephone.code()
    return client.post(
        "/exchange", data=fields_of(sent.text) | {"act": "confirm", "code": code}
    )


def test_a_number_is_bound_and_points_become_miles(
    *, client, send, telephone, carrier, fresh_database, keyring, rows
):
    bound = send(client, "/profile/accounts", **NUMBER)
    assert (bound.status_code, bound.location) == (303, "/profile/accounts")
    page = client.get("/profile/accounts").text
    assert "已绑定" in page
    assert "…0001" in page

    done = exchange(client, telephone)

    assert done.status_code == 303
    page = client.get(done.location).text
    assert "10,000 积分 → 1,000 里程" in page
    assert "第一次换到这个账号" in page
    assert carrier.miles == {}
    tomorrow = now() + timedelta(days=1)
    delivery.chase(fresh_database, lambda _: carrier, keyring, at=tomorrow)
    assert carrier.balance == 1_000
    page = client.get(done.location).text
    assert "东方航空已入账" in page
    assert rows("SELECT available, held FROM ledger.balance WHERE unit = 'CUP'") == [
        (2_000, 0)
    ]
    assert "为换到东方航空留出" in client.get("/statement").text


def test_the_quote_says_what_it_comes_to(client, send):
    send(client, "/profile/accounts", **NUMBER)

    page = client.get(f"/exchange?way={A_WAY}&units=10400").text

    assert "<b>10,000</b> 我的积分" in page
    assert "<b>1,000</b> 东方航空 里程" in page
    assert "10 : 1" in page
    assert "400 凑不成整份，不动" in page
    english = client.get(f"/exchange?way={A_WAY}&units=10400&lang=en").text
    assert "400, less than a whole step" in english


@pytest.mark.parametrize(
    ("units", "said"),
    [("5", "至少 1,000 才能换"), ("60000", "一次最多换 50,000")],
)
def test_amounts_that_cannot_be_say_what_can(client, send, units, said):
    send(client, "/profile/accounts", **NUMBER)
    answer = client.get(f"/exchange?way={A_WAY}&units={units}")
    assert answer.status_code == 422
    assert said in answer.text


def test_more_than_one_has_says_what_is_missing(client, send):
    send(client, "/profile/accounts", **NUMBER)
    page = client.get(f"/exchange?way={A_WAY}&units=15000").text
    assert "还差 3,000 积分" in page
    assert 'id="confirm-form"' not in page


@pytest.mark.parametrize("query", ["", "?way=nowhere&units=1", f"?way={A_WAY}&units=x"])
def test_nonsense_in_the_address_asks_again(client, query):
    answer = client.get(f"/exchange{query}")
    assert answer.status_code == 200
    assert 'id="quote"' not in answer.text


def test_without_a_number_one_is_led_to_bind_it(client):
    page = client.get(f"/exchange?way={A_WAY}&units=10000").text
    assert "/profile/accounts?partner=MU" in page


def test_a_wrong_code_exchanges_nothing(client, send, telephone, rows):
    send(client, "/profile/accounts", **NUMBER)
    page = client.get(f"/exchange?way={A_WAY}&units=10000").text
    sent = client.post("/exchange", data=fields_of(page) | {"act": "send"}).text
    wrong = "000000" if telephone.code() != "000000" else "111111"

    answer = client.post(
        "/exchange", data=fields_of(sent) | {"act": "confirm", "code": wrong}
    )

    assert answer.status_code == 422
    assert "验证码不对" in answer.text
    assert rows("SELECT count(*) FROM exchange") == [(0,)]


def test_a_quote_that_was_changed_is_refused(client, send, telephone, rows):
    send(client, "/profile/accounts", **NUMBER)
    page = client.get(f"/exchange?way={A_WAY}&units=10000").text
    form = fields_of(page)
    form["quote"] = form["quote"][:-6] + "AAAAAA"

    answer = client.post("/exchange", data=form | {"act": "confirm", "code": "1"})

    assert answer.status_code == 422
    assert "报价不完整" in answer.text
    assert rows("SELECT count(*) FROM exchange") == [(0,)]
    assert telephone.messages == []


def test_sent_twice_it_is_one_exchange(client, send, telephone, rows):
    send(client, "/profile/accounts", **NUMBER)
    page = client.get(f"/exchange?way={A_WAY}&units=10000").text
    sent = client.post("/exchange", data=fields_of(page) | {"act": "send"}).text
    form = fields_of(sent) | {"act": "confirm", "code": telephone.code()}

    answers = [client.post("/exchange", data=form) for _ in range(2)]

    assert answers[0].location == answers[1].location
    assert rows("SELECT count(*) FROM exchange") == [(1,)]


def test_it_can_be_called_off_until_it_is_sent(client, send, telephone, rows):
    send(client, "/profile/accounts", **NUMBER)
    place = exchange(client, telephone).location

    answer = send(client, place, to=f"{place}/cancel")

    assert answer.status_code == 303
    page = client.get(place).text
    assert "您取消了" in page
    assert "/cancel" not in page
    assert rows("SELECT available, held FROM ledger.balance WHERE unit = 'CUP'") == [
        (12_000, 0)
    ]


def test_nobody_else_sees_or_stops_it(client, send, telephone, browser, join):
    send(client, "/profile/accounts", **NUMBER)
    place = exchange(client, telephone).location
    other = browser(member_id=join("13300000002", name="李四"))

    assert other.get(place).status_code == 404
    token = {"csrf_token": fields_of_any(other.get("/profile").text)}
    assert other.post(f"{place}/cancel", data=token).status_code == 404


def fields_of_any(page):
    return unescape(re.findall(r'name="csrf_token" value="([^"]+)"', page)[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"family": ""}, "请填写这一项"),
        ({"family": "李"}, "姓名与您登记的不一致"),
        ({"number": "@@@@"}, "号码对不上"),
        ({"partner": "NOBODY"}, "号码对不上"),
    ],
)
def test_what_cannot_be_bound_says_why(client, send, change, said, rows):
    answer = send(client, "/profile/accounts", **(NUMBER | change))
    assert answer.status_code == 422
    assert said in answer.text
    assert rows("SELECT count(*) FROM bound_account") == [(0,)]


def test_what_the_airline_refuses_is_not_bound(client, send, carrier):
    carrier.valid = Outcome.DECLINED
    send(client, "/profile/accounts", **NUMBER)
    page = client.get("/profile/accounts").text
    assert "没有通过" in page
    assert "对方没有通过：请核对号码和姓名。" in page


def test_another_number_takes_a_code(client, send, telephone):
    send(client, "/profile/accounts", **NUMBER)
    other = NUMBER | {"number": "MU600002"}
    asked = send(client, "/profile/accounts", **other)
    assert asked.status_code == 422
    assert "要先用验证码确认" in asked.text
    send(client, "/profile/accounts", act="send", **other)

    done = send(client, "/profile/accounts", code=telephone.code(), **other)

    assert done.status_code == 303
    page = client.get("/profile/accounts").text
    assert "七天后换用新的号码" in page
    assert "等待生效" in page


def test_with_no_partner_the_page_says_so(browser, member, carrier, app):
    app.extensions["jifen"].connections.airlines.clear()
    page = browser(member_id=member).get("/exchange").text
    assert "今天没有可以互换的" in page
    assert carrier.asked == []


def test_rates_are_shown_as_they_are(client):
    page = client.get("/exchange").text
    assert f"{TO_MILES.points_den} : {TO_MILES.points_num}" in page
    assert "1,000 起，每 1,000 一份，一次最多 50,000" in page


class Silent:
    """A partner that does not say what an account holds."""

    def balance(self, account_ref):
        return AccountBalance(Outcome.UNKNOWN, reason=f"nothing of {account_ref}")


def test_the_page_shows_what_is_elsewhere_and_never_waits_for_it(
    *, client, send, app, fresh_database, member
):
    send(client, "/profile/accounts", **NUMBER)
    nobody = send(client, "/profile/accounts", to="/profile/accounts/balances")
    assert nobody.status_code == 303
    page = client.get("/profile/accounts").text
    assert "还没有可以查询的伙伴" in page
    assert "12,000" in page
    with fresh_database.unit_of_work() as session:
        consent(session, member, at=now())
    tellers = app.extensions["jifen"].connections.tellers
    tellers["MU"] = Silent()
    send(client, "/profile/accounts", to="/profile/accounts/balances")
    assert "有伙伴暂时没有答复" in client.get("/profile/accounts").text

    tellers["MU"] = Teller()
    send(client, "/profile/accounts", to="/profile/accounts/balances")

    page = client.get("/profile/accounts").text
    assert "2,005" in page
    assert "其中 300 于" in page
    assert "折合 10,025 积分" in page
    assert "截至" in page
    assert "22,025" in page
    english = client.get("/profile/accounts?lang=en").text
    assert "worth 10,025 points" in english
