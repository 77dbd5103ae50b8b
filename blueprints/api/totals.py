"""A merchant's end of day: what its tills added up to, beside what we have."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.shapes import (
    POINTS_MAX,
    Closed,
    Money,
    MoneySchema,
    Open,
    Whole,
    written,
)
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.breaks.rules import DIFFERENCES
from loyalty.clock import now
from loyalty.feeds.kinds import DAY
from loyalty.settlement.tills import KINDS, compare_day
from partners.ports import Tally


class TallySchema(Closed):
    """How many, how many points, and what they paid at the till."""

    count = Whole(required=True, validate=validate.Range(0, POINTS_MAX))
    points = Whole(required=True, validate=validate.Range(0, POINTS_MAX))
    amount = fields.Nested(MoneySchema, required=True)


class TillTotalsSchema(Closed):
    """A day: captures, what was given back the same day, and what was later."""

    day = written(DAY, format_="date", required=True)
    sales = fields.Nested(TallySchema, required=True)
    voids = fields.Nested(TallySchema, required=True)
    refunds = fields.Nested(TallySchema, required=True)


class OurTallySchema(Open):
    """The same, as we have it."""

    count = fields.Integer(required=True)
    points = fields.Integer(required=True)
    amount = fields.Nested(MoneySchema, required=True)


class OurDaySchema(Open):
    """The day, as we have it."""

    sales = fields.Nested(OurTallySchema, required=True)
    voids = fields.Nested(OurTallySchema, required=True)
    refunds = fields.Nested(OurTallySchema, required=True)


class TotalDifferenceSchema(Open):
    """A kind of total that differs, and how."""

    of = fields.String(required=True, validate=validate.OneOf(KINDS))
    break_code = fields.String(required=True, validate=validate.OneOf(DIFFERENCES))


class ComparedSchema(Open):
    """Whether both sides have the same day."""

    day = fields.String(required=True)
    agreed = fields.Boolean(required=True)
    ours = fields.Nested(OurDaySchema, required=True)
    differences = fields.List(fields.Nested(TotalDifferenceSchema), required=True)


@bp.post("/v1/till-totals")
@requires_scope("redemptions:write")
@contract(
    does=("日终对总账", "Compare what the tills added up to on a day"),
    takes=TillTotalsSchema,
    gives={200: ComparedSchema},
    refuses=("day_ahead",),
)
def compare_till_totals(session: Session, asked: Mapping[str, Any]) -> Given:
    """Compare a day with ours; finance sees what differs. It may be told again."""
    compared = compare_day(
        session,
        partner=caller().partner,
        day=date.fromisoformat(asked["day"]),
        theirs={kind: _tally(asked[kind]) for kind in KINDS},
        subject="till_totals",
        actor=f"client:{caller().client_id}",
        at=now(),
    )
    return Given(
        {
            "day": asked["day"],
            "agreed": not compared.differences,
            "ours": {
                kind: {
                    "count": tally.count,
                    "points": tally.points,
                    "amount": tally.amount_fen,
                }
                for kind, tally in compared.ours.items()
            },
            "differences": [
                {"of": one.reference, "break_code": one.code}
                for one in compared.differences
            ],
        },
        200,
    )


def _tally(told: Mapping[str, Any]) -> Tally:
    amount: Money = told["amount"]
    return Tally(told["count"], told["points"], amount.fen)
