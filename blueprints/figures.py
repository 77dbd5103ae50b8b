"""How the figures of reports read: on a page, on paper, and in files."""

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from blueprints.formatting import day, moment, month, number, yuan
from blueprints.language import speak
from blueprints.wording import state_words, term
from loyalty.finance.rules import round_half_up
from loyalty.reports.scope import Scope
from loyalty.reports.shape import (
    QUOTIENTS,
    Column,
    Definition,
    Kind,
    Table,
    Value,
    Words,
)
from loyalty.settings import TIME_ZONE

NUMBERS: Final = frozenset({"number", "points", "fen"}) | QUOTIENTS
# How many digits stand after the point of a quotient.
_DIGITS: Final[dict[Kind, int]] = {
    "price": 4,
    "percent": 1,
    "times": 1,
    "decimal": 1,
    "yuan": 2,
    "rate": 2,
    "gap": 2,
    "hundredths": 2,
}
_MARKS: Final[dict[Kind, str]] = {
    "price": "¥{}",
    "percent": "{} %",
    "times": "{}×",
    "yuan": "¥{}",
    "rate": "{} %",
}
_FILE_DIGITS: Final = 6
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def said(column: Column, value: Value) -> str:
    """Return a value as a person reads it; what is not there is a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, date):
        return _when(column.kind, value)
    if isinstance(value, str | tuple):
        return _coded(column.terms, value)
    return _figure(column.kind, value)


def last_line(table: Table) -> list[str]:
    """Return the last line of a table as a person reads it: what adds up, and blanks.

    There must be one.
    """
    assert table.totals is not None
    columns = table.shape.columns
    words = [
        "" if value is None and column.ratio is None else said(column, value)
        for column, value in zip(columns, table.totals, strict=True)
    ]
    return words if columns[0].adds else [speak("合计", "All"), *words[1:]]


def rounded(value: Fraction, digits: int) -> Decimal:
    """Return a quotient with so many digits, halves upwards."""
    whole = round_half_up(value.numerator * 10**digits, value.denominator)
    return Decimal(whole).scaleb(-digits)


def written(column: Column, value: Value) -> str:
    """Return a value as other programs read it: codes, ISO days, yuan with a point.

    A spreadsheet never takes words for a formula.
    """
    match value:
        case None:
            words = ""
        case datetime():
            words = value.astimezone(TIME_ZONE).isoformat()
        case date():
            words = f"{value:%Y-%m}" if column.kind == "month" else value.isoformat()
        case Fraction():
            words = f"{rounded(value, _FILE_DIGITS):f}"
        case int():
            fen = column.kind == "fen"
            words = f"{Decimal(value).scaleb(-2):f}" if fen else str(value)
        case _:
            said_ = speak(*value) if isinstance(value, tuple) else value
            words = f"'{said_}" if said_.startswith(_FORMULA) else said_
    return words


def asked(definition: Definition, scope: Scope) -> list[tuple[str, str]]:
    """Return what a report was asked for, in words; open filters too."""
    facts = scope.asked
    everything = speak("全部", "All")
    return [
        (speak("月份", "Month"), month(scope.period)),
        *(
            (
                filter_words(each.value),
                term(each.value, facts[each.value])
                if each.value in facts
                else everything,
            )
            for each in definition.filters
        ),
    ]


def filter_words(name: str) -> str:
    """Return what is narrowed by a filter."""
    return {
        "brand": speak("品牌", "Brand"),
        "city": speak("城市", "City"),
        "hall": speak("营业厅", "Hall"),
        "partner": speak("伙伴", "Partner"),
        "family": speak("产品族", "Family"),
    }[name]


def formula(definition: Definition) -> str:
    """Return how a report counts, in words."""
    return speak(definition.formula_zh, definition.formula_en)


def _when(kind: Kind, on: date) -> str:
    if isinstance(on, datetime):
        return moment(on)
    return month(on) if kind == "month" else day(on)


def _coded(terms: str | None, code: str | Words) -> str:
    """Return what a code is called; `state:…` are states, and bring their own words."""
    if isinstance(code, tuple):
        return speak(*code)
    if terms is None:
        return code
    if terms.startswith("state:"):
        return state_words(f"{terms.removeprefix('state:')}_{code}").words
    return term(terms, code)


def _figure(kind: Kind, value: int | Fraction) -> str:
    if kind == "fen" and isinstance(value, int):
        return yuan(value)
    if kind not in _DIGITS:
        return number(int(value))
    digits = _DIGITS[kind]
    exact = Fraction(value) * (100 if kind in ("percent", "rate", "gap") else 1)
    written = rounded(exact, digits)
    sign = "\N{MINUS SIGN}" if written < 0 else ""
    mark = (
        speak("{} 个百分点", "{} points") if kind == "gap" else _MARKS.get(kind, "{}")
    )
    return sign + mark.format(f"{abs(written):,f}")
