"""An item from its draft to its withdrawal, as two people see to it in the console."""

import re
from datetime import timedelta
from io import BytesIO
from xml.etree import ElementTree as ET
from zipfile import ZipFile

import pyotp
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty.catalogue.operations import apply_due
from loyalty.clock import now
from tests.blueprints.conftest import PASSWORD, TOTP_SECRET

ITEM = "/console/catalogue/TEA"
STATE = "SELECT state FROM catalogue_item WHERE item_code = 'TEA'"
CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}t"


@pytest.fixture
def enter(app, employ, send):
    """Come in as a person does: with password and second factor."""

    def come_in(login, *roles):
        employ(login, *roles)
        client = app.test_client()
        answer = send(
            client,
            "/console/sign-in",
            login=login,
            password=PASSWORD,
            totp=pyotp.TOTP(TOTP_SECRET).now(),
        )
        assert answer.status_code == 303
        return client

    return come_in


@pytest.fixture
def maker(enter, in_shop):
    del in_shop
    return enter("chen", "product")


@pytest.fixture
def checker(enter):
    return enter("cai", "finance_checker")


@pytest.fixture
def draft(maker, send):
    """Draft an item that lacks nothing."""
    until = now().date() + timedelta(days=365)
    answer = send(
        maker,
        "/console/catalogue/new",
        item_code="TEA",
        owner="operator",
        emblem="gift",
        title_zh="茶券",
        title_en="Tea voucher",
        description_zh="一壶茶",
        description_en="A pot of tea",
        family="TELECOM",
        kind="VAS",
        cost_treatment="NO_REVENUE_EFFECT",
        fulfilment="VOUCHER",
        code_source="GENERATED",
        valid_days="90",
        points="500",
        market_fen="8.00",
        settlement_fen="0",
        segment="all",
        min_spend_fen="0",
        script_zh="您可以换一壶茶",
        script_en="You can have a pot of tea",
        entry_rule_zh="凭券到店",
        entry_rule_en="With the voucher, at the tea house",
        valid_until=until.isoformat(),
    )
    assert answer.status_code == 303, _errors(answer)


@pytest.fixture
def asked(draft, maker, send):
    """Ask for it to be put on sale; returns the page of the request."""
    del draft
    answer = send(maker, ITEM, to=f"{ITEM}/publish", reason="新品")
    assert answer.status_code == 303, _errors(answer)
    return answer.location


@pytest.fixture
def people(maker, checker):
    return maker, checker


@pytest.fixture
def next_day(in_shop):
    """Let the night pass in which what was approved takes effect."""

    def pass_night():
        tomorrow = now() + timedelta(days=1)
        in_shop(lambda shop: apply_due(shop.session, on=tomorrow.date(), at=tomorrow))

    return pass_night


def test_an_item_is_drafted_approved_published_and_withdrawn(
    asked, people, send, rows, next_day
):
    maker, checker = people
    assert rows(STATE) == [("draft",)]
    assert "新品" in checker.get(asked).text

    assert send(checker, asked, act="approve", note="同意").status_code == 303
    assert rows(STATE) == [("approved",)]

    next_day()
    assert rows(STATE) == [("published",)]

    send(maker, ITEM, to=f"{ITEM}/withdraw", reason="卖完了")
    assert rows(STATE) == [("withdrawn",)]
    assert rows(
        "SELECT actor, action FROM audit WHERE object = 'item:TEA' ORDER BY id"
    ) == [
        ("chen", "catalogue.draft"),
        ("chen", "catalogue.publish.asked"),
        ("cai", "catalogue.publish.approved"),
        ("chen", "catalogue.withdraw"),
    ]


def test_who_asked_does_not_approve(asked, maker, send, rows, fresh_database):
    """Not with the permission as well, and not past the pages either."""
    with fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "UPDATE staff SET roles = '{product,finance_checker}'"
                " WHERE login = 'chen'"
            )
        )

    assert send(maker, asked, act="approve").status_code == 403
    with pytest.raises(IntegrityError), fresh_database.unit_of_work() as session:
        session.execute(
            text(
                "UPDATE approval SET state = 'approved', checker = maker,"
                " decided_at = requested_at"
            )
        )
    assert rows(STATE) == [("draft",)]


def test_the_form_keeps_what_was_typed_wrongly(maker, send, rows):
    answer = send(
        maker, "/console/catalogue/new", item_code="TEA", title_zh="茶券", points="许多"
    )

    assert answer.status_code == 422
    assert 'value="茶券"' in answer.text
    assert 'value="许多"' in answer.text
    assert rows("SELECT count(*) FROM catalogue_item WHERE item_code = 'TEA'") == [(0,)]


def test_the_list_is_a_workbook_too(draft, maker):
    del draft

    answer = maker.get("/console/catalogue.xlsx?q=茶")

    with ZipFile(BytesIO(answer.data)) as book:
        words = ET.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314 - ours
    told = [cell.text for cell in words.iter(CELL)]
    assert "TEA" in told
    assert "INS-A" not in told


def _errors(answer):
    """Return what a page says is wrong."""
    return re.findall(r'class="(?:error|notice)[^>]*>(.*?)</', answer.text, re.DOTALL)
