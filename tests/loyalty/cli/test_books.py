"""What the command line shows and writes of the books."""

import json
import subprocess
from datetime import UTC, date, datetime
from uuid import uuid4

import click
import pytest
from beancount import loader
from sqlalchemy import text

from ledger.book import Book
from ledger.values import Entry, Lot, Transfer
from loyalty.cli.months import month
from loyalty.cli.reports import yuan
from loyalty.rules.operations import load_terms, starting_terms
from tests.programs import program

EARNED = date(2026, 3, 1)
LOT = Lot("CEB", "CEB", "standard", EARNED, date(2029, 3, 31))


@pytest.fixture
def played(fresh_database, cli):
    """One member with one line: 12,000 earned in March, 2,500 spent, 100 pending."""
    with fresh_database.unit_of_work() as session:
        load_terms(session, terms=starting_terms(), at=datetime.now(UTC))
        member_id = session.scalar(
            text(
                "INSERT INTO member (member_ref, joined_on)"
                " VALUES ('M-1', '2026-01-01') RETURNING member_id"
            )
        )
        session.execute(
            text(
                "INSERT INTO claim (space, key, member_id, content)"
                " VALUES ('member', 'M-1', :member, gen_random_uuid())"
            ),
            {"member": member_id},
        )
        session.execute(
            text(
                "INSERT INTO subscription (member_id, msisdn, activated_on, network,"
                " brand, pay_type, city, state_at, content) VALUES (:member,"
                " '13000000001', '2026-01-01', 'GSM', 'worldwind', 'postpaid', '广州',"
                " '2026-01-01', gen_random_uuid())"
            ),
            {"member": member_id},
        )
        book = Book(session)
        book.open([member_id], opened_on=date(2026, 1, 1))
        for kind, transfer in (
            ("activity_accrual", ("issued.partner:CEB", "available", 12_000)),
            ("redemption", ("available", "redeemed.product", 2_500)),
            ("bill_accrual", ("issued", "pending", 100)),
        ):
            debit, credit, amount = transfer
            book.post(
                Entry(
                    member_id=member_id,
                    reference=kind,
                    kind=kind,
                    transfers=(Transfer(debit, credit, ("UNI",), amount, LOT),)
                    if credit == "available"
                    else (Transfer(debit, credit, ("UNI",), amount),),
                    effective_on=date(2026, 3, 10),
                    occurred_at=datetime(2026, 3, 10, tzinfo=UTC),
                    actor="test",
                )
            )
        session.execute(
            text(
                "INSERT INTO redemption (member_id, redemption_ref, item_code,"
                " quantity, channel, occurred_at, points, settlement_fen, partner,"
                " cost_treatment, entry_id, effective_on)"
                " VALUES (:member, 'R', 'INS-A', 1, 'hall', now(), 2500, 123456,"
                " 'PINGAN', 'agent', :entry, '2026-03-10')"
            ),
            {"member": member_id, "entry": uuid4()},
        )
    return cli


def assert_one_line(result, exit_code=1):
    assert result.exit_code == exit_code
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("jifen: ")


def test_a_month_is_reported_for_people_and_for_machines(played):
    page = played("report", "month", "--period", "2026-03")
    report = json.loads(
        played("report", "month", "--period", "2026-03", "--json").stdout
    )

    assert report["units"]["UNI"]["closing"] == 9_500
    assert report["units"]["CUP"]["closing"] == 0
    assert report["payable"] == {"PINGAN": 123_456}
    assert report["cost"] == {
        "available": 12_000,
        "redeemed": 2_500,
        "utilisation_percent": 20.8,
        "idle": 9_500,
    }
    assert report["proved"] is True
    assert page.exit_code == 0
    for figure in ("12,000", "9,500", "1,234.56", "120.00", "20.8 %", "proved"):
        assert figure in page.stdout
    lines = page.stdout.splitlines()
    assert len({len(line) for line in lines if "redeemed: " in line}) == 1


@pytest.mark.parametrize(
    "period",
    ["2026-13", "2026-3", "202603", "never", "0001-01", "9999-12", "２０２６-03"],
)
def test_what_is_no_month_is_refused(period):
    with pytest.raises(click.BadParameter):
        month(period)


@pytest.mark.parametrize("command", [("report", "month", "--period"), ("close-month",)])
def test_what_is_no_month_is_wrong_usage(run_jifen, command):
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    result = run_jifen(*command, "2026-13", JIFEN_DATABASE_URL=nowhere)

    assert result.exit_code == 2
    assert "is not a month" in result.stderr


def test_closing_a_month_runs_what_is_due_and_closes(played, fresh_database):
    closed = played("close-month", "2026-03")

    assert closed.exit_code == 0, closed.stderr
    assert "expire-points 2026-03-31" in closed.stdout
    assert "cancel-unpaid 2026-03-31" in closed.stdout
    assert "2026-03: closed" in closed.stdout
    assert "closing 9,500 points" in closed.stdout.splitlines()[-1]
    with fresh_database.unit_of_work() as session:
        assert Book(session).closed_through() == date(2026, 3, 31)

    again = played("close-month", "2026-02")

    assert again.exit_code == 0
    assert "2026-02: was closed already" in again.stdout


