"""Figures of a year that no book holds: satisfaction, and what a new user costs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from loyalty.reports.errors import BadYearlyFigure
from loyalty.reports.models import YearlyFigure

_FIRST, _LAST = 1990, 2199
_WHOLE: Final = 100_00  # hundredths: all points of a survey, or all percent
_COST_MAX: Final = 1_000_000_00  # fen


class Yearly(StrEnum):
    """Which figures there are."""

    SATISFACTION_MEMBERS = "satisfaction_members"
    SATISFACTION_CDMA = "satisfaction_cdma"
    SATISFACTION_GSM = "satisfaction_gsm"
    ACQUISITION_COST = "acquisition_cost"  # of a new user, in fen
    CHURN_TARGET = "churn_target"  # of members in a year, in hundredths of a percent


def record_figure(
    session: Session,
    *,
    year: int,
    name: Yearly,
    hundredths: int,
    source: str,
    staff_id: int,
    at: datetime,
) -> None:
    """Write a figure of a year down; it takes the place of an older one.

    Raises `BadYearlyFigure` for what no such figure can be.
    """
    most = _COST_MAX if name is Yearly.ACQUISITION_COST else _WHOLE
    if not (_FIRST <= year <= _LAST and 0 <= hundredths <= most and source):
        raise BadYearlyFigure(year=year)
    session.execute(
        insert(YearlyFigure).values(
            year=year,
            name=name.value,
            hundredths=hundredths,
            source=source,
            recorded_by=staff_id,
            recorded_at=at,
        )
    )


def figures_of(session: Session, *, year: int) -> Mapping[str, int]:
    """Return the figures of a year that are known, in hundredths."""
    return {
        one.name: one.hundredths for one in reversed(known(session)) if one.year == year
    }


def known(session: Session) -> Sequence[YearlyFigure]:
    """Return all figures that were brought, the newest first."""
    return session.scalars(
        select(YearlyFigure).order_by(YearlyFigure.figure_id.desc())
    ).all()
