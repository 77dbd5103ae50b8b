"""What the close of a month keeps of its reports, and whether they still say the same.

Of each table the number of rows, what its columns add up to, and a hash of its rows:
little enough for any month, and enough to tell whether a report that is made later is
the one of the close.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from loyalty.reports.shape import Change, Column, Held, Table, Value

Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a close kept of a report; None: it was closed before any was kept."""

    closed_at: datetime | None  # None: along with a later month
    tables: Tables | None
    going_on: Tables | None  # of what changes after a month, with no harm in it


def kept_of(tables: Sequence[Table], *, goes_on: bool) -> dict[str, dict[str, Any]]:
    """Return what is kept of tables: of what stands once a month is closed, or not."""
    kept = {}
    for table in tables:
        columns = [
            (at, column)
            for at, column in enumerate(table.shape.columns)
            if (table.shape.goes_on or column.goes_on) is goes_on
        ]
        if columns:
            kept[table.shape.name] = _kept(table, columns)
    return kept


def held_against(tables: Sequence[Table], kept: Kept) -> Held:
    """Return what differs from what a close kept."""
    if kept.tables is None or kept.going_on is None:
        return Held(kept.closed_at, None)
    return Held(
        kept.closed_at,
        tuple(
            change
            for goes_on, then in ((False, kept.tables), (True, kept.going_on))
            for change in _changes(then, kept_of(tables, goes_on=goes_on), goes_on)
        ),
    )


def as_json(value: Value) -> object:
    """Return a value as JSON has it, exactly."""
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    return value.isoformat() if isinstance(value, date) else value


def _kept(table: Table, columns: Sequence[tuple[int, Column]]) -> dict[str, Any]:
    rows = [[as_json(row[at]) for at, _ in columns] for row in table.rows]
    names = [column.name for _, column in columns]
    written = json.dumps([names, rows], ensure_ascii=False, separators=(",", ":"))
    totals = table.totals or ()
    return {
        "rows": len(rows),
        "hash": hashlib.sha256(written.encode()).hexdigest(),
        "totals": {
            column.name: as_json(totals[at])
            for at, column in columns
            if totals and column.adds
        },
    }


def _changes(then: Tables, now: Tables, goes_on: bool) -> Iterator[Change]:
    for name, kept in then.items():
        made = now.get(name, {"rows": None, "hash": None, "totals": {}})
        found = [
            Change(name, column, _exact(total), _exact(made["totals"].get(column)))
            for column, total in kept["totals"].items()
            if made["totals"].get(column) != total
        ]
        if kept["rows"] != made["rows"] or (kept["hash"] != made["hash"] and not found):
            found.append(Change(name, None, kept["rows"], made["rows"]))
        for one in found:
            yield Change(one.table, one.column, one.then, one.now, goes_on=goes_on)


def _exact(kept: object) -> int | Fraction | None:
    if kept is None or isinstance(kept, int):
        return kept
    assert isinstance(kept, str)
    return Fraction(kept)
