"""An insurer over JSON: eligibility, policies, certificates, free look, monthly bill.

No standard for this is open (domain.md 3.5), so the messages are neutral ones of our
own; what a life insurer may give away is guarded before anything is asked.
"""

import base64
import binascii
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from partners import asking
from partners.connection import Connection
from partners.ports import (
    Applicant,
    Certificate,
    Incoming,
    Notice,
    Outcome,
    PolicyOrder,
    PremiumBill,
    PremiumLine,
    Receipt,
)
from partners.registry import Kind, Plugin

_OUTCOMES = {
    "success": Outcome.CONFIRMED,
    "failure": Outcome.DECLINED,
    "pending": Outcome.PENDING,
    "canceled": Outcome.DECLINED,
}
_VERDICTS = {
    "eligible": Outcome.CONFIRMED,
    "ineligible": Outcome.DECLINED,
    "review": Outcome.PENDING,
}
_NOTICES = {"policy.updated", "cancelation.updated"}
_PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_EVENTS = {"issued": 1, "canceled": -1}  # and the sign of what they bill
CERTIFICATE_BYTES_MAX = 5_000_000
_AMOUNT_FEN_MAX = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerSettings(Connection):
    """Where the insurer is."""


class Insurer:
    """Issues and cancels policies at an insurer."""

    def __init__(
        self, settings: InsurerSettings, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._transport = settings.transport(clock=clock)

    def eligibility(self, applicant: Applicant) -> Receipt:
        """Ask whether somebody can be insured: CONFIRMED, or DECLINED with a reason."""
        told = {
            "product": applicant.product,
            "insuredName": applicant.insured_name,
            "insuredId": applicant.insured_id,
            "startsOn": applicant.starts_on.isoformat(),
            "brand": applicant.brand,
        }
        return asking.look_up(
            lambda: self._transport.post(
                "/v1/eligibility-checks", told, idempotency_key=_content(told)
            ),
            outcomes=_VERDICTS,
            reference=None,
        )

    def issue(self, order: PolicyOrder) -> Receipt:
        """Ask for a policy; `partner_ref` of what is confirmed is its number."""
        terms = order.terms
        told = {
            "reference": order.reference,
            "product": order.product,
            "quantity": order.quantity,
            "insuredName": order.insured_name,
            "insuredId": order.insured_id,
            "msisdn": order.msisdn,
            "startsOn": order.starts_on.isoformat(),
            "terms": terms
            and {
                "class": str(terms.insurance_class),
                "months": terms.term_months,
                "premiumFen": terms.premium_fen,
            },
        }
        return self._place("/v1/policies", order.reference, told)

    def look_up(self, reference: str) -> Receipt:
        """Ask what became of an order; DECLINED also for what has been canceled."""
        return asking.look_up(
            lambda: self._transport.get("/v1/policies", {"reference": reference}),
            outcomes=_OUTCOMES,
            reference=reference,
        )

    def cancel(self, reference: str, *, policy_no: str) -> Receipt:
        """Cancel a policy inside its free look, once however often it is asked."""
        own = f"{reference}:cancel"
        told: dict[str, object] = {
            "reference": own,
            "original": reference,
            "policyNo": policy_no,
        }
        return self._place("/v1/cancelations", own, told)

    def certificate(self, reference: str) -> Certificate:
        """Fetch the certificate of what was issued under this reference."""
        told, receipt = asking.read(
            lambda: self._transport.get("/v1/certificates", {"reference": reference})
        )
        if receipt.outcome is not Outcome.CONFIRMED:
            return Certificate(receipt.outcome, reason=receipt.reason)
        return _certificate(told)

    def bill(self, period: str) -> PremiumBill:
        """Fetch the bill of a month, `YYYY-MM`.

        A line that cannot be read, or a total that is not theirs, makes the whole bill
        UNKNOWN: nothing is paid from a part of it.
        """
        if not _PERIOD.fullmatch(period):
            return PremiumBill(Outcome.DECLINED, period, reason="no month")
        told, receipt = asking.read(
            lambda: self._transport.get("/v1/bills", {"period": period})
        )
        if receipt.outcome is not Outcome.CONFIRMED:
            return PremiumBill(receipt.outcome, period, reason=receipt.reason)
        return _bill(told, period)

    def notice(self, incoming: Incoming) -> Notice | None:
        """Return what the insurer told us; None: it was not the insurer."""
        if not self._transport.is_genuine(incoming):
            return None
        return asking.notice(incoming.body, kinds=_NOTICES, outcomes=_OUTCOMES)

    def _place(self, path: str, reference: str, told: dict[str, object]) -> Receipt:
        return asking.order(
            lambda: self._transport.post(path, told, idempotency_key=reference),
            outcomes=_OUTCOMES,
            reference=reference,
        )


def _content(told: Mapping[str, object]) -> str:
    """Return a key that is the same for the same question."""
    words = "|".join(f"{name}={said}" for name, said in sorted(told.items()))
    return base64.urlsafe_b64encode(words.encode()).decode()[:100]


def _certificate(told: Mapping[str, Any]) -> Certificate:
    kind = asking.text(told.get("contentType"), length_max=100)
    try:
        content = base64.b64decode(str(told.get("content")), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if kind is None or not 0 < len(content) <= CERTIFICATE_BYTES_MAX:
        return Certificate(Outcome.UNKNOWN, reason="the answer is no certificate")
    return Certificate(Outcome.CONFIRMED, kind, content)


def _bill(told: Mapping[str, Any], period: str) -> PremiumBill:
    try:
        lines = tuple(_line(line, period) for line in told["lines"])
        total_fen = _fen(told["totalFen"])
    except (ValueError, LookupError, TypeError) as error:
        return PremiumBill(Outcome.UNKNOWN, period, reason=f"no bill: {error}")
    if told.get("period") != period:
        return PremiumBill(Outcome.UNKNOWN, period, reason="another month's bill")
    if sum(line.amount_fen for line in lines) != total_fen:
        reason = "the lines do not add up to the total"
        return PremiumBill(Outcome.UNKNOWN, period, reason=reason)
    return PremiumBill(Outcome.CONFIRMED, period, lines, total_fen)


def _line(told: Mapping[str, Any], period: str) -> PremiumLine:
    line = PremiumLine(
        policy_no=_words(told, "policyNo"),
        reference=_words(told, "reference"),
        product=_words(told, "product"),
        event=_words(told, "event"),
        happened_on=date.fromisoformat(_words(told, "happenedOn")),
        amount_fen=_fen(told["amountFen"]),
    )
    if _EVENTS[line.event] * line.amount_fen < 0:
        raise ValueError("the sign is not that of the event")
    if f"{line.happened_on:%Y-%m}" != period:
        raise ValueError("a line of another month")
    return line


def _words(told: Mapping[str, Any], name: str) -> str:
    words = asking.text(told[name], length_max=asking.REF_LENGTH_MAX)
    if words is None:
        raise ValueError(f"{name} is missing")
    return words


def _fen(value: object) -> int:
    if type(value) is not int or abs(value) > _AMOUNT_FEN_MAX:
        raise ValueError("no amount")
    return value


PLUGIN = Plugin(Kind.INSURER, InsurerSettings, Insurer)
