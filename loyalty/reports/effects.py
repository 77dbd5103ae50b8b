"""R10: what became of members and of the network, year against year (A46 to A51)."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.finance.rules import round_half_up
from loyalty.reports.comparisons import less, per_line, uplift
from loyalty.reports.lines import LINES
from loyalty.reports.scope import Scope
from loyalty.reports.shape import (
    OF_MEMBERS,
    Column,
    Definition,
    Facts,
    Rows,
    Shape,
    Source,
)
from loyalty.reports.yearly import figures_of

_HUNDREDTHS: Final = 100
_PERCENT: Final = 100_00

# The months of the year up to the one that is asked for, and those a year before.
_PERIODS: Final = """
    ARRAY(SELECT CAST(g - make_interval(years => y) AS date)
            FROM generate_series(date_trunc('year', CAST(:period AS timestamp)),
                                 CAST(:period AS timestamp), interval '1 month') g
           CROSS JOIN generate_series(0, 1) y)
"""
# A member is who belonged to a club or held a tier when the month began.
_LINES: Final = f"""
    SELECT l.*, CAST(extract(year FROM l.month) AS int) AS year,
           CASE WHEN EXISTS (
                    SELECT FROM club_membership k
                     WHERE k.member_id = l.member_id AND k.starts_on < l.month
                       AND k.ends_on >= l.month
                       AND (k.ended_on IS NULL OR k.ended_on > l.month))
                  OR EXISTS (
                    SELECT FROM tier_period p
                     WHERE p.member_id = l.member_id AND p.starts_on < l.month
                       AND (p.ends_on IS NULL OR p.ends_on >= l.month))
                THEN 'members' ELSE 'others' END AS side
      FROM ({LINES.replace(":periods", _PERIODS)}) l
