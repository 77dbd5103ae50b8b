"""Leavings in the console: a timeline, alarms of banks, and who settles them."""

import re
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest

from ledger.book import Book
from loyalty.catalogue.operations import load_items
from loyalty.churn.delivery import chase
from loyalty.clock import now
from partners.ports import Outcome, Receipt
from tests.journeys.conftest import WANG, begin
from tests.loyalty.orders.shop import TICKET, Shop

LOT = ("WANG", "UNI", 20, "CEB", "2007-10", "2030-10-31")
LEFT_ON = "2007-11-10"
LIST = "/console/leavings"


class House:
    """A bank that answers about its cards as it was told to."""

    def __init__(self):
        self.receipt = Receipt(Outcome.UNKNOWN)
        self.asked = []

    def cancel_card_function(self, order):
        self.asked.append(order.reference)
        return self.receipt

    def look_up(self, reference):
        self.asked.append(reference)
        return self.receipt


@pytest.fixture(autouse=True)
def bank(app):
    """The bank of Wang's and Li's cards."""
    house = House()
    app.extensions["jifen"].connections.banks["CEB"] = house
    return house


@pytest.fixture
def alliance(fresh_database, tmp_path):
    """Wang with alliance points and Li with none, whose books prove at the end."""
    programme = begin(fresh_database, tmp_path)
    assert programme.load("opening", LOT).rejected == 0
    yield programme
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def desk(browser, employ):
    """A browser of somebody with a role, who reads English."""

    def sit(role, language="en"):
        client = browser(staff_id=employ(f"of.{role}", role))
        client.get(f"/console/?lang={language}")
        return client

    return sit


@pytest.fixture
def after(app):
    """Run the job that chases, some days from now."""

    def run(**passed):
        kit = app.extensions["jifen"]
        at = now() + timedelta(**passed)
        return chase(
            kit.database, kit.connections, kit.keyring, business_date=at.date(), at=at
        )

    return run


@pytest.fixture
def left(alliance, after):
    """Let Wang leave in 2007, and the bank be silent since; return the page."""
    alliance.event("E-1", WANG, "closed", LEFT_ON, "voluntary")
    after(days=0)
    return f"{LIST}/{member_of(alliance, 'WANG')}/E-1"


def member_of(alliance, ref):
    ((member_id,),) = alliance.rows(
        "SELECT member_id FROM member WHERE member_ref = :ref", ref=ref
    )
    return member_id


def card_of(alliance):
    return alliance.rows("SELECT state, detail FROM churn_step WHERE benefit = 'card'")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "zh",
            (
                "离网",
                "主动销号",
                "会员等级",
                "作废 联盟积分 20",
                "2030 年 10 月 31 日",
                "光大银行 …26-1",
                "等待：光大银行",
                "需要处理",
                "作废通知",
            ),
        ),
        (
            "en",
            (
                "Closed by choice",
                "Void: Alliance points 20",
                "31 October 2030",
                "China Everbright Bank …26-1",
                "Waits for: China Everbright Bank",
                "Look here",
                "Told what is void",
            ),
        ),
    ],
)
def test_a_leaving_is_told_step_by_step(desk, left, words_of, language, said):
    page = words_of(desk("auditor", language).get(left))

    for words in said:
        assert words in page
    assert page.index("Tier" if language == "en" else "会员等级") < page.index("…26-1")


def test_a_silent_bank_is_an_alarm_on_the_first_page(desk, left, words_of):
    auditor = desk("auditor")

    assert "1 alarms of leavings" in words_of(auditor.get("/console/"))
    assert left in auditor.get(f"{LIST}?show=alarmed").text
    assert "Take it up now" not in auditor.get(left).text


