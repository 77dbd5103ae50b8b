"""Points at partners' tills, in two steps: authorize, then capture, cancel, refund."""

from collections.abc import Mapping
from typing import Any

from flask import url_for
from marshmallow import ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.naming import REF_PATTERN, name_of, ref_of
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
from loyalty.clock import now
from loyalty.feeds.kinds import REF
from loyalty.linking.queries import linked_member
from loyalty.redemption.errors import NoSuchAccount, UnknownRedemption
from loyalty.redemption.models import MerchantRedemption
from loyalty.redemption.till import (
    Move,
    Wish,
    authorize,
    cancel,
    capture_held,
    redemption_of,
    refund,
)

_PREFIX = "red"
_CARD = r"^[A-Za-z0-9._-]{1,32}/[!#-&(-+\--~]{1,64}$"


class RedemptionSchema(Closed):
    """Points to be spent, or an amount they shall pay; whose, by account or card."""

    partner_ref = written(REF, pattern=REF_PATTERN, required=True)
    account_ref = written(REF, pattern=REF_PATTERN, load_default=None)
    card_token = fields.String(
        load_default=None,
        validate=validate.Regexp(_CARD),
        metadata={"description": "The bank, a slash, and its token for the card."},
    )
    points = Whole(load_default=None, validate=validate.Range(1, POINTS_MAX))
    amount = fields.Nested(MoneySchema, load_default=None)
    partial_allowed = fields.Boolean(
        load_default=False, truthy={True}, falsy={False}, required=False
    )

    @validates_schema
    def _check(self, data: dict[str, Any], **_: object) -> None:
        if (data.get("account_ref") is None) == (data.get("card_token") is None):
            raise ValidationError("Either account_ref or card_token.", "account_ref")
        if (data.get("points") is None) == (data.get("amount") is None):
            raise ValidationError("Either points or amount.", "points")
        amount: Money | None = data.get("amount")
        if amount is not None and (amount.fen <= 0 or amount.currency != "CNY"):
            raise ValidationError("A positive amount in CNY.", "amount")


class RefundSchema(Closed):
    """How many points are given back."""

    points = Whole(required=True, validate=validate.Range(1, POINTS_MAX))


class RedemptionAnswerSchema(Open):
    """Where a redemption stands."""

    id = fields.String(required=True)
    partner_ref = fields.String(required=True)
    status = fields.String(
        required=True,
        validate=validate.OneOf(["authorized", "captured", "cancelled", "expired"]),
    )
    points = fields.Integer(required=True)
    refunded = fields.Integer(required=True)
    self_paid = fields.Nested(MoneySchema, required=True)
    expires_at = fields.AwareDateTime(required=True, format="iso")


@bp.post("/v1/redemptions")
@requires_scope("redemptions:write")
@contract(
    does=("预授权：在收银处留出积分", "Authorize: hold points for a till"),
    takes=RedemptionSchema,
    gives={201: RedemptionAnswerSchema},
    refuses=(
        "insufficient_points",
        "unknown_account",
        "account_closed",
        "no_till_terms",
        "reference_reused",
    ),
)
def create_redemption(session: Session, asked: Mapping[str, Any]) -> Given:
    """Hold points of a member, soonest-expiring first, until they are captured."""
    amount: Money | None = asked["amount"]
    redemption = authorize(
        session,
        Wish(
            partner=caller().partner,
            partner_ref=asked["partner_ref"],
            member_id=_whose(session, asked),
            points=asked["points"],
            amount_fen=None if amount is None else amount.fen,
            partial_allowed=asked["partial_allowed"],
            actor=f"client:{caller().client_id}",
            at=now(),
        ),
    )
    told = _told(redemption)
    place = url_for("api.show_redemption", redemption_id=told["id"])
    return Given(told, 201, location=place)


@bp.get("/v1/redemptions/<redemption_id>")
@requires_scope("redemptions:write")
@contract(
    does=("查看一笔积分支付", "Show where a redemption stands"),
    gives={200: RedemptionAnswerSchema},
    refuses=("unknown_redemption",),
)
def show_redemption(session: Session, redemption_id: str) -> Given:
    """Show a redemption of the partner."""
    return Given(_told(redemption_named(session, redemption_id)))


@bp.post("/v1/redemptions/<redemption_id>/capture")
@requires_scope("redemptions:write")
@contract(
    does=("请款：积分归商户", "Capture: let the points go to the partner"),
    gives={200: RedemptionAnswerSchema},
    refuses=("unknown_redemption", "authorization_expired", "redemption_moved_on"),
)
def capture_redemption(session: Session, redemption_id: str) -> Given:
    """Let held points go."""
    return Given(_told(capture_held(session, _move(redemption_id))))


@bp.post("/v1/redemptions/<redemption_id>/cancel")
@requires_scope("redemptions:write")
@contract(
    does=("撤销：积分全部退回", "Cancel or void: give all points back"),
    gives={200: RedemptionAnswerSchema},
    refuses=("unknown_redemption",),
)
def cancel_redemption(session: Session, redemption_id: str) -> Given:
    """Give all points back to the lots they came from."""
    return Given(_told(cancel(session, _move(redemption_id))))


@bp.post("/v1/redemptions/<redemption_id>/refunds")
@requires_scope("redemptions:write")
@contract(
    does=("退货：退回部分积分", "Refund: give some captured points back"),
    takes=RefundSchema,
    gives={200: RedemptionAnswerSchema},
    refuses=("unknown_redemption", "redemption_moved_on", "refund_too_large"),
)
def refund_redemption(
    session: Session, asked: Mapping[str, Any], redemption_id: str
) -> Given:
    """Give points back, the last drawn first, to the lots they came from."""
    move = _move(redemption_id)
    return Given(_told(refund(session, move, points=asked["points"])))


def redemption_id_of(redemption: MerchantRedemption) -> str:
    """Return the name of a redemption."""
    return name_of(_PREFIX, redemption.partner_ref)


def redemption_named(session: Session, redemption_id: str) -> MerchantRedemption:
    """Return the redemption of the caller's that a name stands for.

    Raises `UnknownRedemption`.
    """
    return redemption_of(
        session, partner=caller().partner, partner_ref=_ref(redemption_id)
    )


def _whose(session: Session, asked: Mapping[str, Any]) -> int:
    """Return the member who pays, by their account here or by a card of theirs."""
    partner, account_ref = caller().partner, asked["account_ref"]
    if account_ref is None:
        partner, _, account_ref = asked["card_token"].partition("/")
    found = linked_member(session, partner=partner, account_ref=account_ref)
    if found is None:
        raise NoSuchAccount
    return found


def _move(redemption_id: str) -> Move:
    return Move(
        partner=caller().partner,
        partner_ref=_ref(redemption_id),
        actor=f"client:{caller().client_id}",
        at=now(),
    )


def _ref(redemption_id: str) -> str:
    ref = ref_of(_PREFIX, redemption_id)
    if ref is None:
        raise UnknownRedemption
    return ref


def _told(redemption: MerchantRedemption) -> dict[str, object]:
    return {
        "id": redemption_id_of(redemption),
        "partner_ref": redemption.partner_ref,
        "status": redemption.state,
        "points": redemption.points,
        "refunded": redemption.refunded,
        "self_paid": redemption.self_paid_fen,
        "expires_at": redemption.expires_at,
    }
