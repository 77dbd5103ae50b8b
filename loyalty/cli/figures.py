"""Commands that print the reports of finance, one for each."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
from flask import Flask

from blueprints.console.reports import table_csv
from blueprints.figures import NUMBERS, formula, said, written
from blueprints.report_closes import differences, standing
from blueprints.report_papers import report_paper
from blueprints.report_workbooks import report_workbook
from loyalty.cli import months
from loyalty.cli.opening import needs, with_database
from loyalty.clock import business_date, now
from loyalty.closing.queries import report_kept
from loyalty.database import Database
from loyalty.reports.producing import produce
from loyalty.reports.register import REPORTS
from loyalty.reports.scope import Scope
from loyalty.reports.shape import Column, Definition, Report, Table, Value
from loyalty.settings import Settings
from loyalty.staff.rules import Permission

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


def commands() -> Iterator[click.Command]:
    """Return a command for each report there is."""
    for definition in REPORTS.values():
        yield _command(definition)


def _command(definition: Definition) -> click.Command:
    title = definition.title[1]

    @click.command(
        definition.name, help=f"{definition.number}: {title}. {definition.formula_en}"
    )
    @click.option(
        "--period",
        type=months.month,
        metavar=months.METAVAR,
        help="The month; by default the last one over.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, money in fen.")
    @click.option("--csv", "as_csv", is_flag=True, help="Print the first table as CSV.")
    @click.option("--xlsx", type=_FILE, help="Write a workbook to this file.")
    @click.option("--pdf", type=_FILE, help="Write a paper to this file.")
    @needs(Permission.READ)
    @with_database
    def command(
        database: Database,
        /,
        *,
        period: date | None,
        as_json: bool,
        as_csv: bool,
        xlsx: Path | None,
        pdf: Path | None,
        **narrowed: str | None,
    ) -> None:
        if period is None:
            period = (business_date().replace(day=1) - timedelta(days=1)).replace(day=1)
        with database.unit_of_work() as session:
            report = produce(
                session,
                definition=definition,
                scope=Scope(period=period, **narrowed),
                by=Settings.from_environment().staff or "operator of the machine",
                at=now(),
                kept=report_kept(session, period=period, report=definition.name),
            )
        # Words for people are chosen by the language of a request.
        with Flask(__name__).test_request_context("/?lang=en"):
            for path, drawn in ((xlsx, report_workbook), (pdf, report_paper)):
                if path is not None:
                    _write(path, drawn(report))
            if as_json:
                click.echo(json.dumps(_as_json(report), ensure_ascii=False))
            elif as_csv:
                click.echo(table_csv(report.tables[0]), nl=False)
            elif xlsx is None and pdf is None:
                click.echo("\n".join(_page(report)))

    for each in definition.filters:
        name = f"--{each.value}"
        command = click.option(name, help=f"Only of this {each.value}.")(command)
    return command


def _write(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    click.echo(f"written: {path}")


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "report": report.definition.number,
        "name": report.definition.name,
        "asked": report.scope.asked,
        "as_of": report.scope.last_day.isoformat(),
        "drawn_at": report.drawn_at.isoformat(),
        "drawn_by": report.drawn_by,
        "rows": report.row_count,
        "code_version": report.code_version,
        "data_hash": report.data_hash,
        "close": standing(report),
        "changed_since": differences(report, goes_on=False),
        "tables": {
            table.shape.name: {
                "rows": [_row(table, row) for row in table.rows],
                "totals": table.totals and _row(table, table.totals),
            }
            for table in report.tables
        },
    }


def _row(table: Table, row: tuple[Value, ...]) -> dict[str, Any]:
    return {
        column.name: _plain(column, value)
        for column, value in zip(table.shape.columns, row, strict=True)
    }


def _plain(column: Column, value: Value) -> object:
    """Return a value as JSON has it: whole numbers, and quotients as decimals."""
    if isinstance(value, Fraction | date | datetime):
        return written(column, value)
    return value


def _page(report: Report) -> Iterator[str]:
    yield f"{report.definition.number} {report.definition.title[1]}"
    yield ", ".join(f"{name} {value}" for name, value in report.scope.asked.items())
    yield formula(report.definition)
    for table in report.tables:
        yield ""
        yield table.shape.words[1]
        yield from _lines(table)
    yield ""
    yield standing(report)
    yield from differences(report, goes_on=False)
    yield f"rows {report.row_count}, code {report.code_version}"
    yield f"SHA-256 {report.data_hash}"


def _lines(table: Table) -> Iterator[str]:
    columns = table.shape.columns
    cells = [[column.words[1] for column in columns]]
    cells += [
        [said(column, value) for column, value in zip(columns, row, strict=True)]
        for row in (*table.rows, *([table.totals] if table.totals else []))
    ]
    if table.totals:
        cells[-1][0] = "All"
    to_right = [column.kind in NUMBERS for column in columns]
    if table.shape.is_turned:
        cells = [list(line) for line in zip(*cells, strict=True)]
        to_right = [False] + [True] * (len(cells[0]) - 1)
    widths = [max(len(line[at]) for line in cells) for at in range(len(cells[0]))]
    for line in cells:
        yield "  ".join(
            words.rjust(width) if right else words.ljust(width)
            for words, width, right in zip(line, widths, to_right, strict=True)
        ).rstrip()
