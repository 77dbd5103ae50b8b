"""What can be anticipated going wrong, in four families.

A subclass is one sentence (its docstring), a stable `code` and a signature that
lists the facts. The programme knows the family; only a face knows the status.
"""

import inspect
from typing import ClassVar


class LoyaltyError(Exception):
    """Something anticipated went wrong."""

    code: ClassVar[str] = "error"

    def __init__(self, **facts: object) -> None:
        super().__init__(facts)
        self.facts = facts

    @property
    def title(self) -> str:
        """The sentence for this kind of error: the first of its docstring."""
        return inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0]

    def __str__(self) -> str:
        facts = ", ".join(f"{name}: {fact}" for name, fact in self.facts.items())
        return f"{self.title.rstrip('.')} ({facts})" if facts else self.title


class Missing(LoyaltyError):
    """There is no such thing."""

    code = "missing"


class Refused(LoyaltyError):
    """The rules say no."""

    code = "refused"


class Conflict(LoyaltyError):
    """It contradicts what is already there."""

    code = "conflict"


class Unavailable(LoyaltyError):
    """It cannot be done right now."""

    code = "unavailable"
