"""What must hold of billing beside its credits: bills and payments, in order."""

from partners.testing.pages import PagesContract


class BillingContract(PagesContract):
    """Bills and payments; `read` of the bench is the adapter's `billing_lines`."""
