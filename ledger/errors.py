"""Why an entry was refused: the codes of `sql/post.sql`, as errors.

The docstring is the sentence, `code` is the contract.
"""

from typing import ClassVar


class LedgerError(Exception):
    """The ledger refused an entry."""

    code: ClassVar[str] = "ledger_error"

    def __init__(self, **facts: object) -> None:
        super().__init__(facts)
        self.facts = facts

    def __str__(self) -> str:
        facts = ", ".join(f"{name}: {fact}" for name, fact in self.facts.items())
        sentence = (type(self).__doc__ or "").rstrip(".")
        return f"{sentence} ({facts})" if facts else sentence


class Unbalanced(LedgerError):
    """The postings of an entry do not add up to zero in every unit."""

    code = "unbalanced"


class EmptyEntry(LedgerError):
    """An entry needs at least one transfer."""

    code = "empty_entry"


class UnknownMember(LedgerError):
    """The member has no book."""

    code = "unknown_member"


class ReferenceReused(LedgerError):
    """The reference names another entry already."""

    code = "reference_reused"


class UndeclaredKind(LedgerError):
    """No such kind of entry is declared."""

    code = "undeclared_kind"


class UnknownUnit(LedgerError):
    """The ledger keeps no such unit."""

    code = "unknown_unit"


class AmountOutOfRange(LedgerError):
    """An amount must lie between 1 and 1,000,000,000,000,000."""

    code = "amount_out_of_range"


class PeriodClosed(LedgerError):
    """The day lies in a closed period."""

    code = "period_closed"


class GateClosed(LedgerError):
    """The book is not open for spending."""

    code = "gate_closed"


class UnknownEntry(LedgerError):
    """The member's book has no such entry to undo."""

    code = "unknown_entry"


class InsufficientPoints(LedgerError):
    """The book holds too little."""

    code = "insufficient_points"


class ExceedsOriginal(LedgerError):
    """More would be taken back than the entry has left."""

    code = "exceeds_original"


class UnknownAccount(LedgerError):
    """The chart has no such account."""

    code = "unknown_account"


class UndeclaredLeg(LedgerError):
    """This kind of entry may not move points between these accounts."""

    code = "undeclared_leg"


class NothingToPost(LedgerError):
    """There is nothing there to move."""

    code = "nothing_to_post"


BY_CODE: dict[str, type[LedgerError]] = {
    kind.code: kind
    for kind in (
        UnknownMember,
        ReferenceReused,
        UndeclaredKind,
        UnknownUnit,
        AmountOutOfRange,
        PeriodClosed,
        GateClosed,
        UnknownEntry,
        InsufficientPoints,
        ExceedsOriginal,
        UnknownAccount,
        UndeclaredLeg,
        NothingToPost,
    )
}
