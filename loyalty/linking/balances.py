"""What members' accounts at partners hold, asked with consent, kept with its time.

A partner that a member lets see the balance here is asked for the balance there; no
transaction is open meanwhile, and a partner that is silent keeps nobody waiting.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from loyalty.alliance.models import Link
from loyalty.database import Database, retrying
from loyalty.linking.models import LinkConsent, PartnerBalance
from loyalty.linking.rules import TELLS_OF_BALANCES
from partners.ports import AccountBalance, BalanceTeller, Expiring, Outcome

log = logging.getLogger(__name__)

KIND: Final = "balance.read"
# How long somebody waits for the page; what comes later is there the next time.
PATIENCE: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Account:
    """An account that its partner may be asked about."""

    member_id: int
    partner: str
    account_ref: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What an account held when its partner last said so."""

    partner: str
    account_ref: str
    unit: str
    units: int
    expiring: Sequence[Expiring]  # of these, soonest first; the rest never goes
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """How many partners were asked, and how many have answered in time."""

    asked: int
    answered: int


def to_ask(session: Session, *, member_id: int, at: datetime) -> list[Account]:
    """Return a member's accounts at partners that the member lets see the balance."""
    rows = session.execute(
        select(Link.partner, Link.account_ref)
        .where(Link.member_id == member_id, Link.partner.in_(_holding(member_id, at)))
        .order_by(Link.partner, Link.account_ref)
    )
    return [Account(member_id, *row) for row in rows]


def kept(session: Session, *, member_id: int, at: datetime) -> list[Kept]:
    """Return what a member's accounts hold, as far as the consent of each holds."""
    rows = session.scalars(
        select(PartnerBalance)
        .where(
            PartnerBalance.member_id == member_id,
            PartnerBalance.partner.in_(_holding(member_id, at)),
        )
        .order_by(PartnerBalance.partner, PartnerBalance.account_ref)
        .execution_options(populate_existing=True)
    )
    return [
        Kept(
            row.partner,
            row.account_ref,
            row.unit,
            row.units,
            [
                Expiring(part["units"], date.fromisoformat(part["expires_on"]))
                for part in row.expiring
            ],
            row.as_of,
        )
        for row in rows
    ]


def ask(
    database: Database,
    tellers: Mapping[str, BalanceTeller],
    *,
    member_id: int,
    at: datetime,
    patience: timedelta = PATIENCE,
) -> Asked:
    """Ask all partners at once what a member has there, and wait a little.

    Who answers later is written down all the same.
    """
    with database.unit_of_work() as session:
        accounts = [
            account
            for account in to_ask(session, member_id=member_id, at=at)
            if account.partner in tellers
        ]
    if not accounts:
        return Asked(0, 0)
    pool = ThreadPoolExecutor(len(accounts), thread_name_prefix="balances")
    answers = [
        pool.submit(_learn, database, tellers[account.partner], account, at)
        for account in accounts
    ]
    done, _ = wait(answers, patience.total_seconds())
    pool.shutdown(wait=False)
    return Asked(len(accounts), sum(answer.result() for answer in done))


def keep(
    session: Session, *, account: Account, told: AccountBalance, at: datetime
) -> None:
    """Keep what a partner said, if the member still lets us know it.

    What is not known changes nothing; an account that is not there holds nothing.
    """
    mine = (
        PartnerBalance.member_id == account.member_id,
        PartnerBalance.partner == account.partner,
        PartnerBalance.account_ref == account.account_ref,
    )
    if told.outcome is Outcome.ABSENT:
        session.execute(delete(PartnerBalance).where(*mine))
    agreed = _holding(account.member_id, at).where(
        LinkConsent.partner == account.partner
    )
    is_agreed = session.scalar(select(func.count()).select_from(agreed.subquery()))
    if told.outcome is not Outcome.CONFIRMED or not is_agreed:
        return
    said = {
        "unit": told.unit,
        "units": told.units,
        "expiring": [
            {"units": part.units, "expires_on": part.expires_on.isoformat()}
            for part in told.expiring
        ],
        "as_of": told.as_of,
        "asked_at": at,
    }
    wanted = insert(PartnerBalance).values(
        member_id=account.member_id,
        partner=account.partner,
        account_ref=account.account_ref,
        **said,
    )
    # An answer that was overtaken by a later one says nothing new.
    session.execute(
        wanted.on_conflict_do_update(
            constraint="partner_balance_pkey",
            set_=said,
            where=PartnerBalance.as_of <= wanted.excluded.as_of,
        )
    )


def _learn(
    database: Database, teller: BalanceTeller, account: Account, at: datetime
) -> bool:
    """Ask one partner, and keep what it says; False: it said nothing."""
    told = teller.balance(account.account_ref)
    if told.outcome is Outcome.UNKNOWN:
        log.info("%s does not tell a balance: %s", account.partner, told.reason)
        return False
    retrying(database, lambda session: keep(session, account=account, told=told, at=at))
    return True


def _holding(member_id: int, at: datetime) -> Select[str]:
    """Return the partners of which a member agreed to this, in these words."""
    return select(LinkConsent.partner).where(
        LinkConsent.member_id == member_id,
        LinkConsent.state == "authorized",
        LinkConsent.expires_at > at,
        LinkConsent.kinds.contains([KIND]),
        LinkConsent.purpose_version >= TELLS_OF_BALANCES,
    )
