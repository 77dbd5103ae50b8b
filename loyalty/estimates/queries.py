"""Read what holds: estimates, and the terms where there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from loyalty.estimates.rules import Terms
from loyalty.finance.cohorts import Cohort
from loyalty.rules.queries import TermsMissing

CHANGE_TERMS = "estimates.terms"
EXPECT = "estimates.expect"

_TERMS = text(
    """
    SELECT version, valid_from, redeemed_num, redeemed_den, value_num, value_den
      FROM estimate_terms ORDER BY version DESC
    """
)
_EXPECTED = text(
    """
    SELECT DISTINCT ON (unit, earned_in, funding)
           unit, earned_in, funding, expected, effective_in
      FROM cohort_estimate
     WHERE effective_in <= :period
     ORDER BY unit, earned_in, funding, effective_in DESC, estimate_id DESC
    """
)
_SIGNED = """
       e.unit, e.earned_in, e.funding, e.expected, e.suggested, e.effective_in,
       e.basis, e.memo, e.approval_id, e.approved_at, m.login AS maker,
       c.login AS checker
  FROM cohort_estimate e
  JOIN staff m ON m.staff_id = e.maker JOIN staff c ON c.staff_id = e.checker
"""
_AGREED = text(
    f"""
    SELECT DISTINCT ON (e.unit, e.earned_in, e.funding) {_SIGNED}
     WHERE e.effective_in <= :period
     ORDER BY e.unit, e.earned_in, e.funding, e.effective_in DESC, e.estimate_id DESC
    """
)
_PAST = text(
    f"""
    SELECT {_SIGNED}
     WHERE e.unit = :unit AND e.earned_in = :earned_in AND e.funding = :funding
     ORDER BY e.effective_in DESC, e.estimate_id DESC
    """
)
# Both kinds of request name the month from which they would hold.
_WAITING = text(
    """
    SELECT count(*) FROM approval
     WHERE state = 'open' AND action IN (:terms, :expect)
       AND CAST(after ->> 'effective_in' AS date) <= :period
       AND (CAST(:at AS timestamptz) IS NULL OR expires_at >= :at)
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What holds in a month."""

    version: int  # of the terms
    redemption_rate: Fraction  # of points of which nothing better is known
    point_value_fen: Fraction  # of a point that is redeemed
    expected: Mapping[Cohort, Fraction]  # points; only of cohorts that have one
    effective_in: Mapping[Cohort, date]  # since when, of the same cohorts
    waiting: int  # requests that would change it

    @property
    def fen_per_point(self) -> Fraction:
        """What a point sells for alone, how likely it is redeemed included (T4)."""
        return self.redemption_rate * self.point_value_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """An estimate of a cohort, and who agreed on it."""

    expected: int  # points ever redeemed, E_total
    suggested: int | None  # by the past, then; None: it was silent
    effective_in: date  # the month from which on it holds
    basis: str
    memo: str
    maker: str
    checker: str
    approval_id: int
    approved_at: datetime


def in_force(session: Session, *, period: date, at: datetime | None = None) -> InForce:
    """Return the estimates and the terms that hold in a month.

    Requests that have expired by a time are not waiting; None: whether they have is
    not looked at. Raises `TermsMissing` before any terms were loaded.
    """
    terms = next((one for one in versions(session) if one.valid_from <= period), None)
    if terms is None:
        raise TermsMissing
    found = [
        (Cohort(row.unit, row.earned_in, row.funding), row)
        for row in session.execute(_EXPECTED, {"period": period})
    ]
    return InForce(
        version=terms.version,
        redemption_rate=terms.redemption_rate,
        point_value_fen=terms.point_value_fen,
        expected={cohort: Fraction(row.expected) for cohort, row in found},
        effective_in={cohort: row.effective_in for cohort, row in found},
        waiting=waiting(session, period=period, at=at),
    )


def agreed(session: Session, *, period: date) -> dict[Cohort, Agreed]:
    """Return the estimates that hold in a month, and who agreed on each."""
    return {
        Cohort(row.unit, row.earned_in, row.funding): _agreed(row)
        for row in session.execute(_AGREED, {"period": period})
    }


def past_of(session: Session, *, cohort: Cohort) -> list[Agreed]:
    """Return all estimates of a cohort, the newest first."""
    return [
        _agreed(row)
        for row in session.execute(
            _PAST,
            {
                "unit": cohort.unit,
                "earned_in": cohort.earned_in,
                "funding": cohort.funding,
            },
        )
    ]


def versions(session: Session) -> list[Terms]:
    """Return all versions of the terms, the newest first."""
    return [
        Terms(
            version=row.version,
            valid_from=row.valid_from,
            redemption_rate=Fraction(row.redeemed_num, row.redeemed_den),
            point_value_fen=Fraction(row.value_num, row.value_den),
        )
        for row in session.execute(_TERMS)
    ]


def waiting(session: Session, *, period: date, at: datetime | None = None) -> int:
    """Return how many requests would change what holds in a month."""
    asked = {"terms": CHANGE_TERMS, "expect": EXPECT, "period": period, "at": at}
    return int(session.scalars(_WAITING, asked).one())


def _agreed(row: Row[Any]) -> Agreed:
    return Agreed(
        expected=row.expected,
        suggested=row.suggested,
        effective_in=row.effective_in,
        basis=row.basis,
        memo=row.memo,
        maker=row.maker,
        checker=row.checker,
        approval_id=row.approval_id,
        approved_at=row.approved_at,
    )
