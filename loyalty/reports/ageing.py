"""R2: how old the open points are, and how long they are still good."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.points.entries import UNIVERSAL
from loyalty.reports.moves import UNIT_WORDS
from loyalty.reports.scope import Scope, belongs, chosen
from loyalty.reports.shape import (
    OF_MEMBERS,
    Chart,
    Column,
    Definition,
    Facts,
    Filter,
    Rows,
    Shape,
    Source,
)

# From so many months, to less than so many.
_STEPS: Final = ((0, 1), (1, 3), (3, 6), (6, 12), (12, 24), (24, 36))
_NAMED: Final = tuple(f"{low}-{high}" for low, high in _STEPS)
_TO_EXPIRY: Final = ("overdue", *_NAMED, "36+", "none", "owed")
_SINCE: Final = (*_NAMED, "36+", "owed")


def _case(last: str, *, more: str) -> str:
    steps = " ".join(
        f"WHEN {last.format(high)} THEN '{low}-{high}'" for low, high in _STEPS
    )
    return f"CASE {more} {steps} ELSE '36+' END"


# Units of lots that are available or held, transfer by transfer; and what is owed,
# which belongs to no lot.
_OPEN: Final = f"""
    SELECT m.member_ref, o.*,
           {
    _case(
        "o.expires_on < CAST(:next_month AS date) + make_interval(months => {})",
        more="WHEN o.issuer IS NULL THEN 'owed' WHEN o.expires_on = 'infinity'"
        " THEN 'none' WHEN o.expires_on < :last_day THEN 'overdue'",
    )
} AS to_expiry,
           {
    _case(
        "o.earned_in > CAST(:first_day AS date) - make_interval(months => {})",
        more="WHEN o.issuer IS NULL THEN 'owed'",
    )
} AS since
      FROM (
        SELECT t.member_id, t.unit, x.issuer, x.funding, x.earned_in,
               nullif(s.expires_on, 'infinity') AS last_good_day, s.expires_on,
               CAST(sum(s.sign * x.units) AS bigint) AS points
          FROM ledger.transfer t
         CROSS JOIN LATERAL unnest(t.draws) x
         CROSS JOIN LATERAL (VALUES
            (t.debit, -1, x.expires_on),
            (t.credit, 1, CASE t.credit WHEN 'available'
                          THEN coalesce(x.grace_on, x.expires_on)
                          ELSE x.expires_on END)) s(account, sign, expires_on)
         WHERE t.effective_on < :next_month AND s.account IN ('available', 'held')
           AND {belongs("t.member_id")}
         GROUP BY 1, 2, 3, 4, 5, 6, 7
        HAVING sum(s.sign * x.units) <> 0
        UNION ALL
        SELECT t.member_id, t.unit, NULL, NULL, NULL, NULL, NULL,
               CAST(sum(CASE 'owed' WHEN t.credit THEN t.amount ELSE -t.amount END)
                    AS bigint)
          FROM ledger.transfer t
         WHERE t.effective_on < :next_month AND 'owed' IN (t.debit, t.credit)
           AND {belongs("t.member_id")}
         GROUP BY 1, 2
        HAVING sum(CASE 'owed' WHEN t.credit THEN t.amount ELSE -t.amount END) <> 0) o
      LEFT JOIN member m USING (member_id)
     WHERE {chosen("partner", "o.issuer")}
"""

LOTS: Final = Facts(
    name="lots",
    words=("未用积分批次", "Open lots"),
    relation=_OPEN,
    columns=(
        Column("member_ref", ("会员", "Member"), "code"),
        Column("unit", ("单位", "Unit"), terms="unit"),
        Column("issuer", ("发行方", "Issuer"), terms="partner"),
        Column("earned_in", ("累积月份", "Earned in"), "month"),
        Column("last_good_day", ("最后有效日", "Last good day"), "day"),
        Column("points", ("积分", "Points"), "points", adds=True),
    ),
    keys=("unit", "to_expiry", "since"),
    measure="points",
    order="f.expires_on NULLS LAST, f.member_ref, f.unit, f.issuer, f.earned_in",
)

_AGES: Final = text(
    f"""
    SELECT unit, to_expiry, since, CAST(sum(points) AS bigint) AS points
      FROM ({_OPEN}) o GROUP BY 1, 2, 3
    """
)


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    found = session.execute(_AGES, scope.binds).all()

    def of(key: str, bucket: str) -> dict[str, object]:
        rows = [row for row in found if getattr(row, key) == bucket]
        sums = {
            unit.lower(): sum(row.points for row in rows if row.unit == unit)
            for unit in UNIVERSAL
        }
        return {key: bucket, **sums, "points": sum(row.points for row in rows)}

    return {
        "to_expiry": [of("to_expiry", bucket) for bucket in _TO_EXPIRY],
        "since": [of("since", bucket) for bucket in _SINCE],
    }


def _columns(key: str, words: tuple[str, str]) -> tuple[Column, ...]:
    return (
        Column(key, words, terms=f"age_{key}"),
        *(
            Column(
                unit.lower(),
                UNIT_WORDS[unit],
                "points",
                adds=True,
                source=Source("lots", {"unit": unit}),
            )
            for unit in UNIVERSAL
        ),
        Column(
            "points",
            ("合计", "All"),
            "points",
            adds=True,
            sums=tuple(f"+{unit.lower()}" for unit in UNIVERSAL),
            source=Source("lots"),
        ),
    )


AGEING: Final = Definition(
    number="R2",
    name="ageing",
    title=("未用积分账龄", "Ageing of open points"),
    formula_zh=(
        "未用积分 ＝ 可用 ＋ 预留 − 欠积分，按月末到最后有效日的月数、按累积月份起的"
        "月数分段，每段含起不含止。各段之和 ＝ 未用积分 ＝ 变动表的期末。"
    ),
    formula_en=(
        "Open points = available + held - owed, by months from the end of the month"
        " to the last good day, and by months since the month of earning; each step"
        " ends before its second number. The steps add up to the closing of the"
        " roll-forward."
    ),
    shapes=(
        Shape(
            name="to_expiry",
            words=("距到期", "Months to expiry"),
            columns=_columns("to_expiry", ("距到期", "To expiry")),
            keys=("to_expiry",),
        ),
        Shape(
            name="since",
            words=("累积至今", "Months since earning"),
            columns=_columns("since", ("累积至今", "Since earning")),
            keys=("since",),
        ),
    ),
    rows=_rows,
    facts=(LOTS,),
    filters=(*OF_MEMBERS, Filter.PARTNER),
    charts=(
        Chart(
            words=("按距到期月数", "By months to expiry"),
            table="to_expiry",
            label="to_expiry",
            series=("points",),
            drawn="bars",
        ),
        Chart(
            words=("按累积至今月数", "By months since earning"),
            table="since",
            label="since",
            series=("points",),
            drawn="bars",
        ),
    ),
)
