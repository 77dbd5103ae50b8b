"""Read the ladder, and where members stand on it."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.tiers.rules import Granted, Rung, Spent, TierStanding, stand

# What a leaving ended does not count again, unless the leaving was taken back.
_ENDED = """EXISTS (
    SELECT FROM departure d
     WHERE d.member_id = :member AND d.reinstated_on IS NULL AND d.left_on <= :on
       AND d.left_on >= {day})"""


def ladder(session: Session) -> Sequence[Rung]:
    """Return the rungs of the newest terms, from the lowest."""
    rows = session.execute(
        text(
            """
            SELECT tier, rank, spend_fen, months FROM tier_terms
             WHERE version = (SELECT max(version) FROM tier_terms) ORDER BY rank
            """
        )
    )
    return [Rung(*row) for row in rows]


def standing(session: Session, *, member_id: int, on: date) -> TierStanding:
    """Return where a member stands on a day: by adjusted bills, or by a grant.

    Bills whose points were canceled for not being paid do not count, nor does what
    came before a leaving; who has left stands nowhere.
    """
    rungs = ladder(session)
    months = max((rung.months for rung in rungs), default=0)
    facts = {"member": member_id, "on": on, "months": months}
    has_left = session.scalar(
        text(
            "SELECT EXISTS (SELECT FROM member"
            " WHERE member_id = :member AND left_on <= :on)"
        ),
        facts,
    )
    if has_left:
        return stand(rungs, bills=(), grants=(), on=on)
    bills = session.execute(
        text(
            f"""
            SELECT billed_on, due_fen FROM bill
             WHERE member_id = :member AND billed_on <= :on AND standing <> 'canceled'
               AND billed_on + make_interval(months => :months) > :on
               AND NOT {_ENDED.format(day="bill.billed_on")}
            """
        ),
        facts,
    )
    grants = session.execute(
        text(
            f"""
            SELECT tier, until FROM tier_grant
             WHERE member_id = :member AND :on BETWEEN granted_on AND until
               AND NOT {_ENDED.format(day="tier_grant.granted_on")}
            """
        ),
        facts,
    )
    return stand(
        rungs,
        bills=[Spent(*row) for row in bills],
        grants=[Granted(*row) for row in grants],
        on=on,
    )
