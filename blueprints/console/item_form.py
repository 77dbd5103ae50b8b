"""The form of a catalogue item: what is typed, what it says, and what is wrong.

A form knows form, the rules know meaning: a number that is none is found here, a
price that may not be is found by `loyalty.catalogue.rules`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow import fields as shapes
from marshmallow.validate import Length, OneOf, Regexp
from werkzeug.datastructures import MultiDict

from blueprints.wording import words_for
from loyalty.catalogue import rules
from loyalty.catalogue.rules import Fault, ItemFacts
from loyalty.members.models import BRANDS

LISTS: Final = ("channels", "brands", "tiers", "clubs")
_LARGEST: Final = 1_000_000_000
_TITLE_CHARS: Final = 60
_TEXT_CHARS: Final = 600
_MONEY = re.compile(r"\d{1,8}(\.\d{1,2})?")
_WHOLE = re.compile(r"\d{1,10}")
_TYPED_AWAY = str.maketrans("", "", ",，¥￥ ")

Typed = dict[str, Any]  # what stands in the form: strings, and lists of codes


@dataclass(frozen=True, slots=True)
class Reading:
    """What a form said: facts, or what is wrong at which field."""

    facts: ItemFacts | None
    item_code: str
    effective_on: date | None
    errors: dict[str, str]  # in words, by field


class _Whole(shapes.Field[int]):
    """A whole number that is not negative, with separators or without."""

    def __init__(self, *, least: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.least = least

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        digits = str(value).translate(_TYPED_AWAY)
        if not _WHOLE.fullmatch(digits) or not self.least <= int(digits) <= _LARGEST:
            raise ValidationError("form_whole")
        return int(digits)


class _Yuan(shapes.Field[int]):
    """An amount of money in yuan, kept in fen."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        amount = str(value).translate(_TYPED_AWAY)
        if not _MONEY.fullmatch(amount):
            raise ValidationError("form_money")
        yuan, _point, cents = amount.partition(".")
        return int(yuan) * 100 + int(cents.ljust(2, "0"))


def _words(longest: int, *, required: bool = False) -> shapes.String:
    length = Length(max=longest, error="form_too_long")
    if required:
        return shapes.String(required=True, validate=length)
    return shapes.String(load_default="", validate=length)


def _one_of(codes: Sequence[str], default: str | None = "") -> shapes.String:
    return shapes.String(
        load_default=default, validate=OneOf(codes, error="form_choice")
    )


def _some_of(codes: Sequence[str]) -> shapes.List[Any]:
    return shapes.List(
        shapes.String(validate=OneOf(codes, error="form_choice")), load_default=None
    )


class ItemSchema(Schema):
    """Everything that can be said about an item."""

    class Meta:
        """Fields of the page around the item are none of it."""

        unknown = EXCLUDE

    title_zh = _words(_TITLE_CHARS, required=True)
    title_en = _words(_TITLE_CHARS, required=True)
    description_zh = _words(_TEXT_CHARS)
    description_en = _words(_TEXT_CHARS)
    script_zh = _words(_TEXT_CHARS)
    script_en = _words(_TEXT_CHARS)
    emblem = _one_of(rules.EMBLEMS, "gift")
    owner = _words(_TITLE_CHARS, required=True)
    family = _one_of(rules.FAMILIES)
    kind = _one_of(rules.KINDS)
    cost_treatment = _one_of(rules.COST_TREATMENTS)
    fulfilment = _one_of(rules.FULFILMENTS, "VOUCHER")
    code_source = _one_of(rules.CODE_SOURCES, "GENERATED")
    valid_days = _Whole(least=1, load_default=365)
    points = _Whole(least=1, required=True)
    cash_fen = _Yuan(load_default=None)
    mix_points = _Whole(least=1, load_default=None)
    mix_cash_fen = _Yuan(load_default=None)
    market_fen = _Yuan(required=True)
    settlement_fen = _Yuan(load_default=0)
    partner = shapes.String(load_default=None)
    channels = _some_of(rules.CHANNELS)
    brands = _some_of(BRANDS)
    tiers = _some_of(rules.TIERS)
    clubs = shapes.List(
        shapes.String(validate=Regexp(r"[A-Z0-9-]{1,20}", error="form_choice")),
        load_default=None,
    )
    segment = _one_of(rules.SEGMENTS, None)
    entry_rule_zh = shapes.String(
        load_default=None, validate=Length(max=_TEXT_CHARS, error="form_too_long")
    )
    entry_rule_en = shapes.String(
        load_default=None, validate=Length(max=_TEXT_CHARS, error="form_too_long")
    )
    min_spend_fen = _Yuan(load_default=None)
    valid_from = shapes.Date(load_default=None)
    valid_until = shapes.Date(load_default=None)
    limit_count = _Whole(least=1, load_default=None)
    limit_days = _Whole(least=1, load_default=None)
    free_look_days = _Whole(load_default=0)
    term_months = _Whole(least=1, load_default=None)
    cover_class = _one_of(rules.COVER_CLASSES, None)
    priority = _Whole(load_default=0)
    silver = _Whole(load_default=None, data_key="tier_SILVER")
    gold = _Whole(load_default=None, data_key="tier_GOLD")
    diamond = _Whole(load_default=None, data_key="tier_DIAMOND")
    item_code = shapes.String(
        load_default="",
        validate=Regexp(r"^(?:[A-Z0-9][A-Z0-9-]{1,19})?$", error="form_code"),
    )
    effective_on = shapes.Date(load_default=None)


