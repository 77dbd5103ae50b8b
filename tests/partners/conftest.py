from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from partners.adapters.stripe_checkout import StripeCheckout
from partners.ports import CheckoutOrder
from tests.sandboxes import KEY, SECRET, listening

_numbers = count(1)


@pytest.fixture
def provider(stripe_sandbox):
    """Stripe's library, speaking with the sandbox over HTTP."""
    return StripeCheckout(KEY, webhook_secret=SECRET, address=stripe_sandbox.address)


@pytest.fixture
def order_of():
    """Make an order for a checkout; what is not told is ordinary."""

    def make(**told):
        reference = f"payment-{next(_numbers)}"
        facts: dict[str, Any] = {
            "reference": reference,
            "amount_fen": 2_000,
            "title": "联通平安如意行",
            "success_url": "http://127.0.0.1:8000/orders/1?checkout={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:8000/orders/1",
            "expires_at": datetime.now(UTC) + timedelta(minutes=61),
            "language": "zh",
            "facts": {"member_id": "7", "payment_ref": reference},
        }
        return CheckoutOrder(**(facts | told))

    return make


@pytest.fixture
def listener(stripe_sandbox):
    """Whoever the sandbox tells of what happens."""
    with listening() as listener:
        stripe_sandbox.tell("webhooks", url=listener.url, secret=SECRET)
        yield listener
        stripe_sandbox.tell("webhooks", url=None, secret=None)
