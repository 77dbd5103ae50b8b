"""Read the lines of an invoice: of what, how many, at what price, how much."""

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from loyalty.matching.errors import BadInvoiceLine
from loyalty.matching.rules import KIND_NAMES

COLUMNS: Final = ("kind", "item", "quantity", "unit_price", "amount")
LINES_MAX: Final = 5_000
_ITEM_CHARS: Final = 64
_HUNDRED: Final = 100
_COUNT: Final = re.compile(r"-?\d{1,12}")
_PRICE: Final = re.compile(r"\d{1,9}(\.\d{1,8})?")  # yuan; miles cost parts of a fen
_MONEY: Final = re.compile(r"-?\d{1,11}(\.\d{1,2})?")


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """What a partner bills of one item; what was given back stands below zero.

    Where the item is none it is all of a kind, told in money alone.
    """

    kind: str
    fen: int
    item: str | None = None  # None: all of the kind; so the next two
    quantity: int | None = None
    price_fen: Decimal | None = None


def read_lines(text: str) -> list[InvoiceLine]:
    """Return the lines of a CSV with `COLUMNS`; a header may stand above them.

    Raises `BadInvoiceLine`.
    """
    rows = [row for row in csv.reader(text.splitlines()) if any(map(str.strip, row))]
    if rows and [name.strip().lower() for name in rows[0]] == list(COLUMNS):
        rows = rows[1:]
    if len(rows) > LINES_MAX:
        raise BadInvoiceLine(line=LINES_MAX + 1, reason="too_many")
    return [
        _line(nth, [cell.strip() for cell in row])
        for nth, row in enumerate(rows, start=1)
    ]


def check_line(nth: int, line: InvoiceLine, *, owed: Collection[str]) -> None:
    """Let a line be what was given at its price, to half a fen.

    `owed` are the kinds for which its partner may bill us.

    Raises `BadInvoiceLine`.
    """
    if line.kind not in owed:
        raise BadInvoiceLine(line=nth, reason="kind")
    if line.item is None:
        return
    assert line.quantity is not None
    assert line.price_fen is not None
    comes_to = (line.quantity * line.price_fen).quantize(Decimal(1), ROUND_HALF_UP)
    if int(comes_to) != line.fen:
        raise BadInvoiceLine(line=nth, reason="amount")


def _line(nth: int, row: Sequence[str]) -> InvoiceLine:
    if len(row) != len(COLUMNS):
        raise BadInvoiceLine(line=nth, reason="columns")
    kind, item, quantity, price, amount = row
    wrong = {
        "kind": kind not in KIND_NAMES,
        "item": not 0 < len(item) <= _ITEM_CHARS,
        "quantity": not _COUNT.fullmatch(quantity),
        "unit_price": not _PRICE.fullmatch(price),
        "amount": not _MONEY.fullmatch(amount),
    }
    for name, is_wrong in wrong.items():
        if is_wrong:
            raise BadInvoiceLine(line=nth, reason=name)
    return InvoiceLine(
        kind=KIND_NAMES[kind],
        item=item,
        quantity=int(quantity),
        price_fen=Decimal(price) * _HUNDRED,
        fen=int(Decimal(amount) * _HUNDRED),
    )
