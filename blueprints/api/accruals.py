"""Activities that earn points, one by one or in batches, and what takes them back."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from flask import url_for
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN, name_of, ref_of
from blueprints.api.shapes import (
    Closed,
    Money,
    MoneySchema,
    Open,
    Whole,
    written,
)
from blueprints.oauth.protecting import caller, requires_scope
from loyalty.accrual.errors import (
    TotalsDisagree,
    UnknownAccount,
    UnknownAccrual,
    ZeroAmount,
    refusal,
)
from loyalty.accrual.queries import Activity, activities, original_of
from loyalty.clock import now
from loyalty.feeds.formats import ACTIVITIES, FEEDS
from loyalty.feeds.kinds import CATEGORY, DAY, REF
from loyalty.feeds.lines import LineAnswer, book_lines
from loyalty.feeds.models import PartnerBatch
from loyalty.linking.queries import linked_member

LINES_MAX: Final = 1_000
_PREFIX: Final = "acc"
_ACTIVITIES: Final = FEEDS["activities"]
_ACCOUNT_AT: Final = [column.name for column in _ACTIVITIES.columns].index(
    "account_ref"
)


class AccrualSchema(Closed):
    """Something a member did that may earn points; a refund is negative."""

    partner_ref = written(REF, pattern=REF_PATTERN, required=True)
    account_ref = written(REF, pattern=REF_PATTERN, required=True)
    activity = fields.String(required=True, validate=validate.OneOf(ACTIVITIES))
    occurred_on = written(DAY, format_="date", required=True)
    amount = fields.Nested(MoneySchema, required=True)
    mcc = written(CATEGORY, pattern="^[0-9]{4}$", load_default="")
    original_ref = written(REF, pattern=REF_PATTERN, load_default="")


class AccrualBatchSchema(Closed):
    """Accruals with their control totals."""

    batch_ref = written(REF, pattern=REF_PATTERN, required=True)
    line_count = Whole(required=True, validate=validate.Range(1, LINES_MAX))
    amount_total = fields.Nested(MoneySchema, required=True)
    lines = fields.List(
        fields.Nested(AccrualSchema),
        required=True,
        validate=validate.Length(1, LINES_MAX),
    )


class ReversalSchema(Closed):
    """What is taken back of an accrual; without an amount, all that is left."""

    partner_ref = written(REF, pattern=REF_PATTERN, required=True)
    original_ref = written(REF, pattern=REF_PATTERN, required=True)
    amount = fields.Nested(MoneySchema, load_default=None)


class PostedSchema(Open):
    """An accrual, or what took one back: then points are negative."""

    id = fields.String(required=True)
    partner_ref = fields.String(required=True)
    status = fields.String(required=True, validate=validate.Equal("posted"))
    points = fields.Integer(required=True)
    unit = fields.String(required=True)
    explain_url = fields.String(required=True)


class LineSchema(Open):
    """What became of a line of a batch."""

    partner_ref = fields.String(required=True)
    status = fields.String(
        required=True, validate=validate.OneOf(["posted", "already_booked", "rejected"])
    )
    points = fields.Integer()
    unit = fields.String()
    code = fields.String()


class BatchAnswerSchema(Open):
    """One answer for each line, in the order sent."""

    batch_ref = fields.String(required=True)
    lines = fields.List(fields.Nested(LineSchema), required=True)


class ExplainedSchema(PostedSchema):
    """Why an accrual earned what it did."""

    activity = fields.String(required=True)
    occurred_on = fields.Date(required=True)
    amount = fields.Nested(MoneySchema, required=True)
    refunded = fields.Nested(MoneySchema, required=True)
    original_ref = fields.String(required=True, allow_none=True)
    rule_version = fields.Integer(required=True)
    points_per_step = fields.Integer(
        required=True, metadata={"description": "Zero: its category is excluded."}
    )
    step = fields.Nested(MoneySchema, required=True)


@bp.post("/v1/accruals")
@requires_scope("accruals:write")
@contract(
    does=("记入一笔积分活动", "Post an activity that earns points"),
    takes=AccrualSchema,
    gives={201: PostedSchema},
    refuses=(
        "unknown_account",
        "no_terms",
        "block_empty",
        "credit_used_up",
        "reference_reused",
    ),
)
def create_accrual(session: Session, asked: Mapping[str, Any]) -> Given:
    """Post an activity; its reference seen before has the first result."""
    return post_line(session, asked["partner_ref"], row_of(asked))


@bp.post("/v1/accrual-batches")
@requires_scope("accruals:write")
@contract(
    does=("成批记入积分活动", "Post up to 1,000 activities, each answered on its own"),
    takes=AccrualBatchSchema,
    gives={200: BatchAnswerSchema},
    refuses=("totals_disagree",),
)
def create_accrual_batch(session: Session, asked: Mapping[str, Any]) -> Given:
    """Post a batch of activities; answer each line in the order it came."""
    lines: Sequence[Mapping[str, Any]] = asked["lines"]
    _check_totals(asked)
    answers = _book(session, [row_of(line) for line in lines], asked["batch_ref"])
    known = activities(
        session,
        partner=caller().partner,
        partner_refs={line["partner_ref"] for line in lines},
    )
    told = [
        _line(line["partner_ref"], answer, known)
        for line, answer in zip(lines, answers, strict=True)
    ]
    return Given({"batch_ref": asked["batch_ref"], "lines": told})


@bp.post("/v1/reversals")
@requires_scope("accruals:write")
@contract(
    does=("冲正积分活动", "Take an accrual back, all or a part of it"),
    takes=ReversalSchema,
    gives={201: PostedSchema},
    refuses=("unknown_original", "refund_exceeds_original", "reference_reused"),
)
def create_reversal(session: Session, asked: Mapping[str, Any]) -> Given:
    """Take an accrual back; what is taken in all never exceeds the original."""
    told: Money | None = asked["amount"]
    original = original_of(
        session,
        partner=caller().partner,
        original_ref=asked["original_ref"],
        reversal_ref=asked["partner_ref"],
    )
    if told is not None and told.fen <= 0:
        raise ZeroAmount
    fen = original.rest_fen if told is None else told.fen
    row = [
        asked["partner_ref"],
        caller().partner,
        original.account_ref,
        original.activity,
        (original.reversed_on or now().date()).isoformat(),
        Money(-fen, "CNY").written,
        "CNY" if told is None else told.currency,
        "",
        asked["original_ref"],
    ]
    return post_line(session, asked["partner_ref"], row)


@bp.get("/v1/accruals/<accrual_id>")
@requires_scope("accruals:write")
@contract(
    does=(
        "说明一笔活动得了多少积分及其原因",
        "Explain why an accrual earned its points",
    ),
    gives={200: ExplainedSchema},
    refuses=("unknown_accrual",),
)
def show_accrual(session: Session, accrual_id: str) -> Given:
    """Tell the terms and the amounts that an accrual was decided by."""
    known = activity_of(session, accrual_id)
    return Given(
        _told(known)
        | {
            "activity": known.activity,
            "occurred_on": known.occurred_on,
            "amount": known.amount_fen,
            "refunded": known.refunded_fen,
            "original_ref": known.original_ref,
            "rule_version": known.rule_version,
            "points_per_step": known.points_per,
            "step": known.per_fen,
        }
    )


def row_of(line: Mapping[str, Any]) -> list[str]:
    """Lay a line out as the feed has it; who the partner is comes from the token."""
    amount: Money = line["amount"]
    return [
        line["partner_ref"],
        caller().partner,
        line["account_ref"],
        line["activity"],
        line["occurred_on"],
        amount.written,
        amount.currency,
        line["mcc"],
        line["original_ref"],
    ]


def _check_totals(asked: Mapping[str, Any]) -> None:
    count, total = (
        len(asked["lines"]),
        sum(line["amount"].fen for line in asked["lines"]),
    )
    said: Money = asked["amount_total"]
    if (asked["line_count"], said.fen) != (count, total):
        raise TotalsDisagree(
            line_count=count, amount_total=Money(total, said.currency).written
        )


def _book(
    session: Session, rows: Sequence[Sequence[str]], batch_ref: str | None
) -> list[LineAnswer]:
    _check_own(session, {row[_ACCOUNT_AT] for row in rows})
    batch = PartnerBatch(
        client_id=caller().client_id,
        partner=caller().partner,
        batch_ref=batch_ref,
        lines=len(rows),
        called_at=now(),
    )
    return book_lines(session, _ACTIVITIES, rows, batch=batch)


def _check_own(session: Session, account_refs: Collection[str]) -> None:
    """Make sure that a token which a member gave is used for that member alone.

    Raises `UnknownAccount`.
    """
    who = caller()
    if who.member_id is None:
        return
    for account_ref in account_refs:
        owner = linked_member(session, partner=who.partner, account_ref=account_ref)
        if owner != who.member_id:
            raise UnknownAccount


def post_line(session: Session, partner_ref: str, row: Sequence[str]) -> Given:
    """Book a single line, and tell what was posted, now or the first time.

    Raises the error that its reason stands for.
    """
    told = _told(_posted(session, partner_ref, row))
    return Given(told, 201, location=str(told["explain_url"]))


def post_activity(session: Session, line: Mapping[str, Any]) -> Activity:
    """Post an activity of the caller's, a line as `AccrualSchema` loads it.

    Raises the error that its reason stands for.
    """
    return _posted(session, line["partner_ref"], row_of(line))


def activity_of(session: Session, accrual_id: str) -> Activity:
    """Return the activity of the caller's that a name stands for.

    Raises `UnknownAccrual`.
    """
    partner_ref = ref_of(_PREFIX, accrual_id) or ""
    found = activities(session, partner=caller().partner, partner_refs=[partner_ref])
    known = found.get(partner_ref)
    if known is None or caller().member_id not in (None, known.member_id):
        raise UnknownAccrual
    return known


def accrual_id_of(known: Activity) -> str:
    """Return the name of an activity."""
    return name_of(_PREFIX, known.partner_ref)


def _posted(session: Session, partner_ref: str, row: Sequence[str]) -> Activity:
    (answer,) = _book(session, [row], None)
    if answer.reason is not None:
        raise refusal(answer.reason, partner=caller().partner)
    found = activities(session, partner=caller().partner, partner_refs=[partner_ref])
    return found[partner_ref]


def _line(
    partner_ref: str, answer: LineAnswer, known: Mapping[str, Activity]
) -> dict[str, object]:
    if answer.reason is not None:
        return {
            "partner_ref": partner_ref,
            "status": "rejected",
            "code": answer.reason,
        }
    told = _told(known[partner_ref])
    status = "posted" if answer.outcome == "booked" else answer.outcome
    return {name: told[name] for name in ("partner_ref", "points", "unit")} | {
        "status": status
    }


def _told(known: Activity) -> dict[str, object]:
    accrual_id = accrual_id_of(known)
    return {
        "id": accrual_id,
        "partner_ref": known.partner_ref,
        "status": "posted",
        "points": known.points if known.original_ref is None else -known.points,
        "unit": known.unit,
        "explain_url": url_for("api.show_accrual", accrual_id=accrual_id),
    }
