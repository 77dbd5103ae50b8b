"""R1 in money: what is owed for points, and what made it so, from the journal alone."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.journal.deriving import rules_in_force
from loyalty.journal.queries import cohort_months, month, preview
from loyalty.journal.rules import LIABLE, funding_kind
from loyalty.journal.values import CohortMonth, Derived, Entry
from loyalty.reports.journal import ENTRY_COLUMNS, as_row
from loyalty.reports.moves import months_until
from loyalty.reports.scope import Scope
from loyalty.reports.shape import (
    Chart,
    Column,
    Definition,
    Facts,
    Filter,
    Kind,
    Rows,
    Shape,
    Source,
    Words,
)

_MONTHS: Final = 12
_VIEW: Final = "D"  # defers what points are owed for
_PARTS: Final[tuple[tuple[str, Words, int], ...]] = (
    ("allocated", ("分摊递延", "Allocated"), 1),
    ("released", ("兑换结转", "Released"), -1),
    ("true_up", ("估计调整", "True-up"), -1),
    ("breakage", ("沉没结转", "Breakage"), -1),
)
_KEPT: Final = text(
    """
    SELECT r.period, CAST(sum(c.liability_fen) AS bigint) AS fen
      FROM cohort_close c JOIN journal_run r USING (run_id)
     WHERE r.superseded_at IS NULL AND r.period <= :period
     GROUP BY r.period
    """
)


def _entries(session: Session, scope: Scope) -> Iterator[dict[str, object]]:
    """Return what moved the liability of cohorts, signed as the report signs it."""
    rules = rules_in_force(session, period=scope.period)
    accounts = set(rules.liability.values())
    signs = {name: sign for name, _, sign in _PARTS}
    for entry in month(session, period=scope.period, view=_VIEW):
        if (
            entry.account in accounts
            and _is_of_cohort(entry, signs)
            and scope.partner in (None, entry.funding)
        ):
            gained = entry.credit_fen - entry.debit_fen
            yield as_row(entry) | {
                "part": entry.measure,
                "kind": funding_kind(entry.funding),
                "fen": signs[entry.measure] * gained,
            }


def _is_of_cohort(entry: Entry, signs: Mapping[str, int]) -> bool:
    return entry.earned_in is not None and entry.measure in signs


LIABILITY_ENTRIES: Final = Facts(
    name="entries",
    words=("负债分录", "Entries of the liability"),
    relation=_entries,
    columns=(*ENTRY_COLUMNS, Column("fen", ("金额", "Amount"), "fen", adds=True)),
    keys=("unit", "earned_in", "kind", "part"),
    measure="fen",
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    derived = preview(session, period=scope.period)
    cohorts = [
        one
        for one in cohort_months(session, period=scope.period, derived=derived)
        if scope.partner in (None, one.cohort.funding)
        and funding_kind(one.cohort.funding) in LIABLE
    ]
    kinds = defaultdict(list)
    for one in cohorts:
        cohort = one.cohort
        kinds[cohort.unit, cohort.earned_in, funding_kind(cohort.funding)].append(one)
    found: dict[str, Rows] = {
        "cohorts": [
            {
                "unit": unit,
                "earned_in": earned_in,
                "kind": kind,
                "cohorts": len(kinds[unit, earned_in, kind]),
                **_sums(kinds[unit, earned_in, kind]),
            }
            for unit, earned_in, kind in sorted(kinds)
        ]
    }
    found["months"] = (
        [] if scope.partner else _over_time(session, scope.period, derived)
    )
    return found


def _sums(cohorts: Sequence[CohortMonth]) -> dict[str, object]:
    parts = {
        name: sum(int(getattr(one, f"{name}_fen")) for one in cohorts)
        for name, _, _ in _PARTS
    }
    closing = sum(one.liability_fen for one in cohorts)
    moved = sum(sign * parts[name] for name, _, sign in _PARTS)
    return {
        "issued": sum(one.state.issued for one in cohorts),
        "redeemed": sum(one.state.redeemed for one in cohorts),
        "expected": sum((one.state.expected for one in cohorts), Fraction(0)),
        "opening": closing - moved,
        **parts,
        "closing": closing,
    }


def _over_time(
    session: Session, period: date, derived: Derived | None
) -> list[dict[str, object]]:
    """Return what was owed at the end of each month, kept or as it stands now."""
    kept = {
        row.period: int(row.fen) for row in session.execute(_KEPT, {"period": period})
    }
    if derived is not None:
        for one in (*derived.before, derived):
            kept[one.period] = sum(cohort.liability_fen for cohort in one.cohorts)
    found, last = [], 0
    for each in sorted({*kept, *months_until(period, _MONTHS)}):
        last = kept.get(each, last)  # a month in which nothing moved has no run
        found.append({"month": each, "liability": last})
    return found[-_MONTHS:]


def _part(name: str, words: Words, kind: Kind = "fen") -> Column:
    return Column(
        name, words, kind, adds=True, source=Source("entries", {"part": name})
    )


LIABILITY: Final = Definition(
    number="R1",
    name="liability",
    title=("积分负债变动表（金额）", "Roll-forward of the liability in money"),
    formula_zh=(
        "按批次（单位、累积月份、资金来源）：期末 ＝ 期初 ＋ 分摊递延 − 兑换结转 − 估"
        "计调整 − 沉没结转 ＝ 分摊金额 − 累计结转收入。取自货币日记账的收入递延口径；"
        "已结月份为当时所记，未结月份为试算。"
    ),
    formula_en=(
        "By cohort (unit, month of earning, funding): closing = opening + allocated -"
        " released - true-up - breakage = allocated - revenue to date. From the money"
        " journal's deferral view: as it was kept where the month is closed, as it"
        " stands now where it is open."
    ),
    shapes=(
        Shape(
            name="months",
            words=("最近十二个月", "The last twelve months"),
            columns=(
                Column("month", ("月份", "Month"), "month"),
                Column("liability", ("期末负债", "Liability"), "fen"),
            ),
        ),
        Shape(
            name="cohorts",
            words=("按单位、月份与资金来源", "By unit, month and funding"),
            columns=(
                Column("unit", ("单位", "Unit"), terms="unit"),
                Column("earned_in", ("累积月份", "Earned in"), "month"),
                Column("kind", ("资金来源", "Funding"), terms="funding_kind"),
                Column("cohorts", ("批次数", "Cohorts"), "number", adds=True),
                Column("issued", ("累计发放", "Issued to date"), "points", adds=True),
                Column("redeemed", ("累计兑换", "Redeemed"), "points", adds=True),
                Column("expected", ("预计兑换", "Expected"), "decimal", adds=True),
                Column("opening", ("期初", "Opening"), "fen", adds=True),
                *(_part(name, words) for name, words, _ in _PARTS),
                Column(
                    "closing",
                    ("期末", "Closing"),
                    "fen",
                    adds=True,
                    sums=(
                        "+opening",
                        *(f"{'+' if sign > 0 else '-'}{n}" for n, _, sign in _PARTS),
                    ),
                ),
            ),
            keys=("unit", "earned_in", "kind"),
        ),
    ),
    rows=_rows,
    facts=(LIABILITY_ENTRIES,),
    filters=(Filter.PARTNER,),
    charts=(
        Chart(
            words=("期末负债", "Liability at the end of each month"),
            table="months",
            label="month",
            series=("liability",),
            drawn="line",
        ),
    ),
)
