"""What leaving means is read by all, asked for by one and decided by another."""

import re
from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.rules.models import CHURN_REASONS
from loyalty.rules.operations import load_terms, starting_terms
from tests.journeys.conftest import LI, WANG, begin

PLACE = "/console/leaving-policy"
VOIDS = ("points.universal", "vouchers", "card")


@pytest.fixture(autouse=True)
def _terms(fresh_database):
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=now())


@pytest.fixture
def rows(fresh_database):
    def fetch(statement):
        with fresh_database.unit_of_work() as session:
            return [tuple(row) for row in session.execute(text(statement))]

    return fetch


@pytest.fixture
def desk(browser, employ):
    """A browser of somebody with a role, who reads English."""

    def sit(role, language="en"):
        client = browser(staff_id=employ(f"of.{role}", role))
        client.get(f"/console/?lang={language}")
        return client

    return sit


def tomorrow():
    return now().date() + timedelta(days=1)


def wish_of(**told):
    """What the form says when points, vouchers and the card end after 30 days."""
    wish = {
        "for": list(CHURN_REASONS),
        "freezes": ["suspended:arrears", "pre_cancelled:"],
        "bank_answers_within_days": "7",
        "starts_on": tomorrow().isoformat(),
        "why": "给离网客户一个月",
    }
    for reason in CHURN_REASONS:
        wish |= {
            f"{reason}.scope": "identity",
            f"{reason}.notice_days": "10",
            f"{reason}.grace_days": "30",
            f"{reason}.may_redeem": "on",
            f"{reason}.reinstate_within_days": "60",
            f"{reason}.back.vouchers": "on",
        }
        for place, benefit in enumerate(VOIDS, start=1):
            wish[f"{reason}.voids.{benefit}"] = str(place)
    return wish | told


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", ("携号转网", "第 9 步终止，可恢复", "欠费停机", "起始", "今天生效")),
        (
            "en",
            (
                "Ported out",
                "Ends as no. 9, comes back",
                "Suspended for arrears",
                "From the start",
                "Holds today",
            ),
        ),
    ],
)
def test_the_policy_is_read_in_a_table(desk, words_of, language, said):
    auditor = desk("auditor", language)

    page = words_of(auditor.get(PLACE))

    for words in said:
        assert words in page
    assert said[1] in words_of(auditor.get(f"{PLACE}/1"))
    assert auditor.get(f"{PLACE}/2").status_code == 404


def test_a_policy_is_changed_by_two_people(desk, send, rows, words_of):
    maker, checker = desk("product"), desk("finance_checker")

    asked = send(maker, f"{PLACE}/new", to=PLACE, **wish_of())
    own = send(maker, asked.location, act="approve")
    shown = words_of(checker.get(asked.location))
    agreed = send(checker, asked.location, act="approve")

    assert (asked.status_code, own.status_code, agreed.status_code) == (303, 403, 303)
    assert "Ported out: days of grace 0 30" in shown
    assert "Alliance points, Unused vouchers, The co-brand card's function" in shown
    assert rows(
        "SELECT starts_on, bank_answers_within_days, approval_id IS NOT NULL"
        "  FROM churn_terms WHERE version = 2"
    ) == [(tomorrow(), 7, True)]
    assert rows(
        "SELECT DISTINCT notice_days, grace_days, may_redeem, reinstate_within_days"
        "  FROM churn_policy WHERE version = 2"
    ) == [(10, 30, True, 60)]
    assert rows(
        "SELECT benefit, comes_back FROM churn_benefit"
        " WHERE version = 2 AND reason = 'lost' ORDER BY nth"
    ) == [("points.universal", True), ("vouchers", True), ("card", False)]
    assert rows(
        "SELECT event, reason FROM churn_freeze WHERE version = 2 ORDER BY event"
    ) == [("pre_cancelled", ""), ("suspended", "arrears")]
    page = words_of(maker.get(PLACE))
    assert "In force: version 1" in page
    assert "To come" in page
    assert rows("SELECT action FROM audit ORDER BY id") == [
        ("churn.policy.asked",),
        ("churn.policy.approved",),
    ]


def test_the_form_begins_as_the_newest_policy_is(desk, send, rows):
    maker, checker = desk("product"), desk("finance_checker")
    page = maker.get(f"{PLACE}/new").text
    chosen = re.findall(
        r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL
    )
    said = {
        name: re.findall(r'<option value="([^"]*)" selected', options)[0]
        for name, options in chosen
    }
    for field in re.findall(r"<input[^>]+>", page):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', field))
        if told["type"] != "checkbox" or re.search(r"\bchecked\b", field):
            said.setdefault(told["name"], []).append(told["value"])

    asked = send(
        maker,
        f"{PLACE}/new",
        to=PLACE,
        **said | {"starts_on": tomorrow().isoformat(), "why": "续用"},
    )
    send(checker, asked.location, act="approve")

    for table, facts in (
        ("churn_policy", "reason, scope, notice_days, grace_days, may_redeem"),
        ("churn_benefit", "reason, benefit, nth, comes_back"),
        ("churn_freeze", "event, reason"),
    ):
        query = f"SELECT {facts} FROM {table} WHERE version = %d ORDER BY 1, 2"
        assert rows(query % 2) == rows(query % 1) != []


