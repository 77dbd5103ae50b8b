"""R3: how much of each month's points is redeemed, by age, and what never will be."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Final

from sqlalchemy.orm import Session

from loyalty.estimates.outlook import Outlook, curve, outlooks
from loyalty.estimates.triangles import Segment
from loyalty.journal.rules import funding_kind
from loyalty.points.entries import APART, COALITION, FUNDING_CLASS
from loyalty.reports.scope import Scope, chosen
from loyalty.reports.shape import (
    Chart,
    Column,
    Definition,
    Facts,
    Filter,
    Rows,
    Shape,
    Source,
    Words,
)

_AGES: Final = 13  # of the triangle: this month, and a year before; the rest together

_INSIDE: Final = """(
    'available', 'held', 'redeemed.telecom', 'redeemed.product', 'redeemed.service',
    'redeemed.merchant', 'exchanged.out', 'expired', 'voided.churn', 'forfeited.fraud')
"""

_NOT_PARTNERS: Final = ("operator", *APART)

# Partners' points together, apart from ours and from those of a kind of their own.
_KIND_OF: Final = f"""
    CASE WHEN {FUNDING_CLASS} IN ({", ".join(repr(one) for one in _NOT_PARTNERS)})
         THEN {FUNDING_CLASS} ELSE 'partner' END
"""

# What took points of a cohort's lots, or brought them: once for each lot and transfer.
_COHORT_MOVES: Final = f"""
    SELECT m.member_ref, t.member_id, t.id, t.line, t.kind, t.debit, t.credit, t.unit,
           t.effective_on, t.occurred_at, t.actor, {FUNDING_CLASS} AS funding,
           {_KIND_OF} AS source, x.earned_in, p.flow, p.sign * x.units AS points,
           CAST(least(greatest(
               12 * (extract(year FROM t.effective_on)
                     - extract(year FROM x.earned_in))
               + extract(month FROM t.effective_on)
               - extract(month FROM x.earned_in), 0), {_AGES - 1}) AS int) AS age
      FROM ledger.transfer t CROSS JOIN LATERAL unnest(t.draws) x
     CROSS JOIN LATERAL (
        SELECT split_part(t.debit, ':', 1) AS debit,
               split_part(t.credit, ':', 1) AS credit) s
     CROSS JOIN LATERAL (
        SELECT 'redeemed', 1 WHERE s.credit ~ '^(redeemed\\.|exchanged\\.out$)'
        UNION ALL
        SELECT 'redeemed', -1 WHERE s.debit ~ '^(redeemed\\.|exchanged\\.out$)'
        UNION ALL
        SELECT 'expired', 1 WHERE s.credit = 'expired'
        UNION ALL
        SELECT 'voided', 1 WHERE s.credit IN ('voided.churn', 'forfeited.fraud')
        UNION ALL
        SELECT 'voided', -1 WHERE s.debit IN ('voided.churn', 'forfeited.fraud')
        UNION ALL
        SELECT 'issued', CASE WHEN s.credit IN {_INSIDE} THEN 1 ELSE -1 END
         WHERE (s.credit IN {_INSIDE}) <> (s.debit IN {_INSIDE})) p(flow, sign)
      LEFT JOIN member m ON m.member_id = t.member_id
     WHERE t.effective_on < :next_month AND {chosen("partner", "x.funding")}
       AND x.cost_class <> '{COALITION}'
