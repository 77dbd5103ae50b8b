"""Pictures of numbers, drawn on the server as SVG that needs no script and no style.

Widths are percentages and letters keep their size, so that one drawing serves a
phone and a desk. Colours come from the style sheet; the shape alone says it in grey.
"""

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from markupsafe import Markup, escape

from blueprints.formatting import day, month, number, percent, points
from blueprints.language import language, speak

_HEIGHT: Final = 192
_TOP, _BOTTOM = 32, 160  # of the plot, in pixels
_WIDTH: Final = 1000  # of the plot, in units of its own
_RIGHT: Final = 99  # percent, so that the last dot is whole
_LABELS_MAX: Final = 4
_HALF: Final = 60  # percent
_EDGE: Final = 15  # percent, within which a label leans inwards


def balance_chart(balances: Sequence[tuple[date, int]]) -> Markup:
    """Draw what was available day by day; balances stand in steps."""
    if not balances:
        return Markup()
    top = max(1, *(value for _, value in balances))
    first, last = balances[0], balances[-1]
    where = [
        (_at(index, len(balances)), _height(value, top))
        for index, (_, value) in enumerate(balances)
    ]
    line = f"M{where[0][0]} {where[0][1]}" + "".join(
        f"H{x}V{y}" if y != before[1] else f"H{x}"
        for before, (x, y) in itertools.pairwise(where)
    )
    said = speak(
        f"积分余额：{day(first[0])} {number(first[1])}，"
        f"{day(last[0])} {number(last[1])}，最高 {number(top)}。",
        f"Balance: {number(first[1])} on {day(first[0])},"
        f" {number(last[1])} on {day(last[0])}, at most {number(top)}.",
    )
    end = where[-1][1]
    parts = [
        (
            f'<svg class="plot" width="100%" height="{_HEIGHT}" role="img"'
            f' aria-label="{escape(said)}">'
        ),
        f'<line class="axis" x1="0" x2="100%" y1="{_BOTTOM}" y2="{_BOTTOM}"/>',
        (
            f'<svg x="0" y="0" width="{_RIGHT}%" height="{_HEIGHT}"'
            f' viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">'
        ),
        f'<path class="under" d="{line}V{_BOTTOM}H0Z"/>',
        f'<path class="series" d="{line}" vector-effect="non-scaling-stroke"/>',
        "</svg>",
        f'<circle class="dot" cx="{_RIGHT}%" cy="{end}" r="5"/>',
        *_value_labels(balances, top, end),
        *_day_labels(balances),
        "</svg>",
    ]
    return Markup("".join(parts))  # noqa: S704 - numbers, and words that were escaped


def redemption_curve(
    parts: Sequence[Fraction | None], *, ultimate: Fraction | None
) -> Markup:
    """Draw which part of points is redeemed by each month of age.

    `ultimate`: the part that will ever be, as a dashed line above.
    """
    known = [(age, part) for age, part in enumerate(parts) if part is not None]
    if not known:
        return Markup()
    top = max(Fraction(1), *(part for _, part in known))
    where = [(_at(age, len(parts)), _height(part, top)) for age, part in known]
    line = "L".join(f"{x} {y}" for x, y in where)
    (age, latest), (right, end) = known[-1], where[-1]
    said = speak(
        f"满 {age} 个月时已兑换 {percent(latest)}，预计最终兑换 {percent(ultimate)}。",
        f"{percent(latest)} redeemed by month {age};"
        f" {percent(ultimate)} expected in the end.",
    )
    parts_drawn = [
        (
            f'<svg class="plot" width="100%" height="{_HEIGHT}" role="img"'
            f' aria-label="{escape(said)}">'
        ),
        f'<line class="axis" x1="0" x2="100%" y1="{_BOTTOM}" y2="{_BOTTOM}"/>',
        (
            f'<svg x="0" y="0" width="{_RIGHT}%" height="{_HEIGHT}"'
            f' viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">'
        ),
        f'<path class="under" d="M{line}V{_BOTTOM}H{where[0][0]}Z"/>',
        f'<path class="series" d="M{line}" vector-effect="non-scaling-stroke"/>',
        "</svg>",
        f'<circle class="dot" cx="{_RIGHT * right // _WIDTH}%" cy="{end}" r="5"/>',
        (
            f'<text class="said" x="{_RIGHT * right // _WIDTH}%"'
            f' y="{max(16, end - 12)}" text-anchor="{_lean(right // 10)}">'
            f"{escape(percent(latest))}</text>"
        ),
        *_age_labels(len(parts)),
    ]
    if ultimate is not None:
        level = _height(min(ultimate, top), top)
        words = speak(f"预计 {percent(ultimate)}", f"expected {percent(ultimate)}")
        parts_drawn += [
            (
                f'<line class="axis" x1="0" x2="100%" y1="{level}" y2="{level}"'
                ' stroke-dasharray="4 4"/>'
            ),
            f'<text x="0" y="{max(16, level - 6)}">{escape(words)}</text>',
        ]
    return Markup("".join([*parts_drawn, "</svg>"]))  # noqa: S704 - as above


