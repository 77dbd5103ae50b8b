"""Let those who left lose what the policy says, and have the bank acknowledge it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from loyalty.churn.delivery import Chased, chase
from loyalty.connections import Connections
from loyalty.database import Database
from loyalty.demo.sandboxes import tell
from loyalty.keyring import Keyring
from partners.sandbox.messenger import FileMessenger

_CARDS = text(
    "SELECT subject FROM churn_step WHERE benefit = 'card' AND ended_at IS NULL"
    " ORDER BY subject"
)


def end_what_is_left(
    database: Database,
    connections: Connections,
    keyring: Keyring,
    *,
    alliance: Mapping[str, str],
    messages: Path,
    at: datetime,
) -> Chased:
    """Go on with every step of every leaving, at banks that know the cards.

    What members are told is written to a file: there are too many of them to listen to.
    """
    with database.unit_of_work() as session:
        subjects = session.scalars(_CARDS).all()
    cards = defaultdict(list)
    for subject in subjects:
        bank, _, account = subject.partition("/")
        cards[bank].append(account)
    for bank, accounts in cards.items():
        if bank in alliance:
            tell(alliance[bank], "cards", accounts=accounts)
    return chase(
        database,
        replace(connections, messenger=FileMessenger(messages)),
        keyring,
        business_date=at.date(),
        at=at,
    )