def typed_in(form: MultiDict[str, str]) -> Typed:
    """Return what stands in a form, to be read and to be shown again."""
    typed: Typed = {name: said.strip() for name, said in form.items()}
    for name in LISTS:
        typed[name] = form.getlist(name)
    return typed


def typed_of(facts: ItemFacts) -> Typed:
    """Return what a form shows of facts."""
    typed: Typed = {
        one.name: _typed(one.name, getattr(facts, one.name))
        for one in fields(ItemFacts)
        if one.name != "tier_prices"
    }
    for tier in rules.TIERS:
        said = facts.tier_prices.get(tier)
        typed[f"tier_{tier}"] = "" if said is None else str(said)
    return typed


def read(typed: Typed, *, partners: Sequence[str]) -> Reading:
    """Return what a form says, or what is wrong with it."""
    told = {name: said for name, said in typed.items() if said not in ("", [])}
    errors: dict[str, str] = {}
    said: dict[str, Any] = {}
    try:
        said = ItemSchema().load(told)
    except ValidationError as error:
        told_of: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        errors = {name: _in_words(message) for name, message in told_of.items()}
    if (told.get("partner") or None) not in (None, *partners):
        errors["partner"] = _sentence("form_choice")
    if errors:
        return Reading(None, str(typed.get("item_code", "")), None, errors)
    prices = {
        tier: said[tier.lower()]
        for tier in rules.TIERS
        if said[tier.lower()] is not None
    }
    for name in LISTS:
        said[name] = None if said[name] is None else tuple(said[name])
    facts = ItemFacts(
        **{one.name: said[one.name] for one in fields(ItemFacts) if one.name in said},
        tier_prices=prices,
    )
    return Reading(facts, said["item_code"], said["effective_on"], {})


def at_fields(faults: Sequence[Fault]) -> dict[str, str]:
    """Return rules that are broken as sentences at their fields, the first of each."""
    told: dict[str, str] = {}
    for fault in faults:
        told.setdefault(fault.field, _sentence(f"item_{fault.code}"))
    return told


def _typed(name: str, said: object) -> Any:
    if name in LISTS:
        return list(said) if isinstance(said, tuple) else []
    if said is None:
        return ""
    if isinstance(said, int) and name.endswith("_fen"):
        return f"{said // 100}.{said % 100:02d}"
    return said.isoformat() if isinstance(said, date) else str(said)


def _in_words(said: object) -> str:
    """Return the first thing that is wrong with a field; lists nest it."""
    while isinstance(said, Mapping | list):
        said = next(iter(said.values() if isinstance(said, Mapping) else said))
    return _sentence(_CODES.get(str(said), str(said)))


def _sentence(code: str) -> str:
    return words_for(code, {}) or words_for("refused", {}) or code


# What the library says of itself.
_CODES = {
    "Missing data for required field.": "form_needed",
    "Not a valid date.": "form_day",
    "Not a valid string.": "form_choice",
    "Not a valid list.": "form_choice",
}
