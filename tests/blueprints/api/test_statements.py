"""What partners read of their statements over the API, and how they agree to them."""

import csv
import io
from datetime import timedelta

import pytest

from loyalty.clock import now
from loyalty.events.operations import add_endpoint
from loyalty.settlement import charging, drawing, reading
from loyalty.settlement.models import Dispute
from tests.loyalty.exchange.alliance import Alliance
from tests.loyalty.settlement.desk import desk_of

LAST_MONTH = (now().date().replace(day=1) - timedelta(days=1)).replace(day=1)
MONTH = f"/statements/{LAST_MONTH:%Y-%m}"
PLACE = f"{MONTH}/1"


def adjust(desk, about, fen):
    at = now()
    asked = charging.ask_adjustment(
        desk.session,
        partner="CEB",
        about=about,
        fen=fen,
        on=LAST_MONTH,
        **desk.asks(at=at),
    )
    charging.apply_adjustment(desk.session, approval=desk.agreed(asked, at=at), at=at)


@pytest.fixture
def at_desk(fresh_database):
    """Do something at the settlement desk, in a transaction of its own."""
    with fresh_database.unit_of_work() as session:
        alliance = Alliance(session)
        alliance.maker, alliance.checker = (alliance.staff(n) for n in ("mei", "lan"))

    def do(what):
        with fresh_database.unit_of_work() as session:
            alliance.session = session
            return what(desk_of(alliance))

    return do


@pytest.fixture
def draft(at_desk, keyring):
    """A draft of the bank's last month, and what issues it."""

    def draw(desk):
        add_endpoint(
            desk.session,
            partner="CEB",
            url="https://bank.example/events",
            types=("statement.issued",),
            keyring=keyring,
            at=now(),
        )
        for about, fen in (("A-1", 7_00), ("A-2", -2_50), ("A-3", 1)):
            adjust(desk, about, fen)
        return drawing.draw_up(
            desk.session, partner="CEB", day=LAST_MONTH, actor="staff:1", at=now()
        ).statement_id

    def issue(desk):
        found = reading.statement(desk.session, statement_id=statement_id)
        desk.issue(found, at=now())

    statement_id = at_desk(draw)
    return lambda: at_desk(issue)


def test_a_statement_is_a_partners_own_once_it_is_issued(bank, enroll, draft, rows):
    assert bank.get("/statements").json() == {"data": [], "next_cursor": None}
    assert bank.get(PLACE).status_code == 404
    draft()

    (told,) = bank.get("/statements").json()["data"]

    assert (told["nth"], told["status"], told["lines"]) == (1, "issued", 3)
    assert told["due"] == {"amount": "4.51", "currency": "CNY"}
    whole = bank.get(PLACE).json()
    assert {name: whole[name] for name in told} == told
    assert [(one["kind"], one["amount"]["amount"]) for one in whole["sums"]] == [
        ("adjustment", "4.51")
    ]
    stranger = enroll("MU")
    assert stranger.get("/statements").json()["data"] == []
    for path in (PLACE, f"{PLACE}/lines", f"{PLACE}/lines.csv", f"{PLACE}/paper.pdf"):
        assert stranger.get(path).status_code == 404
        assert bank.get(path).status_code == 200
    for path in (f"{MONTH}/2", f"{MONTH}/x", f"{MONTH}/99999"):
        assert bank.get(path).status_code == 404
    assert bank.get("/statements/2007-13/1").status_code == 400
    ((event,),) = rows("SELECT data FROM event WHERE type = 'statement.issued'")
    assert event["period"] == told["period"]
    assert event["due"] == told["due"]
    assert event["disputable_until"] == told["disputable_until"]


def test_its_lines_are_read_in_pages_and_as_files(bank, draft):
    draft()
    first = bank.get(f"{PLACE}/lines", limit=2).json()
    rest = bank.get(f"{PLACE}/lines", limit=2, cursor=first["next_cursor"]).json()

    lines = first["data"] + rest["data"]

    assert [one["line"] for one in lines] == [1, 2, 3]
    assert [one["amount"]["amount"] for one in lines] == ["7.00", "-2.50", "0.01"]
    assert rest["next_cursor"] is None
    told = bank.get(f"{PLACE}/lines.csv")
    assert told.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(told.text)))
    assert [row["amount"] for row in rows] == ["7.00", "-2.50", "0.01"]
    assert [row["about"] for row in rows] == ["A-1", "A-2", "A-3"]
    paper = bank.get(f"{PLACE}/paper.pdf")
    assert paper.headers["Content-Type"] == "application/pdf"
    assert paper.content.startswith(b"%PDF")


def test_what_a_partner_disputes_must_be_answered_before_it_agrees(
    bank, draft, at_desk
):
    draft()
    body = {
        "break_code": "RATE_DIFF",
        "reason": "at another rate",
        "amount": {"amount": "2.00", "currency": "CNY"},
    }
    wrong = body | {"amount": {"amount": "-2.00", "currency": "CNY"}}
    assert bank.post(f"{MONTH}/disputes", wrong).status_code == 400
    raised = bank.post(f"{MONTH}/disputes", body).json()
    assert raised["claimed"] == {"amount": "2.00", "currency": "CNY"}
    assert bank.get(PLACE).json()["status"] == "in_dispute_window"
    early = bank.post(f"{PLACE}/agreement")
    assert (early.status_code, early.json()["code"]) == (409, "disputes_open")

    at_desk(lambda desk: desk.accept(reading_of(desk, raised["id"]), 1_50, at=now()))

    agreed = bank.post(f"{PLACE}/agreement", key="yes")
    again = bank.post(f"{PLACE}/agreement", key="yes")
    assert agreed.json()["status"] == again.json()["status"] == "agreed"
    assert bank.get(f"/disputes/{raised['id']}").json()["granted"] == {
        "amount": "1.50",
        "currency": "CNY",
    }
    late = bank.post(f"{MONTH}/disputes", body)
    assert (late.status_code, late.json()["code"]) == (409, "statement_moved_on")


def reading_of(desk, dispute_id):
    return desk.session.get_one(Dispute, dispute_id)
