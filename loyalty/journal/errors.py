"""Why no money journal can be derived, kept or changed."""

from datetime import date

from loyalty.errors import Conflict, Missing, Refused


class NoPostingRules(Missing):
    """There are no posting rules for this month: run jifen init."""

    code = "no_posting_rules"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period)


class NoRuleFor(Missing):
    """The posting rules do not say what this event means in money."""

    code = "no_rule_for"

    def __init__(self, **facts: object) -> None:
        super().__init__(**facts)


class BadPostingRules(Refused):
    """The posting rules make no sense."""

    code = "bad_posting_rules"

    def __init__(self, *, faults: list[str]) -> None:
        super().__init__(faults=faults)


class JournalKept(Conflict):
    """The money journal of this month is kept already."""

    code = "journal_kept"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period)


class JournalMovedOn(Conflict):
    """Another month was kept since this journal was derived."""

    code = "journal_moved_on"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period)


class NotKept(Missing):
    """No money journal of this month is kept."""

    code = "journal_not_kept"

    def __init__(self, *, period: date) -> None:
        super().__init__(period=period)


class NotTheNewest(Conflict):
    """A later month is kept: reopen that one first."""

    code = "journal_not_the_newest"

    def __init__(self, *, newest: date) -> None:
        super().__init__(newest=newest)


class PostingRulesTooLate(Refused):
    """Posting rules hold from an open month on."""

    code = "posting_rules_too_late"

    def __init__(self, *, valid_from: date, earliest: date) -> None:
        super().__init__(valid_from=valid_from, earliest=earliest)


class PostingRulesMovedOn(Conflict):
    """Another version of the posting rules was approved meanwhile."""

    code = "posting_rules_moved_on"

    def __init__(self, *, version: int) -> None:
        super().__init__(version=version)


class UnknownAccount(Missing):
    """The chart has no such account."""

    code = "unknown_money_account"

    def __init__(self, *, account: str) -> None:
        super().__init__(account=account)
