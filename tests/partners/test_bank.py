"""The bank's adapter keeps the contract, against a bank over HTTP."""

import time
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

import pytest

from partners.adapters.bank import Bank, BankSettings
from partners.ports import CardInstruction, CardLine, Incoming, Outcome
from partners.sandbox.bank_server import BankSandbox
from partners.testing import (
    BalanceBench,
    BalanceContract,
    BankContract,
    NoticeBench,
    NoticeContract,
    OrderContract,
    PagesBench,
)
from tests.partners.benches import (
    SHARED_SECRET,
    bench_of,
    connection,
    hearing,
    nowhere,
    plan_of,
    tell,
)

CARD = "CEB-CHEN-1"
A_DAY = date(2007, 12, 10)
AN_HOUR = 3600
# Valid under Luhn, and belonging to nobody: a scheme's number for tests.
CARD_NUMBER = "4242424242424242"
_numbers = count(1)


@pytest.fixture(scope="module")
def running():
    with BankSandbox(code="CEB", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    tell(running.address, "forget")
    tell(running.address, "webhook", url=None)
    return running


@pytest.fixture
def make(sandbox):
    def make(address: str = sandbox.address) -> Bank:
        return Bank(BankSettings(**connection(sandbox) | {"address": address}))

    return make


@pytest.fixture
def bank(make):
    return make()


@pytest.fixture
def post(sandbox):
    """Post lines as they are told; what is not told is ordinary."""

    def post(*lines: object) -> None:
        tell(sandbox.address, "lines", lines=list(lines))

    return post


@pytest.fixture
def bench(sandbox, make):
    return bench_of(
        sandbox,
        make,
        ask=lambda bank, name: bank.cancel_card_function(instruction(name)),
        ask_other=lambda bank, name: bank.cancel_card_function(
            instruction(name, cause="fraud")
        ),
    )


def instruction(reference: str, cause: str = "ported_out") -> CardInstruction:
    return CardInstruction(reference, CARD, cause, A_DAY)


def raw(**told: object) -> dict[str, object]:
    return {
        "id": f"line-{next(_numbers)}",
        "account": CARD,
        "kind": "purchase",
        "postedOn": A_DAY.isoformat(),
        "amountFen": 100_000,
        "mcc": "5411",
        **told,
    }


def read_of(line: dict[str, Any]) -> CardLine:
    return CardLine(
        line["id"],
        line["account"],
        line["kind"],
        date.fromisoformat(line["postedOn"]),
        line["amountFen"],
        line["mcc"],
        line.get("originalRef"),
    )


class TestInstructions(OrderContract):
    @pytest.fixture
    def bench(self, bench):
        return bench


class TestBalances(BalanceContract):
    @pytest.fixture
    def bench(self, sandbox, make):
        def hold(points, expiring):
            parts = {str(day): part for day, part in expiring.items()}
            told = {"account": CARD, "points": points, "expiring": parts}
            tell(sandbox.address, "points", **told)

        return BalanceBench(make(), make(nowhere()), CARD, hold, plan_of(sandbox))


class TestNotices(NoticeContract):
    @pytest.fixture
    def notices(self, sandbox, bank, bench):
        settings = BankSettings(**connection(sandbox))
        with hearing() as ear:
            tell(sandbox.address, "webhook", url=ear.url)
            yield NoticeBench(
                order=bench,
                notifier=bank,
                heard=ear.wait_for,
                at_another_time=lambda: Bank(
                    settings, clock=lambda: time.time() + AN_HOUR
                ),
            )
            tell(sandbox.address, "webhook", url=None)


class TestLines(BankContract):
    @pytest.fixture
    def bench(self, bank, bench, post):
        def some(number: int) -> list[CardLine]:
            lines = [raw() for _ in range(number)]
            post(*lines)
            return [read_of(line) for line in lines]

        return PagesBench(
            read=bank.posted_lines,
            post=some,
            post_bad=lambda: post(raw(kind="gift")),
            plan=bench.plan,
        )


def test_an_instruction_waits_for_its_acknowledgement(sandbox, bank):
    told = bank.cancel_card_function(instruction("leaver-1"))
    before = tell(sandbox.address, "state")["cards"][CARD]
    tell(sandbox.address, "settle")

    acknowledged = bank.look_up("leaver-1")

    assert told.outcome is Outcome.PENDING
    assert before is True
    assert acknowledged.outcome is Outcome.CONFIRMED
    assert acknowledged.partner_ref.startswith("ACK")
    assert tell(sandbox.address, "state")["cards"][CARD] is False


def test_a_card_that_the_bank_does_not_know_is_declined(sandbox, bank):
    order = CardInstruction("leaver-2", "nobody's", "ported_out", A_DAY)
    bank.cancel_card_function(order)
    tell(sandbox.address, "settle")

    receipt = bank.look_up("leaver-2")

    assert (receipt.outcome, receipt.reason) == (Outcome.DECLINED, "unknown card")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no object", "no object"),
        (raw(id=""), "id is missing"),
        (raw(account=7), "account is missing"),
        (raw(account=CARD_NUMBER), "account may be a card's number"),
        (raw(account="4242 4242-4242 4242"), "account may be a card's number"),
        (raw(kind="gift"), "unknown kind"),
        (raw(kind=["refund"]), "unknown kind"),
        (raw(postedOn="10.12.2007"), "no day"),
        (raw(postedOn=20071210), "no day"),
        (raw(amountFen=0), "no amount"),
        (raw(amountFen=1.5), "no amount"),
        (raw(amountFen=True), "no amount"),
        (raw(amountFen="100"), "no amount"),
        (raw(amountFen=10**13), "no amount"),
        (raw(amountFen=-1), "sign"),
        (raw(kind="refund", originalRef="line-0"), "sign"),
        (raw(kind="refund", amountFen=-1), "originalRef is missing"),
        (raw(mcc="541"), "mcc"),
        (raw(mcc="５４１１"), "mcc"),
        (raw(mcc=5411), "mcc"),
    ],
)
def test_a_line_that_cannot_be_used_says_why(bank, post, line, reason):
    post(line)

    page = bank.posted_lines(None, limit=10)

    assert page.lines == ()
    (bad,) = page.bad_lines
    assert reason in bad.reason
    assert "4242" not in repr(page)


