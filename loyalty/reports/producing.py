"""Make reports: rows, last lines, and what makes them evidence."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from loyalty.reports.errors import UnknownFacts
from loyalty.reports.keeping import Kept, as_json, held_against
from loyalty.reports.scope import Scope
from loyalty.reports.shape import (
    Column,
    Definition,
    Facts,
    Listed,
    Report,
    Rows,
    Shape,
    Source,
    Table,
    Value,
)

_PACKAGES: Final = ("ledger", "loyalty")
_FEN: Final = 100  # to the yuan


def produce(
    session: Session,
    *,
    definition: Definition,
    scope: Scope,
    by: str,
    at: datetime,
    kept: Kept | None = None,
) -> Report:
    """Return a report as the books say it now, held against what was kept of it.

    `kept`: None while the month is open.
    """
    found = definition.rows(session, scope)
    tables = tuple(_table(shape, found[shape.name]) for shape in definition.shapes)
    return Report(
        definition=definition,
        scope=scope,
        tables=tables,
        drawn_at=at,
        drawn_by=by,
        code_version=code_version(),
        data_hash=data_hash(definition, scope, tables),
        held=None if kept is None or scope.is_narrowed else held_against(tables, kept),
    )


def facts_of(definition: Definition, name: str) -> Facts:
    """Return a list of facts of a report by its name.

    Raises `UnknownFacts`.
    """
    for facts in definition.facts:
        if facts.name == name:
            return facts
    raise UnknownFacts(facts=name)


def listed(
    session: Session,
    *,
    facts: Facts,
    scope: Scope,
    where: Mapping[str, str],
    measure: str | None = None,
    limit: int,
    offset: int = 0,
) -> Listed:
    """Return a page of the facts behind a figure, and what all of them come to.

    Raises `UnknownFacts` for a choice by something that is no key of them.
    """
    measure = measure or facts.measure
    if not set(where) <= set(facts.keys) or measure not in _measures(facts):
        raise UnknownFacts(facts=facts.name)
    if not isinstance(facts.relation, str):
        made = [
            fact
            for fact in facts.relation(session, scope)
            if all(_key(fact[key]) == said for key, said in where.items())
        ]
        return Listed(
            facts=facts,
            rows=tuple(
                tuple(_value(fact[column.name]) for column in facts.columns)
                for fact in made[offset : offset + limit]
            ),
            count=len(made),
            total=sum(_whole_number(fact[measure]) for fact in made),
            measure=measure,
        )
    # Keys are compared as they are written in addresses.
    chosen = " AND ".join(f"CAST(f.{key} AS text) = :where_{key}" for key in where)
    relation = f"({facts.relation}) f WHERE {chosen or 'true'}"
    binds = scope.binds | {f"where_{key}": said for key, said in where.items()}
    count, total = session.execute(
        text(f"SELECT count(*), coalesce(sum(f.{measure}), 0) FROM {relation}"), binds
    ).one()
    names = ", ".join(f"f.{column.name}" for column in facts.columns)
    rows = session.execute(
        text(
            f"SELECT {names} FROM {relation} ORDER BY {facts.order}"
            " LIMIT :limit OFFSET :offset"
        ),
        binds | {"limit": limit, "offset": offset},
    )
    return Listed(
        facts=facts,
        rows=tuple(tuple(row) for row in rows),
        count=int(count),
        total=int(total),
        measure=measure,
    )


def choice(
    report: Report, table: Table, column: Column, row: Sequence[Value] | None
) -> tuple[Source, dict[str, str]] | None:
    """Return which facts stand behind a figure; None: none that can be listed here.

    `row`: None for the last line, which is the sum over all rows. What is told of
    another month is listed in the report of that month.
    """
    if column.source is None:
        return None
    where = dict(column.source.where)
    if row is not None:
        said = dict(zip((each.name for each in table.shape.columns), row, strict=True))
        if said.get("month", report.scope.period) != report.scope.period:
            return None
        where |= {key: _written(said[key]) for key in table.shape.keys}
    return column.source, where


@cache
def code_version() -> str:
    """Return our version, and what tells any two states of the code apart."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        _gather(files(package), package, digest)
    return f"{version('jifen')}+{digest.hexdigest()[:12]}"


def data_hash(definition: Definition, scope: Scope, tables: Sequence[Table]) -> str:
    """Return the SHA-256 of what was asked and of all rows, in one certain form."""
    written = {
        "report": definition.name,
        "asked": scope.asked,
        "tables": [
            {
                "name": table.shape.name,
                "columns": [column.name for column in table.shape.columns],
                "rows": [[as_json(value) for value in row] for row in table.rows],
            }
            for table in tables
        ],
    }
    canonical = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _table(shape: Shape, found: Rows) -> Table:
    columns = {column.name: column for column in shape.columns}
    rows = [_whole(columns, dict(row)) for row in found]
    totals = None
    if any(column.adds for column in shape.columns):
        sums: dict[str, object] = {
            name: sum((_addend(row[name]) for row in rows), start=0)
            if column.adds
            else None
            for name, column in columns.items()
        }
        totals = _values(columns, _whole(columns, sums))
    return Table(
        shape=shape, rows=tuple(_values(columns, row) for row in rows), totals=totals
    )


def _whole(columns: Mapping[str, Column], row: dict[str, object]) -> dict[str, object]:
    """Return a row with the columns that are quotients of others."""
    for name, column in columns.items():
        if column.ratio is not None:
            of, to = (_in_yuan(columns[part], row[part]) for part in column.ratio)
            row[name] = None if of is None or not to else of / to
    return row


def _values(
    columns: Mapping[str, Column], row: Mapping[str, object]
) -> tuple[Value, ...]:
    return tuple(_value(row[name]) for name in columns)


def _value(said: object) -> Value:
    assert said is None or isinstance(said, int | str | date | Fraction | tuple), said
    return said


def _addend(said: object) -> int | Fraction:
    if said is None:
        return 0
    assert isinstance(said, int | Fraction)
    return said


def _in_yuan(column: Column, said: object) -> Fraction | None:
    if said is None:
        return None
    assert isinstance(said, int | Fraction)
    return Fraction(said) / (_FEN if column.kind == "fen" else 1)


def _key(said: object) -> str:
    return _written(_value(said))


def _whole_number(said: object) -> int:
    assert isinstance(said, int)
    return said


def _written(value: Value) -> str:
    """Return a key as an address has it."""
    return value.isoformat() if isinstance(value, date) else str(value)


def _measures(facts: Facts) -> set[str]:
    return {facts.measure} | {
        column.name
        for column in facts.columns
        if column.kind in ("number", "points", "fen")
    }


def _gather(folder: Traversable, name: str, digest: "hashlib._Hash") -> None:
    for part in sorted(folder.iterdir(), key=lambda each: each.name):
        inside = f"{name}/{part.name}"
        if part.is_dir():
            _gather(part, inside, digest)
        elif part.name.endswith((".py", ".sql", ".toml")):
            digest.update(inside.encode() + b"\0" + part.read_bytes() + b"\0")
