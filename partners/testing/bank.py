"""What must hold of a bank beside its instructions: lines, read once and in order."""

from partners.testing.pages import PagesContract


class BankContract(PagesContract):
    """Posted lines of a bank; `read` of the bench is its `posted_lines`."""