def test_the_name_of_a_bad_line_is_told_unless_it_is_a_cards_number(bank, post):
    named, unnamed = raw(mcc="x"), raw(id=CARD_NUMBER)
    post(named, unnamed)

    first, second = bank.posted_lines(None, limit=10).bad_lines

    assert (first.position, first.partner_ref) == (1, named["id"])
    assert (second.position, second.partner_ref) == (2, None)


def test_refunds_and_chargebacks_name_what_they_give_back(bank, post):
    lines = [
        raw(kind=kind, amountFen=-40_000, originalRef="line-0")
        for kind in ("refund", "chargeback")
    ]
    post(*lines)

    assert list(bank.posted_lines(None, limit=10).lines) == list(map(read_of, lines))


@pytest.mark.parametrize("cursor", ["7", "x", "-1", "９"])
def test_a_cursor_that_the_bank_never_gave_reads_nothing(bank, cursor):
    page = bank.posted_lines(cursor, limit=10)

    assert page.outcome is Outcome.UNKNOWN
    assert page.cursor is None


@pytest.fixture
def desk(sandbox):
    """The bank's desk asks for points; return the question as it came to us."""

    def ask(**told: object) -> Incoming:
        with hearing() as ear:
            asked = {"account": CARD, "points": 300} | told
            tell(sandbox.address, "burn", url=f"{ear.url}/burns", **asked)
            (incoming,) = ear.heard
        return incoming

    return ask


def test_the_desk_asks_for_points(bank, desk):
    incoming = desk(
        id="B1",
        amountFen=3_000,
        partialAllowed=True,
        occurredAt="2007-12-10T12:00:00+08:00",
    )

    burn = bank.burn(incoming)

    assert burn.partner_ref == "B1"
    assert (burn.account_ref, burn.points, burn.amount_fen) == (CARD, 300, 3_000)
    assert burn.partial_allowed
    assert burn.occurred_at == datetime(2007, 12, 10, 4, tzinfo=UTC)


def test_a_desk_that_is_not_the_banks_gets_nothing(bank, desk):
    incoming = desk()
    changed = Incoming(
        incoming.method,
        incoming.target,
        incoming.headers,
        incoming.body.replace(b"300", b"999"),
    )

    assert bank.burn(incoming).points == 300
    assert bank.burn(changed) is None
    assert bank.notice(incoming) is None  # a question is no notice


@pytest.mark.parametrize(
    "told",
    [
        {"points": 0},
        {"points": -5},
        {"points": 1.5},
        {"points": True},
        {"points": "300"},
        {"amountFen": 0},
        {"account": CARD_NUMBER},
        {"id": ""},
        {"occurredAt": "2007-12-10T12:00:00"},
        {"occurredAt": 7},
        {"partialAllowed": "yes"},
    ],
)
def test_what_no_desk_can_ask_is_nothing(bank, desk, told):
    assert bank.burn(desk(**told)) is None


def test_the_desk_believes_our_answer_and_nobody_elses(sandbox, bank):
    body = b'{"points": 300}'
    unsigned = _answered_at_the_desk(sandbox, lambda _: ({}, body))
    signed = _answered_at_the_desk(
        sandbox, lambda asked: (bank.sign(asked, status=200, body=body), body)
    )
    of_another_body = _answered_at_the_desk(
        sandbox, lambda asked: (bank.sign(asked, status=200, body=b"{}"), body)
    )

    assert (signed["status"], signed["told"]) == (200, {"points": 300})
    assert unsigned["status"] is None
    assert of_another_body["status"] is None


def _answered_at_the_desk(sandbox, answer) -> dict[str, Any]:
    with hearing(answer) as ear:
        told = tell(sandbox.address, "burn", url=ear.url, account=CARD, points=300)
    done: dict[str, Any] = told["done"]
    return done
