"""A dry run over tomorrow's churn file, for whoever has to answer for it."""

from collections import Counter
from typing import BinaryIO, Final, cast

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.settling_form import partner_names
from blueprints.language import speak
from blueprints.sessions import requires
from blueprints.wording import say
from loyalty.errors import LoyaltyError
from loyalty.feeds.dry_run import Foretold, dry_run, table
from loyalty.staff.rules import Permission

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
_SHOWN: Final = 200
_NUMBERS: Final = ("points", "pending", "held", "policy_version", "line_no")
_DAYS: Final = ("left_on", "void_on", "reinstate_until")

Row = tuple[object, ...]


@bp.get("/leaving/dry-run")
@requires(Permission.READ)
def dry_run_form() -> ResponseReturnValue:
    """Ask for the file."""
    return _page()


@bp.post("/leaving/dry-run")
@requires(Permission.READ)
def dry_run_file() -> ResponseReturnValue:
    """Show what the file would do, or hand it out as a workbook; nothing is written."""
    request.max_content_length = FILE_BYTES_MAX
    file = request.files.get("file")
    if file is None or not file.filename:
        problem = speak("请选择一个文件。", "Please choose a file.")
        return _page(problem=problem), 422
    try:
        told = dry_run(current_database(), cast("BinaryIO", file.stream))
    except LoyaltyError as error:
        return _page(problem=say(error)), 422
    if request.form.get("as") == "xlsx":
        return _workbook(told, file.filename)
    return _page(told=told, name=file.filename)


def _page(*, told: Foretold | None = None, name: str = "", problem: str = "") -> str:
    return render_template(
        "console/leaving_dry_run.html",
        told=told,
        name=name,
        problem=problem,
        shown=_SHOWN,
        names=partner_names() if told else {},
        reasons=sorted(Counter(one.why for one in told.spared).items()) if told else [],
    )


def _workbook(told: Foretold, name: str) -> ResponseReturnValue:
    heads, *rows = table(told)
    return workbook(
        name="leaving-dry-run",
        title=speak("离网试算", "Dry run"),
        columns=[_column(at, str(head)) for at, head in enumerate(heads)],
        rows=rows,
        filters={speak("文件", "File"): name},
    )


def _column(at: int, head: str) -> Column[Row]:
    def of(row: Row) -> object:
        return None if row[at] == "" else row[at]  # an empty cell

    if head in _DAYS:
        return Column(head, of, "day")
    if head == "fen":
        return Column("yuan", of, "yuan")
    return Column(head, of, "number" if head in _NUMBERS else "text")
