"""What must hold of every order: done once, and never called a failure unheard."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

import pytest

from partners.ports import Outcome, Receipt

_numbers = count(1)
_AT_ONCE = 6


class Plan(StrEnum):
    """What the partner is to do with the next question, once."""

    DO = "do"
    REFUSE = "refuse"
    LEAVE_PENDING = "leave pending"  # until it is decided
    LOSE_QUESTION = "lose question"  # no answer, nothing done
    LOSE_ANSWER = "lose answer"  # no answer, but done
    FAIL_BEFORE = "fail before"  # an error of theirs, nothing done
    FAIL_AFTER = "fail after"  # an error of theirs, but done
    SIGN_WRONGLY = "sign wrongly"  # done, answered by somebody else's hand
    TALK_NONSENSE = "talk nonsense"  # done, answered unreadably


@dataclass(frozen=True, slots=True)
class Bench:
    """One kind of order of an adapter, with its partner under control."""

    ask: Callable[[str], Receipt]  # for something ordinary, under a reference
    ask_other: Callable[[str], Receipt]  # for something else than `ask` does
    look_up: Callable[[str], Receipt]
    ask_nobody: Callable[[str], Receipt]  # as `ask`, where nobody listens
    look_up_nobody: Callable[[str], Receipt]
    plan: Callable[[Plan], None]
    # Decides what was left pending, or refuses what was accepted.
    decide: Callable[[str, Outcome], None]
    done: Callable[[str], int]  # how often, by the partner's own books


def new_reference() -> str:
    """Return a reference that nobody has used."""
    return f"contract-{next(_numbers)}"


class OrderContract:
    """An order under a reference is done at most once, and its receipt is true.

    Give a fixture `bench` with a partner that has heard of nothing.
    """

    @pytest.fixture
    def reference(self) -> str:
        """Return a reference that nobody has used."""
        return new_reference()

    def test_what_is_done_is_confirmed_and_named(self, bench, reference):
        bench.plan(Plan.DO)

        receipt = bench.ask(reference)

        assert receipt.outcome is Outcome.CONFIRMED
        assert receipt.partner_ref
        assert bench.look_up(reference) == receipt
        assert bench.done(reference) == 1

    def test_what_is_refused_is_declined_and_says_why(self, bench, reference):
        bench.plan(Plan.REFUSE)

        receipt = bench.ask(reference)

        assert receipt.outcome is Outcome.DECLINED
        assert receipt.reason
        assert bench.look_up(reference).outcome is Outcome.DECLINED
        assert bench.done(reference) == 0

    @pytest.mark.parametrize("end", [Outcome.CONFIRMED, Outcome.DECLINED])
    def test_what_waits_is_pending_until_it_is_decided(self, bench, reference, end):
        bench.plan(Plan.LEAVE_PENDING)

        receipt = bench.ask(reference)

        assert receipt.outcome is Outcome.PENDING
        assert bench.look_up(reference).outcome is Outcome.PENDING
        bench.decide(reference, end)
        assert bench.look_up(reference).outcome is end
        assert bench.done(reference) == (1 if end is Outcome.CONFIRMED else 0)

    def test_what_was_accepted_may_be_refused_later(self, bench, reference):
        bench.plan(Plan.DO)
        assert bench.ask(reference).outcome is Outcome.CONFIRMED

        bench.decide(reference, Outcome.DECLINED)

        assert bench.look_up(reference).outcome is Outcome.DECLINED
        assert bench.done(reference) == 0

    def test_asked_twice_it_is_done_once(self, bench, reference):
        bench.plan(Plan.DO)

        first, second = bench.ask(reference), bench.ask(reference)

        assert second == first
        assert bench.done(reference) == 1

    def test_asked_from_all_sides_it_is_done_once(self, bench, reference):
        bench.plan(Plan.DO)

        with ThreadPoolExecutor(_AT_ONCE) as askers:
            receipts = set(askers.map(bench.ask, [reference] * _AT_ONCE))

        assert {receipt.outcome for receipt in receipts} == {Outcome.CONFIRMED}
        assert len(receipts) == 1
        assert bench.done(reference) == 1

    def test_another_order_under_the_reference_is_not_done(self, bench, reference):
        bench.plan(Plan.DO)
        first = bench.ask(reference)

        other = bench.ask_other(reference)

        assert other.outcome is Outcome.UNKNOWN
        assert bench.look_up(reference) == first
        assert bench.done(reference) == 1

    def test_of_what_was_never_asked_they_never_heard(self, bench, reference):
        assert bench.look_up(reference).outcome is Outcome.ABSENT
        assert bench.done(reference) == 0

    @pytest.mark.parametrize("plan", [Plan.LOSE_QUESTION, Plan.FAIL_BEFORE])
    def test_what_was_not_done_can_be_asked_again(self, bench, reference, plan):
        bench.plan(plan)

        receipt = bench.ask(reference)

        assert receipt.outcome is Outcome.UNKNOWN
        assert receipt.reason
        assert bench.look_up(reference).outcome is Outcome.ABSENT
        assert bench.done(reference) == 0
        bench.plan(Plan.DO)
        assert bench.ask(reference).outcome is Outcome.CONFIRMED
        assert bench.done(reference) == 1

    @pytest.mark.parametrize(
        "plan",
        [Plan.LOSE_ANSWER, Plan.FAIL_AFTER, Plan.SIGN_WRONGLY, Plan.TALK_NONSENSE],
    )
    def test_what_was_done_unheard_is_found_done(self, bench, reference, plan):
        bench.plan(plan)

        receipt = bench.ask(reference)

        assert receipt.outcome is Outcome.UNKNOWN
        assert receipt.reason
        found = bench.look_up(reference)
        assert found.outcome is Outcome.CONFIRMED
        assert bench.ask(reference) == found
        assert bench.done(reference) == 1

    @pytest.mark.parametrize("plan", [Plan.SIGN_WRONGLY, Plan.TALK_NONSENSE])
    def test_a_look_up_believes_the_partner_alone(self, bench, reference, plan):
        bench.plan(Plan.DO)
        bench.ask(reference)
        bench.plan(plan)

        assert bench.look_up(reference).outcome is Outcome.UNKNOWN
        assert bench.look_up(reference).outcome is Outcome.CONFIRMED

    def test_where_nobody_listens_nothing_is_sent_and_nothing_known(
        self, bench, reference
    ):
        assert bench.ask_nobody(reference).outcome is Outcome.ABSENT
        assert bench.look_up_nobody(reference).outcome is Outcome.UNKNOWN
        assert bench.done(reference) == 0

    @pytest.mark.parametrize(
        "odd", ["a b&c=d", "兑换:1", "x" * 100, "%2F..%2F", "a/b?c#d"]
    )
    def test_references_are_kept_as_they_are(self, bench, odd):
        reference = f"{odd}-{new_reference()}"
        bench.plan(Plan.DO)

        receipt = bench.ask(reference)

        assert receipt.outcome is Outcome.CONFIRMED
        assert bench.look_up(reference) == receipt
        assert bench.done(reference) == 1