"""

COHORT_MOVES: Final = Facts(
    name="cohort-moves",
    words=("批次变动", "Moves of cohorts"),
    relation=_COHORT_MOVES,
    columns=(
        Column("effective_on", ("记账日", "Day"), "day"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("kind", ("分录", "Entry"), "code", terms="entry_kind"),
        Column("debit", ("借", "Debit"), "code"),
        Column("credit", ("贷", "Credit"), "code"),
        Column("unit", ("单位", "Unit"), terms="unit"),
        Column("earned_in", ("累积月份", "Earned in"), "month"),
        Column("funding", ("资金来源", "Funding"), terms="funding"),
        Column("points", ("积分", "Points"), "points", adds=True),
        Column("occurred_at", ("发生时间", "Happened at"), "moment"),
        Column("id", ("分录号", "Entry number"), "code"),
    ),
    keys=("unit", "earned_in", "source", "flow", "age"),
    measure="points",
    order="f.effective_on DESC, f.id DESC, f.line",
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    segment = Segment(funding=scope.partner)
    found = outlooks(session, period=scope.period, segment=segment)
    shown = curve(found)
    kinds = defaultdict(list)
    for one in found:
        cohort = one.cohort
        kinds[cohort.unit, cohort.earned_in, funding_kind(cohort.funding)].append(one)
    cohorts = [(key, kinds[key]) for key in sorted(kinds)]
    developed = [*shown.developed, *([None] * len(shown.redeemed))]
    return {
        "curve": [
            {"age": age, "redeemed": redeemed, "developed": of_all}
            for age, (redeemed, of_all) in enumerate(
                zip(shown.redeemed, developed, strict=False)
            )
        ],
        "cohorts": [_cohort(key) | _sums(same) for key, same in cohorts],
        "triangle": [_cohort(key) | _triangle(same) for key, same in cohorts],
    }


def _cohort(key: tuple[str, date, str]) -> dict[str, object]:
    return dict(zip(("unit", "earned_in", "source"), key, strict=True))


def _sums(cohorts: Sequence[Outlook]) -> dict[str, object]:
    issued = sum(one.row.issued for one in cohorts)
    expected = sum((one.expected for one in cohorts), Fraction(0))
    return {
        "issued": issued,
        "redeemed": sum(one.row.latest for one in cohorts),
        "expired": sum(one.row.expired for one in cohorts),
        "voided": sum(one.row.voided for one in cohorts),
        "expected": expected,
        "never": issued - expected,
    }


def _triangle(cohorts: Sequence[Outlook]) -> dict[str, object]:
    """Return what was redeemed of cohorts of one month at each month of their age."""
    ages = max(len(one.row.redeemed) for one in cohorts)
    cells: dict[str, object] = {f"age_{age}": None for age in range(_AGES)}
    for age in range(min(ages, _AGES)):
        last = age == _AGES - 1
        cells[f"age_{age}"] = sum(
            sum(one.row.redeemed[age:] if last else one.row.redeemed[age : age + 1])
            for one in cohorts
        )
    return {"issued": sum(one.row.issued for one in cohorts), **cells}


def _age(age: int) -> Column:
    last = age == _AGES - 1
    words = f"{age}+" if last else str(age)
    return Column(
        f"age_{age}",
        (words, words),
        "points",
        adds=True,
        source=Source("cohort-moves", {"flow": "redeemed", "age": str(age)}),
    )


def _sum(name: str, words: Words) -> Column:
    return Column(
        name, words, "points", adds=True, source=Source("cohort-moves", {"flow": name})
    )


_COHORT: Final = (
    Column("unit", ("单位", "Unit"), terms="unit"),
    Column("earned_in", ("累积月份", "Earned in"), "month"),
    Column("source", ("资金来源", "Funding"), terms="funding_kind"),
)

REDEMPTION_CURVE: Final = Definition(
    number="R3",
    name="redemption-curve",
    title=("兑换曲线与沉没率", "Redemption and breakage curve"),
    formula_zh=(
        "三角 r(i,k) ＝ 批次 i 在第 k 个月兑换（含换出，减退回）的积分；曲线 ＝ 各月"
        "龄累计兑换 ÷ 够龄批次的发放；最终兑换率 ＝ 预计兑换 ÷ 发放；沉没率 ＝ 1 − 最"
        "终兑换率。预计兑换为当月有效的估计；接管的旧批次没有起点，不入曲线。"
    ),
    formula_en=(
        "Triangle r(i,k) = points of cohort i redeemed in its k-th month, those"
        " exchanged out included, net of returns. Curve = redeemed by an age ÷ issued"
        " of cohorts that old. Ultimate redemption rate = expected ÷ issued; breakage"
        " rate = 1 - that. Expected is the estimate in force in the month; cohorts"
        " taken over have no beginning and are not on the curve."
    ),
    shapes=(
        Shape(
            name="curve",
            words=("曲线", "Curve"),
            columns=(
                Column("age", ("月龄", "Months since earning"), "number"),
                Column("redeemed", ("累计兑换率", "Redeemed of issued"), "percent"),
                Column("developed", ("占最终兑换", "Of what will be"), "percent"),
            ),
        ),
        Shape(
            name="cohorts",
            words=("按单位、月份与资金来源", "By unit, month and funding"),
            columns=(
                *_COHORT,
                _sum("issued", ("发放", "Issued")),
                _sum("redeemed", ("已兑换", "Redeemed")),
                _sum("expired", ("到期", "Expired")),
                _sum("voided", ("作废", "Voided")),
                Column("expected", ("预计兑换", "Expected"), "decimal", adds=True),
                Column("never", ("预计沉没", "Never redeemed"), "decimal", adds=True),
                Column(
                    "urr",
                    ("最终兑换率", "URR"),
                    "percent",
                    ratio=("expected", "issued"),
                ),
                Column(
                    "breakage",
                    ("沉没率", "Breakage rate"),
                    "percent",
                    ratio=("never", "issued"),
                ),
            ),
            keys=("unit", "earned_in", "source"),
        ),
        Shape(
            name="triangle",
            words=("兑换三角：各月龄兑换的积分", "Triangle: points redeemed by age"),
            columns=(
                *_COHORT,
                _sum("issued", ("发放", "Issued")),
                *(_age(age) for age in range(_AGES)),
            ),
            keys=("unit", "earned_in", "source"),
        ),
    ),
    rows=_rows,
    facts=(COHORT_MOVES,),
    filters=(Filter.PARTNER,),
    charts=(
        Chart(
            words=("累计兑换率，按月龄", "Redeemed of issued, by months since earning"),
            table="curve",
            label="age",
            series=("redeemed", "developed"),
            drawn="line",
        ),
    ),
)
