"""How numbers, money, days and phone numbers read, in the language of the page.

Templates use them as filters, and the macros of parts.html wrap them in markup.
"""

import re
from datetime import date, datetime
from fractions import Fraction
from typing import Final
from urllib.parse import urlencode

from flask import Flask, current_app, request, url_for
from markupsafe import Markup, escape

from blueprints.language import language, speak
from loyalty import clock
from loyalty.finance.rules import round_half_up
from loyalty.settings import TIME_ZONE

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# Ideographs, and the brackets and spaces between them.
_CHINESE: Final = re.compile(
    r"[\u3400-\u9fff][\u3000-\u303f\u3400-\u9fff\uff00-\uffef]*"
)
_DIGITS_MAX: Final = 6  # of parts of a fen, in yuan
_MASK_SHOWN: Final = 4  # digits of a phone number that stay readable at its end


def register(app: Flask) -> None:
    """Give every template of the application these filters and words."""
    app.jinja_env.filters.update(
        number=number,
        whole=whole,
        points=points,
        yuan=yuan,
        yuan_exactly=yuan_exactly,
        percent=percent,
        day=day,
        month=month,
        moment=moment,
        msisdn=msisdn,
        foreign=foreign,
    )
    # Globals and not context: macros that are imported see only these.
    app.jinja_env.globals.update(
        t=speak,
        language=language,
        other_language=other_language,
        has_view=has_view,
        masked_name=masked_name,
        here=here,
    )


def number(value: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{value:,}".replace("-", "\N{MINUS SIGN}")


def whole(value: Fraction) -> int:
    """Return a fraction as the whole number next to it, halves upwards."""
    return round_half_up(value.numerator, value.denominator)


def points(value: int) -> str:
    """Return an amount of points with its unit."""
    if language() == "zh":
        return f"{number(value)} 积分"
    return f"{number(value)} {'point' if abs(value) == 1 else 'points'}"


def yuan(fen: int) -> str:
    """Return an amount of money; fen in, yuan shown: ¥20.00."""
    sign = "\N{MINUS SIGN}" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def yuan_exactly(fen: Fraction) -> str:
    """Return parts of a fen as money, with as many digits as they have: ¥0.0080.

    At most six, the last one rounded half up; four at least.
    """
    digits = 4
    while digits < _DIGITS_MAX and (fen * 10 ** (digits - 2)).denominator != 1:
        digits += 1
    exact = fen * 10 ** (digits - 2)
    whole = round_half_up(exact.numerator, exact.denominator)
    sign = "\N{MINUS SIGN}" if whole < 0 else ""
    yuan_, rest = divmod(abs(whole), 10**digits)
    return f"{sign}¥{yuan_:,}.{rest:0{digits}d}"


def percent(value: Fraction | None, digits: int = 1) -> str:
    """Return a part of a whole in percent, rounded half up; None: a dash."""
    if value is None:
        return "–"
    whole = round_half_up(value.numerator * 100 * 10**digits, value.denominator)
    sign = "\N{MINUS SIGN}" if whole < 0 else ""
    ones, rest = divmod(abs(whole), 10**digits)
    return f"{sign}{ones:,}.{rest:0{digits}d} %" if digits else f"{sign}{ones:,} %"


def day(on: date | None) -> str:
    """Return a day as people say it, with its year when that is not this one."""
    if on is None:
        return ""
    on = _local(on)
    if language() == "zh":
        said = f"{on.month} 月 {on.day} 日"
        return said if _is_this_year(on) else f"{on.year} 年 {said}"
    said = f"{on.day} {_MONTHS[on.month - 1]}"
    return said if _is_this_year(on) else f"{said} {on.year}"


def month(on: date) -> str:
    """Return the month a day lies in."""
    if language() == "zh":
        return f"{on.year} 年 {on.month} 月"
    return f"{_MONTHS[on.month - 1]} {on.year}"


def moment(at: datetime | None) -> str:
    """Return a day and the time on it, in the programme's time zone."""
    if at is None:
        return ""
    return f"{day(at)}{' ' if language() == 'zh' else ', '}{_local_time(at):%H:%M}"


def msisdn(digits: str | None) -> str:
    """Return a phone number with its middle hidden: 138 **** 5678."""
    if not digits:
        return ""
    if len(digits) <= _MASK_SHOWN:
        return "****"
    head = digits[:3] if len(digits) > 2 * _MASK_SHOWN else ""
    return f"{head} **** {digits[-_MASK_SHOWN:]}".strip()


def masked_name(name: str) -> str:
    """Return a name as others may read it: 王**, W***."""
    if not name:
        return speak("（姓名已删除）", "(name erased)")
    return f"{name[0]}{'*' * min(3, max(1, len(name) - 1))}"


def foreign(text: str) -> Markup:
    """Mark names in Chinese on an English page, so that they are read out as such."""
    if language() == "zh":
        return escape(text)
    marked = _CHINESE.sub(
        lambda found: f'<span lang="zh-CN">{found[0]}</span>', str(escape(text))
    )
    return Markup(marked)  # noqa: S704 - escaped above


def other_language() -> tuple[str, str]:
    """Return the language a page does not speak, and the page's address in it."""
    other = "en" if language() == "zh" else "zh"
    return other, here(lang=other)


def here(**changed: object) -> str:
    """Return the address of this page with some of its question changed.

    `None` takes a part away. Where nothing answers a browser that follows a link
    (a page that is not there, a form's target) it is the first page.
    """
    asked = {**request.args.to_dict(), **changed}
    query = urlencode({name: value for name, value in asked.items() if value})
    adapter = current_app.create_url_adapter(request)
    reachable = adapter is not None and adapter.test(request.path, "GET")
    path = request.path if reachable else url_for("web.home")
    return f"{path}?{query}" if query else path


def has_view(endpoint: str) -> bool:
    """Whether the application answers at an endpoint."""
    return endpoint in current_app.view_functions


def _local(on: date) -> date:
    return _local_time(on).date() if isinstance(on, datetime) else on


def _local_time(at: datetime) -> datetime:
    return at.astimezone(TIME_ZONE)


def _is_this_year(on: date) -> bool:
    return on.year == clock.business_date().year
