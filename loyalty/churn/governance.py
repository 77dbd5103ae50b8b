"""Change what leaving means; a new version holds once a second person agrees."""

from collections import defaultdict
from dataclasses import astuple
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.churn.errors import (
    BadChurnTerms,
    ChurnTermsMovedOn,
    ChurnTermsTooSoon,
    NoChurnTerms,
)
from loyalty.churn.terms import ReasonTerms, Terms, as_json, as_loaded, faults_of
from loyalty.rules.leaving import load_churn_terms
from loyalty.rules.models import (
    CHURN_REASONS,
    ChurnBenefit,
    ChurnFreeze,
    ChurnPolicy,
    ChurnTerms,
)
from loyalty.settings import TIME_ZONE

CHANGE = "churn.policy"


def versions(session: Session) -> list[Terms]:
    """Return all versions, the newest first."""
    policies = defaultdict(list)
    for policy in session.scalars(select(ChurnPolicy)):
        policies[policy.version].append(policy)
    benefits = defaultdict(list)
    for benefit in session.scalars(select(ChurnBenefit).order_by(ChurnBenefit.nth)):
        benefits[benefit.version, benefit.reason].append(benefit)
    freezes = defaultdict(list)
    for freeze in session.scalars(select(ChurnFreeze)):
        freezes[freeze.version].append((freeze.event, freeze.reason))
    return [
        Terms(
            version=terms.version,
            starts_on=terms.starts_on,
            bank_answers_within_days=terms.bank_answers_within_days,
            freezes=tuple(sorted(freezes[terms.version], reverse=True)),
            policies=tuple(
                _of_reason(policy, benefits[policy.version, policy.reason])
                for policy in sorted(
                    policies[terms.version],
                    key=lambda policy: CHURN_REASONS.index(policy.reason),
                )
            ),
        )
        for terms in session.scalars(
            select(ChurnTerms).order_by(ChurnTerms.version.desc())
        )
    ]


def in_force(found: list[Terms], *, on: date) -> Terms | None:
    """Return the version that holds for who leaves on a day; None: there is none."""
    return next((terms for terms in found if terms.starts_on <= on), None)


def ask_terms(
    session: Session, *, wanted: Terms, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for terms to hold from a day on; they become the next version.

    Raises `BadChurnTerms` with what makes no sense, `NoChurnTerms`,
    `ChurnTermsTooSoon` and `AlreadyRequested`.
    """
    newest = _newest(session)
    if faults := faults_of(wanted):
        raise BadChurnTerms(faults=[astuple(fault) for fault in faults])
    _in_time(wanted.starts_on, newest, at=at)
    return request(
        session,
        action=CHANGE,
        subject=str(newest.version + 1),
        before=as_json(newest),
        after=as_json(wanted),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_terms(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let approved terms hold from their first day on, and return that day.

    Raises `ChurnTermsMovedOn` where another version came in between, and
    `ChurnTermsTooSoon` when the day has come meanwhile.
    """
    assert approval.action == CHANGE
    assert approval.state == "approved"
    newest = _newest(session)
    version = int(approval.subject)
    if version != newest.version + 1:
        raise ChurnTermsMovedOn(version=newest.version)
    starts_on = date.fromisoformat(approval.after["starts_on"])
    _in_time(starts_on, newest, at=at)
    load_churn_terms(
        session,
        terms=as_loaded(approval.after, version=version),
        starts_on=starts_on,
        at=at,
        approval_id=approval.approval_id,
    )
    return starts_on


def _of_reason(policy: ChurnPolicy, benefits: list[ChurnBenefit]) -> ReasonTerms:
    return ReasonTerms(
        reason=policy.reason,
        scope=policy.scope,
        notice_days=policy.notice_days,
        grace_days=policy.grace_days,
        may_redeem=policy.may_redeem,
        reinstate_within_days=policy.reinstate_within_days,
        voids=tuple(one.benefit for one in benefits),
        comes_back=tuple(one.benefit for one in benefits if one.comes_back),
    )


def _newest(session: Session) -> Terms:
    found = versions(session)
    if not found:
        raise NoChurnTerms
    return found[0]


def _in_time(starts_on: date, newest: Terms, *, at: datetime) -> None:
    """Refuse terms for days on which somebody may have left under others."""
    today = at.astimezone(TIME_ZONE).date()
    earliest = max(today, newest.starts_on) + timedelta(days=1)
    if starts_on < earliest:
        raise ChurnTermsTooSoon(starts_on=starts_on, earliest=earliest)
