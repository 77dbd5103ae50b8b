"""The strangers an installation speaks with, put together from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from loyalty.settings import Settings
from partners.ports import Airline, Billing, Insurer, Messenger, PaymentProvider
from partners.sandbox.messenger import ConsoleMessenger, FileMessenger
from partners.sandbox.twins import BillingTwin, InsurerTwin


@dataclass(frozen=True, slots=True)
class Connections:
    """Whom we can ask."""

    messenger: Messenger
    insurer: Insurer
    billing: Billing
    payments: PaymentProvider | None  # None: no card payments are offered
    airlines: Mapping[str, Airline] = field(default_factory=dict)  # by partner

    def airline(self, partner: str) -> Airline | None:
        """Return who keeps the miles of a partner; None: nobody can be asked."""
        return self.airlines.get(partner)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Connect as the settings say."""
        return cls(
            messenger=(
                ConsoleMessenger()
                if settings.messages == "console"
                else FileMessenger(Path(settings.messages))
            ),
            insurer=InsurerTwin(),
            billing=BillingTwin(),
            payments=_payments(settings),
        )


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
