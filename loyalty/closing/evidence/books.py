"""Evidence from the books: that they prove, what is due, and who has left."""

from typing import Any, Final

from sqlalchemy import text

from loyalty.closing.evidence.asking import figures_of, found
from loyalty.closing.rules import Evidence, Fact
from loyalty.closing.workings import Workings
from loyalty.points.operations import departure_of

HELD_DAYS_MAX: Final = 30

_HELD_LONG = """
SELECT count(*) AS holds, coalesce(sum(t.amount), 0) AS points
  FROM ledger.transfer t
 WHERE t.kind = 'hold' AND t.effective_on < CAST(:last_day AS date) - :days
   AND NOT EXISTS (
       SELECT FROM ledger.transfer x
        WHERE x.member_id = t.member_id AND x.reverses = t.id
          AND x.effective_on < :next_month)
"""

# As `expire-points` and `cancel-unpaid` choose what is due on the last day.
_DUE = f"""
SELECT (SELECT count(*) FROM ledger.lot
         WHERE units_left > 0 AND expires_on < :last_day) AS lots_past_their_day,
       (SELECT count(*) FROM bill b JOIN programme_terms t ON t.version = b.rule_version
         WHERE b.standing = 'pending' AND b.standing_on <= :last_day
           AND b.due_on + t.cancel_unpaid_after_days + 1 <= :last_day
           AND NOT EXISTS (
               SELECT FROM {departure_of("b.member_id", "'bill:' || b.bill_ref")} d))
           AS bills_long_unpaid
"""

# Who has left, whose points are void by the policy, and what they have all the same.
_LEFT = """
WITH gone AS (
    SELECT d.member_id, d.event_ref FROM departure d JOIN member m USING (member_id)
     WHERE d.reinstated_on IS NULL AND d.void_on < :next_month
       AND d.left_on < :next_month AND m.left_on IS NOT NULL AND NOT m.deceased
), held AS (
    SELECT g.member_id, sum(b.available + b.pending) AS points
      FROM (SELECT DISTINCT member_id FROM gone) g
      JOIN ledger.balance b USING (member_id)
     GROUP BY g.member_id
)
SELECT (SELECT count(*) FROM gone) AS gone,
       (SELECT count(*) FROM held WHERE points > 0) AS gone_with_points,
       (SELECT count(*) FROM departure
         WHERE reinstated_on >= :first_day AND reinstated_on < :next_month)
           AS came_back
"""


def units_proof(workings: Workings) -> Evidence:
    """Prove the books, and list what each unit comes to at the end of the month."""
    held = workings.session.execute(
        text(_HELD_LONG), workings.month.days | {"days": HELD_DAYS_MAX}
    ).one()
    return Evidence(
        facts=_units(workings.report),
        findings=(
            *found(("books_unsound", len(workings.proof)), blocks=True),
            *found(("held_long", int(held.holds))),
        ),
        beside={"held_long_points": int(held.points)},
    )


def due_work(workings: Workings) -> Evidence:
    """Find what the jobs of the month would still do."""
    due = figures_of(workings, _DUE)
    return Evidence(findings=found(*due.items(), blocks=True))


def churned_wallets(workings: Workings) -> Evidence:
    """Count who has left for good and still has points, and who has come back."""
    left = figures_of(workings, _LEFT)
    return Evidence(
        facts={"came_back": left["came_back"]},
        findings=found(("gone_with_points", left["gone_with_points"])),
        beside={"gone": left["gone"]},
    )


def _units(report: dict[str, Any]) -> dict[str, Fact]:
    """Return what each unit comes to, by names that say so."""
    return {
        f"{name}.{unit}": flows[name]
        for unit, flows in report["units"].items()
        for name in ("opening", "issued", "closing", "pending")
    }
