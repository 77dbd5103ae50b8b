"""The console's pages of control: approvals, staff, the trail, and who may what."""

import re
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from loyalty.adjustments.governance import load_reasons
from loyalty.catalogue.operations import load_items
from loyalty.clock import now
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.staff.rules import ROLES

PAGES = [
    "/console/",
    "/console/adjustments",
    "/console/adjustments?show=waiting",
    "/console/adjustments.xlsx",
    "/console/adjustments/limits",
    "/console/grants",
    "/console/approvals",
    "/console/approvals?show=mine",
    "/console/approvals?show=decided",
    "/console/approvals.xlsx",
    "/console/audit",
    "/console/audit.xlsx",
    "/console/catalogue",
    "/console/catalogue.xlsx",
    "/console/catalogue/INS-A",
    "/console/clients",
    "/console/clients.xlsx",
    "/console/blocks",
    "/console/blocks.xlsx",
    "/console/coalitions",
    "/console/coalitions.xlsx",
    "/console/breaks",
    "/console/breaks?show=closed&subject=insurer_bill",
    "/console/breaks.xlsx",
    "/console/erasures",
    "/console/estimates",
    "/console/estimates.xlsx",
    "/console/estimates/back-test",
    "/console/estimates/back-test.xlsx",
    "/console/estimates/terms",
    "/console/estimates/triangle",
    "/console/estimates/triangle.xlsx",
    "/console/exchanges",
    "/console/exchanges?state=late",
    "/console/exchanges.xlsx",
    "/console/matching",
    "/console/matching.xlsx",
    "/console/matching/terms",
    "/console/me",
    "/console/payouts",
    "/console/payouts.xlsx",
    "/console/rates",
    "/console/rates.xlsx",
    "/console/staff",
    "/console/staff.xlsx",
    "/console/tiers",
    "/console/tiers.xlsx",
    "/console/tiers/appeals",
    "/console/yearly-figures",
    "/console/yearly-figures.xlsx",
]
# Tables as well as forms: what a role without the permission may not see.
ASK = {
    "/console/adjustments": "read",
    "/console/adjustments/limits": "read",
    "/console/grants": "read",
    "/console/catalogue/new": "catalogue_make",
    "/console/clients": "read",
    "/console/clients/new": "client_make",
    "/console/accounts": "review",
    "/console/blocks": "read",
    "/console/coalitions": "read",
    "/console/breaks": "read",
    "/console/exchanges": "read",
    "/console/payouts": "read",
    "/console/matching": "read",
    "/console/rates": "read",
    "/console/rates/new": "catalogue_make",
    "/console/counter": "counter",
    "/console/clubs": "club_read",
    "/console/benefits": "benefit",
    "/console/vouchers": "fulfil",
    "/console/fulfilment": "fulfil",
    "/console/reviews": "review",
    "/console/audit": "read",
    "/console/approvals": "read",
    "/console/staff": "read",
    "/console/erasures": "read",
    "/console/estimates": "read",
    "/console/estimates/new": "finance_make",
    "/console/tiers": "read",
    "/console/tiers/new": "tier_make",
    "/console/tiers/appeals": "read",
    "/console/yearly-figures": "read",
}


@pytest.fixture(autouse=True)
def _terms(fresh_database):
    terms = starting_terms()
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=terms, at=now())
        load_items(session, items=terms["item"])
        load_reasons(session, terms=terms, at=now())


@pytest.fixture
def rows(fresh_database):
    def fetch(statement):
        with fresh_database.unit_of_work() as session:
            return session.execute(text(statement)).all()

    return fetch


@pytest.fixture
def admins(browser, employ):
    """Two administrators and a clerk, each at a screen of their own."""
    employ("wu", "clerk")
    return [browser(staff_id=employ(login, "admin")) for login in ("an", "bo")]


def ask_for_roles(client, send):
    answer = send(
        client,
        "/console/staff/wu",
        to="/console/staff/wu/roles",
        roles=["clerk", "supervisor"],
        reason="值班",
    )
    assert answer.status_code == 303
    return answer.location


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_the_auditor_reads_every_page(browser, employ, path, language):
    client = browser(staff_id=employ("shen", "auditor"))
    client.get(f"/status?lang={language}")

    assert client.get(path).status_code == 200


