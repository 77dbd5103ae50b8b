"""The bridge between the views: what each kind of event does in one and the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from loyalty.journal.queries import accounts, month
from loyalty.journal.values import Entry

_EARNS = ("revenue", "expense")


@dataclass(frozen=True, slots=True)
class Step:
    """What an event does to profit and to what is owed, in fen, in both views."""

    event: str
    profit_c_fen: int  # the decks' accrual of cost
    profit_d_fen: int  # the deferral of CAS 14
    owed_c_fen: int  # above zero: more is owed
    owed_d_fen: int

    @property
    def profit_fen(self) -> int:
        """By how much deferral shows more profit."""
        return self.profit_d_fen - self.profit_c_fen

    @property
    def owed_fen(self) -> int:
        """By how much deferral owes more."""
        return self.owed_d_fen - self.owed_c_fen


def bridge(session: Session, *, period: date) -> list[Step]:
    """Return what leads from the profit of one view to that of the other, by event.

    The sums are those of the month's journals.
    """
    kinds = {one.account: one.kind for one in accounts(session)}
    figures = {
        view: _by_event(month(session, period=period, view=view), kinds)
        for view in ("C", "D")
    }
    none = (0, 0)
    return [
        Step(
            event,
            profit_c_fen=figures["C"].get(event, none)[0],
            profit_d_fen=figures["D"].get(event, none)[0],
            owed_c_fen=figures["C"].get(event, none)[1],
            owed_d_fen=figures["D"].get(event, none)[1],
        )
        for event in sorted({*figures["C"], *figures["D"]})
    ]


def _by_event(
    entries: Iterable[Entry], kinds: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for entry in entries:
        profit, owed = found.get(entry.event, (0, 0))
        fen = entry.credit_fen - entry.debit_fen
        kind = kinds[entry.account]
        found[entry.event] = (
            profit + (fen if kind in _EARNS else 0),
            owed + (fen if kind == "liability" else 0),
        )
    return found
