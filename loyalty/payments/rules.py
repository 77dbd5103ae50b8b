"""How long a payment may take."""

from datetime import datetime, timedelta

PAYMENT_MINUTES = 30
# Stripe keeps a checkout open for 30 minutes at least, counted from its opening, and
# ours may be opened as late as at the payment's own end.
PROVIDER_MINUTES = 31


def payment_deadline(asked_at: datetime) -> datetime:
    """Return until when a payment that is asked for now can be made."""
    return asked_at + timedelta(minutes=PAYMENT_MINUTES)


def checkout_deadline(expires_at: datetime) -> datetime:
    """Return when the provider closes a payment's page that we have not closed.

    It follows from the payment alone, so that the question can be repeated.
    """
    return expires_at + timedelta(minutes=PROVIDER_MINUTES)
