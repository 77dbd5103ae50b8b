"""What values look like on the wire: fields that schemas are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from marshmallow import (
    INCLUDE,
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    pre_dump,
    validate,
)

from loyalty.feeds.kinds import CURRENCY, FEN, IllFormed, Kind

POINTS_MAX = 1_000_000_000_000
CURRENCY_CODE = "CNY"
AMOUNT_PATTERN = r"^-?[0-9]{1,13}\.[0-9]{2}$"


class Closed(Schema):
    """A request that may carry nothing we do not know."""

    class Meta:
        """What marshmallow is told."""

        unknown = RAISE


class Open(Schema):
    """An answer, to which later versions may add."""

    class Meta:
        """What marshmallow is told."""

        unknown = INCLUDE


class Whole(fields.Integer):
    """An integer that was written as one: neither 1.0, nor "1", nor true."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strict=True, **options)

    def _validated(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as it was told."""

    fen: int
    currency: str

    @property
    def written(self) -> str:
        """The amount as feeds write it."""
        return yuan(self.fen)


class MoneySchema(Closed):
    """An amount of money: a decimal string, and its currency."""

    amount = fields.String(
        required=True,
        validate=[validate.Regexp(AMOUNT_PATTERN), lambda value: _shaped(FEN, value)],
        metadata={"example": "20.00"},
    )
    currency = fields.String(
        required=True,
        validate=lambda value: _shaped(CURRENCY, value),
        metadata={"example": CURRENCY_CODE, "pattern": "^[A-Z]{3}$"},
    )

    @post_load
    def _make(self, data: dict[str, str], **_: object) -> Money:
        return Money(int(data["amount"].replace(".", "")), data["currency"])

    @pre_dump
    def _told(self, fen: int, **_: object) -> dict[str, str]:
        return {"amount": yuan(fen), "currency": CURRENCY_CODE}


def yuan(fen: int) -> str:
    """Write fen as yuan with two decimals."""
    return str(Decimal(fen).scaleb(-2).quantize(Decimal("0.01")))


def written(
    kind: Kind, *, pattern: str | None = None, format_: str | None = None, **more: Any
) -> fields.String:
    """Return a field whose text looks as the feeds have it."""
    said = {"pattern": pattern, "format": format_} | more.pop("metadata", {})
    return fields.String(
        validate=_of(kind),
        metadata={name: value for name, value in said.items() if value is not None},
        **more,
    )


def _of(kind: Kind) -> Callable[[str], None]:
    return lambda value: _shaped(kind, value)


def _shaped(kind: Kind, value: str) -> None:
    try:
        kind.normal((value,))
    except IllFormed as error:
        raise ValidationError(f"{kind.wrong.capitalize()}.") from error
