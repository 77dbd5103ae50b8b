"""The summary that a finance person reads at the end: months side by side."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

FAMILIES = ("telecom", "product", "service", "merchant")
CARRYING_FEN = 1  # of a point, by the starting terms
LABEL_WIDTH = 28
COLUMN_WIDTH = 15


@dataclass(frozen=True, slots=True)
class Played:
    """A month that was played: its report, and what stood open when it closed."""

    report: dict[str, Any]
    available: int
    pending: int
    owed: int

    def points(self, name: str) -> int:
        """Return a figure of the report, over all units."""
        return sum(unit[name] for unit in self.report["units"].values())

    def redeemed(self, family: str) -> int:
        """Return what was redeemed for a family, over all units."""
        return sum(unit["redeemed"][family] for unit in self.report["units"].values())

    @property
    def inflow_fen(self) -> int:
        """What the month added to the cost of available points."""
        available: int = self.report["cost"]["available"]
        return available - self.points("opening") * CARRYING_FEN


def summary(months: Sequence[Played]) -> str:
    """Return the figures of the months in columns, with their total."""
    lines = [
        _line("", [*(month.report["period"] for month in months), "total"]),
        "points",
        _line("  opening", _stock(months, _points("opening"), which=0)),
        _line("  issued", _flow(months, _points("issued"))),
        _line("  clawed back", _flow(months, _points("clawed_back"), sign=-1)),
        *(
            _line(f"  redeemed, {family}", _flow(months, _redeemed(family), sign=-1))
            for family in FAMILIES
        ),
        _line("  expired", _flow(months, _points("expired"), sign=-1)),
        _line("  voided", _flow(months, _points("voided"), sign=-1)),
        _line("  reinstated", _flow(months, _points("reinstated"))),
        *_rare_lines(months),
        _line("  closing", _stock(months, _points("closing"))),
        "open at close",
        _line("  available", _stock(months, lambda month: month.available)),
        _line("  pending", _stock(months, lambda month: month.pending)),
        _line("  owed by members", _stock(months, lambda month: month.owed)),
        "cost at the carrying rate, yuan",
        *_cost_lines(months),
        "payable to partners, yuan",
        *_payable_lines(months),
    ]
    return "\n".join(lines)


def rejects_summary(rejects: Iterable[tuple[str, str, int]]) -> str:
    """Return how many lines of which feed were refused, and why."""
    lines = [f"  {feed:<22}{reason:<40}{count:>9,}" for feed, reason, count in rejects]
    return "\n".join(["lines refused", *(lines or ["  none"])])


def _rare_lines(months: Sequence[Played]) -> list[str]:
    """Return what the roll-forward knows besides, where there is any."""
    signs = {"exchanged_in": 1, "exchanged_out": -1, "forfeited": -1, "adjusted": 1}
    return [
        _line(f"  {name.replace('_', ' ')}", _flow(months, _points(name), sign=sign))
        for name, sign in signs.items()
        if any(month.points(name) for month in months)
    ]


def _cost_lines(months: Sequence[Played]) -> list[str]:
    costs = [month.report["cost"] for month in months]
    # The run as one period: what was there first, and whatever came in since.
    available = costs[0]["available"] + sum(month.inflow_fen for month in months[1:])
    redeemed = sum(cost["redeemed"] for cost in costs)
    return [
        _line(
            "  available", _yuan([*(cost["available"] for cost in costs), available])
        ),
        _line("  redeemed", _yuan([*(cost["redeemed"] for cost in costs), redeemed])),
        _line(
            "  utilisation",
            [_percent(cost["redeemed"], cost["available"]) for cost in costs]
            + [_percent(redeemed, available)],
        ),
        _line(
            "  idle",
            _yuan([*(cost["idle"] for cost in costs), available - redeemed]),
        ),
    ]


def _payable_lines(months: Sequence[Played]) -> list[str]:
    payables = [month.report["payable"] for month in months]
    partners = sorted({partner for payable in payables for partner in payable})
    if not partners:
        return ["  none"]
    owed = {
        partner: [payable.get(partner, 0) for payable in payables]
        for partner in partners
    }
    owed["all"] = [sum(column) for column in zip(*owed.values(), strict=True)]
    return [
        _line(f"  {partner}", _yuan([*fen, sum(fen)])) for partner, fen in owed.items()
    ]


def _points(name: str) -> Callable[[Played], int]:
    return lambda month: month.points(name)


def _redeemed(family: str) -> Callable[[Played], int]:
    return lambda month: month.redeemed(family)


def _flow(
    months: Sequence[Played], figure: Callable[[Played], int], *, sign: int = 1
) -> list[str]:
    """Return what happened in each month, and in all of them."""
    figures = [sign * figure(month) for month in months]
    return [f"{number:,}" for number in (*figures, sum(figures))]


def _stock(
    months: Sequence[Played], figure: Callable[[Played], int], *, which: int = -1
) -> list[str]:
    """Return what stood in each month; in total, what the first or the last says."""
    figures = [figure(month) for month in months]
    return [f"{number:,}" for number in (*figures, figures[which])]


def _yuan(fen: Iterable[int]) -> list[str]:
    return [
        f"{'-' if amount < 0 else ''}{abs(amount) // 100:,}.{abs(amount) % 100:02d}"
        for amount in fen
    ]


def _percent(part: int, whole: int) -> str:
    """Return a share in percent with one decimal, halves rounded up."""
    if not whole:
        return "-"
    tenths = (2_000 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10} %"


def _line(label: str, cells: Iterable[str]) -> str:
    return f"{label:<{LABEL_WIDTH}}" + "".join(
        f"{cell:>{COLUMN_WIDTH}}" for cell in cells
    )
