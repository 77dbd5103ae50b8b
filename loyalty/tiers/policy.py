"""Change the policy of tiers; a new version holds once a second person agrees."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.rules.models import TierPolicy, TierTerms
from loyalty.settings import TIME_ZONE
from loyalty.tiers.errors import (
    BadTierPolicy,
    NoTierPolicy,
    TierPolicyMovedOn,
    TierPolicyTooSoon,
)
from loyalty.tiers.queries import policies
from loyalty.tiers.rules import Measure, Period, Policy, Rung, faults_of

CHANGE = "tier.policy"
_PLAIN = (
    "measure",
    "period",
    "months",
    "grace_days",
    "soft_landing",
    "never_downgrade",
    "late_days",
    "notice_days",
)


def as_json(policy: Policy) -> dict[str, Any]:
    """Return what a policy says, as an approval keeps it."""
    said: dict[str, Any] = {name: getattr(policy, name) for name in _PLAIN}
    said["valid_from"] = policy.valid_from.isoformat()
    return said | {f"needed_{rung.tier}": rung.needed for rung in policy.rungs}


def ask_policy(
    session: Session, *, wanted: Policy, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for a policy to hold from a day on; it becomes the next version.

    Raises `BadTierPolicy` with the names of what makes no sense, `NoTierPolicy`,
    `TierPolicyTooSoon` and `AlreadyRequested`.
    """
    newest = _newest(session)
    faults = faults_of(wanted, tiers=[rung.tier for rung in newest.rungs])
    if faults:
        raise BadTierPolicy(faults=sorted(faults))
    version = newest.version + 1
    _in_time(wanted.valid_from, newest, at=at)
    return request(
        session,
        action=CHANGE,
        subject=str(version),
        before=as_json(newest),
        after=as_json(replace(wanted, version=version)),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_policy(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let an approved policy hold from its first day on, and return that day.

    Raises `TierPolicyMovedOn` where another version came in between, and
    `TierPolicyTooSoon` when the day has come meanwhile.
    """
    assert approval.action == CHANGE
    assert approval.state == "approved"
    newest = _newest(session)
    said = approval.after
    version, valid_from = int(approval.subject), date.fromisoformat(said["valid_from"])
    if version != newest.version + 1:
        raise TierPolicyMovedOn(version=newest.version)
    _in_time(valid_from, newest, at=at)
    session.execute(
        insert(TierPolicy).values(
            {name: said[name] for name in _PLAIN}
            | {
                "version": version,
                "valid_from": valid_from,
                "approval_id": approval.approval_id,
                "loaded_at": at,
            }
        )
    )
    session.execute(
        insert(TierTerms).values(
            [
                {
                    "version": version,
                    "tier": rung.tier,
                    "rank": rung.rank,
                    "needed": said[f"needed_{rung.tier}"],
                }
                for rung in newest.rungs
            ]
        )
    )
    return valid_from


def wanted_policy(like: Policy, said: dict[str, Any]) -> Policy:
    """Return the policy that these facts make of another's ladder.

    Raises `ValueError` for a measure or a period that there is none of.
    """
    return Policy(
        version=like.version,
        valid_from=said["valid_from"],
        measure=Measure(said["measure"]),
        period=Period(said["period"]),
        months=said["months"],
        grace_days=said["grace_days"],
        soft_landing=said["soft_landing"],
        never_downgrade=said["never_downgrade"],
        late_days=said["late_days"],
        notice_days=said["notice_days"],
        rungs=tuple(
            Rung(rung.tier, rung.rank, said[f"needed_{rung.tier}"])
            for rung in like.rungs
        ),
    )


def _newest(session: Session) -> Policy:
    found = policies(session)
    if not found:
        raise NoTierPolicy
    return found[0]


def _in_time(valid_from: date, newest: Policy, *, at: datetime) -> None:
    """Refuse a policy for days that have been lived under another."""
    today = at.astimezone(TIME_ZONE).date()
    earliest = max(today, newest.valid_from) + timedelta(days=1)
    if valid_from < earliest:
        raise TierPolicyTooSoon(valid_from=valid_from, earliest=earliest)
