from datetime import UTC, date, datetime

import pytest

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.app import create_app
from loyalty.database import Database
from loyalty.errors import Conflict, Missing, Refused, Unavailable
from loyalty.settings import Settings


@pytest.fixture
def client(database):
    return create_app(database).test_client()


@pytest.fixture
def silent():
    """The application on a database that does not answer."""
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    with Database.open(settings) as database:
        yield create_app(database).test_client()


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", "", "zh"),
        ("", "en-US,en;q=0.9", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.1", "zh"),
        ("", "fr", "zh"),
        ("?lang=en", "zh-CN", "en"),
        ("?lang=zh", "en", "zh"),
        ("?lang=klingon", "en", "en"),
    ],
)
def test_the_page_speaks_the_language_that_was_asked(client, query, accepted, language):
    answer = client.get(f"/status{query}", headers={"Accept-Language": accepted})

    assert answer.status_code == 200
    assert answer.content_language.to_header() == language
    assert ("数据库" in answer.text) == (language == "zh")
    assert ("Database" in answer.text) == (language == "en")


def test_every_answer_is_protected(client):
    for path in ("/", "/status", "/healthz", "/nowhere", "/static/jifen.css"):
        with client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_carry_nothing_inline(client):
    page = client.get("/status").text

    assert "<style" not in page
    assert "style=" not in page
    assert "<script>" not in page


def test_health_follows_the_database(client, silent):
    assert client.get("/healthz").status_code == 200

    answer = silent.get("/healthz")

    assert answer.status_code == 503
    assert answer.content_type == "application/problem+json"
    assert answer.get_json(force=True)["type"] == "/problems/database_silent"


def test_a_person_meets_a_silent_database_with_a_humane_page(silent):
    answer = silent.get(
        "/status", headers={"Accept": "text/html", "Accept-Language": "en"}
    )

    assert answer.status_code == 503
    assert answer.content_type.startswith("text/html")
    assert "Your points have not changed" in answer.text


def test_a_machine_is_answered_with_problem_details(client):
    answer = client.post("/api/v1/nowhere")

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    problem = answer.get_json(force=True)
    assert problem.pop("request_id") == answer.headers["X-Request-Id"]
    assert problem == {
        "type": "/problems/not_found",
        "title": "Not Found.",
        "status": 404,
        "code": "not_found",
        "instance": "/api/v1/nowhere",
    }


def test_a_method_that_is_not_allowed_says_which_are(client):
    answer = client.post("/healthz")

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("family", "status"),
    [(Missing, 404), (Refused, 422), (Conflict, 409), (Unavailable, 503)],
)
def test_each_family_of_errors_has_its_status(database, family, status):
    app = create_app(database)

    @app.get("/api/failing")
    def failing() -> str:
        raise family(needed=2)

    answer = app.test_client().get("/api/failing")

    assert answer.status_code == status
    assert answer.get_json(force=True)["needed"] == 2


def test_a_bug_is_told_to_the_log_and_not_to_the_world(database, caplog):
    app = create_app(database)

    @app.get("/api/broken")
    def broken() -> str:
        raise ZeroDivisionError("a secret detail")

    answer = app.test_client().get("/api/broken")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "a secret detail" in caplog.text


def test_the_page_says_how_much_is_kept(fresh_database):
    with fresh_database.unit_of_work() as session:
        book = Book(session)
        book.open([1, 2], opened_on=date(2026, 1, 1))
        lot = Lot("CEB", "CEB", "standard", date(2026, 1, 1), None)
        book.post(
            Entry(
                member_id=1,
                reference="taken over",
                kind="opening",
                transfers=(Transfer("issued", "available", ("UNI",), 9_999_999, lot),),
                effective_on=date(2026, 1, 1),
                occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
                actor="test",
            )
        )

    client = create_app(fresh_database).test_client()

    assert "9,999,999 points" in client.get("/status?lang=en").text
    assert "9,999,999 积分" in client.get("/status?lang=zh").text
    assert "<dd>2</dd>" in client.get("/status").text


def test_the_page_of_an_unprepared_database_has_no_figures(empty_database):
    page = create_app(empty_database).test_client().get("/status?lang=en")

    assert page.status_code == 200
    assert "None yet" in page.text
    assert "Members" not in page.text
