"""R11: what was changed by hand, by whom, with whose consent, and how much that is."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

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

_CHANGED: Final = f"""
    SELECT p.member_id, m.member_ref, p.adjustment_ref, p.reason, p.money, p.account,
           p.unit, p.partner, p.effective_on, p.posted_at, p.entry_id, p.points,
           greatest(p.points, 0) AS given, greatest(-p.points, 0) AS taken,
           abs(p.points) AS changed, p.value_fen, p.reverses, 1 AS changes,
           -- what came in one file is one line, as it was one decision
           coalesce('file:' || a.file_id,
                    concat_ws('/', m.member_ref, p.adjustment_ref)) AS number,
           a.words, coalesce(e.sha256, f.sha256) AS sha256, asked.name AS asked_by,
           approved.name AS approved_by, released.name AS released_by
      FROM adjustment_posting p
      JOIN adjustment a ON a.member_id = p.member_id
                       AND a.adjustment_ref = p.adjustment_ref
      JOIN staff asked ON asked.staff_id = p.asked_by
      JOIN staff approved ON approved.staff_id = p.approved_by
      LEFT JOIN staff released ON released.staff_id = p.released_by
      LEFT JOIN member m ON m.member_id = p.member_id
      LEFT JOIN adjustment_evidence e ON e.member_id = p.member_id
                                     AND e.adjustment_ref = p.adjustment_ref
      LEFT JOIN grant_file f ON f.file_id = a.file_id
     WHERE p.effective_on BETWEEN :first_day AND :last_day
       AND {belongs("p.member_id")} AND {chosen("partner", "p.partner")}
"""
_WHO: Final = (
    Column("asked_by", ("申请人", "Asked by"), "code"),
    Column("approved_by", ("审批人", "Approved by"), "code"),
    Column("released_by", ("财务复核", "Third person"), "code"),
)

CHANGES: Final = Facts(
    name="changes",
    words=("人工调整", "Changes by hand"),
    relation=_CHANGED,
    columns=(
        Column("effective_on", ("入账日", "Day"), "day"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("adjustment_ref", ("编号", "Number"), "code"),
        Column("reason", ("原因", "Reason"), terms="adjust_reason"),
        Column("unit", ("单位", "Unit"), terms="unit"),
        Column("points", ("积分", "Points"), "points", adds=True),
        Column("changed", ("变动", "Changed"), "points", adds=True),
        Column("given", ("增加", "Given"), "points", adds=True),
        Column("taken", ("扣减", "Taken"), "points", adds=True),
        Column("value_fen", ("价值", "Worth"), "fen", adds=True),
        Column("changes", ("笔数", "Changes"), "number", adds=True),
        *_WHO,
        Column("words", ("说明", "Why"), "code"),
        Column("sha256", ("凭证指纹", "Evidence"), "code"),
        Column("reverses", ("撤销", "Undoes"), "code"),
        Column("entry_id", ("分录", "Entry"), "code"),
    ),
    keys=("reason", "number"),
    measure="points",
    order="f.effective_on, f.posted_at, f.member_ref, f.adjustment_ref",
)

_REASONS: Final = text(
    f"""
    SELECT reason, sum(changes) AS changes, sum(given) AS given, sum(taken) AS taken,
           sum(changed) AS changed, sum(value_fen) AS value_fen
      FROM ({_CHANGED}) f GROUP BY reason ORDER BY reason
    """
)
_REGISTER: Final = text(
    f"""
    SELECT number, min(effective_on) AS effective_on, min(reason) AS reason,
           min(unit) AS unit, sum(changes) AS changes, sum(points) AS points,
           sum(changed) AS changed, sum(value_fen) AS value_fen,
           min(asked_by) AS asked_by, min(approved_by) AS approved_by,
           min(released_by) AS released_by, min(words) AS words,
           min(sha256) AS sha256, min(reverses) AS reverses
      FROM ({_CHANGED}) f GROUP BY number
     ORDER BY min(effective_on), min(posted_at), number
    """
)
_SUMS: Final = ("changes", "given", "taken", "points", "changed", "value_fen")


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    reasons, register = (
        [_whole(row) for row in session.execute(each, scope.binds).mappings()]
        for each in (_REASONS, _REGISTER)
    )
    of_all = sum(row["changed"] for row in reasons)
    return {
        name: [row | {"share": Fraction(row["changed"], of_all)} for row in rows]
        for name, rows in (("reasons", reasons), ("register", register))
    }


def _whole(row: RowMapping) -> dict[str, Any]:
    """Return a row with its sums as whole numbers."""
    return {name: int(said) if name in _SUMS else said for name, said in row.items()}


def _figure(name: str, words: tuple[str, str]) -> Column:
    return Column(
        name, words, "points", adds=True, source=Source("changes", measure=name)
    )


_SHARE: Final = Column("share", ("占比", "Share of all"), "percent")
_WORTH: Final = Column(
    "value_fen",
    ("价值", "Worth"),
    "fen",
    adds=True,
    source=Source("changes", measure="value_fen"),
)

MANUAL: Final = Definition(
    number="R11",
    name="adjustments",
    title=("人工调整登记簿", "Register of adjustments"),
    formula_zh=(
        "当月入账的每一笔人工调整：谁申请、谁审批、超过限额时财务谁复核；没有两个人的"
        "不会入账。价值 ＝ 积分 × 入账时账面单价，撤销按原价值冲回。占比 ＝ 该笔变动"
        "积分 ÷ 全部变动积分，增减都取绝对值。"
    ),
    formula_en=(
        "Each change by hand that counts in the month: who asked, who approved, and"
        " above the limit who of finance agreed as a third; none is booked without"
        " two people. Worth = points × the carrying rate when it was booked; undoing"
        " takes back that worth. Share = points of the change ÷ points of all"
        " changes, given or taken alike."
    ),
    shapes=(
        Shape(
            name="reasons",
            words=("按原因", "By reason"),
            columns=(
                Column("reason", ("原因", "Reason"), terms="adjust_reason"),
                Column(
                    "changes",
                    ("笔数", "Changes"),
                    "number",
                    adds=True,
                    source=Source("changes", measure="changes"),
                ),
                _figure("given", ("增加", "Given")),
                _figure("taken", ("扣减", "Taken")),
                _figure("changed", ("变动", "Changed")),
                _WORTH,
                _SHARE,
            ),
            keys=("reason",),
        ),
        Shape(
            name="register",
            words=("登记簿", "Register"),
            columns=(
                Column("number", ("会员和编号", "Member and number"), "code"),
                Column("effective_on", ("入账日", "Day"), "day"),
                Column("reason", ("原因", "Reason"), terms="adjust_reason"),
                Column("unit", ("单位", "Unit"), terms="unit"),
                _figure("points", ("积分", "Points")),
                _WORTH,
                _SHARE,
                *_WHO,
                Column("words", ("说明", "Why"), "code"),
                Column("sha256", ("凭证指纹", "Evidence"), "code"),
                Column("reverses", ("撤销", "Undoes"), "code"),
            ),
            keys=("number",),
        ),
    ),
    rows=_rows,
    facts=(CHANGES,),
    filters=(*OF_MEMBERS, Filter.PARTNER),
    charts=(
        Chart(
            words=("变动积分，按原因", "Points changed by reason"),
            table="reasons",
            label="reason",
            series=("changed",),
            drawn="bars",
        ),
    ),
)