def test_the_auditor_changes_nothing(app, browser, employ, csrf):
    client = browser(staff_id=employ("shen", "auditor"))
    token = csrf(client.get("/console/me").text)
    own = {"console.me", "console.sign_in", "console.sign_out"}
    writes_nothing = {"console.dry_run_file"}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("console.") or "POST" not in rule.methods:
            continue
        if (
            rule.endpoint in own | writes_nothing
            or "passkey" in rule.rule
            or "decide" in rule.endpoint
        ):
            continue
        path = re.sub(r"<int:[^>]+>", "1", rule.rule)
        path = re.sub(r"<uuid:[^>]+>", "0" * 8 + "-0000-4000-8000-" + "0" * 12, path)
        path = re.sub(r"<[^>]+>", "INS-A", path)

        answer = client.post(path, data={"csrf_token": token})

        assert answer.status_code == 403, path


@pytest.mark.parametrize("role", list(ROLES))
def test_each_role_sees_what_is_its_own(browser, employ, role):
    client = browser(staff_id=employ("mou", role))

    for path, permission in ASK.items():
        expected = 200 if permission in ROLES[role] else 403
        assert client.get(path).status_code == expected, path


def test_every_view_says_what_it_asks(app):
    silent = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.endswith("static")
        and getattr(app.view_functions[rule.endpoint], "access", None) is None
    ]

    assert silent == []


def test_a_second_person_decides(admins, send, rows):
    first, second = admins
    page = ask_for_roles(first, send)

    answer = send(first, page, act="approve")
    assert answer.status_code == 403
    assert "另一位同事" in answer.text
    answer = send(second, page, act="approve", note="同意")
    assert answer.status_code == 303

    assert rows("SELECT roles FROM staff WHERE login = 'wu'") == [
        (["clerk", "supervisor"],)
    ]
    done = rows("SELECT actor, action FROM audit WHERE object = 'staff:wu' ORDER BY id")
    assert done == [("an", "staff.roles.asked"), ("bo", "staff.roles.approved")]


def test_the_database_refuses_one_person_on_both_sides(admins, send, fresh_database):
    ask_for_roles(admins[0], send)

    with (
        pytest.raises(IntegrityError),
        fresh_database.unit_of_work() as session,
    ):
        session.execute(text("UPDATE approval SET state = 'approved', checker = maker"))


def test_a_request_is_rejected_with_a_reason(admins, send, rows):
    first, second = admins
    page = ask_for_roles(first, send)

    assert send(second, page, act="reject").status_code == 422
    assert send(second, page, act="reject", note="人数已满").status_code == 303

    assert rows("SELECT state, note FROM approval") == [("rejected", "人数已满")]
    assert rows("SELECT roles FROM staff WHERE login = 'wu'") == [(["clerk"],)]


def test_a_request_is_withdrawn_by_who_made_it(admins, send, rows):
    first, second = admins
    page = ask_for_roles(first, send)

    assert send(second, page, act="withdraw").status_code == 409
    assert send(first, page, act="withdraw").status_code == 303

    assert rows("SELECT state FROM approval") == [("withdrawn",)]


def test_a_colleague_is_shut_out_at_once(browser, employ, admins, send):
    wu = browser(staff_id=employ("wen", "clerk"))
    assert wu.get("/console/counter").status_code == 200

    send(admins[0], "/console/staff/wen", to="/console/staff/wen/disable")

    assert wu.get("/console/counter").status_code == 303


def test_an_item_is_published_by_two_people(browser, employ, send, rows):
    maker = browser(staff_id=employ("chen", "product"))
    checker = browser(staff_id=employ("cai", "finance_checker"))
    send(
        maker,
        "/console/catalogue/INS-A",
        to="/console/catalogue/INS-A/withdraw",
        reason="停售",
    )
    assert rows("SELECT state FROM catalogue_item WHERE item_code = 'INS-A'") == [
        ("withdrawn",)
    ]

    answer = send(
        maker,
        "/console/catalogue/INS-A",
        to="/console/catalogue/INS-A/publish",
        reason="恢复",
    )

    assert answer.status_code == 303, answer.text
    assert send(maker, answer.location, act="approve").status_code == 403
    assert send(checker, answer.location, act="approve").status_code == 303
    assert rows("SELECT state FROM catalogue_item WHERE item_code = 'INS-A'") == [
        ("approved",)
    ]


def test_a_workbook_holds_the_table(browser, employ):
    client = browser(staff_id=employ("shen", "auditor"))

    answer = client.get("/console/staff.xlsx")

    with ZipFile(BytesIO(answer.data)) as book:
        assert "shen" in book.read("xl/sharedStrings.xml").decode()
