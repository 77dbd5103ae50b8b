"""What must hold of whoever is asked for a balance: all of it, or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import pytest

from partners.ports import BalanceTeller, Expiring, Outcome
from partners.testing.orders import Plan, new_reference


@dataclass(frozen=True, slots=True)
class BalanceBench:
    """An adapter, with what an account at its partner holds under control."""

    teller: BalanceTeller
    nobody: BalanceTeller  # the same, where nobody listens
    account_ref: str
    # Lets the account hold so many units, and of these some until a last good day.
    hold: Callable[[int, Mapping[date, int]], None]
    plan: Callable[[Plan], None]


class BalanceContract:
    """A balance is told whole, with its expiry and its time, or it is not known.

    Give a fixture `bench`.
    """

    def test_what_is_held_is_told_with_its_expiry_and_its_time(self, bench):
        soon, later = date(2031, 3, 31), date(2032, 12, 31)
        bench.hold(5_000, {later: 2_000, soon: 1_000})

        told = bench.teller.balance(bench.account_ref)

        assert told.outcome is Outcome.CONFIRMED
        assert told.units == 5_000
        assert told.expiring == (Expiring(1_000, soon), Expiring(2_000, later))
        assert told.unit
        assert told.as_of is not None
        assert told.as_of.tzinfo is not None

    def test_nothing_is_an_answer_too(self, bench):
        bench.hold(0, {})

        told = bench.teller.balance(bench.account_ref)

        assert (told.outcome, told.units) == (Outcome.CONFIRMED, 0)
        assert told.expiring == ()

    def test_of_an_account_that_is_not_theirs_they_know_nothing(self, bench):
        told = bench.teller.balance(new_reference())

        assert (told.outcome, told.unit, told.units) == (Outcome.ABSENT, None, 0)

    @pytest.mark.parametrize(
        "plan",
        [
            Plan.FAIL_BEFORE,
            Plan.FAIL_AFTER,
            Plan.SIGN_WRONGLY,
            Plan.TALK_NONSENSE,
        ],
    )
    def test_what_they_did_not_say_is_not_known(self, bench, plan):
        bench.hold(5_000, {})
        bench.plan(plan)

        told = bench.teller.balance(bench.account_ref)

        assert (told.outcome, told.unit, told.units) == (Outcome.UNKNOWN, None, 0)
        assert told.reason

    def test_of_whom_nobody_could_be_asked_nothing_is_known(self, bench):
        bench.hold(5_000, {})

        assert bench.nobody.balance(bench.account_ref).outcome is Outcome.UNKNOWN
