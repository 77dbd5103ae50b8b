"""How a report of a closed month is said to stand beside what the close kept of it."""

from collections.abc import Sequence

from blueprints.figures import said
from blueprints.formatting import number
from blueprints.language import speak
from loyalty.reports.shape import Change, Report, Table
from loyalty.settings import TIME_ZONE


def standing(report: Report) -> str:
    """Say in a sentence whether a report is the one of the close."""
    held = report.held
    if held is None:
        if report.scope.is_narrowed:
            return speak(
                "按筛选所取，关账时只留存了整月的报表",
                "Of a part; a close keeps reports of the whole month",
            )
        return speak("未关账，数字还会变", "The month is open: figures may change")
    if held.changes is None or held.closed_at is None:
        return speak(
            "已关账，但关账时没有留存报表",
            "Closed, but nothing was kept of reports then",
        )
    on = held.closed_at.astimezone(TIME_ZONE).date().isoformat()
    changed = sum(not one.goes_on for one in held.changes)
    if changed:
        return speak(
            f"与 {on} 关账时不同：{changed} 处",
            f"Differs from the close of {on}: {changed} times",
        )
    if held.changes:
        return speak(
            f"与 {on} 关账时一致；关账后业务继续，另有 {len(held.changes)} 处更新",
            f"As at the close of {on}; {len(held.changes)} figures rightly went on",
        )
    return speak(f"与 {on} 关账时一致", f"As at the close of {on}")


def differences(report: Report, *, goes_on: bool) -> list[str]:
    """Return what differs from the close, each as a person reads it."""
    changes = (report.held.changes if report.held is not None else None) or ()
    tables = {table.shape.name: table for table in report.tables}
    return [
        _told(one, tables.get(one.table)) for one in changes if one.goes_on is goes_on
    ]


def _told(change: Change, table: Table | None) -> str:
    if table is None:
        return speak(
            f"{change.table}：已没有这张表", f"{change.table}: no such table now"
        )
    name = speak(*table.shape.words)
    colon = speak("：", ": ")
    if change.column is None:
        if change.then == change.now:
            return speak(
                f"{name}：{number(len(table.rows))} 行中有不同",
                f"{name}: among its {number(len(table.rows))} rows",
            )
        what, then, now = speak("行数", "rows"), str(change.then), str(change.now)
    else:
        columns: Sequence[str] = [column.name for column in table.shape.columns]
        column = table.shape.columns[columns.index(change.column)]
        what = speak(*column.words)
        then, now = said(column, change.then), said(column, change.now)
    return f"{name}{colon}{what} {then} → {now}"
