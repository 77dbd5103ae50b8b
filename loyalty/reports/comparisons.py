"""R10: who took part in something, against those who did not (domain.md A24 to A26)."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.finance.rules import round_half_up
from loyalty.reports.lines import LINES
from loyalty.reports.moves import months_until
from loyalty.reports.scope import Scope, belongs
from loyalty.reports.shape import (
    OF_MEMBERS,
    Chart,
    Column,
    Definition,
    Facts,
    Rows,
    Shape,
    Source,
)

_MONTHS: Final = 12

# Whoever took an item and kept some of it, for as long as it binds (forever, if it
# binds for no time), or belonged to a club when the month began; `any`: either.
_TOOK: Final = """
    SELECT p.month, c.member_id, c.campaign
      FROM unnest(CAST(:periods AS date[])) p(month)
      JOIN (SELECT r.member_id, 'item:' || r.item_code AS campaign,
                   r.redemption_ref, r.quantity, r.effective_on AS starts_on,
                   CAST(r.effective_on + make_interval(months => i.term_months)
                        AS date) - 1 AS ends_on
              FROM redemption r
              LEFT JOIN catalogue_item i ON i.item_code = r.item_code
            UNION ALL
            SELECT k.member_id, 'club:' || k.club, NULL, 1, k.starts_on,
                   least(k.ends_on, k.ended_on - 1)
              FROM club_membership k) c
        ON c.starts_on < p.month AND (c.ends_on IS NULL OR c.ends_on >= p.month)
     WHERE c.quantity > (SELECT coalesce(sum(b.quantity), 0) FROM redemption_return b
                          WHERE b.member_id = c.member_id
                            AND b.redemption_ref = c.redemption_ref
                            AND b.effective_on < p.month)
"""
_CAMPAIGNS: Final = f"""
    WITH took AS (
        SELECT DISTINCT month, member_id, campaign FROM ({_TOOK}) t
        UNION SELECT month, member_id, 'any' FROM ({_TOOK}) t)
    SELECT l.*, c.campaign,
           CASE WHEN t.member_id IS NULL THEN 'control' ELSE 'participants' END AS side
      FROM ({LINES}) l
      CROSS JOIN (SELECT DISTINCT campaign FROM took UNION SELECT 'any') c
      LEFT JOIN took t ON t.month = l.month AND t.member_id = l.member_id
                      AND t.campaign = c.campaign
"""
COMPARED: Final = Facts(
    name="lines",
    words=("月初在网的号码", "Lines alive when the month began"),
    relation=(f"SELECT * FROM ({_CAMPAIGNS.replace(':periods', 'ARRAY[:period]')}) c"),
    columns=(
        Column("member_ref", ("会员", "Member"), "code"),
        Column("brand", ("品牌", "Brand"), terms="brand"),
        Column("lines", ("号码数", "Lines"), "number", adds=True),
        Column("billed_fen", ("出账金额", "Billed"), "fen", adds=True),
        Column("gone", ("当月离网", "Left in the month"), "number", adds=True),
    ),
    keys=("campaign", "side"),
    measure="lines",
    order="f.billed_fen DESC, f.member_ref",
)
_SUMS: Final = text(
    f"""
    SELECT campaign, month, side, sum(lines) AS lines, sum(billed_fen) AS billed_fen,
           sum(gone) AS gone
      FROM ({_CAMPAIGNS}) c
     WHERE CAST(:only AS text) IS NULL OR campaign = :only
     GROUP BY 1, 2, 3 ORDER BY campaign <> 'any', campaign, month
    """
)
# What a campaign is called, and how long it binds; a club as its newest terms have it.
_BINDS: Final = text(
    """
    SELECT 'item:' || item_code AS campaign, title_zh, title_en, term_months
      FROM catalogue_item
    UNION ALL
    SELECT 'club:' || club, title_zh, title_en, term_months FROM (
        SELECT DISTINCT ON (club) * FROM club_terms ORDER BY club, version DESC) c
    """
)
_ANY: Final = ("任何商品或俱乐部", "Any item or club")

# What was prepaid for an item, and what its partner is owed for it; returns below zero.
_PREPAID: Final = f"""
    SELECT o.item_code, m.member_ref, x.effective_on, o.order_ref, x.quantity,
           x.settlement_fen, o.cash_fen * x.quantity / r.quantity AS cash_fen
      FROM redemption r
      JOIN member_order o ON o.member_id = r.member_id AND o.way = 'cash'
       AND r.redemption_ref = 'order:' || o.order_ref
      LEFT JOIN member m ON m.member_id = r.member_id
      CROSS JOIN LATERAL (
          SELECT r.effective_on, r.quantity, r.settlement_fen
          UNION ALL
          SELECT b.effective_on, -b.quantity, -b.settlement_fen
            FROM redemption_return b
           WHERE b.member_id = r.member_id AND b.redemption_ref = r.redemption_ref) x
     WHERE x.effective_on >= :first_day AND x.effective_on < :next_month
       AND {belongs("r.member_id")}
