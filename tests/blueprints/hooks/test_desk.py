"""A bank's own desk spends a member's points, over HTTP and signed on both sides."""

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.app import create_app
from loyalty.settings import Settings
from partners.sandbox.bank_server import BankSandbox
from tests.browser.conftest import served
from tests.loyalty.exchange.alliance import Alliance
from tests.partners.benches import SHARED_SECRET, tell

CARD = "CEB-CHEN-1"


@pytest.fixture
def bank():
    with BankSandbox(code="CEB", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def member(fresh_database):
    """Wang, with points of two issuers and a card."""
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        alliance.open()
        member_id = alliance.member()
        alliance.earn(member_id, 1_000, until=None)
        alliance.earn(member_id, 2_000, unit="UNI", issuer="CEB", until=None)
        alliance.link(member_id, CARD)
    yield member_id
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def desk(fresh_database, tmp_path, bank, member):
    """Ask for points at the desk; return what the desk was answered, or None."""
    del member
    path = tmp_path / "partners.toml"
    path.write_text(
        f'[CEB]\nadapter = "bank"\naddress = "{bank.address}"\n'
        f'secret = "{SHARED_SECRET}"\nallow_loopback = true\n',
        encoding="utf-8",
    )
    settings = Settings(
        data_dir=tmp_path,
        secret_key="a secret of the tests, and of nobody else",
        messages=str(tmp_path / "messages"),
        partners=path,
    )
    with served(create_app(fresh_database, settings=settings)) as site:
        url = f"{site}/hooks/partners/CEB/burns"
        yield lambda **told: tell(
            bank.address, "burn", url=url, **{"account": CARD, "id": "B1"} | told
        )["done"]


def available(database, member_id):
    with database.unit_of_work() as session:
        return session.scalar(
            text("SELECT sum(available) FROM ledger.balance WHERE member_id = :member"),
            {"member": member_id},
        )


def test_points_are_spent_once_however_often_it_is_asked(fresh_database, member, desk):
    answers = [desk(points=1_500) for _ in range(2)]

    assert [answer["status"] for answer in answers] == [200, 200]
    assert answers[0]["told"] == answers[1]["told"]
    assert answers[0]["told"]["points"] == 1_500
    assert available(fresh_database, member) == 1_500


def test_too_few_points_are_refused_and_none_are_taken(fresh_database, member, desk):
    answer = desk(points=3_001)

    assert answer["status"] == 422
    assert answer["told"]["status"] == "refused"
    assert available(fresh_database, member) == 3_000


def test_a_part_is_paid_with_points_where_that_is_allowed(fresh_database, member, desk):
    answer = desk(points=4_000, amountFen=4_000, partialAllowed=True)

    assert answer["told"]["points"] == 3_000
    assert answer["told"]["selfPaidFen"] == 1_000
    assert available(fresh_database, member) == 0


def test_a_card_of_nobody_is_refused(desk):
    assert desk(points=1, account="CEB-NOBODY")["status"] == 422


def test_what_the_bank_did_not_sign_is_refused(fresh_database, member, desk):
    del desk
    app = create_app(
        fresh_database,
        settings=Settings(secret_key="a secret of the tests, and of nobody else"),
    )

    answer = app.test_client().post("/hooks/partners/CEB/burns", data=b"{}")

    assert answer.status_code == 404
    assert available(fresh_database, member) == 3_000
