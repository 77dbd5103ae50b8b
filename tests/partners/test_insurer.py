"""The insurer's adapter keeps the contract, against an insurer over HTTP."""

import time
from datetime import date
from itertools import count

import pytest

from partners.adapters.insurer import Insurer, InsurerSettings
from partners.ports import (
    Applicant,
    InsuranceClass,
    Outcome,
    PolicyOrder,
    PolicyTerms,
)
from partners.sandbox.insurer_server import InsurerSandbox
from partners.testing import NoticeBench, NoticeContract, OrderContract
from tests.partners.benches import SHARED_SECRET, bench_of, connection, hearing, tell

STARTS_ON = date(2007, 12, 11)
ADULT, CHILD = "440106198001011234", "440106199912311234"
AN_HOUR = 3600
_numbers = count(1)


@pytest.fixture(scope="module")
def running():
    with InsurerSandbox(code="PINGAN", secret=SHARED_SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running):
    tell(running.address, "forget")
    tell(running.address, "webhook", url=None)
    return running


@pytest.fixture
def make(sandbox):
    def make(address: str = sandbox.address) -> Insurer:
        return Insurer(InsurerSettings(**connection(sandbox) | {"address": address}))

    return make


@pytest.fixture
def insurer(make):
    return make()


def policy(reference: str, **told: object) -> PolicyOrder:
    facts: dict[str, object] = {
        "product": "INS-A",
        "quantity": 1,
        "insured_name": "王小明",
        "insured_id": ADULT,
        "msisdn": "13300000001",
        "starts_on": STARTS_ON,
    }
    return PolicyOrder(reference=reference, **(facts | told))  # type: ignore[arg-type]


@pytest.fixture
def bench(sandbox, make):
    return bench_of(
        sandbox,
        make,
        ask=lambda insurer, name: insurer.issue(policy(name)),
        ask_other=lambda insurer, name: insurer.issue(policy(name, quantity=2)),
    )


@pytest.fixture
def issue(insurer):
    """Issue a policy; return its reference and number."""

    def issue(product: str = "INS-A", **told: object) -> tuple[str, str]:
        reference = f"policy-{next(_numbers)}"
        receipt = insurer.issue(policy(reference, product=product, **told))
        assert receipt.outcome is Outcome.CONFIRMED
        return reference, receipt.partner_ref

    return issue


class TestPolicies(OrderContract):
    @pytest.fixture
    def bench(self, bench):
        return bench


class TestNotices(NoticeContract):
    @pytest.fixture
    def notices(self, sandbox, insurer, bench):
        settings = InsurerSettings(**connection(sandbox))
        with hearing() as ear:
            tell(sandbox.address, "webhook", url=ear.url)
            yield NoticeBench(
                order=bench,
                notifier=insurer,
                heard=ear.wait_for,
                at_another_time=lambda: Insurer(
                    settings, clock=lambda: time.time() + AN_HOUR
                ),
            )
            tell(sandbox.address, "webhook", url=None)


@pytest.mark.parametrize(
    ("told", "outcome", "reason"),
    [
        ({}, Outcome.CONFIRMED, None),
        ({"product": "INS-X"}, Outcome.DECLINED, "unknown product"),
        ({"insured_id": CHILD}, Outcome.DECLINED, "the age is not insured"),
        ({"insured_id": "1"}, Outcome.DECLINED, "no identity number"),
    ],
)
def test_who_can_be_insured(insurer, told, outcome, reason):
    facts = {"product": "INS-A", "insured_name": "王", "insured_id": ADULT}

    receipt = insurer.eligibility(
        Applicant(**facts | told, starts_on=STARTS_ON, brand="worldwind")
    )

    assert (receipt.outcome, receipt.reason) == (outcome, reason)


def test_where_one_is_all_there_is_the_second_is_declined(sandbox, insurer, issue):
    tell(
        sandbox.address,
        "products",
        product="INS-A",
        premium_fen=20_00,
        one_each=True,
    )
    issue()

    receipt = insurer.issue(policy("second"))

    assert receipt.outcome is Outcome.DECLINED
    assert receipt.reason == "has one already"


def test_terms_within_the_rules_are_asked_for(insurer):
    terms = PolicyTerms(InsuranceClass.ACCIDENT, term_months=12, premium_fen=20_00)

    assert insurer.issue(policy("terms", terms=terms)).outcome is Outcome.CONFIRMED


