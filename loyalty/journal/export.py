"""The kept journal for somebody else's books: rows for a general ledger (R7), or text.

What is exported is what is kept, so that the same run is the same file, byte for byte.
hledger and beancount recompute every balance from the text alone; at its end stands
what our trial balance says, and both refuse a file where these differ.
"""

import csv
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from loyalty.finance.rules import next_month
from loyalty.journal.errors import NotKept
from loyalty.journal.models import JournalRun, RunMapping
from loyalty.journal.queries import accounts, month, run_of, trial_balance
from loyalty.journal.values import Entry

CURRENCY: Final = "CNY"
FORMS: Final = ("csv", "hledger", "beancount")
COLUMNS: Final = (
    *("journal_id", "line", "dated_on", "period", "account", "gl_account", "debit"),
    *("credit", "currency", "cost_center", "partner", "family", "event", "item"),
    *("unit", "earned_in", "funding", "points", "event_count", "source_hash"),
)
TOTAL: Final = "TOTAL"  # the last row: how many postings, and what both sides come to

_TOPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "asset": "Assets",
        "liability": "Liabilities",
        "equity": "Equity",
        "revenue": "Income",
        "expense": "Expenses",
    }
)


@dataclass(frozen=True, slots=True)
class Export:
    """A file of a journal: its name is the same for the same content."""

    file_id: str
    form: str
    body: str
    postings: int
    debit_fen: int
    credit_fen: int

    @property
    def file_name(self) -> str:
        """What to call it on a disk."""
        ending = {"csv": "csv", "hledger": "journal", "beancount": "beancount"}
        return f"{self.file_id}.{ending[self.form]}"


@dataclass(frozen=True, slots=True)
class _Target:
    """What the tenant's books call an account."""

    gl_account: str
    cost_center: str


def export(session: Session, *, period: date, view: str, form: str) -> Export:
    """Return the kept journal of a month in a view, in one of `FORMS`.

    Raises `NotKept` for a month that is not closed: what may still change is no export.
    """
    assert form in FORMS
    run = run_of(session, period=period)
    if run is None:
        raise NotKept(period=period)
    entries = month(session, period=period, view=view)
    targets = _targets(session, run, view)
    if form == "csv":
        body = _rows(run, view, entries, targets)
    else:
        body = "".join(_text(session, run, view, entries, targets, form=form))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return Export(
        file_id=f"gl-{period:%Y-%m}-{view}-{run.nth}-{digest[:12]}",
        form=form,
        body=body,
        postings=len(entries),
        debit_fen=sum(entry.debit_fen for entry in entries),
        credit_fen=sum(entry.credit_fen for entry in entries),
    )


def _targets(session: Session, run: JournalRun, view: str) -> dict[str, _Target]:
    """Return the tenant's name for each account as the run was kept; ours, if none."""
    mapped = {
        one.account: _Target(one.gl_account, one.cost_center or "")
        for one in session.scalars(
            select(RunMapping).where(
                RunMapping.run_id == run.run_id, RunMapping.view == view
            )
        )
    }
    return {
        one.account: mapped.get(one.account, _Target(one.account, ""))
        for one in accounts(session)
    }


def _rows(
    run: JournalRun,
    view: str,
    entries: Iterable[Entry],
    targets: Mapping[str, _Target],
) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    postings = debit = credit = 0
    for entry in entries:
        target = targets[entry.account]
        writer.writerow(
            [
                _journal_id(run, view, entry),
                entry.line,
                entry.dated_on,
                f"{run.period:%Y-%m}",
                entry.account,
                target.gl_account,
                yuan(entry.debit_fen),
                yuan(entry.credit_fen),
                CURRENCY,
                target.cost_center,
                entry.partner,
                entry.family,
                entry.event,
                entry.item,
                entry.unit,
                f"{entry.earned_in:%Y-%m}" if entry.earned_in else "",
                entry.funding,
                entry.points,
                entry.event_count,
                run.source_hash,
            ]
        )
        postings += 1
        debit += entry.debit_fen
        credit += entry.credit_fen
    last: list[object] = [TOTAL, postings, "", f"{run.period:%Y-%m}", "", ""]
    last += [yuan(debit), yuan(credit), CURRENCY]
    writer.writerow([*last, *[""] * (len(COLUMNS) - len(last) - 1), run.source_hash])
    return file.getvalue()


