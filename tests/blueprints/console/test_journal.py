"""The money journal in the console: read, drilled into, exported; its rules by two."""

from datetime import date, datetime
from html import unescape

import pytest

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.clock import now
from loyalty.journal.deriving import derive, rules_in_force
from loyalty.journal.notation import read, written
from loyalty.journal.operations import keep
from loyalty.journal.queries import month
from loyalty.rules.operations import load_terms, starting_terms
from loyalty.settings import TIME_ZONE

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
LOT = Lot("operator", "operator", "opening", JANUARY, date(2030, 1, 31))
NEW = "/console/posting-rules/new"


@pytest.fixture(autouse=True)
def _points(fresh_database):
    """A thousand points taken over in January, a hundred redeemed in each month."""
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=now())
        book = Book(session)
        book.open([1], opened_on=JANUARY)
        for nth, (kind, transfer, on) in enumerate(
            (
                ("opening", Transfer("issued", "available", ("CUP",), 1_000, LOT), 1),
                (
                    "redemption",
                    Transfer("available", "redeemed.product", ("CUP",), 100),
                    1,
                ),
                (
                    "redemption",
                    Transfer("available", "redeemed.product", ("CUP",), 100),
                    2,
                ),
            )
        ):
            at = datetime(2026, on, 5, 12, tzinfo=TIME_ZONE)
            book.post(
                Entry(
                    member_id=1,
                    reference=f"entry-{nth}",
                    kind=kind,
                    transfers=(transfer,),
                    effective_on=at.date(),
                    occurred_at=at,
                    actor="test",
                )
            )


@pytest.fixture
def finance(browser, employ):
    """Who asks and who decides in finance, each at a screen of their own."""
    return [
        browser(staff_id=employ("lin", "finance_maker")),
        browser(staff_id=employ("luo", "finance_checker")),
    ]


def form(typed, **other):
    """What the form of the next version has filled in, as the starting rules are."""
    posting = starting_terms()["posting"]
    liability = {
        f"liability.{name}": account for name, account in posting["liability"].items()
    }
    return {
        "valid_from": "2026-02",
        "statutory": "D",
        "principals": "",
        "lines": written(posting["rule"]),
        "reason": "审计要求",
        **liability,
        **typed,
        **other,
    }


def test_rules_are_written_as_they_are_read():
    rules = starting_terms()["posting"]["rule"]

    assert read(written(rules)) == [{name: one[name] for name in one} for one in rules]


def test_a_month_is_read_drilled_into_and_exported_once_it_is_kept(
    finance, fresh_database
):
    maker, _ = finance
    shown = unescape(maker.get("/console/journal?period=2026-01&lang=en").text)
    assert "¥8.00" in shown  # what was taken over
    assert "derived from what is known now" in shown
    entries = maker.get("/console/journal/entries?period=2026-01&event=redeemed").text
    assert "1.00" in entries
    path = "/console/journal/sources?period=2026-01&event=redeemed"
    cohort = "&unit=CUP&earned_in=2026-01&funding=operator"
    assert "entry-1" in maker.get(path).text
    assert "entry-1" in maker.get(path + cohort).text
    assert "entry-1" not in maker.get(path + cohort.replace("CUP", "UNI")).text
    bridge = maker.get("/console/journal/bridge?period=2026-01")
    assert bridge.status_code == 200
    export = "/console/journal/export?period=2026-01&view=D&form=csv"
    assert maker.get(export).status_code == 404

    with fresh_database.unit_of_work() as session:
        keep(session, derived=derive(session, period=JANUARY), actor="test", at=now())

    first, again = maker.get(export), maker.get(export)
    assert first.status_code == 200
    assert first.data == again.data
    assert "kept as run 1" in maker.get("/console/journal?period=2026-01&lang=en").text
    for page in ("journal/entries.xlsx", "journal/bridge.xlsx", "posting-rules.xlsx"):
        assert maker.get(f"/console/{page}?period=2026-01").status_code == 200


def test_rules_change_by_two_people_from_an_open_month_on(
    finance, send, fresh_database
):
    maker, checker = finance
    asked = send(
        maker,
        NEW,
        to="/console/posting-rules",
        **form({"principals": "family:product"}),
    )
    assert asked.status_code == 303
    decided = send(checker, asked.location, act="approve")
    assert decided.status_code == 303

    with fresh_database.unit_of_work() as session:
        assert rules_in_force(session, period=JANUARY).version == 1
        assert rules_in_force(session, period=FEBRUARY).version == 2
        accounts = {
            (entry.account, period.month)
            for period in (JANUARY, FEBRUARY)
            for entry in month(session, period=period, view="D")
            if entry.event == "redeemed"
        }
    assert accounts == {("2205", 1), ("6051.01", 1), ("2205", 2), ("6001.02", 2)}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"lines": "D opening: 4104 allocated = 2205 unit_cost"}, "rule 1"),
        ({"lines": "no rule at all"}, "no rule"),
        ({"reason": ""}, "Please say why."),
        ({"valid_from": "soon"}, "2026-03"),
    ],
)
def test_rules_that_make_no_sense_are_named_and_nothing_typed_is_lost(
    finance, send, typed, said
):
    maker, _ = finance
    answer = send(
        maker, f"{NEW}?lang=en", to="/console/posting-rules?lang=en", **form(typed)
    )

    assert answer.status_code == 422
    assert said in unescape(answer.text)
    assert unescape(form(typed)["lines"]) in unescape(answer.text)


def test_an_account_is_called_otherwise_in_exports_by_two_people(
    finance, send, fresh_database
):
    maker, checker = finance
    asked = send(
        maker,
        "/console/posting-rules",
        to="/console/posting-rules/accounts",
        account="2205",
        view="D",
        gl_account="2205010101",
        cost_center="CC-7",
        reason="集团科目",
    )
    assert asked.status_code == 303
    assert send(checker, asked.location, act="approve").status_code == 303
    with fresh_database.unit_of_work() as session:
        keep(session, derived=derive(session, period=JANUARY), actor="test", at=now())

    export = "/console/journal/export?period=2026-01&view=D&form=csv"
    assert "2205,2205010101" in maker.get(export).text
    assert "CC-7" in maker.get(export).text