def test_a_check_says_what_blocks_and_closes_nothing(played, fresh_database):
    fine = played("close-month", "2026-03", "--check")
    with fresh_database.owner_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO feed_file (feed, sender, sequence, sha256, records, total)"
                " VALUES ('bills', 'operator', 90, 'x', 1, 1)"
            )
        )

    blocked = played("close-month", "2026-03", "--check", "--json")
    refused = played("close-month", "2026-03")

    assert (fine.exit_code, blocked.exit_code) == (0, 1), fine.stderr
    assert "The points prove" in fine.stdout
    told = json.loads(blocked.stdout)
    assert (told["closed"], told["blocking"]) == (False, ["files_unfinished"])
    assert refused.exit_code == 1
    assert "2026-03, because: 1 files unfinished" in refused.stderr
    with fresh_database.unit_of_work() as session:
        assert Book(session).closed_through() is None


def test_a_month_far_ahead_is_not_closed(played, fresh_database):
    assert_one_line(played("close-month", "2062-03"))

    with fresh_database.unit_of_work() as session:
        assert Book(session).closed_through() is None


def test_unsound_books_are_found_and_not_closed(played, fresh_database):
    assert played("ledger", "prove").exit_code == 0
    assert json.loads(played("ledger", "prove", "--json").stdout) == {
        "proved": True,
        "findings": [],
    }
    with fresh_database.owner_engine.begin() as connection:
        connection.execute(text("UPDATE ledger.balance SET pending = 7"))

    proof = played("ledger", "prove")
    found = played("ledger", "prove", "--json")
    closing = played("close-month", "2026-03")

    assert proof.exit_code == 1
    assert "balance_differs" in proof.stdout
    assert found.exit_code == 1
    assert {finding["unit"] for finding in json.loads(found.stdout)["findings"]} == {
        "CUP",
        "UNI",
    }
    assert closing.exit_code == 1
    assert "the month stays open" in closing.stderr


def test_a_member_is_shown_for_people_and_for_machines(played):
    shown = json.loads(played("member", "show", "M-1", "--json").stdout)
    page = played("member", "show", "M-1").stdout

    assert list(shown) == [
        *("member_ref", "left_on", "gate", "subscriptions", "balances", "lots")
    ]
    assert shown["gate"] == "open"
    assert shown["left_on"] is None
    assert [line["msisdn"] for line in shown["subscriptions"]] == ["13000000001"]
    assert shown["balances"] == {
        "CUP": {"available": 0, "pending": 0, "held": 0, "owed": 0},
        "UNI": {"available": 9_500, "pending": 100, "held": 0, "owed": 0},
    }
    assert shown["lots"] == [
        {
            "unit": "UNI",
            "issuer": "CEB",
            "funding": "CEB",
            "cost_class": "standard",
            "earned_in": "2026-03",
            "expires_on": "2029-03-31",
            "units_issued": 12_000,
            "units_left": 9_500,
        }
    ]
    assert "9,500" in page
    assert "13000000001" in page


def test_an_unknown_member_is_one_line(played):
    assert_one_line(played("member", "show", "M-2", "--json"))


@pytest.mark.parametrize("detail", ["entry", "day"])
def test_beancount_accepts_the_export(played, detail):
    exported = played("ledger", "export", "--format", "beancount", "--detail", detail)

    assert exported.exit_code == 0, exported.stderr
    entries, errors, _ = loader.load_string(exported.stdout)
    assert entries
    assert errors == []


@pytest.mark.parametrize("detail", ["entry", "day"])
def test_hledger_accepts_the_export(played, detail, tmp_path):
    path = tmp_path / "books.journal"

    exported = played(
        *("ledger", "export", "--format", "hledger", "--detail", detail),
        *("--from", "2026-03-01", "--to", "2026-03-31", "--output", path),
    )

    assert exported.exit_code == 0, exported.stderr
    assert exported.stdout == ""
    checked = subprocess.run(
        [program("hledger"), "-f", path, "check", "--strict"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_an_export_that_cannot_be_written_leaves_nothing(played, tmp_path):
    assert_one_line(
        played(
            *("ledger", "export", "--format", "hledger"),
            *("--output", tmp_path / "nowhere" / "books.journal"),
        )
    )
    backwards = played(
        *("ledger", "export", "--format", "hledger"),
        *("--from", "2026-03-02", "--to", "2026-03-01"),
    )
    assert backwards.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fen", "shown"),
    [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (123_456_789, "1,234,567.89")],
)
def test_fen_are_shown_as_yuan(fen, shown):
    assert yuan(fen) == shown
