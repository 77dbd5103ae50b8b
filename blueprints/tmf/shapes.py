"""What TM Forum's values look like on the wire."""

from decimal import Decimal
from typing import Any, Final

from flask import url_for
from marshmallow import ValidationError, fields, post_load, validate

from blueprints.api.naming import REF_PATTERN
from blueprints.api.shapes import Closed, Money, Open, written
from loyalty.feeds.kinds import REF

POINTS: Final = "points"  # of whatever unit
_CENT: Final = Decimal("0.01")
_NO_AMOUNT: Final = "Not an amount with two decimals."
_YUAN_MAX: Final = 10**13
_WORD_LENGTH_MAX: Final = 200


def word(name: str) -> fields.String:
    """Return a field for one of TM Forum's words about types, which change nothing."""
    return fields.String(data_key=name, validate=validate.Length(1, _WORD_LENGTH_MAX))


class NamedSchema(Closed):
    """A request in which the sender may say of what type it is."""

    type_ = word("@type")
    base_type = word("@baseType")
    schema_location = word("@schemaLocation")


class ReferenceSchema(NamedSchema):
    """A reference to something there is."""

    id = written(REF, pattern=REF_PATTERN, required=True)
    href = fields.String(validate=validate.Length(1, _WORD_LENGTH_MAX))
    name = fields.String(validate=validate.Length(1, _WORD_LENGTH_MAX))
    referred_type = word("@referredType")


class Fen(fields.Field[int]):
    """An amount in yuan with no more than two decimals, as fen."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ValidationError(_NO_AMOUNT)
        told = Decimal(value)
        if abs(told) >= _YUAN_MAX or told.quantize(_CENT) != told:
            raise ValidationError(_NO_AMOUNT)
        return int(told.scaleb(2))


class MoneySchema(Closed):
    """An amount of money: its currency, and a number that is taken exactly."""

    unit = fields.String(required=True, validate=validate.Regexp("^[A-Z]{3}$"))
    value = Fen(required=True)

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Money:
        return Money(data["value"], data["unit"])


class QuantitySchema(Open):
    """Points, and their unit."""

    unit = fields.String(required=True)
    value = fields.Integer(required=True)


class PeriodSchema(Open):
    """From when to when; what is not told has no such end."""

    start = fields.AwareDateTime(data_key="startDateTime", format="iso")
    end = fields.AwareDateTime(data_key="endDateTime", format="iso")


class LinkSchema(Open):
    """A reference to something there is."""

    id = fields.String(required=True)
    href = fields.String(required=True)
    referred_type = fields.String(attribute="@referredType", data_key="@referredType")


class EntitySchema(Open):
    """Something that has a name and an address."""

    id = fields.String(required=True)
    href = fields.String(required=True)
    type_ = fields.String(attribute="@type", data_key="@type", required=True)


def entity(kind: str, name: str, href: str) -> dict[str, Any]:
    """Return how everything begins."""
    return {"id": name, "href": href, "@type": kind}


def link(kind: str, view: str, name: str) -> dict[str, str]:
    """Return a reference to something that a view shows."""
    href = url_for(f"tmf.{view}", id_=name)
    return {"id": name, "href": href, "@referredType": kind}