def _text(
    session: Session,
    run: JournalRun,
    view: str,
    entries: Iterable[Entry],
    targets: Mapping[str, _Target],
    *,
    form: str,
) -> Iterator[str]:
    """Yield what was there before, all entries, and what is there at the end."""
    tops = {one.account: _TOPS[one.kind] for one in accounts(session)}
    names = {
        account: f"{tops[account]}:{_plain(target.gl_account)}"
        for account, target in targets.items()
    }
    opening: dict[str, int] = defaultdict(int)
    closing: dict[str, int] = defaultdict(int)
    for one in trial_balance(session, period=run.period, view=view):
        opening[names[one.account]] += one.opening_fen
        closing[names[one.account]] += one.closing_fen
    write = _WRITERS[form]
    yield write.head(sorted(closing), run.period)
    if any(opening.values()):
        yield write.transaction(
            run.period,
            "opening balances",
            [(name, opening[name]) for name in sorted(opening) if opening[name]],
        )
    for _, group in groupby(entries, lambda entry: entry.journal_no):
        lines = list(group)
        first = lines[0]
        about = (first.partner, first.item, first.unit, first.funding)
        title = " ".join([first.event, *(one for one in about if one)])
        yield write.transaction(
            first.dated_on,
            f"{_journal_id(run, view, first)} {title}",
            [(names[one.account], one.debit_fen - one.credit_fen) for one in lines],
        )
    last_day = next_month(run.period) - timedelta(days=1)
    yield write.balances(last_day, [(name, closing[name]) for name in sorted(closing)])


class _Hledger:
    def head(self, names: Iterable[str], day: date) -> str:
        del day
        lines = ["decimal-mark .", f"commodity 1000.00 {CURRENCY}"]
        return "\n".join([*lines, *(f"account {name}" for name in names)]) + "\n"

    def transaction(
        self, day: date, title: str, lines: Iterable[tuple[str, int]]
    ) -> str:
        postings = [f"    {name}  {yuan(fen)} {CURRENCY}" for name, fen in lines]
        return "\n".join([f"\n{day} * {_title(title)}", *postings]) + "\n"

    def balances(self, day: date, lines: Iterable[tuple[str, int]]) -> str:
        postings = [
            f"    {name}  0.00 {CURRENCY} = {yuan(fen)} {CURRENCY}"
            for name, fen in lines
        ]
        return "\n".join([f"\n{day} * closing balances", *postings]) + "\n"


class _Beancount:
    def head(self, names: Iterable[str], day: date) -> str:
        lines = [f'option "operating_currency" "{CURRENCY}"']
        opened = [f"{day} open {name} {CURRENCY}" for name in names]
        return "\n".join([*lines, *opened]) + "\n"

    def transaction(
        self, day: date, title: str, lines: Iterable[tuple[str, int]]
    ) -> str:
        postings = [f"  {name}  {yuan(fen)} {CURRENCY}" for name, fen in lines]
        return "\n".join([f'\n{day} * "{_title(title)}"', *postings]) + "\n"

    def balances(self, day: date, lines: Iterable[tuple[str, int]]) -> str:
        # What is asserted holds at the beginning of a day, to the fen.
        after = day + timedelta(days=1)
        said = [
            f"{after} balance {name}  {yuan(fen)} ~ 0.00 {CURRENCY}"
            for name, fen in lines
        ]
        return "\n" + "\n".join(said) + "\n"


_WRITERS: Final[Mapping[str, _Hledger | _Beancount]] = MappingProxyType(
    {"hledger": _Hledger(), "beancount": _Beancount()}
)


def _journal_id(run: JournalRun, view: str, entry: Entry) -> str:
    return f"{run.period:%Y%m}-{view}-{run.nth}-{entry.journal_no:06}"


def _plain(account: str) -> str:
    """Return an account's name as both programs take it."""
    return re.sub(r"[^0-9A-Za-z]+", "-", account).strip("-") or "0"


def _title(text: str) -> str:
    return re.sub(r'[;"|\\\s]+', " ", text).strip()


def yuan(fen: int) -> str:
    """Write fen as yuan, with a point and two decimals."""
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{cents:02}"
