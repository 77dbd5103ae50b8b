"""Review where members stand: all of them at once, by the database.

The order in `review` is the policy: what came late is made good first, then who has
earned more rises, and whose period is over is looked at.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.members.claims import fill
from loyalty.tiers.measuring import earned, facts_of
from loyalty.tiers.queries import policy_in_force
from loyalty.tiers.rules import Period, Policy

ACTOR = "job:review-tiers"
# Two reviews at once would decide the same twice; the number is arbitrary.
_LOCK = {"key": 0x54494552}

_RUNG = "(SELECT tier, rank FROM tier_terms WHERE version = :version)"
_REFUSES = """
coalesce((SELECT NOT c.granted FROM consent c
           WHERE c.member_id = o.member_id AND c.purpose = 'automated_decisions'
           ORDER BY c.given_at DESC LIMIT 1), false)
"""
# What the newest decision gave, unless the member left since and was not taken back.
KEPT = f"""
SELECT k.member_id, k.decision_id, k.tier, r.rank, k.until
  FROM (SELECT DISTINCT ON (member_id) member_id, decision_id, tier, until, starts_on
          FROM tier_decision d WHERE starts_on <= :on {{one}}
         ORDER BY member_id, decision_id DESC) k
  JOIN {_RUNG} r ON r.tier = k.tier
 WHERE NOT EXISTS (
     SELECT FROM departure d
      WHERE d.member_id = k.member_id AND d.reinstated_on IS NULL
        AND d.left_on BETWEEN k.starts_on AND :on)
"""
_EVERYBODY = """
SELECT d.member_id, CAST(:on AS date) AS day, CAST(:on AS date) AS last
  FROM member d
 WHERE (d.left_on IS NULL OR d.left_on > :on) AND NOT d.deceased {one}
"""
# Whose grace is over: what counts is their period with its days of grace. By rolling
# months every day is the end of one.
_DUE = """
SELECT k.member_id, {day} AS day, {last} AS last
  FROM tier_kept k JOIN member d ON d.member_id = k.member_id
 WHERE k.until + :grace_days < :on
   AND (d.left_on IS NULL OR d.left_on > :on) AND NOT d.deceased
"""
_LOST = f"""
SELECT DISTINCT ON (f.member_id) f.member_id, f.decision_id, f.starts_on,
       coalesce(k.rank, 0) AS kept_rank, k.tier AS kept_tier,
       {{day}} AS day, f.counted_to AS last
  FROM tier_decision f
  JOIN {_RUNG} w ON w.tier = f.was
  JOIN member d ON d.member_id = f.member_id
  LEFT JOIN tier_kept k ON k.member_id = f.member_id
 WHERE f.kind = 'lowered' AND f.version = :version
   AND f.counted_to + :late_days >= :on AND coalesce(k.rank, 0) < w.rank
   AND (d.left_on IS NULL OR d.left_on > :on) AND NOT d.deceased
   AND NOT EXISTS (SELECT FROM tier_decision b
                    WHERE b.member_id = f.member_id AND b.restores = f.decision_id)
   AND NOT EXISTS (SELECT FROM departure g
                    WHERE g.member_id = f.member_id AND g.reinstated_on IS NULL
                      AND g.left_on BETWEEN f.starts_on AND :on)
 ORDER BY f.member_id, f.decision_id
"""
# Of what counts now and what counted for the period that is over, the higher; a fall
# is softened before it is written down.
_OUTCOME = """
SELECT e.member_id, k.tier AS was, coalesce(k.rank, 0) AS was_rank, r.tier,
       coalesce(r.rank, 0) AS rank, e.until AS earned_until, e.rank AS earned_rank,
       e.this_end, d.member_id IS NOT NULL AS is_due,
       CASE WHEN d.member_id IS NULL OR e.rank > d.rank THEN e.figure
            ELSE d.figure END AS figure,
       CASE WHEN d.member_id IS NULL OR e.rank > d.rank THEN e.counted_from
            ELSE d.counted_from END AS counted_from,
       CASE WHEN d.member_id IS NULL OR e.rank > d.rank THEN e.counted_to
            ELSE d.counted_to END AS counted_to
  FROM tier_earned e
  LEFT JOIN tier_kept k ON k.member_id = e.member_id
  LEFT JOIN tier_due d ON d.member_id = e.member_id
  LEFT JOIN {rung} r ON r.rank = greatest(e.rank, d.rank, CASE
      WHEN d.member_id IS NULL THEN k.rank
      WHEN :never_downgrade THEN k.rank
      WHEN :soft_landing THEN k.rank - 1 END)
 WHERE d.member_id IS NOT NULL OR e.rank > coalesce(k.rank, 0)
