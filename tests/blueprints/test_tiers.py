"""A member's tier on the web, and what staff decide about it in the console."""

from datetime import timedelta
from io import BytesIO
from zipfile import ZipFile

import pytest
from sqlalchemy import text

from loyalty.clock import now
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.tiers.reviewing import review

GOLD = 240_000


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
def spend(fresh_database):
    """Bill a member today, and review everybody."""

    def bill(member_id, due_fen, *, days_ago=0):
        at = now() - timedelta(days=days_ago)
        with fresh_database.unit_of_work() as session:
            session.execute(
                text(
                    """
                    INSERT INTO bill (
                        member_id, bill_ref, msisdn, period, billed_on, due_on,
                        effective_on, amount_fen, due_fen, paid_fen, points_num,
                        points_den, rule_version, points, standing, standing_on,
                        latest_on)
                    VALUES (:m, 'B-1', '13300000001', :on, :on, :on, :on, :due, :due,
                            0, 1, 1, 1, 0, 'available', :on, :on)
                    """
                ),
                {"m": member_id, "on": at.date(), "due": due_fen},
            )
            review(session, on=at.date(), at=at)

    return bill


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("zh", ("金卡", "¥2,400.00", "¥3,600.00", "已达到", "首次评定", "第 1 版")),
        ("en", ("Gold", "¥2,400.00", "¥3,600.00", "is reached", "First reviewed")),
    ],
)
def test_a_member_reads_where_they_stand_and_why(browser, join, spend, language, said):
    wang = join()
    spend(wang, GOLD)
    client = browser(member_id=wang)
    client.get(f"/status?lang={language}")

    page = client.get("/tier").text

    for words in said:
        assert words in page


def test_a_member_reads_what_is_missing_to_keep_a_tier(browser, join, spend):
    wang = join()
    spend(wang, GOLD, days_ago=350)
    client = browser(member_id=wang)
    client.get("/status?lang=en")

    page = client.get("/tier").text

    assert "With ¥2,400.00 more by" in page


def test_a_stranger_is_asked_to_sign_in(browser):
    assert browser().get("/tier").location == "/sign-in?next=/tier"


def test_a_member_has_a_person_look_at_it(browser, join, employ, send, rows):
    wang = join()
    client = browser(member_id=wang)
    client.get("/status?lang=en")

    first = send(client, "/tier", to="/tier/appeal", words="少算了一张账单")
    page = client.get("/tier").text
    staff = browser(staff_id=employ("sun", "supervisor"))
    listed = staff.get("/console/tiers/appeals").text
    answer = send(
        staff,
        f"/console/members/{wang}/tier",
        to=f"/console/members/{wang}/tier/answer",
        origin="member",
        outcome="stands",
        note="逐张核对过",
    )

    assert first.status_code == answer.status_code == 303
    assert "Being looked at" in page
    assert "少算了一张账单" in listed
    assert "逐张核对过" in client.get("/tier").text
    assert rows("SELECT outcome, answered_by FROM tier_appeal") == [
        ("stands", "staff:sun")
    ]
    assert ("tier.appeal.answered",) in rows("SELECT action FROM audit")


@pytest.mark.parametrize(
    "said",
    [
        {"origin": "member", "outcome": "stands", "note": ""},
        {"origin": "member", "outcome": "lowered", "note": "x"},
        {"origin": "elsewhere", "outcome": "stands", "note": "x"},
    ],
)
def test_an_answer_without_words_or_sense_is_refused(browser, join, employ, send, said):
    wang = join()
    client = browser(member_id=wang)
    send(client, "/tier", to="/tier/appeal", words="")
    staff = browser(staff_id=employ("sun", "supervisor"))
    page = f"/console/members/{wang}/tier"

    assert send(staff, page, to=f"{page}/answer", **said).status_code == 422


