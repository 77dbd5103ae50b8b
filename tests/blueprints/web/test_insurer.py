"""An insurer is asked before an order, and its certificate comes through us."""

import re

import pytest

from ledger.book import Book
from loyalty.members.queries import everything
from partners.sandbox.insurer_server import InsurerSandbox
from tests.blueprints.insured import INSURED, TOO_OLD, site
from tests.loyalty.orders.shop import Shop
from tests.partners.benches import SHARED_SECRET, tell

PATH = "/catalogue/INS-A/checkout"


@pytest.fixture(scope="module")
def sandbox():
    with InsurerSandbox(code="PINGAN", secret=SHARED_SECRET) as insurer:
        yield insurer


@pytest.fixture
def app(fresh_database, telephone, sandbox):
    tell(sandbox.address, "forget")
    return site(fresh_database, telephone, sandbox)


@pytest.fixture
def wang(join, fresh_database):
    """Wang, who has 6,000 points; whatever happens, her book proves."""
    member_id = join()
    with fresh_database.unit_of_work() as session:
        shop = Shop(session)
        shop.open()
        shop.earn(member_id, 6_000, until=None)
    yield member_id
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def ask(browser, csrf, wang):
    """Fill the checkout in and press a button; returns the browser and the answer."""

    def press(act="send", code="", **fields):
        client = browser(member_id=wang)
        page = client.get(PATH).text
        form = {"csrf_token": csrf(page), "way": "points", "quantity": "1"} | {
            name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0]
            for name in ("order_ref", "expected_points", "expected_cash_fen")
        }
        return client, client.post(PATH, data={**form, **fields, "act": act, **code})

    return lambda act="send", code=None, **fields: press(act, code or {}, **fields)


@pytest.fixture
def rows(fresh_database):
    def fetch(statement):
        with fresh_database.unit_of_work() as session:
            return Shop(session).rows(statement)

    return fetch


def test_who_cannot_be_insured_is_told_why_and_nothing_is_held(
    ask, rows, telephone, wang, fresh_database
):
    _, refused = ask(**TOO_OLD)

    assert refused.status_code == 422
    assert "年龄不在承保范围内" in refused.text
    assert telephone.messages == []
    _, placed = ask("confirm", {"code": "123456"}, **TOO_OLD)
    assert placed.status_code == 422
    assert rows("SELECT * FROM member_order") == []
    with fresh_database.unit_of_work() as session:
        assert Shop(session).available(wang) == 6_000
    asked = rows("SELECT item_code, outcome, detail FROM insurer_question")
    assert asked == [("INS-A", "declined", "the age is not insured")] * 2
    with fresh_database.unit_of_work() as session:
        kept = everything(session, member_id=wang)["insurer_questions"]
    assert [one["outcome"] for one in kept] == ["declined", "declined"]


def test_who_has_one_already_is_told(ask, telephone, sandbox, rows):
    cover = {"product": "INS-A", "premium_fen": 2000, "one_each": True}
    tell(sandbox.address, "products", **cover)
    ask(**INSURED)
    _, done = ask("confirm", {"code": telephone.code()}, **INSURED)
    assert done.status_code == 303

    _, refused = ask(**INSURED)

    assert refused.status_code == 422
    assert "已有一份同样的保障" in refused.text
    assert len(rows("SELECT * FROM member_order")) == 1


@pytest.mark.parametrize("faults", [{"lose_answers": 9}, {"errors": 9}])
def test_an_answer_that_does_not_come_is_said_and_nothing_is_held(
    ask, sandbox, rows, telephone, faults
):
    tell(sandbox.address, "faults", **faults)

    _, refused = ask(**INSURED)

    assert refused.status_code == 422
    assert "保险公司暂时没有答复" in refused.text
    assert telephone.messages == []
    assert rows("SELECT * FROM member_order") == []
    assert rows("SELECT outcome FROM insurer_question") == [("unknown",)]
    tell(sandbox.address, "faults", **dict.fromkeys(faults, 0))


def test_the_certificate_is_handed_on_by_us(ask, telephone, sandbox, browser, join):
    ask(**INSURED)
    client, done = ask("confirm", {"code": telephone.code()}, **INSURED)
    page = client.get(done.location).text
    to = re.findall(r'href="([^"]+/certificate)"', page)[0]

    paper = client.get(to)

    assert paper.status_code == 200
    assert paper.mimetype == "application/pdf"
    assert paper.data.startswith(b"%PDF-1.4")
    assert "attachment" in paper.headers["Content-Disposition"]
    assert paper.headers["Cache-Control"] == "no-store"
    stranger = browser(member_id=join("13300000002", "李伟"))
    assert stranger.get(to).status_code == 404
    tell(sandbox.address, "faults", errors=9)
    away = client.get(to)
    assert away.status_code == 303
    assert "暂时取不到保单凭证" in client.get(away.location).text
    tell(sandbox.address, "faults", errors=0)
