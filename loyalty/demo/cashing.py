"""Have points bought by card, and what Stripe's twin took paid out and matched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from loyalty.connections import Connections
from loyalty.database import Database, retrying
from loyalty.demo.sandboxes import tell
from loyalty.demo.shopkeeping import Pay
from loyalty.errors import LoyaltyError
from loyalty.matching.provider_matching import match
from loyalty.matching.provider_reading import read_provider
from loyalty.payments.delivery import Urls
from loyalty.purchases.delivery import advance
from loyalty.purchases.operations import place, take_back

_POINTS: Final = 2_000
_FEN: Final = 2_400
_ACTOR: Final = "job:read-payouts"


@dataclass(frozen=True, slots=True)
class Cashed:
    """What came of it."""

    bought: int  # points
    movements: int  # of the balance there
    differences: int


def cash(
    database: Database,
    connections: Connections,
    *,
    guests: Sequence[int],
    payer: Pay,
    address: str,
    site: str,
    at: datetime,
) -> Cashed:
    """Let members buy points, the last of them give them back, and Stripe pay out.

    One fee is a fen too high, so that there is a difference to be seen.
    """
    assert connections.payouts is not None
    bought = []
    for member_id in guests:
        key: dict[str, Any] = {"member_id": member_id, "purchase_ref": f"{member_id}c"}
        try:
            retrying(
                database,
                partial(place, points=_POINTS, expected_fen=_FEN, at=at, **key),
            )
        except LoyaltyError:
            continue  # who is suspended may not buy
        go_on = partial(advance, database, connections.payments, at=at, **key)
        page = f"{site}/points/buy/{key['purchase_ref']}"
        view = go_on(urls=Urls(success=page, cancel=page))
        if view.payment_url is not None and payer(view.payment_url):
            bought.append(key)
            go_on()
        tell(address, "balance", wrong_fees=int(len(bought) == 1))
    if len(bought) > 1:
        work = partial(take_back, reason="changed_mind", actor="member", at=at)
        retrying(database, partial(work, **bought[-1]))
        advance(database, connections.payments, at=at, **bought[-1])
    tell(address, "payouts")
    read = read_provider(database, connections.payouts, at=at)
    matched = retrying(
        database,
        partial(match, period=at.date().replace(day=1), at=at, actor=_ACTOR),
    )
    return Cashed(len(bought) * _POINTS, read.movements, matched.differences)
