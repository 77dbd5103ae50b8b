"""Load the chart of money, and the rules by which events are posted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.rules.models import MoneyAccount, PostingRules


def load_posting_rules(
    session: Session,
    *,
    terms: Mapping[str, Any],
    accounts: Sequence[Mapping[str, Any]],
    at: datetime,
) -> None:
    """Load the chart and the rules of the terms; what is there already stays."""
    if accounts:
        session.execute(
            insert(MoneyAccount).values(list(accounts)).on_conflict_do_nothing()
        )
    session.execute(
        insert(PostingRules)
        .values(
            version=terms["version"],
            valid_from=terms["valid_from"],
            statutory=terms["statutory"],
            document={
                name: terms[name]
                for name in ("switches", "liability", "principals", "rule")
            },
            approval_id=None,
            loaded_at=at,
        )
        .on_conflict_do_nothing()
    )
