"""The adapter of the billing system keeps the contract, over HTTP."""

import time
from datetime import date, datetime
from itertools import count

import pytest

from partners.adapters.operator import Operator, OperatorSettings
from partners.ports import BilledLine, Incoming, Outcome, PaidLine, PrepaidOrder
from partners.sandbox.operator_server import OperatorSandbox
from partners.testing import (
    BillingContract,
    EventBench,
    EventContract,
    NoticeBench,
    NoticeContract,
    OrderContract,
    PagesBench,
)
from tests.partners.benches import SHARED_SECRET, bench_of, connection, hearing, tell

LINE, AN_HOUR = "13300000001", 3600
_numbers = count(1)


@pytest.fixture(scope="module")
def running():
    with OperatorSandbox(code="BOSS", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    tell(running.address, "forget")
    tell(running.address, "webhook", url=None)
    return running


@pytest.fixture
def make(sandbox):
    def make(address: str = sandbox.address) -> Operator:
        return Operator(OperatorSettings(**connection(sandbox) | {"address": address}))

    return make


@pytest.fixture
def operator(make):
    return make()


@pytest.fixture
def bench(sandbox, make):
    return bench_of(
        sandbox,
        make,
        ask=lambda operator, name: operator.credit_prepaid(credit(name)),
        ask_other=lambda operator, name: operator.credit_prepaid(credit(name, 1)),
    )


def credit(reference: str | None = None, fen: int = 100_00) -> PrepaidOrder:
    return PrepaidOrder(reference or f"credit-{next(_numbers)}", LINE, fen)


def balance(sandbox) -> int:
    found: int = tell(sandbox.address, "state")["lines"][LINE]["balance_fen"]
    return found


class TestCredits(OrderContract):
    @pytest.fixture
    def bench(self, bench):
        return bench


class TestNotices(NoticeContract):
    @pytest.fixture
    def notices(self, sandbox, operator, bench):
        settings = OperatorSettings(**connection(sandbox))
        with hearing() as ear:
            tell(sandbox.address, "webhook", url=ear.url)
            yield NoticeBench(
                order=bench,
                notifier=operator,
                heard=ear.wait_for,
                at_another_time=lambda: Operator(
                    settings, clock=lambda: time.time() + AN_HOUR
                ),
            )
            tell(sandbox.address, "webhook", url=None)


class TestEvents(EventContract):
    @pytest.fixture
    def telling(self, sandbox, operator):
        settings = OperatorSettings(**connection(sandbox))

        with hearing() as ear:

            def push(told: object) -> Incoming:
                tell(sandbox.address, "events", url=ear.url, events=told)
                return ear.wait_for(1)[-1]

            yield EventBench(
                network=operator,
                push=push,
                at_another_time=lambda: Operator(
                    settings, clock=lambda: time.time() + AN_HOUR
                ),
            )


def test_a_credit_is_taken_back_once(sandbox, operator):
    order = credit()
    operator.credit_prepaid(order)
    assert balance(sandbox) == 100_00

    receipts = [operator.take_back(order) for _ in range(2)]

    assert {receipt.outcome for receipt in receipts} == {Outcome.CONFIRMED}
    assert balance(sandbox) == 0
    assert operator.look_up(order.reference).outcome is Outcome.DECLINED


def test_what_was_spent_is_not_taken_back(sandbox, operator):
    order = credit()
    operator.credit_prepaid(order)
    tell(sandbox.address, "lines", msisdn=LINE, balance_fen=99_99)

    receipt = operator.take_back(order)

    assert (receipt.outcome, receipt.reason) == (
        Outcome.DECLINED,
        "the balance is spent",
    )
    assert operator.look_up(order.reference).outcome is Outcome.CONFIRMED


def test_a_line_that_has_ended_is_not_credited(sandbox, operator):
    tell(sandbox.address, "lines", msisdn=LINE, state="ported_out")

    assert operator.credit_prepaid(credit()).outcome is Outcome.DECLINED


class TestLines:
    def test_a_line_tells_its_state_and_its_card(self, sandbox, operator):
        changed = "2007-12-10T12:00:00+08:00"
        tell(
            sandbox.address,
            "lines",
            msisdn=LINE,
            state="suspended",
            sim_changed_at=changed,
        )

        line = operator.line(LINE)

        assert (line.outcome, line.state) == (Outcome.CONFIRMED, "suspended")
        assert line.sim_changed_at == datetime.fromisoformat(changed)

    def test_a_number_of_nobody_is_absent(self, operator):
        assert operator.line("nobody").outcome is Outcome.ABSENT

    @pytest.mark.parametrize(
        "told",
        [
            {"state": "asleep"},
            {"since": "2007-12-10"},
            {"since": "now"},
            {"sim_changed_at": "2007-12-10T12:00:00"},
        ],
    )
    def test_a_state_we_do_not_know_is_unknown(self, sandbox, operator, told):
        tell(sandbox.address, "lines", **{"msisdn": LINE} | told)

        assert operator.line(LINE).outcome is Outcome.UNKNOWN

    @pytest.mark.parametrize("fault", ["wrong_signatures", "garbage", "errors"])
    def test_what_billing_did_not_say_is_unknown(self, sandbox, operator, fault):
        tell(sandbox.address, "faults", **{fault: 1})

        assert operator.line(LINE).outcome is Outcome.UNKNOWN


def raw_bill(**told):
    return {
        "kind": "bill",
        "id": f"bill-{next(_numbers)}",
        "msisdn": LINE,
        "period": "2007-10",
        "billedOn": "2007-10-05",
        "dueOn": "2007-10-25",
        "amountFen": 100_00,
        **told,
    }


def raw_payment(bill, **told):
    return {
        "kind": "payment",
        "id": f"payment-{next(_numbers)}",
        "billId": bill["id"],
        "paidOn": "2007-10-20",
        "amountFen": 100_00,
        **told,
    }


def read_of(raw):
    """What must be read of a line."""
    if raw["kind"] == "payment":
        return PaidLine(
            raw["id"],
            raw["billId"],
            date.fromisoformat(raw["paidOn"]),
            raw["amountFen"],
        )
    return BilledLine(
        raw["id"],
        raw["msisdn"],
        date.fromisoformat(f"{raw['period']}-01"),
        date.fromisoformat(raw["billedOn"]),
        date.fromisoformat(raw["dueOn"]),
        raw["amountFen"],
    )


def write(sandbox, *lines):
    tell(sandbox.address, "billing", lines=list(lines))


class TestBilling(BillingContract):
    @pytest.fixture
    def bench(self, sandbox, operator, bench):
        def some(number):
            lines: list[dict[str, object]] = []
            while len(lines) < number:
                lines += [bill := raw_bill(), raw_payment(bill)]
            write(sandbox, *lines[:number])
            return [read_of(line) for line in lines[:number]]

        return PagesBench(
            read=operator.billing_lines,
            post=some,
            post_bad=lambda: write(sandbox, raw_bill(dueOn="soon")),
            plan=bench.plan,
        )


@pytest.mark.parametrize(
    "bad",
    [
        "no object",
        raw_bill(kind="gift"),
        raw_bill(id=""),
        raw_bill(msisdn="+86133"),
        raw_bill(period="2007-10-05"),
        raw_bill(amountFen=1.5),
        raw_bill(amountFen=True),
        raw_payment({"id": None}),
        raw_payment({"id": "b"}, paidOn=None),
    ],
)
def test_a_line_that_cannot_be_used_says_why(sandbox, operator, bad):
    good = raw_bill()
    write(sandbox, bad, good)

    page = operator.billing_lines(None, limit=9)

    assert page.lines == (read_of(good),)
    (found,) = page.bad_lines
    assert found.position == 1
    assert found.reason
