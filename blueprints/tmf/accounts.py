"""Members whom a partner may see, their accounts, and what they are made of."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final

from flask import url_for
from marshmallow import fields
from sqlalchemy.orm import Session

from blueprints.api.contract import Given, contract
from blueprints.api.members import balances_of, linked
from blueprints.api.naming import REF_PATTERN
from blueprints.api.shapes import Open, written
from blueprints.oauth.protecting import caller, requires_scope
from blueprints.tmf import bp
from blueprints.tmf.errors import UnknownBalance
from blueprints.tmf.listing import (
    ListSchema,
    SelectionSchema,
    listed,
    part_of,
    selected,
)
from blueprints.tmf.programmes import PROGRAMME
from blueprints.tmf.shapes import (
    POINTS,
    EntitySchema,
    LinkSchema,
    PeriodSchema,
    QuantitySchema,
    entity,
    link,
)
from loyalty.clock import now
from loyalty.feeds.kinds import REF
from loyalty.linking.queries import Seen, may, seen_members
from loyalty.points.queries import standing
from loyalty.settings import TIME_ZONE

_JOINT: Final = "~"  # in no code of a unit or a partner
_LAST: Final = time(23, 59, 59)


class MemberSchema(EntitySchema):
    """A member; a list tells the account, and one alone whether they take part."""

    status = fields.String()
    account = fields.Nested(
        LinkSchema, attribute="loyaltyAccount", data_key="loyaltyAccount"
    )
    programme = fields.Nested(
        LinkSchema, attribute="loyaltyProgram", data_key="loyaltyProgram"
    )


class BalanceSchema(EntitySchema):
    """Spendable points alike in unit, issuer and last good day."""

    member = fields.Nested(
        LinkSchema, attribute="loyaltyProgramMember", data_key="loyaltyProgramMember"
    )
    account = fields.Nested(
        LinkSchema, attribute="loyaltyAccount", data_key="loyaltyAccount"
    )
    issuer = fields.String()
    quantity = fields.Nested(QuantitySchema)
    valid_for = fields.Nested(PeriodSchema, attribute="validFor", data_key="validFor")


class UnitSchema(Open):
    """What a member can spend of one unit."""

    units = fields.String(required=True)
    amount = fields.Integer(required=True)


class AccountSchema(EntitySchema):
    """A member's account; a list tells whose it is, and no balances."""

    member = fields.Nested(
        LinkSchema, attribute="loyaltyProgramMember", data_key="loyaltyProgramMember"
    )
    programme = fields.Nested(
        LinkSchema, attribute="loyaltyProgram", data_key="loyaltyProgram"
    )
    quantity = fields.Nested(QuantitySchema)
    balance = fields.List(fields.Nested(UnitSchema))
    balances = fields.List(
        fields.Nested(BalanceSchema),
        attribute="loyaltyBalance",
        data_key="loyaltyBalance",
    )


class BalanceListSchema(ListSchema):
    """Which balances of whom."""

    member_ref = written(
        REF,
        pattern=REF_PATTERN,
        required=True,
        data_key="loyaltyProgramMember.id",
    )


@bp.get("/loyaltyProgramMember")
@requires_scope("balances:read")
@contract(
    does=("查看同意披露的会员", "List the members who let the partner see them"),
    asks=ListSchema,
    gives={200: MemberSchema},
)
def list_members(session: Session, asked: Mapping[str, Any]) -> Given:
    """List who is linked and said yes, by number."""
    found = _seen(session, asked)
    rows = [_member(member_ref) for member_ref in found.member_refs]
    return Given(listed(rows, asked, total=found.total))


@bp.get("/loyaltyProgramMember/<id_>")
@requires_scope("balances:read")
@contract(
    does=("查看一位会员", "Show a member"),
    asks=SelectionSchema,
    gives={200: MemberSchema},
    refuses=("not_linked",),
)
def show_member(session: Session, asked: Mapping[str, Any], id_: str) -> Given:
    """Show a member who is linked and said yes.

    That somebody has left is told to whom the member lets it be told, and else nothing.
    """
    member_id, told = linked(session, id_), _member(id_)
    if may(
        session,
        partner=caller().partner,
        member_id=member_id,
        kind="churn.notify",
        at=now(),
    ):
        has_left = standing(session, member_ref=id_)["left_on"] is not None
        told |= {"status": "terminated" if has_left else "active"}
    return Given(selected(told, asked))