def test_a_bank_within_its_days_is_no_alarm(desk, alliance, bank, after, words_of):
    today = now().date()
    alliance.event("E-1", WANG, "ported_out", (today - timedelta(days=1)).isoformat())
    after(days=0)
    supervisor = desk("supervisor")

    assert "0 alarms of leavings" in words_of(supervisor.get("/console/"))
    assert "None like that" in supervisor.get(f"{LIST}?show=alarmed").text
    assert "E-1" in supervisor.get(f"{LIST}?show=open").text
    assert len(bank.asked) == 1


def test_a_supervisor_settles_a_card_by_hand(
    *, desk, left, alliance, send, bank, after, words_of
):
    supervisor = desk("supervisor")
    wish = {"subject": "CEB/6226-1", "outcome": "done", "note": "李经理电话告知"}

    empty = send(supervisor, left, **(wish | {"note": " "}))
    silent = send(supervisor, left, **(wish | {"outcome": ""}))
    done = send(supervisor, left, **wish)
    again = send(supervisor, left, **wish)
    asked = len(bank.asked)
    after(days=2)

    assert (empty.status_code, silent.status_code) == (422, 422)
    assert (done.status_code, again.status_code) == (303, 409)
    ((state, detail),) = card_of(alliance)
    assert (state, detail["by_hand"], detail["note"]) == (
        "done",
        "done",
        "李经理电话告知",
    )
    assert alliance.rows(
        "SELECT actor, reason FROM audit WHERE action = 'leaving.settle_card'"
    ) == [("of.supervisor", "李经理电话告知")]
    assert len(bank.asked) == asked
    assert "0 alarms of leavings" in words_of(supervisor.get("/console/"))


def test_what_is_given_up_at_the_bank_stays(desk, left, alliance, send, words_of):
    supervisor = desk("supervisor")

    send(
        supervisor,
        left,
        subject="CEB/6226-1",
        outcome="given_up",
        note="客户保留普通卡",
    )

    assert card_of(alliance)[0][0] == "survived"
    assert "Settled by hand: given up" in words_of(supervisor.get(left))


def test_a_bank_with_time_left_is_settled_by_nobody(desk, alliance, after, send):
    alliance.event("E-1", WANG, "closed", now().date().isoformat(), "voluntary")
    after(days=1)  # it happens at noon, which may be to come
    page = f"{LIST}/{member_of(alliance, 'WANG')}/E-1"

    answer = send(
        desk("supervisor"), page, subject="CEB/6226-1", outcome="done", note="x"
    )

    assert answer.status_code == 409
    assert card_of(alliance)[0][0] == "waiting"


def test_a_step_is_taken_up_at_once(*, desk, left, alliance, send, bank, words_of):
    supervisor = desk("supervisor")
    bank.receipt = Receipt(Outcome.CONFIRMED, partner_ref="ACK-7")
    step = {"act": "go_on", "benefit": "card", "subject": "CEB/6226-1"}

    done = send(supervisor, left, **step)
    again = send(supervisor, left, **step)
    unknown = send(supervisor, left, **(step | {"subject": "CEB/1"}))

    assert (done.status_code, again.status_code) == (303, 303)
    assert unknown.status_code == 404
    assert card_of(alliance)[0][0] == "done"
    assert "The bank's acknowledgement: ACK-7" in words_of(supervisor.get(left))
    assert alliance.rows(
        "SELECT count(*) FROM audit WHERE action = 'leaving.go_on'"
    ) == [(2,)]


def test_vouchers_and_orders_lead_to_their_order(
    desk, alliance, after, words_of, fresh_database
):
    with fresh_database.unit_of_work() as session:
        load_items(session, items=[TICKET | {"points": 10}])
        order_ref = (
            Shop(session)
            .place(
                member_of(alliance, "WANG"), "TICKET", at=now() - timedelta(minutes=5)
            )
            .order.order_ref
        )
    alliance.event("E-1", WANG, "closed", now().date().isoformat(), "voluntary")
    after(days=1)  # it happens at noon, which may be to come
    wang = member_of(alliance, "WANG")

    page = desk("auditor").get(f"{LIST}/{wang}/E-1")

    assert f"/console/orders/{wang}/{order_ref}" in page.text
    assert "Unused vouchers" in words_of(page)
    assert "Vouchers: 1" in words_of(page)


