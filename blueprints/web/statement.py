"""Every movement of a member's points, explained; on paper and as a table too."""

import csv
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import StringIO
from typing import Final
from uuid import UUID

from flask import Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from blueprints import current_database
from blueprints.formatting import here
from blueprints.language import speak
from blueprints.papers import statement_paper
from blueprints.sessions import member_required, this_member
from blueprints.telling import tell
from blueprints.web import bp
from blueprints.wording import term
from loyalty import clock
from loyalty.points.entries import UNIVERSAL
from loyalty.points.queries import (
    balance_on,
)
from loyalty.points.statement import (
    GROUPS,
    StatementEntry,
    statement,
)
from loyalty.settings import TIME_ZONE

PAGE: Final = 25
CHUNK: Final = 500
CSV_ENTRIES_MAX: Final = 20_000
PDF_ENTRIES_MAX: Final = 1_000
_CURSOR_BYTES: Final = 20  # a day's ordinal and an entry's id

Cursor = tuple[date, UUID]


@dataclass(frozen=True, slots=True)
class Question:
    """What of the statement is asked for."""

    first: date | None  # None: from the beginning
    last: date
    known_on: date | None  # None: as known now
    unit: str | None  # None: both
    group: str | None  # None: all
    faults: dict[str, str]  # by field: what could not be read

    @property
    def known_at(self) -> datetime | None:
        """The last moment of the day as known on."""
        if self.known_on is None:
            return None
        after = datetime.combine(self.known_on + timedelta(days=1), time.min, TIME_ZONE)
        return after - timedelta(microseconds=1)

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the last months was asked for."""
        return any((self.unit, self.group, self.known_on, self.first))


@bp.get("/statement", endpoint="statement")
@member_required
def show_statement() -> ResponseReturnValue:
    """Show the movements of some days, the balance at their end, page by page."""
    asked, member_id = _question(), this_member().member_id
    before = _cursor(request.args.get("before"))
    with current_database().unit_of_work() as session:
        found = _read(session, member_id, asked, before=before, limit=PAGE + 1)
        balance = _balance(session, member_id, asked)
    entries = [(entry, tell(entry)) for entry in found[:PAGE]]
    older = here(before=_mark(entries[-1][0])) if len(found) > PAGE else None
    return render_template(
        "web/statement.html",
        asked=asked,
        today=clock.business_date(),
        balance=balance,
        entries=entries,
        older=older,
        newest=here(before=None) if before else None,
        periods=_periods(asked),
        units=_named("unit", UNIVERSAL),
        groups=_named("group", GROUPS),
    )


@bp.get("/statement.csv")
@member_required
def statement_csv() -> ResponseReturnValue:
    """Send the movements as a table for Excel, as they are read."""
    asked, member_id = _question(), this_member().member_id
    return Response(
        stream_with_context(_lines(member_id, asked)),
        mimetype="text/csv",
        headers={"Content-Disposition": _attached("csv", asked)},
    )


@bp.get("/statement.pdf")
@member_required
def statement_pdf() -> ResponseReturnValue:
    """Send the movements as a paper to keep or to print."""
    asked, caller = _question(), this_member()
    entries = list(_entries(caller.member_id, asked, PDF_ENTRIES_MAX + 1))
    with current_database().unit_of_work() as session:
        balance = _balance(session, caller.member_id, asked)
    paper = statement_paper(
        name=caller.name,
        member_ref=caller.member_ref,
        first=asked.first,
        last=asked.last,
        known_on=asked.known_on,
        balance=balance,
        entries=[(entry, tell(entry)) for entry in entries[:PDF_ENTRIES_MAX]],
        is_cut=len(entries) > PDF_ENTRIES_MAX,
        drawn_at=clock.now(),
    )
    return Response(
        paper,
        mimetype="application/pdf",
        headers={"Content-Disposition": _attached("pdf", asked)},
    )


def _question() -> Question:
    """Return what is asked for; what cannot be read is said, and left out."""
    faults: dict[str, str] = {}
    dates = {name: _day(name, faults) for name in ("from", "to", "known")}
    first, last = dates["from"], dates["to"] or clock.business_date()
    if first is not None and first > last:
        faults["from"] = speak(
            "开始日期在结束日期之后，请改一下。",
            "This day comes after the last one. Please change one of them.",
        )
        first = None
    unit, group = request.args.get("unit"), request.args.get("kind")
    return Question(
        first=first,
        last=last,
        known_on=dates["known"],
        unit=unit if unit in UNIVERSAL else None,
        group=group if group in GROUPS else None,
        faults=faults,
    )


def _day(name: str, faults: dict[str, str]) -> date | None:
    written = request.args.get(name, "").strip()
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        faults[name] = speak(
            "没有看懂这个日期，请写成 2026-10-31 这样。",
            "We could not read this date. Please write it like 2026-10-31.",
        )
        return None


def _periods(asked: Question) -> list[tuple[str, str, bool]]:
    """Return the days that are asked for most, as links."""
    today = clock.business_date()
    month = today.replace(day=1)
    quarter = month
    for _ in range(2):
        quarter = (quarter - timedelta(days=1)).replace(day=1)
    choices = (
        (None, speak("全部", "All")),
        (month, speak("本月", "This month")),
        (quarter, speak("近三个月", "Three months")),
        (today.replace(month=1, day=1), speak("今年", "This year")),
    )
    return [
        (
            here(**{"from": first and first.isoformat(), "to": None, "before": None}),
            words,
            asked.first == first and asked.last == today,
        )
        for first, words in choices
    ]


def _named(kind: str, codes: Iterable[str]) -> list[tuple[str, str]]:
    return [("", speak("全部", "All")), *((code, term(kind, code)) for code in codes)]


def _balance(session: Session, member_id: int, asked: Question) -> int:
    return balance_on(
        session, member_id=member_id, on=asked.last, known_at=asked.known_at
    )


def _read(
    session: Session,
    member_id: int,
    asked: Question,
    *,
    before: Cursor | None,
    limit: int,
) -> list[StatementEntry]:
    return statement(
        session,
        member_id=member_id,
        first=asked.first,
        last=asked.last,
        known_at=asked.known_at,
        unit=asked.unit,
        group=asked.group,
        before=before,
        limit=limit,
    )


def _entries(
    member_id: int, asked: Question, entries_max: int
) -> Iterator[StatementEntry]:
    """Give entries newest first, read in chunks, so many at most."""
    before: Cursor | None = None
    given = 0
    while given < entries_max:
        limit = min(CHUNK, entries_max - given)
        with current_database().unit_of_work() as session:
            found = _read(session, member_id, asked, before=before, limit=limit)
        yield from found
        given += len(found)
        if len(found) < limit:
            return
        before = (found[-1].effective_on, found[-1].id)


def _lines(member_id: int, asked: Question) -> Iterator[str]:
    """Give the lines of the table; its first bytes tell Excel that it is UTF-8."""
    yield "\N{ZERO WIDTH NO-BREAK SPACE}" + _line(
        speak("日期", "Day"),
        speak("内容", "What"),
        speak("可用积分变动", "Points"),
        speak("待生效变动", "Pending"),
        speak("留出变动", "Set aside"),
        speak("待还变动", "Owed"),
        speak("当日可用余额", "Balance"),
        speak("说明", "Explained"),
        speak("积分批次", "Lots"),
        speak("入账时间", "Booked at"),
        speak("编号", "Reference"),
    )
    count = 0
    for entry in _entries(member_id, asked, CSV_ENTRIES_MAX):
        told = tell(entry)
        count += 1
        yield _line(
            entry.effective_on.isoformat(),
            told.title,
            entry.available,
            entry.pending,
            entry.held,
            entry.owed,
            entry.balance_after,
            " ".join(told.sentences),
            speak("；", "; ").join(told.lots),
            f"{entry.recorded_at.astimezone(TIME_ZONE):%Y-%m-%d %H:%M:%S}",
            entry.reference,
        )
    if count == CSV_ENTRIES_MAX:
        yield _line(
            speak(
                f"只含最近的 {CSV_ENTRIES_MAX} 笔，请缩短期间再导出其余部分。",
                f"Only the latest {CSV_ENTRIES_MAX} are here;"
                " ask for a shorter period to get the others.",
            )
        )


def _line(*cells: object) -> str:
    written = StringIO()
    csv.writer(written).writerow([harmless(cell) for cell in cells])
    return written.getvalue()


def harmless(cell: object) -> object:
    """Return a cell that a spreadsheet shows, and does not compute."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{cell}"
    return cell


def _attached(ending: str, asked: Question) -> str:
    return f'attachment; filename="jifen-{asked.last:%Y%m%d}.{ending}"'


def _mark(entry: StatementEntry) -> str:
    """Return the cursor behind an entry, as one word for an address."""
    place = entry.effective_on.toordinal().to_bytes(4, "big") + entry.id.bytes
    return urlsafe_b64encode(place).decode().rstrip("=")


def _cursor(word: str | None) -> Cursor | None:
    """Return the place that a cursor names; None: the beginning."""
    if not word:
        return None
    try:
        place = urlsafe_b64decode(word + "=" * (-len(word) % 4))
        if len(place) != _CURSOR_BYTES:
            return None
        return date.fromordinal(int.from_bytes(place[:4])), UUID(bytes=place[4:])
    except (ValueError, OverflowError):
        return None