@pytest.mark.parametrize(("months", "fen"), [(13, 20_00), (12, 100_01), (0, 20_00)])
def test_terms_that_may_not_be_given_away_cannot_be_made(months, fen):
    with pytest.raises(ValueError, match=r"cover|premium"):
        PolicyTerms(InsuranceClass.ACCIDENT, term_months=months, premium_fen=fen)


class TestFreeLook:
    def test_a_policy_is_canceled_once_and_looked_up_as_such(self, insurer, issue):
        reference, policy_no = issue()

        receipts = [insurer.cancel(reference, policy_no=policy_no) for _ in range(2)]

        assert {receipt.outcome for receipt in receipts} == {Outcome.CONFIRMED}
        assert insurer.look_up(reference).outcome is Outcome.DECLINED

    def test_another_number_cancels_nothing(self, insurer, issue):
        reference, _ = issue()

        receipt = insurer.cancel(reference, policy_no="PA0000000000000")

        assert receipt.outcome is Outcome.DECLINED
        assert insurer.look_up(reference).outcome is Outcome.CONFIRMED

    def test_it_is_over_after_its_last_day(self, sandbox, insurer, issue):
        last, late = issue(), issue()
        tell(sandbox.address, "today", on="2007-12-25")
        assert insurer.cancel(last[0], policy_no=last[1]).outcome is Outcome.CONFIRMED
        tell(sandbox.address, "today", on="2007-12-26")

        receipt = insurer.cancel(late[0], policy_no=late[1])

        assert (receipt.outcome, receipt.reason) == (
            Outcome.DECLINED,
            "the free look is over",
        )

    def test_an_answer_that_was_lost_is_asked_for_again(self, sandbox, insurer, issue):
        reference, policy_no = issue()
        tell(sandbox.address, "faults", lose_answers=1)

        lost = insurer.cancel(reference, policy_no=policy_no)
        again = insurer.cancel(reference, policy_no=policy_no)

        assert (lost.outcome, again.outcome) == (Outcome.UNKNOWN, Outcome.CONFIRMED)


class TestCertificates:
    def test_a_policy_has_a_paper(self, insurer, issue):
        reference, policy_no = issue()

        paper = insurer.certificate(reference)

        assert paper.outcome is Outcome.CONFIRMED
        assert paper.content_type == "application/pdf"
        assert paper.content.startswith(b"%PDF-")
        assert policy_no.encode() in paper.content

    def test_what_was_never_issued_has_none(self, insurer):
        assert insurer.certificate("nothing").outcome is Outcome.ABSENT

    @pytest.mark.parametrize("fault", ["wrong_signatures", "garbage", "lose_answers"])
    def test_what_the_insurer_did_not_say_is_no_paper(
        self, sandbox, insurer, issue, fault
    ):
        reference, _ = issue()
        tell(sandbox.address, "faults", **{fault: 2})  # what is read is asked twice

        paper = insurer.certificate(reference)

        assert (paper.outcome, paper.content) == (Outcome.UNKNOWN, None)


class TestBills:
    def test_policies_less_what_was_given_back(self, insurer, issue):  # 3.5: 380.00
        of_a = [issue("INS-A") for _ in range(10)]
        for _ in range(5):
            issue("INS-B")
        reference, policy_no = of_a[0]
        insurer.cancel(reference, policy_no=policy_no)

        bill = insurer.bill("2007-12")

        assert bill.outcome is Outcome.CONFIRMED
        assert bill.total_fen == 380_00
        assert len(bill.lines) == 16
        assert {line.reference for line in bill.lines if line.amount_fen < 0} == {
            reference
        }

    def test_another_month_is_another_bill(self, insurer, issue):
        issue()

        bill = insurer.bill("2007-11")

        assert (bill.outcome, bill.lines, bill.total_fen) == (Outcome.CONFIRMED, (), 0)

    def test_a_bill_that_is_not_drawn_up_is_waited_for(self, sandbox, insurer):
        tell(sandbox.address, "bills", periods=["2007-11"])

        assert insurer.bill("2007-12").outcome is Outcome.PENDING

    def test_what_is_no_month_is_not_asked(self, insurer):
        assert insurer.bill("2007-13").outcome is Outcome.DECLINED
