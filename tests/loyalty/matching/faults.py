"""Card lines at a bank, and the bank's file with faults sown into it."""

from dataclasses import dataclass, field
from datetime import date, timedelta

BANK = "CEB"
# What is wrong with a line of the bank, and what it must be called.
FAULTS = {
    "missing_ours": "MISSING_OURS",
    "missing_theirs": "MISSING_THEIRS",
    "amount": "UNITS_DIFF",
    "rate": "RATE_DIFF",
    "told_twice": "DUPLICATE",
    "told_again": "DUPLICATE",
    "late": "LATE",
    "reversed_there": "REVERSED_ONE_SIDE",
    "reversed_here": "REVERSED_ONE_SIDE",
}

Row = tuple[object, ...]


@dataclass
class Month:
    """Rows of both feeds, and what a match must find."""

    first: date
    activities: list[Row] = field(default_factory=list)
    statement: list[Row] = field(default_factory=list)
    expected: set[tuple[str, str]] = field(default_factory=set)

    def add(self, number: int, *, account: str, fault: str | None) -> None:
        """Let somebody pay by card, and let the bank tell of it as the fault wants."""
        ref = f"T{self.first:%y%m}{number:06d}"
        day = self.first + timedelta(days=number % 28)
        yuan = 10 + number % 977
        card = (ref, BANK, account, "card", day, f"{yuan}.00", "CNY", "", "")
        line = (ref, "", "accrual", day, yuan // 10, f"{yuan}.00", "posted")
        if fault != "missing_ours":
            self.activities.append(card)
        if fault == "reversed_here":
            refund = (f"F{ref}", *card[1:5], f"-{yuan}.00", *card[6:8], ref)
            self.activities.append(refund)
        self.statement += _told(line, fault, yuan)
        if fault is not None:
            self.expected.add((_name(ref, fault), FAULTS[fault]))


def _told(line: Row, fault: str | None, yuan: int) -> list[Row]:
    """Return what the bank tells of a line."""
    ref, day = line[0], line[3]
    assert isinstance(day, date)
    next_month = (day.replace(day=1) + timedelta(days=32)).replace(day=day.day)
    return {
        "missing_theirs": [],
        "amount": [(*line[:4], yuan // 10 + 7, f"{yuan + 70}.00", "posted")],
        "rate": [(*line[:5], f"{yuan}.50", "posted")],
        "told_twice": [line, line],
        "told_again": [line, (f"{ref}-again", ref, *line[2:])],
        "late": [(*line[:3], next_month, *line[4:])],
        "reversed_there": [(*line[:6], "reversed")],
    }.get(fault or "", [line])


def _name(ref: str, fault: str) -> str:
    kind = "reversal" if fault.startswith("reversed") else "accrual"
    prefix = "F" if fault == "reversed_here" else ""
    return f"{kind} {prefix}{ref}{'-again' if fault == 'told_again' else ''}"
