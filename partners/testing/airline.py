"""What must hold of an airline beside its orders: validations and reversals."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from partners.ports import (
    Airline,
    AirlineMember,
    MilesOrder,
    MilesReversal,
    Outcome,
)
from partners.testing.orders import new_reference

A_DAY = date(2007, 12, 10)


@dataclass(frozen=True, slots=True)
class AirlineBench:
    """An adapter for an airline, with a member who has miles there."""

    airline: Airline
    member: AirlineMember
    miles: Callable[[], int]  # of the member, by the airline's own books

    def order(self, miles: int) -> MilesOrder:
        """Return an order under a new reference, on a fresh validation."""
        return MilesOrder(
            reference=new_reference(),
            member=self.member,
            miles=miles,
            activity="POINTS",
            activity_on=A_DAY,
            validation_ref=self.airline.validate_member(self.member).partner_ref,
        )


class AirlineContract:
    """Miles go to whom name and number agree on, and come back at most once.

    Give a fixture `bench` whose member has at least 1,000 miles.
    """

    def test_name_and_number_of_a_member_are_valid(self, bench):
        receipt = bench.airline.validate_member(bench.member)

        assert receipt.outcome is Outcome.CONFIRMED
        assert receipt.partner_ref

    def test_another_name_is_not(self, bench):
        stranger = replace(bench.member, family_name="OUYANG", given_name="XIU")

        assert bench.airline.validate_member(stranger).outcome is Outcome.DECLINED

    def test_a_slip_in_the_given_name_is_for_a_person_to_judge(self, bench):
        slip = replace(bench.member, given_name=f"{bench.member.given_name}X")

        assert bench.airline.validate_member(slip).outcome is Outcome.PENDING

    def test_an_impossible_number_is_not(self, bench):
        impossible = replace(bench.member, number="0")

        assert bench.airline.validate_member(impossible).outcome is Outcome.DECLINED

    def test_a_validation_is_good_for_one_order(self, bench):
        before = bench.miles()
        first = bench.order(100)
        second = replace(first, reference=new_reference())

        outcomes = [bench.airline.credit(order).outcome for order in (first, second)]

        assert outcomes == [Outcome.CONFIRMED, Outcome.DECLINED]
        assert bench.miles() == before + 100

    def test_a_declined_order_moves_nothing(self, bench):
        before = bench.miles()

        receipt = bench.airline.debit(bench.order(before + 1))

        assert receipt.outcome is Outcome.DECLINED
        assert bench.miles() == before

    def test_credits_and_debits_come_back_in_parts(self, bench):
        before = bench.miles()
        credit, debit = bench.order(300), bench.order(200)
        assert bench.airline.credit(credit).outcome is Outcome.CONFIRMED
        assert bench.airline.debit(debit).outcome is Outcome.CONFIRMED
        assert bench.miles() == before + 100

        parts = ((credit, 100), (debit, 50), (credit, 200), (debit, 150))
        for original, miles in parts:
            receipt = bench.airline.reverse(
                MilesReversal(new_reference(), original.reference, miles)
            )
            assert receipt.outcome is Outcome.CONFIRMED

        assert bench.miles() == before

    def test_no_more_comes_back_than_was_ordered(self, bench):
        before = bench.miles()
        credit = bench.order(300)
        bench.airline.credit(credit)

        receipts = [
            bench.airline.reverse(
                MilesReversal(new_reference(), credit.reference, miles)
            )
            for miles in (200, 101, 100, 1)
        ]

        assert [receipt.outcome for receipt in receipts] == [
            Outcome.CONFIRMED,
            Outcome.DECLINED,
            Outcome.CONFIRMED,
            Outcome.DECLINED,
        ]
        assert bench.miles() == before

    def test_what_was_never_done_cannot_come_back(self, bench):
        reversal = MilesReversal(new_reference(), new_reference(), 1)

        assert bench.airline.reverse(reversal).outcome is Outcome.DECLINED