def test_what_was_ended_before_a_return_stays_told(desk, alliance, after, words_of):
    alliance.event("E-1", WANG, "closed", "2007-11-10", "voluntary")
    after(days=0)
    alliance.event("E-2", WANG, "reconnected", "2007-12-01")
    auditor = desk("auditor")

    page = words_of(auditor.get(f"{LIST}/{member_of(alliance, 'WANG')}/E-1"))

    assert "Back on 1 December 2007" in page
    assert "Told what came back" in page
    assert "E-1" in auditor.get(f"{LIST}?show=returned").text


def test_what_will_end_is_told_before_it_does(desk, alliance, words_of):
    alliance.rows(
        "INSERT INTO departure (member_id, event_ref, cause_ref, left_on, left_at,"
        " reason, policy_version, void_on, reinstate_until)"
        " SELECT member_id, 'E/9#2', 'E/9', '2007-11-10', '2007-11-10', 'arrears', 1,"
        "        '2007-12-10', '2008-02-08' FROM member WHERE member_ref = 'WANG'"
        " RETURNING 1"
    )
    auditor = desk("auditor")

    listed = auditor.get(f"{LIST}?show=kept&reason=arrears").text
    page = words_of(auditor.get(f"{LIST}/{member_of(alliance, 'WANG')}/E%2F9%232"))

    assert "E/9%232" in listed
    assert page.count("Ends on 10 December 2007") == 11


def test_the_list_goes_on_where_it_ended(desk, alliance):
    alliance.rows(
        "INSERT INTO departure (member_id, event_ref, cause_ref, left_on, left_at,"
        " reason, policy_version, void_on, reinstate_until, booked_at)"
        " SELECT member_id, 'E-' || n, 'E', day, day, 'voluntary', 1, day, day, day"
        "   FROM member CROSS JOIN generate_series(1, 60) n"
        "  CROSS JOIN LATERAL (SELECT date '2007-11-01' + n / 2 AS day) d"
        "  WHERE member_ref = 'WANG' RETURNING 1"
    )
    auditor = desk("auditor")
    wang = member_of(alliance, "WANG")

    first = auditor.get(LIST).text
    older = re.findall(rf'rel="next" href="{LIST}\?before=({wang}/E-\d+)"', first)
    second = auditor.get(f"{LIST}?before={older[0]}").text

    pages = [
        re.findall(rf'href="{LIST}/{wang}/(E-\d+)"', page) for page in (first, second)
    ]
    assert [len(page) for page in pages] == [50, 10]
    assert len({*pages[0], *pages[1]}) == 60
    assert 'rel="next"' not in second
    assert "E-60" not in auditor.get(f"{LIST}?reason=ported_out").text


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        (f"{LIST}.xlsx", "E-1"),
        ("{page}.xlsx", "China Everbright Bank"),
        ("{page}.xlsx?table=lots", "Alliance points"),
    ],
)
def test_the_tables_come_as_workbooks(desk, left, where, holds):
    answer = desk("auditor").get(where.format(page=left))

    with ZipFile(BytesIO(answer.data)) as book:
        assert holds in book.read("xl/sharedStrings.xml").decode()


@pytest.mark.parametrize("role", ["auditor", "finance_maker", "product", "admin"])
def test_only_who_reviews_takes_steps_up(desk, left, send, role, alliance):
    client = desk(role)
    token_page = "/console/me"

    answer = send(
        client,
        token_page,
        to=left,
        act="go_on",
        benefit="card",
        subject="CEB/6226-1",
    )

    assert answer.status_code == 403
    assert card_of(alliance)[0][0] == "alarmed"


def test_who_never_left_has_no_timeline(desk, alliance):
    assert (
        desk("auditor").get(f"{LIST}/{member_of(alliance, 'LI')}/E-1").status_code
        == 404
    )
