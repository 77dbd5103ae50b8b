"""Bills and payments are read from billing over HTTP, each booked once."""

from datetime import date, datetime

import pytest

from ledger.book import Book
from loyalty.feeds.billing_lines import read_billing_lines
from loyalty.jobs.running import run_job
from loyalty.settings import TIME_ZONE
from partners.adapters.operator import Operator, OperatorSettings
from partners.sandbox.operator_server import OperatorSandbox
from tests.journeys.conftest import WANG, begin
from tests.partners.benches import SHARED_SECRET, connection, tell

NOON = datetime(2007, 12, 15, 12, tzinfo=TIME_ZONE)


@pytest.fixture(scope="module")
def running():
    with OperatorSandbox(code="BOSS", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    tell(running.address, "forget")
    return running


@pytest.fixture
def programme(fresh_database, tmp_path):
    """The alliance with Wang, whose books prove at the end."""
    yield begin(fresh_database, tmp_path)
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


@pytest.fixture
def read(sandbox, programme):
    """Read billing, as the job does."""
    boss = Operator(OperatorSettings(**connection(sandbox)))
    return lambda: read_billing_lines(programme.database, boss, source="BOSS", at=NOON)


@pytest.fixture
def write(sandbox):
    def write(*lines):
        tell(sandbox.address, "billing", lines=list(lines))

    return write


def bill(name, fen=100_00, **told):
    return {
        "kind": "bill",
        "id": name,
        "msisdn": WANG,
        "period": "2007-10",
        "billedOn": "2007-10-05",
        "dueOn": "2007-10-25",
        "amountFen": fen,
    } | told


def payment(name, of, fen=100_00, on="2007-10-20"):
    return {
        "kind": "payment",
        "id": name,
        "billId": of,
        "paidOn": on,
        "amountFen": fen,
    }


def test_a_bill_earns_when_it_is_paid_and_a_bounce_takes_back(programme, read, write):
    write(bill("B1"), payment("P1", "B1", 40_00), bill("B2"))
    assert read().booked == 3
    assert programme.member("WANG").points == (0, 300, 0)

    write(payment("P2", "B1", 60_00), payment("P3", "B2"))
    assert read().booked == 2
    assert programme.member("WANG").points == (300, 0, 0)

    write(payment("P4", "B2", -100_00, on="2007-10-22"))
    assert read().booked == 1
    assert programme.member("WANG").points == (150, 150, 0)
    assert read().booked == 0


def test_what_came_in_a_file_before_is_booked_once(programme, read, write):
    programme.load(
        "bills", ("B1", WANG, "2007-10", "2007-10-05", "2007-10-25", "100.00")
    )
    programme.load("payments", ("P1", "B1", "2007-10-20", "100.00"))
    write(bill("B1"), payment("P1", "B1"), bill("B1", 200_00))

    done = read()

    assert (done.booked, done.already_booked, done.rejected) == (0, 2, 1)
    assert programme.member("WANG").points == (150, 0, 0)


def test_what_cannot_be_booked_is_kept_with_the_reason(programme, read, write):
    write(
        bill("B1", msisdn="13999999999"),
        bill("B,2"),
        bill("B3", dueOn="soon"),
        payment("P1", "NOTHING"),
        bill("B4"),
    )

    done = read()

    assert (done.booked, done.rejected) == (1, 4)
    kept = programme.rows(
        "SELECT partner_ref, reason FROM card_line_reject ORDER BY partner_ref"
    )
    assert [ref for ref, _ in kept] == ["B,2", "B1", "B3", "P1"]
    assert dict(kept)["B1"] == "unknown_msisdn"
    assert dict(kept)["P1"] == "unknown_bill"
    assert dict(kept)["B3"] == "unreadable: dueOn is no day"


@pytest.mark.parametrize(
    "faults", [{"lose_answers": 1}, {"errors": 1}, {"wrong_signatures": 1}]
)
def test_an_answer_that_does_not_come_loses_nothing(
    programme, read, write, sandbox, faults
):
    write(*(bill(f"B{nth}", 10_00) for nth in range(1_100)))
    read_once = read()
    assert read_once.booked == 1_100
    write(bill("C1"))
    tell(sandbox.address, "faults", **faults)

    silent, done = read(), read()

    assert done.is_whole
    assert silent.booked + done.booked == 1
    assert programme.member("WANG").points == (0, 1_100 * 15 + 150, 0)


def test_the_job_reads_whatever_billing_has(
    programme, sandbox, write, monkeypatch, tmp_path
):
    write(bill("B1"), payment("P1", "B1"))
    partners = tmp_path / "partners.toml"
    partners.write_text(
        f'[BOSS]\nadapter = "operator"\naddress = "{sandbox.address}"\n'
        f'secret = "{SHARED_SECRET}"\nallow_loopback = true\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("JIFEN_PARTNERS", str(partners))
    monkeypatch.setenv("JIFEN_DATA_DIR", str(tmp_path))

    said = run_job(programme.database, "read-bills", date(2007, 12, 15))

    assert said == (
        "2 bills and payments booked, 0 rejected, 0 of 1 billing systems did not answer"
    )
    assert programme.member("WANG").points == (150, 0, 0)
