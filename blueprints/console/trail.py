"""What staff did: who, what, when, from where and why; it can only be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints import current_database
from blueprints.console import bp
from blueprints.console.excel import Column, workbook
from blueprints.language import speak
from blueprints.sessions import requires
from loyalty.audit.models import Audit
from loyalty.audit.queries import trail
from loyalty.staff.rules import Permission

_PAGE, _EXPORT = 50, 10_000


@dataclass(frozen=True, slots=True)
class Filters:
    """What the trail is narrowed to; '': to nothing."""

    actor: str
    action: str
    object_: str

    @classmethod
    def of_request(cls) -> "Filters":
        """Return what the address asks for."""
        asked = request.args
        return cls(*(asked.get(name, "").strip() for name in cls.names()))

    @staticmethod
    def names() -> tuple[str, str, str]:
        """Return what the filters are called in an address."""
        return "actor", "action", "object"

    def as_address(self) -> dict[str, Any]:
        """Return what of this an address needs."""
        said = zip(self.names(), (self.actor, self.action, self.object_), strict=True)
        return {name: value for name, value in said if value}


@bp.get("/audit")
@requires(Permission.READ)
def audit() -> ResponseReturnValue:
    """Show what was done, the newest first."""
    filters = Filters.of_request()
    found = _read(filters, limit=_PAGE + 1)
    older = None
    if len(found) > _PAGE:
        older = url_for(
            "console.audit", before=found[_PAGE - 1].id, **filters.as_address()
        )
    return render_template(
        "console/audit.html",
        rows=found[:_PAGE],
        filters=filters,
        older=older,
        asked=filters.as_address(),
    )


@bp.get("/audit.xlsx")
@requires(Permission.READ)
def audit_xlsx() -> ResponseReturnValue:
    """Return the same as a workbook, up to 10,000 rows."""
    filters = Filters.of_request()
    columns: list[Column[Audit]] = [
        Column(speak("时间", "When"), lambda row: row.at, "moment"),
        Column(speak("谁", "Who"), lambda row: row.actor),
        Column(speak("角色", "Roles"), lambda row: ", ".join(row.roles)),
        Column(speak("来自", "From"), lambda row: row.source),
        Column(speak("动作", "What"), lambda row: row.action, width=28),
        Column(speak("对象", "To what"), lambda row: row.object_, width=28),
        Column(speak("之前", "Before"), lambda row: row.before or "", width=40),
        Column(speak("之后", "After"), lambda row: row.after or "", width=40),
        Column(speak("理由", "Why"), lambda row: row.reason, width=40),
        Column(speak("审批", "Approval"), lambda row: row.approval_id, "number"),
    ]
    return workbook(
        name="audit",
        title=speak("操作日志", "Audit trail"),
        columns=columns,
        rows=_read(filters, limit=_EXPORT),
        filters=filters.as_address(),
    )


def _read(filters: Filters, *, limit: int) -> Sequence[Audit]:
    with current_database().unit_of_work() as session:
        return trail(
            session,
            actor=filters.actor or None,
            action=filters.action or None,
            object_=filters.object_ or None,
            before_id=request.args.get("before", type=int),
            limit=limit,
        )
