"""What an event is measured by in money, and how these measures hang together.

Every measure is a sum of a few that stand on their own; that is how a rule is proved to
balance whatever the figures are.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

VIEWS: Final = ("C", "D")

# Those that stand on their own, in fen.
_OWN: Final = (
    "service",  # the part of a price that is not for points
    "allocated",  # the part of it that is deferred for points
    "unit_cost",  # points at the carrying rate
    "released",  # what redemptions release of it, or a coalition pays for its points
    "payable",  # to who fulfills, at settlement price, or whose points bills give
    "cash",  # the part of an order that was paid in money
    "shortfall",  # by which released and cash, or allocated, fall short of the payable
    "true_up",
    "breakage",
    "amount",
)
_MADE: Final[Mapping[str, Mapping[str, int]]] = {
    "price": {"service": 1, "allocated": 1},
    "gross": {"released": 1, "cash": 1},
    "fee": {"released": 1, "cash": 1, "shortfall": 1, "payable": -1},
    "net_fee": {"allocated": 1, "shortfall": 1, "payable": -1},  # of an agent (T10)
    "cash_left": {"cash": 1, "shortfall": 1, "payable": -1},
}
PARTS: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {name: {name: 1} for name in _OWN} | dict(_MADE)
)

_EARNED = ("price", "service", "allocated", "unit_cost")
_TO_COALITION = ("payable", "shortfall", "net_fee")
_SPENT = ("released", "cash", "gross", "payable", "shortfall", "fee", "unit_cost")
_PLAIN: Final = (
    *("club_cost", "cash_in", "cash_back", "block_sold", "block_bought"),
    *("partner_purchase", "partner_fee", "partner_adjusted", "dispute_granted"),
    *("provider_fee", "charged_back", "payout"),
    *("suspended", "unexplained_in"),
    *("netted", "paid_in", "paid_out", "written_off_in", "written_off_out"),
)
# Which measures each event has.
EVENTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        event: frozenset(measures)
        for event, measures in {
            "opening": ("allocated", "unit_cost"),
            "bill_earned": (*_EARNED, *_TO_COALITION),
            "bill_adjusted": (*_EARNED, *_TO_COALITION),
            "bill_canceled": ("allocated", "unit_cost", *_TO_COALITION),
            "partner_earned": _EARNED,
            "exchanged_in": _EARNED,
            "purchased": _EARNED,
            "granted": ("allocated", "unit_cost"),
            "recredited": ("allocated", "unit_cost"),
            "redeemed": _SPENT,
            "exchanged_out": _SPENT,
            "voucher_used": ("gross", "released", "cash"),
            "voucher_lapsed": ("gross", "released", "cash"),
            "cash_order": ("cash", "cash_left", "payable", "shortfall"),
            "expired": ("released", "unit_cost"),
            "voided": ("released", "allocated", "unit_cost"),
            "owed": ("released",),
            "true_up": ("true_up",),
            "breakage": ("breakage",),
            **dict.fromkeys(_PLAIN, ("amount",)),
        }.items()
    }
)


def is_balanced(debits: Iterable[str], credits_: Iterable[str]) -> bool:
    """Whether measures debited are those credited, whatever they come to."""
    left: Counter[str] = Counter()
    for sign, measures in ((1, debits), (-1, credits_)):
        for measure in measures:
            for name, times in PARTS[measure].items():
                left[name] += sign * times
    return not any(left.values())


def amounts(own: Mapping[str, int]) -> dict[str, int]:
    """Return every measure, in fen, from those that stand on their own."""
    return {
        name: sum(own.get(part, 0) * times for part, times in parts.items())
        for name, parts in PARTS.items()
    }
