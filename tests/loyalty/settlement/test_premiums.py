"""An insurer's bill beside our policies: what is owed, and each way to differ."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text

from ledger.book import Book
from loyalty.breaks.queries import breaks
from loyalty.connections import Connections
from loyalty.database import retrying
from loyalty.jobs.running import run_job
from loyalty.orders.delivery import advance
from loyalty.orders.operations import cancel
from loyalty.settlement.premiums import compare, compare_bill
from partners.adapters.insurer import Insurer, InsurerSettings
from partners.ports import Outcome, PremiumBill
from partners.sandbox.insurer_server import InsurerSandbox
from partners.sandbox.messenger import ConsoleMessenger
from partners.sandbox.twins import BillingTwin
from tests.loyalty.orders.shop import INSURED, KEYRING, NOON, Shop
from tests.partners.benches import SHARED_SECRET, connection, tell

OCTOBER, NOVEMBER = date(2007, 10, 1), date(2007, 11, 1)


@pytest.fixture(scope="module")
def sandbox():
    with InsurerSandbox(code="PINGAN", secret=SHARED_SECRET) as insurer:
        yield insurer


class Cover:
    """Policies that orders brought, at the insurer and with us."""

    def __init__(self, database, sandbox):
        self.database, self.sandbox = database, sandbox
        self.insurer = Insurer(InsurerSettings(**connection(sandbox)))
        self.connections = Connections(
            messenger=ConsoleMessenger(),
            insurer=self.insurer,
            billing=BillingTwin(),
            payments=None,
        )
        tell(sandbox.address, "forget")
        with database.unit_of_work() as session:
            shop = Shop(session)
            shop.open()
            session.execute(
                text("INSERT INTO partner VALUES ('PINGAN', 'insurer', '平安保险')")
            )
        self.people = 0

    def buy(self, item_code, *, at=NOON):
        """Order a cover for somebody new, and let it come about."""
        with self.database.unit_of_work() as session:
            shop = Shop(session, next_member=self.people)
            member = shop.member(4_500)
            placed = shop.place(member, item_code, recipient=INSURED, at=at)
        self.people += 1
        key = {"member_id": member, "order_ref": placed.order.order_ref}
        assert self.go_on(key, at=at).state == "fulfilled"
        return key

    def go_on(self, key, *, at=NOON):
        return advance(self.database, self.connections, KEYRING, at=at, **key)

    def step_back(self, key):
        """Cancel a cover inside its free look."""
        at = NOON + timedelta(minutes=1)
        retrying(
            self.database,
            lambda session: cancel(
                session, actor="member", reason="unwanted", at=at, **key
            ),
        )
        assert self.go_on(key, at=at).policy.canceled_on == NOON.date()

    def bill(self, period=OCTOBER):
        found = self.insurer.bill(f"{period:%Y-%m}")
        assert found.outcome is Outcome.CONFIRMED
        return found

    def compare(self, bill, period=OCTOBER):
        """Compare a bill; return what differs: what, how, ours and theirs."""
        with self.database.unit_of_work() as session:
            compare(session, partner="PINGAN", period=period, bill=bill, at=NOON)
        return self.breaks()

    def breaks(self, *, is_open=True):
        with self.database.unit_of_work() as session:
            found = breaks(session, is_open=is_open, subject="insurer_bill", limit=99)
            return [
                (one.reference.split()[1], one.code, one.ours_fen, one.theirs_fen)
                for one in found
            ]


@pytest.fixture
def cover(fresh_database, sandbox):
    yield Cover(fresh_database, sandbox)
    with fresh_database.unit_of_work() as session:
        assert Book(session).prove() == []


def without(bill, *events):
    return of(bill, [line for line in bill.lines if line.event not in events])


def of(bill, lines):
    total = sum(line.amount_fen for line in lines)
    return replace(bill, lines=tuple(lines), total_fen=total)


def test_ten_and_five_less_one_come_to_380_yuan(cover, fresh_database):
    """domain.md 3.5: 10 A and 5 B issued, 1 A canceled in its free look."""
    first, *_ = [cover.buy("INS-A") for _ in range(10)]
    for _ in range(5):
        cover.buy("INS-B")
    cover.step_back(first)

    found = compare_bill(
        fresh_database, cover.insurer, partner="PINGAN", period=OCTOBER, at=NOON
    )

    assert found is not None
    assert found.ours == found.theirs == {"lines": 16, "fen": 380_00}
    assert found.differences == 0
    assert cover.breaks() == []


def test_each_way_to_differ_has_its_name(cover):
    key = cover.buy("INS-A")
    bill = cover.bill()
    (issued,) = bill.lines
    dear = replace(issued, amount_fen=21_00)
    strange = replace(issued, policy_no="PA9", amount_fen=40_00)

    assert cover.compare(of(bill, [dear])) == [("issued", "AMOUNT_DIFF", 20_00, 21_00)]
    assert cover.compare(of(bill, [])) == [("issued", "MISSING_THEIRS", 20_00, None)]
    assert cover.compare(of(bill, [issued, strange])) == [
        ("issued", "MISSING_OURS", None, 40_00)
    ]
    assert cover.compare(of(bill, [issued, issued])) == [
        ("issued", "DUPLICATE", None, 20_00)
    ]
    back = replace(issued, event="canceled", amount_fen=-20_00)
    assert cover.compare(of(bill, [issued, back])) == [
        ("canceled", "REVERSED_ONE_SIDE", None, -20_00)
    ]
    cover.step_back(key)
    assert cover.compare(of(bill, [issued])) == [
        ("canceled", "REVERSED_ONE_SIDE", -20_00, None)
    ]
    assert cover.compare(cover.bill()) == []
    assert len(cover.breaks(is_open=False)) == 5  # one turned its sides


def test_what_is_billed_a_month_late_is_said_in_both_months(cover):
    cover.buy("INS-A")
    bill = cover.bill()
    none = PremiumBill(Outcome.CONFIRMED, "2007-10", (), 0)

    assert cover.compare(none) == [("issued", "MISSING_THEIRS", 20_00, None)]
    (line,) = bill.lines
    late = replace(
        bill,
        period="2007-11",
        lines=(replace(line, happened_on=date(2007, 11, 2)),),
    )
    assert ("issued", "LATE", None, 20_00) in cover.compare(late, NOVEMBER)


def test_a_difference_that_is_found_again_is_one(cover):
    cover.buy("INS-A")
    bill = of(cover.bill(), [])

    assert cover.compare(bill) == cover.compare(bill)
    assert cover.breaks(is_open=False) == []


def test_a_bill_that_is_not_drawn_up_is_compared_with_nothing(
    cover, sandbox, fresh_database
):
    cover.buy("INS-A")
    tell(sandbox.address, "bills", periods=[])

    found = compare_bill(
        fresh_database, cover.insurer, partner="PINGAN", period=OCTOBER, at=NOON
    )

    assert found is None
    assert cover.breaks() == []


def test_the_job_compares_the_month_before(
    cover, sandbox, fresh_database, monkeypatch, tmp_path
):
    cover.buy("INS-B")
    partners = tmp_path / "partners.toml"
    partners.write_text(
        f'[PINGAN]\nadapter = "insurer"\naddress = "{sandbox.address}"\n'
        f'secret = "{SHARED_SECRET}"\nallow_loopback = true\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("JIFEN_PARTNERS", str(partners))
    monkeypatch.setenv("JIFEN_DATA_DIR", str(tmp_path))

    said = run_job(fresh_database, "compare-insurer-bills", date(2007, 11, 3))
    early = run_job(fresh_database, "compare-insurer-bills", date(2007, 12, 3))

    assert said == "0 differences in bills of 2007-10, 0 of 1 insurers sent none"
    assert early == "0 differences in bills of 2007-11, 0 of 1 insurers sent none"
