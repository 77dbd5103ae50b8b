"""The strangers an installation speaks with, put together from its settings."""

import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from loyalty.errors import Unavailable
from loyalty.settings import Settings
from partners.payouts import PayoutTeller
from partners.ports import (
    Airline,
    BalanceTeller,
    Bank,
    BankDesk,
    Billing,
    Boss,
    FileExchange,
    Insurer,
    Merchant,
    Messenger,
    Network,
    Notifier,
    PaymentProvider,
    Underwriter,
)
from partners.registry import Kind, Registry
from partners.sandbox.messenger import ConsoleMessenger, FileMessenger
from partners.sandbox.twins import BillingTwin, InsurerTwin

log = logging.getLogger(__name__)


class PartnersUnreadable(Unavailable):
    """The file that JIFEN_PARTNERS names says nothing that can be understood."""

    code = "partners_unreadable"

    def __init__(self, *, file: str, reason: str) -> None:
        super().__init__(file=file, reason=reason)


class TwoOfAKind(Unavailable):
    """There can be one insurer and one billing system; JIFEN_PARTNERS names two."""

    code = "two_of_a_kind"

    def __init__(self, *, kind: str, partners: list[str]) -> None:
        super().__init__(kind=kind, partners=partners)


@dataclass(frozen=True, slots=True)
class Connections:
    """Whom we can ask."""

    messenger: Messenger
    insurer: Insurer
    billing: Billing
    payments: PaymentProvider | None  # None: no card payments are offered
    payouts: PayoutTeller | None = None  # None: as above
    airlines: Mapping[str, Airline] = field(default_factory=dict)  # by partner
    banks: Mapping[str, Bank] = field(default_factory=dict)
    desks: Mapping[str, BankDesk] = field(default_factory=dict)  # of banks that ask us
    # Adapters that can read what their partner tells by itself, by partner.
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    # The operator that tells what happens to lines, by its code; there is at most one.
    networks: Mapping[str, Network] = field(default_factory=dict)
    # Adapters that can ask their partner what an account holds, by partner.
    tellers: Mapping[str, BalanceTeller] = field(default_factory=dict)
    files: Mapping[str, FileExchange] = field(default_factory=dict)  # by partner
    # Insurers that can be asked before and after an order, by partner.
    underwriters: Mapping[str, Underwriter] = field(default_factory=dict)

    # Billing systems whose bills and payments can be read, by partner.
    bosses: Mapping[str, Boss] = field(default_factory=dict)
    merchants: Mapping[str, Merchant] = field(default_factory=dict)  # by partner

    @property
    def underwriter(self) -> Underwriter | None:
        """The one who can say whom the insurer takes; None: nobody can be asked."""
        return next(iter(self.underwriters.values()), None)

    def airline(self, partner: str) -> Airline | None:
        """Return who keeps the miles of a partner; None: nobody can be asked."""
        return self.airlines.get(partner)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Connect as the settings say.

        An installation without an insurer or a billing system has twins that always
        say yes. A partner that cannot be used is written to the log, and the others
        work. Raises `PartnersUnreadable`, `TwoOfAKind`.
        """
        found = _adapters(settings)
        return cls(
            messenger=(
                ConsoleMessenger()
                if settings.messages == "console"
                else FileMessenger(Path(settings.messages))
            ),
            insurer=cast("Insurer", _only(found, Kind.INSURER) or InsurerTwin()),
            billing=cast("Billing", _only(found, Kind.OPERATOR) or BillingTwin()),
            payments=_payments(settings),
            payouts=_payouts(settings),
            airlines=cast("dict[str, Airline]", found.get(Kind.AIRLINE, {})),
            banks=cast("dict[str, Bank]", found.get(Kind.BANK, {})),
            desks={
                code: cast("BankDesk", adapter)
                for code, adapter in found.get(Kind.BANK, {}).items()
                if hasattr(adapter, "burn")
            },
            notifiers={
                code: cast("Notifier", adapter)
                for adapters in found.values()
                for code, adapter in adapters.items()
                if hasattr(adapter, "notice")
            },
            networks={
                code: cast("Network", adapter)
                for code, adapter in found.get(Kind.OPERATOR, {}).items()
                if hasattr(adapter, "line_events")
            },
            tellers={
                code: cast("BalanceTeller", adapter)
                for adapters in found.values()
                for code, adapter in adapters.items()
                if hasattr(adapter, "balance")
            },
            files=cast("dict[str, FileExchange]", found.get(Kind.FILES, {})),
            bosses={
                code: cast("Boss", adapter)
                for code, adapter in found.get(Kind.OPERATOR, {}).items()
                if hasattr(adapter, "billing_lines")
            },
            merchants=cast("dict[str, Merchant]", found.get(Kind.MERCHANT, {})),
            underwriters={
                code: cast("Underwriter", adapter)
                for code, adapter in found.get(Kind.INSURER, {}).items()
                if hasattr(adapter, "eligibility")
            },
        )


def _only(found: Mapping[Kind, Mapping[str, object]], kind: Kind) -> object | None:
    """Return the adapter of a kind that there is at most one of; None: there is none.

    Raises `TwoOfAKind`.
    """
    adapters = found.get(kind, {})
    if len(adapters) > 1:
        raise TwoOfAKind(kind=kind.value, partners=sorted(adapters))
    return next(iter(adapters.values()), None)


def _adapters(settings: Settings) -> dict[Kind, dict[str, object]]:
    """Return the adapters of all partners, by kind and the partner's code."""
    told = _partners(settings)
    if not told:
        return {}
    registry = Registry.discover()
    adapters, troubles = registry.open_all(told)
    for trouble in (*registry.troubles, *troubles):
        log.error("%s cannot be used: %s", trouble.name, trouble.reason)
    found: dict[Kind, dict[str, object]] = {}
    for code, adapter in adapters.items():
        kind = registry.plugins[told[code]["adapter"]].kind
        found.setdefault(kind, {})[code] = adapter
    return found


def _partners(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what is told of each partner: a table of the file, named by its code."""
    if settings.partners is None:
        return {}
    try:
        told = tomllib.loads(settings.partners.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PartnersUnreadable(
            file=settings.partners.name, reason=str(error)
        ) from error
    return {code: facts for code, facts in told.items() if isinstance(facts, dict)}


def _payments(settings: Settings) -> PaymentProvider | None:
    if settings.stripe_key is None:
        return None
    # Stripe's library takes half a second to import; most commands take no money.
    from partners.adapters.stripe_checkout import StripeCheckout  # noqa: PLC0415

    return StripeCheckout(
        settings.stripe_key,
        webhook_secret=settings.stripe_webhook_secret,
        address=settings.stripe_address,
    )


def _payouts(settings: Settings) -> PayoutTeller | None:
    if settings.stripe_key is None:
        return None
    # As above.
    from partners.adapters.stripe_balance import StripeBalance  # noqa: PLC0415

    return StripeBalance(settings.stripe_key, address=settings.stripe_address)