"""
_DECIDE = f"""
INSERT INTO tier_decision (
    member_id, kind, was, tier, starts_on, until, version, figure, counted_from,
    counted_to, grant_tier, grant_until, actor, reason, decided_at)
SELECT o.member_id,
       CASE WHEN o.rank < o.was_rank THEN 'lowered'
            WHEN o.rank = o.was_rank THEN 'renewed'
            WHEN :is_first THEN 'begun' ELSE 'raised' END,
       o.was, o.tier, :on,
       CASE WHEN o.tier IS NULL THEN NULL
            WHEN o.rank = o.earned_rank THEN o.earned_until ELSE o.this_end END,
       :version, o.figure, o.counted_from, o.counted_to, g.tier, g.until, :actor,
       :reason, :at
  FROM tier_outcome o
  LEFT JOIN LATERAL (
      SELECT g.tier, g.until FROM tier_grant g JOIN {_RUNG} r ON r.tier = g.tier
       WHERE g.member_id = o.member_id AND :on BETWEEN g.granted_on AND g.until
       ORDER BY r.rank DESC, g.until DESC LIMIT 1) g ON true
 WHERE o.rank >= o.was_rank OR NOT :heeds_refusals OR NOT {_REFUSES}
"""
_LEAVE_TO_PEOPLE = f"""
INSERT INTO tier_appeal (member_id, asked_at, origin, tier)
SELECT o.member_id, :at, 'refusal', o.tier FROM tier_outcome o
 WHERE o.rank < o.was_rank AND {_REFUSES}
ON CONFLICT DO NOTHING
"""
_MAKE_GOOD = """
INSERT INTO tier_decision (
    member_id, kind, was, tier, starts_on, until, version, figure, counted_from,
    counted_to, restores, actor, reason, decided_at)
SELECT l.member_id, 'restored', l.kept_tier, a.tier, l.starts_on, a.until, :version,
       a.figure, a.counted_from, a.counted_to, l.decision_id, :actor, :reason, :at
  FROM tier_lost l JOIN tier_again a ON a.member_id = l.member_id
 WHERE a.rank > l.kept_rank
"""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How many decisions a review made of each kind."""

    begun: int = 0
    raised: int = 0
    renewed: int = 0
    lowered: int = 0
    restored: int = 0
    left_to_people: int = 0


def review(session: Session, *, on: date, at: datetime) -> Reviewed:
    """Review all members for a day; reviewed again, nothing more is decided.

    Who has earned a higher tier rises at once. Whose period and grace are over stays,
    or falls: one rung at most where landings are soft, and not at all where tiers are
    for ever. What was posted late gives a lost tier back from the day it was lost. Who
    refuses to be decided about by a machine falls only by a person's decision.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), _LOCK)
    policy = policy_in_force(session, on=on)
    if policy is None:
        return Reviewed()
    is_first = not session.scalar(text("SELECT EXISTS (SELECT FROM tier_review)"))
    done = _decide(session, policy, on=on, at=at, is_first=is_first)
    session.execute(
        text(
            """
            INSERT INTO tier_review (reviewed_on, version, ran_at, begun, raised,
                                     renewed, lowered, restored, left_to_people)
            VALUES (:on, :version, :at, :begun, :raised, :renewed, :lowered, :restored,
                    :left_to_people)
            """
        ),
        {"on": on, "version": policy.version, "at": at}
        | {name: getattr(done, name) for name in Reviewed.__slots__},
    )
    return done


def review_one(
    session: Session,
    *,
    member_id: int,
    on: date,
    actor: str,
    reason: str,
    at: datetime,
) -> Reviewed:
    """Review one member as a person's decision, whatever the member refuses."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), _LOCK)
    policy = policy_in_force(session, on=on)
    if policy is None:
        return Reviewed()
    return _decide(
        session,
        policy,
        on=on,
        at=at,
        actor=actor,
        reason=reason,
        member_id=member_id,
        heeds_refusals=False,
    )


