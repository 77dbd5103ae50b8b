"""Reasons and limits: loaded at the start, and changed by two people."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.adjustments.errors import BadAdjustment, LimitsMovedOn, LimitsTooSoon
from loyalty.adjustments.models import AdjustmentLimits, AdjustmentReason
from loyalty.adjustments.queries import all_limits
from loyalty.adjustments.rules import POINTS_MAX, Limits
from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.rules.leaving import insert_all
from loyalty.settings import TIME_ZONE

CHANGE = "adjustment.limits"
FIGURES = (
    "agent_points_per_day",
    "member_points_per_day",
    "third_above",
    "budget_points_per_month",
)
_FIGURE_MAX = 1_000 * POINTS_MAX


def load_reasons(session: Session, *, terms: Mapping[str, Any], at: datetime) -> None:
    """Load the reasons and limits to start from; what is there already stays."""
    insert_all(
        session,
        {
            AdjustmentReason: [
                {"rank": rank, "may_owe": False, "in_bulk": False} | told
                for rank, told in enumerate(terms["adjustment_reason"], start=1)
            ],
            AdjustmentLimits: [
                terms["adjustment_limits"] | {"starts_on": date.min, "loaded_at": at}
            ],
        },
    )


def ask_limits(
    session: Session, *, wanted: Limits, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for limits to hold from a day on; they become the next version.

    Raises `NoLimits`, `BadAdjustment` with the names of what makes no sense,
    `LimitsTooSoon` and `AlreadyRequested`.
    """
    newest = all_limits(session)[0]
    faults = [name for name in FIGURES if not 1 <= getattr(wanted, name) <= _FIGURE_MAX]
    if faults:
        raise BadAdjustment(faults=faults)
    _in_time(wanted.starts_on, newest, at=at)
    wanted = replace(wanted, version=newest.version + 1)
    return request(
        session,
        action=CHANGE,
        subject=str(wanted.version),
        before=_as_json(newest),
        after=_as_json(wanted),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_limits(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let approved limits hold from their first day on, and return that day.

    Raises `LimitsMovedOn`, and `LimitsTooSoon` when the day has come meanwhile.
    """
    assert approval.action == CHANGE
    assert approval.state == "approved"
    newest = all_limits(session)[0]
    version = int(approval.subject)
    if version != newest.version + 1:
        raise LimitsMovedOn(version=newest.version)
    starts_on = date.fromisoformat(approval.after["starts_on"])
    _in_time(starts_on, newest, at=at)
    session.execute(
        insert(AdjustmentLimits).values(
            {name: approval.after[name] for name in FIGURES}
            | {
                "version": version,
                "starts_on": starts_on,
                "loaded_at": at,
                "approval_id": approval.approval_id,
            }
        )
    )
    return starts_on


def _as_json(limits: Limits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in FIGURES} | {
        "starts_on": limits.starts_on.isoformat()
    }


def _in_time(starts_on: date, newest: Limits, *, at: datetime) -> None:
    """Refuse limits for days on which others have held."""
    today = at.astimezone(TIME_ZONE).date()
    earliest = max(today, newest.starts_on) + timedelta(days=1)
    if starts_on < earliest:
        raise LimitsTooSoon(starts_on=starts_on, earliest=earliest)