def _age_labels(ages: int) -> list[str]:
    step = -(-ages // _LABELS_MAX)
    return [
        f'<text x="{_percent(age, ages)}%" y="{_HEIGHT - 8}"'
        f' text-anchor="{_lean(_percent(age, ages))}">'
        f"{escape(speak(f'第 {age} 个月', f'month {age}'))}</text>"
        for age in range(0, ages, step)
    ]


def by_month(balances: Sequence[tuple[date, int]]) -> list[tuple[date, int]]:
    """Return the balance at the last known day of each month, the newest first."""
    ends = {on.replace(day=1): (on, value) for on, value in balances}
    return list(reversed(ends.values()))


def tier_bar(figure: int, rungs: Sequence[tuple[str, int]]) -> Markup:
    """Draw how far a member has come on a ladder of (name, needed) rungs."""
    if not rungs:
        return Markup()
    top = max(1, *(needed for _, needed in rungs))
    reached = min(100 * figure // top, 100)
    parts = [
        '<svg class="ladder" width="100%" height="48" aria-hidden="true">',
        '<rect class="rail" x="0" y="4" width="100%" height="8" rx="4"/>',
        f'<rect class="way" x="0" y="4" width="{reached}%" height="8" rx="4"/>',
    ]
    for name, needed in rungs:
        at = 100 * needed // top
        held = "rung held" if figure >= needed else "rung"
        lean = _lean(at)
        parts.append(
            f'<circle class="{held}" cx="{_inside(at)}%" cy="8" r="6"/>'
            f'<text x="{at}%" y="36" text-anchor="{lean}">{escape(name)}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - as above


def _at(index: int, count: int) -> int:
    return _WIDTH if count == 1 else _WIDTH * index // (count - 1)


def _height(value: int | Fraction, top: int | Fraction) -> int:
    return _BOTTOM - (_BOTTOM - _TOP) * value // top


def _value_labels(
    balances: Sequence[tuple[date, int]], top: int, end: int
) -> list[str]:
    """Return what the line says: its last value, and its highest where that differs."""
    last = balances[-1][1]
    labels = [
        (
            f'<text class="said" x="{_RIGHT}%" y="{max(16, end - 12)}"'
            f' text-anchor="end">{escape(points(last))}</text>'
        )
    ]
    values = [value for _, value in balances]
    where = _percent(values.index(max(values)), len(balances))
    # Near the end the two would write over each other.
    if last != top and where < _HALF:
        labels.append(
            f'<text x="{where}%" y="{_TOP - 12}" text-anchor="{_lean(where)}">'
            f"{escape(number(top))}</text>"
        )
    return labels


def _day_labels(balances: Sequence[tuple[date, int]]) -> list[str]:
    """Return the names of some months under the line, evenly chosen."""
    starts = [i for i, (on, _) in enumerate(balances) if on.day == 1] or [0]
    step = -(-len(starts) // _LABELS_MAX)
    labels = []
    for index in starts[::step]:
        where = _percent(index, len(balances))
        labels.append(
            f'<text x="{where}%" y="{_HEIGHT - 8}" text-anchor="{_lean(where)}">'
            f"{escape(_short_month(balances[index][0]))}</text>"
        )
    return labels


def _short_month(on: date) -> str:
    if language() == "zh":
        return f"{on.month} 月"
    return month(on)[:3]


def _percent(index: int, count: int) -> int:
    return _RIGHT * _at(index, count) // _WIDTH


def _inside(percent: int) -> int:
    return max(2, min(98, percent))


def _lean(percent: int) -> str:
    if percent < _EDGE:
        return "start"
    return "end" if percent > 100 - _EDGE else "middle"


def half_a_year_before(on: date) -> date:
    """Return the first day of the month five months before a day's."""
    start = on.replace(day=1)
    for _ in range(5):
        start = (start - timedelta(days=1)).replace(day=1)
    return start
