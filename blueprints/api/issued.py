"""Statements as they were issued: what partners read, keep, and agree to."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.paging import PageSchema, list_of, page, place_of
from blueprints.api.shapes import MoneySchema, Open
from blueprints.api.statements import month_named
from blueprints.oauth.protecting import caller, requires_scope
from blueprints.settlement_papers import event_name, statement_csv, statement_paper
from loyalty.alliance.queries import partner as partner_of
from loyalty.clock import now
from loyalty.settlement import reading
from loyalty.settlement.errors import UnknownStatement
from loyalty.settlement.models import SettlementStatement, StatementLine
from loyalty.settlement.reading import Sum
from loyalty.settlement.rules import LINE_KINDS, SHOWN_STATES
from loyalty.settlement.statements import agree

_ONE = "/v1/statements/<period>/<nth>"
_NTH_DIGITS = 4
_REFUSES = ("bad_period", "unknown_statement")


class IssuedSchema(Open):
    """A statement that was issued; what is above zero you pay us."""

    period = fields.String(required=True)
    nth = fields.Integer(
        required=True, metadata={"description": "Of the month, from 1."}
    )
    first_on = fields.Date(required=True, data_key="from")
    last_on = fields.Date(required=True, data_key="to")
    status = fields.String(required=True, validate=validate.OneOf(SHOWN_STATES))
    lines = fields.Integer(required=True)
    opening_fen = fields.Nested(MoneySchema, required=True, data_key="opening")
    receivable_fen = fields.Nested(MoneySchema, required=True, data_key="receivable")
    payable_fen = fields.Nested(MoneySchema, required=True, data_key="payable")
    adjusted_fen = fields.Nested(MoneySchema, required=True, data_key="adjusted")
    disputed_fen = fields.Nested(MoneySchema, required=True, data_key="disputed")
    due_fen = fields.Nested(MoneySchema, required=True, data_key="due")
    issued_at = fields.AwareDateTime(required=True, format="iso")
    disputable_until = fields.Date(required=True)
    call_on = fields.Date(required=True)


class IssuedSumSchema(Open):
    """All lines of one kind, at one version of its rate."""

    kind = fields.String(required=True, validate=validate.OneOf(LINE_KINDS))
    unit = fields.String(required=True, allow_none=True)
    rate_version = fields.String(required=True, allow_none=True)
    lines = fields.Integer(required=True)
    units = fields.Integer(required=True)
    fee_fen = fields.Nested(MoneySchema, required=True, data_key="service_amount")
    fen = fields.Nested(MoneySchema, required=True, data_key="amount")


class WholeIssuedSchema(IssuedSchema):
    """A statement with what its lines come to."""

    sums = fields.List(fields.Nested(IssuedSumSchema), required=True)


class IssuedLineSchema(Open):
    """One event, priced: units at a price in fen for so many, billed in per cent."""

    line = fields.Integer(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(LINE_KINDS))
    event_ref = fields.String(required=True)
    about = fields.String(required=True)
    booked_on = fields.Date(required=True)
    happened_on = fields.Date(required=True)
    rate_version = fields.String(required=True, allow_none=True)
    unit = fields.String(required=True, allow_none=True)
    units = fields.Integer(required=True)
    price_fen_num = fields.Integer(required=True)
    price_fen_den = fields.Integer(required=True)
    billing_pct = fields.Integer(required=True)
    service_amount = fields.Nested(MoneySchema, required=True)
    amount = fields.Nested(MoneySchema, required=True)


@bp.get("/v1/statements")
@requires_scope("statements:read")
@contract(
    does=("查看已签发的结算单", "List the statements that were issued"),
    asks=PageSchema,
    gives={200: list_of(IssuedSchema, "Statements")},
    refuses=("bad_cursor",),
)
def list_statements(session: Session, asked: Mapping[str, Any]) -> Given:
    """List the partner's statements, the last issued first."""
    found = reading.shown(
        session,
        partner=caller().partner,
        after=place_of(asked["cursor"]),
        limit=asked["limit"] + 1,
    )
    body = page(found, limit=asked["limit"], place=lambda one: one.statement_id)
    return Given(body | {"data": [_told(one) for one in found[: asked["limit"]]]})


@bp.get(_ONE)
@requires_scope("statements:read")
@contract(
    does=("查看一份已签发的结算单", "Read a statement that was issued"),
    gives={200: WholeIssuedSchema},
    refuses=_REFUSES,
)
def show_issued_statement(session: Session, period: str, nth: str) -> Given:
    """Show a statement of the partner with its sums."""
    found = _shown(session, period, nth)
    sums = reading.sums(session, statement_id=found.statement_id)
    return Given(_told(found) | {"sums": sums})


