"""Change what events mean in money, and what others call an account: by two people.

What was kept stays as it was kept; a new version begins with a month that is open.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from loyalty.approvals.models import Approval
from loyalty.approvals.operations import request
from loyalty.journal.errors import (
    BadPostingRules,
    NoPostingRules,
    PostingRulesMovedOn,
    PostingRulesTooLate,
    UnknownAccount,
)
from loyalty.journal.measures import VIEWS
from loyalty.journal.notation import means, name_of, read
from loyalty.journal.queries import accounts
from loyalty.journal.rules import LIABLE, SWITCHES, faults_of
from loyalty.points.operations import first_open_day
from loyalty.rules.models import ChartMapping, PostingRules

CHANGE = "posting.rules"
MAP = "posting.account"

_RULE = "rule "  # before the name of a rule among the facts of a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a version is to say."""

    valid_from: date  # the first day of a month
    statutory: str
    switches: Mapping[str, bool]
    liability: Mapping[str, str]
    principals: Sequence[str]
    lines: str  # the rules, as they are written


def versions(session: Session) -> Sequence[PostingRules]:
    """Return all versions, the newest first."""
    return session.scalars(
        select(PostingRules).order_by(PostingRules.version.desc())
    ).all()


def mappings(session: Session) -> Sequence[ChartMapping]:
    """Return what the tenant calls our accounts, where it does."""
    return session.scalars(
        select(ChartMapping).order_by(ChartMapping.account, ChartMapping.view)
    ).all()


def ask_rules(
    session: Session, *, wanted: Wanted, reason: str, maker: int, at: datetime
) -> Approval:
    """Ask for rules to hold from an open month on; they become the next version.

    Raises `BadPostingRules` with all that makes no sense, `PostingRulesTooLate`,
    `NoPostingRules` and `AlreadyRequested`.
    """
    newest = _newest(session, wanted.valid_from)
    document = _document(wanted)
    faults = faults_of(document, accounts={one.account for one in accounts(session)})
    if wanted.statutory not in VIEWS:
        faults.insert(0, f"unknown view {wanted.statutory}")
    if faults:
        raise BadPostingRules(faults=faults)
    _open(session, wanted.valid_from)
    return request(
        session,
        action=CHANGE,
        subject=str(newest.version + 1),
        before=_told(newest.document, newest.valid_from, newest.statutory),
        after=_told(document, wanted.valid_from, wanted.statutory),
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_rules(session: Session, *, approval: Approval, at: datetime) -> date:
    """Let approved rules hold from their month on, and return its first day.

    Raises `PostingRulesMovedOn` where another version came in between, and
    `PostingRulesTooLate` when the month was closed meanwhile.
    """
    assert approval.action == CHANGE
    assert approval.state == "approved"
    said = approval.after
    valid_from = date.fromisoformat(said["valid_from"])
    newest, version = _newest(session, valid_from), int(approval.subject)
    if version != newest.version + 1:
        raise PostingRulesMovedOn(version=newest.version)
    _open(session, valid_from)
    session.execute(
        insert(PostingRules).values(
            version=version,
            valid_from=valid_from,
            statutory=said["statutory"],
            document=_untold(said),
            approval_id=approval.approval_id,
            loaded_at=at,
        )
    )
    return valid_from


def ask_mapping(
    session: Session,
    *,
    account: str,
    view: str,
    gl_account: str,
    cost_center: str | None,
    reason: str,
    maker: int,
    at: datetime,
) -> Approval:
    """Ask for an account to be called otherwise in the tenant's general ledger.

    Raises `UnknownAccount` and `AlreadyRequested`.
    """
    if view not in VIEWS or all(one.account != account for one in accounts(session)):
        raise UnknownAccount(account=account)
    known = session.get(ChartMapping, (account, view))
    return request(
        session,
        action=MAP,
        subject=f"{view} {account}",
        before=None
        if known is None
        else {"gl_account": known.gl_account, "cost_center": known.cost_center},
        after={"gl_account": gl_account, "cost_center": cost_center},
        reason=reason,
        maker=maker,
        at=at,
    )


def apply_mapping(session: Session, *, approval: Approval, at: datetime) -> None:
    """Let an account be called as was approved, in journals kept from now on."""
    assert approval.action == MAP
    assert approval.state == "approved"
    view, account = approval.subject.split(" ", 1)
    said = {
        "gl_account": approval.after["gl_account"],
        "cost_center": approval.after["cost_center"],
        "approval_id": approval.approval_id,
        "mapped_at": at,
    }
    session.execute(
        upsert(ChartMapping)
        .values(account=account, view=view, **said)
        .on_conflict_do_update(index_elements=["account", "view"], set_=said)
    )


def _document(wanted: Wanted) -> dict[str, Any]:
    try:
        rules = read(wanted.lines)
    except ValueError as error:
        raise BadPostingRules(faults=[f"no rule: {error}"]) from error
    times = Counter(name_of(rule) for rule in rules)
    if twice := [name for name, told in times.items() if told > 1]:
        raise BadPostingRules(faults=[f"told twice: {name}" for name in twice])
    return {
        "switches": {name: bool(wanted.switches.get(name)) for name in SWITCHES},
        "liability": {name: wanted.liability.get(name, "") for name in LIABLE},
        "principals": sorted(set(wanted.principals)),
        "rule": rules,
    }


def _told(
    document: Mapping[str, Any], valid_from: date, statutory: str
) -> dict[str, Any]:
    """Return what a version says as flat facts, as an approval keeps it."""
    said: dict[str, Any] = {
        "valid_from": valid_from.isoformat(),
        "statutory": statutory,
        "principals": list(document["principals"]),
    }
    said |= {name: document["switches"].get(name, False) for name in SWITCHES}
    said |= {f"liability.{name}": document["liability"][name] for name in LIABLE}
    return said | {f"{_RULE}{name_of(one)}": means(one) for one in document["rule"]}


def _untold(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "switches": {name: said[name] for name in SWITCHES},
        "liability": {name: said[f"liability.{name}"] for name in LIABLE},
        "principals": said["principals"],
        "rule": read(
            "\n".join(
                f"{name.removeprefix(_RULE)}: {value}"
                for name, value in said.items()
                if name.startswith(_RULE)
            )
        ),
    }


def _newest(session: Session, period: date) -> PostingRules:
    found = versions(session)
    if not found:
        raise NoPostingRules(period=period)
    return found[0]


def _open(session: Session, month: date) -> None:
    """Refuse a closed month; one that is open stays so until we are done."""
    assert month.day == 1
    earliest = first_open_day(session)
    if earliest is not None and month < earliest:
        raise PostingRulesTooLate(valid_from=month, earliest=earliest)
