"""Tables of reports as pictures: bars that lie, and lines over months.

As `charts`: widths are percentages, colours come from the style sheet, and the table
beneath says the same to those who cannot see it.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from markupsafe import Markup, escape

from blueprints.figures import rounded, said
from blueprints.language import speak
from loyalty.reports.shape import QUOTIENTS, Chart, Column, Table, Value

_LABEL, _BAR, _SPACE = 18, 16, 6  # pixels of a label, of each bar, and below them
_FAR: Final = 60  # percent: where the longest bar ends
_HEIGHT, _TOP, _BOTTOM = 192, 32, 160
_RIGHT: Final = 99
_WIDTH: Final = 1000

Series = tuple[Column, list[Fraction | None]]


def draw(chart: Chart, table: Table) -> Markup:
    """Draw some columns of a table; nothing where it has no rows."""
    columns = {column.name: at for at, column in enumerate(table.shape.columns)}
    label = table.shape.columns[columns[chart.label]]
    labels = [said(label, row[columns[chart.label]]) for row in table.rows]
    series: list[Series] = [
        (
            table.shape.columns[columns[name]],
            [_exact(row[columns[name]]) for row in table.rows],
        )
        for name in chart.series
    ]
    if not any(value for _, values in series for value in values):
        return Markup()
    drawing = _bars if chart.drawn == "bars" else _lines
    return Markup(drawing(chart, labels, series))  # noqa: S704 - escaped where made


def _bars(chart: Chart, labels: Sequence[str], series: Sequence[Series]) -> str:
    low, high = _span(series)
    row = _LABEL + _BAR * len(series) + _SPACE
    parts = [_head(chart, row * len(labels))]
    for at, words in enumerate(labels):
        top = at * row
        # Above its bars: a name may be longer than any place beside them.
        parts.append(f'<text x="0" y="{top + _LABEL - 4}">{escape(words)}</text>')
        for nth, (column, each) in enumerate(series):
            value = each[at] or Fraction(0)
            start, end = sorted(_along(one, low, high) for one in (Fraction(0), value))
            y = top + _LABEL + nth * _BAR
            told = _name(column, series) + said(column, _back(column, each[at]))
            parts.append(
                f'<rect class="bar-{nth + 1}" x="{start}%" y="{y}"'
                f' width="{end - start}%" height="{_BAR - 4}" rx="2"/>'
                f'<text class="said" x="100%" y="{y + 10}" text-anchor="end">'
                f"{escape(told)}</text>"
            )
    return "".join([*parts, "</svg>"])


def _lines(chart: Chart, labels: Sequence[str], series: Sequence[Series]) -> str:
    low, high = _span(series)
    parts = [
        _head(chart, _HEIGHT),
        f'<line class="axis" x1="0" x2="100%" y1="{_BOTTOM}" y2="{_BOTTOM}"/>',
    ]
    ends: list[int] = []
    for nth, (column, each) in enumerate(series):
        known = [(at, value) for at, value in enumerate(each) if value is not None]
        if not known:
            continue
        where = [(_x(at, len(each)), _y(value, low, high)) for at, value in known]
        path = "M" + "L".join(f"{x} {y}" for x, y in where)
        end, right = where[-1][1], _RIGHT * where[-1][0] // _WIDTH
        # Beneath a line that falls, so that neither crosses the other.
        falls = len(where) > 1 and where[-2][1] < end < _BOTTOM - 20
        beside = _free(end + 20 if falls else end - 10, ends)
        words = _name(column, series) + said(column, _back(column, known[-1][1]))
        parts.append(
            f'<svg x="0" y="0" width="{_RIGHT}%" height="{_HEIGHT}"'
            f' viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">'
            f'<path class="series line-{nth + 1}" d="{path}"'
            ' vector-effect="non-scaling-stroke"/></svg>'
            f'<circle class="dot line-{nth + 1}" cx="{right}%" cy="{end}" r="4"/>'
            f'<text class="said" x="{_RIGHT}%" y="{beside}"'
            f' text-anchor="end">{escape(words)}</text>'
        )
    last = len(labels) - 1
    # Both ends and the middle, which a telephone has room for.
    for at in sorted({0, last // 2, last}):
        lean = "end" if at == last else "start" if at == 0 else "middle"
        parts.append(
            f'<text x="{_RIGHT * _x(at, len(labels)) // _WIDTH}%" y="{_HEIGHT - 8}"'
            f' text-anchor="{lean}">{escape(labels[at])}</text>'
        )
    return "".join([*parts, "</svg>"])


def _head(chart: Chart, height: int) -> str:
    words = speak(*chart.words)
    told = speak(f"{words}，数字见下表。", f"{words}; the table below has the figures.")
    return (
        f'<svg class="plot" width="100%" height="{height}" role="img"'
        f' aria-label="{escape(told)}">'
    )


def _name(column: Column, series: Sequence[Series]) -> str:
    return f"{speak(*column.words)} " if len(series) > 1 else ""


def _free(wished: int, taken: list[int]) -> int:
    """Return where a label can stand without writing over another."""
    y = max(14, wished)
    while any(abs(y - other) < 16 for other in taken):  # noqa: PLR2004 - a line's height
        y += 16
    taken.append(y)
    return y


def _span(series: Sequence[Series]) -> tuple[Fraction, Fraction]:
    """Return the lowest and the highest value, zero always between them."""
    values = [value for _, each in series for value in each if value is not None]
    return min([Fraction(0), *values]), max([Fraction(0), *values])


def _along(value: Fraction, low: Fraction, high: Fraction) -> Decimal:
    """Return how far along the row a value lies, in percent."""
    span = high - low or Fraction(1)
    return rounded(_FAR * (value - low) / span, 2)


def _x(at: int, count: int) -> int:
    return _WIDTH if count == 1 else _WIDTH * at // (count - 1)


def _y(value: Fraction, low: Fraction, high: Fraction) -> int:
    span = high - low or Fraction(1)
    return int(_BOTTOM - (_BOTTOM - _TOP) * (value - low) / span)


def _exact(value: Value) -> Fraction | None:
    return Fraction(value) if isinstance(value, int | Fraction) else None


def _back(column: Column, value: Fraction | None) -> Value:
    """Return a value as its column has it: whole where it is whole."""
    if value is None or column.kind in QUOTIENTS:
        return value
    return int(value)