"""
YEARS: Final = Facts(
    name="lines",
    words=("各月初在网的号码", "Lines alive when each month began"),
    relation=_LINES,
    columns=(
        Column("month", ("月份", "Month"), "month"),
        Column("member_ref", ("会员", "Member"), "code"),
        Column("network", ("网络", "Network"), terms="network"),
        Column("lines", ("号码月数", "Months of lines"), "number", adds=True),
        Column("billed_fen", ("出账金额", "Billed"), "fen", adds=True),
        Column("gone", ("当月离网", "Left in the month"), "number", adds=True),
    ),
    keys=("year", "side"),
    measure="lines",
    order="f.month DESC, f.billed_fen DESC, f.member_ref",
)
_SUMS: Final = text(
    f"""
    SELECT year, side, sum(lines) AS lines, sum(billed_fen) AS billed_fen,
           sum(gone) AS gone
      FROM ({_LINES}) l GROUP BY 1, 2
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some lines through some months of a year."""

    months: int
    lines: int = 0  # alive at the beginnings of the months, added up
    billed_fen: int = 0
    gone: int = 0

    @property
    def average(self) -> Fraction:
        """How many there were at the beginning of a month."""
        return Fraction(self.lines, self.months)

    @property
    def churn(self) -> Fraction | None:
        """Which part of them left, through all the months (Q10)."""
        return self.gone / self.average if self.lines else None

    @property
    def arpu_fen(self) -> Fraction | None:
        """What was billed to each in a month."""
        return per_line(self.billed_fen, self.lines)

    def __add__(self, other: "Group") -> "Group":
        """Return both together."""
        return Group(
            months=self.months,
            lines=self.lines + other.lines,
            billed_fen=self.billed_fen + other.billed_fen,
            gone=self.gone + other.gone,
        )


def average_users(revenue_fen: int, *, arpu_fen: Fraction, months: int) -> Fraction:
    """Return how many users a revenue and an ARPU mean (A50)."""
    return revenue_fen / arpu_fen / months


def churn_saving(
    fall: Fraction, *, members: Fraction, acquisition_fen: Fraction
) -> Fraction:
    """Return what it would cost to win back those who left the less, in fen (A48)."""
    return fall * members * acquisition_fen


def _rows(session: Session, scope: Scope) -> Mapping[str, Rows]:
    months, this = scope.period.month, scope.period.year
    groups = {
        (year, side): Group(months=months)
        for year in (this, this - 1)
        for side in ("members", "others")
    }
    for row in session.execute(_SUMS, scope.binds):
        groups[row.year, row.side] = Group(
            months=months,
            lines=int(row.lines),
            billed_fen=int(row.billed_fen),
            gone=int(row.gone),
        )
    now, before = (
        _tiles(
            groups[year, "members"],
            groups[year, "members"] + groups[year, "others"],
            figures_of(session, year=year),
        )
        for year in (this, this - 1)
    )
    return {
        "tiles": [
            {"year": str(this), **now},
            {"year": str(this - 1), **before},
            {"year": "change", **_change(now, before)},
        ],
        "groups": [
            {
                "year": str(year),
                "side": side,
                "lines": group.lines,
                "average": group.average,
                "billed_fen": group.billed_fen,
                "gone": group.gone,
                "churn": group.churn,
            }
            for (year, side), group in groups.items()
        ],
    }


def _tiles(
    members: Group, network: Group, brought: Mapping[str, int]
) -> dict[str, Fraction | int | None]:
    """Return the figures of a year; None: it is not known."""

    def known(name: str, of: int) -> Fraction | None:
        return Fraction(brought[name], of) if name in brought else None

    ours, whole = members.arpu_fen, network.arpu_fen
    return {
        "member_churn": members.churn,
        "churn_target": known("churn_target", _PERCENT),
        "network_churn": network.churn,
        "churn_below": less(network.churn, members.churn),
        "member_arpu": None if ours is None else ours / _HUNDREDTHS,
        "network_arpu": None if whole is None else whole / _HUNDREDTHS,
        "arpu_times": None if ours is None or not whole else ours / whole,
        "member_growth": None,
        "network_growth": None,
        "growth_above": None,
        "members_average": members.average,
        "member_share": per_line(members.lines, network.lines),
        "member_revenue": members.billed_fen,
        "revenue_share": per_line(members.billed_fen, network.billed_fen),
        "satisfaction_members": known("satisfaction_members", _HUNDREDTHS),
        "satisfaction_cdma": known("satisfaction_cdma", _HUNDREDTHS),
        "satisfaction_gsm": known("satisfaction_gsm", _HUNDREDTHS),
        "acquisition_cost": known("acquisition_cost", _HUNDREDTHS),
        "churn_saving": None,
    }


def _change(
    now: Mapping[str, Fraction | int | None],
    before: Mapping[str, Fraction | int | None],
) -> dict[str, object]:
    """Return what has changed from a year to the next, and what it was worth."""
    change: dict[str, object] = {}
    for name, figure in now.items():
        then = before[name]
        change[name] = None if figure is None or then is None else figure - then
    growth = {
        side: uplift(_exact(now[f"{side}_arpu"]), _exact(before[f"{side}_arpu"]))
        for side in ("member", "network")
    }
    change["member_growth"], change["network_growth"] = growth.values()
    change["growth_above"] = less(growth["member"], growth["network"])
    fall = less(_exact(before["member_churn"]), _exact(now["member_churn"]))
    cost, members = _exact(now["acquisition_cost"]), _exact(now["members_average"])
    if fall is not None and cost is not None and members is not None:
        saved = churn_saving(fall, members=members, acquisition_fen=cost * _HUNDREDTHS)
        change["churn_saving"] = round_half_up(saved.numerator, saved.denominator)
    return change


def _exact(figure: Fraction | int | None) -> Fraction | None:
    return None if figure is None else Fraction(figure)


EFFECTS: Final = Definition(
    number="R10",
    name="effects",
    title=("会员与全网：两升一降", "Members and the network: two up, one down"),
    formula_zh=(
        "本年截至所选月份，与上年同期相比。会员 ＝ 月初属于任一俱乐部或持有等级的会员"
        "的号码；全网 ＝ 月初在网的全部号码。离网率 ＝ 这些月携出或销号之和 ÷ 月初号码"
        "数的平均，内部迁移、过户和身故不算；ARPU ＝ 出账（扣除贷项）÷ 各月月初号码数"
        "之和；会员占比按号码，收入占比按出账；增幅差、离网率差是百分点；少流失所省 ＝"
        " 会员离网率降幅 × 平均会员 × 单位获客成本。满意度、获客成本和目标由财务录入"
        "并注明出处。"
    ),
    formula_en=(
        "This year up to the month, against the same months a year before. Members are"
        " the lines of who belonged to a club or held a tier when a month began; the"
        " network is all lines alive then. Churn = lines ported out or closed through"
        " these months ÷ their average number at the beginnings; internal migration,"
        " transfer and death are none. ARPU = billed less credit notes ÷ lines at the"
        " beginnings, added up. Shares are of lines and of what was billed; gaps of"
        " rates are percentage points. Saved by lower churn = fall of members' churn ×"
        " average members × cost of winning a user. Satisfaction, that cost and the"
        " target are brought by finance with their source."
    ),
    shapes=(
        Shape(
            name="tiles",
            goes_on=True,
            words=("指标", "Figures"),
            columns=(
                Column("year", ("年份", "Year"), terms="effect_year"),
                Column("member_churn", ("会员离网率", "Churn of members"), "rate"),
                Column("churn_target", ("离网率目标", "Target of churn"), "rate"),
                Column("network_churn", ("全网离网率", "Churn of network"), "rate"),
                Column(
                    "churn_below",
                    ("会员低于全网", "Members below network"),
                    "gap",
                ),
                Column("member_arpu", ("会员 ARPU", "ARPU of members"), "yuan"),
                Column("network_arpu", ("全网 ARPU", "ARPU of network"), "yuan"),
                Column(
                    "arpu_times",
                    ("会员是全网的几倍", "Members, times the network"),
                    "hundredths",
                ),
                Column(
                    "member_growth", ("会员 ARPU 增幅", "Growth of members'"), "rate"
                ),
                Column(
                    "network_growth",
                    ("全网 ARPU 增幅", "Growth of the network's"),
                    "rate",
                ),
                Column("growth_above", ("增幅差", "Members' above"), "gap"),
                Column("members_average", ("平均会员", "Average members"), "decimal"),
                Column("member_share", ("会员占比", "Share of members"), "rate"),
                Column("member_revenue", ("会员收入", "Revenue of members"), "fen"),
                Column("revenue_share", ("收入占比", "Share of revenue"), "rate"),
                Column(
                    "satisfaction_members",
                    ("会员满意度", "Satisfaction of members"),
                    "hundredths",
                ),
                Column(
                    "satisfaction_cdma",
                    ("CDMA 网满意度", "Satisfaction, CDMA"),
                    "hundredths",
                ),
                Column(
                    "satisfaction_gsm",
                    ("GSM 网满意度", "Satisfaction, GSM"),
                    "hundredths",
                ),
                Column(
                    "acquisition_cost",
                    ("单位获客成本", "Cost of winning a user"),
                    "yuan",
                ),
                Column("churn_saving", ("少流失所省", "Saved by lower churn"), "fen"),
            ),
            is_turned=True,
        ),
        Shape(
            name="groups",
            goes_on=True,
            words=("指标的来源", "What the figures are made of"),
            columns=(
                Column("year", ("年份", "Year"), "code"),
                Column("side", ("哪一组", "Which side"), terms="side"),
                Column(
                    "lines",
                    ("号码月数", "Months of lines"),
                    "number",
                    source=Source("lines"),
                ),
                Column("average", ("平均号码", "Average lines"), "decimal"),
                Column(
                    "billed_fen",
                    ("出账金额", "Billed"),
                    "fen",
                    source=Source("lines", measure="billed_fen"),
                ),
                Column("arpu", ("ARPU", "ARPU"), "yuan", ratio=("billed_fen", "lines")),
                Column(
                    "gone",
                    ("离网", "Left"),
                    "number",
                    source=Source("lines", measure="gone"),
                ),
                Column("churn", ("离网率", "Churn"), "rate"),
            ),
            keys=("year", "side"),
        ),
    ),
    rows=_rows,
    facts=(YEARS,),
    filters=OF_MEMBERS,
)
