"""Every page of the site opens: for members and for staff, in both languages."""

import pytest

from loyalty.catalogue.operations import load_items
from loyalty.clock import now
from loyalty.rules.operations import load_terms, starting_terms

MEMBER_PAGES = [
    "/",
    "/statement",
    "/statement.csv",
    "/statement.pdf",
    "/exchange",
    "/exchanges",
    "/profile",
    "/profile/accounts",
    "/profile/consents",
    "/profile/contact",
    "/profile/erasure",
    "/profile/links",
    "/profile/passkeys",
    "/catalogue",
    "/catalogue?family=ALLIANCE&q=保险",
    "/catalogue/INS-A",
    "/catalogue/EV50",
    "/catalogue/CLUB-CAR",
    "/catalogue/CAR-FUEL",
    "/catalogue/CLUB-CAR/checkout?way=points&quantity=1",
    "/clubs",
    "/clubs/CAR",
    "/clubs/CAR/leave",
    "/catalogue/INS-A/checkout?way=points&quantity=1",
    "/orders",
    "/insurance",
    "/sessions",
    "/tournaments",
    "/status",
    "/tier",
]


@pytest.fixture(autouse=True)
def _terms(fresh_database):
    terms = starting_terms()
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=terms, at=now())
        load_items(session, items=terms["item"])


@pytest.mark.parametrize(("language", "tag"), [("zh", "zh-CN"), ("en", "en")])
def test_pages_of_members_open(browser, join, language, tag):
    client = browser(member_id=join())
    client.get(f"/status?lang={language}")

    for path in MEMBER_PAGES:
        answer = client.get(path)

        assert answer.status_code == 200, path
        if answer.mimetype == "text/html":
            assert f'<html lang="{tag}">' in answer.text, path


@pytest.mark.parametrize("path", ["/orders", "/insurance", "/profile", "/statement"])
def test_pages_of_members_ask_strangers_to_sign_in(browser, path):
    answer = browser().get(path)

    assert (answer.status_code, answer.location) == (303, f"/sign-in?next={path}")


def test_an_order_of_another_member_is_not_there(browser, join):
    client = browser(member_id=join())

    assert client.get(f"/orders/{'0' * 32}").status_code == 404
