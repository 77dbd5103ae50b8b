"""Who calls, in a word."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A partner's machine that has proved who it is.

    Where it acts for a member, a view that touches a member holds to that one.
    """

    client_id: str
    partner: str
    scopes: frozenset[str]
    member_id: int | None  # None: it acts in its own name, for no one member