def test_a_policy_freezes_nothing_before_its_day(desk, send, fresh_database, tmp_path):
    programme = begin(fresh_database, tmp_path)
    maker, checker = desk("product"), desk("finance_checker")
    asked = send(maker, f"{PLACE}/new", to=PLACE, **wish_of(freezes=["suspended:lost"]))
    send(checker, asked.location, act="approve")

    programme.event("E-1", WANG, "suspended", now().date().isoformat(), "lost")
    programme.event("E-2", LI, "suspended", tomorrow().isoformat(), "lost")

    assert programme.member("WANG").gate == "open"
    assert programme.member("LI").gate == "suspended"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {"arrears.grace_days": "-1"},
            "Closed for arrears, Days of grace: Please give",
        ),
        ({"arrears.notice_days": "4000"}, "Closed for arrears, Days of notice: Please"),
        ({"lost.voids.gold": "9"}, "Closed as lost, gold: There is no such benefit."),
        ({"lost.voids.clubs": "1"}, "Another has the same place."),
        ({"lost.voids.clubs": "first"}, "There is no such place."),
        ({"lost.back.card": "on"}, "Once ended, it does not come back."),
        ({"lost.back.clubs": "on"}, "What does not end cannot come back."),
        ({"lost.scope": "town"}, "Please choose when one has left."),
        ({"freezes": ["resumed:"]}, "There is no such suspension."),
        ({"freezes": ["pre_cancelled:"] * 2}, "It is there twice."),
        ({"bank_answers_within_days": "0"}, "bank has to acknowledge: Please give"),
        ({"for": [*CHURN_REASONS, "lost"]}, "Closed as lost: It is there twice."),
        ({"for": list(CHURN_REASONS[:-1])}, "Closed for fraud: Its policy is missing."),
        ({"starts_on": ""}, "Holds from: Please give a day."),
        ({"why": ""}, "Why: Please say why."),
    ],
)
def test_what_makes_no_sense_is_sent_back_in_words(
    *, desk, send, rows, words_of, told, said
):
    maker = desk("product")

    answer = send(maker, f"{PLACE}/new", to=PLACE, **wish_of(**told))

    assert answer.status_code == 422
    assert said in words_of(answer)
    assert 'value="10"' in answer.text
    assert rows("SELECT count(*) FROM approval") == [(0,)]


@pytest.mark.parametrize(
    ("reason", "name"),
    [("internal", "Moved inside"), ("deceased", "Deceased")],
)
def test_moves_and_deaths_can_be_given_no_policy(
    *, desk, send, rows, words_of, reason, name
):
    maker = desk("product")
    told = {"for": [*CHURN_REASONS, reason], f"{reason}.scope": "identity"} | {
        f"{reason}.{days}": "0"
        for days in ("notice_days", "grace_days", "reinstate_within_days")
    }

    answer = send(maker, f"{PLACE}/new", to=PLACE, **wish_of(**told))

    assert answer.status_code == 422
    assert f"{name}: This never ends anything" in words_of(answer)
    assert rows("SELECT count(*) FROM approval") == [(0,)]


def test_a_policy_holds_from_tomorrow_at_the_earliest(desk, send, words_of):
    maker = desk("product")
    today = now().date().isoformat()

    answer = send(maker, f"{PLACE}/new", to=PLACE, **wish_of(starts_on=today))

    assert answer.status_code == 409
    assert "at the earliest" in words_of(answer)


def test_a_second_request_waits_for_the_first(desk, send, words_of):
    maker = desk("product")
    send(maker, f"{PLACE}/new", to=PLACE, **wish_of())

    again = send(maker, f"{PLACE}/new", to=PLACE, **wish_of())

    assert again.status_code == 409
    assert "Waits for a decision" in words_of(maker.get(PLACE))


@pytest.mark.parametrize("role", ["auditor", "finance_checker", "supervisor"])
def test_only_who_makes_the_terms_may_ask(desk, send, role):
    client = desk(role)

    assert client.get(f"{PLACE}/new").status_code == 403
    assert send(client, "/console/me", to=PLACE, **wish_of()).status_code == 403
    assert "Ask for a new version" not in client.get(PLACE).text


def test_the_versions_come_as_a_workbook(desk):
    answer = desk("auditor").get(f"{PLACE}.xlsx")

    with ZipFile(BytesIO(answer.data)) as book:
        assert "Closed for fraud" in book.read("xl/sharedStrings.xml").decode()
