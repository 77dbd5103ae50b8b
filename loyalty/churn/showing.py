"""What leaving means to one member: what would be lost, and what was, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.churn.forecast import COUNTED
from loyalty.churn.operations import KIN
from loyalty.churn.queries import LeavingLine, LeavingView, leaving
from loyalty.churn.steps import found

USUAL_REASON: Final = "voluntary"  # what is told to who has not left


@dataclass(frozen=True, slots=True)
class Rule:
    """The policy of one reason, as one version has it."""

    version: int
    reason: str
    notice_days: int
    grace_days: int
    may_redeem: bool
    reinstate_within_days: int

    def days_kept(self, *, told_on: date | None, left_on: date) -> int:
        """Return for how many days after a leaving points are not void yet."""
        told_before = 0 if told_on is None else (left_on - told_on).days
        return max(self.grace_days, self.notice_days - told_before)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a member would lose by giving up the last line today."""

    rule: Rule
    days_kept: int  # after the last line was closed by choice today
    days_kept_ported: int  # after its number moved to another network today
    pre_cancelled_on: date | None  # None: no line is about to be closed
    lines_alive: int  # of the whole identity
    points: int
    pending: int
    held: int
    benefits: Mapping[str, int]  # by name, in the order in which they would end


_LATEST = text(
    """
    SELECT event_ref FROM departure WHERE member_id = :member
     ORDER BY reinstated_on IS NULL DESC, left_at DESC, event_ref DESC LIMIT 1
    """
)
_LOST_TIER = text(
    """
    SELECT EXISTS (SELECT FROM tier_decision
                    WHERE member_id = :member AND kind = 'ended' AND starts_on = :on)
        OR EXISTS (SELECT FROM tier_grant
                    WHERE member_id = :member AND granted_on < :on AND until >= :on)
    """
)
_MAY_REDEEM = text(
    "SELECT may_redeem FROM churn_policy WHERE version = :version AND reason = :reason"
)
_RULE = text(
    """
    SELECT p.version, p.reason, p.notice_days, p.grace_days, p.may_redeem,
           p.reinstate_within_days
      FROM churn_policy p JOIN churn_terms t USING (version)
     WHERE p.reason = :reason AND t.starts_on <= :on
     ORDER BY p.version DESC LIMIT 1
    """
)
_LINES = text(
    f"""
    SELECT count(*) FILTER (WHERE s.ended_on IS NULL) AS alive,
           max(CAST(s.state_at AS date)) FILTER (
               WHERE s.ended_on IS NULL AND s.state = 'pre_cancelled'
                 AND s.member_id = :member) AS pre_cancelled_on
      FROM subscription s
     WHERE s.member_id IN ({KIN.format(member="CAST(:member AS bigint)")})
    """
)
_HAS = text(
    """
    SELECT coalesce(sum(available), 0)::bigint AS points,
           coalesce(sum(pending), 0)::bigint AS pending,
           coalesce(sum(held), 0)::bigint AS held,
           (SELECT coalesce(sum(l.units_left), 0)::bigint FROM ledger.lot l
             WHERE l.member_id = :member AND l.cost_class = 'purchased') AS bought
      FROM ledger.balance WHERE member_id = :member
    """
)
_WOULD_END = text(
    f"""
    WITH voiding AS (
        SELECT CAST(:member AS bigint) AS member_id, '' AS event_ref,
               CAST(:version AS int)
                   AS policy_version, CAST(:reason AS text) AS reason,
               CAST(:on AS date) AS effective_on,
               CAST(:at AS timestamptz) AS occurred_at,
               ARRAY(SELECT code FROM ledger.unit) AS units, true AS voids_pending)
    SELECT benefit, count(*) AS times FROM ({found(COUNTED)}) found
     GROUP BY benefit, nth ORDER BY nth
    """
)


def latest_leaving(session: Session, *, member_id: int) -> LeavingView | None:
    """Return a member's latest leaving; None: has never left."""
    ref = session.scalar(_LATEST, {"member": member_id})
    if ref is None:
        return None
    found = leaving(session, member_id=member_id, departure_ref=ref)
    if session.scalar(_LOST_TIER, {"member": member_id, "on": found.line.void_on}):
        return found
    # The step is there for everybody; who had no tier is not told of one.
    rest = tuple(stage for stage in found.stages if stage.benefit != "tier")
    return replace(found, stages=rest)


def may_redeem(session: Session, line: LeavingLine) -> bool:
    """Whether a leaver may spend points until they are void."""
    facts = {"version": line.policy_version, "reason": line.reason}
    return bool(session.scalar(_MAY_REDEEM, facts))


def pre_cancelled_on(session: Session, *, member_id: int) -> date | None:
    """Return since when a line of a member is about to be closed; None: none is."""
    found_on: date | None = (
        session.execute(_LINES, {"member": member_id}).one().pre_cancelled_on
    )
    return found_on


def prospect(session: Session, *, member_id: int, at: datetime) -> Prospect | None:
    """Return what giving up the last line now would mean; None: nobody has said yet."""
    day = at.date()
    rule = _rule(session, USUAL_REASON, on=day)
    if rule is None:
        return None
    ported = _rule(session, "ported_out", on=day) or rule
    key = {"member": member_id}
    lines = session.execute(_LINES, key).one()
    has = session.execute(_HAS, key).one()
    facts = key | {"version": rule.version, "reason": rule.reason, "on": day, "at": at}
    ends = {one.benefit: one.times for one in session.execute(_WOULD_END, facts)}
    told_on = lines.pre_cancelled_on
    return Prospect(
        rule=rule,
        days_kept=rule.days_kept(told_on=told_on, left_on=day),
        days_kept_ported=ported.days_kept(told_on=told_on, left_on=day),
        pre_cancelled_on=lines.pre_cancelled_on,
        lines_alive=lines.alive,
        points=has.points - (0 if "points.purchased" in ends else has.bought),
        pending=has.pending,
        held=has.held,
        benefits=ends,
    )


def _rule(session: Session, reason: str, *, on: date) -> Rule | None:
    row = session.execute(_RULE, {"reason": reason, "on": on}).one_or_none()
    return None if row is None else Rule(*row)
