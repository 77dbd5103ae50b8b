"""The programme there is, and the programme as a specification."""

from collections.abc import Mapping
from typing import Any, Final

from flask import url_for
from marshmallow import fields
from sqlalchemy.orm import Session

from blueprints.api.contract import Given, contract
from blueprints.api.shapes import Open
from blueprints.oauth.protecting import requires_scope
from blueprints.tmf import bp
from blueprints.tmf.errors import UnknownProgramme
from blueprints.tmf.listing import ListSchema, SelectionSchema, part_of, selected
from blueprints.tmf.shapes import EntitySchema, entity
from loyalty.points.entries import UNIVERSAL
from loyalty.rules.queries import programme_terms

PROGRAMME: Final = "jifen"
_SPEC: Final = "universal"


class CharacteristicSchema(Open):
    """Something that holds of a programme."""

    name = fields.String(required=True)
    value = fields.Raw(required=True)


class ProgrammeSchema(EntitySchema):
    """A loyalty programme, and the terms in force."""

    name = fields.String()
    version = fields.String()
    characteristic = fields.List(fields.Nested(CharacteristicSchema))


class SpecSchema(Open):
    """A programme."""

    id = fields.String(required=True)
    href = fields.String(required=True)
    name = fields.String(required=True)
    type_ = fields.String(required=True, data_key="@type")


@bp.get("/loyaltyProgram")
@requires_scope("balances:read")
@contract(
    does=("查看积分计划", "List the programmes there are"),
    asks=ListSchema,
    gives={200: ProgrammeSchema},
)
def list_programmes(session: Session, asked: Mapping[str, Any]) -> Given:
    """List the one programme."""
    return Given(part_of([_told(session)], asked))


@bp.get("/loyaltyProgram/<id_>")
@requires_scope("balances:read")
@contract(
    does=("查看一个积分计划", "Show the terms of a programme"),
    asks=SelectionSchema,
    gives={200: ProgrammeSchema},
    refuses=("unknown_programme",),
)
def show_programme(session: Session, asked: Mapping[str, Any], id_: str) -> Given:
    """Show the programme."""
    if id_ != PROGRAMME:
        raise UnknownProgramme
    return Given(selected(_told(session), asked))


@bp.get("/loyaltyProgramProductSpec/<spec_id>")
@requires_scope("catalogue:read")
@contract(
    does=("查看积分计划", "Show the programme"),
    gives={200: SpecSchema},
    refuses=("unknown_programme",),
)
def show_spec(session: Session, spec_id: str) -> Given:
    """Show the one programme there is.

    Raises `UnknownProgramme` for every other name.
    """
    del session
    if spec_id != _SPEC:
        raise UnknownProgramme
    place = url_for("tmf.show_spec", spec_id=_SPEC)
    return Given(
        {
            "id": _SPEC,
            "href": place,
            "name": "Universal points",
            "type_": "LoyaltyProgramProductSpec",
        }
    )


def _told(session: Session) -> dict[str, Any]:
    terms = programme_terms(session)
    href = url_for("tmf.show_programme", id_=PROGRAMME)
    return entity("LoyaltyProgram", PROGRAMME, href) | {
        "name": "Jifen",
        "version": str(terms.version),
        "characteristic": [
            {"name": "expiryMonths", "value": terms.expiry_months},
            {"name": "unit", "value": list(UNIVERSAL)},
        ],
    }