@bp.get(f"{_ONE}/lines")
@requires_scope("statements:read")
@contract(
    does=("查看结算单明细", "Read the lines of a statement"),
    asks=PageSchema,
    gives={200: list_of(IssuedLineSchema, "StatementLines")},
    refuses=(*_REFUSES, "bad_cursor"),
)
def list_statement_lines(
    session: Session, asked: Mapping[str, Any], period: str, nth: str
) -> Given:
    """List the lines of a statement in their order."""
    statement = _shown(session, period, nth)
    found = reading.lines(
        session,
        statement_id=statement.statement_id,
        after=place_of(asked["cursor"]) or 0,
        limit=asked["limit"] + 1,
    )
    body = page(found, limit=asked["limit"], place=lambda one: one.line_no)
    return Given(body | {"data": [_line(one) for one in found[: asked["limit"]]]})


@bp.get(f"{_ONE}/lines.csv")
@requires_scope("statements:read")
@contract(
    does=("下载结算单明细 CSV", "Download the lines of a statement as CSV"),
    gives={200: None},
    file="text/csv",
    refuses=_REFUSES,
)
def download_statement_lines(session: Session, period: str, nth: str) -> Given:
    """Return all lines of a statement as CSV."""
    found = _shown(session, period, nth)
    lines = reading.lines(session, statement_id=found.statement_id, limit=None)
    return Given(statement_csv(lines))


@bp.get(f"{_ONE}/paper.pdf")
@requires_scope("statements:read")
@contract(
    does=("下载结算单 PDF", "Download a statement as PDF"),
    gives={200: None},
    file="application/pdf",
    refuses=_REFUSES,
)
def download_statement_paper(session: Session, period: str, nth: str) -> Given:
    """Return a statement as it is printed."""
    found = _shown(session, period, nth)
    sums: list[Sum] = reading.sums(session, statement_id=found.statement_id)
    name = partner_of(session, code=found.partner).name
    return Given(statement_paper(found, name=name, sums=sums, drawn_at=now()))


@bp.post(f"{_ONE}/agreement")
@requires_scope("disputes:write")
@contract(
    does=("确认结算单", "Agree to a statement"),
    gives={200: IssuedSchema},
    refuses=(*_REFUSES, "statement_moved_on", "disputes_open"),
)
def agree_to_statement(session: Session, period: str, nth: str) -> Given:
    """Take in that the partner agrees; it may be netted then, and disputed no more."""
    found = agree(
        session,
        statement_id=_shown(session, period, nth).statement_id,
        actor=f"client:{caller().client_id}",
        at=now(),
    )
    return Given(_told(found))


def _shown(session: Session, period: str, nth: str) -> SettlementStatement:
    """Return a statement that was issued to the partner.

    Raises `BadPeriod` and `UnknownStatement`.
    """
    month = month_named(period)
    if not (nth.isascii() and nth.isdecimal() and len(nth) <= _NTH_DIGITS):
        raise UnknownStatement
    return reading.shown_one(
        session, partner=caller().partner, period=month, nth=int(nth)
    )


def _told(one: SettlementStatement) -> dict[str, object]:
    return {
        "period": f"{one.period:%Y-%m}",
        "nth": one.nth,
        "first_on": one.first_on,
        "last_on": one.last_on,
        "status": one.state,
        "lines": one.lines,
        "opening_fen": one.opening_fen,
        "receivable_fen": one.receivable_fen,
        "payable_fen": one.payable_fen,
        "adjusted_fen": one.adjusted_fen,
        "disputed_fen": one.disputed_fen,
        "due_fen": one.due_fen,
        "issued_at": one.issued_at,
        "disputable_until": one.disputable_until,
        "call_on": one.call_on,
    }


def _line(one: StatementLine) -> dict[str, object]:
    return {
        "line": one.line_no,
        "kind": one.kind,
        "event_ref": event_name(one),
        "about": one.about,
        "booked_on": one.effective_on,
        "happened_on": one.occurred_on,
        "rate_version": one.rate_version,
        "unit": one.unit,
        "units": one.units,
        "price_fen_num": one.price_num,
        "price_fen_den": one.price_den,
        "billing_pct": one.billing_pct,
        "service_amount": one.fee_fen,
        "amount": one.fen,
    }