def renew(
    session: Session,
    *,
    member_id: int,
    on: date,
    actor: str,
    reason: str,
    at: datetime,
) -> None:
    """Let the tier that a member was given by a decision hold for another period."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), _LOCK)
    policy = policy_in_force(session, on=on)
    if policy is None:
        return
    facts = facts_of(session, policy, on=on) | {"member": member_id}
    one = "AND d.member_id = :member"
    fill(session, "tier_kept", KEPT.format(one=one), facts)
    asked = _EVERYBODY.format(one=one)
    session.execute(
        text(
            f"""
            WITH {earned(policy, asked=asked)}
            INSERT INTO tier_decision (
                member_id, kind, was, tier, starts_on, until, version, figure,
                counted_from, counted_to, actor, reason, decided_at)
            SELECT k.member_id, 'renewed', k.tier, k.tier, :on,
                   greatest(k.until, e.this_end), :version, e.figure, e.counted_from,
                   e.counted_to, :actor, :reason, :at
              FROM tier_kept k JOIN earned e ON e.member_id = k.member_id
            """
        ),
        facts | {"actor": actor, "reason": reason, "at": at},
    )


def _decide(
    session: Session,
    policy: Policy,
    *,
    on: date,
    at: datetime,
    actor: str = ACTOR,
    reason: str | None = None,
    member_id: int | None = None,
    is_first: bool = False,
    heeds_refusals: bool = True,
) -> Reviewed:
    """Decide about one member, or all, and count what was decided."""
    one = "AND d.member_id = :member" if member_id is not None else ""
    facts = facts_of(session, policy, on=on) | {
        "member": member_id,
        "soft_landing": policy.soft_landing,
        "never_downgrade": policy.never_downgrade,
        "is_first": is_first,
        "heeds_refusals": heeds_refusals,
        "actor": actor,
        "reason": reason,
        "at": at,
    }
    newest = session.scalar(
        text("SELECT coalesce(max(decision_id), 0) FROM tier_decision")
    )
    _fill(session, "tier_kept", KEPT.format(one=one), facts)
    if member_id is None:
        _make_good(session, policy, facts)
        _fill(session, "tier_kept", KEPT.format(one=one), facts)
    is_rolling = policy.period is Period.ROLLING
    due = _DUE.format(
        day="CAST(:on AS date)" if is_rolling else "k.until",
        last="CAST(:on AS date)" if is_rolling else "k.until + :grace_days",
    )
    _measure(session, policy, "tier_earned", _EVERYBODY.format(one=one), facts)
    _measure(session, policy, "tier_due", due, facts, with_before=False)
    _fill(session, "tier_outcome", _OUTCOME.format(rung=_RUNG), facts)
    session.execute(text(_DECIDE), facts)
    left_to_people = 0
    if heeds_refusals:
        left_to_people = session.execute(text(_LEAVE_TO_PEOPLE), facts).rowcount  # type: ignore[attr-defined]
    counts = session.execute(
        text(
            "SELECT kind, count(*) FROM tier_decision WHERE decision_id > :newest"
            " AND decided_at = :at GROUP BY kind"
        ),
        {"newest": newest, "at": at},
    )
    return Reviewed(**{row[0]: row[1] for row in counts}, left_to_people=left_to_people)


def _make_good(session: Session, policy: Policy, facts: dict[str, object]) -> None:
    """Give back, from the day they were lost, tiers that late postings had earned."""
    is_rolling = policy.period is Period.ROLLING
    day = "f.counted_to" if is_rolling else "f.counted_from"
    _fill(session, "tier_lost", _LOST.format(day=day), facts)
    asked = "SELECT member_id, day, last FROM tier_lost"
    _measure(session, policy, "tier_again", asked, facts, with_before=False)
    session.execute(text(_MAKE_GOOD), facts)


def _measure(
    session: Session,
    policy: Policy,
    table: str,
    asked: str,
    facts: dict[str, object],
    *,
    with_before: bool = True,
) -> None:
    tables = earned(policy, asked=asked, with_before=with_before)
    _fill(session, table, f"WITH {tables} SELECT * FROM earned", facts)


def _fill(session: Session, table: str, query: str, facts: dict[str, object]) -> None:
    """Fill a temporary table, and let the planner know how much is in it."""
    fill(session, table, query, facts)
    session.execute(text(f"ANALYZE {table}"))
