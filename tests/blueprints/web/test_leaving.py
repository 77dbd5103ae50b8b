"""The page that says what leaving would do, and did; and how who left comes to it."""

import csv
from datetime import timedelta
from io import StringIO

import pytest

from ledger.book import Book
from loyalty.clock import now
from loyalty.rules.leaving import load_churn_terms
from loyalty.rules.operations import starting_terms
from tests.journeys.conftest import WANG, begin, line_of

SECOND = "13300000002"


@pytest.fixture
def programme(fresh_database, tmp_path):
    """Wang has 150 CUP, 20 UNI and a card."""
    programme = begin(fresh_database, tmp_path)
    until = now().date() + timedelta(days=400)
    programme.load(
        "opening",
        ("WANG", "CUP", 150, "operator", "2026-10", until),
        ("WANG", "UNI", 20, "CEB", "2026-10", ""),
    )
    assert programme.rejects == []
    yield programme
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def happen(programme):
    """Let something happen to Wang's line so many days ago."""

    def happen(ref, event, days_ago, reason="", msisdn=WANG):
        day = now().date() - timedelta(days=days_ago)
        answer = programme.event(ref, msisdn, event, day.isoformat(), reason)
        assert answer.booked == 1, programme.rejects
        return day

    return happen


@pytest.fixture
def come_in(browser, send, telephone):
    """Sign in by a number, in a language; gives the browser."""

    def come_in(msisdn=WANG, language="en"):
        client = browser()
        client.get(f"/?lang={language}")
        send(client, "/sign-in", msisdn=msisdn)
        answer = send(client, "/sign-in/code", code=telephone.code())
        assert answer.status_code == 303
        return client

    return come_in


def table_of(client):
    answer = client.get("/leaving.csv")
    assert answer.mimetype == "text/csv"
    return list(csv.reader(StringIO(answer.text.lstrip("\ufeff"))))


def test_who_has_left_signs_in_and_sees_what_is_void_and_why(happen, come_in):
    left_on = happen("E-1", "ported_out", 3, "voluntary")
    client = come_in()

    home, page = client.get("/").text, client.get("/leaving").text

    assert 'href="/leaving"' in home
    for said in ("170", "Ported out", "version 1", "Come back by"):
        assert said in page
    assert (left_on + timedelta(days=90)).isoformat() in page
    assert "The co-brand card" in page
    assert "Tier" not in page  # she had none


def test_in_days_of_grace_nobody_is_told_that_points_are_void(
    programme, happen, come_in
):
    terms = starting_terms()["churn"]
    policy = terms["policy"][0] | {"grace_days": 30}
    with programme.database.unit_of_work() as session:
        load_churn_terms(
            session,
            terms=terms | {"version": 2, "policy": [policy]},
            starts_on=now().date() - timedelta(days=9),
            at=now(),
        )
    left_on = happen("E-1", "ported_out", 3)

    home = come_in().get("/").text

    voids = left_on + timedelta(days=30)
    assert f"Your points stay until {voids.day} {voids:%b}" in home
    assert "were voided" not in home


@pytest.mark.parametrize(
    ("language", "head", "why"),
    [("zh", "项目", "主动销号"), ("en", "What", "Closed by choice")],
)
def test_what_was_voided_is_downloaded(happen, come_in, language, head, why):
    left_on = happen("E-1", "closed", 3, "voluntary")

    titles, *rows = table_of(come_in(language=language))

    assert titles[0] == head
    assert [row[2] for row in rows[:2]] == ["150", "20"]
    until = (left_on + timedelta(days=90)).isoformat()
    assert {tuple(row[7:]) for row in rows[:2]} == {
        (why, left_on.isoformat(), "1", until)
    }
    assert len(rows) > 2
    assert all(len(row) == len(titles) for row in rows)


def test_before_leaving_it_says_what_would_be_lost(programme, happen, come_in):
    programme.load("subscribers", line_of("WANG", SECOND))
    happen("E-1", "pre_cancelled", 2, "voluntary")
    client = come_in()

    home, page = client.get("/").text, client.get("/leaving").text

    assert 'href="/leaving"' in home
    assert "you asked for your line to be closed" in page
    assert "You have 2 lines" in page
    assert "170" in page
    assert "within 90 days" in page
    assert len(table_of(client)) == 1
    assert programme.member("WANG").points == (150, 0, 0)


def test_who_has_a_line_and_stays_is_told_the_rule(happen, come_in):
    happen("E-1", "suspended", 2, "lost")
    client = come_in()

    assert 'href="/leaving"' not in client.get("/").text
    page = client.get("/leaving").text

    assert "This is your last line" in page
    assert "What stays yours" in page


def test_who_came_back_sees_that_it_was_given_back(happen, come_in):
    happen("E-1", "closed", 9, "voluntary")
    happen("E-2", "reconnected", 4)
    client = come_in()

    page = client.get("/leaving").text

    assert "You are back" in page
    assert "If you leave" in page
    assert [row[1] for row in table_of(client)[1:3]] == ["Given back"] * 2


def test_the_time_to_return_passes(happen, come_in):
    happen("E-1", "ported_out", 120, "voluntary")

    page = come_in().get("/leaving").text

    assert "The time to return has passed" in page


def test_a_number_that_somebody_else_has_leads_to_them_alone(
    programme, happen, come_in
):
    happen("E-1", "closed", 9, "voluntary")
    today = now().date().isoformat()
    programme.load("subscribers", line_of("NEW", WANG, since=today))
    assert programme.rejects == []

    page = come_in().get("/leaving").text

    assert "You left on" not in page
    assert "This is your last line" in page


def test_nobody_else_sees_it(browser):
    for path in ("/leaving", "/leaving.csv"):
        assert browser().get(path).status_code == 303
