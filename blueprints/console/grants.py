"""Points for many members: a file of marketing's, decided by finance."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final, cast

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.console.noting import note
from blueprints.language import speak
from blueprints.sessions import requires, this_staff
from blueprints.wording import say, term
from loyalty.adjustments import granting, queries
from loyalty.adjustments.errors import BadAdjustment
from loyalty.adjustments.granting import COLUMNS, Answer, Line, Said
from loyalty.adjustments.rules import WORDS_MAX
from loyalty.clock import now
from loyalty.errors import LoyaltyError
from loyalty.feeds.manifest import manifest_path, read_manifest
from loyalty.feeds.reading import Reader
from loyalty.staff.queries import names
from loyalty.staff.rules import Permission

FEED: Final = "grants"
_SHOWN: Final = 500
_NAME_MAX: Final = 120


@bp.get("/grants")
@requires(Permission.READ)
def grants() -> ResponseReturnValue:
    """List the files that were brought, and ask for another."""
    return _page()


@bp.post("/grants")
@requires(Permission.GRANT_MAKE)
def ask_grants() -> ResponseReturnValue:
    """Take a file with its manifest; finance decides about all of it."""
    file, manifest = request.files.get("file"), request.files.get("manifest")
    reason = request.form.get("reason", "")
    words = request.form.get("words", "").strip()[:WORDS_MAX]
    if file is None or manifest is None or not file.filename or not manifest.filename:
        problem = speak(
            "请选择文件和它的清单。", "Please choose the file and its manifest."
        )
        return _page(problem=problem, words=words), 422
    name = file.filename[-_NAME_MAX:]
    try:
        said, sha256, lines = _read(file, manifest)
        with current_database().unit_of_work() as session:
            asked = granting.ask_grants(
                session,
                name=name,
                said=said,
                sha256=sha256,
                lines=lines,
                reason=reason,
                words=words,
                maker=this_staff().staff_id,
                at=now(),
            )
            note(
                session,
                action="adjustment.grant.asked",
                object_=f"grant_file:{asked.subject}",
                before=asked.before,
                after=asked.after,
                reason=words,
                approval_id=asked.approval_id,
            )
            file_id = int(asked.subject)
    except BadAdjustment:
        fault = speak("请写明用途。", "Please say what for.")
        return _page(fault=fault, words=words), 422
    except LoyaltyError as error:
        return _page(problem=say(error), words=words), 422
    flash(speak("文件已提交，等待财务审批。", "Sent; finance decides now."), "done")
    return redirect(url_for("console.grant_file", file_id=file_id), 303)


@bp.get("/grants/<int:file_id>")
@requires(Permission.READ)
def grant_file(file_id: int) -> ResponseReturnValue:
    """Show a file with what each line does, or did."""
    at = now()
    with current_database().unit_of_work() as session:
        file = granting.file_of(session, file_id=file_id)
        approval = granting.approval_of(session, file_id=file_id)
        found = granting.answers(session, file=file, at=at)
        reason = queries.reason(session, file.reason)
        people = names(session)
    good = [line for line in found if line.code is None]
    return render_template(
        "console/adjustments/grant.html",
        file=file,
        approval=approval,
        state="expired"
        if approval.state == "open" and approval.expires_at < at
        else approval.state,
        answer_words=answer_words,
        reason=reason,
        people=people,
        lines=sorted(found, key=lambda line: line.code is None)[:_SHOWN],
        good=len(good),
        points=sum(line.points or 0 for line in good),
        bad=len(found) - len(good),
        shown=_SHOWN,
    )


@bp.get("/grants/<int:file_id>.xlsx")
@requires(Permission.READ)
def grant_file_xlsx(file_id: int) -> ResponseReturnValue:
    """Return each line with its answer as a workbook."""
    with current_database().unit_of_work() as session:
        file = granting.file_of(session, file_id=file_id)
        found = granting.answers(session, file=file, at=now())
    columns: list[Column[Answer]] = [
        Column(speak("行", "Line"), lambda one: one.line_no, "number"),
        Column(speak("编号", "Reference"), lambda one: one.grant_ref),
        Column(speak("会员", "Member"), lambda one: one.member_ref),
        Column(speak("积分", "Points"), lambda one: one.points, "number"),
        Column(speak("结果", "Answer"), answer_words, width=30),
    ]
    return workbook(
        name=f"grants-{file_id}",
        title=speak("批量赠送", "Points for many"),
        columns=columns,
        rows=found,
        filters={speak("文件", "File"): file.name, "SHA-256": file.sha256},
    )


def answer_words(line: Answer) -> str:
    """Return what becomes of a line."""
    if line.code is None:
        return speak("赠送", "Given")
    return term("grant_code", line.code)


def _read(file: FileStorage, manifest: FileStorage) -> tuple[Said, str, list[Line]]:
    """Return what the manifest says, and what is in the file.

    Raises `BadManifest`, `ManifestDisagrees`, `MalformedFile`, `GrantFileWrong`.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "grants.csv"
        manifest.save(manifest_path(path))
        found = read_manifest(path, feed=FEED)
    reader = Reader(cast("BinaryIO", file.stream))
    rows = [
        (number, row)
        for batch in reader.batches(COLUMNS)
        for number, row in zip(batch.numbers, batch.rows, strict=True)
    ]
    said = Said(records=found.records, total=found.total, sha256=found.sha256)
    return said, reader.sha256, granting.parsed(rows)


def _page(*, problem: str = "", fault: str = "", words: str = "") -> str:
    at = now()
    with current_database().unit_of_work() as session:
        found = granting.files(session)
        limits = queries.limits(session, on=at.date())
        used = queries.budget_used(session, on=at.date())
        known = [one for one in queries.reasons(session) if one.in_bulk]
        states = granting.states(session, at=at)
        people = names(session)
    example = {"feed": FEED, "sequence": 1, "records": 2, "total": 300, "sha256": "…"}
    return render_template(
        "console/adjustments/grants.html",
        files=found,
        states=states,
        people=people,
        reasons=[(one.reason, speak(one.title_zh, one.title_en)) for one in known],
        left=max(0, limits.budget_points_per_month - used),
        columns=",".join(COLUMNS),
        example=json.dumps(example, ensure_ascii=False),
        may_make=Permission.GRANT_MAKE in this_staff().permissions,
        problem=problem,
        fault=fault,
        words=words,
    )
