"""Load what leaving the network means."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.rules.models import ChurnBenefit, ChurnFreeze, ChurnPolicy, ChurnTerms


def load_churn_terms(
    session: Session,
    *,
    terms: Mapping[str, Any],
    starts_on: date,
    at: datetime,
    approval_id: int | None = None,
) -> None:
    """Load a version of what leaving means; one that is there already stays."""
    version = {"version": terms["version"]}
    policies = [
        (reason, policy) for policy in terms["policy"] for reason in policy["reasons"]
    ]
    insert_all(
        session,
        {
            ChurnTerms: [
                version
                | {
                    "starts_on": starts_on,
                    "bank_answers_within_days": terms["bank_answers_within_days"],
                    "loaded_at": at,
                    "approval_id": approval_id,
                }
            ],
            ChurnPolicy: [
                version
                | {"reason": reason}
                | {
                    name: policy[name]
                    for name in (
                        "scope",
                        "notice_days",
                        "grace_days",
                        "may_redeem",
                        "reinstate_within_days",
                    )
                }
                for reason, policy in policies
            ],
            ChurnBenefit: [
                version
                | {
                    "reason": reason,
                    "benefit": benefit,
                    "nth": nth,
                    "comes_back": benefit in policy["comes_back"],
                }
                for reason, policy in policies
                for nth, benefit in enumerate(policy["voids"], start=1)
            ],
            ChurnFreeze: [
                version | {"event": event, "reason": reason}
                for event, reason in terms["freezes"]
            ],
        },
    )


def insert_all(
    session: Session, rows: Mapping[type[Any], Sequence[Mapping[str, Any]]]
) -> None:
    """Insert rows of terms; those that are there already stay as they are."""
    for model, values in rows.items():
        if values:
            session.execute(insert(model).values(values).on_conflict_do_nothing())
