"""Read the policy of tiers, and where members stand by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from loyalty.tiers.measuring import earned, facts_of
from loyalty.tiers.models import TierAppeal, TierDecision, TierGrant, TierReview
from loyalty.tiers.rules import (
    NOWHERE,
    Counted,
    Granted,
    Kept,
    Measure,
    Period,
    Policy,
    Rung,
    TierStanding,
    stand,
)

_POLICIES = """
SELECT p.version, p.valid_from, p.measure, p.period, p.months, p.grace_days,
       p.soft_landing, p.never_downgrade, p.late_days, p.notice_days,
       t.tier, t.rank, t.needed
  FROM tier_policy p JOIN tier_terms t ON t.version = p.version
"""
_IN_FORCE = f"""
{_POLICIES}
 WHERE p.version = (SELECT max(version) FROM tier_policy WHERE valid_from <= :on)
 ORDER BY t.rank
"""
_COUNTED = """
WITH {earned}
SELECT under_way, tier, until FROM earned
"""
_ONE = """
SELECT m.member_id, CAST(:on AS date) AS day, CAST(:on AS date) AS last FROM member m
 WHERE m.member_id = :member
   AND (m.left_on IS NULL OR m.left_on > :on OR EXISTS (
       SELECT FROM departure d
        WHERE d.member_id = m.member_id AND d.reinstated_on IS NULL
          AND d.left_on = m.left_on AND d.void_on > :on))
"""
# What a leaving ended does not count again, unless the leaving was taken back. It ends
# with the points: a tier still holds in the days of grace.
_ENDED = """EXISTS (
    SELECT FROM departure d
     WHERE d.member_id = :member AND d.reinstated_on IS NULL AND d.void_on <= :on
       AND d.void_on >= {day})"""


@dataclass(frozen=True, slots=True)
class TierPeriod:
    """That a member held a tier from a day on."""

    tier: str
    starts_on: date
    ends_on: date | None  # the last day; None: goes on
    source: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of a tier at the end of its period."""

    review_on: date  # the period's end, or the day on which too little counts
    last_on: date  # with the days of grace
    needed: int  # to keep the tier
    missing: int  # of that, as things are now


def policies(session: Session) -> Sequence[Policy]:
    """Return all versions of the policy, the newest first."""
    rows = session.execute(text(f"{_POLICIES} ORDER BY p.version DESC, t.rank"))
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.version, []).append(row)
    return [_policy(lines) for lines in found.values()]


def policy_in_force(session: Session, *, on: date) -> Policy | None:
    """Return the policy that holds on a day; None: there are no tiers."""
    rows = session.execute(text(_IN_FORCE), {"on": on}).all()
    return _policy(rows) if rows else None


def ladder(session: Session, *, on: date) -> Sequence[Rung]:
    """Return the rungs of the policy that holds on a day, from the lowest."""
    policy = policy_in_force(session, on=on)
    return policy.rungs if policy else ()


def standing(session: Session, *, member_id: int, on: date) -> TierStanding:
    """Return where a member stands on a day: by what counts, a decision or a grant.

    Before any review it is what counts alone. What came before a leaving does not
    count; whose leaving has made the points void stands nowhere.
    """
    policy = policy_in_force(session, on=on)
    if policy is None:
        return NOWHERE
    counted = _counted(session, policy, member_id=member_id, on=on)
    if counted is None:
        return stand(policy, counted=Counted(), kept=None, grants=(), on=on)
    return stand(
        policy,
        counted=counted,
        kept=_kept(session, member_id=member_id, on=on),
        grants=_grants(session, member_id=member_id, on=on),
        on=on,
    )


def outlook(
    session: Session, stands: TierStanding, *, member_id: int, on: date
) -> Outlook | None:
    """Return what is still needed to keep an earned tier; None: nothing is at stake."""
    policy = policy_in_force(session, on=on)
    if policy is None or stands.source != "earned" or stands.until is None:
        return None
    needed = {rung.tier: rung.needed for rung in policy.rungs}[stands.tier or ""]
    is_rolling = policy.period is Period.ROLLING
    then = stands.until + timedelta(days=1) if is_rolling else stands.until
    counted = _counted(session, policy, member_id=member_id, on=max(then, on))
    figure = counted.figure if counted else 0
    return Outlook(
        review_on=stands.until,
        last_on=stands.until + timedelta(days=policy.grace_days),
        needed=needed,
        missing=max(needed - figure, 0),
    )


def history(session: Session, *, member_id: int) -> Sequence[TierDecision]:
    """Return all decisions about a member's tier, the newest first."""
    return session.scalars(
        select(TierDecision)
        .where(TierDecision.member_id == member_id)
        .order_by(TierDecision.decision_id.desc())
    ).all()