def test_a_tier_is_given_by_two_people(browser, join, employ, send, rows):
    wang = join()
    maker = browser(staff_id=employ("sun", "supervisor"))
    checker = browser(staff_id=employ("cai", "finance_checker"))
    until = now().date() + timedelta(days=30)
    page = f"/console/members/{wang}/tier"
    wish = {"tier": "DIAMOND", "until": until.isoformat(), "reason": "获得联赛冠军"}

    empty = send(maker, page, to=f"{page}/grant", **(wish | {"reason": ""}))
    asked = send(maker, page, to=f"{page}/grant", **wish)
    own = send(maker, asked.location, act="approve")
    agreed = send(checker, asked.location, act="approve")

    assert (empty.status_code, asked.status_code) == (422, 303)
    assert (own.status_code, agreed.status_code) == (403, 303)
    assert rows("SELECT tier, until, reason FROM tier_grant") == [
        ("DIAMOND", until, "获得联赛冠军")
    ]
    client = browser(member_id=wang)
    client.get("/status?lang=en")
    assert "This tier was given to you." in client.get("/tier").text


def wish_of(**told):
    day = (now().date() + timedelta(days=1)).isoformat()
    return {
        "measure": "partner_points",
        "period": "calendar",
        "months": "12",
        "grace_days": "30",
        "late_days": "45",
        "notice_days": "30",
        "needed_SILVER": "1000",
        "needed_GOLD": "2000",
        "needed_DIAMOND": "5000",
        "soft_landing": "on",
        "valid_from": day,
        "reason": "新年度",
    } | told


def test_a_policy_is_changed_by_two_people(browser, employ, send, rows):
    maker = browser(staff_id=employ("chen", "product"))
    checker = browser(staff_id=employ("cai", "finance_checker"))

    asked = send(maker, "/console/tiers/new", to="/console/tiers", **wish_of())
    agreed = send(checker, asked.location, act="approve")

    assert (asked.status_code, agreed.status_code) == (303, 303)
    assert rows(
        "SELECT version, measure, period, soft_landing FROM tier_policy"
        " ORDER BY version"
    ) == [
        (1, "bill_spend", "rolling", True),
        (2, "partner_points", "calendar", True),
    ]
    assert rows(
        "SELECT tier, needed FROM tier_terms WHERE version = 2 ORDER BY rank"
    ) == [("SILVER", 1_000), ("GOLD", 2_000), ("DIAMOND", 5_000)]


@pytest.mark.parametrize(
    "told",
    [
        {"months": "0"},
        {"months": "twelve"},
        {"measure": "calls"},
        {"needed_GOLD": "1000"},
        {"valid_from": ""},
        {"reason": ""},
    ],
)
def test_a_policy_that_makes_no_sense_is_sent_back(browser, employ, send, rows, told):
    maker = browser(staff_id=employ("chen", "product"))

    answer = send(maker, "/console/tiers/new", to="/console/tiers", **wish_of(**told))

    assert answer.status_code == 422
    assert rows("SELECT count(*) FROM approval") == [(0,)]


def test_a_policy_for_today_is_too_soon(browser, employ, send):
    maker = browser(staff_id=employ("chen", "product"))
    today = now().date().isoformat()

    answer = send(
        maker, "/console/tiers/new", to="/console/tiers", **wish_of(valid_from=today)
    )

    assert answer.status_code == 409


def test_nobody_is_shown_who_is_not_there(browser, employ):
    client = browser(staff_id=employ("sun", "supervisor"))

    assert client.get("/console/members/99/tier").status_code == 404
    assert client.get("/console/members/99/tier.xlsx").status_code == 404


def test_a_clerk_reads_no_history(browser, join, employ):
    client = browser(staff_id=employ("wu", "clerk"))

    assert client.get(f"/console/members/{join()}/tier").status_code == 403


def test_a_history_is_taken_along_as_a_workbook(browser, join, employ, spend):
    wang = join()
    spend(wang, GOLD)
    client = browser(staff_id=employ("shen", "auditor"))
    client.get("/status?lang=en")

    answer = client.get(f"/console/members/{wang}/tier.xlsx")

    with ZipFile(BytesIO(answer.data)) as book:
        words = book.read("xl/sharedStrings.xml").decode()
    assert "First reviewed" in words
    assert "job:review-tiers" in words


def test_staff_read_what_was_decided_and_on_what(browser, join, employ, spend):
    wang = join()
    spend(wang, GOLD)
    client = browser(staff_id=employ("shen", "auditor"))
    client.get("/status?lang=en")

    page = client.get(f"/console/members/{wang}/tier").text

    assert "First reviewed" in page
    assert "By version 1 of the policy of tiers." in page
    assert "job:review-tiers" in page
