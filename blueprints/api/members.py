"""What partners may see of members who are linked to them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from marshmallow import fields
from sqlalchemy.orm import Session

from blueprints.api import bp
from blueprints.api.contract import Given, contract
from blueprints.api.paging import PageSchema, list_of, page, place_of
from blueprints.api.shapes import Open
from blueprints.oauth.protecting import caller, requires_scope
from ledger.book import Book
from loyalty.alliance.errors import NotLinked
from loyalty.alliance.queries import member_linked_to
from loyalty.clock import business_date, now
from loyalty.linking.queries import may
from loyalty.points.queries import standing


class UnitSchema(Open):
    """What a member has in one unit."""

    unit = fields.String(required=True)
    spendable = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    held = fields.Integer(required=True)
    owed = fields.Integer(required=True)


class ComponentSchema(Open):
    """Spendable points alike in issuer and last good day, the first to go first."""

    unit = fields.String(required=True)
    issuer = fields.String(required=True)
    points = fields.Integer(required=True)
    expires_on = fields.String(
        required=True, allow_none=True, metadata={"format": "date"}
    )


class BalancesSchema(Open):
    """What a member has: as one figure, by unit, and by what it is made of."""

    member_ref = fields.String(required=True)
    spendable = fields.Integer(required=True)
    units = fields.List(fields.Nested(UnitSchema), required=True)
    components = fields.List(fields.Nested(ComponentSchema), required=True)
    expiring_next = fields.Nested(ComponentSchema, required=True, allow_none=True)


class EntrySchema(Open):
    """A movement of points in a member's book."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    unit = fields.String(required=True)
    points = fields.Integer(
        required=True, metadata={"description": "Positive: they came."}
    )
    effective_on = fields.Date(required=True)
    occurred_at = fields.AwareDateTime(required=True, format="iso")


@bp.get("/v1/members/<member_ref>/balances")
@requires_scope("balances:read")
@contract(
    does=("查看已关联会员的余额", "Read what a linked member has"),
    gives={200: BalancesSchema},
    refuses=("not_linked",),
)
def show_balances(session: Session, member_ref: str) -> Given:
    """Tell what a linked member has: as one figure, and what it is made of."""
    linked(session, member_ref)
    return Given(balances_of(session, member_ref))


@bp.get("/v1/members/<member_ref>/entries")
@requires_scope("balances:read")
@contract(
    does=(
        "查看已关联会员的积分明细",
        "Read the entries of a linked member, newest first",
    ),
    asks=PageSchema,
    gives={200: list_of(EntrySchema, "EntryPage")},
    refuses=("not_linked",),
)
def list_entries(session: Session, asked: Mapping[str, Any], member_ref: str) -> Given:
    """List how a linked member's points came and went, the newest first."""
    member_id = linked(session, member_ref)
    before = place_of(asked["cursor"])
    rows = Book(session).statement(
        member_id,
        before=None if before is None else (UUID(before[0]), int(before[1])),
        limit=asked["limit"] + 1,
    )
    found = page(rows, limit=asked["limit"], place=lambda row: [row.id, row.line])
    found["data"] = [
        {
            "id": f"{row.id}.{row.line}",
            "kind": row.kind,
            "unit": row.unit,
            "points": row.amount if row.credit == "available" else -row.amount,
            "effective_on": row.effective_on,
            "occurred_at": row.occurred_at,
        }
        for row in rows[: asked["limit"]]
    ]
    return Given(found)


def balances_of(session: Session, member_ref: str) -> dict[str, Any]:
    """Return what a member has: as one figure, and what it is made of."""
    found: Mapping[str, Any] = standing(session, member_ref=member_ref)
    today = business_date().isoformat()
    components = _components(found["lots"], today=today)
    expiring = [part for part in components if part["expires_on"] is not None]
    return {
        "member_ref": member_ref,
        "spendable": sum(part["points"] for part in components),
        "units": [
            {
                "unit": unit,
                "spendable": sum(
                    part["points"] for part in components if part["unit"] == unit
                ),
                "pending": balance["pending"],
                "held": balance["held"],
                "owed": balance["owed"],
            }
            for unit, balance in found["balances"].items()
        ],
        "components": components,
        "expiring_next": expiring[0] if expiring else None,
    }


def linked(session: Session, member_ref: str) -> int:
    """Return the member, if they are linked and let the caller see their points.

    Raises `NotLinked` for everybody else, members or not.
    """
    who = caller()
    found = member_linked_to(session, partner=who.partner, member_ref=member_ref)
    allowed = may(
        session, partner=who.partner, member_id=found, kind="balance.read", at=now()
    )
    if not allowed or who.member_id not in (None, found):
        raise NotLinked
    return found


def _components(
    lots: Sequence[Mapping[str, Any]], *, today: str
) -> list[dict[str, Any]]:
    """Return lots that can be spent today, alike ones together, in order of drawing."""
    parts: dict[tuple[str, str, str | None], int] = {}
    for lot in lots:
        if lot["expires_on"] is not None and lot["expires_on"] < today:
            continue
        key = (lot["unit"], lot["issuer"], lot["expires_on"])
        parts[key] = parts.get(key, 0) + lot["units_left"]
    return [
        {"unit": unit, "issuer": issuer, "points": points, "expires_on": expires_on}
        for (unit, issuer, expires_on), points in parts.items()
    ]
