"""Ask the insurer whether somebody can be insured, before anything is held for it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from loyalty.catalogue.rules import Item
from loyalty.database import Database
from loyalty.orders.errors import (
    InsuredAge,
    InsuredAlready,
    InsuredIdRefused,
    InsurerReviews,
    InsurerSilent,
    NotInsurable,
)
from loyalty.orders.models import InsurerQuestion
from loyalty.orders.rules import Recipient
from loyalty.settings import TIME_ZONE
from partners.ports import Applicant, Outcome, Receipt, Underwriter

_DETAIL_LENGTH_MAX = 300
# What an insurer says, in our words; whatever else it says is a plain refusal.
_WHYS: dict[str, type[NotInsurable]] = {
    "the age is not insured": InsuredAge,
    "has one already": InsuredAlready,
    "no identity number": InsuredIdRefused,
}


@dataclass(frozen=True, slots=True)
class Insured:
    """Who is to be insured, and under whose order."""

    member_id: int
    item: Item
    recipient: Recipient | None  # None: the item asks for nobody


def check_insurable(
    database: Database,
    underwriter: Underwriter | None,
    insured: Insured,
    *,
    at: datetime,
) -> None:
    """Make sure that the insurer would take somebody, if it can be asked.

    No transaction is open while it is asked; question and answer are kept, without
    the person. Raises `NotInsurable` and its kinds, `InsurerReviews`, and
    `InsurerSilent` where no answer came: nothing has been held then.
    """
    given = insured.recipient
    if insured.item.fulfilment != "INSURANCE" or underwriter is None or given is None:
        return
    if not (given.insured_name and given.insured_id):
        return
    with database.unit_of_work() as session:
        applicant = Applicant(
            product=insured.item.item_code,
            insured_name=given.insured_name,
            insured_id=given.insured_id,
            starts_on=at.astimezone(TIME_ZONE).date() + timedelta(days=1),
            brand=_brand_of(session, insured.member_id, given.msisdn),
        )
        question_id = _write_question(session, insured, at=at)
    receipt = underwriter.eligibility(applicant)
    with database.unit_of_work() as session:
        _write_answer(session, insured.member_id, question_id, receipt, at=at)
    match receipt.outcome:
        case Outcome.CONFIRMED:
            return
        case Outcome.DECLINED:
            raise _WHYS.get(receipt.reason or "", NotInsurable)
        case Outcome.PENDING:
            raise InsurerReviews
    raise InsurerSilent


def _brand_of(session: Session, member_id: int, msisdn: str | None) -> str | None:
    """Return the brand of the line named, or of the oldest living one."""
    found: str | None = session.scalar(
        text(
            "SELECT brand FROM subscription"
            " WHERE member_id = :member AND ended_on IS NULL"
            " ORDER BY msisdn = :msisdn DESC NULLS LAST, activated_on LIMIT 1"
        ),
        {"member": member_id, "msisdn": msisdn},
    )
    return found


def _write_question(session: Session, insured: Insured, *, at: datetime) -> UUID:
    question = InsurerQuestion(
        member_id=insured.member_id,
        question_id=uuid4(),
        item_code=insured.item.item_code,
        asked_at=at,
    )
    session.add(question)
    session.flush()
    return question.question_id


def _write_answer(
    session: Session,
    member_id: int,
    question_id: UUID,
    receipt: Receipt,
    *,
    at: datetime,
) -> None:
    session.execute(
        update(InsurerQuestion)
        .where(
            InsurerQuestion.member_id == member_id,
            InsurerQuestion.question_id == question_id,
        )
        .values(
            answered_at=at,
            outcome=str(receipt.outcome),
            detail=receipt.reason and receipt.reason[:_DETAIL_LENGTH_MAX],
        )
    )
