"""How cohorts stand: what became of them, what is expected and what was before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.estimates.queries import Agreed, InForce, agreed, in_force
from loyalty.estimates.rules import (
    BackTest,
    Row,
    Suggestion,
    back_test,
    chain_ladder,
    developed_shares,
)
from loyalty.estimates.triangles import (
    EVERYBODY,
    History,
    Segment,
    histories,
    months_between,
    together,
)
from loyalty.finance.cohorts import Cohort, CohortState
from loyalty.finance.rules import next_month

QUARTER = 3  # months
HISTORY_MIN = 12  # months, before all suggestions are worth taking over at once

# Only bills have points that wait; whoever has left has none.
_PENDING = text(
    """
    SELECT CAST(date_trunc('month', b.billed_on) AS date) AS earned_in,
           sum(b.points) AS points
      FROM bill b JOIN member m ON m.member_id = b.member_id
     WHERE b.standing = 'pending' AND m.left_on IS NULL AND b.billed_on < :next_month
       AND b.coalition IS NULL
     GROUP BY 1
    """
)
_BILLS = ("CUP", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How a cohort stands at the end of a month."""

    cohort: Cohort
    row: Row  # of the triangle
    redeemed: int  # points, less what was returned
    exchanged: int  # points, out
    pending: int  # points that wait for a payment, as of today
    expected: Fraction  # points ever redeemed, E_total, by what holds
    agreed: Agreed | None  # None: by the terms
    suggestion: Suggestion
    parts: tuple[Cohort, ...]  # that are shown as this one

    @property
    def redemption_rate(self) -> Fraction | None:
        """The ultimate redemption rate, URR (R3); None: nothing was issued."""
        return self.expected / self.row.issued if self.row.issued > 0 else None

    @property
    def breakage_rate(self) -> Fraction | None:
        """What of the points will never be redeemed: 1 - URR; None: as above."""
        rate = self.redemption_rate
        return None if rate is None else 1 - rate

    @property
    def most(self) -> int:
        """The most points that can be redeemed in the end, once bills are paid."""
        return self.row.cap + self.pending

    def state(self, *, allocated: Fraction) -> CohortState:
        """Return the cohort as it would stand, had it been deferred at a price."""
        return CohortState(
            issued=self.row.issued,
            redeemed=self.row.latest,
            expired=self.row.expired,
            voided=self.row.voided,
            allocated=allocated,
            expected=self.expected,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How much of what was issued is redeemed by each month of age (R3)."""

    redeemed: Sequence[Fraction | None]  # of all issued, over cohorts that old
    developed: Sequence[Fraction | None]  # of all that will be; None: nobody can say
    ultimate: Fraction | None  # of all issued, by what is expected; None: none was

    @property
    def breakage_rate(self) -> Fraction | None:
        """What of the points will never be redeemed; None: none was issued."""
        return None if self.ultimate is None else 1 - self.ultimate


def outlooks(
    session: Session,
    *,
    period: date,
    segment: Segment = EVERYBODY,
    by_kind: bool = False,
) -> list[Outlook]:
    """Return how each cohort stands at the end of a month.

    Suggestions compare cohorts of one unit and funding. `by_kind`: partners of one kind
    are shown as one. For a brand or a tier, whose cohorts have no estimates of their
    own, what holds is shared out by what was issued.
    """
    holds = in_force(session, period=period)
    found = histories(session, period=period, segment=segment)
    by_hand = agreed(session, period=period)
    whole: Mapping[Cohort, int] = {}
    waits: dict[date, int] = {}
    if segment.brand or segment.tier:
        everybody = replace(segment, brand=None, tier=None)
        whole = {
            one.cohort: one.total("issued", through=period)
            for one in histories(session, period=period, segment=everybody)
        }
    else:
        waits = {
            row.earned_in: int(row.points)
            for row in session.execute(_PENDING, {"next_month": next_month(period)})
        }
    sets = together(session, found) if by_kind else [(one, [one]) for one in found]
    parts = {one.cohort: members for one, members in sets}
    return [
        Outlook(
            cohort=one.cohort,
            row=row,
            redeemed=row.latest - one.total("exchanged", through=period),
            exchanged=one.total("exchanged", through=period),
            pending=(
                waits.get(one.cohort.earned_in, 0)
                if (one.cohort.unit, one.cohort.funding) == _BILLS
                else 0
            ),
            expected=sum(
                (
                    _expected(
                        part.cohort,
                        part.row(through=period),
                        holds,
                        whole.get(part.cohort),
                    )
                    for part in parts[one.cohort]
                ),
                Fraction(0),
            ),
            agreed=_agreed(one.cohort, parts[one.cohort], by_hand),
            suggestion=suggestion,
            parts=tuple(part.cohort for part in parts[one.cohort]),
        )
        for one, row, suggestion in _suggested([one for one, _ in sets], period=period)
    ]


def history_months(found: Iterable[Outlook]) -> int:
    """Return how old the oldest cohort is that was seen from its first month.

    Of what is redeemed later the chain ladder knows nothing.
    """
    return max(
        (len(one.row.redeemed) for one in found if not one.row.seen_from), default=0
    )


def curve(found: Iterable[Outlook]) -> Curve:
    """Return the curve of redemption of some cohorts together.

    Cohorts that were taken over from an older programme have no beginning to show.
    """
    known = [one for one in found if not one.row.seen_from and one.row.issued > 0]
    triangle = [(one.row.issued, one.row.cumulative) for one in known]
    ages = max((len(cells) for _, cells in triangle), default=0)
    redeemed: list[Fraction | None] = []
    for age in range(ages):
        old_enough = [(issued, c) for issued, c in triangle if len(c) > age]
        issued = sum(issued for issued, _ in old_enough)
        redeemed.append(Fraction(sum(c[age] for _, c in old_enough), issued))
    all_issued = sum(one.row.issued for one in known)
    all_expected = sum((one.expected for one in known), Fraction(0))
    return Curve(
        redeemed=redeemed,
        developed=developed_shares([one.row for one in known]),
        ultimate=all_expected / all_issued if all_issued else None,
    )


def back_tests(
    session: Session,
    *,
    period: date,
    months: int = QUARTER,
    segment: Segment = EVERYBODY,
) -> list[tuple[Cohort, BackTest]]:
    """Compare what held some months ago with what was redeemed since (2.9).

    Only of cohorts that were there already; partners of one kind are one.
    """
    before = _months_before(period, months)
    held = in_force(session, period=before)
    sets = together(session, histories(session, period=period, segment=segment))
    parts = {one.cohort: members for one, members in sets}
    tests: list[tuple[Cohort, BackTest]] = []
    for group in _groups([one for one, _ in sets]).values():
        known = [one for one in group if one.cohort.earned_in <= before]
        done = back_test(
            [one.row(through=period) for one in known],
            expected=[
                sum(
                    (
                        _expected(part.cohort, part.row(through=before), held, None)
                        for part in parts[one.cohort]
                    ),
                    Fraction(0),
                )
                for one in known
            ],
            months=months,
        )
        tests += zip((one.cohort for one in known), done, strict=True)
    return tests


def _agreed(
    cohort: Cohort, parts: Sequence[History], by_hand: Mapping[Cohort, Agreed]
) -> Agreed | None:
    """Return what was agreed on; of several cohorts only what was agreed on at once."""
    found = [by_hand[part.cohort] for part in parts if part.cohort in by_hand]
    if len(found) < len(parts) or len({one.approval_id for one in found}) != 1:
        return None
    if cohort == parts[0].cohort:
        return found[0]
    return replace(
        found[0], expected=sum(one.expected for one in found), suggested=None
    )


def _expected(cohort: Cohort, row: Row, holds: InForce, whole: int | None) -> Fraction:
    """Return E_total: what was agreed, or what the terms say of what was issued."""
    if cohort not in holds.expected:
        return max(row.issued, 0) * holds.redemption_rate
    if whole is None:
        return holds.expected[cohort]
    return holds.expected[cohort] * row.issued / whole if whole > 0 else Fraction(0)


def _suggested(
    found: Sequence[History], *, period: date
) -> list[tuple[History, Row, Suggestion]]:
    """Return each cohort with its row and what the others of its kind suggest."""
    told = []
    for group in _groups(found).values():
        rows = [one.row(through=period) for one in group]
        told += list(zip(group, rows, chain_ladder(rows), strict=True))
    return told


def _groups(found: Sequence[History]) -> dict[tuple[str, str], list[History]]:
    """Return the cohorts that are alike but for their month of earning."""
    groups: dict[tuple[str, str], list[History]] = defaultdict(list)
    for one in found:
        groups[one.cohort.unit, one.cohort.funding].append(one)
    return groups


def _months_before(period: date, months: int) -> date:
    """Return the first day of the month some months before."""
    nth = period.year * 12 + period.month - 1 - months
    before = date(nth // 12, nth % 12 + 1, 1)
    assert months_between(before, period) == months
    return before