@bp.get("/loyaltyAccount")
@requires_scope("balances:read")
@contract(
    does=("查看同意披露的账户", "List the accounts that the partner may see"),
    asks=ListSchema,
    gives={200: AccountSchema},
)
def list_accounts(session: Session, asked: Mapping[str, Any]) -> Given:
    """List the accounts of who is linked and said yes, by number."""
    found = _seen(session, asked)
    rows = [_account(member_ref) for member_ref in found.member_refs]
    return Given(listed(rows, asked, total=found.total))


@bp.get("/loyaltyAccount/<id_>")
@requires_scope("balances:read")
@contract(
    does=("查看账户及其余额", "Show an account with its balances"),
    asks=SelectionSchema,
    gives={200: AccountSchema},
    refuses=("not_linked",),
)
def show_account(session: Session, asked: Mapping[str, Any], id_: str) -> Given:
    """Show what a member has, as one figure, by unit, and by what it is made of."""
    linked(session, id_)
    found = balances_of(session, id_)
    told = _account(id_) | {
        "quantity": {"unit": POINTS, "value": found["spendable"]},
        "balance": [
            {"units": part["unit"], "amount": part["spendable"]}
            for part in found["units"]
        ],
        "loyaltyBalance": [_balance(id_, part) for part in found["components"]],
    }
    return Given(selected(told, asked))


@bp.get("/loyaltyBalance")
@requires_scope("balances:read")
@contract(
    does=("查看一位会员的余额构成", "List what a member's points are made of"),
    asks=BalanceListSchema,
    gives={200: BalanceSchema},
    refuses=("not_linked",),
)
def list_balances(session: Session, asked: Mapping[str, Any]) -> Given:
    """List a member's points by unit, issuer and last good day, first to go first."""
    return Given(part_of(_balances(session, asked["member_ref"]), asked))


@bp.get("/loyaltyBalance/<id_>")
@requires_scope("balances:read")
@contract(
    does=("查看一项余额", "Show a part of a member's points"),
    asks=SelectionSchema,
    gives={200: BalanceSchema},
    refuses=("not_linked", "unknown_balance"),
)
def show_balance(session: Session, asked: Mapping[str, Any], id_: str) -> Given:
    """Show points of one unit, issuer and last good day."""
    member_ref = id_.rsplit(_JOINT, 3)[0]
    for told in _balances(session, member_ref):
        if told["id"] == id_:
            return Given(selected(told, asked))
    raise UnknownBalance


def _seen(session: Session, asked: Mapping[str, Any]) -> Seen:
    who = caller()
    return seen_members(
        session,
        partner=who.partner,
        kind="balance.read",
        at=now(),
        only=who.member_id,
        offset=asked["offset"],
        limit=asked["limit"],
    )


def _balances(session: Session, member_ref: str) -> list[dict[str, Any]]:
    linked(session, member_ref)
    parts = balances_of(session, member_ref)["components"]
    return [_balance(member_ref, part) for part in parts]


def _member(member_ref: str) -> dict[str, Any]:
    href = url_for("tmf.show_member", id_=member_ref)
    return entity("LoyaltyProgramMember", member_ref, href) | {
        "loyaltyAccount": link("LoyaltyAccount", "show_account", member_ref),
        "loyaltyProgram": link("LoyaltyProgram", "show_programme", PROGRAMME),
    }


def _account(member_ref: str) -> dict[str, Any]:
    href = url_for("tmf.show_account", id_=member_ref)
    return entity("LoyaltyAccount", member_ref, href) | {
        "loyaltyProgramMember": link("LoyaltyProgramMember", "show_member", member_ref),
        "loyaltyProgram": link("LoyaltyProgram", "show_programme", PROGRAMME),
    }


def _balance(member_ref: str, part: Mapping[str, Any]) -> dict[str, Any]:
    expires_on: str | None = part["expires_on"]
    last_day = expires_on or "never"
    name = _JOINT.join((member_ref, part["unit"], part["issuer"], last_day))
    href = url_for("tmf.show_balance", id_=name)
    told = entity("LoyaltyBalance", name, href) | {
        "loyaltyProgramMember": link("LoyaltyProgramMember", "show_member", member_ref),
        "loyaltyAccount": link("LoyaltyAccount", "show_account", member_ref),
        "issuer": part["issuer"],
        "quantity": {"unit": part["unit"], "value": part["points"]},
    }
    if expires_on is not None:
        # Points are good through their last day.
        end = datetime.combine(date.fromisoformat(expires_on), _LAST, TIME_ZONE)
        told["validFor"] = {"end": end}
    return told