"""
PREPAID: Final = Facts(
    name="prepaid",
    words=("预存订单", "Orders that were prepaid"),
    relation=_PREPAID,
    columns=(
        Column("effective_on", ("记账日", "Booked on"), "day"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("order_ref", ("订单", "Order"), "code"),
        Column("item_code", ("商品", "Item"), "code"),
        Column("quantity", ("份数", "Pieces"), "number", adds=True),
        Column("cash_fen", ("预存", "Prepaid"), "fen", adds=True),
        Column("settlement_fen", ("结算", "Settlement"), "fen", adds=True),
    ),
    keys=("item_code",),
    measure="quantity",
    order="f.effective_on DESC, f.order_ref",
)
_PREPAID_BY_ITEM: Final = text(
    f"""
    SELECT item_code, CAST(sum(quantity) AS bigint) AS quantity,
           CAST(sum(cash_fen) AS bigint) AS cash_fen,
           CAST(sum(settlement_fen) AS bigint) AS settlement_fen
      FROM ({_PREPAID}) p GROUP BY 1 ORDER BY 1
    """
)


def per_line(amount: int, lines: int) -> Fraction | None:
    """Return what falls to each line, as ARPU in fen or as churn; None: no lines."""
    return Fraction(amount, lines) if lines else None


def uplift(participants: Fraction | None, control: Fraction | None) -> Fraction | None:
    """Return by which part of theirs participants are above the control."""
    if participants is None or not control:
        return None
    return participants / control - 1


def less(participants: Fraction | None, control: Fraction | None) -> Fraction | None:
    """Return by how many points of a rate participants are above the control."""
    return None if participants is None or control is None else participants - control


def locked_revenue(
    participants: int, *, arpu_fen: Fraction, months: Fraction
) -> Fraction:
    """Return what participants would be billed while they are bound, in fen (A24)."""
    return participants * arpu_fen * months


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    periods = months_until(scope.period, _MONTHS)
    known = {row.campaign: row for row in session.execute(_BINDS)}
    titles = {"any": _ANY} | {
        campaign: (row.title_zh, row.title_en) for campaign, row in known.items()
    }
    bound = {campaign: row.term_months for campaign, row in known.items()}
    sums: dict[tuple[str, object], dict[str, int]] = {}
    for asked, only in (([scope.period], None), (periods, "any")):
        binds = scope.binds | {"periods": asked, "only": only}
        for row in session.execute(_SUMS, binds):
            found = sums.setdefault((row.campaign, row.month), _nobody())
            for name in ("lines", "billed_fen", "gone"):
                found[f"{row.side}_{name}"] = int(getattr(row, name))
    return {
        "campaigns": [
            {"campaign": campaign, "title": titles.get(campaign)}
            | _compared(found, bound.get(campaign))
            for (campaign, month), found in sums.items()
            if month == scope.period
        ],
        "months": [
            {"month": month} | _compared(sums.get(("any", month), _nobody()), None)
            for month in periods
        ],
        "prepaid": [
            dict(row)
            for row in session.execute(_PREPAID_BY_ITEM, scope.binds).mappings()
        ],
    }


def _nobody() -> dict[str, int]:
    return {
        f"{side}_{name}": 0
        for side in ("participants", "control")
        for name in ("lines", "billed_fen", "gone")
    }


def _compared(found: Mapping[str, int], months: int | None) -> dict[str, object]:
    """Return the figures of a comparison, and what follows from them."""
    arpu, churn = (
        {
            side: per_line(found[f"{side}_{name}"], found[f"{side}_lines"])
            for side in ("participants", "control")
        }
        for name in ("billed_fen", "gone")
    )
    locked = None
    if months is not None and arpu["participants"] is not None:
        exact = locked_revenue(
            found["participants_lines"],
            arpu_fen=arpu["participants"],
            months=Fraction(months),
        )
        locked = round_half_up(exact.numerator, exact.denominator)
    return dict(found) | {
        "uplift": uplift(arpu["participants"], arpu["control"]),
        "churn_less": less(churn["participants"], churn["control"]),
        "bundle_months": months,
        "locked_fen": locked,
    }


def _columns(*, leads: bool) -> tuple[Column, ...]:
    """Return the columns of a comparison; figures of the month lead to their lines."""

    def source(side: str, measure: str) -> Source | None:
        where = {"side": side} if leads else {"side": side, "campaign": "any"}
        return Source("lines", where, measure)

    return (
        Column(
            "participants_lines",
            ("参与号码", "Participants"),
            "number",
            source=source("participants", "lines"),
        ),
        Column(
            "control_lines",
            ("对照号码", "Control"),
            "number",
            source=source("control", "lines"),
        ),
        Column(
            "participants_billed_fen",
            ("参与者出账", "Billed to participants"),
            "fen",
            source=source("participants", "billed_fen"),
        ),
        Column(
            "control_billed_fen",
            ("对照出账", "Billed to control"),
            "fen",
            source=source("control", "billed_fen"),
        ),
        Column(
            "participants_arpu",
            ("参与者 ARPU", "ARPU of participants"),
            "yuan",
            ratio=("participants_billed_fen", "participants_lines"),
        ),
        Column(
            "control_arpu",
            ("对照 ARPU", "ARPU of control"),
            "yuan",
            ratio=("control_billed_fen", "control_lines"),
        ),
        Column("uplift", ("ARPU 高出", "ARPU above"), "rate"),
        Column(
            "participants_gone",
            ("参与者离网", "Participants who left"),
            "number",
            source=source("participants", "gone"),
        ),
        Column(
            "control_gone",
            ("对照离网", "Control who left"),
            "number",
            source=source("control", "gone"),
        ),
        Column(
            "participants_churn",
            ("参与者离网率", "Churn of participants"),
            "rate",
            ratio=("participants_gone", "participants_lines"),
        ),
        Column(
            "control_churn",
            ("对照离网率", "Churn of control"),
            "rate",
            ratio=("control_gone", "control_lines"),
        ),
        Column("churn_less", ("离网率差", "Churn above"), "gap"),
    )


COMPARISON: Final = Definition(
    number="R10",
    name="comparison",
    title=("参与者与对照组", "Participants against a control"),
    formula_zh=(
        "参与者 ＝ 月初在网、月初前换过该商品且仍在保障期内（没有期限的一直算）或属于"
        "该俱乐部的会员的号码；对照组 ＝ 月初在网的其余号码。ARPU ＝ 当月出账（扣除"
        "贷项）÷ 号码数；离网率 ＝ 当月携出或销号 ÷ 月初号码数，内部迁移、过户和身故"
        "不算；ARPU 高出 ＝ 参与者 ÷ 对照 − 1；离网率差是百分点；锁定收入 ＝ 参与号码"
        " × 参与者 ARPU × 捆绑月数；直接成本率 ＝ 现金预存订单的结算价 ÷ 预存金额，"
        "已减去退回。参与者与对照组没有随机分配，差别不都是活动的效果。"
    ),
    formula_en=(
        "Participants are the lines, alive when the month began, of members who had"
        " taken the item before and are still within its term (for ever, if it has"
        " none), or belong to the club; the control is all other lines alive then."
        " ARPU = billed in the month less credit notes ÷ lines. Churn = lines ported"
        " out or closed in the month ÷ lines at its beginning; internal migration,"
        " transfer and death are none. ARPU above = participants ÷ control - 1; churn"
        " above is in percentage points. Locked revenue = participants × their ARPU ×"
        " months they are bound. Direct-cost ratio = settlement of orders paid in"
        " cash ÷ cash prepaid, net of returns. Nobody was assigned by chance, so that"
        " not all of a difference is an effect."
    ),
    shapes=(
        Shape(
            name="campaigns",
            goes_on=True,
            words=("按活动", "By campaign"),
            columns=(
                Column("title", ("活动", "Campaign")),
                Column("campaign", ("代码", "Code"), "code"),
                *_columns(leads=True),
                Column("bundle_months", ("捆绑月数", "Months bound"), "number"),
                Column("locked_fen", ("锁定收入", "Locked revenue"), "fen"),
            ),
            keys=("campaign",),
            is_turned=True,
        ),
        Shape(
            name="months",
            goes_on=True,
            words=("换过任何商品或属于任何俱乐部", "Any item or club"),
            columns=(
                Column("month", ("月份", "Month"), "month"),
                *_columns(leads=False),
            ),
        ),
        Shape(
            name="prepaid",
            goes_on=True,
            words=("预存换商品的直接成本", "Direct cost of prepay offers"),
            columns=(
                Column("item_code", ("商品", "Item"), "code"),
                Column(
                    "quantity",
                    ("份数", "Pieces"),
                    "number",
                    adds=True,
                    source=Source("prepaid"),
                ),
                Column(
                    "cash_fen",
                    ("预存", "Prepaid"),
                    "fen",
                    adds=True,
                    source=Source("prepaid", measure="cash_fen"),
                ),
                Column(
                    "settlement_fen",
                    ("结算", "Settlement"),
                    "fen",
                    adds=True,
                    source=Source("prepaid", measure="settlement_fen"),
                ),
                Column(
                    "direct_cost",
                    ("直接成本率", "Direct-cost ratio"),
                    "percent",
                    ratio=("settlement_fen", "cash_fen"),
                ),
            ),
            keys=("item_code",),
        ),
    ),
    rows=_rows,
    facts=(COMPARED, PREPAID),
    filters=OF_MEMBERS,
    charts=(
        Chart(
            words=("每月离网率", "Churn by month"),
            table="months",
            label="month",
            series=("participants_churn", "control_churn"),
            drawn="line",
        ),
    ),
)
