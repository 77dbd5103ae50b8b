"""A merchant of our own on loopback: tills that add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from partners.sandbox.orders import Refused
from partners.sandbox.partner_server import PartnerSandbox, Question, Route

KINDS = ("sales", "voids", "refunds")


@dataclass(slots=True)
class _Till:
    """What was rung up on a day: kind → count, points, fen."""

    rung: dict[str, list[int]] = field(
        default_factory=lambda: {kind: [0, 0, 0] for kind in KINDS}
    )
    is_over: bool = False  # whether the day was added up


class MerchantSandbox(PartnerSandbox):
    """The running back office."""

    def __init__(self, **facts: Any) -> None:
        self._days: dict[str, _Till] = {}
        super().__init__(**facts)

    def routes(self) -> Sequence[Route]:
        """Return what a merchant can be asked."""
        return (("GET", "/v1/day-totals", self._day_totals),)

    def tell_inside(self) -> dict[str, Any]:
        """Return the days as they stand."""
        with self.orders.lock:
            return {"days": {day: till.rung for day, till in self._days.items()}}

    def act(self, what: str, told: Mapping[str, Any]) -> object:
        """Ring something up (`ring`), or add a day up for good (`close`).

        Raises `Refused`.
        """
        with self.orders.lock:
            till = self._days.setdefault(str(told.get("day")), _Till())
            match what:
                case "ring":
                    sums = till.rung[told["kind"]]
                    sums[0] += 1
                    sums[1] += told["points"]
                    sums[2] += told["amountFen"]
                case "close":
                    till.is_over = True
                case _:
                    return super().act(what, told)
        return None

    def forget(self) -> None:
        """Begin anew with empty tills."""
        with self.orders.lock:
            super().forget()
            self._days.clear()

    def _day_totals(self, asked: Question) -> tuple[int, dict[str, Any]]:
        day = asked.query.get("day", "")
        try:
            date.fromisoformat(day)
        except ValueError as error:
            raise Refused(400, "invalid", "no day") from error
        with self.orders.lock:
            till = self._days.get(day, _Till())
            if not till.is_over:
                return 202, {"day": day}
            names = ("count", "points", "amountFen")
            return 200, {"day": day} | {
                kind: dict(zip(names, sums, strict=True))
                for kind, sums in till.rung.items()
            }
