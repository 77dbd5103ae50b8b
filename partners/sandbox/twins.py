"""Twins of an insurer and of the operator's billing that always say yes.

They keep nothing: what they answer follows from the reference alone, so that the
same question has the same answer in every process.
"""

import hashlib

from partners.ports import Outcome, PolicyOrder, PrepaidOrder, Receipt


class InsurerTwin:
    """Issues every policy, under a number made from our reference."""

    def issue(self, order: PolicyOrder) -> Receipt:
        """Issue a policy."""
        return Receipt(Outcome.CONFIRMED, partner_ref=_number("P", order.reference))

    def look_up(self, reference: str) -> Receipt:
        """Know every order there could have been."""
        return Receipt(Outcome.CONFIRMED, partner_ref=_number("P", reference))

    def cancel(self, reference: str, *, policy_no: str) -> Receipt:
        """Cancel a policy; another number than its own is declined."""
        if policy_no != _number("P", reference):
            return Receipt(Outcome.DECLINED, reason="unknown policy number")
        return Receipt(Outcome.CONFIRMED, partner_ref=policy_no)


class BillingTwin:
    """Credits every line."""

    def credit_prepaid(self, order: PrepaidOrder) -> Receipt:
        """Credit a line."""
        return Receipt(Outcome.CONFIRMED, partner_ref=_number("B", order.reference))

    def take_back(self, order: PrepaidOrder) -> Receipt:
        """Take a credit back."""
        return Receipt(Outcome.CONFIRMED, partner_ref=_number("B", order.reference))


def _number(prefix: str, reference: str) -> str:
    digest = hashlib.sha256(f"{prefix}:{reference}".encode()).digest()
    return f"{prefix}{int.from_bytes(digest[:6], 'big'):015d}"
