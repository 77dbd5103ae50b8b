"""What several steps of a month-end rest on, computed once for all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from ledger.book import Book
from ledger.values import Finding
from loyalty.closing.rules import Month
from loyalty.finance.queries import month_report
from loyalty.journal.deriving import derive
from loyalty.journal.errors import NoPostingRules, NoRuleFor
from loyalty.journal.values import Derived
from loyalty.reports.producing import produce
from loyalty.reports.register import REPORTS
from loyalty.reports.scope import Scope
from loyalty.reports.shape import Table


class Workings:
    """The proof, the month report and the money journal of a month, as needed."""

    def __init__(
        self,
        session: Session,
        month: Month,
        *,
        at: datetime,
        proof: Sequence[Finding] | None = None,
    ) -> None:
        self.session = session
        self.month = month
        self.at = at  # when somebody looks
        self._proof = proof  # None: was not proved a moment ago

    @cached_property
    def proof(self) -> Sequence[Finding]:
        """Return what proving the books finds."""
        return Book(self.session).prove() if self._proof is None else self._proof

    @cached_property
    def report(self) -> dict[str, Any]:
        """Return the month's roll-forward, payables and cost."""
        return month_report(
            self.session, self.month.period, proved=len(self.proof) == 0
        )

    @cached_property
    def reports(self) -> Mapping[str, Sequence[Table]]:
        """Return the tables of every report of the month; its journal must be kept."""
        return {
            name: produce(
                self.session,
                definition=definition,
                scope=Scope(period=self.month.period),
                by="close",
                at=self.at,
            ).tables
            for name, definition in REPORTS.items()
        }

    @cached_property
    def journal(self) -> Derived | None:
        """Return the month's journal; None: the posting rules leave something open."""
        try:
            return derive(self.session, period=self.month.period)
        except (NoPostingRules, NoRuleFor):
            return None
