"""Whom an order is for: what a form must say, for each kind of fulfilment."""

import re
from collections.abc import Collection, Mapping
from typing import cast

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from loyalty.catalogue.rules import Item
from loyalty.orders.rules import Recipient, is_prepay

_ASKED = {
    "DELIVERY": ("name", "phone", "address"),
    "INSURANCE": ("insured_name", "insured_id", "consent"),
    "BOOKING": ("on_day",),
}
_RESIDENT_ID = re.compile(r"\d{17}[\dX]", re.ASCII)
_TRAVEL_PAPER = re.compile(r"[A-Z]{1,3}\d{6,10}", re.ASCII)
# GB 11643-1999: the weights of the first 17 digits, and the check for each remainder.
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"


def asked_of(item: Item, *, way: str) -> tuple[str, ...]:
    """Return the fields that the fulfilment of an item needs, and no others."""
    asked = _ASKED.get(item.fulfilment, ())
    is_airtime = is_prepay(fulfilment=item.fulfilment, way=way)
    return (*asked, "msisdn") if is_airtime else asked


def read(
    typed: Mapping[str, str], *, asked: Collection[str], lines: Collection[str]
) -> tuple[Recipient | None, dict[str, str]]:
    """Return whom an order is for, and the faults by field; None: nobody is asked for.

    `lines` are the numbers that airtime may be credited to: the member's own.
    """
    if not asked:
        return None, {}
    told = {name: _tidy(name, typed.get(name, "")) for name in asked}
    try:
        recipient = RecipientSchema(only=set(asked)).load(told)
    except ValidationError as error:
        said = cast("dict[str, list[str]]", error.messages)
        return None, {name: faults[0] for name, faults in said.items()}
    if "msisdn" in asked and recipient["msisdn"] not in lines:
        return None, {"msisdn": "line_needed"}
    return Recipient(**recipient), {}


def is_id_number(number: str) -> bool:
    """Tell whether this can be a resident's ID, a passport or a travel permit."""
    if not _RESIDENT_ID.fullmatch(number):
        return _TRAVEL_PAPER.fullmatch(number) is not None
    weighed = zip(number, _ID_WEIGHTS, strict=False)  # not the check itself
    total = sum(int(digit) * weight for digit, weight in weighed)
    return number[-1] == _ID_CHECKS[total % 11]


class _IdNumber(validate.Validator):
    def __call__(self, value: str) -> str:
        if value and not is_id_number(value):
            raise ValidationError("id_number_unlikely")
        return value


def _words(
    most: int, *checks: validate.Validator, needed: str = "field_needed"
) -> fields.String:
    return fields.String(
        required=True,
        validate=[
            validate.Length(min=1, error=needed),
            validate.Length(max=most, error="field_too_long"),
            *checks,
        ],
        error_messages={"required": needed, "invalid": needed},
    )


class RecipientSchema(Schema):
    """A recipient as a form gives it; messages are codes of `wording.WORDS`."""

    class Meta:
        """A form carries more than this."""

        unknown = EXCLUDE

    name = _words(60)
    phone = _words(20, validate.Regexp(r"1\d{10}$", error="phone_unlikely"))
    address = _words(200)
    insured_name = _words(60)
    insured_id = _words(20, _IdNumber())
    on_day = fields.Date(
        required=True,
        error_messages={"required": "day_unlikely", "invalid": "day_unlikely"},
    )
    msisdn = _words(20, needed="line_needed")
    consent = fields.Boolean(
        required=True,
        validate=validate.Equal(comparable=True, error="consent_needed"),
        error_messages={"required": "consent_needed", "invalid": "consent_needed"},
    )


FIELDS = frozenset(RecipientSchema().fields)


def _tidy(name: str, typed: str) -> str:
    """Return what was typed as it was meant: numbers without the spaces in them."""
    typed = " ".join(typed.split())
    if name in ("phone", "insured_id", "msisdn"):
        return typed.replace(" ", "").replace("-", "").upper()
    return typed
