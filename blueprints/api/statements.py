"""What a month came to for a partner, and what the partner disputes of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import url_for
from marshmallow import ValidationError, fields, validate
from sqlalchemy.orm import Session

from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN
from blueprints.api.problems import BadPeriod
from blueprints.api.shapes import (
    CURRENCY_CODE,
    Closed,
    Money,
    MoneySchema,
    Open,
    written,
)
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.breaks.rules import BREAKS
from loyalty.clock import business_date, now
from loyalty.feeds.kinds import MONTH, REF, TEXT, IllFormed
from loyalty.settlement.models import Dispute
from loyalty.settlement.operations import dispute_of, raise_dispute
from loyalty.settlement.queries import month_of
from loyalty.settlement.rules import STATES

_KINDS = (
    "accrued",
    "reversed",
    "redeemed",
    "returned",
    "exchanged_out",
    "exchanged_in",
)


class TotalSchema(Open):
    """Everything of one kind and unit."""

    kind = fields.String(required=True, validate=validate.OneOf(_KINDS))
    unit = fields.String(
        required=True, metadata={"description": "`*`: universal points of any unit."}
    )
    lines = fields.Integer(required=True)
    points = fields.Integer(required=True)
    amount_fen = fields.Nested(MoneySchema, required=True, data_key="amount")


class StatementSchema(Open):
    """What a month came to, by accounting day."""

    period = fields.String(required=True)
    partner = fields.String(required=True)
    totals = fields.List(fields.Nested(TotalSchema), required=True)


def _is_claim(claimed: Money) -> None:
    if claimed.fen < 0 or claimed.currency != CURRENCY_CODE:
        raise ValidationError("Not an amount of CNY that is owed less.")


class NewDisputeSchema(Closed):
    """What is wrong with a month."""

    break_code = fields.String(required=True, validate=validate.OneOf(BREAKS))
    reason = written(TEXT, required=True)
    partner_ref = written(REF, pattern=REF_PATTERN, load_default=None)
    amount = fields.Nested(
        MoneySchema,
        load_default=None,
        validate=_is_claim,
        metadata={"description": "What you should owe less, in CNY."},
    )


class DisputeSchema(Open):
    """Where a dispute stands."""

    id = fields.String(required=True)
    period = fields.String(required=True)
    break_code = fields.String(required=True)
    reason = fields.String(required=True)
    partner_ref = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(STATES))
    raised_at = fields.AwareDateTime(required=True, format="iso")
    answer = fields.String(required=True, allow_none=True)
    answered_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")
    claimed_fen = fields.Nested(
        MoneySchema, required=True, allow_none=True, data_key="claimed"
    )
    granted_fen = fields.Nested(
        MoneySchema, required=True, allow_none=True, data_key="granted"
    )


@bp.get("/v1/statements/<period>")
@requires_scope("statements:read")
@contract(
    does=("查看某月的结算汇总", "Read what a month came to, such as 2007-10"),
    gives={200: StatementSchema},
    refuses=("period_ahead", "bad_period"),
)
def show_statement(session: Session, period: str) -> Given:
    """Tell what the partner's members earned, spent and exchanged in a month."""
    totals = month_of(
        session,
        partner=caller().partner,
        period=month_named(period),
        today=business_date(),
    )
    body = {"period": period, "partner": caller().partner, "totals": totals}
    return Given(body)


@bp.post("/v1/statements/<period>/disputes")
@requires_scope("disputes:write")
@contract(
    does=("对某月结算提出异议", "Dispute something of a month"),
    takes=NewDisputeSchema,
    gives={201: DisputeSchema},
    refuses=("bad_period", "dispute_window_over", "statement_moved_on"),
)
def create_dispute(session: Session, asked: Mapping[str, Any], period: str) -> Given:
    """Take a dispute in; finance answers it."""
    dispute = raise_dispute(
        session,
        partner=caller().partner,
        period=month_named(period),
        partner_ref=asked["partner_ref"],
        break_code=asked["break_code"],
        reason=asked["reason"],
        claimed_fen=None if asked["amount"] is None else asked["amount"].fen,
        actor=f"client:{caller().client_id}",
        at=now(),
    )
    place = url_for("api.show_dispute", dispute_id=dispute.dispute_id)
    return Given(_told(dispute), 201, location=place)


@bp.get("/v1/disputes/<dispute_id>")
@requires_scope("disputes:write")
@contract(
    does=("查看异议", "Show where a dispute stands"),
    gives={200: DisputeSchema},
    refuses=("unknown_dispute",),
)
def show_dispute(session: Session, dispute_id: str) -> Given:
    """Show a dispute of the partner."""
    found = dispute_of(session, partner=caller().partner, dispute_id=dispute_id)
    return Given(_told(found))


def month_named(period: str) -> date:
    """Return the first day of a month.

    Raises `BadPeriod`.
    """
    try:
        return date.fromisoformat(MONTH.normal((period,))[0])
    except (IllFormed, ValueError) as error:
        raise BadPeriod from error


def _told(dispute: Dispute) -> dict[str, object]:
    return {
        "id": dispute.dispute_id,
        "period": f"{dispute.period:%Y-%m}",
        "break_code": dispute.break_code,
        "reason": dispute.reason,
        "partner_ref": dispute.partner_ref,
        "status": dispute.state,
        "raised_at": dispute.raised_at,
        "answer": dispute.answer,
        "answered_at": dispute.answered_at,
        "claimed_fen": dispute.claimed_fen,
        "granted_fen": dispute.granted_fen,
    }