def periods(session: Session, *, member_id: int) -> Sequence[TierPeriod]:
    """Return which tiers a member held from when to when, the newest first."""
    rows = session.execute(
        text(
            "SELECT tier, starts_on, ends_on, source FROM tier_period"
            " WHERE member_id = :member ORDER BY starts_on DESC, source"
        ),
        {"member": member_id},
    )
    return [TierPeriod(*row) for row in rows]


def held_since(session: Session, *, member_id: int, tier: str) -> date | None:
    """Return since when a tier has been held without a break; None: not written."""
    since = expected = None
    for period in periods(session, member_id=member_id):
        if period.source != "decision":
            continue
        is_joined = expected is None or period.ends_on == expected
        if period.tier != tier or not is_joined:
            break
        since = period.starts_on
        expected = since - timedelta(days=1)
    return since


def grants_of(session: Session, *, member_id: int) -> Sequence[TierGrant]:
    """Return the tiers that were given to a member, the newest first."""
    return session.scalars(
        select(TierGrant)
        .where(TierGrant.member_id == member_id)
        .order_by(TierGrant.granted_on.desc(), TierGrant.tier)
    ).all()


def appeals_of(session: Session, *, member_id: int) -> Sequence[TierAppeal]:
    """Return what people were asked to look at for a member, the newest first."""
    return session.scalars(
        select(TierAppeal)
        .where(TierAppeal.member_id == member_id)
        .order_by(TierAppeal.asked_at.desc())
    ).all()


def open_appeals(session: Session) -> Sequence[TierAppeal]:
    """Return what somebody has to look at, the oldest first."""
    return session.scalars(
        select(TierAppeal)
        .where(TierAppeal.answered_at.is_(None))
        .order_by(TierAppeal.asked_at)
    ).all()


def references(session: Session, *, member_ids: Sequence[int]) -> dict[int, str]:
    """Return what members are called outside, by their number, as far as they exist."""
    rows = session.execute(
        text("SELECT member_id, member_ref FROM member WHERE member_id = ANY(:ids)"),
        {"ids": list(member_ids)},
    )
    return {row.member_id: row.member_ref for row in rows}


def reviews(session: Session, *, limit: int = 12) -> Sequence[TierReview]:
    """Return the latest reviews of all members, the newest first."""
    return session.scalars(
        select(TierReview).order_by(TierReview.id.desc()).limit(limit)
    ).all()


def refuses_machines(session: Session, *, member_id: int) -> bool:
    """Whether a member refuses to be decided about by a machine alone."""
    return bool(
        session.scalar(
            text(
                "SELECT NOT granted FROM consent WHERE member_id = :member"
                " AND purpose = 'automated_decisions' ORDER BY given_at DESC LIMIT 1"
            ),
            {"member": member_id},
        )
    )


def _policy(rows: Sequence[Row[Any]]) -> Policy:
    """Return the policy that rows of `_POLICIES` are one version of."""
    said = rows[0]._asdict()
    facts = {name: said[name] for name in Policy.__dataclass_fields__ if name in said}
    return Policy(
        **facts
        | {
            "measure": Measure(said["measure"]),
            "period": Period(said["period"]),
            "rungs": tuple(Rung(row.tier, row.rank, row.needed) for row in rows),
        }
    )


def _counted(
    session: Session, policy: Policy, *, member_id: int, on: date
) -> Counted | None:
    """Return what counts for a member on a day; None: has left by then."""
    row = session.execute(
        text(_COUNTED.format(earned=earned(policy, asked=_ONE))),
        facts_of(session, policy, on=on) | {"member": member_id},
    ).first()
    return Counted(*row) if row else None


def _kept(session: Session, *, member_id: int, on: date) -> Kept | None:
    row = session.execute(
        text(
            f"""
            SELECT tier, until, {_ENDED.format(day="k.starts_on")} AS is_ended
              FROM (SELECT tier, until, starts_on FROM tier_decision
                     WHERE member_id = :member AND starts_on <= :on
                     ORDER BY decision_id DESC LIMIT 1) k
            """
        ),
        {"member": member_id, "on": on},
    ).first()
    if row is None or row.tier is None or row.is_ended:
        return None
    return Kept(row.tier, row.until)


def _grants(session: Session, *, member_id: int, on: date) -> Sequence[Granted]:
    rows = session.execute(
        text(
            f"""
            SELECT tier, until FROM tier_grant
             WHERE member_id = :member AND :on BETWEEN granted_on AND until
               AND NOT {_ENDED.format(day="tier_grant.granted_on")}
            """
        ),
        {"member": member_id, "on": on},
    )
    return [Granted(*row) for row in rows]
