"""An airline over JSON, in the vocabulary of the Loyalty Commerce Platform.

Member validations, credits, debits, reversals and balances, each under our reference
(domain.md 3.3, 3.7); its answers are signed, and late ones come as notices.
"""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from partners import asking, balances
from partners.connection import Connection
from partners.matching import Check, NumberRule
from partners.ports import (
    AccountBalance,
    AirlineMember,
    Incoming,
    MilesOrder,
    MilesReversal,
    Notice,
    Outcome,
    Receipt,
)
from partners.registry import Kind, Plugin

# What is missing here is UNKNOWN: we would rather ask again than give points back for
# miles that were credited.
_OUTCOMES = {
    "success": Outcome.CONFIRMED,
    "failure": Outcome.DECLINED,
    "pending": Outcome.PENDING,
}
_VALIDATIONS = {
    "valid": Outcome.CONFIRMED,
    "invalid": Outcome.DECLINED,
    "review": Outcome.PENDING,
}
_KINDS = {"credit.updated", "debit.updated", "reversal.updated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AirlineSettings(Connection):
    """Where the airline is, and what its members' numbers look like."""

    # GDS fields take 6 to 27 characters with the airline's code (domain.md 3.3).
    number_pattern: str = "[0-9A-Z]{6,27}"
    number_check: str = "none"

    def __post_init__(self) -> None:
        """Refuse, with `ValueError`, what nobody could be asked with."""
        # `super()` does not know the class that `slots` makes anew.
        Connection.__post_init__(self)
        try:
            self.number_rule().accepts("")
        except re.error as error:
            raise ValueError("number_pattern is no regular expression") from error

    def number_rule(self) -> NumberRule:
        """Return what a number must look like."""
        return NumberRule(self.number_pattern, Check(self.number_check))


class Airline:
    """Keeps miles at an airline."""

    def __init__(
        self, settings: AirlineSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = settings.transport(clock=clock)
        self._number_rule = settings.number_rule()

    def validate_member(self, member: AirlineMember) -> Receipt:
        """Ask whether name and number belong together; a slip is not even asked."""
        if not self._number_rule.accepts(member.number):
            return Receipt(Outcome.DECLINED, reason="no number of theirs")
        # Each order wants a fresh one, so that each asking makes another.
        key = uuid.uuid4().hex
        return asking.look_up(
            lambda: self._transport.post(
                "/v1/member-validations", _member(member), idempotency_key=key
            ),
            outcomes=_VALIDATIONS,
            reference=None,
        )

    def credit(self, order: MilesOrder) -> Receipt:
        """Ask for miles, once per reference."""
        return self._order("/v1/credits", order)

    def debit(self, order: MilesOrder) -> Receipt:
        """Take miles, once per reference."""
        return self._order("/v1/debits", order)

    def reverse(self, order: MilesReversal) -> Receipt:
        """Undo an order, all or some; never more than was ordered, in all."""
        told = {
            "reference": order.reference,
            "original": order.original,
            "miles": order.miles,
        }
        return self._place("/v1/reversals", order.reference, told)

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of an order or a reversal."""
        return asking.look_up(
            lambda: self._transport.get("/v1/transactions", {"reference": reference}),
            outcomes=_OUTCOMES,
            reference=reference,
        )

    def balance(self, account_ref: str) -> AccountBalance:
        """Ask how many miles a member has, and which of them go when."""
        return balances.read(
            lambda: self._transport.get("/v1/balances", {"account": account_ref}),
            account_ref=account_ref,
        )

    def notice(self, incoming: Incoming) -> Notice | None:
        """Return what the airline told us; None: it was not the airline."""
        if not self._transport.is_genuine(incoming):
            return None
        return asking.notice(incoming.body, kinds=_KINDS, outcomes=_OUTCOMES)

    def _order(self, path: str, order: MilesOrder) -> Receipt:
        told = {
            "reference": order.reference,
            **_member(order.member),
            "miles": order.miles,
            "activity": order.activity,
            "activityDate": order.activity_on.isoformat(),
            "isBase": order.is_base,
            "memberValidation": order.validation_ref,
        }
        return self._place(path, order.reference, told)

    def _place(self, path: str, reference: str, told: dict[str, object]) -> Receipt:
        return asking.order(
            lambda: self._transport.post(path, told, idempotency_key=reference),
            outcomes=_OUTCOMES,
            reference=reference,
        )


def _member(member: AirlineMember) -> dict[str, object]:
    return {
        "memberId": member.number,
        "familyName": member.family_name,
        "givenName": member.given_name,
    }


PLUGIN = Plugin(Kind.AIRLINE, AirlineSettings, Airline)
