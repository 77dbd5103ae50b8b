"""The strangers an installation speaks with, put together from its settings."""

import logging
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from loyalty.errors import Unavailable
from loyalty.settings import Settings
from partners.ports import Airline, Billing, Insurer, Messenger, PaymentProvider
from partners.registry import Kind, Registry
from partners.sandbox.messenger import ConsoleMessenger, FileMessenger
from partners.sandbox.twins import BillingTwin, InsurerTwin

log = logging.getLogger(__name__)


class PartnersUnreadable(Unavailable):
    """The file that JIFEN_PARTNERS names says nothing that can be understood."""

    code = "partners_unreadable"

    def __init__(self, *, file: str, reason: str) -> None:
        super().__init__(file=file, reason=reason)


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
        """Connect as the settings say.

        A partner that cannot be used is written to the log, and the others work.
        Raises `PartnersUnreadable`.
        """
        return cls(
            messenger=(
                ConsoleMessenger()
                if settings.messages == "console"
                else FileMessenger(Path(settings.messages))
            ),
            insurer=InsurerTwin(),
            billing=BillingTwin(),
            payments=_payments(settings),
            airlines=cast("dict[str, Airline]", _of_kind(settings, Kind.AIRLINE)),
        )


def _of_kind(settings: Settings, kind: Kind) -> dict[str, object]:
    """Return the adapters of a kind of partner, by the partner's code."""
    told = _partners(settings)
    if not told:
        return {}
    registry = Registry.discover()
    wanted = {
        code: facts
        for code, facts in told.items()
        if (plugin := registry.plugins.get(str(facts.get("adapter")))) is None
        or plugin.kind is kind
    }
    adapters, troubles = registry.open_all(wanted)
    for trouble in (*registry.troubles, *troubles):
        log.error("%s cannot be used: %s", trouble.name, trouble.reason)
    return adapters


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
