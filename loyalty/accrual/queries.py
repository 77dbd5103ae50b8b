"""Read what a member's bills earn."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

# Long enough to level out a month of travelling, short enough to follow a new tariff.
_MONTHS = 6

_PER_MONTH = text(
    """
    SELECT coalesce(div(sum(points), nullif(count(DISTINCT period), 0)), 0)::bigint
      FROM bill
     WHERE member_id = :member AND standing <> 'canceled'
       AND billed_on > :on - make_interval(months => :months) AND billed_on <= :on
    """
)


def points_per_month(session: Session, *, member_id: int, on: date) -> int:
    """Return what the bills of the last half year earned in a month, rounded down.

    It counts months with a bill only, and bills of all lines; 0 if there was none.
    """
    found = session.scalar(
        _PER_MONTH, {"member": member_id, "on": on, "months": _MONTHS}
    )
    return int(found or 0)
