"""Post what two or three people agreed on: set-based, whether one or many."""

from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.adjustments.errors import BudgetUsedUp
from loyalty.adjustments.queries import budget_used
from loyalty.adjustments.rules import Limits
from loyalty.points.operations import draft, lot, post
from loyalty.rules.queries import programme_terms

# The budget is spent by one after the other; the number is arbitrary.
_SPENDING = {"key": 0x41444A53}

_EARNED_IN = "CAST(date_trunc('month', CAST(:on AS date)) AS date)"
# Whose points they are tells who issues and funds the lot.
_LOT = lot(
    issuer="coalesce(a.partner, 'operator')",
    cost_class="s.cost_class",
    earned_in=_EARNED_IN,
    months="CAST(:expiry_months AS int)",
)
# A reason that takes in the name of a partner is still the operator's business.
_FAR = (
    "CASE s.account WHEN 'issued.partner' THEN 'issued.partner:' || a.partner"
    " ELSE s.account END"
)

_FROM = """
  FROM chosen c
  JOIN adjustment a ON a.member_id = c.member_id
                   AND a.adjustment_ref = c.adjustment_ref
  JOIN adjustment_reason s ON s.reason = a.reason
"""


def take_turns(session: Session) -> None:
    """Wait for whoever is spending the budget, until their transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), _SPENDING)


def spend_budget(session: Session, *, points: int, limits: Limits, on: date) -> None:
    """Let goodwill be given, if the month's budget reaches; turns are taken before.

    Raises `BudgetUsedUp`.
    """
    left = limits.budget_points_per_month - budget_used(session, on=on)
    if points > left:
        raise BudgetUsedUp(points_max=limits.budget_points_per_month, left=max(0, left))


def valuing(
    session: Session,
    *,
    limits: Limits,
    approved_by: int,
    released_by: int | None,
    on: date,
    at: datetime,
) -> dict[str, object]:
    """Return what a line of the register tells beside the request itself."""
    terms = programme_terms(session)
    return {
        "on": on,
        "at": at,
        "expiry_months": terms.expiry_months,
        "fen_num": terms.carrying_fen_num,
        "fen_den": terms.carrying_fen_den,
        "third_above": limits.third_above,
        "approved_by": approved_by,
        "released_by": released_by,
    }


def post_chosen(session: Session, *, facts: dict[str, object]) -> int:
    """Post the requests that the temporary table `chosen` names; return how many.

    All of them must be postable. Each leaves its line in the register.
    """
    is_given = "s.direction = 'up'"
    row = draft(
        kind="'adjustment'",
        reference="'manual:' || a.adjustment_ref",
        debit=f"CASE WHEN {is_given} THEN {_FAR} ELSE 'available' END",
        credit=f"CASE WHEN {is_given} THEN 'available' ELSE {_FAR} END",
        units="ARRAY[a.unit]",
        amount="abs(a.points)",
        lot=f"CASE WHEN {is_given} THEN {_LOT} END",
        effective_on="CAST(:on AS date)",
        occurred_at="CAST(:at AS timestamptz)",
        input_hash="a.content",
        actor="'staff:' || a.asked_by",
        member_id="a.member_id",
    )
    posted = post(session, f"SELECT {row} AS draft, c.nth {_FROM}", **facts)
    register_chosen(session, facts=facts)
    return posted


def register_chosen(session: Session, *, facts: dict[str, object]) -> None:
    """Leave the line of each posted request in the register, with its value.

    What undoes another is worth what that was worth, and not what it would be today.
    """
    session.execute(
        text(
            f"""
            INSERT INTO adjustment_posting (
                member_id, adjustment_ref, reason, entry_id, unit, points, account,
                money, cost_class, partner, value_fen, reverses, effective_on,
                posted_on, posted_at, third_above, asked_by, approved_by, released_by)
            SELECT a.member_id, a.adjustment_ref, a.reason, r.entry_id, a.unit,
                   a.points, s.account, s.money, s.cost_class, a.partner,
                   coalesce(-o.value_fen, CASE WHEN a.points < 0 THEN -v.fen
                                               ELSE v.fen END),
                   a.reverses, t.effective_on, CAST(:on AS date), :at, :third_above,
                   a.asked_by, :approved_by, CAST(:released_by AS int)
            {_FROM}
              JOIN ledger.reference r ON r.member_id = a.member_id
                                     AND r.reference = 'manual:' || a.adjustment_ref
             CROSS JOIN LATERAL (
                 SELECT min(effective_on) AS effective_on FROM ledger.transfer x
                  WHERE x.member_id = r.member_id AND x.id = r.entry_id) t
             CROSS JOIN LATERAL (
                 SELECT (2 * abs(a.points) * :fen_num + :fen_den) / (2 * :fen_den)
                     AS fen) v
              LEFT JOIN adjustment_posting o ON o.member_id = a.member_id
                                            AND o.adjustment_ref = a.reverses
            """
        ),
        facts,
    )
